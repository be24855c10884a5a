"""What the base and context features say, against TA-Lib, NumPy and figures worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from markets import BAR_MS, START_MS, flat_frame, frame_of, random_frame, real_frame, rows
from ml_features_kit import ALL, chosen, everything, with_bars, without

from bot.market.indicators import core_columns
from bot.market.points import Points
from bot.ml import arrays
from bot.ml.align import Sources, Span, closes_at, inputs_of, known_at, needs_of
from bot.ml.compute import history_matrix, live_row, matrix, whole_from
from bot.ml.feature import FUNDING_RATE, OPEN_INTEREST, RATIO_GLOBAL, RATIO_TOP, hash_of
from bot.ml.registry import FEATURES, GROUPS, UnknownFeature, feature_set
from bot.strategy import Array, Frame

HOUR = 3_600_000
BASE = feature_set(["base"])


def column(name: str, sources: Sources) -> Array:
    return history_matrix(feature_set([name]), sources)[:, 0]


def indicators(frame: Frame) -> arrays.Indicators:
    """All indicators of a whole frame as one window."""
    made = arrays.Indicators(*np.empty((len(arrays.Indicators._fields), 1, len(frame))))
    prices = arrays.Prices(
        *(one[None, :].copy() for one in (frame.high, frame.low, frame.close, frame.volume))
    )
    arrays.indicators(prices, arrays.Reach(0, 0, 0), made)
    return arrays.Indicators(*(one[0] for one in made))


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(lambda: random_frame(1, 3_000), id="random"),
        pytest.param(lambda: random_frame(2, 40), id="short"),
        pytest.param(lambda: random_frame(3, 1_000, price=1e-6), id="dust"),
        pytest.param(lambda: rows(real_frame("XRPUSDT"), 10_000, 20_000), id="XRP"),
        pytest.param(lambda: rows(real_frame("TRXUSDT"), 10_000, 20_000), id="TRX"),
    ],
)
def test_indicators_are_those_of_ta_lib(frame: object) -> None:
    bars: Frame = frame()  # type: ignore[operator]
    ours, theirs = indicators(bars), core_columns(bars)
    width = theirs["bb_upper"] - theirs["bb_lower"]
    fast, middle, slow = (theirs[name] for name in ("ema9", "ema21", "ema50"))
    order = np.where(
        (fast > middle) & (middle > slow), 1.0, np.where((fast < middle) & (middle < slow), -1.0, 0.0)
    )
    for mine, expected in (
        (ours.rsi, theirs["rsi14"]),
        (ours.adx, theirs["adx14"]),
        (ours.stoch_k, theirs["stoch_k"]),
        (ours.stoch_d, theirs["stoch_d"]),
        (ours.ema21 / bars.close, middle / bars.close),
        (ours.ema50 / bars.close, slow / bars.close),
        (ours.atr / bars.close, theirs["atr14"] / bars.close),
        (ours.atr_pct, theirs["atr14"] / bars.close),
        (ours.macd_hist, theirs["macd_hist"] / bars.close),
        (ours.vol_ratio, bars.volume / theirs["volume_mean20"]),
        (ours.ema_align, np.where(np.isnan(slow), np.nan, order)),
    ):
        np.testing.assert_allclose(mine, expected, rtol=1e-9, atol=1e-9, equal_nan=True)
    # TA-Lib's deviation comes from sums of squares, ours from squares of differences: 1e-7 of its own noise.
    position = (bars.close - theirs["bb_lower"]) / width
    np.testing.assert_allclose(ours.bb_pct, position, rtol=1e-6, atol=1e-6, equal_nan=True)


def scored(values: Array, window: int) -> Array:
    """Z-scores as NumPy has them, window by window."""
    out = np.full(len(values), np.nan)
    for i in range(window - 1, len(values)):
        part = values[i + 1 - window : i + 1]
        if np.isfinite(part).all():
            out[i] = 0.0 if np.ptp(part) < 1e-12 else (part[-1] - part.mean()) / part.std()
    return out


@settings(max_examples=60)
@given(some.integers(0, 10**6), some.sampled_from((5, 96, 288)), some.floats(0, 0.01), some.floats(0, 0.02))
def test_zscores_are_those_of_numpy(seed: int, window: int, lost: float, shocks: float) -> None:
    chance = np.random.default_rng(seed)
    values = chance.normal(chance.normal(), 10.0 ** chance.uniform(-4, 1), 750)
    values[chance.random(750) < shocks] *= 100.0
    values[300:420] = values[300]
    values[chance.random(750) < lost] = np.nan
    out = np.empty((1, 750))
    arrays.zscores(values[None, :].copy(), window, 0, 0, out)
    np.testing.assert_allclose(out[0], scored(values, window), rtol=1e-6, atol=1e-6, equal_nan=True)


def test_a_missing_value_is_missing_for_a_window_and_no_longer() -> None:
    values = np.sin(np.arange(900.0))[None, :].copy()
    values[0, 400] = np.nan
    out = np.empty((1, 900))
    arrays.zscores(values, 288, 0, 0, out)
    known = np.isfinite(out[0])
    assert not known[:287].any()
    assert known[287:400].all()
    assert not known[400:688].any()
    assert known[688:].all()


def test_the_base_features_by_their_definition() -> None:
    sources = everything(3, 1_500)
    close, (btc, eth) = sources.frame.close, (one.close for one in (sources.btc, sources.eth) if one)

    def growth(values: Array, back: int) -> Array:
        return np.concatenate((np.full(back, np.nan), values[back:] / values[:-back] - 1.0))

    closed_ms = sources.frame.open_at_ms + BAR_MS
    interest, funding = (
        known_at(sources.points[name], closed_ms, 9 * HOUR) for name in (OPEN_INTEREST, FUNDING_RATE)
    )
    change = growth(interest, 1)
    mean = np.convolve(change, np.full(5, 0.2))[: len(close)]
    expected = {
        **{f"ret_{back}": scored(growth(close, back), 288) for back in (1, 3, 5)},
        **{f"btc_ret_{back}": scored(growth(btc, back), 288) for back in (1, 3, 5)},
        **{f"eth_ret_{back}": scored(growth(eth, back), 288) for back in (1, 3, 5)},
        "primary_btc_rs": np.clip(growth(close, 5) / growth(btc, 5), -10, 10),
        "primary_eth_rs": np.clip(growth(close, 5) / growth(eth, 5), -10, 10),
        "oi_change": scored(change, 96),
        "funding_rate": scored(funding, 96),
        "oi_change_ma5": scored(mean, 96),
        "oi_price_spread": scored(change, 96) - scored(growth(close, 1), 288),
        "signal_strength": sources.strength,
        "side": sources.side,
    }
    for name, values in expected.items():
        assert values is not None
        np.testing.assert_allclose(
            column(name, sources)[800:], values[800:], rtol=1e-6, atol=1e-6, err_msg=name
        )


def test_relative_strength_is_zero_where_the_other_stood_still_and_held_within_ten() -> None:
    bars = 700
    own = np.full(bars, 100.0)
    own[-1] = 110.0
    flat = flat_frame(bars)
    frame = frame_of(own, own, own, own, np.ones(bars))
    assert column("primary_btc_rs", Sources(frame, flat, flat))[-1] == 0.0
    hardly = replace(flat, close=np.where(np.arange(bars) == bars - 1, flat.close * 1.001, flat.close))
    assert column("primary_btc_rs", Sources(frame, hardly, flat))[-1] == 10.0
    doubled = replace(flat, close=np.where(np.arange(bars) == bars - 1, flat.close * 0.95, flat.close))
    assert column("primary_btc_rs", Sources(frame, doubled, flat))[-1] == pytest.approx(-2.0)
    assert np.isnan(column("primary_btc_rs", Sources(frame, None, flat))[-1])


def test_a_flat_market_gives_figures_and_none_of_them_is_noise() -> None:
    names = [
        "rsi",
        "macd_hist",
        "bb_pct",
        "ema_align",
        "stoch_k",
        "atr_pct",
        "vol_ratio",
        "ret_1",
        "ret_5",
        "adx",
    ]
    rows_ = history_matrix(feature_set(names), Sources(flat_frame(1_200)))[600:]
    assert (rows_ == [0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]).all()


def test_what_is_missing_is_not_a_number_and_takes_nothing_else_along() -> None:
    """One input away: exactly the features that name it are NaN."""
    sources, names = everything(4, 1_200), ALL.names
    whole = np.isfinite(history_matrix(ALL, sources)[900:]).any(axis=0)
    assert whole.all()

    def lost(other: Sources) -> set[str]:
        known = np.isfinite(history_matrix(ALL, other)[900:]).any(axis=0)
        return {name for name, is_known in zip(names, known, strict=True) if not is_known}

    def need(*words: str) -> set[str]:
        return {one.name for one in FEATURES if set(words) & set(one.needs)}

    assert lost(replace(sources, btc=None)) == need("btc")
    assert lost(replace(sources, eth=None)) == need("eth")
    assert lost(without(sources, OPEN_INTEREST)) == need(OPEN_INTEREST)
    assert lost(without(sources, FUNDING_RATE)) == need(FUNDING_RATE)
    ratios = (RATIO_TOP, RATIO_GLOBAL)
    assert lost(without(sources, *ratios)) == need(*ratios, *(f"btc_{name}" for name in ratios))
    assert lost(replace(sources, outside={})) == need(
        "cluster", "cluster_volatility", "cluster_volume", "btc_correlation"
    )
    assert lost(replace(sources, side=None, strength=None)) == {"signal_strength", "side"}


def test_a_missing_btc_bar_is_missing_and_not_the_one_before() -> None:
    other = random_frame(6, 20)
    kept = np.ones(20, dtype=np.bool_)
    kept[[0, 7, 19]] = False
    closes = closes_at(chosen(other, kept), other.open_at_ms)
    assert np.isnan(closes[[0, 7, 19]]).all()
    assert (closes[kept] == other.close[kept]).all()
    assert np.isnan(closes_at(rows(other, 0, 0), other.open_at_ms)).all()
    assert len(closes_at(other, np.empty(0, dtype=np.int64))) == 0


def test_a_figure_is_known_after_its_moment_and_until_it_is_stale() -> None:
    """Stamped with the very moment of a close, it is told after it; as old as allowed it still counts."""
    points = Points(np.array([1_000, 2_000]), np.array([5.0, 7.0]))
    closed = np.array([999, 1_000, 1_001, 1_999, 2_000, 2_001, 2_500, 2_501], dtype=np.int64)
    found = known_at(points, closed, 500)
    assert np.array_equal(found, [np.nan, np.nan, 5.0, np.nan, np.nan, 7.0, 7.0, np.nan], equal_nan=True)
    assert np.isnan(known_at(Points(np.empty(0, dtype=np.int64), np.empty(0)), closed, 500)).all()


@settings(max_examples=60)
@given(
    some.lists(some.integers(0, 60), unique=True),
    some.lists(some.integers(0, 60), unique=True),
    some.integers(0, 9),
)
def test_known_figures_against_a_slow_search(told_at: list[int], closed: list[int], stale: int) -> None:
    told_at.sort()
    closed.sort()
    points = Points(np.array(told_at, dtype=np.int64), np.array(told_at, dtype=np.float64))
    expected = [
        max((at for at in told_at if at < moment and moment - at <= stale), default=np.nan)
        for moment in closed
    ]
    assert np.array_equal(known_at(points, np.array(closed, dtype=np.int64), stale), expected, equal_nan=True)


@pytest.mark.parametrize("name, bars", [(FUNDING_RATE, 33), (OPEN_INTEREST, 2), (RATIO_TOP, 2)])
def test_how_long_a_series_counts(name: str, bars: int) -> None:
    """Funding eight hours and a bar, the others two quarters of an hour: ratios show it as they are."""
    frame = random_frame(1, 700)
    at_ms = int(frame.open_at_ms[600])
    points = {name: Points(np.array([at_ms - 1, at_ms]), np.array([2.0, 3.0]))}
    inputs = inputs_of([Span(Sources(frame, points=points), 0, 700)], frozenset([name]), 0, 0)
    known = np.isfinite(inputs.points[name][0])
    assert known.tolist() == [599 <= row < 600 + bars for row in range(700)]


def test_the_registry_has_every_feature_once_with_its_meaning() -> None:
    names = [feature.name for feature in FEATURES]
    assert len(set(names)) == len(names) == 68
    counts = {group: sum(feature.group == group for feature in FEATURES) for group in GROUPS}
    assert counts == {"base": 26, "context": 8, "structure": 22, "cluster": 12}
    for feature in FEATURES:
        assert feature.meaning
        assert "\n" not in feature.meaning
    said = (
        "rsi macd_hist bb_pct ema_align stoch_k stoch_d atr_pct vol_ratio ret_1 ret_3 ret_5 signal_strength side "
        "btc_ret_1 btc_ret_3 btc_ret_5 eth_ret_1 eth_ret_3 eth_ret_5 primary_btc_rs primary_eth_rs oi_change "
        "funding_rate oi_change_ma5 oi_price_spread adx"
    )
    assert feature_set(["base"]).names == tuple(said.split())


def test_sets_are_made_of_names_and_groups() -> None:
    assert feature_set(["context", "rsi", "context", "rsi"]).names == (*feature_set(["context"]).names, "rsi")
    assert feature_set(["rsi", "adx"]).hash != feature_set(["adx", "rsi"]).hash
    assert feature_set(["rsi"]).hash == hash_of(["rsi|plain|1"])
    assert len(feature_set([])) == 0
    with pytest.raises(
        UnknownFeature, match=r"no feature or group 'rsii'; do you mean rsi\? Groups: base, context"
    ):
        feature_set(["base", "rsii"])
    with pytest.raises(UnknownFeature, match=r"no feature or group 'qqqq'\. Groups: base, context"):
        feature_set(["qqqq"])


def test_an_empty_window_is_refused_and_an_empty_history_has_no_rows() -> None:
    nothing = Sources(rows(random_frame(1, 5), 0, 0))
    with pytest.raises(ValueError, match="no bars of TESTUSDT"):
        live_row(ALL, nothing)
    assert history_matrix(ALL, nothing).shape == (0, 68)


def test_a_bar_that_is_missing_is_stepped_over() -> None:
    """Returns go from bar to bar that is there, for the symbol and for BTC alike."""
    sources = everything(9, 700)
    kept = np.arange(700) != 650
    frame = chosen(sources.frame, kept)
    gone = with_bars(sources, kept)
    own = frame.close[650] / frame.close[645] - 1.0
    btc = sources.btc.close[651] / sources.btc.close[645] - 1.0 if sources.btc else 0.0
    assert frame.open_at_ms[650] == START_MS + 651 * BAR_MS
    assert column("primary_btc_rs", gone)[650] == pytest.approx(min(max(own / btc, -10.0), 10.0))


def test_rows_with_a_whole_memory_are_those_of_any_longer_history() -> None:
    """From the row that `whole_from` names on, it makes no difference how much of the past is left out."""
    sources = Sources(random_frame(15, 2_600))
    whole = history_matrix(BASE, sources)
    for left_out in (0, 1, 137, 249, 250, 900):
        part = Sources(rows(sources.frame, left_out, 2_600))
        first = whole_from(part.frame)
        found = history_matrix(BASE, part)
        assert 500 <= first < 750
        assert np.array_equal(found[first:], whole[left_out + first :], equal_nan=True)
        assert left_out == 0 or not np.array_equal(
            found[:first], whole[left_out : left_out + first], equal_nan=True
        )
    assert whole_from(rows(sources.frame, 0, 300)) == 300
    assert whole_from(rows(sources.frame, 0, 0)) == 0


def test_what_no_feature_needs_is_not_made() -> None:
    sources = everything(16, 900)
    for group, absent in (("context", {"rsi", "legs1", "ret_1"}), ("base", {"legs1", "higher_above", "way"})):
        features = feature_set([group])
        inputs = inputs_of([Span(sources, 0, 900)], needs_of(features.features), 500, 500)
        matrix(features, inputs)
        assert not absent & set(inputs.kept)
    assert np.isnan(inputs.points[RATIO_TOP]).all()
    assert np.isfinite(inputs.btc.close).all()
