"""What parameter sets came to over spans of a history: the columns that ranking reads."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bot.strategy import Array, Entries, Frame, Strategy
from research.arrays import walk
from research.arrays.memory import keep_memory
from research.arrays.trades import legs_for, market_of, terms_of
from research.arrays.walk import Asked, Sets, Tallied
from research.results.plan import Rules

MOST_ENTRIES = 500_000
"""So many entries of all sets are walked at one go."""


@dataclass(frozen=True, slots=True)
class Tallies:
    """Figures of shape (spans, sets), a trade counted in the span in which it was entered and closed.

    Money is in units of the notional: `net`, `gross_profit`, `gross_loss` (positive) are sums of net returns of trades,
    `drawdown` the deepest fall of their running sum (positive). `held` is the number of bars in a position.
    Every span begins flat and ends flat (reason END at its last close).
    """

    trades: NDArray[np.int32]
    wins: NDArray[np.int32]
    net: Array
    gross_profit: Array
    gross_loss: Array
    drawdown: Array
    held: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Around:
    """What goes with a symbol's candles: candles of a lower timeframe, and funding.

    `due` is what funding takes from one unit held long at each bar's close, as long as the frame; empty without it.
    """

    finer: Frame | None = None
    due: Array = field(default_factory=lambda: np.empty(0))


ALONE = Around()


def tallies(
    frame: Frame,
    strategies: Sequence[Strategy],
    rules: Rules,
    spans: Sequence[tuple[int, int]],
    around: Around = ALONE,
) -> Tallies:
    """What each of `strategies` (one class, many sets of parameters) came to in each span of a history.

    A span is rows [first, to) of the frame: trades are entered and left in them, by signals from the row before the
    first on. Indicators see the whole frame, so a signal needs its warm-up from the frame's beginning only. Raises
    ValueError for a span that is not within the frame.
    """
    keep_memory()
    entries = map(strategies[0].family(frame), strategies) if strategies else iter(())
    return tallied(frame, entries, len(strategies), rules, spans, around)


def tallied(
    frame: Frame,
    entries: Iterator[Entries],
    count: int,
    rules: Rules,
    spans: Sequence[tuple[int, int]],
    around: Around = ALONE,
) -> Tallies:
    """The same for the entries of `count` sets of parameters."""
    if any(not 0 <= first <= to <= len(frame) for first, to in spans):
        raise ValueError(f"spans {list(spans)[:3]}... are not within {len(frame)} bars")
    bounds = np.array([(max(1, first), to) for first, to in spans], dtype=np.int64).reshape(len(spans), 2)
    room = _room(count, len(spans))
    market, terms, fee = market_of(frame, rules, around.finer), terms_of(rules), float(rules.fee)
    paid = np.concatenate(([0.0], np.cumsum(around.due))) if len(around.due) else around.due
    done = 0
    for batch in _batches(entries):
        begin = np.cumsum([0, *(len(entries) for entries in batch)])
        legs = legs_for(max(len(entries) for entries in batch))
        part = _rows(room, done, done + len(batch))
        walk.tally(market, _together(batch), terms, Sets(begin, bounds, fee, paid), legs, part)
        done += len(batch)
    return Tallies(**{name: figures.T for name, figures in room._asdict().items()})


def _batches(entries: Iterator[Entries]) -> Iterator[list[Entries]]:
    """As many at a time as fit easily into memory."""
    batch: list[Entries] = []
    held = 0
    for one in entries:
        batch.append(one)
        held += len(one)
        if held > MOST_ENTRIES:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


def _together(batch: Sequence[Entries]) -> Asked:
    return Asked(
        np.concatenate([one.row for one in batch]),
        np.concatenate([one.side for one in batch]),
        np.concatenate([one.reference_price for one in batch]),
        np.concatenate([one.stop_price for one in batch]),
        np.concatenate([one.target_price for one in batch]),
        np.concatenate([one.on_level for one in batch]),
    )


def _room(sets: int, spans: int) -> Tallied:
    trades, wins, held = np.zeros((3, sets, spans), dtype=np.int32)
    net, gross_profit, gross_loss, drawdown = np.zeros((4, sets, spans))
    return Tallied(trades, wins, held, net, gross_profit, gross_loss, drawdown)


def _rows(room: Tallied, begin: int, end: int) -> Tallied:
    return Tallied(
        room.trades[begin:end],
        room.wins[begin:end],
        room.held[begin:end],
        room.net[begin:end],
        room.gross_profit[begin:end],
        room.gross_loss[begin:end],
        room.drawdown[begin:end],
    )
