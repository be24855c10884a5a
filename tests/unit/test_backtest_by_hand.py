"""Forty bars worked out by hand: every rule of a backtest, its trades written out digit by digit, both ways.

Slippage is 0.01 %, the fee 0.04 % a side, the notional 1000: with a signal's close of 100 the quantity is 10. The
strategy follows a script in the volume (1 long, 2 short); its ATR is the bar's height, the stop lies one ATR from the
entry, the target two. Its warm-up is three bars.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from backtest_ground import BAR_MS, START_MS, WAYS, bars, scripted

from bot.strategy import Frame
from bot.venues.matching import BothHit
from research.backtest.ground import Ground
from research.results.outcome import Outcome, SimulatedTrade
from research.results.plan import Plan, Rules
from research.store.port import Points

MARKET = (
    (100, 101, 99, 100, 1),  # 0 a signal, but no third bar yet
    (100, 101, 99, 100, 1),  # 1 the same
    (100, 101, 99, 100, 1),  # 2 long: ATR 2
    (100, 101, 99, 100, 1),  # 3 entered at 100.01, stop 98.01, target 104.01; long again: nothing
    (100, 103, 98.5, 102, 0),  # 4 neither
    (102, 105, 100, 100, 2),  # 5 target; short on the same bar's close: ATR 5
    (100, 104, 96, 100, 0),  # 6 entered at 99.99, stop 104.99, target 89.99
    (100, 101, 99, 100, 2),  # 7 short again: nothing
    (106, 107, 105, 106, 0),  # 8 opens beyond the stop: out at the open
    (100, 101, 99, 100, 1),  # 9 long: ATR 2
    (
        102,
        107,
        100,
        103,
        0,
    ),  # 10 entered at 102.0102; stop 100.0102 and target 106.0102 in the entry's own bar
    (100, 101, 99, 100, 1),  # 11 long
    (100, 102, 99, 101, 0),  # 12 entered at 100.01
    (108, 109, 107, 108, 0),  # 13 opens beyond the target: out at the open
    (100, 101, 99, 100, 1),  # 14 long
    (100, 101, 99, 100, 2),  # 15 entered at 100.01; short: turn round
    (101, 102, 100, 101, 0),  # 16 out and in the other way at 100.9899, stop 102.9899, target 96.9899
    (101, 102.5, 98, 99, 0),  # 17 neither
    (99, 100, 96, 97, 0),  # 18 target
    (100, 101, 99, 100, 1),  # 19 long
    (100, 100, 98, 98, 0),  # 20 entered at 100.01 and stopped in the entry's own bar
    (100, 101, 99, 100, 2),  # 21 short
    (100, 101, 99, 100, 1),  # 22 entered at 99.99, stop 101.99; long: turn round
    (103, 104, 102, 103, 0),  # 23 opens beyond the stop, but is turned round: in at 103.0103, stop 101.0103
    (103, 105, 102, 104, 0),  # 24 neither
    (104, 105, 103, 104, 0),  # 25 neither; then two bars are missing
    (100, 101, 99, 100, 1),  # 26 opens beyond the stop; long on the same bar's close
    (100, 100, 100, 100, 0),  # 27 entered at 100.01; nothing moves, nothing is traded
    (100, 100, 100, 100, 0),  # 28 the same
    (100, 104.5, 97, 100, 0),  # 29 stop 98.01 and target 104.01 in one bar
    (100, 101, 99, 100, 2),  # 30 short
    (100, 101, 95, 96, 0),  # 31 entered at 99.99, target 95.99 in the entry's own bar
    (100, 101, 99, 100, 2),  # 32 short
    (
        94,
        95,
        91,
        92,
        0,
    ),  # 33 entered far below the signal's close: stop and target move along, 95.9906 and 89.9906
    (92, 96, 91, 95, 0),  # 34 stop
    (100, 100.002, 99.998, 100, 1),  # 35 long: ATR 0.004, less than the slippage
    (100, 101, 99, 100, 0),  # 36 entered at 100.01; the open is beyond the stop 100.006: out at the open
    (100, 101, 99, 100, 1),  # 37 long
    (100, 102, 99, 101, 0),  # 38 entered at 100.01
    (101, 102, 100, 101.5, 2),  # 39 the last bar: a signal that nothing follows; out at the close
)
PLACES = (*range(26), *range(28, 42))
"""Bars since the start: two are missing between rows 25 and 26."""


@dataclass(frozen=True)
class Trip:
    """A round trip by hand: side, row and price of entry and exit, reason, fees, net."""

    side: str
    entered: int
    entry: str
    left: int
    exit: str
    reason: str
    fees: str
    net: str


TRIPS = (
    Trip("LONG", 3, "100.01", 5, "103.999599", "TP", "0.816038396", "39.079951604"),
    Trip("SHORT", 6, "99.99", 8, "106.0106", "SL", "0.8240024", "-61.0300024"),
    Trip("LONG", 10, "102.0102", 10, "100.00019898", "SL", "0.80804159592", "-20.90805179592"),
    Trip("LONG", 12, "100.01", 13, "107.9892", "TP", "0.8319968", "78.9600032"),
    Trip("LONG", 15, "100.01", 16, "100.9899", "REVERSE", "0.8039996", "8.9950004"),
    Trip("SHORT", 16, "100.9899", 18, "96.99959899", "TP", "0.79195799596", "39.11105210404"),
    Trip("LONG", 20, "100.01", 20, "98.000199", "SL", "0.792040796", "-20.890050796"),
    Trip("SHORT", 22, "99.99", 23, "103.0103", "REVERSE", "0.8120012", "-31.0150012"),
    Trip("LONG", 23, "103.0103", 26, "99.99", "SL", "0.8120012", "-31.0150012"),
    Trip("LONG", 27, "100.01", 29, "98.000199", "SL", "0.792040796", "-20.890050796"),
    Trip("SHORT", 31, "99.99", 31, "95.999599", "TP", "0.783958396", "39.120051604"),
    Trip("SHORT", 33, "93.9906", 34, "96.00019906", "SL", "0.75996319624", "-20.85595379624"),
    Trip("LONG", 36, "100.01", 36, "99.99", "SL", "0.8", "-1"),
    Trip("LONG", 38, "100.01", 39, "101.48985", "END", "0.8059994", "13.9925006"),
)
TARGET_FIRST = {
    2: Trip("LONG", 10, "102.0102", 10, "105.99959898", "TP", "0.83203919592", "39.06195060408"),
    9: Trip("LONG", 27, "100.01", 29, "103.999599", "TP", "0.816038396", "39.079951604"),
}
"""What the two bars that reach both come to when the target is taken first."""

both_ways = pytest.mark.parametrize("way", WAYS)


def market() -> Frame:
    return bars(MARKET, PLACES)


def run(
    way: str, tmp_path: Path, both_hit: str = "stop", *, funded: bool = False, finer: bool = False
) -> Outcome:
    ground = Ground(
        "15m",
        {"TESTUSDT": market()},
        funding={"TESTUSDT": settlements()} if funded else {},
        finer={"TESTUSDT": five_minutes()} if finer else {},
        strategy_paths=(scripted(tmp_path),),
    )
    return WAYS[way](Plan("scripted", rules=Rules(both_hit=BothHit(both_hit))), ground)


def opens(row: int) -> int:
    return START_MS + BAR_MS * PLACES[row]


def assert_trips(found: tuple[SimulatedTrade, ...], expected: tuple[Trip, ...]) -> None:
    assert [as_words(one) for one in found] == [
        (one.side, opens(one.entered), opens(one.left), one.reason) for one in expected
    ]
    for one, trip in zip(found, expected, strict=True):
        assert one.quantity == pytest.approx(10, rel=1e-12)
        figures = (one.entry_price, one.exit_price, one.fees, one.net, one.net_return)
        by_hand = [float(figure) for figure in (trip.entry, trip.exit, trip.fees, trip.net)]
        assert figures == pytest.approx((*by_hand, by_hand[3] / (10 * by_hand[0])), rel=1e-9), trip


def as_words(one: SimulatedTrade) -> tuple[str, int, int, str]:
    return one.side.value, one.entry_at_ms, one.exit_at_ms, one.reason.value


@both_ways
def test_every_trade_is_the_one_worked_out_by_hand(way: str, tmp_path: Path) -> None:
    outcome = run(way, tmp_path)
    assert_trips(outcome.trades, TRIPS)
    assert outcome.way == way
    assert outcome.equity.equity[-1] == pytest.approx(
        10_000 + sum(float(trip.net) for trip in TRIPS), rel=1e-12
    )


@both_ways
def test_the_target_is_taken_first_where_asked(way: str, tmp_path: Path) -> None:
    expected = tuple(TARGET_FIRST.get(number, trip) for number, trip in enumerate(TRIPS))
    assert_trips(run(way, tmp_path, "target").trades, expected)


def five_minutes() -> Frame:
    """Inside bar 10 the target comes first; inside bar 29 one candle reaches both: the stop. No others are known."""
    rows = (
        (102, 107, 101, 106, 1),
        (106, 106, 100, 101, 1),
        (101, 103, 100.5, 103, 1),
        (100, 104.5, 97, 100, 1),
    )
    return bars(rows, (30, 31, 32, 3 * PLACES[29]), bar_ms=BAR_MS // 3)


@both_ways
def test_the_path_tells_what_came_first(way: str, tmp_path: Path) -> None:
    expected = tuple(TARGET_FIRST[2] if number == 2 else trip for number, trip in enumerate(TRIPS))
    assert_trips(run(way, tmp_path, "path", finer=True).trades, expected)


@both_ways
def test_without_finer_candles_the_path_is_the_stop(way: str, tmp_path: Path) -> None:
    assert_trips(run(way, tmp_path, "path").trades, TRIPS)


def settlements() -> Points:
    """0.1 % each: at an entry's open, inside trades long and short, at a turn, in a hole, at the last close."""
    at_ms = [opens(3), opens(5), opens(8), opens(16), opens(25) + BAR_MS + 60_000, opens(39) + BAR_MS]
    return Points(np.array(at_ms, dtype=np.int64), np.full(len(at_ms), 0.001))


FUNDED = {0: "-1.02", 1: "1", 4: "-1", 8: "-1.04", 13: "-1.015"}
"""By trade: 10 units at the close before the settlement; nothing at the open at which a trade begins."""


@both_ways
def test_who_holds_through_a_settlement_pays_and_who_enters_at_it_does_not(way: str, tmp_path: Path) -> None:
    found = run(way, tmp_path, funded=True).trades
    paid = [float(FUNDED.get(number, 0)) for number in range(len(TRIPS))]
    assert [one.funding for one in found] == pytest.approx(paid, rel=1e-9)
    nets = [float(trip.net) + funding for trip, funding in zip(TRIPS, paid, strict=True)]
    assert [one.net for one in found] == pytest.approx(nets, rel=1e-9)
    assert [one.exit_price for one in found] == pytest.approx([float(trip.exit) for trip in TRIPS], rel=1e-9)


@both_ways
def test_stop_and_target_are_touched_not_only_crossed(way: str, tmp_path: Path) -> None:
    """Without slippage the levels are round: 98 and 104 long, 102 and 96 short."""
    calm = (100, 101, 99, 100, 0)
    rows = [calm, calm]
    for said, touched in (
        (1, (100, 101, 98, 99)),
        (1, (100, 104, 99, 103)),
        (2, (100, 102, 99, 101)),
        (2, (99, 101, 96, 97)),
    ):
        rows += [(100, 101, 99, 100, said), calm, (*touched, 0)]
    rules = Rules(slippage=type(Rules().slippage)(0))
    ground = Ground("15m", {"TESTUSDT": bars(rows)}, strategy_paths=(scripted(tmp_path),))
    found = WAYS[way](Plan("scripted", rules=rules), ground).trades
    assert [(one.reason.value, one.exit_price) for one in found] == [
        ("SL", 98),
        ("TP", 104),
        ("SL", 102),
        ("TP", 96),
    ]


@both_ways
@pytest.mark.parametrize(
    "inside, reason",
    [
        (((100, 101, 98, 99), (99, 105, 99, 104)), "SL"),
        (((100, 104, 99, 103), (103, 103, 97, 98)), "TP"),
        (((100, 103.999, 99, 103), (103, 105, 98, 98)), "SL"),
    ],
)
def test_a_touch_inside_the_bar_comes_first(
    way: str, inside: tuple[tuple[float, ...], ...], reason: str, tmp_path: Path
) -> None:
    """Stop 98, target 104: the finer candle that touches one comes before the one that crosses the other."""
    calm = (100, 101, 99, 100, 0)
    rows = [calm, calm, calm, (100, 101, 99, 100, 1), calm, (100, 105, 97, 100, 0), calm]
    finer = bars([(*one, 1) for one in inside], (15, 16), bar_ms=BAR_MS // 3)
    rules = Rules(slippage=type(Rules().slippage)(0), both_hit=BothHit.PATH)
    ground = Ground(
        "15m", {"TESTUSDT": bars(rows)}, finer={"TESTUSDT": finer}, strategy_paths=(scripted(tmp_path),)
    )
    (trade,) = WAYS[way](Plan("scripted", rules=rules), ground).trades
    assert (trade.reason.value, trade.exit_price) == (reason, {"SL": 98, "TP": 104}[reason])


@both_ways
def test_equity_marks_what_is_open_at_every_close(way: str, tmp_path: Path) -> None:
    """Rows 3 and 4 by hand: 10 units from 100.01, fee 0.40004, marked at 100 and 102; row 5: the trade is closed."""
    equity = run(way, tmp_path).equity
    assert equity.at_ms.tolist() == [opens(row) + BAR_MS for row in range(40)]
    assert equity.equity[2:6] == pytest.approx(
        [10_000, 9_999.49996, 10_019.49996, 10_039.079951604], rel=1e-12
    )


@both_ways
def test_a_trade_shows_its_signals_bar(way: str, tmp_path: Path) -> None:
    outcome = run(way, tmp_path)
    first, third = outcome.trades[0], outcome.trades[2]
    assert (first.strategy, first.score, first.indicators) == ("scripted", 1.0, {"atr": 2.0})
    assert (first.stop_price, first.target_price) == pytest.approx((98.01, 104.01), rel=1e-12)
    assert outcome.trades[1].indicators == {"atr": 5.0}
    assert (first.adverse, first.favourable) == pytest.approx(
        ((100.01 - 98.5) / 100.01, (103.999599 - 100.01) / 100.01)
    )
    assert third.adverse == pytest.approx((102.0102 - 100.00019898) / 102.0102)
    (stretch,) = outcome.stretches
    assert (stretch.symbol, stretch.bars, stretch.warmup_bars) == ("TESTUSDT", 40, 3)
    assert (stretch.from_ms, stretch.to_ms) == (opens(0), opens(39) + BAR_MS)
