"""The compiled walk from entries to trades, case by case, worked out by hand. Slippage 1 %, so that it shows."""

from decimal import Decimal

import numpy as np
import pytest
from markets import frame_of, random_frame

from bot.domain.order import CloseReason
from bot.strategy import Entries, Frame
from bot.venues.matching import BothHit
from research.arrays.spread import side_by_side
from research.arrays.tallies import tallies
from research.arrays.trades import REASONS, equity_of, trades_of
from research.arrays.walk import Legs, Money
from research.results.plan import Rules
from strategies.registry import Registry

SLIP = Rules(slippage=Decimal("0.01"), fee=Decimal(0))
QUIET = (100.0, 101.0, 99.0, 100.0)

type Row = tuple[float, float, float, float]
type Call = tuple[int, int, float, float]
"""Row, side, stop distance, target distance (0: none)."""


def market(*rows: Row) -> Frame:
    opened, high, low, close = np.array(rows).T
    return frame_of(opened, high, low, close, np.ones(len(rows)))


def calls(frame: Frame, *given: Call, on_level: bool = False) -> Entries:
    row = np.array([one[0] for one in given], dtype=np.int64)
    side = np.array([one[1] for one in given], dtype=np.int8)
    stop, target = (np.array([one[i] for one in given], dtype=np.float64) for i in (2, 3))
    reference = frame.close[row]
    return Entries(
        row=row,
        side=side,
        score=np.ones(len(row)),
        reference_price=reference,
        stop_price=reference - side * stop,
        target_price=np.where(target > 0, reference + side * target, 0.0),
        atr=np.ones(len(row)),
        on_level=np.full(len(row), on_level),
    )


def told(legs: Legs) -> list[tuple[int, int, CloseReason, float, float]]:
    """Rows, reason and prices of each trade."""
    rows = zip(legs.entry_row, legs.exit_row, legs.kind, legs.entry, legs.exit, strict=True)
    return [(int(a), int(b), REASONS[k], float(round(p, 9)), float(round(q, 9))) for a, b, k, p, q in rows]


def walked(frame: Frame, *given: Call, rules: Rules = SLIP, finer: Frame | None = None) -> object:
    return told(trades_of(frame, calls(frame, *given), rules, finer)[0])


SL, TP, REVERSE, END = CloseReason.SL, CloseReason.TP, CloseReason.REVERSE, CloseReason.END


def test_stop_and_target_hang_on_the_fill() -> None:
    """Filled at 101: stop 98, target 105; 99 and 104 are not reached, though the signal's own levels are."""
    frame = market(QUIET, (100, 104, 98.5, 100), (100, 105, 100, 104), QUIET)
    assert walked(frame, (0, 1, 3, 4)) == [(1, 2, TP, 101.0, 105 * 0.99)]
    frame = market(QUIET, (100, 104, 98, 100), QUIET)
    assert walked(frame, (0, 1, 3, 4)) == [(1, 1, SL, 101.0, 98 * 0.99)]


def test_a_short_is_the_mirror() -> None:
    """Filled at 99: stop 102, target 95."""
    frame = market(QUIET, (100, 101.9, 95.1, 100), (100, 101, 95, 96), QUIET)
    assert walked(frame, (0, -1, 3, 4)) == [(1, 2, TP, 99.0, round(95 * 1.01, 9))]
    frame = market(QUIET, (100, 102, 99, 100), QUIET)
    assert walked(frame, (0, -1, 3, 4)) == [(1, 1, SL, 99.0, round(102 * 1.01, 9))]


@pytest.mark.parametrize(
    "opened, reason, price",
    [(90.0, SL, 90.0), (98.0, SL, 98.0), (105.0, TP, 105.0), (120.0, TP, 120.0)],
)
def test_a_gap_fills_at_the_open(opened: float, reason: CloseReason, price: float) -> None:
    frame = market(QUIET, QUIET, (opened, 121, 89, 100), QUIET)
    assert walked(frame, (0, 1, 3, 4)) == [(1, 2, reason, 101.0, round(price * 0.99, 9))]


@pytest.mark.parametrize("first, reason", [(BothHit.STOP, SL), (BothHit.TARGET, TP), (BothHit.PATH, SL)])
def test_both_in_one_bar(first: BothHit, reason: CloseReason) -> None:
    frame = market(QUIET, (100, 110, 90, 100), QUIET)
    rules = Rules(slippage=SLIP.slippage, fee=SLIP.fee, both_hit=first)
    price = 98.0 if reason is SL else 105.0
    assert walked(frame, (0, 1, 3, 4), rules=rules) == [(1, 1, reason, 101.0, round(price * 0.99, 9))]


FIVE = 5 * 60_000


@pytest.mark.parametrize(
    "path, reason",
    [
        (((100, 106, 100, 105), (105, 106, 90, 91), QUIET), TP),
        (((100, 101, 97, 98), (98, 110, 98, 109), QUIET), SL),
        (((100, 101, 99, 100), (100, 110, 90, 100), QUIET), SL),  # one finer candle reaches both
        (((100, 101, 99, 100), QUIET, QUIET), SL),  # none does
    ],
)
def test_finer_candles_tell_which_was_first(path: tuple[Row, ...], reason: CloseReason) -> None:
    frame = market(QUIET, (100, 110, 90, 100), QUIET)
    inner = market(*path)
    finer = Frame("TESTUSDT", FIVE, frame.open_at_ms[1] + FIVE * np.arange(3), inner.open, inner.high, inner.low,
                  inner.close, inner.volume)  # fmt: skip
    rules = Rules(slippage=SLIP.slippage, fee=SLIP.fee, both_hit=BothHit.PATH)
    price = 98.0 if reason is SL else 105.0
    assert walked(frame, (0, 1, 3, 4), rules=rules, finer=finer) == [
        (1, 1, reason, 101.0, round(price * 0.99, 9))
    ]


def test_the_other_side_turns_round_and_the_same_side_changes_nothing() -> None:
    frame = market(*[QUIET] * 6)
    found = walked(frame, (0, 1, 9, 9), (1, 1, 1, 1), (2, -1, 9, 9), (3, -1, 1, 1))
    assert found == [(1, 3, REVERSE, 101.0, 99.0), (3, 5, END, 99.0, 101.0)]


def test_a_stop_on_the_bar_of_the_other_signal_is_a_stop_and_then_an_entry() -> None:
    """The signal of the bar in which the position was left enters at the next open."""
    frame = market(QUIET, QUIET, (100, 101, 97, 98), QUIET, QUIET)
    assert walked(frame, (0, 1, 3, 9), (2, -1, 9, 9)) == [
        (1, 2, SL, 101.0, round(98 * 0.99, 9)),
        (3, 4, END, 99.0, 101.0),
    ]
    assert walked(frame, (0, 1, 3, 9), (2, 1, 9, 9))[1] == (3, 4, END, 101.0, 99.0)  # type: ignore[index]


def test_the_end_closes_at_the_last_close_and_a_signal_on_it_is_none() -> None:
    frame = market(QUIET, QUIET, (100, 101, 99, 100.5))
    assert walked(frame, (0, 1, 9, 9), (2, -1, 9, 9)) == [(1, 2, END, 101.0, round(100.5 * 0.99, 9))]
    assert walked(frame, (2, 1, 9, 9)) == []
    assert walked(frame, (1, 1, 9, 9)) == [(2, 2, END, 101.0, round(100.5 * 0.99, 9))]


def test_a_stop_nearer_than_the_slippage_is_left_at_the_open_of_the_entry() -> None:
    frame = market(QUIET, QUIET, QUIET)
    assert walked(frame, (0, 1, 0.5, 9)) == [(1, 1, SL, 101.0, 99.0)]


def test_no_target_and_levels_that_stay() -> None:
    frame = market(QUIET, (100, 500, 99, 400), (400, 500, 390, 400))
    assert walked(frame, (0, 1, 9, 0)) == [(1, 2, END, 101.0, 396.0)]
    frame = market(QUIET, (100, 104, 99, 100), QUIET)
    legs, _ = trades_of(frame, calls(frame, (0, 1, 3, 4), on_level=True), SLIP)
    assert told(legs) == [(1, 1, TP, 101.0, round(104 * 0.99, 9))]
    assert legs.stop.tolist() == [97.0]


@pytest.mark.parametrize("price", [0.3, 0.1 + 0.2, 98.01, 1e-7, 67_000.1])
def test_a_level_that_is_just_touched_is_reached(price: float) -> None:
    """Levels are sums of floats, prices are decimal figures: 100.01 - 2 must be touched by a low of 98.01."""
    rules = Rules(slippage=Decimal(0), fee=Decimal(0))
    step = price / 8
    above = price + step
    frame = market((above,) * 4, (above, above + step / 2, price, above), (above,) * 4)
    legs, _ = trades_of(frame, calls(frame, (0, 1, step, 0)), rules)
    assert [REASONS[kind] for kind in legs.kind] == [SL]
    missed = market((above,) * 4, (above, above + step / 2, price * (1 + 1e-9), above), (above,) * 4)
    legs, _ = trades_of(missed, calls(missed, (0, 1, step, 0)), rules)
    assert [REASONS[kind] for kind in legs.kind] == [END]


def test_how_far_prices_went() -> None:
    """Of the bar in which it was left only the open and the exit count."""
    frame = market(QUIET, (100, 103, 98.5, 102), (102, 104, 90, 95), QUIET)
    legs, far = trades_of(frame, calls(frame, (0, 1, 3, 9)), SLIP)
    assert told(legs)[0][2] is SL
    assert far.favourable[0] == pytest.approx((103 - 101) / 101)
    assert far.adverse[0] == pytest.approx((101 - 98 * 0.99) / 101)


def test_equity_marks_what_is_open_and_books_what_is_closed() -> None:
    frame = market(QUIET, (100, 103, 99, 102), (102, 104, 90, 95), QUIET)
    legs, _ = trades_of(frame, calls(frame, (0, 1, 3, 9)), SLIP)
    gain = 98 * 0.99 - 101
    money = Money(
        np.array([2.0]), np.array([0.5]), np.array([2 * gain - 0.5]), np.array([0.0, 0.1, 0.1, 0.1])
    )
    equity = equity_of(frame, legs, money)
    assert equity == pytest.approx([0, -0.5 - 0.2 + 2 * (102 - 101), 2 * gain - 1.2, 2 * gain - 1.2])


# Tallies

GRID = [
    {
        "atr_sl_mult": stop,
        "atr_tp_mult": 2.0,
        "signal_threshold": points,
        "adx_threshold": adx,
        "volume_multiplier": 1.0,
    }
    for stop in (0.5, 2.0)
    for points in (2, 3)
    for adx in (0.0, 25.0)
]
REGISTRY = Registry()
MEMBERS = [REGISTRY.build("composite", "TESTUSDT", one) for one in GRID]
SPANS = [(0, 6_000), (0, 100), (700, 1_400), (1_400, 3_000), (5_999, 6_000), (6_000, 6_000)]


def first_rows(frame: Frame, bars: int) -> Frame:
    columns = (frame.open, frame.high, frame.low, frame.close, frame.volume)
    return Frame(
        frame.symbol, frame.timeframe_ms, frame.open_at_ms[:bars], *(column[:bars] for column in columns)
    )


@pytest.mark.parametrize("both_hit", [BothHit.STOP, BothHit.TARGET])
def test_tallies_are_what_the_trades_of_each_span_add_up_to(both_hit: BothHit) -> None:
    """Each span walked as a market of its own, its entries from the row before it on."""
    frame, rules = random_frame(21, 6_000), Rules(both_hit=both_hit)
    found = tallies(frame, MEMBERS, rules, SPANS)
    assert found.trades.shape == (len(SPANS), len(MEMBERS))
    for s, (first, to) in enumerate(SPANS):
        for k, member in enumerate(MEMBERS):
            entries = member.entries(frame, member.prepare(frame))
            kept = (entries.row >= first - 1) & (entries.row < to)
            own = Entries(*(getattr(entries, name)[kept] for name in entries.__dataclass_fields__))
            legs, _ = trades_of(first_rows(frame, to), own, rules)
            sign = own.side[legs.place]
            gains = (sign * (legs.exit - legs.entry) - 0.0004 * (legs.entry + legs.exit)) / legs.entry
            sums = np.concatenate(([0.0], np.cumsum(gains)))
            fall = float((np.maximum.accumulate(sums) - sums).max())
            turned = np.array([REASONS[kind] is REVERSE for kind in legs.kind], dtype=np.int64)
            assert found.trades[s, k] == len(gains)
            assert found.wins[s, k] == (gains > 0).sum()
            assert found.held[s, k] == (legs.exit_row - legs.entry_row + 1 - turned).sum()
            assert found.net[s, k] == pytest.approx(gains.sum(), abs=1e-12)
            assert found.gross_profit[s, k] == pytest.approx(gains[gains > 0].sum(), abs=1e-12)
            assert found.gross_loss[s, k] == pytest.approx(-gains[gains < 0].sum(), abs=1e-12)
            assert found.drawdown[s, k] == pytest.approx(fall, abs=1e-12)
    assert found.trades[0].min() > 20
    assert found.trades[4].max() <= 1
    assert found.trades[5].max() == 0


def test_many_entries_are_walked_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = random_frame(22, 3_000)
    whole = tallies(frame, MEMBERS, Rules(), [(0, 3_000)])
    monkeypatch.setattr("research.arrays.tallies.MOST_ENTRIES", 10)
    parts = tallies(frame, MEMBERS, Rules(), [(0, 3_000)])
    np.testing.assert_array_equal(whole.net, parts.net)
    np.testing.assert_array_equal(whole.trades, parts.trades)


def test_threads_answer_what_one_thread_answers() -> None:
    frames = [random_frame(seed, 2_000) for seed in range(12)]

    def tallied(frame: Frame) -> list[float]:
        return list(tallies(frame, MEMBERS, Rules(), [(0, 2_000), (800, 1_500)]).net.ravel())

    alone = list(side_by_side(tallied, frames, threads=1))
    assert list(side_by_side(tallied, frames, threads=4)) == alone
    assert len({tuple(one) for one in alone}) == len(frames)


def test_what_a_thread_raises_is_raised() -> None:
    def broken(number: int) -> int:
        if number == 3:
            raise ValueError("three")
        return number

    with pytest.raises(ValueError, match="three"):
        list(side_by_side(broken, range(8), threads=2))


def test_spans_outside_the_history_are_refused() -> None:
    with pytest.raises(ValueError, match="not within 600 bars"):
        tallies(random_frame(1, 600), MEMBERS, Rules(), [(0, 601)])


def test_no_sets_and_no_spans() -> None:
    frame = random_frame(1, 600)
    assert tallies(frame, [], Rules(), [(0, 600)]).trades.shape == (1, 0)
    assert tallies(frame, MEMBERS, Rules(), []).trades.shape == (0, len(MEMBERS))
