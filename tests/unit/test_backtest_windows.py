"""Windows of a history and the walk-forward over them: own bars only, warmed up on what is before, pooled exactly."""

from dataclasses import replace
from math import isclose

import numpy as np
import pytest
from outcomes import BAR_MS, FROM_MS, random_frame

from bot.domain.errors import ConfigError
from research.backtest.context import Market
from research.backtest.exact import run_exact
from research.backtest.folds import folds
from research.backtest.ground import Ground
from research.backtest.walk import Walk, walk_forward, walk_row
from research.backtest.windows import run_window, window
from research.progress import Stopped, Tell, silent
from research.results.outcome import Outcome
from research.results.plan import Plan
from research.results.statistics import figures_of

DAY = 96
DAY_MS = DAY * BAR_MS
LOOSE = Plan("composite", {"signal_threshold": 2, "adx_threshold": 0.0, "volume_multiplier": 1.0})
WARMUP = 500
FRAMES = {name: random_frame(seed, 60 * DAY, name) for seed, name in ((21, "BTCUSDT"), (22, "XRPUSDT"))}
GROUND = Ground("15m", FRAMES)


def test_a_window_has_its_own_bars_and_some_to_warm_up_on() -> None:
    """As many before as asked for, fewer where there are fewer; symbols without bars are left out."""
    from_ms, to_ms = FROM_MS + 10 * DAY_MS, FROM_MS + 20 * DAY_MS
    part = window(GROUND, from_ms, to_ms, WARMUP)
    assert {len(frame) for frame in part.frames.values()} == {10 * DAY + WARMUP}
    assert all(frame.open_at_ms[WARMUP] == from_ms for frame in part.frames.values())
    early = window(GROUND, FROM_MS + DAY_MS, to_ms, WARMUP)
    assert {len(frame) for frame in early.frames.values()} == {20 * DAY}
    late = replace(
        GROUND, frames={**FRAMES, "NEWUSDT": random_frame(9, DAY, "NEWUSDT", FROM_MS + 50 * DAY_MS)}
    )
    assert set(window(late, from_ms, to_ms, WARMUP).frames) == set(FRAMES)


def test_a_window_begins_flat_ends_flat_and_counts_its_own_bars() -> None:
    """Entries and exits within it, one equity point per own bar, the first possible entry at its first open."""
    from_ms, to_ms = FROM_MS + 20 * DAY_MS, FROM_MS + 50 * DAY_MS
    found = run_window(run_exact, LOOSE, GROUND, (from_ms, to_ms, WARMUP), silent)
    assert found is not None
    assert len(found.trades) > 30
    assert all(from_ms <= one.entry_at_ms <= one.exit_at_ms < to_ms for one in found.trades)
    assert len(found.equity.at_ms) == 30 * DAY
    assert found.equity.at_ms[0] == from_ms + BAR_MS
    assert {(one.from_ms, one.to_ms, one.bars, one.warmup_bars) for one in found.stretches} == {
        (from_ms, to_ms, 30 * DAY, 0)
    }
    assert isclose(found.equity.equity[-1], 10_000 + sum(one.net for one in found.trades), rel_tol=1e-12)


def test_a_window_without_candles_is_none() -> None:
    """Nothing to trade, nothing said."""
    assert (
        run_window(run_exact, LOOSE, GROUND, (FROM_MS + 90 * DAY_MS, FROM_MS + 99 * DAY_MS, 9), silent)
        is None
    )


@pytest.fixture(scope="module")
def walked() -> Walk:
    """Folds of ten days and five, both symbols."""
    return walk_forward(LOOSE, GROUND, run_exact, ("10d", "5d"), Market(FRAMES), silent)


def test_folds_are_those_asked_for_and_carry_their_market(walked: Walk) -> None:
    """Ten folds over sixty days, each with its context."""
    expected = folds(FROM_MS, FROM_MS + 60 * DAY_MS, "10d", "5d")
    assert tuple(one.fold for one in walked.judged) == expected
    assert len(expected) == 10
    for one in walked.judged:
        assert (one.context.from_ms, one.context.to_ms) == (one.fold.test_from_ms, one.fold.test_to_ms)
        assert one.context.btc_return is not None
        assert one.test is not None
        assert one.test.bars == 5 * DAY


def test_test_windows_are_judged_together_from_their_trades(walked: Walk) -> None:
    """The merged trade list, recomputed window by window by hand."""
    trades = []
    for one in walked.judged:
        span = (one.fold.test_from_ms, one.fold.test_to_ms, WARMUP)
        outcome = run_window(run_exact, LOOSE, GROUND, span, silent)
        assert outcome is not None
        trades += outcome.trades
    assert walked.tested == figures_of(trades)
    averaged = np.mean(
        [one.test.total.profit_factor for one in walked.judged if one.test and one.test.total.losses]
    )
    assert walked.tested.profit_factor is not None
    assert not isclose(float(averaged), walked.tested.profit_factor, rel_tol=1e-3)


def test_the_row_is_plain_and_whole(walked: Walk) -> None:
    """Every fold with train, test and context."""
    row = walk_row(walked)
    rows = row["folds"]
    assert isinstance(rows, list)
    assert len(rows) == 10
    assert set(rows[0]) >= {"train_from_ms", "test_to_ms", "train", "test", "context"}
    assert rows[3]["test"]["trades"] == walked.judged[3].test.total.trades  # type: ignore[union-attr]


def test_few_trades_are_said_to_mean_nothing() -> None:
    """A strategy that hardly trades."""
    rare = Plan("composite", {"signal_threshold": 6, "adx_threshold": 60.0})
    found = walk_forward(rare, GROUND, run_exact, ("30d", "15d"), Market(), silent)
    assert found.tested.trades < 30
    assert "the figures mean nothing" in found.notes[0]


def test_too_short_a_history_is_refused_and_work_can_be_stopped() -> None:
    """One line; and whoever hears of it may end it."""
    with pytest.raises(ConfigError, match=r"the candles span 60\.0 days"):
        walk_forward(LOOSE, GROUND, run_exact, ("3m", "1m"), Market(), silent)

    def enough(done: int, _whole: int) -> None:
        if done:
            raise Stopped

    seen: list[int] = []

    def counted(plan: Plan, ground: Ground, tell: Tell) -> Outcome:
        seen.append(len(ground.frames))
        return run_exact(plan, ground, tell)

    with pytest.raises(Stopped):
        walk_forward(LOOSE, GROUND, counted, ("20d", "20d"), Market(), enough)
    assert len(seen) == 2
