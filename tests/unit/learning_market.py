"""Markets made for the filter: in one BTC's last hour tells what a signal will come to, in the other nothing does."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from markets import frame_of

from bot.ml.align import Sources
from bot.strategy import Frame, Strategy
from strategies.registry import Registry

RUN = 12
"""Bars that a decided signal takes to its target or its stop."""
RUNS_AHEAD = 0.85
"""How often a signal comes to what BTC tells."""
TOLD_BY = "btc_ret_5"


def walk_frame(seed: int, bars: int, symbol: str, price: float) -> Frame:
    """A walk of which no bar tells the next, with many surges of volume."""
    chance = np.random.default_rng(seed)
    steps = 0.003 * chance.standard_normal(bars)
    close = price * np.exp(np.cumsum(steps))
    opened = np.concatenate(([price], close[:-1]))
    reach = 0.0015 * np.abs(chance.standard_normal((2, bars)))
    high, low = np.maximum(opened, close) * (1.0 + reach[0]), np.minimum(opened, close) * (1.0 - reach[1])
    return frame_of(opened, high, low, close, chance.lognormal(7.0, 1.6, bars), symbol=symbol)


@dataclass
class Prices:
    """Candles as they are being made: what follows a bar may be written anew."""

    frame: Frame

    def run(self, bar: int, to: float) -> None:
        """Let the bars after `bar` go straight to a price, and all that follows from there on as it would have."""
        frame, end = self.frame, min(bar + RUN, len(self.frame) - 1)
        steps = np.linspace(frame.close[bar], to, end - bar + 1)
        moved = to / frame.close[end]
        for column in (frame.open, frame.high, frame.low, frame.close):
            column[end + 1 :] *= moved
        frame.open[bar + 1 : end + 1], frame.close[bar + 1 : end + 1] = steps[:-1], steps[1:]
        frame.high[bar + 1 : end + 1] = np.maximum(steps[:-1], steps[1:]) * 1.0005
        frame.low[bar + 1 : end + 1] = np.minimum(steps[:-1], steps[1:]) * 0.9995


BUSY = '''
"""composite that trades as often as it is trained."""

from strategies.composite.strategy import Composite


class Busy(Composite):
    """The same rules."""

    name = "busy"


STRATEGY = Busy
'''
PARAMETERS = """
adx_threshold: {default: 15.0, low: 0.0, high: 100.0}
signal_threshold: {default: 2, low: 1, high: 6}
volume_multiplier: {default: 1.5, low: 0.0, high: 20.0}
atr_sl_mult: {default: 1.5, low: 0.1, high: 20.0}
atr_tp_mult: {default: 2.5, low: 0.1, high: 50.0}
"""


def busy(folder: Path) -> Registry:
    """A registry with a strategy that gives many trades."""
    own = folder / "busy"
    own.mkdir(exist_ok=True)
    (own / "strategy.py").write_text(BUSY)
    (own / "default.yaml").write_text(PARAMETERS)
    return Registry([folder])


@cache
def told_market(registry: Registry, seed: int, bars: int, told: float = RUNS_AHEAD) -> Sources:
    """Every signal of `busy` that is not yet under way is decided by whether BTC rose in the last five bars."""
    chance = np.random.default_rng(seed)
    btc = walk_frame(seed + 1, bars, "BTCUSDT", 30_000.0)
    prices = Prices(walk_frame(seed, bars, "XRPUSDT", 0.5))
    strategy = registry.build("busy", "XRPUSDT")
    bar = 0
    while (found := _next(strategy, prices.frame, bar)) is not None:
        bar, close, stop, target = found
        rose = btc.close[bar] > btc.close[bar - 5]
        wins = rose == bool(chance.random() < told)
        level = target if wins else stop
        prices.run(bar, close + 1.1 * (level - close))
        bar += RUN
    frame = prices.frame
    columns = (frame.open, frame.high, frame.low, frame.close, frame.volume)
    return Sources(frame_of(*columns, symbol="XRPUSDT"), btc, None)


def _next(strategy: Strategy, frame: Frame, after: int) -> tuple[int, float, float, float] | None:
    """The first signal after a bar: its bar, close, stop and target. Looks at as few bars as it can."""
    for ahead in (600, 3_000, len(frame)):
        begin, end = max(0, after - 1_000), min(len(frame), after + ahead)
        part = frame_of(
            *(getattr(frame, name)[begin:end] for name in ("open", "high", "low", "close", "volume"))
        )
        entries = strategy.entries(part, strategy.prepare_history(part))
        later = np.flatnonzero(entries.row + begin > after)
        if len(later):
            first = later[0]
            figures = (entries.reference_price[first], entries.stop_price[first], entries.target_price[first])
            return (int(entries.row[first]) + begin, *map(float, figures))
    return None


@cache
def noise_market(seed: int, bars: int) -> Sources:
    """Nothing tells anything."""
    btc = walk_frame(seed + 1, bars, "BTCUSDT", 30_000.0)
    return Sources(walk_frame(seed, bars, "XRPUSDT", 0.5), btc, None)
