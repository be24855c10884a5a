"""Where funding rates are missing in the time of the candles, and that it is said."""

from pathlib import Path

import numpy as np
import pytest
from backtest_ground import WAYS, scripted
from markets import flat_frame, real_data, real_frame

from bot.domain.market import HOUR_MS
from research.backtest.funding_notes import funding_holes, funding_notes
from research.backtest.ground import Ground
from research.results.plan import Plan
from research.store.port import Points

FRAME = flat_frame(96 * 30)
FIRST_MS = FRAME.open_at_ms.item(0) // (8 * HOUR_MS) * 8 * HOUR_MS + 8 * HOUR_MS
LAST_MS = FRAME.open_at_ms.item(-1) + FRAME.timeframe_ms


def settled(*hours: float) -> Points:
    """Settlements so many hours after the first."""
    times = FIRST_MS + (np.array(hours) * HOUR_MS).astype(np.int64)
    return Points(times, np.zeros(len(times)))


def steady(step: int) -> list[int]:
    return list(range(0, (LAST_MS - FIRST_MS) // HOUR_MS, step))


def hours(points: Points) -> list[tuple[float, float]]:
    """The holes, in hours after the first settlement."""
    return [
        ((begin - FIRST_MS) / HOUR_MS, (end - FIRST_MS) / HOUR_MS)
        for begin, end in funding_holes(points, FRAME)
    ]


@pytest.mark.parametrize("step", [1, 4, 8])
def test_a_steady_interval_has_no_holes(step: int) -> None:
    assert hours(settled(*steady(step))) == []
    late = settled(*steady(step))
    assert funding_holes(Points(late.at_ms + np.arange(len(late.at_ms)) % 2 * 7, late.value), FRAME) == []


def test_another_interval_for_good_is_no_hole() -> None:
    whole = steady(8)
    assert hours(settled(*whole[:40], *range(whole[40], whole[-1] + 4, 4))) == []
    assert hours(settled(*range(0, whole[40], 4), *whole[40:])) == []


@pytest.mark.parametrize("step", [1, 4, 8])
def test_one_missing_settlement_is_a_hole(step: int) -> None:
    whole = steady(step)
    assert hours(settled(*whole[:20], *whole[21:])) == [(whole[19], whole[21])]


def test_a_late_beginning_and_an_early_end_are_holes() -> None:
    begin, end = (FRAME.open_at_ms.item(0) - FIRST_MS) / HOUR_MS, (LAST_MS - FIRST_MS) / HOUR_MS
    whole = steady(8)
    assert hours(settled(*whole[10:50])) == [(begin, whole[10]), (whole[49], end)]
    assert hours(Points(np.empty(0, dtype=np.int64), np.empty(0))) == [(begin, end)]


@pytest.mark.parametrize("way", WAYS)
def test_it_is_said_beside_the_result(way: str, tmp_path: Path) -> None:
    """Seven weeks of single settlements left out: the first five, and how many more."""
    whole = steady(8)
    gone = settled(*[hour for place, hour in enumerate(whole) if place % 10 != 5])
    ground = Ground("15m", {"TESTUSDT": FRAME}, {"TESTUSDT": gone}, strategy_paths=(scripted(tmp_path),))
    (note,) = [one for one in WAYS[way](Plan("scripted"), ground).notes if "funding" in one]
    assert note.startswith(
        "TESTUSDT: no funding rates 2023-11-16 08:00 to 2023-11-17 00:00, 2023-11-19 16:00 "
    )
    assert note.endswith(", 4 more; nothing is paid in these 6.0 days.")


def test_the_hole_in_real_rates_is_told() -> None:
    """TRXUSDT: its file begins on 15 February 2024, the candles a year before."""
    pq = pytest.importorskip("pyarrow.parquet")
    path = real_data() / "funding" / "TRXUSDT-funding.parquet"
    if not path.is_file():
        pytest.skip("no real funding of TRXUSDT in the folder QUARTERDECK_REAL_DATA names")
    table, frame = pq.read_table(path), real_frame("TRXUSDT")
    points = Points(table["timestamp"].to_numpy().astype(np.int64), table["funding_rate"].to_numpy())
    (note,) = funding_notes(Ground("15m", {"TRXUSDT": frame}, {"TRXUSDT": points}))
    assert note == (
        "TRXUSDT: no funding rates 2023-01-01 00:00 to 2024-02-15 08:00; nothing is paid in these 410.3 days."
    )
    later = flat_frame(96 * 60)
    april = np.datetime64("2025-04-01", "ms").astype(np.int64)
    moved = type(later)(
        "TRXUSDT", 900_000, later.open_at_ms - later.open_at_ms[0] + april, *[later.close] * 4, later.volume
    )
    assert list(funding_notes(Ground("15m", {"TRXUSDT": moved}, {"TRXUSDT": points}))) == [
        "TRXUSDT: no funding rates 2025-04-14 00:00 to 2025-05-01 00:00; nothing is paid in these 17.0 days."
    ]
