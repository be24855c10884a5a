"""The engine that trades, over candles that were: every symbol of one account, in the order of time."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from heapq import merge
from itertools import groupby
from operator import itemgetter

import numpy as np

from bot.domain.account import EquityPoint
from bot.domain.action import (
    Action,
    RecordDecision,
    RecordEquity,
    RecordHalt,
    RecordKill,
    RecordTrade,
)
from bot.domain.decision import Decision
from bot.domain.event import FundingRatesSeen
from bot.domain.guard import Halt, Kill, SizingMode
from bot.domain.instrument import to_decimal
from bot.domain.market import Candle, FundingRate
from bot.domain.order import CloseReason
from bot.domain.settings import EngineSettings
from bot.domain.trade import Trade
from bot.engine.engine import Engine
from bot.engine.strategies import BuildStrategy
from bot.market.entry_signals import EntrySignals
from bot.risk.rules import minimum_notional
from bot.runtime.simulation import Payment, Simulation
from bot.strategy import Columns, Frame
from bot.venues.matching import Matching, MatchingRules
from research.progress import Tell
from research.store.port import Points

CHUNK = 8_192
"""So many rows at a time become Python's numbers: all of hundreds of symbols would not fit into memory."""

TOLD_BARS = 1_000
"""So often progress is told."""


_ASKED = frozenset(mode.value for mode in SizingMode)
"""What binds a size that no bound has made smaller."""


type _Due = dict[tuple[str, int], list[Payment]]


@dataclass(frozen=True, slots=True)
class Course:
    """What is traded how. `frames` hold whole histories, `first` the row from which each is traded.

    `funding` rates at their settlement times and `finer` candles by symbol, as far as they are known. `heard` is told
    of every decision.
    """

    settings: EngineSettings
    build: BuildStrategy
    frames: Mapping[str, Frame]
    first: Mapping[str, int]
    wallet: Decimal
    rules: MatchingRules
    funding: Mapping[str, Points] = field(default_factory=dict)
    finer: Mapping[str, Frame] = field(default_factory=dict)
    heard: Callable[[Decision], None] | None = None

    @property
    def bars(self) -> int:
        """Bars to trade, of all symbols."""
        return sum(len(frame) - self.first[symbol] for symbol, frame in self.frames.items())


@dataclass(slots=True)
class Curve:
    """Equity points as columns: as objects the garbage collector would go through them again and again."""

    at_ms: list[int] = field(default_factory=list)
    equity: list[Decimal] = field(default_factory=list)
    wallet: list[Decimal] = field(default_factory=list)
    open_positions: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        """Number of points."""
        return len(self.at_ms)

    def keep(self, point: EquityPoint) -> None:
        """One more."""
        self.at_ms.append(point.at_ms)
        self.equity.append(point.equity)
        self.wallet.append(point.wallet)
        self.open_positions.append(point.open_positions)

    def point(self, number: int) -> EquityPoint:
        """One of them."""
        at_ms, equity, wallet = self.at_ms[number], self.equity[number], self.wallet[number]
        return EquityPoint(at_ms, equity, wallet, self.open_positions[number])


@dataclass(slots=True)
class Traded:
    """What the engine recorded: closed trades, equity at every close, what the gates said.

    `decisions` counts the signals that reached the gates, `refused` those that a gate kept out by its name, `smaller`
    the entries that a bound made smaller than sizing asked for, by the bound's name. `kills` and `halts` last to the
    end: nobody lifts them. `failures`: strategies that were switched off, by symbol. `columns` are the strategies'
    own, over whole histories. `heard` is told of every decision.
    """

    trades: list[Trade] = field(default_factory=list)
    equity: Curve = field(default_factory=Curve)
    decisions: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    smaller: Counter[str] = field(default_factory=Counter)
    kills: list[Kill] = field(default_factory=list)
    halts: list[Halt] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    columns: dict[str, Columns] = field(default_factory=dict)
    heard: Callable[[Decision], None] | None = None

    @property
    def entries(self) -> int:
        """Signals that passed every gate."""
        return self.decisions - self.refused.total()

    def keep(self, actions: Sequence[Action]) -> None:
        """Take what is a record."""
        for action in actions:
            if isinstance(action, RecordEquity):  # nearly always, and nothing else
                self.equity.keep(action.point)
            elif isinstance(action, RecordTrade):
                self.trades.append(action.trade)
            elif isinstance(action, RecordDecision):
                self._count(action.decision)
            elif isinstance(action, RecordKill):
                self.kills.append(action.kill)
            elif isinstance(action, RecordHalt) and not action.lifted_at_ms:
                self.halts.append(action.halt)

    def _count(self, decision: Decision) -> None:
        self.decisions += 1
        if self.heard is not None:
            self.heard(decision)
        if not decision.taken:
            self.refused[_refusal(decision)] += 1
        elif decision.binding not in _ASKED:
            self.smaller[decision.binding] += 1


def _refusal(decision: Decision) -> str:
    """The gate that refused; of an entry that is too small also the bound that made it so."""
    bound = decision.refused_by == minimum_notional.NAME and decision.binding not in _ASKED
    return f"{decision.refused_by} ({decision.binding})" if bound else decision.refused_by


def trade(course: Course, tell: Tell) -> Traded:
    """Trade every bar; what is open at the end of a symbol's candles is closed at its last close, reason END."""
    settings, found = course.settings, Traded(heard=course.heard)
    strategies = {one.symbol: course.build(one.symbol, {}) for one in settings.symbols}
    engine = Engine(settings, EntrySignals(strategies, course.frames), course.build)
    matching = _venue(course)
    simulation = Simulation(engine, matching, finer=_Inside(course.finer, settings.bar_ms))
    ends = {symbol: int(frame.open_at_ms[-1]) + settings.bar_ms for symbol, frame in course.frames.items()}
    due, settlements, whole, done = _due(course), _Settlements(course), course.bars, 0
    found.keep(simulation.start(min(_begins(course))))
    for open_at_ms, candles, opens in _bars(course):
        payments = _payments(due, candles, open_at_ms) if due else ()
        ended = _last_of(candles, opens) if len(opens) < len(candles) else ()
        for seen in settlements.ahead(open_at_ms, open_at_ms + settings.bar_ms):
            simulation.feed(seen)
        found.keep(simulation.bar(candles, open_at_ms + settings.bar_ms, opens, payments, ended))
        before, done = done, done + len(candles)
        if done // TOLD_BARS != before // TOLD_BARS:
            tell(done, whole)
    found.trades = [_ended(one, ends[one.symbol]) for one in found.trades]
    found.failures = dict(engine.signals.failures)
    found.columns = {symbol: engine.signals.columns(symbol) for symbol in course.frames}
    tell(whole, whole)
    return found


def _venue(course: Course) -> Matching:
    instruments = course.settings.instruments
    matching = Matching(instruments, course.wallet, course.rules)
    for one in course.settings.symbols:
        matching.set_leverage(one.symbol, min(one.leverage, instruments[one.symbol].max_leverage))
    return matching


def _begins(course: Course) -> Iterator[int]:
    for symbol, frame in course.frames.items():
        if course.first[symbol] < len(frame):
            yield int(frame.open_at_ms[course.first[symbol]])


def _ended(one: Trade, end_ms: int) -> Trade:
    """What closed with the last bar was closed for want of another: everything else happened before its close."""
    return replace(one, reason=CloseReason.END) if one.closed_at_ms >= end_ms else one


def _payments(due: _Due, candles: Sequence[Candle], open_at_ms: int) -> list[Payment]:
    return [payment for candle in candles for payment in due.get((candle.symbol, open_at_ms), ())]


def _last_of(candles: Sequence[Candle], opens: Mapping[str, float]) -> list[str]:
    return [candle.symbol for candle in candles if candle.symbol not in opens]


type _Row = tuple[int, Candle, float | None]
"""Opening time, the candle, the price at which the symbol's next one opens (None: it was the last)."""


def _bars(course: Course) -> Iterator[tuple[int, list[Candle], dict[str, float]]]:
    """Opening time, the candles of that bar by symbol, where each one's next bar opens."""
    rows = [_rows(frame, course.first[symbol]) for symbol, frame in sorted(course.frames.items())]
    if len(rows) == 1:
        for at_ms, candle, following in rows[0]:
            yield at_ms, [candle], {} if following is None else {candle.symbol: following}
        return
    for at_ms, group in groupby(merge(*rows, key=itemgetter(0)), key=itemgetter(0)):
        bar = list(group)
        opens = {candle.symbol: following for _, candle, following in bar if following is not None}
        yield at_ms, [candle for _, candle, _ in bar], opens


def _rows(frame: Frame, first: int) -> Iterator[_Row]:
    symbol, columns = frame.symbol, (frame.open, frame.high, frame.low, frame.close, frame.volume)
    for begin in range(first, len(frame), CHUNK):
        chunk = slice(begin, begin + CHUNK)
        times = frame.open_at_ms[chunk].tolist()
        figures = zip(*(column[chunk].tolist() for column in columns), strict=True)
        opens: list[float | None] = [*frame.open[begin + 1 : begin + CHUNK + 1].tolist(), None]
        for at_ms, (open_, high, low, close, volume), following in zip(times, figures, opens, strict=False):
            yield at_ms, Candle(symbol, at_ms, open_, high, low, close, volume), following


def _due(course: Course) -> _Due:
    """Funding by symbol and the opening time of the bar with whose end it is settled.

    That is the last bar that opened before the settlement: a position held at its close pays at that price, one opened
    at the next open does not.
    """
    found: _Due = {}
    for symbol, points in course.funding.items():
        frame = course.frames.get(symbol)
        if frame is None:
            continue
        rows = np.searchsorted(frame.open_at_ms, points.at_ms, side="left") - 1
        end_ms = int(frame.open_at_ms[-1]) + frame.timeframe_ms
        for row, at_ms, rate in zip(rows.tolist(), points.at_ms.tolist(), points.value.tolist(), strict=True):
            if row >= course.first[symbol] and at_ms <= end_ms:
                payment = Payment(symbol, at_ms, to_decimal(rate))
                found.setdefault((symbol, int(frame.open_at_ms[row])), []).append(payment)
    return found


class _Settlements:
    """When funding is settled next, told to the engine where it keeps entries away from that time."""

    def __init__(self, course: Course) -> None:
        wanted = course.settings.limits.funding_window_minutes > 0
        self._times = {name: one.at_ms.tolist() for name, one in course.funding.items()} if wanted else {}
        self._next = dict.fromkeys(self._times, 0)

    def ahead(self, at_ms: int, closes_at_ms: int) -> Iterable[FundingRatesSeen]:
        """What has changed: the first settlement after the close that is decided at; 0 where none is known."""
        return self._changed(at_ms, closes_at_ms) if self._times else ()

    def _changed(self, at_ms: int, closes_at_ms: int) -> Iterator[FundingRatesSeen]:
        for symbol, times in self._times.items():
            place = bisect_right(times, closes_at_ms)
            next_ms = times[place] if place < len(times) else 0
            if next_ms != self._next[symbol]:
                self._next[symbol] = next_ms
                yield FundingRatesSeen(at_ms, (FundingRate(symbol, at_ms, 0.0, next_ms),))


class _Inside:
    """The finer candles inside a candle."""

    def __init__(self, finer: Mapping[str, Frame], bar_ms: int) -> None:
        self._finer = finer
        self._bar_ms = bar_ms

    def __call__(self, candle: Candle) -> Sequence[Candle]:
        """Oldest first; none where none are known."""
        frame = self._finer.get(candle.symbol)
        if frame is None:
            return ()
        bounds = (candle.open_at_ms, candle.open_at_ms + self._bar_ms)
        begin, end = np.searchsorted(frame.open_at_ms, bounds, side="left").tolist()
        rows = range(begin, end)
        return [_candle(frame, row) for row in rows]


def _candle(frame: Frame, row: int) -> Candle:
    figures = (column.item(row) for column in (frame.open, frame.high, frame.low, frame.close, frame.volume))
    return Candle(frame.symbol, int(frame.open_at_ms.item(row)), *figures)
