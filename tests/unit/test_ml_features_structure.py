"""Structure and cluster features against a slow reading of the same rules, and on markets drawn by hand."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import cos, inf, isnan, nan, pi, sin

import numpy as np
import pytest
from markets import BAR_MS, frame_of, random_frame, real_frame, rows
from ml_features_kit import chosen, everything

from bot.market.indicators import core_columns
from bot.ml.align import Sources
from bot.ml.compute import history_matrix
from bot.ml.feature import OUTSIDE, anchor_ms
from bot.ml.registry import feature_set
from bot.strategy import Array, Frame

FOUR_HOURS = 4 * 3_600_000
STRUCTURE = feature_set(["structure"])
CLUSTER = feature_set(["cluster"])


@dataclass
class Seen:
    """What a slow reader knows of one side after one bar."""

    state: float
    level: float
    since: float
    depth: float
    touches: float
    confirmations: int
    pivot: float


def peaks(values: list[float], upto: int, sign: int) -> list[float]:
    """Pivots known after bar `upto`: two bars on either side, oldest first."""
    found = []
    for i in range(2, upto - 1):
        around = values[i - 2 : i] + values[i + 1 : i + 3]
        if all(sign * values[i] > sign * other for other in around):
            found.append(values[i])
    return found


def side_seen(frame: Frame, sign: int) -> list[Seen]:
    """One side bar by bar; the falling one is read upside down."""
    opened, close = (sign * frame.open).tolist(), (sign * frame.close).tolist()
    high, low = (sign * frame.high).tolist(), (sign * frame.low).tolist()
    if sign < 0:
        high, low = low, high
    found: list[Seen] = []
    level = origin = extreme = nan
    since = touches = confirmations = 0
    for i in range(len(close)):
        highs, lows = peaks(high, i, 1), peaks(low, i, -1)
        if len(highs) < 2 or len(lows) < 2:
            state = nan
        else:
            rising, falling = (
                highs[-1] > highs[-2] and lows[-1] > lows[-2],
                highs[-1] < highs[-2] and lows[-1] < lows[-2],
            )
            state = float(rising) - float(falling)
        confirmations = confirmations + 1 if i and close[i] > opened[i] and close[i] > close[i - 1] else 0
        if highs and i and close[i - 1] <= highs[-1] < close[i] and highs[-1] != level:
            level, origin, extreme, since, touches = highs[-1], lows[-1] if lows else nan, high[i], 0, 0
        elif not isnan(level) and close[i] < origin:
            level = nan
        elif not isnan(level):
            zone = 0.003 * abs(level)
            since, extreme = since + 1, max(extreme, high[i])
            touches += low[i] <= level + zone and close[i] >= level - zone
        held = not isnan(level)
        span = extreme - origin
        depth = (extreme - close[i]) / span if held and span > 0 else nan
        found.append(
            Seen(
                state,
                level,
                since if held else nan,
                depth,
                touches if held else nan,
                confirmations,
                lows[-1] if lows else nan,
            )
        )
    return found


@dataclass
class Higher:
    """What a slow reader knows of closed 4-hour bars after one bar."""

    above: float
    below: float
    trend: float
    place: float


def higher_seen(frame: Frame, upto: int) -> Higher:
    """4-hour bars made anew for one bar from the rows up to it."""
    bars: dict[int, list[int]] = {}
    for row in range(upto + 1):
        bars.setdefault(int(frame.open_at_ms[row]) // FOUR_HOURS, []).append(row)
    first = int(frame.open_at_ms[0])
    if first % FOUR_HOURS:
        del bars[first // FOUR_HOURS]
    last_closed_ms = int(frame.open_at_ms[upto]) + frame.timeframe_ms
    whole = [group for number, group in sorted(bars.items()) if (number + 1) * FOUR_HOURS <= last_closed_ms]
    high = [float(frame.high[group].max()) for group in whole]
    low = [float(frame.low[group].min()) for group in whole]
    close = [float(frame.close[group[-1]]) for group in whole]
    pivots = peaks(high, len(high) - 1, 1) + peaks(low, len(low) - 1, -1)
    price = float(frame.close[upto])
    levels = [
        one
        for k, one in enumerate(pivots)
        if any(j != k and abs(one - other) <= 0.003 * max(one, other) for j, other in enumerate(pivots))
    ]
    top, bottom = max(high[-6:], default=nan), min(low[-6:], default=nan)
    return Higher(
        min((one - price for one in levels if one > price), default=inf),
        min((price - one for one in levels if one < price), default=inf),
        (sum(close[-5:]) / 5 - sum(close[-20:]) / 20) / price if len(close) >= 20 else nan,
        (price - bottom) / (top - bottom) if len(high) >= 6 and top > bottom else nan,
    )


def one_chunk(frame: Frame) -> tuple[Frame, int]:
    """The bars from the last chunk's anchor on, and the first row of the chunk."""
    last_ms = int(frame.open_at_ms[-1])
    begin = int(np.searchsorted(frame.open_at_ms, anchor_ms(last_ms, frame.timeframe_ms)))
    part = rows(frame, begin, len(frame))
    number = last_ms // frame.timeframe_ms
    return part, int(np.searchsorted(part.open_at_ms, (number - number % 250) * frame.timeframe_ms))


def with_gaps(frame: Frame) -> Frame:
    return chosen(frame, np.random.default_rng(2).random(len(frame)) < 0.9)


@pytest.fixture(
    params=[
        pytest.param(lambda: random_frame(4, 1_900), id="random"),
        pytest.param(lambda: with_gaps(random_frame(5, 1_900)), id="gaps"),
        pytest.param(lambda: random_frame(6, 200), id="short"),
        pytest.param(lambda: rows(real_frame("XRPUSDT"), 50_003, 51_940), id="XRP"),
        pytest.param(lambda: rows(real_frame("BTCUSDT"), 20_000, 21_777), id="BTC"),
    ]
)
def bars(request: pytest.FixtureRequest) -> Frame:
    frame: Frame = request.param()
    return frame


def told(frame: Frame, names: list[str], side: float) -> dict[str, Array]:
    """Features of the last chunk's bars, asked for one side."""
    part, first = one_chunk(frame)
    whole = history_matrix(feature_set(names), Sources(frame, side=np.full(len(frame), side)))
    return dict(zip(names, whole[len(frame) - len(part) + first :].T, strict=True))


@pytest.mark.parametrize("side", [1, -1])
def test_structure_is_what_a_slow_reader_sees(bars: Frame, side: int) -> None:
    part, first = one_chunk(bars)
    seen = side_seen(part, side)[first:]
    atr = core_columns(part)["atr14"][first:]
    ours = told(bars, list(STRUCTURE.names), float(side))
    expected = {
        "structure_state": [one.state for one in seen],
        "bars_since_break": [one.since for one in seen],
        "pullback_depth": [one.depth for one in seen],
        "confirmation_candles": [one.confirmations for one in seen],
        "level_touches": [one.touches for one in seen],
        "level_distance": (side * part.close[first:] - np.array([one.level for one in seen])) / atr,
    }
    for name, values in expected.items():
        np.testing.assert_allclose(ours[name], values, rtol=1e-9, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("side", [1, -1])
def test_stop_and_levels_are_what_a_slow_reader_sees(bars: Frame, side: int) -> None:
    part, first = one_chunk(bars)
    seen, columns = side_seen(part, side), core_columns(part)
    ours = told(bars, ["risk_atr", "next_level_4h", "atr_percentile"], float(side))
    for row in range(first, len(part), 7):
        atr, close = columns["atr14"][: row + 1], side * float(part.close[row])
        share = float((atr[-200:] <= atr[-1]).mean()) if row >= 213 else nan
        beyond = [close - one + (1.0 + 0.5 * share) * atr[-1] for one in (seen[row].pivot, seen[row].level)]
        stop = max([1.5 * atr[-1], *(one for one in beyond if not isnan(one))])
        above = higher_seen(part, row)
        away = (above.above if side > 0 else above.below) / stop
        place = row - first
        assert ours["atr_percentile"][place] == pytest.approx(share, nan_ok=True)
        assert ours["risk_atr"][place] == pytest.approx(stop / atr[-1], nan_ok=True)
        assert ours["next_level_4h"][place] == pytest.approx(
            min(away, 10.0) if not isnan(stop) else nan, nan_ok=True
        )


def test_higher_timeframes_are_what_a_slow_reader_sees(bars: Frame) -> None:
    part, first = one_chunk(bars)
    atr = core_columns(part)["atr14"]
    ours = told(bars, list(CLUSTER.names), 1.0)
    for row in range(first, len(part), 5):
        seen, place = higher_seen(part, row), row - first
        near = min(seen.above, seen.below) / atr[row]
        assert ours["trend_4h"][place] == pytest.approx(seen.trend, nan_ok=True, abs=1e-12)
        assert ours["range_place_4h"][place] == pytest.approx(seen.place, nan_ok=True)
        assert ours["level_proximity_4h"][place] == pytest.approx(
            nan if isnan(near) else min(near, 10.0), nan_ok=True
        )
        close = part.close[: row + 1]
        trends = [
            close[-short:].mean() - close[-long:].mean()
            for short, long in ((5, 20), (20, 80))
            if row + 1 >= long
        ]
        signs = [np.sign(one) for one in (*trends, seen.trend)]
        expected = sum(signs) / 3 if len(signs) == 3 else nan
        assert ours["trend_alignment"][place] == pytest.approx(expected, nan_ok=True)


def test_an_unfinished_four_hour_bar_says_nothing() -> None:
    """A spike in the running 4-hour bar moves no level, range or trend before that bar has closed."""
    frame = random_frame(8, 1_900)
    end = next(row for row in range(1_800, 1_900) if int(frame.open_at_ms[row]) % FOUR_HOURS == 5 * BAR_MS)
    quiet = rows(frame, 0, end + 1)
    spike = replace(quiet, high=quiet.high.copy())
    spike.high[end - 2] *= 3.0
    names = ["trend_4h", "range_place_4h"]
    assert np.array_equal(
        told(quiet, names, 1.0)["range_place_4h"], told(spike, names, 1.0)["range_place_4h"], True
    )
    later = rows(frame, 0, end + 13)
    later.high[end - 2] *= 3.0
    assert (
        told(later, names, 1.0)["range_place_4h"][-1]
        < told(rows(frame, 0, end + 13), names, 1.0)["range_place_4h"][-1]
    )


def test_a_pullback_drawn_by_hand() -> None:
    """Steps up, a break of the last high, half of the move given back, two candles that confirm."""
    first = [100.0, 102.0, 104.0, 103.0, 102.0, 103.0, 105.0, 107.0, 106.0, 104.0, 103.0]
    closes = [*first, 105.0, 106.0, 108.0, 110.0, 109.0, 108.0, 107.0, 106.8, 107.0, 107.5]
    frame = drawn([100.0] * 300 + closes)
    ours = told(frame, list(STRUCTURE.names), 1.0)
    assert ours["structure_state"][-1] == 1.0
    assert ours["bars_since_break"][-1] == 7.0  # the close of 108 broke the high of 107
    assert ours["confirmation_candles"][-1] == 2.0
    assert ours["pullback_depth"][-1] == pytest.approx((110 - 107.5) / (110 - 103))
    assert ours["level_touches"][-1] == 4.0  # 107, 106.8, 107, and 107.5, which opened there
    mirror = told(drawn([200.0 - one for one in [100.0] * 300 + closes]), list(STRUCTURE.names), -1.0)
    for name in (
        "structure_state",
        "bars_since_break",
        "confirmation_candles",
        "pullback_depth",
        "rsi_along",
    ):
        assert mirror[name][-1] == pytest.approx(ours[name][-1]), name


def drawn(closes: list[float]) -> Frame:
    """Candles without wicks, each opening a tenth of its way after the close before."""
    close = np.array(closes)
    before = np.concatenate((close[:1], close[:-1]))
    opened = before + 0.1 * (close - before)
    return frame_of(opened, np.maximum(opened, close), np.minimum(opened, close), close, np.ones(len(close)))


def test_without_a_signal_the_structure_gives_the_side() -> None:
    frame = random_frame(12, 1_900)
    free, up, down = (
        history_matrix(STRUCTURE, Sources(frame, side=side))[800:]
        for side in (None, np.ones(len(frame)), -np.ones(len(frame)))
    )
    state = up[:, STRUCTURE.names.index("structure_state")]
    along = np.where(state[:, None] > 0, up, down)
    hangs = [k for k, one in enumerate(STRUCTURE.features) if one.needs]
    along[np.ix_(state == 0, hangs)] = nan
    assert {-1.0, 0.0, 1.0} == set(state.tolist())
    assert np.array_equal(free, along, equal_nan=True)


def test_the_clock_and_the_candle() -> None:
    frame = random_frame(13, 700)
    names = [
        "hour_sin",
        "hour_cos",
        "weekday",
        "upper_wick",
        "lower_wick",
        "body_ratio",
        "volume_trend",
        "volume_ratio",
    ]
    ours = told(frame, names, 1.0)
    closed = datetime.fromtimestamp((int(frame.open_at_ms[-1]) + BAR_MS) / 1000, UTC)
    turn = 2 * pi * (closed.hour * 60 + closed.minute) / 1440
    opened, high, low, close = (float(one[-1]) for one in (frame.open, frame.high, frame.low, frame.close))
    assert ours["hour_sin"][-1] == pytest.approx(sin(turn))
    assert ours["hour_cos"][-1] == pytest.approx(cos(turn))
    assert ours["weekday"][-1] == closed.weekday()
    assert ours["upper_wick"][-1] == pytest.approx((high - max(opened, close)) / (high - low))
    assert ours["lower_wick"][-1] == pytest.approx((min(opened, close) - low) / (high - low))
    assert ours["body_ratio"][-1] == pytest.approx(abs(close - opened) / (high - low))
    assert ours["volume_trend"][-1] == pytest.approx(frame.volume[-5:].mean() / frame.volume[-20:].mean())
    assert ours["volume_ratio"][-1] == pytest.approx(frame.volume[-1] / frame.volume[-50:].mean())


def test_the_cluster_comes_from_outside() -> None:
    sources = everything(14, 900)
    outside = {**dict.fromkeys(OUTSIDE, np.full(900, 0.5)), "cluster": np.full(900, 3.0)}
    outside["cluster"][-2:] = [nan, 5.0]
    ours = history_matrix(CLUSTER, replace(sources, outside=outside))[:, :8]
    assert ours[-3, :5].tolist() == [0.0, 0.0, 0.0, 1.0, 0.0]
    assert np.isnan(ours[-2, :5]).all()
    assert ours[-1, :5].tolist() == [0.0] * 5
    frame, columns = sources.frame, core_columns(one_chunk(sources.frame)[0])
    assert ours[-1, 5] == pytest.approx(columns["atr14"][-1] / frame.close[-1] / 0.5)
    assert ours[-1, 6] == pytest.approx(frame.volume[-1] / frame.volume[-20:].mean() / 0.5)
    assert ours[-1, 7] == 0.5


def test_a_four_hour_bar_that_began_before_the_history_says_nothing() -> None:
    """Six whole ones make a range; with five and the rest of one before them there is none yet."""
    frame = random_frame(17, 400)
    begin = next(row for row in range(400) if int(frame.open_at_ms[row]) % FOUR_HOURS == 6 * BAR_MS)
    rest = 10
    for whole in (5, 6):
        seen = rows(frame, begin, begin + rest + 16 * whole)
        place = history_matrix(feature_set(["range_place_4h"]), Sources(seen))[-1, 0]
        assert isnan(place) == (whole < 6)
