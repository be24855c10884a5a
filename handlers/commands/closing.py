"""Getting out: close a position, a part of it, all of them, or panic."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Literal

from bot.domain.command import Change, CloseAll, ClosePosition, PanicClose
from bot.domain.refusal import Refused
from bot.engine.views import ClosePreview, PositionView
from bot.runtime.desk import Desk
from handlers.cards import closed, held, holding, no, no_position, refused, table, trading_words
from handlers.command import Actor, Confirm, Example, Help, OpenSymbol, Range, Risk, Role, Unit, command
from handlers.format import amount, count, money, plain, price, quantity, size
from handlers.reply import Button, Reply, Snapshot, Table

ALL = "all"
WHOLE = Decimal(100)
PARTS = (25, 50, 75, 100)
"""Parts of a position, in per cent, that the card of /close offers."""

TO_STATUS = Button("Status", "/status")


# --- close ----------------------------------------------------------------------------------------------------------

Part = Annotated[Decimal, Range(1, 100), Unit("%"), Help("part of the position"), Example("50")]


async def preview_close(desk: Desk, symbol: str, percent: Decimal = WHOLE) -> Reply:
    """The card before /close: what closing would come to now."""
    view = held(desk, symbol)
    found = desk.preview_close(symbol, percent)
    if view is None:
        return no_position(desk, symbol)
    if isinstance(found, Refused):
        return refused(found)
    rules, quote = desk.instruments.get(symbol), desk.about.quote
    if not found.quantity:
        return no(
            f"{plain(percent)}% of {size(view.quantity, rules)} is less than the smallest quantity step."
        )
    return Reply(
        title=f"Close {symbol}?" if percent == WHOLE else f"Close {plain(percent)}% of {symbol}?",
        fields=(
            ("Position", holding(desk, view)),
            ("Closes", f"{size(found.quantity, rules)} at market"),
            ("Estimated price", price(found.price, rules)),
            ("Expected slippage", money(-found.slippage, quote)),
            ("Fee", money(-found.fee, quote)),
            ("Realises", f"{money(found.realised - found.fee, quote)} after the fee"),
            ("Margin freed", money(found.margin_freed, quote, signed=False)),
            ("Stays protected", _rest_words(desk, view, found)),
        ),
        buttons=tuple(Button(f"{part}%", f"/close {symbol} {part}") for part in PARTS if part != percent),
        snapshot=Snapshot(f"{holding(desk, view)}, {found.quantity}", (found.price,)),
    )


def _rest_words(desk: Desk, view: PositionView, found: ClosePreview) -> str:
    """What is still held after a close, and by what it is guarded."""
    rules, rest = desk.instruments.get(view.symbol), view.quantity - found.quantity
    if not rest:
        return "nothing is left: its stop and target are cancelled once the venue confirms flat"
    if view.stop_price is None:
        return f"{size(rest, rules)} is left and HAS NO STOP: /stoploss {view.symbol}"
    confirmed = "confirmed by the venue" if view.covered else "NOT CONFIRMED by the venue"
    target = "" if view.target_price is None else f", target {price(view.target_price, rules)}"
    return f"{size(rest, rules)} by its stop at {price(view.stop_price, rules)} ({confirmed}){target}"


@command(area="positions", role=Role.TRADER, confirm=Confirm.BUTTON, risk=Risk.LOWERS, preview=preview_close)
async def close(desk: Desk, actor: Actor, symbol: OpenSymbol, percent: Part = WHOLE) -> Reply:
    """Close a position, or a part of it, at market; its protection is cancelled and flat is verified."""
    before = held(desk, symbol)
    if before is None:
        return no_position(desk, symbol)
    answer = await desk.execute(ClosePosition(symbol, percent), actor.id)
    after = held(desk, symbol)
    title = f"{symbol} closed" if after is None else f"{symbol} reduced, {holding(desk, after)} left"
    return closed(desk, title, answer, (before,), (TO_STATUS, Button("Trades", f"/trades 5 {symbol}")))


async def preview_close_all(desk: Desk) -> Reply:
    """The card before /close_all."""
    positions = desk.status().positions
    if not positions:
        return no("Nothing to close: no open positions.")
    found = _estimates(desk, positions)
    return Reply(
        title=f"Close {count(len(positions), 'position')}?",
        fields=_sum_fields(desk, found),
        table=_estimate_table(desk, found),
        text="Every position is closed at market and its protection cancelled; trading goes on.",
        snapshot=Snapshot(_held_facts(desk, positions), tuple(one.price for one in found)),
    )


def _held_facts(desk: Desk, positions: Sequence[PositionView]) -> str:
    return ", ".join(f"{view.symbol} {holding(desk, view)}" for view in positions)


def _estimates(desk: Desk, positions: Sequence[PositionView]) -> list[ClosePreview]:
    """What closing each position would come to; one that was closed meanwhile is left out."""
    found = (desk.preview_close(view.symbol, WHOLE) for view in positions)
    return [one for one in found if isinstance(one, ClosePreview)]


def _sum_fields(desk: Desk, found: Sequence[ClosePreview]) -> tuple[tuple[str, str], ...]:
    quote = desk.about.quote
    fees = sum((one.fee for one in found), Decimal(0))
    return (
        ("Realises", f"{money(sum((one.realised for one in found), Decimal(0)) - fees, quote)} after fees"),
        ("Expected slippage", money(-sum((one.slippage for one in found), Decimal(0)), quote)),
        ("Fees", money(-fees, quote)),
        ("Margin freed", money(sum((one.margin_freed for one in found), Decimal(0)), quote, signed=False)),
    )


def _estimate_table(desk: Desk, found: Sequence[ClosePreview]) -> Table | None:
    quote = desk.about.quote
    columns = (
        f"Symbol | Side | >Size | >Estimated price | >Slippage {quote} | >Fee {quote} | >Realises {quote}"
    )
    return table(columns, (_estimate_row(desk, one) for one in found))


def _estimate_row(desk: Desk, found: ClosePreview) -> tuple[str, ...]:
    rules = desk.instruments.get(found.symbol)
    return (
        found.symbol,
        found.side.value,
        quantity(found.quantity, rules),
        price(found.price, rules),
        amount(-found.slippage),
        amount(-found.fee),
        amount(found.realised - found.fee),
    )


@command(
    area="positions",
    role=Role.TRADER,
    confirm=Confirm.BUTTON,
    risk=Risk.LOWERS,
    aliases=("flatten",),
    preview=preview_close_all,
)
async def close_all(desk: Desk, actor: Actor) -> Reply:
    """Close every position at market and go on trading."""
    before = desk.status().positions
    if not before:
        return no("Nothing to close: no open positions.")
    answer = await desk.execute(CloseAll(), actor.id)
    return closed(desk, "All positions closed", answer, before, (TO_STATUS, Button("Trades", "/trades")))


# --- panic ----------------------------------------------------------------------------------------------------------


async def preview_panic(desk: Desk, symbol: str = ALL) -> Reply:
    """The card before /panic_close: every position and what follows."""
    positions = [view for view in desk.status().positions if symbol in (ALL, view.symbol)]
    found = _estimates(desk, positions)
    return Reply(
        title=f"PANIC: close {symbol if symbol != ALL else 'everything'}?",
        fields=(*(_sum_fields(desk, found) if found else ()), ("Trading after", _state_after(desk, symbol))),
        table=_estimate_table(desk, found),
        text=_panic_steps(symbol, len(positions)),
        # Bound to what is to be flattened, not to sizes or prices: in an emergency nothing may ask twice.
        snapshot=Snapshot(f"panic {symbol}"),
    )


def _state_after(desk: Desk, symbol: str) -> str:
    """The trading state that a panic leaves behind."""
    if symbol == ALL:
        return "stopped, kept over restarts; only /start_trading allows entries again"
    return f"{symbol} paused until /resume {symbol}; the others: {trading_words(desk.status())}"


def _panic_steps(symbol: str, held_now: int) -> str:
    """What follows, in order."""
    ends = "trading stays stopped until /start_trading"
    if symbol != ALL:
        ends = f"{symbol} stays paused until /resume {symbol}"
    steps = (
        "New entries stop, entry orders are cancelled.",
        "Positions are flattened by reduce-only market orders, all at once.",
        "Flat is verified with the venue, then stops and targets are cancelled.",
        f"You get a receipt per position; {ends}.",
    )
    nothing = (
        [] if held_now else ["Nothing is open; entry orders are cancelled and entries stop all the same."]
    )
    return "\n".join([*nothing, *(f"{number}. {step}" for number, step in enumerate(steps, start=1))])


@command(
    area="positions",
    role=Role.TRADER,
    confirm=Confirm.BUTTON,
    risk=Risk.LOWERS,
    preview=preview_panic,
    unconfirmed="now",
)
async def panic_close(desk: Desk, actor: Actor, symbol: OpenSymbol | Literal["all"] = ALL) -> Reply:
    """Emergency: stop entries, flatten at market, verify with the venue; trading stays stopped."""
    before = [view for view in desk.status().positions if symbol in (ALL, view.symbol)]
    trading = desk.status().trading.value.lower()
    answer = await desk.execute(PanicClose("" if symbol == ALL else symbol), actor.id)
    everything = symbol == ALL
    back = Button("Start trading", "/start_trading") if everything else Button("Resume", f"/resume {symbol}")
    title = f"Panic close of {'everything' if everything else symbol}"
    reply = closed(desk, title, answer, before, (TO_STATUS, back))
    if isinstance(answer, Refused):
        return reply
    stopped = (
        "Trading stays stopped until /start_trading."
        if everything
        else f"{symbol} stays paused until /resume."
    )
    changes = (Change("trading", trading, desk.status().trading.value.lower()),) if everything else ()
    return replace(reply, text=f"{reply.text}\n{stopped}".strip(), changes=(*changes, *reply.changes))
