"""composite on any figures: decision and explanation agree, signals are tradable, short mirrors long."""

from math import inf, nan
from typing import Any

from composite_bars import DEFAULTS, QUIET, bar
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import random_frame

from bot.domain.signal import Side
from bot.strategy import Columns, Frame
from strategies.composite.strategy import Composite
from strategies.registry import Registry

PRICE = st.floats(min_value=1e-6, max_value=1e6)
ANY = st.one_of(
    st.floats(min_value=-1e3, max_value=1e3), st.sampled_from([nan, 0.0, 20.0, 35.0, 65.0, 80.0, 100.0])
)


@st.composite
def bars(draw: st.DrawFn) -> tuple[Frame, Columns]:
    figures: dict[str, Any] = {name: (draw(ANY), draw(ANY)) for name in QUIET if name != "close"}
    figures["close"] = (draw(PRICE), draw(PRICE))
    return bar(**figures)


@st.composite
def parameter_sets(draw: st.DrawFn) -> dict[str, Any]:
    declared = Registry().parameters("composite")[:-1]
    return {
        each.name: draw(
            st.integers(int(each.low or 0), int(each.high or 0))
            if isinstance(each.default, int)
            else st.floats(each.low, each.high)
        )
        for each in declared
    }


@given(bars(), parameter_sets())
@settings(deadline=None, max_examples=300)
def test_decision_and_explanation_agree(case: tuple[Frame, Columns], parameters: dict[str, Any]) -> None:
    strategy = Composite(parameters)
    signal, gates = strategy.decide(*case, 1), strategy.explain(*case, 1)
    assert [gate.gate for gate in gates] == ["ADX", "score", "volume", "levels"]
    assert (signal.side is not None) == all(gate.passed for gate in gates)
    assert (signal.side is None) == (signal.hold is not None)
    if signal.hold:
        failed = next(gate.gate for gate in gates if not gate.passed)
        names = {"ADX": "ADX", "score": "score", "score tie, long": "score", "volume": "volume"}
        assert names.get(signal.hold.gate, "levels") == failed


@given(bars(), parameter_sets())
@settings(deadline=None, max_examples=300)
def test_signal_is_always_tradable(case: tuple[Frame, Columns], parameters: dict[str, Any]) -> None:
    signal = Composite(parameters).decide(*case, 1)
    if signal.side is None:
        assert (signal.stop_price, signal.target_price, signal.reasons) == (0.0, 0.0, ())
        return
    low, high = sorted((signal.stop_price, signal.target_price))
    assert 0.0 < low < signal.reference_price < high < inf
    assert (signal.stop_price < signal.target_price) == (signal.side is Side.LONG)
    assert signal.score >= parameters["signal_threshold"]
    assert signal.score == sum(reason.points for reason in signal.reasons)


@given(st.integers(0, 10_000))
@settings(deadline=None, max_examples=25)
def test_mirrored_columns_give_the_mirrored_signal(seed: int) -> None:
    """Turn oscillators and distances around the price over: long becomes short, with the same score."""
    frame = random_frame(seed, 120)
    strategy = Composite(DEFAULTS | {"signal_threshold": 2, "adx_threshold": 0.0, "volume_multiplier": 0.0})
    columns = strategy.prepare(frame)
    mirrored = mirror(frame, columns)
    for i in range(60, 120):
        one, other = strategy.decide(frame, columns, i), strategy.decide(frame, mirrored, i)
        assert one.score == other.score
        assert other.side is (one.side.opposite if one.side else None)


def mirror(frame: Frame, columns: Columns) -> Columns:
    turned = dict(columns)
    for name in ("rsi14", "stoch_k", "stoch_d"):
        turned[name] = 100.0 - columns[name]
    for name in ("ema9", "ema21", "ema50"):
        turned[name] = 2.0 * frame.close - columns[name]
    turned["bb_lower"] = 2.0 * frame.close - columns["bb_upper"]
    turned["bb_upper"] = 2.0 * frame.close - columns["bb_lower"]
    turned["macd_hist"] = -columns["macd_hist"]
    return turned
