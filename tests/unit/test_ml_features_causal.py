"""No feature knows the future: whatever comes after a bar, the bar's row stays what it was, to the last bit."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from markets import PRICE_COLUMNS, real_frame, rows
from ml_features_kit import ALL, at, everything, unlike

from bot.market.points import Points
from bot.ml.align import Sources
from bot.ml.compute import history_matrix, live_row
from bot.ml.feature import Feature, FeatureSet, Inputs, Windows
from bot.strategy import Frame

BARS = 1_300


def other_frame(frame: Frame, cut: int, chance: np.random.Generator) -> Frame:
    """The same bars up to row `cut` (excluded), wilder ones after it."""
    columns = {name: getattr(frame, name).copy() for name in PRICE_COLUMNS}
    wild = np.exp(np.cumsum(chance.normal(0.0, 0.05, len(frame) - cut)))
    for name, column in columns.items():
        column[cut:] *= wild if name != "volume" else chance.uniform(0.0, 20.0, len(frame) - cut)
    return Frame(frame.symbol, frame.timeframe_ms, frame.open_at_ms, *columns.values())


def other_future(sources: Sources, cut: int, chance: np.random.Generator) -> Sources:
    """Everything known by the close of row `cut` - 1 as it was, everything after it another."""
    closed_ms = int(sources.frame.open_at_ms[cut - 1]) + sources.frame.timeframe_ms

    def points(given: Points) -> Points:
        later = given.at_ms >= closed_ms
        kept = ~later | (chance.random(len(later)) < 0.8)
        value = np.where(later, given.value * chance.uniform(0.1, 9.0, len(later)), given.value)
        return Points(given.at_ms[kept], value[kept])

    def column(given: np.ndarray) -> np.ndarray:
        return np.concatenate((given[:cut], chance.choice([-1.0, 1.0, np.nan], len(given) - cut)))

    def beside(given: Frame | None) -> Frame | None:
        return given and other_frame(given, int(np.searchsorted(given.open_at_ms, closed_ms)), chance)

    assert sources.strength is not None
    assert sources.side is not None
    return Sources(
        other_frame(sources.frame, cut, chance),
        beside(sources.btc),
        beside(sources.eth),
        {name: points(given) for name, given in sources.points.items()},
        {name: points(given) for name, given in sources.btc_points.items()},
        {name: points(given) for name, given in sources.eth_points.items()},
        column(sources.strength),
        column(sources.side),
        {name: column(given) for name, given in sources.outside.items()},
    )


def knowing(features: FeatureSet, sources: Sources, cut: int, seed: int) -> list[str]:
    """Features whose rows before `cut` change with what comes after it."""
    other = other_future(sources, cut, np.random.default_rng(seed))
    return unlike(features, history_matrix(features, sources)[:cut], history_matrix(features, other)[:cut])


@settings(max_examples=25)
@given(some.integers(0, 10**6), some.integers(1, BARS))
def test_another_future_changes_no_row_of_the_past(seed: int, cut: int) -> None:
    assert not knowing(ALL, everything(seed, BARS), cut, seed)


@pytest.mark.parametrize("cut", [777, 1_500, 1_501, 1_999])
def test_on_real_candles_too(cut: int) -> None:
    part, btc, eth = (rows(real_frame(name), 20_000, 22_000) for name in ("SOLUSDT", "BTCUSDT", "ETHUSDT"))
    one = everything(1, 2_000)
    sources = replace(one, frame=part, btc=btc, eth=eth)
    assert not knowing(ALL, sources, cut, cut)


def test_a_history_cut_off_gives_the_rows_it_had() -> None:
    sources = everything(8, BARS)
    whole = history_matrix(ALL, sources)
    for end in (1, 2, 40, 599, 850, 1_111):
        seen = replace(
            sources,
            frame=rows(sources.frame, 0, end),
            strength=sources.strength[:end],
            side=sources.side[:end],
            outside={name: column[:end] for name, column in sources.outside.items()},
        )
        assert not unlike(ALL, history_matrix(ALL, seen), whole[:end])


def next_close(inputs: Inputs) -> Windows:
    return np.roll(inputs.close, -1, axis=1) / inputs.close


def share_of_the_highest(inputs: Inputs) -> Windows:
    return inputs.close / inputs.close.max(axis=1, keepdims=True)


def centred_mean(inputs: Inputs) -> Windows:
    return (
        np.roll(inputs.close, 1, axis=1) + inputs.close + np.roll(inputs.close, -1, axis=1)
    ) / inputs.close


def later_funding(inputs: Inputs) -> Windows:
    return np.roll(inputs.points["funding_rate"], -1, axis=1)


def btc_at_the_next_bar(inputs: Inputs) -> Windows:
    return np.roll(inputs.btc.close, -1, axis=1)


PLANTED = (next_close, share_of_the_highest, centred_mean, later_funding, btc_at_the_next_bar)


@pytest.mark.parametrize("normal", ["plain", "z96"])
@pytest.mark.parametrize("function", PLANTED, ids=lambda function: function.__name__)
def test_one_that_looks_ahead_is_caught(function: Callable[[Inputs], Windows], normal: str) -> None:
    """The very checks see it: another future, and the comparison of a live row with the history's."""
    needs = ("btc", "funding_rate")
    planted = Feature(function.__name__, "base", "planted", function, normal, needs)  # type: ignore[arg-type]
    features = FeatureSet((*ALL.features[:3], planted))
    sources = everything(5, BARS)
    names = {name for cut in range(1_001, 1_101, 3) for name in knowing(features, sources, cut, cut)}
    assert names == {function.__name__}
    rows_of_desk = [live_row(features, at(sources, end)) for end in range(1_001, 1_101, 9)]
    rows_of_history = [history_matrix(features, sources)[end - 1 : end] for end in range(1_001, 1_101, 9)]
    unlike_rows = unlike(features, np.concatenate(rows_of_desk), np.concatenate(rows_of_history))
    assert unlike_rows == [function.__name__]
