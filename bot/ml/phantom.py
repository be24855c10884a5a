"""Phantoms: what every signal would have come to, taken or refused, followed bar by bar to its end.

The rules are those of a fast backtest of that signal alone: entry at the next open with slippage against us, stop
before target where a bar reaches both, what opens beyond a level fills at the open, a fee each side, slippage at every
execution. After `lookahead` candles it ends at the last one's close. Bars are candles that there are: a hole is
skipped. Funding is left out, nothing is rounded to ticks. Pure: no clock, no memory but what is handed in.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from math import inf

import numpy as np

from bot.domain.decision import Decision
from bot.domain.market import Candle
from bot.domain.signal import Anchor, Side
from bot.strategy import Frame

STANDARD_NOTIONAL = 1000.0
"""In quote asset: the size of signals that were refused before they had one."""

TIE = 1e-14
"""Levels and prices that differ by less of the price than this are equal, as in a fast backtest."""


class Outcome(StrEnum):
    """How a phantom ended. A stop that would lie at or below nothing ends at once: STOP, at the entry's open."""

    STOP = "STOP"
    TARGET = "TARGET"
    TIMEOUT = "TIMEOUT"


@dataclass(frozen=True, slots=True)
class Terms:
    """How signals are followed: bar length, candles until time is over, fractions of price and of notional (a side)."""

    bar_ms: int
    lookahead: int = 24
    slippage: float = 0.0001
    fee: float = 0.0004


@dataclass(frozen=True, slots=True)
class Vector:
    """The features a signal had, in the order of their set, and that set's hash."""

    values: tuple[float, ...] = ()
    hash: str = ""


@dataclass(frozen=True, slots=True)
class Phantom:
    """A signal that is followed. `refused_by` is the gate that refused it, empty: it was taken.

    `quantity` in base units is what sizing gave, or (`sized` False) that of the standard notional. It carries its
    terms, so that a later run follows it to the same end. `model` gave the `model_score` (empty: nobody did), of which
    `model_threshold` was asked.
    """

    strategy: str
    symbol: str
    bar_at_ms: int
    decided_at_ms: int
    side: Side
    score: float
    reference_price: float
    stop_price: float
    target_price: float
    anchor: Anchor
    refused_by: str
    model_score: float | None
    quantity: float
    sized: bool
    terms: Terms
    vector: Vector = Vector()
    model: str = ""
    model_threshold: float | None = None

    @property
    def key(self) -> tuple[str, str, int]:
        """What it is known by: strategy, symbol, closing time of the signal's bar."""
        return self.strategy, self.symbol, self.bar_at_ms

    @property
    def taken(self) -> bool:
        """True when the signal became an entry order."""
        return not self.refused_by


@dataclass(frozen=True, slots=True)
class Path:
    """How far a phantom has come: its entry, where it ends, the lowest and highest price of the bars so far."""

    last_open_at_ms: int
    bars: int
    entry_at_ms: int
    entry_price: float
    stop_price: float
    target_price: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Ending:
    """What became of a phantom. Times of entry and exit are the opening times of their bars.

    `adverse` and `favourable` are the farthest prices against and for it, as fractions of the entry price (>= 0); of
    the bar it ended in only the open and the exit itself count, except when time was over. `net_return` is what it came
    to after fees over its entry price, `net` the same in quote asset for its quantity. `finished_at_ms` is the close of
    its last bar.
    """

    outcome: Outcome
    entry_at_ms: int
    entry_price: float
    exit_at_ms: int
    exit_price: float
    bars: int
    adverse: float
    favourable: float
    net_return: float
    net: float
    finished_at_ms: int

    @property
    def won(self) -> bool:
        """True when something was left after fees."""
        return self.net_return > 0.0


@dataclass(frozen=True, slots=True)
class Followed:
    """A phantom and its end, None while it has not come."""

    phantom: Phantom
    ending: Ending | None = None


@dataclass(frozen=True, slots=True)
class LivedSignal:
    """A followed signal that has ended, as something to learn from: what was known of it, and how it ended.

    `bar_at_ms` is its bar's closing time, `side` +1 or -1, `net_return` what it came to after fees. `features` are
    figures of the features whose set has `feature_hash` (None: missing), empty where none were kept.
    """

    symbol: str
    bar_at_ms: int
    side: int
    outcome: Outcome
    net_return: float
    features: tuple[float | None, ...] = ()
    feature_hash: str = ""


def phantom_of(
    decision: Decision,
    terms: Terms,
    vector: Vector | None = None,
    standard_notional: float = STANDARD_NOTIONAL,
) -> Phantom | None:
    """The phantom of a decided signal; None for one without a side."""
    signal = decision.signal
    if signal.side is None:
        return None
    sized = decision.quantity > 0
    quantity = float(decision.quantity) if sized else standard_notional / signal.reference_price
    return Phantom(
        strategy=signal.strategy,
        symbol=signal.symbol,
        bar_at_ms=signal.bar_at_ms,
        decided_at_ms=decision.at_ms,
        side=signal.side,
        score=signal.score,
        reference_price=signal.reference_price,
        stop_price=signal.stop_price,
        target_price=signal.target_price,
        anchor=signal.anchor,
        refused_by=decision.refused_by,
        model_score=decision.model_score,
        quantity=quantity,
        sized=sized,
        terms=terms,
        vector=vector or Vector(),
        model=decision.model,
        model_threshold=decision.model_threshold,
    )


def follow(phantom: Phantom, path: Path | None, candle: Candle) -> Path | Ending | None:
    """One more closed candle; `path` is what the one before answered, None before the first.

    A candle that cannot be the next one (before the entry, not newer, off the grid, no candle at all) changes nothing.
    """
    if not _is_next(phantom, path, candle):
        return path
    here = path or _entered(phantom, candle)
    found = _exit(phantom, here, candle)
    last = here.bars + 1
    if found is not None:
        outcome, price = found
        return _ended(phantom, here, candle, outcome, price, (candle.open, candle.open))
    if last >= phantom.terms.lookahead:
        return _ended(phantom, here, candle, Outcome.TIMEOUT, candle.close, (candle.low, candle.high))
    return Path(
        candle.open_at_ms,
        last,
        here.entry_at_ms,
        here.entry_price,
        here.stop_price,
        here.target_price,
        min(here.low, candle.low),
        max(here.high, candle.high),
    )


def follow_all(phantom: Phantom, path: Path | None, candles: Iterable[Candle]) -> Path | Ending | None:
    """Follow along candles, oldest first, until it ends."""
    for candle in candles:
        found = follow(phantom, path, candle)
        if isinstance(found, Ending):
            return found
        path = found
    return path


def candles_since(frame: Frame, open_at_ms: int) -> Iterator[Candle]:
    """The frame's candles that open at or after a time, oldest first."""
    begin = int(np.searchsorted(frame.open_at_ms, open_at_ms))
    columns = (frame.open, frame.high, frame.low, frame.close, frame.volume)
    for row in range(begin, len(frame)):
        figures = (column.item(row) for column in columns)
        yield Candle(frame.symbol, frame.open_at_ms.item(row), *figures)


def _is_next(phantom: Phantom, path: Path | None, candle: Candle) -> bool:
    after_ms = candle.open_at_ms - phantom.bar_at_ms
    newer = path is None or candle.open_at_ms > path.last_open_at_ms
    mine = candle.symbol == phantom.symbol and after_ms >= 0 and after_ms % phantom.terms.bar_ms == 0
    return mine and newer and candle.sound


def _entered(phantom: Phantom, candle: Candle) -> Path:
    """In at the candle's open; levels keep their distances from that price, or (Anchor.LEVEL) their own."""
    sign, opened = phantom.side.sign, candle.open
    price = opened * (1.0 + sign * phantom.terms.slippage)
    moved = 0.0 if phantom.anchor is Anchor.LEVEL else price - phantom.reference_price
    target = phantom.target_price + moved if phantom.target_price else 0.0
    stop = phantom.stop_price + moved
    return Path(0, 0, candle.open_at_ms, price, stop, target, price, price)


def _exit(phantom: Phantom, path: Path, candle: Candle) -> tuple[Outcome, float] | None:
    """The level that the candle reaches and the price there, before slippage."""
    sign, tie = float(phantom.side.sign), TIE * path.entry_price
    if path.stop_price <= 0.0:
        return Outcome.STOP, candle.open
    stop = sign * path.stop_price + tie
    target = sign * path.target_price - tie if phantom.target_price else inf
    if sign * candle.open <= stop:
        return Outcome.STOP, candle.open
    if sign * candle.open >= target:
        return Outcome.TARGET, candle.open
    against, ahead = (candle.low, candle.high) if sign > 0 else (-candle.high, -candle.low)
    if against <= stop:
        return Outcome.STOP, path.stop_price
    return (Outcome.TARGET, path.target_price) if ahead >= target else None


def _ended(
    phantom: Phantom, path: Path, candle: Candle, outcome: Outcome, price: float, reach: tuple[float, float]
) -> Ending:
    """Out at a price; `reach` is what counts of the candle's low and high."""
    sign, terms, entry = phantom.side.sign, phantom.terms, path.entry_price
    left = price * (1.0 - sign * terms.slippage)
    low, high = min(path.low, left, *reach), max(path.high, left, *reach)
    below, above = (entry - low) / entry, (high - entry) / entry
    gained = (sign * (left - entry) - left * terms.fee) - entry * terms.fee
    return Ending(
        outcome=outcome,
        entry_at_ms=path.entry_at_ms,
        entry_price=entry,
        exit_at_ms=candle.open_at_ms,
        exit_price=left,
        bars=path.bars + 1,
        adverse=below if sign > 0 else above,
        favourable=above if sign > 0 else below,
        net_return=gained / entry,
        net=gained * phantom.quantity,
        finished_at_ms=candle.open_at_ms + terms.bar_ms,
    )
