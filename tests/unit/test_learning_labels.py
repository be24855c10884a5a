"""Labels by hand: each story is a few bars, and one signal on the first of them."""

import numpy as np
import pytest
from markets import frame_of, random_frame

from bot.strategy import Entries, Frame
from research.arrays.trades import trades_of
from research.arrays.walk import END, TP
from research.learning.labels import LOST, UNKNOWN, WON, Labels, TimedOut, labels_of
from research.results.plan import Rules

CALM = (100.0, 101.0, 99.0, 100.0)
"""Open, high, low, close of a bar that meets nothing: stop and target lie five away."""


def bars(*rows: tuple[float, float, float, float]) -> Frame:
    opened, high, low, close = np.array(rows).T
    return frame_of(opened, high, low, close, np.full(len(rows), 10.0))


def signal(
    side: int = 1, row: int = 0, *, stop: float = 5.0, target: float = 5.0, on_level: bool = False
) -> Entries:
    return Entries(
        row=np.array([row]),
        side=np.array([side], dtype=np.int8),
        score=np.array([3.0]),
        reference_price=np.array([100.0]),
        stop_price=np.array([100.0 - side * stop]),
        target_price=np.array([100.0 + side * target]),
        atr=np.array([2.0]),
        on_level=np.array([on_level]),
    )


def label(
    frame: Frame, entries: Entries, lookahead: int = 3, timed_out: TimedOut = TimedOut.DROPPED
) -> Labels:
    return labels_of(frame, entries, Rules(), lookahead, timed_out)


def told(frame: Frame, entries: Entries, lookahead: int = 3) -> tuple[int, int]:
    found = label(frame, entries, lookahead)
    return int(found.label[0]), int(found.end_row[0])


class TestStories:
    def test_the_target_first_is_won(self) -> None:
        frame = bars(CALM, CALM, (100, 106, 99, 105), (105, 105, 90, 91))
        assert told(frame, signal()) == (WON, 2)

    def test_the_stop_first_is_lost(self) -> None:
        frame = bars(CALM, CALM, (100, 101, 94, 95), (95, 120, 95, 119))
        assert told(frame, signal()) == (LOST, 2)

    def test_both_in_a_bar_are_lost(self) -> None:
        frame = bars(CALM, CALM, (100, 110, 90, 100), CALM)
        assert told(frame, signal()) == (LOST, 2)
        assert told(frame, signal(-1)) == (LOST, 2)

    def test_both_in_the_bar_of_the_entry_are_lost(self) -> None:
        frame = bars(CALM, (100, 110, 90, 100), CALM, CALM)
        assert told(frame, signal()) == (LOST, 1)

    def test_a_gap_through_the_stop_is_lost_although_the_bar_reaches_the_target_too(self) -> None:
        frame = bars(CALM, CALM, (90, 120, 90, 119), CALM)
        assert told(frame, signal()) == (LOST, 2)

    def test_a_gap_through_the_target_is_won_although_the_bar_reaches_the_stop_too(self) -> None:
        frame = bars(CALM, CALM, (110, 110, 80, 81), CALM)
        assert told(frame, signal()) == (WON, 2)

    def test_the_bar_of_the_signal_itself_does_not_count(self) -> None:
        frame = bars((100, 120, 80, 100), CALM, CALM, CALM)
        assert told(frame, signal()) == (UNKNOWN, 3)

    def test_shorts_are_mirrored(self) -> None:
        down = bars(CALM, CALM, (100, 101, 94, 95), CALM)
        assert told(down, signal(-1)) == (WON, 2)
        assert told(bars(CALM, CALM, (100, 106, 99, 105), CALM), signal(-1)) == (LOST, 2)

    def test_distances_are_counted_from_the_entry_and_levels_stay(self) -> None:
        frame = bars(CALM, (103, 104, 102, 103), (103, 106, 103, 105), (105, 106, 104, 105))
        assert told(frame, signal()) == (UNKNOWN, 3), "103 + 5 was never seen"
        assert told(frame, signal(on_level=True)) == (WON, 2), "105 was"

    def test_slippage_moves_both_levels(self) -> None:
        touching = bars(CALM, CALM, (100, 105.0, 99, 100), CALM)
        assert told(touching, signal()) == (UNKNOWN, 3), "the entry was at 100.01, so the target is at 105.01"
        assert told(bars(CALM, CALM, (100, 105.02, 99, 100), CALM), signal()) == (WON, 2)


class TestPatience:
    LATE = (CALM, CALM, CALM, CALM, (100.0, 106.0, 99.0, 105.0))

    def test_what_comes_after_patience_does_not_count(self) -> None:
        assert told(bars(*self.LATE), signal(), lookahead=3) == (UNKNOWN, 3)
        assert told(bars(*self.LATE), signal(), lookahead=4) == (WON, 4)

    def test_a_time_out_is_told(self) -> None:
        assert bool(label(bars(*self.LATE), signal(), 3).timed_out[0])

    def test_by_sign_it_is_what_the_price_says(self) -> None:
        up = bars(CALM, CALM, CALM, (100, 102, 99, 101))
        found = label(up, signal(), 3, TimedOut.BY_SIGN)
        assert (int(found.label[0]), bool(found.timed_out[0])) == (WON, True)
        assert int(label(up, signal(-1), 3, TimedOut.BY_SIGN).label[0]) == LOST

    def test_the_end_of_the_candles_is_no_time_out(self) -> None:
        for choice in TimedOut:
            found = label(bars(CALM, CALM, CALM), signal(), 3, choice)
            assert (int(found.label[0]), bool(found.timed_out[0])) == (UNKNOWN, False)

    def test_a_barrier_met_before_the_candles_end_counts(self) -> None:
        assert told(bars(CALM, (100, 106, 99, 105)), signal(), lookahead=24) == (WON, 1)

    def test_a_signal_on_the_last_bar_has_no_label(self) -> None:
        assert told(bars(CALM), signal()) == (UNKNOWN, 0)

    def test_no_patience_is_refused(self) -> None:
        with pytest.raises(ValueError, match="lookahead"):
            label(bars(CALM, CALM), signal(), 0)


def random_entries(frame: Frame, seed: int) -> Entries:
    chance = np.random.default_rng(seed)
    row = np.sort(chance.choice(len(frame), 400, replace=False))
    side = chance.choice([-1, 1], 400).astype(np.int8)
    close = frame.close[row]
    reach = close * chance.uniform(0.002, 0.02, 400)
    return Entries(
        row, side, np.full(400, 3.0), close, close - side * reach, close + side * reach * 1.5, reach,
        np.zeros(400, np.bool_),
    )  # fmt: skip


def test_each_label_is_the_trade_that_a_backtest_of_this_signal_alone_would_make() -> None:
    frame = random_frame(11, 3_000)
    entries = random_entries(frame, 5)
    found = label(frame, entries, 24)
    for place in range(len(entries)):
        alone = Entries(*(getattr(entries, name)[place : place + 1] for name in Entries.__slots__))
        legs, _ = trades_of(frame, alone, Rules())
        soon = len(legs.kind) and legs.kind[0] != END and legs.exit_row[0] <= entries.row[place] + 24
        wanted = (WON if legs.kind[0] == TP else LOST) if soon else UNKNOWN
        assert int(found.label[place]) == wanted
    assert min((found.label == kind).sum() for kind in (WON, LOST, UNKNOWN)) > 20
