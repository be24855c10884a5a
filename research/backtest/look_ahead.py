"""Does a strategy know the future? Its signals again, with the history cut off at random bars: they must be the same.

Half of the bars are drawn from those with a signal, half from all others after the warm-up. On each the strategy is
asked three ways with nothing after the bar: its columns, `decide`, and `entries`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bot.domain.errors import ConfigError
from bot.domain.signal import Signal
from bot.strategy import Columns, Entries, Frame, Strategy
from research.backtest.ground import Ground, checked
from research.progress import Tell, silent
from research.results.plan import Plan
from strategies.registry import Registry

TOLERANCE = 1e-9
"""Relative; a sum over another length may round differently, a future price makes another figure."""

BARS = 50
FIGURES = ("score", "reference_price", "stop_price", "target_price", "atr")


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that a bar's future changed: the bar's closing time, what, and both answers in words."""

    symbol: str
    bar_at_ms: int
    what: str
    with_future: str
    without: str


@dataclass(frozen=True, slots=True)
class LookAhead:
    """How many bars were looked at, how many of them had a signal, and every difference."""

    bars: int
    signals: int
    differences: tuple[Difference, ...]

    @property
    def clean(self) -> bool:
        """True when the future changed nothing."""
        return not self.differences


@dataclass(frozen=True, slots=True)
class _Whole:
    """A symbol's answers with the whole history in hand."""

    strategy: Strategy
    frame: Frame
    columns: Columns
    entries: Entries


def look_ahead(plan: Plan, ground: Ground, bars: int = BARS, seed: int = 1, tell: Tell = silent) -> LookAhead:
    """Look at `bars` bars in all, drawn by `seed`. Raises ConfigError when there is nothing to look at."""
    registry = Registry(ground.strategy_paths)
    checked(ground, registry.strategy_class(plan.strategy))
    wholes = [
        _whole(registry.build(plan.strategy, symbol, plan.parameters), ground.frames[symbol])
        for symbol in sorted(ground.frames)
    ]
    drawn = _drawn(wholes, bars, np.random.default_rng(seed))
    found: list[Difference] = []
    signals = 0
    for number, (whole, row) in enumerate(drawn, start=1):
        signals += int(row in whole.entries.row)
        found += _differences(whole, row)
        tell(number, len(drawn))
    return LookAhead(len(drawn), signals, tuple(found))


def _whole(strategy: Strategy, frame: Frame) -> _Whole:
    try:
        columns = strategy.prepare(frame)
        return _Whole(strategy, frame, columns, strategy.entries(frame, columns))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - anybody's code; said, and nothing is concluded
        kind = type(error).__name__
        raise ConfigError(f"{strategy.name} fails on {frame.symbol} ({kind}): nothing to compare") from None


def _drawn(wholes: list[_Whole], bars: int, chance: np.random.Generator) -> list[tuple[_Whole, int]]:
    """Bars after the warm-up, half of them with a signal where there are so many; in the order of symbols and time."""
    spoken = [(at, row) for at, whole in enumerate(wholes) for row in whole.entries.row.tolist()]
    sizes = [max(0, len(whole.frame) - max(1, whole.strategy.warmup_bars) + 1) for whole in wholes]
    if not sum(sizes):
        raise ConfigError("no bar after the warm-up: nothing to compare")
    chosen = set[tuple[int, int]]()
    for place in chance.permutation(len(spoken))[: bars // 2].tolist():
        chosen.add(spoken[place])
    ends = np.cumsum(sizes)
    for place in chance.permutation(int(ends[-1]))[:bars].tolist():
        at = int(np.searchsorted(ends, place, side="right"))
        if len(chosen) < bars:
            chosen.add((at, len(wholes[at].frame) - 1 - (int(ends[at]) - 1 - place)))
    return [(wholes[at], row) for at, row in sorted(chosen)]


def _differences(whole: _Whole, row: int) -> Iterator[Difference]:
    """What the bar's future changed; a strategy that cannot do without it is named too."""
    frame, strategy = whole.frame, whole.strategy
    bar_at_ms = frame.open_at_ms.item(row) + frame.timeframe_ms
    cut = _until(frame, row + 1)
    try:
        columns = strategy.prepare(cut)
        asked = {
            "column ": (_row(whole.columns, row), _row(columns, row)),
            "": (
                _figures(strategy.decide(frame, whole.columns, row)),
                _figures(strategy.decide(cut, columns, row)),
            ),
            "entries: ": (_entry(whole.entries, row), _entry(strategy.entries(cut, columns), row)),
        }
    except (Exception, SystemExit) as error:  # noqa: BLE001 - anybody's code; that it fails is the finding
        yield Difference(frame.symbol, bar_at_ms, "the answer", "given", f"fails ({type(error).__name__})")
        return
    for where, (one, other) in asked.items():
        for what in sorted(set(one) | set(other)):
            with_future, without = one.get(what, "none"), other.get(what, "none")
            if not _same(with_future, without):
                yield Difference(frame.symbol, bar_at_ms, where + what, f"{with_future}", f"{without}")


def _until(frame: Frame, end: int) -> Frame:
    """The first rows, copied: what comes later cannot be reached through them."""
    columns = (frame.open, frame.high, frame.low, frame.close, frame.volume)
    cut = (column[:end].copy() for column in columns)
    return Frame(frame.symbol, frame.timeframe_ms, frame.open_at_ms[:end].copy(), *cut)


def _row(columns: Columns, row: int) -> dict[str, float | str]:
    return {name: float(column[row]) for name, column in columns.items()}


def _figures(signal: Signal) -> dict[str, float | str]:
    found: dict[str, float | str] = {name: float(getattr(signal, name)) for name in FIGURES}
    found["side"] = str(signal.side or "none")
    if signal.hold is not None:
        found |= {"hold": signal.hold.gate, "hold figure": float(signal.hold.value)}
    return found


def _entry(entries: Entries, row: int) -> dict[str, float | str]:
    place = np.flatnonzero(entries.row == row)
    if not len(place):
        return {}
    at = int(place[0])
    figures = {name: float(getattr(entries, name)[at]) for name in FIGURES}
    return figures | {"side": "LONG" if entries.side[at] > 0 else "SHORT"}


def _same(one: float | str, other: float | str) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    return bool(np.isclose(one, other, rtol=TOLERANCE, atol=0.0, equal_nan=True))
