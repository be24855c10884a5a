"""The walk with a filter: without one that of the fast way; with one, refused signals still turn trades out."""

import numpy as np
import pytest
from markets import random_frame

from bot.strategy import Entries, Frame
from research.arrays.gated import gated_trades
from research.arrays.trades import trades_of
from research.arrays.walk import END, REVERSE
from research.results.plan import Rules


def entries_of(frame: Frame, seed: int, count: int = 300) -> Entries:
    chance = np.random.default_rng(seed)
    row = np.sort(chance.choice(len(frame), count, replace=False))
    side = chance.choice([-1, 1], count).astype(np.int8)
    close = frame.close[row]
    reach = close * chance.uniform(0.003, 0.03, count)
    return Entries(
        row, side, np.full(count, 3.0), close, close - side * reach, close + side * 2 * reach, reach,
        np.zeros(count, np.bool_),
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(12))
def test_with_every_signal_passing_it_is_the_fast_backtest(seed: int) -> None:
    frame = random_frame(seed, 2_500)
    entries = entries_of(frame, seed)
    legs, _ = trades_of(frame, entries, Rules())
    found = gated_trades(frame, entries, np.ones(len(entries), np.bool_), Rules())
    for one, two in zip(legs, found, strict=True):
        assert np.array_equal(one, two)
    assert (legs.kind == REVERSE).sum() > 5


def by_hand(frame: Frame, entries: Entries, passing: list[bool]) -> list[tuple[int, int, int]]:
    """Flat or in a trade, bar by bar: (entry's place, entry row, exit row)."""
    said = {int(row): place for place, row in enumerate(entries.row)}
    found: list[tuple[int, int, int]] = []
    bar = 0
    while bar < len(frame) - 1:
        place = said.get(bar)
        if place is None or not passing[place]:
            bar += 1
            continue
        alone = Entries(*(getattr(entries, name)[place : place + 1] for name in Entries.__slots__))
        legs, _ = trades_of(frame, alone, Rules())
        left, kind = int(legs.exit_row[0]), int(legs.kind[0])
        turns = [
            row for row, other in said.items() if row > bar and entries.side[other] != entries.side[place]
        ]
        turn = min(turns, default=len(frame))
        if turn < left or (turn == left and kind == END):
            if turn + 1 < len(frame):
                found.append((place, bar + 1, turn + 1))
                bar = turn
                continue
            left = len(frame) - 1
        found.append((place, bar + 1, left))
        if left == len(frame) - 1:
            break
        bar = left
    return found


@pytest.mark.parametrize("seed", range(12))
def test_a_refused_signal_enters_nothing_and_still_turns_a_trade_out(seed: int) -> None:
    frame = random_frame(seed, 1_500)
    entries = entries_of(frame, seed)
    passing = np.random.default_rng(seed + 100).random(len(entries)) < 0.4
    found = gated_trades(frame, entries, passing, Rules())
    told = list(zip(found.place.tolist(), found.entry_row.tolist(), found.exit_row.tolist(), strict=True))
    assert told == by_hand(frame, entries, passing.tolist())
    assert passing[found.place].all()


def test_nothing_passes_nothing_is_traded() -> None:
    frame = random_frame(1, 500)
    entries = entries_of(frame, 1, 50)
    assert not len(gated_trades(frame, entries, np.zeros(50, np.bool_), Rules()).place)
