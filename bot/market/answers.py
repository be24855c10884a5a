"""What a strategy answered, before anybody relies on it: faults named, numpy's scalars made Python's."""

from dataclasses import replace
from math import isfinite

from bot.domain.signal import Hold, Reason, Side, Signal

INFINITY = float("inf")


def fault(signal: object, symbol: str, bar_at_ms: int) -> str:
    """What makes this answer to the bar closed at `bar_at_ms` unusable, empty when it is sound."""
    if not isinstance(signal, Signal) or signal.symbol != symbol:
        return "answer is not a signal of this symbol"
    if not isfinite(signal.score):
        return "score is not a number"
    if signal.side is None:
        return ""
    if signal.bar_at_ms != bar_at_ms:
        return "answer is stamped with another bar's time"
    return _price_fault(signal)


def _price_fault(signal: Signal) -> str:
    side: object = signal.side
    if not isinstance(side, Side):
        return "side is neither LONG nor SHORT"
    if not 0.0 < signal.reference_price < INFINITY:
        return "reference price is not positive"
    if not 0.0 < signal.stop_price < INFINITY:
        return "stop price is not positive"
    if not 0.0 < signal.target_price < INFINITY:
        return "target price is not positive"
    if not 0.0 <= signal.atr < INFINITY:
        return "ATR is not a number"
    return _side_fault(signal)


def _side_fault(signal: Signal) -> str:
    """An entry whose stop is beyond it would be closed the moment it is filled, on every bar again."""
    low, high = signal.stop_price, signal.target_price
    if signal.side is Side.SHORT:
        low, high = high, low
    return "" if low < signal.reference_price < high else "stop or target is on the wrong side of the price"


def plain(signal: Signal) -> Signal:
    """The same answer in Python's own numbers: journals and databases refuse numpy's."""
    if signal.side is None and _is_plain(signal):
        return signal
    return replace(
        signal,
        bar_at_ms=int(signal.bar_at_ms),
        score=float(signal.score),
        reference_price=float(signal.reference_price),
        stop_price=float(signal.stop_price),
        target_price=float(signal.target_price),
        atr=float(signal.atr),
        reasons=tuple(Reason(reason.name, float(reason.points)) for reason in signal.reasons),
        hold=_plain_hold(signal.hold),
    )


def _is_plain(signal: Signal) -> bool:
    """True for holds in Python's numbers: nearly every answer, so it looks no closer than needed."""
    hold = signal.hold
    return (
        type(signal.bar_at_ms) is int
        and type(signal.score) is float
        and (hold is None or (type(hold.value) is float and type(hold.limit) is float))
        and signal.reference_price == signal.stop_price == signal.target_price == signal.atr == 0.0
    )


def _plain_hold(hold: Hold | None) -> Hold | None:
    return hold and Hold(hold.gate, float(hold.value), hold.relation, float(hold.limit))
