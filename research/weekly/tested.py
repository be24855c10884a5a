"""The tested half of the weekly report: every symbol's history traded with its parameters in use, week by week."""

from collections.abc import Sequence
from dataclasses import dataclass

from research.results.outcome import SimulatedTrade
from research.results.statistics import figures_of


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time and what was entered in it; shares 0 to 1, money in quote asset."""

    from_ms: int
    to_ms: int
    trades: int
    net: float
    profit_factor: float | None
    win_rate: float | None


@dataclass(frozen=True, slots=True)
class TestedSymbol:
    """One symbol, or all of them jointly: the whole stretch, and its weeks one after another."""

    name: str
    days: float
    whole: Window
    weeks: tuple[Window, ...]


def window(trades: Sequence[SimulatedTrade], from_ms: int, to_ms: int) -> Window:
    """Figures of the trades that were entered in from <= t < to; always from the trades, never from other figures."""
    sums = figures_of([one for one in trades if from_ms <= one.entry_at_ms < to_ms])
    return Window(from_ms, to_ms, sums.trades, sums.net, sums.profit_factor, sums.win_rate)


def tested(
    name: str, trades: Sequence[SimulatedTrade], span: tuple[int, int], weeks: Sequence[tuple[int, int]]
) -> TestedSymbol:
    """The parameters are those in use: each week is judged by what came before it only."""
    from_ms, to_ms = span
    inside = [
        (max(begin, from_ms), min(end, to_ms)) for begin, end in weeks if begin < to_ms and end > from_ms
    ]
    return TestedSymbol(
        name=name,
        days=(to_ms - from_ms) / 86_400_000,
        whole=window(trades, from_ms, to_ms),
        weeks=tuple(window(trades, begin, end) for begin, end in inside),
    )
