"""Exact = fast = the oracle on 2,000 random markets: gaps, spikes, dead stretches, missing bars, ticks.

Short markets in which much happens: every batch counts what its trades met, so that none of it goes untested unseen.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from backtest_ground import START_MS, scripted, unlike
from backtest_oracle import TIE, Said, Terms, Told, differences, round_trips

from bot.strategy import Array, Frame
from bot.venues.matching import BothHit
from research.backtest.exact import run_exact
from research.backtest.fast import run_fast
from research.backtest.ground import Ground
from research.results.plan import Plan, Rules
from research.store.port import Points
from strategies.registry import Registry

MARKETS, BATCHES, INSIDE = 2_000, 20, 3
BAR_MS = 900_000
LEVELS = ((1.0, 2.0), (0.4, 0.5), (3.0, 1.0), (0.2, 6.0))
SLIPPAGES = ("0.0001", "0", "0.002")
FREE, BINARY, DECIMAL = "free", "binary", "decimal"
GRIDS = (FREE, DECIMAL, BINARY, DECIMAL, FREE)
"""Prices of any digits; on a tick that floats hold exactly; on 0.01, 0.1 and the like, which they do not."""


def finer_frame(chance: np.random.Generator, grid: str) -> Frame:
    """Five-minute candles; the volume of every third writes the script: 1 long, 2 short, 0 dead."""
    bars = int(chance.integers(40, 80))
    count = bars * INSIDE
    wild = chance.standard_t(3, (2, count)) * chance.choice([2e-4, 2e-3])
    wild += np.where(chance.random((2, count)) < 0.01, chance.normal(0, 0.03, (2, count)), 0.0)  # gaps
    steps = np.where(np.repeat(chance.random(bars) < 0.08, INSIDE), 0.0, np.clip(wild, -0.15, 0.15))
    path = 10 ** chance.uniform(-1, 4) * np.exp(np.cumsum(steps.T.ravel()))
    opened, close = path[0::2], path[1::2]
    dead = np.repeat(chance.random(bars) < 0.1, INSIDE)
    spikes = np.where(dead, 0.0, np.abs(chance.standard_t(3, (2, count))) * 1e-3).clip(0, 0.1)
    close = np.where(dead, opened, close)
    high, low = np.maximum(opened, close) * (1 + spikes[0]), np.minimum(opened, close) * (1 - spikes[1])
    columns = on_grid((opened, high, low, close), grid, chance)
    at_ms = START_MS + BAR_MS // INSIDE * np.arange(count, dtype=np.int64)
    return Frame("TESTUSDT", BAR_MS // INSIDE, at_ms, *columns, np.zeros(count))


def on_grid(columns: tuple[Array, ...], grid: str, chance: np.random.Generator) -> tuple[Array, ...]:
    """Prices on ticks touch levels to the digit; those of a decimal tick are what a venue's text makes of them."""
    first = float(columns[0][0])
    if grid == FREE:
        return columns
    if grid == BINARY:
        tick = 2.0 ** (np.floor(np.log2(first)) - 6)
        return tuple(np.maximum(np.round(each / tick), 1) * tick for each in columns)
    digits = int(chance.integers(1, 4) - np.floor(np.log10(first)))
    return tuple(np.round(np.maximum(each, 10.0**-digits), digits) for each in columns)


def market(chance: np.random.Generator, grid: str) -> tuple[Frame, Frame]:
    """Bars made of finer candles; some of both are missing."""
    finer = finer_frame(chance, grid)
    first = np.arange(0, len(finer), INSIDE)
    script = chance.choice([0.0, 1.0, 2.0], len(first), p=[0.6, 0.2, 0.2])
    columns = (
        finer.open_at_ms[first],
        finer.open[first],
        np.maximum.reduceat(finer.high, first),
        np.minimum.reduceat(finer.low, first),
        finer.close[first + INSIDE - 1],
    )
    keep, known = chance.random(len(first)) > 0.02, chance.random(len(finer)) > 0.1
    bars = Frame("TESTUSDT", BAR_MS, *(each[keep] for each in columns), script[keep])
    named = (finer.open_at_ms, finer.open, finer.high, finer.low, finer.close, finer.volume)
    return silenced(bars), Frame("TESTUSDT", finer.timeframe_ms, *(each[known] for each in named))


def script_of(frame: Frame, sl: float, tp: float) -> dict[int, Said]:
    """What the scripted strategy says on closed bars after its warm-up."""
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


@dataclass(frozen=True)
class Case:
    """One market with its configuration, and what the rules make of it."""

    seed: int
    plan: Plan
    ground: Ground
    told: list[Told]

    @property
    def frame(self) -> Frame:
        """The bars that are traded."""
        return self.ground.frames["TESTUSDT"]


def case(seed: int, folder: Path) -> Case:
    """The market of a seed; kinds of grid, levels, slippages and rules go round so that all of them meet."""
    chance = np.random.default_rng(seed)
    frame, finer = market(chance, GRIDS[seed % 5])
    (sl, tp), slippage = LEVELS[seed % 4], SLIPPAGES[seed // 4 % 3]
    both_hit = ("stop", "target", "path")[seed // 12 % 3]
    times = np.arange(START_MS, int(frame.open_at_ms[-1]), 8 * BAR_MS, dtype=np.int64)
    rates = Points(times, chance.normal(1e-4, 5e-4, len(times)))
    ground = Ground("15m", {"TESTUSDT": frame}, {"TESTUSDT": rates}, {"TESTUSDT": finer}, {}, (folder,))
    rules = Rules(slippage=Decimal(slippage), both_hit=BothHit(both_hit))
    plan = Plan("scripted", {"sl": sl, "tp": tp}, rules, wallet=Decimal(1_000_000))
    paid = dict(zip(times.tolist(), rates.value.tolist(), strict=True))
    terms = Terms(float(slippage), both_hit=both_hit, funding=paid, finer=finer)
    return Case(seed, plan, ground, round_trips(frame, script_of(frame, sl, tp), terms))


def met(case: Case) -> Iterator[str]:
    """What a market's trades came through, in words."""
    frame, flat = case.frame, case.frame.high == case.frame.low
    whole = np.diff(frame.open_at_ms) == BAR_MS
    for one in case.told:
        held = slice(one.entry_row, one.exit_row)
        yield from (str(one.side), f"{one.reason} {one.how}".strip(), GRIDS[case.seed % 5])
        yield from ["through a flat bar"] * bool(flat[held].any())
        yield from ["through a missing bar"] * bool((~whole[held]).any())
        yield from ["in the entry's own bar"] * (one.entry_row == one.exit_row)
        yield from ["funded"] * bool(one.funding)
        ends = (frame.low.item(one.exit_row), frame.high.item(one.exit_row))
        touched = not one.how and min(abs(end - one.left_at) for end in ends) <= TIE * one.left_at
        yield from [f"{one.reason} touched"] * touched


EACH_BATCH: Mapping[str, int] = {
    "1": 500,
    "-1": 500,
    "SL": 350,
    "TP": 150,
    "REVERSE": 200,
    "END": 25,
    "SL gap": 100,
    "TP gap": 5,
    "SL both": 20,
    "TP both": 10,
    "SL touched": 5,
    "TP touched": 5,
    "through a flat bar": 100,
    "through a missing bar": 15,
    "in the entry's own bar": 500,
    "funded": 150,
    FREE: 500,
    BINARY: 130,
    DECIMAL: 300,
}
"""At least so many trades of every hundred markets; a trade may be several of these."""


@pytest.mark.parametrize("batch", range(BATCHES))
def test_random_markets(batch: int, tmp_path: Path) -> None:
    folder = scripted(tmp_path)
    registry, seen = Registry([folder]), Counter[str]()
    for seed in range(batch * MARKETS // BATCHES, (batch + 1) * MARKETS // BATCHES):
        one = case(seed, folder)
        exact = run_exact(one.plan, one.ground, registry=registry)
        fast = run_fast(one.plan, one.ground, registry=registry)
        assert not differences(one.frame, one.told, exact.trades), seed
        assert not unlike(exact, fast), seed
        seen.update(met(one))
    assert {what: seen[what] for what, least in EACH_BATCH.items() if seen[what] < least} == {}
