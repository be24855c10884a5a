"""Plans: how a position came to be and how it is to be protected, from its signal and its fills."""

from dataclasses import replace
from decimal import Decimal

from bot.domain.fill import Fill
from bot.domain.instrument import ZERO, to_decimal, to_level
from bot.domain.position import Plan
from bot.domain.signal import Anchor, Side, Signal
from bot.engine.state import KEPT_ENTRIES, Pending, SymbolState
from bot.engine.turn import Turn


def reserve(symbol: SymbolState, pending: Pending) -> None:
    """An entry is on its way: its slot and margin are taken, and its plan is kept for its fills, late ones too."""
    symbol.pending = pending
    symbol.entries[pending.client_id] = pending
    while len(symbol.entries) > KEPT_ENTRIES:
        del symbol.entries[next(iter(symbol.entries))]


def new_plan(symbol: SymbolState, pending: Pending, fill: Fill) -> Plan:
    """The plan of an entry, from its signal; prices are set by `replan` from the average fill."""
    signal = pending.signal
    return Plan(
        symbol=symbol.symbol,
        side=signal.side or Side.LONG,
        strategy=signal.strategy,
        decision_id=pending.decision_id,
        entry_client_id=pending.client_id,
        opened_at_ms=fill.at_ms,
        planned_price=pending.planned_price,
        stop_price=to_level(signal.stop_price),
        target_price=to_level(signal.target_price) if signal.target_price else None,
        score=signal.score,
        atr=to_decimal(signal.atr),
        risk=pending.risk,
        anchored=signal.anchor is Anchor.FILL,
        model_score=pending.model_score,
    )


def replan(symbol: SymbolState, pending: Pending) -> None:
    """Stop and target of the signal, moved with the average entry price when they hang on the fill."""
    trade = symbol.open_trade
    if trade is None or symbol.stop_moved:
        return
    base = symbol.position.entry_price if trade.plan.anchored else to_decimal(pending.signal.reference_price)
    stop, target = planned_prices(symbol, pending.signal, base)
    risk = abs(symbol.position.entry_price - stop) * symbol.position.size
    symbol.open_trade = replace(
        trade, plan=replace(trade.plan, stop_price=stop, target_price=target, risk=risk)
    )


def planned_prices(symbol: SymbolState, signal: Signal, base: Decimal) -> tuple[Decimal, Decimal | None]:
    """Stop and target at the signal's distances from `base`, rounded towards less risk."""
    side = signal.side or Side.LONG
    reference = to_decimal(signal.reference_price)
    stop = symbol.instrument.stop_price(side, base + to_level(signal.stop_price) - reference)
    if not signal.target_price:
        return stop, None
    target = symbol.instrument.target_price(side, base + to_level(signal.target_price) - reference)
    return stop, target


def foreign_plan(turn: Turn, symbol: SymbolState, client_id: str, price: Decimal, at_ms: int) -> Plan:
    """A position that no decision of ours made: shown, without stop and target of ours.

    Where foreign positions are adopted it gets a stop some way from the present price, and no target.
    """
    settings, side = turn.state.settings, symbol.position.side
    away = symbol.mark_price * settings.adopted_stop * side.sign
    stop = symbol.instrument.stop_price(side, symbol.mark_price - away) if settings.adopt_foreign else ZERO
    return Plan(
        symbol=symbol.symbol,
        side=side,
        strategy=FOREIGN,
        decision_id=f"{symbol.symbol}:foreign:{at_ms}",
        entry_client_id=client_id,
        opened_at_ms=at_ms,
        planned_price=price,
        stop_price=stop,
        target_price=None,
        risk=abs(price - stop) * symbol.position.size if settings.adopt_foreign else ZERO,
        foreign=not settings.adopt_foreign,
    )


FOREIGN = "foreign"
DRILL = "drill"
UNCOUNTED = frozenset({FOREIGN, DRILL})
"""Strategies whose trades say nothing about ours: kill switches and losing runs do not count them."""
