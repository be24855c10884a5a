"""Exact = fast = the oracle on 400 random markets: gaps, spikes, dead stretches, missing bars, ticks."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from backtest_ground import START_MS, scripted, unlike
from backtest_oracle import Said, Terms, differences, round_trips

from bot.strategy import Frame
from bot.venues.matching import BothHit
from research.backtest.exact import run_exact
from research.backtest.fast import run_fast
from research.backtest.ground import Ground
from research.results.plan import Plan, Rules
from research.store.port import Points
from strategies.registry import Registry

MARKETS, BATCHES, BARS, INSIDE = 2_000, 20, 150, 3
BAR_MS = 900_000
LEVELS = ((1.0, 2.0), (0.4, 0.5), (3.0, 1.0), (0.2, 6.0))
SLIPPAGES = ("0.0001", "0", "0.002")


def finer_frame(chance: np.random.Generator) -> Frame:
    """Five-minute candles; the volume of every third writes the script: 1 long, 2 short, 0 dead."""
    count = BARS * INSIDE
    wild = chance.standard_t(3, (2, count)) * chance.choice([2e-4, 2e-3])
    wild += np.where(chance.random((2, count)) < 0.01, chance.normal(0, 0.03, (2, count)), 0.0)  # gaps
    steps = np.where(np.repeat(chance.random(BARS) < 0.08, INSIDE), 0.0, np.clip(wild, -0.15, 0.15))
    path = 10 ** chance.uniform(-1, 4) * np.exp(np.cumsum(steps.T.ravel()))
    opened, close = path[0::2], path[1::2]
    dead = np.repeat(chance.random(BARS) < 0.1, INSIDE)
    spikes = np.where(dead, 0.0, np.abs(chance.standard_t(3, (2, count))) * 1e-3).clip(0, 0.1)
    close = np.where(dead, opened, close)
    high, low = np.maximum(opened, close) * (1 + spikes[0]), np.minimum(opened, close) * (1 - spikes[1])
    columns = (opened, high, low, close)
    if chance.random() < 0.4:  # on a tick that floats hold exactly: levels are touched to the digit
        tick = 2.0 ** (np.floor(np.log2(path[0])) - 6)
        columns = tuple(np.maximum(np.round(each / tick), 1) * tick for each in columns)
    at_ms = START_MS + BAR_MS // INSIDE * np.arange(count, dtype=np.int64)
    return Frame("TESTUSDT", BAR_MS // INSIDE, at_ms, *columns, np.zeros(count))


def market(chance: np.random.Generator) -> tuple[Frame, Frame]:
    """Bars made of finer candles; some of both are missing."""
    finer = finer_frame(chance)
    first = np.arange(0, len(finer), INSIDE)
    script = chance.choice([0.0, 1.0, 2.0], BARS, p=[0.7, 0.15, 0.15])
    columns = (
        finer.open_at_ms[first],
        finer.open[first],
        np.maximum.reduceat(finer.high, first),
        np.minimum.reduceat(finer.low, first),
        finer.close[first + INSIDE - 1],
    )
    keep, known = chance.random(BARS) > 0.02, chance.random(len(finer)) > 0.1
    bars = Frame("TESTUSDT", BAR_MS, *(each[keep] for each in columns), script[keep])
    named = (finer.open_at_ms, finer.open, finer.high, finer.low, finer.close, finer.volume)
    return bars, Frame("TESTUSDT", finer.timeframe_ms, *(each[known] for each in named))


def script_of(frame: Frame, sl: float, tp: float) -> dict[int, Said]:
    """What the scripted strategy says; a bar without height gives no levels and no signal."""
    found: dict[int, Said] = {}
    for row in range(2, len(frame) - 1):
        if frame.volume[row]:
            atr = float(frame.high[row] - frame.low[row])
            found[row] = Said(1 if frame.volume[row] == 1.0 else -1, atr * sl, atr * tp)
    return found


def silenced(frame: Frame) -> Frame:
    """No signals on bars without a height: they would have no levels."""
    flat = frame.high - frame.low < 1e-9 * frame.close
    volume = np.where(flat, 0.0, frame.volume)
    columns = (frame.open, frame.high, frame.low, frame.close)
    return Frame(frame.symbol, frame.timeframe_ms, frame.open_at_ms, *columns, volume)


@pytest.mark.parametrize("batch", range(0, BATCHES, 5))
def test_random_markets(batch: int, tmp_path: Path) -> None:
    folder = scripted(tmp_path)
    registry, trades = Registry([folder]), 0
    for seed in range(batch, MARKETS, BATCHES):
        chance = np.random.default_rng(seed)
        bars, finer = market(chance)
        frame = silenced(bars)
        (sl, tp), slippage = LEVELS[seed % 4], SLIPPAGES[seed // 4 % 3]
        both_hit = ("stop", "target", "path")[seed // 12 % 3]
        times = np.arange(START_MS, int(frame.open_at_ms[-1]), 8 * BAR_MS, dtype=np.int64)
        rates = Points(times, chance.normal(1e-4, 5e-4, len(times)))
        ground = Ground("15m", {"TESTUSDT": frame}, {"TESTUSDT": rates}, {"TESTUSDT": finer}, {}, (folder,))
        rules = Rules(slippage=Decimal(slippage), both_hit=BothHit(both_hit))
        plan = Plan("scripted", {"sl": sl, "tp": tp}, rules, wallet=Decimal(1_000_000))
        paid = dict(zip(times.tolist(), rates.value.tolist(), strict=True))
        terms = Terms(float(slippage), both_hit=both_hit, funding=paid, finer=finer)
        told = round_trips(frame, script_of(frame, sl, tp), terms)
        exact, fast = run_exact(plan, ground, registry=registry), run_fast(plan, ground, registry=registry)
        assert not differences(frame, told, exact.trades), seed
        assert not unlike(exact, fast), seed
        trades += len(told)
    assert trades > 10 * MARKETS // BATCHES
