"""Entries that a person asks for: the strategy's stop and target at the present price, then every gate."""

from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal

from bot.domain.command import Done, OpenPosition
from bot.domain.event import CommandIssued
from bot.domain.guard import Sizing, SizingMode
from bot.domain.instrument import ZERO, Instrument, on_grid, to_decimal
from bot.domain.refusal import Refused
from bot.domain.signal import Reason, Side, Signal
from bot.engine import pipeline, plans
from bot.engine.answers import not_traded
from bot.engine.pipeline import ByHand, Verdict
from bot.engine.state import EngineState, SymbolState
from bot.engine.strategies import Strategies
from bot.engine.turn import Turn
from bot.market.levels import levels
from bot.market.signals import SignalSource
from bot.strategy import Levels

MANUAL = "manual"
ROOM = Decimal("1.02")
"""The smallest order is this much over the venue's minimum, so that it still is when the price has moved a little."""


def open_position(
    turn: Turn, event: CommandIssued, command: OpenPosition, strategies: Strategies
) -> Done | Refused:
    """Enter at market when every gate passes; the fill is told as ever."""
    symbol = turn.symbol(command.symbol)
    if symbol is None:
        return not_traded(turn, command.symbol)
    decision_id = f"{symbol.symbol}:{MANUAL}:{event.command_id}"
    verdict = judged(turn, symbol, strategies.signals, Asked(command, event.actor, decision_id))
    if isinstance(verdict, Refused):
        return verdict
    decision = pipeline.enter(turn, symbol, verdict, decision_id)
    return verdict.refused or Done(decision=decision)


@dataclass(frozen=True, slots=True)
class Asked:
    """A person's wish for an entry."""

    command: OpenPosition
    actor: str
    decision_id: str = ""


def judged(turn: Turn, symbol: SymbolState, signals: SignalSource, asked: Asked) -> Verdict | Refused:
    """The entry with its size and every gate; Refused when there is nothing to compute it from. Changes nothing."""
    command, risk = asked.command, asked.command.risk
    if risk is not None and not risk > ZERO:
        return Refused("risk", f"{risk:f} is not allowed; more than 0 {turn.state.settings.quote}")
    signal = signal_of(symbol, signals, command.side, asked.actor)
    if command.smallest and isinstance(signal, Signal):
        signal = replace(signal, strategy=plans.DRILL)
    if isinstance(signal, Refused):
        return signal
    by_hand = ByHand(asked.decision_id, symbol.priced_at_ms, _sizing(turn.state, symbol, command))
    return pipeline.judge(turn, symbol, signal, pipeline.standing(turn.state), by_hand)


def signal_of(symbol: SymbolState, signals: SignalSource, side: Side, actor: str) -> Signal | Refused:
    """The signal that a strategy would have given for an entry at the present price."""
    price = symbol.last_price
    if not price > 0:
        return Refused("price", f"no price of {symbol.symbol} is known yet")
    found = distances(symbol, signals, side)
    if found is None:
        figures = f"{symbol.settings.strategy} gives {symbol.symbol} no stop yet: too few bars, or no figures"
        return Refused("stop", figures)
    return Signal(
        symbol=symbol.symbol,
        strategy=MANUAL,
        bar_at_ms=symbol.last_candle_at_ms,
        side=side,
        score=0.0,
        reference_price=price,
        stop_price=price - found.stop_distance * side.sign,
        target_price=price + found.target_distance * side.sign if found.target_distance else 0.0,
        atr=found.atr,
        reasons=(Reason(f"asked by {actor}", 0.0),),
    )


def distances(symbol: SymbolState, signals: SignalSource, side: Side) -> Levels | None:
    """Of stop and target: as the strategy has them after the last bar, else those of its last signal, in proportion."""
    found = levels(signals, symbol.symbol, side)
    last = symbol.last_decision.signal if symbol.last_decision is not None else None
    if found is not None or last is None or not last.reference_price > 0:
        return found
    scale = symbol.last_price / last.reference_price
    target = abs(last.target_price - last.reference_price) if last.target_price else 0.0
    return Levels(abs(last.stop_price - last.reference_price) * scale, target * scale, last.atr * scale)


def _sizing(state: EngineState, symbol: SymbolState, command: OpenPosition) -> Sizing:
    if command.smallest:
        price = to_decimal(symbol.last_price)
        return replace(state.sizing, mode=SizingMode.FIXED_NOTIONAL, value=smallest(symbol.instrument, price))
    if command.risk is None:
        return state.sizing
    return replace(state.sizing, mode=SizingMode.RISK_USD, value=command.risk)


def smallest(instrument: Instrument, price: Decimal) -> Decimal:
    """Notional of the smallest order that the venue takes; half a step more, since a size is rounded down."""
    wanted = max(instrument.min_quantity, instrument.min_notional * ROOM / price)
    quantity = on_grid(wanted, instrument.quantity_step, ROUND_CEILING)
    return (quantity + instrument.quantity_step / 2) * price
