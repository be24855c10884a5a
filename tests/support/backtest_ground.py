"""What tests of backtests stand on: a strategy that follows a script, and candles to follow it on."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from bot.strategy import Frame
from research.backtest.exact import run_exact
from research.backtest.fast import run_fast
from research.backtest.ground import Ground
from research.results.outcome import Outcome
from research.results.plan import Plan

BAR_MS = 900_000
START_MS = 1_700_000_100_000 // BAR_MS * BAR_MS
WAYS: dict[str, Callable[[Plan, Ground], Outcome]] = {"exact": run_exact, "fast": run_fast}

SCRIPTED = '''
"""Volume 1 says long, 2 says short; the ATR is the bar's own height."""

from bot.domain.signal import Hold, Side, Signal
from bot.strategy import Strategy


class Scripted(Strategy):
    """Does what the volume says."""

    name = "scripted"
    timeframe = "15m"
    warmup_bars = 3

    def prepare(self, frame):
        """The bar's height."""
        return {"atr": frame.high - frame.low}

    def decide(self, frame, columns, i):
        """Long, short, or nothing."""
        side = {1.0: Side.LONG, 2.0: Side.SHORT}.get(float(frame.volume[i]))
        closed = int(frame.open_at_ms[i]) + frame.timeframe_ms
        if side is None:
            return Signal(frame.symbol, self.name, closed, None, 0.0, hold=Hold("script", 0.0, "<", 1.0))
        close, atr = float(frame.close[i]), float(columns["atr"][i])
        stop = close - side.sign * atr * self.parameters["sl"]
        target = close + side.sign * atr * self.parameters["tp"]
        return Signal(frame.symbol, self.name, closed, side, 1.0, close, stop, target, atr)

    def explain(self, frame, columns, i):
        """Nothing to explain."""
        return ()


STRATEGY = Scripted
'''
SCRIPTED_DEFAULTS = """
sl: {default: 1.0, low: 0.1, high: 20.0, unit: x ATR, help: Distance of the stop.}
tp: {default: 2.0, low: 0.1, high: 20.0, unit: x ATR, help: Distance of the target.}
"""


def strategy_file(root: Path, name: str, code: str, defaults: str = "{}\n") -> Path:
    """A strategy in a folder of its own under `root`; answers `root`."""
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "strategy.py").write_text(code)
    (folder / "default.yaml").write_text(defaults)
    return root


def scripted(root: Path) -> Path:
    """The folder with the strategy that follows a script."""
    return strategy_file(root, "scripted", SCRIPTED, SCRIPTED_DEFAULTS)


def bars(
    rows: Sequence[Sequence[float]], at: Sequence[int] = (), symbol: str = "TESTUSDT", bar_ms: int = BAR_MS
) -> Frame:
    """Open, high, low, close, volume by row; `at` counts bars since the start where some are missing."""
    columns = np.array(rows, dtype=np.float64).T
    places = np.array(at or range(len(rows)), dtype=np.int64)
    return Frame(symbol, bar_ms, START_MS + bar_ms * places, *map(np.ascontiguousarray, columns))
