"""A strategy that knows the future is caught and named; the ones that do not are clean."""

from pathlib import Path

import pytest
from backtest_ground import strategy_file
from markets import random_frame

from bot.domain.market import timeframe_ms
from research.backtest.ground import Ground
from research.backtest.look_ahead import look_ahead
from research.results.plan import Plan
from strategies.registry import Registry

REGISTRY = Registry()
PLANTED = '''
"""Knows tomorrow's close."""

import numpy as np

from bot.domain.signal import Hold, Side, Signal
from bot.strategy import Strategy


class Prophet(Strategy):
    """Buys before it rises."""

    name = "prophet"
    timeframe = "15m"
    warmup_bars = 10

    def prepare(self, frame):
        """The next close, shifted here."""
        return {"ahead": np.append(frame.close[1:], frame.close[-1:])}

    def decide(self, frame, columns, i):
        """Long when the next close is higher."""
        close, closed = float(frame.close[i]), int(frame.open_at_ms[i]) + frame.timeframe_ms
        if columns["ahead"][i] <= close * 1.002:
            return Signal(frame.symbol, self.name, closed, None, 0.0, hold=Hold("rise", 0.0, "<", 1.0))
        return Signal(frame.symbol, self.name, closed, Side.LONG, 1.0, close, close * 0.99, close * 1.02, 1.0)

    def explain(self, frame, columns, i):
        """Nothing to explain."""
        return ()


STRATEGY = Prophet
'''


def test_a_planted_prophet_is_caught(tmp_path: Path) -> None:
    folder = strategy_file(tmp_path, "prophet", PLANTED)
    ground = Ground("15m", {"TESTUSDT": random_frame(3, 800)}, strategy_paths=(folder,))
    found = look_ahead(Plan("prophet"), ground, bars=20)
    assert not found.clean
    assert (found.bars, found.signals > 0) == (20, True)
    named = {one.what for one in found.differences}
    assert {"column ahead", "side", "entries: side"} <= named
    side = next(one for one in found.differences if one.what == "side")
    assert (side.symbol, side.with_future, side.without) == ("TESTUSDT", "LONG", "none")
    assert look_ahead(Plan("prophet"), ground, bars=20) == found


@pytest.mark.parametrize("name", REGISTRY.names())
def test_our_strategies_do_not_look_ahead(name: str) -> None:
    timeframe = REGISTRY.strategy_class(name).timeframe
    frame = random_frame(4, 2_000, bar_ms=timeframe_ms(timeframe))
    found = look_ahead(Plan(name), Ground(timeframe, {"TESTUSDT": frame}), bars=24)
    assert found.bars == 24
    assert found.clean, found.differences
