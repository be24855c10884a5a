"""What tests of backtests stand on: a strategy that follows a script, and candles to follow it on."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from bot.strategy import Frame
from research.backtest.exact import run_exact
from research.backtest.fast import run_fast
from research.backtest.ground import Ground
from research.results.outcome import Outcome, SimulatedTrade
from research.results.plan import Plan

BAR_MS = 900_000
START_MS = 1_700_000_100_000 // BAR_MS * BAR_MS
GRID = 4e-12
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


FIGURES = (
    "quantity",
    "entry_price",
    "exit_price",
    "fees",
    "funding",
    "net",
    "net_return",
    "score",
    "stop_price",
    "target_price",
    "adverse",
    "favourable",
)
MONEY = {"fees", "funding", "net"}


def unlike(exact: Outcome, fast: Outcome, most: float = 1e-9) -> list[str]:
    """Where two ways do not agree, in words: bars and reasons equal, figures within `most` of themselves.

    Money is kept on a grid of 1e-12 by the exact way: some steps of it are no difference.
    """
    lines = (
        []
        if len(exact.trades) == len(fast.trades)
        else [f"{len(exact.trades)} and {len(fast.trades)} trades"]
    )
    for number, (one, other) in enumerate(zip(exact.trades, fast.trades, strict=False)):
        lines += [f"trade {number}: {line}" for line in _unlike(one, other, most)]
    if exact.stretches != fast.stretches:
        lines.append(f"{exact.stretches} and {fast.stretches}")
    if not np.array_equal(exact.equity.at_ms, fast.equity.at_ms):
        return [*lines, "the equity series are of other times"]
    apart = np.abs(exact.equity.equity - fast.equity.equity) > most * np.abs(exact.equity.equity)
    return lines + [f"equity differs at bar {row}" for row in np.flatnonzero(apart)[:3]]


def _unlike(one: SimulatedTrade, other: SimulatedTrade, most: float) -> list[str]:
    whole = ("symbol", "side", "entry_at_ms", "exit_at_ms", "reason")
    lines = [
        f"{name} {getattr(one, name)} and {getattr(other, name)}"
        for name in whole
        if getattr(one, name) != getattr(other, name)
    ]
    steps = dict.fromkeys(MONEY, GRID) | {"net_return": GRID / (one.quantity * one.entry_price)}
    pairs = [(name, getattr(one, name), getattr(other, name)) for name in FIGURES]
    pairs += [
        (f"{name} at entry", value, other.indicators.get(name, np.inf))
        for name, value in one.indicators.items()
    ]
    least = {"adverse": 1e-12, "favourable": 1e-12}
    return lines + [
        f"{name} {a!r} and {b!r}"
        for name, a, b in pairs
        if not np.isclose(
            a, b, rtol=most, atol=steps.get(name, least.get(name, _usual(name))), equal_nan=True
        )
    ]


def _usual(name: str) -> float:
    """Columns of two libraries agree to this: a MACD near its signal is next to nothing."""
    return 1e-9 if name.endswith(" at entry") else 0.0
