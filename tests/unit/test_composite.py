"""composite by hand: every rule, every gate, ties and tolerances, and the mirror short."""

from dataclasses import replace
from math import nan
from typing import Any

import pytest
from composite_bars import (
    DEFAULTS,
    LONG_BAND,
    LONG_EMA,
    LONG_MACD,
    LONG_RSI,
    LONG_STOCH,
    QUIET,
    SHORT_BAND,
    SHORT_EMA,
    SHORT_MACD,
    SHORT_RSI,
    SHORT_STOCH,
    bar,
    decide,
    explain,
    score,
)
from markets import BAR_MS, START_MS, flat_frame, random_frame

from bot.domain.signal import Anchor, GateCheck, Hold, Reason, Side, Signal
from strategies.composite.strategy import STRATEGY, Composite, Settings, votes
from strategies.registry import Registry

# Rules


def test_quiet_bar_scores_nothing() -> None:
    assert score() == (0, 0)


@pytest.mark.parametrize(
    "changes, expected",
    [
        (LONG_RSI, (1, 0)),
        (LONG_MACD, (2, 0)),
        (LONG_BAND, (1, 0)),
        (LONG_EMA, (1, 0)),
        (LONG_STOCH, (1, 0)),
        (SHORT_RSI, (0, 1)),
        (SHORT_MACD, (0, 2)),
        (SHORT_BAND, (0, 1)),
        (SHORT_EMA, (0, 1)),
        (SHORT_STOCH, (0, 1)),
        (LONG_RSI | LONG_MACD | LONG_BAND | LONG_EMA | LONG_STOCH, (6, 0)),
        (SHORT_RSI | SHORT_MACD | SHORT_BAND | SHORT_EMA | SHORT_STOCH, (0, 6)),
        (LONG_RSI | SHORT_MACD | LONG_BAND, (2, 2)),
    ],
)
def test_rules_give_their_points(changes: dict[str, Any], expected: tuple[int, int]) -> None:
    assert score(**changes) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"rsi14": 35.0},
        {"rsi14": 65.0},
        {"bb_lower": 100.0},
        {"bb_upper": 100.0},
        {"bb_lower": 100.0 + 1e-11},
        {"bb_upper": 100.0 - 1e-11},
        {"ema9": 101.0, "ema21": 101.0, "ema50": 99.0},
        {"ema9": 100.0 + 2e-11, "ema21": 100.0 + 1e-11, "ema50": 100.0},
        {"ema9": 103.0, "ema21": 102.0, "ema50": 102.0},
        {"stoch_k": 20.0, "stoch_d": 10.0},
        {"stoch_k": 80.0, "stoch_d": 90.0},
        {"stoch_k": 15.0, "stoch_d": 16.0},
        {"stoch_k": 85.0, "stoch_d": 84.0},
        {"macd_hist": (0.1, 0.2)},
        {"macd_hist": (-0.2, -0.1)},
        {"macd_hist": (-0.2, 0.0)},
        {"macd_hist": (0.2, 0.0)},
        {"macd_hist": (-1e-11, 1e-11)},
        {"macd_hist": (nan, 0.1)},
    ],
)
def test_on_the_edge_scores_nothing(changes: dict[str, Any]) -> None:
    assert score(**changes) == (0, 0)


@pytest.mark.parametrize("level", [0.0, 100.0])
@pytest.mark.parametrize("rounding", [-1e-6, -1e-14, 0.0, 1e-14, 1e-6])
def test_k_and_d_on_the_rail_score_nothing_whatever_the_rounding(level: float, rounding: float) -> None:
    assert score(stoch_k=level + rounding, stoch_d=level) == (0, 0)


def test_k_and_d_apart_by_more_than_the_tolerance_score() -> None:
    assert score(stoch_k=2.1e-6, stoch_d=1e-6) == (1, 0)
    assert score(stoch_k=100.0 - 2.1e-6, stoch_d=100.0 - 1e-6) == (0, 1)


@pytest.mark.parametrize("before", [-0.1, 0.0])
def test_macd_crossing_starts_on_or_below_its_signal(before: float) -> None:
    assert score(macd_hist=(before, 0.1)) == (2, 0)
    assert score(macd_hist=(-before, -0.1)) == (0, 2)


def test_first_bar_of_all_has_no_crossing() -> None:
    frame, columns = bar(macd_hist=(-0.1, 0.1))
    assert votes(frame, columns, 0) == (0, 0, 0, 0, 0)


@pytest.mark.parametrize("name", sorted(set(QUIET) - {"close", "volume"}))
def test_nan_scores_nothing(name: str) -> None:
    six = LONG_RSI | LONG_MACD | LONG_BAND | LONG_EMA | LONG_STOCH
    lost = {
        "rsi14": 1,
        "macd_hist": 2,
        "bb_lower": 1,
        "ema9": 1,
        "ema21": 1,
        "ema50": 1,
        "stoch_k": 1,
        "stoch_d": 1,
    }
    assert score(**six | {name: (nan, nan)}) == (6 - lost.get(name, 0), 0)


@pytest.mark.parametrize("name", ["adx14", "atr14", "volume_mean20"])
def test_nan_in_a_gate_holds(name: str) -> None:
    assert decide(**LONG_RSI | LONG_MACD | {name: nan}).side is None


# Gates


def test_adx_below_its_threshold_holds_with_its_figure() -> None:
    signal = decide(adx14=18.3, **LONG_RSI | LONG_MACD)
    assert signal.hold == Hold("ADX", 18.3, "<", 25.0)
    assert signal.hold.text == "ADX 18.3 < 25"
    assert (signal.side, signal.reasons) == (None, ())


def test_adx_on_its_threshold_passes() -> None:
    assert decide(adx14=25.0, **LONG_RSI | LONG_MACD).side is Side.LONG


@pytest.mark.parametrize("adx", [0.0, 3.0, nan])
def test_adx_threshold_zero_switches_the_gate_off(adx: float) -> None:
    assert decide({"adx_threshold": 0.0}, adx14=adx, **LONG_RSI | LONG_MACD).side is Side.LONG


def test_score_below_its_threshold_holds_with_the_better_side() -> None:
    signal = decide(**LONG_MACD | SHORT_RSI)
    assert signal.hold == Hold("score", 2.0, "<", 3.0)
    assert signal.score == 2.0


def test_adx_is_looked_at_before_the_score() -> None:
    hold = decide(adx14=10.0, volume=0.0).hold
    assert hold is not None
    assert hold.gate == "ADX"


def test_score_is_looked_at_before_the_volume() -> None:
    hold = decide(volume=0.0).hold
    assert hold is not None
    assert hold.gate == "score"


def test_both_sides_qualify_and_the_higher_wins() -> None:
    low_bar = {"signal_threshold": 1}
    assert decide(low_bar, **LONG_MACD | SHORT_RSI).side is Side.LONG
    assert decide(low_bar, **SHORT_MACD | LONG_RSI).side is Side.SHORT


def test_a_tie_holds() -> None:
    signal = decide({"signal_threshold": 2}, **LONG_MACD | SHORT_RSI | SHORT_BAND)
    assert signal.hold == Hold("score tie, long", 2.0, "=", 2.0)
    assert signal.side is None


def test_a_tie_below_the_threshold_is_a_low_score() -> None:
    assert decide(**LONG_RSI | SHORT_BAND).hold == Hold("score", 1.0, "<", 3.0)


def test_volume_below_the_surge_holds() -> None:
    assert decide(volume=499.0, **LONG_RSI | LONG_MACD).hold == Hold("volume", 499.0, "<", 500.0)


def test_volume_on_the_surge_passes() -> None:
    assert decide(volume=500.0, **LONG_RSI | LONG_MACD).side is Side.LONG


def test_one_point_more_waives_the_volume() -> None:
    assert decide(volume=1.0, **LONG_RSI | LONG_MACD | LONG_EMA).side is Side.LONG


@pytest.mark.parametrize("residue", [-1e-9, 0.0, 1e-9])
def test_no_volume_is_no_surge_over_no_volume(residue: float) -> None:
    """The mean of zeros is a residue of either sign: rounding must not decide."""
    hold = decide(volume=0.0, volume_mean20=residue, **LONG_RSI | LONG_MACD).hold
    assert hold is not None
    assert hold.gate == "volume"


def test_multiplier_zero_switches_the_volume_gate_off() -> None:
    assert decide({"volume_multiplier": 0.0}, volume=0.0, **LONG_RSI | LONG_MACD).side is Side.LONG


@pytest.mark.parametrize("atr", [0.0, 1e-11, nan])
def test_without_an_atr_there_is_no_stop(atr: float) -> None:
    hold = decide(atr14=atr, **LONG_RSI | LONG_MACD).hold
    assert hold is not None
    assert (hold.gate, hold.relation, hold.limit) == ("ATR", "<=", 1e-10)


def test_levels_below_zero_hold_instead_of_failing() -> None:
    assert decide(atr14=50.0, **LONG_RSI | LONG_MACD).hold == Hold("ATR distance", 100.0, ">=", 100.0)
    far_target = {"atr_tp_mult": 50.0}
    assert decide(far_target, **SHORT_RSI | SHORT_MACD).hold == Hold("ATR distance", 150.0, ">=", 100.0)
    assert decide(far_target, **LONG_RSI | LONG_MACD).side is Side.LONG


# Signals


def test_long_signal_in_full() -> None:
    assert decide({"atr_sl_mult": 1.5, "atr_tp_mult": 4.0}, **LONG_RSI | LONG_MACD) == Signal(
        symbol="TESTUSDT",
        strategy="composite",
        bar_at_ms=START_MS + 2 * BAR_MS,
        side=Side.LONG,
        score=3.0,
        reference_price=100.0,
        stop_price=95.5,
        target_price=112.0,
        atr=3.0,
        anchor=Anchor.FILL,
        reasons=(Reason("RSI < 35", 1.0), Reason("MACD crosses above signal", 2.0)),
    )


def test_short_signal_is_the_mirror() -> None:
    signal = decide(**SHORT_BAND | SHORT_EMA | SHORT_STOCH)
    assert (signal.side, signal.score) == (Side.SHORT, 3.0)
    assert (signal.stop_price, signal.reference_price, signal.target_price) == (106.0, 100.0, 94.0)
    assert signal.reasons == (
        Reason("close > upper band", 1.0),
        Reason("EMA9 < EMA21 < EMA50", 1.0),
        Reason("StochRSI K > 80, K < D", 1.0),
    )


def test_reasons_are_of_the_winning_side_only() -> None:
    signal = decide(**LONG_MACD | LONG_EMA | SHORT_RSI)
    assert [reason.name for reason in signal.reasons] == ["MACD crosses above signal", "EMA9 > EMA21 > EMA50"]
    assert signal.score == sum(reason.points for reason in signal.reasons) == 3.0


def test_figures_are_pythons_own() -> None:
    for signal in (decide(**LONG_RSI | LONG_MACD), decide(), decide(adx14=1.0)):
        figures = [signal.score, signal.reference_price, signal.stop_price, signal.target_price, signal.atr]
        figures += [signal.hold.value, signal.hold.limit] if signal.hold else []
        assert {type(figure) for figure in figures} == {float}
        assert type(signal.bar_at_ms) is int


# Explanations


def test_explain_gives_every_gate_even_after_the_first_failed() -> None:
    gates = explain(adx14=18.3, volume=300.0, **LONG_RSI | LONG_MACD)
    assert gates == (
        GateCheck("ADX", False, "18.3 < 25"),
        GateCheck("score", True, "long 3 (RSI < 35: 1; MACD crosses above signal: 2), short 0; needs 3"),
        GateCheck("volume", False, "300 < 500 (2.5 x mean 20)"),
        GateCheck("levels", True, "LONG 100: stop 94, target 106, ATR 3"),
    )


def test_explain_names_what_is_waived_or_off() -> None:
    gates = explain({"adx_threshold": 0.0}, volume=1.0, **SHORT_RSI | SHORT_MACD | SHORT_EMA)
    assert gates[0] == GateCheck("ADX", True, "30.0, gate off")
    assert gates[2] == GateCheck("volume", True, "1 < 500 (2.5 x mean 20), waived by score 4")
    assert gates[3] == GateCheck("levels", True, "SHORT 100: stop 106, target 94, ATR 3")


def test_explain_without_a_side() -> None:
    assert explain()[3] == GateCheck("levels", None, "no side leads")
    assert explain(**LONG_RSI | SHORT_BAND)[1].figures == (
        "long 1 (RSI < 35: 1), short 1 (close > upper band: 1); needs 3"
    )
    assert explain(atr14=0.0, **LONG_RSI)[3] == GateCheck("levels", False, "ATR 0 <= 0.0000000001")


# The strategy as it is found


def test_real_columns_feed_it() -> None:
    frame = random_frame(11, 3000)
    strategy = Composite(DEFAULTS)
    columns = strategy.prepare(frame)
    sides = [strategy.decide(frame, columns, i).side for i in range(500, 3000)]
    assert {None, Side.LONG, Side.SHORT} == set(sides)


def test_dead_market_never_signals() -> None:
    frame = flat_frame(700)
    loose = Composite(DEFAULTS | {"signal_threshold": 1, "adx_threshold": 0.0, "volume_multiplier": 0.0})
    columns = loose.prepare(frame)
    assert all(loose.decide(frame, columns, i).side is None for i in range(500, 700))


def test_defaults_are_those_of_the_specification() -> None:
    registry = Registry()
    assert {each.name: each.default for each in registry.parameters("composite")} == DEFAULTS | {
        "mode": "live"
    }
    xrp = registry.build("composite", "XRPUSDT").parameters
    assert (xrp["atr_sl_mult"], xrp["atr_tp_mult"], xrp["adx_threshold"]) == (1.5, 4.0, 25.0)


def test_declaration() -> None:
    assert STRATEGY is Composite
    assert (Composite.name, Composite.timeframe, Composite.correlation_symbols) == ("composite", "15m", ())
    assert Composite.warmup_bars <= 1000


def test_settings_are_frozen() -> None:
    made = Settings(25.0, 3, 2.5, 2.0, 2.0)
    with pytest.raises(AttributeError):
        made.adx_threshold = 0.0  # type: ignore[misc]
    assert replace(made, adx_threshold=0.0).adx_threshold == 0.0
