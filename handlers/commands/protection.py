"""What protects an open position: its stop and its target."""

from decimal import Decimal
from typing import Annotated, Literal

from bot.domain.command import Change, MoveStop, MoveTarget
from bot.domain.instrument import ZERO
from bot.engine.views import PositionView
from bot.runtime.desk import Desk
from handlers.cards import answered, held, no, no_position, proposed
from handlers.command import Actor, Confirm, Example, Help, OpenSymbol, Range, Role, Suggest, Unit, command
from handlers.format import money, percent, plain
from handlers.format import price as price_text
from handlers.reply import Button, Reply

BREAK_EVEN, TRAIL, OFF = "be", "trail", "off"

StopTo = Annotated[
    Decimal | Literal["be", "trail"],
    Range("0.00000001"),
    Help("a price, be for break-even, or trail with how many ATR"),
    Suggest((BREAK_EVEN, "trail 2")),
    Example("be"),
]
Distance = Annotated[Decimal | None, Range("0.1", 20), Unit("ATR"), Help("with trail: distance in ATR")]
TargetTo = Annotated[
    Decimal | Literal["off"], Range("0.00000001"), Help("a price, or off to remove it"), Example("off")
]


async def preview_stop(
    desk: Desk, symbol: str, price: Decimal | str, distance: Decimal | None = None
) -> Reply:
    """The card before /stoploss: from where to where, and what is lost there."""
    view = held(desk, symbol)
    if view is None:
        return no_position(desk, symbol)
    slip = _slip(desk, view, price, distance)
    if slip:
        return no(slip)
    quote, now = desk.about.quote, _at(view, view.stop_price)
    lines = [f"At the stop now: {money(now, quote)}." if now is not None else "It has no stop now."]
    wanted = _wanted(desk, view, price)
    if wanted is not None:
        away = abs(view.mark_price - wanted) / view.mark_price * 100 if view.mark_price else ZERO
        lines.append(
            f"At the new one: {money(_at(view, wanted), quote)}, {percent(away)} from the mark price."
        )
    lines.append("The new stop is placed first, then the old one is removed.")
    change = Change(
        f"stop of {symbol}", _price(desk, view, view.stop_price), _stop_words(desk, view, price, distance)
    )
    return proposed(f"Move the stop of {symbol}?", (change,), " ".join(lines))


def _slip(desk: Desk, view: PositionView, price: Decimal | str, distance: Decimal | None) -> str:
    """What is wrong with the arguments, empty when nothing."""
    if price == TRAIL and distance is None:
        return f"Trail by how many ATR? For example /stoploss {view.symbol} trail 2"
    if price != TRAIL and distance is not None:
        return f"A distance goes with trail only: /stoploss {view.symbol} trail {plain(distance)}"
    wanted = _wanted(desk, view, price)
    if wanted is None or (view.mark_price - wanted) * view.side.sign > 0:
        return ""
    where = "below" if view.side.sign > 0 else "above"
    mark = _price(desk, view, view.mark_price)
    return f"A {view.side} stop must be {where} the mark price {mark}; {_price(desk, view, wanted)} is not."


def _wanted(desk: Desk, view: PositionView, price: Decimal | str) -> Decimal | None:
    """The new stop's price where it can be told now: break-even includes the fees of both sides."""
    rules = desk.instruments.get(view.symbol)
    if price == TRAIL or rules is None:
        return None
    fees = view.entry_price * rules.taker_fee * 2 * view.side.sign
    wanted = price if isinstance(price, Decimal) else view.entry_price + fees
    return rules.stop_price(view.side, wanted)


def _at(view: PositionView, stop: Decimal | None) -> Decimal | None:
    """What the position comes to at a price, before fees."""
    return None if stop is None else (stop - view.entry_price) * view.quantity * view.side.sign


def _price(desk: Desk, view: PositionView, at: Decimal | None) -> str:
    return "none" if at is None else price_text(at, desk.instruments.get(view.symbol))


def _stop_words(desk: Desk, view: PositionView, price: Decimal | str, distance: Decimal | None) -> str:
    if price == TRAIL:
        return f"trailing by {plain(distance)} ATR"
    written = _price(desk, view, _wanted(desk, view, price))
    return f"{written} (break-even with fees)" if price == BREAK_EVEN else written


@command(area="positions", role=Role.TRADER, confirm=Confirm.BUTTON, aliases=("sl",), preview=preview_stop)
async def stoploss(
    desk: Desk, actor: Actor, symbol: OpenSymbol, price: StopTo, distance: Distance = None
) -> Reply:
    """Move the stop of a position: to a price, to break-even (be), or trail X times ATR behind."""
    view = held(desk, symbol)
    if view is None:
        return no_position(desk, symbol)
    slip = _slip(desk, view, price, distance)
    if slip:
        return no(slip)
    at = price if isinstance(price, Decimal) else None
    asked = MoveStop(
        symbol, price=at, break_even=price == BREAK_EVEN, trail_atr=distance if price == TRAIL else None
    )
    return answered("Stop moved", await desk.execute(asked, actor.id), buttons=_back(symbol))


def _back(symbol: str) -> tuple[Button, ...]:
    return Button("Status", f"/status {symbol}"), Button("Orders", f"/orders {symbol}")


async def preview_target(desk: Desk, symbol: str, price: Decimal | str) -> Reply:
    """The card before /takeprofit."""
    view = held(desk, symbol)
    if view is None:
        return no_position(desk, symbol)
    slip = _target_slip(desk, view, price)
    if slip:
        return no(slip)
    wanted = price if isinstance(price, Decimal) else None
    change = Change(f"target of {symbol}", _price(desk, view, view.target_price), _price(desk, view, wanted))
    quote = desk.about.quote
    text = "Only the stop or an opposite signal closes it then."
    if wanted is not None:
        now = f" (was {money(_at(view, view.target_price), quote)})" if view.target_price is not None else ""
        text = f"At the new target: {money(_at(view, wanted), quote)}{now}."
    return proposed(f"Move the target of {symbol}?", (change,), text)


def _target_slip(desk: Desk, view: PositionView, price: Decimal | str) -> str:
    if not isinstance(price, Decimal) or (price - view.mark_price) * view.side.sign > 0:
        return ""
    where = "above" if view.side.sign > 0 else "below"
    mark = _price(desk, view, view.mark_price)
    return f"A {view.side} target must be {where} the mark price {mark}; {_price(desk, view, price)} is not."


@command(area="positions", role=Role.TRADER, confirm=Confirm.BUTTON, aliases=("tp",), preview=preview_target)
async def takeprofit(desk: Desk, actor: Actor, symbol: OpenSymbol, price: TargetTo) -> Reply:
    """Move the target of a position to a price, or remove it (off)."""
    view = held(desk, symbol)
    if view is None:
        return no_position(desk, symbol)
    slip = _target_slip(desk, view, price)
    if slip:
        return no(slip)
    asked = MoveTarget(symbol, price if isinstance(price, Decimal) else None)
    return answered("Target moved", await desk.execute(asked, actor.id), buttons=_back(symbol))
