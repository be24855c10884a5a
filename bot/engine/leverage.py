"""Another leverage for a symbol: asked of the venue, in force when the venue has confirmed it, kept over restarts."""

from dataclasses import dataclass, replace
from decimal import Decimal

from bot.domain.action import RecordSetting, SetLeverage, StartTimer
from bot.domain.command import Change, ChangeLeverage, Done
from bot.domain.event import CallEnded, CommandIssued, Outcome
from bot.domain.guard import HaltKind
from bot.domain.instrument import ZERO
from bot.domain.refusal import Refused
from bot.engine import accounting, guards, tell
from bot.engine.answers import not_traded
from bot.engine.margin import liquidation_price
from bot.engine.state import EngineState, LeverageWish, SymbolState
from bot.engine.turn import Turn

LEVERAGE_TIMER = "leverage"
ASK_AGAIN_MS = 2_000
TRIES = 3
LATE_MS = 30_000
CONFIG = "null"
"""What is recorded when the configuration's leverage is in force again."""


def key(symbol: str) -> str:
    """The setting that keeps a symbol's leverage."""
    return f"leverage:{symbol}"


def change(turn: Turn, event: CommandIssued, command: ChangeLeverage) -> Done | Refused | None:
    """Ask the venue; the answer comes with its word."""
    symbol = turn.symbol(command.symbol)
    if symbol is None:
        return not_traded(turn, command.symbol)
    if symbol.leverage_wish is not None:
        return Refused(
            "leverage", f"{symbol.symbol}: {symbol.leverage_wish.leverage}x is asked of the venue already"
        )
    if turn.state.recovering:
        return Refused("leverage", "the books are not reconciled with the venue yet")
    refused = refusal(turn.state, symbol, command.leverage)
    if refused is not None:
        return refused
    want(turn, symbol, LeverageWish(command.leverage, event.command_id, event.actor, turn.at_ms))
    return None


def want(turn: Turn, symbol: SymbolState, wish: LeverageWish) -> None:
    """Send a wish to the venue, behind whatever was asked before it."""
    symbol.leverage_wish = replace(wish, behind=symbol.leverage_calls)
    send(turn, symbol, wish.leverage)
    turn.act(StartTimer(LEVERAGE_TIMER, symbol.symbol, turn.at_ms + LATE_MS))


def send(turn: Turn, symbol: SymbolState, leverage: int) -> None:
    """Ask the venue, and count what it still owes an answer to."""
    symbol.leverage_calls += 1
    turn.act(SetLeverage(symbol.symbol, leverage))


def refusal(state: EngineState, symbol: SymbolState, leverage: int) -> Refused | None:
    """Why a leverage cannot be had, with what is allowed; None when it can."""
    most = symbol.instrument.max_leverage
    if not 1 <= leverage <= most:
        return Refused("leverage", f"{leverage}x is not allowed; 1 to {most} for {symbol.symbol}")
    if symbol.pending is not None or symbol.unsettled():
        return Refused("leverage", f"{symbol.symbol} has an order on its way; try again when it is settled")
    return None if symbol.position.flat else _refused_held(state, symbol, leverage)


def _refused_held(state: EngineState, symbol: SymbolState, leverage: int) -> Refused | None:
    """Of an open position: the bracket, the margin to add, and a liquidation that would come before the stop."""
    quote, instrument = state.settings.quote, symbol.instrument
    notional, most = symbol.position.notional(symbol.mark_price), instrument.max_notional(leverage)
    if notional > most:
        return Refused(
            "leverage", f"{leverage}x is for at most {most:.2f} {quote}; {symbol.symbol} is {notional:.2f}"
        )
    found = figures(symbol, leverage)
    more, available = found.margin_after - found.margin_before, state.balance().available
    if more > available:
        return Refused(
            "leverage", f"{leverage}x needs {more:.2f} {quote} more margin; {available:.2f} are free"
        )
    return _liquidation_refusal(symbol, found.liquidation_after, leverage)


def _liquidation_refusal(symbol: SymbolState, price: Decimal | None, leverage: int) -> Refused | None:
    if price is None:
        return None
    side, plan, where = symbol.position.side.sign, symbol.plan, tell.price(symbol.instrument, price)
    if (symbol.mark_price - price) * side <= 0:
        mark = tell.price(symbol.instrument, symbol.mark_price)
        return Refused("leverage", f"at {leverage}x it would be liquidated at {where}; the mark is {mark}")
    if plan is not None and plan.stop_price and (plan.stop_price - price) * side <= 0:
        stop = tell.price(symbol.instrument, plan.stop_price)
        return Refused(
            "leverage", f"at {leverage}x it would be liquidated at {where}, before its stop at {stop}"
        )
    return None


@dataclass(frozen=True, slots=True)
class Figures:
    """Margin (quote asset) and liquidation price of an open position under its leverage and another."""

    margin_before: Decimal
    margin_after: Decimal
    liquidation_before: Decimal | None
    liquidation_after: Decimal | None


def figures(symbol: SymbolState, leverage: int) -> Figures:
    """What another leverage does to the open position."""
    position, instrument = symbol.position, symbol.instrument
    cost = position.size * position.entry_price
    untold = replace(position, isolated_margin=ZERO)
    return Figures(
        margin_before=position.isolated_margin or cost / symbol.leverage,
        margin_after=cost / leverage,
        liquidation_before=liquidation_price(position, symbol.leverage, instrument),
        liquidation_after=liquidation_price(untold, leverage, instrument),
    )


def ended(turn: Turn, symbol: SymbolState, event: CallEnded) -> None:
    """The venue has answered about a leverage: the one a person wished, or the one of a start."""
    symbol.leverage_calls = max(0, symbol.leverage_calls - 1)
    wish = symbol.leverage_wish
    if wish is None or wish.behind:
        symbol.leverage_wish = replace(wish, behind=wish.behind - 1) if wish is not None else None
        _of_start(turn, symbol, event)
    elif event.outcome is Outcome.DONE:
        _in_force(turn, symbol, wish)
    elif event.outcome is Outcome.NOT_DONE:
        symbol.leverage_wish = None
        said = f"the venue refused {wish.leverage}x for {symbol.symbol} ({event.code}); it stays {symbol.leverage}x"
        turn.answer(wish.command_id, Refused("venue", said))
    elif wish.tries + 1 < TRIES:
        symbol.leverage_wish = replace(wish, tries=wish.tries + 1)
        turn.act(StartTimer(LEVERAGE_TIMER, symbol.symbol, turn.at_ms + ASK_AGAIN_MS))
    else:
        _unknown(turn, symbol, wish)


def due(turn: Turn, symbol: SymbolState) -> None:
    """Time to ask again after an unknown outcome, or to give up waiting."""
    wish = symbol.leverage_wish
    if wish is None:
        return
    if turn.at_ms - wish.at_ms >= LATE_MS:
        _unknown(turn, symbol, wish)
        return
    send(turn, symbol, wish.leverage)
    turn.act(StartTimer(LEVERAGE_TIMER, symbol.symbol, wish.at_ms + LATE_MS))


def _of_start(turn: Turn, symbol: SymbolState, event: CallEnded) -> None:
    """Sizing counts on the leverage: a symbol on which it could not be set is not traded."""
    if event.outcome is not Outcome.DONE:
        _halt(turn, symbol, f"leverage {symbol.leverage} could not be set ({event.code})")


def _halt(turn: Turn, symbol: SymbolState, said: str) -> None:
    guards.halt(turn, symbol.symbol, HaltKind.ERRORS, 0, said)


def _unknown(turn: Turn, symbol: SymbolState, wish: LeverageWish) -> None:
    """It may be either: no entries on the symbol until it is known."""
    symbol.leverage_wish = None
    said = f"leverage of {symbol.symbol} may be {symbol.leverage}x or {wish.leverage}x at the venue"
    _halt(turn, symbol, said)
    turn.answer(wish.command_id, Refused("venue", f"{said}: no entries here until /leverage has set it"))


def _in_force(turn: Turn, symbol: SymbolState, wish: LeverageWish) -> None:
    before, symbol.leverage_wish = symbol.leverage, None
    symbol.leverage = wish.leverage
    symbol.position = replace(symbol.position, leverage=wish.leverage, isolated_margin=ZERO)
    name, text = symbol.symbol, CONFIG if wish.to_config else str(wish.leverage)
    turn.act(RecordSetting(turn.at_ms, key(name), text, wish.actor, f"{before}x", f"{wish.leverage}x"))
    for found in [h for h in turn.state.halts if (h.symbol, h.kind) == (name, HaltKind.ERRORS)]:
        if found.figures.startswith("leverage"):
            guards.lift(turn, found)
    if symbol.position.quantity:
        accounting.record_position(turn, symbol)
        turn.look()  # what margin the position now has, the venue tells
    turn.answer(wish.command_id, Done((Change(f"leverage of {name}", f"{before}x", f"{wish.leverage}x"),)))
