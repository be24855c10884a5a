"""Markets and a strategy for sweeps: what its sets come to is planted, so that a verdict is right or wrong."""

from pathlib import Path

import numpy as np

from bot.domain.market import MINUTE_MS
from bot.strategy import Frame

BAR_MS = 15 * MINUTE_MS
BEGIN_MS = 1_672_531_200_000
"""2023-01-01."""

CODE = '''
"""Enters every eighth bar; on planted (a, b) in the direction of the next bars, else against it or by a coin."""

import numpy as np

from bot.domain.signal import Hold, Side, Signal
from bot.strategy import Strategy

PLAN = {plan!r}


class Planted(Strategy):
    """Looks ahead on purpose: its sets come to what the test planted."""

    name = "planted"
    timeframe = "15m"
    warmup_bars = 4

    def prepare(self, frame):
        ahead = np.roll(frame.close, -4) - frame.close
        return {{"ahead": ahead}}

    def decide(self, frame, columns, i):
        closed = int(frame.open_at_ms[i]) + frame.timeframe_ms
        a, b = int(self.parameters["a"]), int(self.parameters["b"])
        if i % 8 or i + 5 >= len(frame):
            return Signal(frame.symbol, self.name, closed, None, 0.0, hold=Hold("turn", 0.0, "<", 1.0))
        share = PLAN.get((a, b), PLAN[None])
        right = (i // 8 * 7919 + a * 31 + b * 17) % 100 < share
        up = (columns["ahead"][i] > 0) == right
        close = float(frame.close[i])
        side = Side.LONG if up else Side.SHORT
        far = close * 0.01
        return Signal(
            symbol=frame.symbol, strategy=self.name, bar_at_ms=closed, side=side, score=1.0, reference_price=close,
            stop_price=close - side.sign * far, target_price=close + side.sign * far, atr=far,
        )

    def explain(self, frame, columns, i):
        return ()


STRATEGY = Planted
'''
DEFAULTS = """
a: {default: 2, low: 0, high: 4, unit: steps, help: First.}
b: {default: 2, low: 0, high: 4, unit: steps, help: Second.}
"""
GRID = "a: [0, 1, 2, 3, 4]\nb: [0, 1, 2, 3, 4]\n"
LONE_PEAK = {(2, 2): 75, None: 45}
PLATEAU = {**{(a, b): 72 for a in (1, 2, 3) for b in (1, 2, 3)}, (2, 2): 75, None: 45}
COIN = {None: 50}


def planted_folder(root: Path, plan: dict[object, int]) -> Path:
    """A folder with the strategy: `plan` gives how often, in per cent, each (a, b) is right; None: all others."""
    folder = root / "planted"
    folder.mkdir(parents=True)
    (folder / "strategy.py").write_text(CODE.format(plan=plan))
    (folder / "default.yaml").write_text(DEFAULTS)
    return root


def walk_frame(symbol: str, bars: int, seed: int, step: float = 0.004) -> Frame:
    """A random walk of 15-minute candles."""
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, step, bars)))
    opened = np.concatenate(([100.0], close[:-1]))
    wick = np.abs(rng.normal(0.0, step / 2, (2, bars)))
    return Frame(
        symbol=symbol,
        timeframe_ms=BAR_MS,
        open_at_ms=BEGIN_MS + np.arange(bars, dtype=np.int64) * BAR_MS,
        open=opened,
        high=np.maximum(opened, close) * (1 + wick[0]),
        low=np.minimum(opened, close) * (1 - wick[1]),
        close=close,
        volume=rng.lognormal(3.0, 1.0, bars),
    )


def write_csv(folder: Path, frame: Frame) -> Path:
    """The frame as a candle file."""
    path = folder / f"{frame.symbol}.csv"
    columns = (frame.open_at_ms, frame.open, frame.high, frame.low, frame.close, frame.volume)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    lines = [",".join(map(repr, row)) for row in rows]
    path.write_text("\n".join(["timestamp,open,high,low,close,volume", *lines]) + "\n")
    return path
