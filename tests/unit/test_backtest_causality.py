"""Whole backtests with another future: all that was decided, traded and earned before is bit for bit the same.

Every strategy of strategies/, both ways. What knows the future is caught by the very same comparison.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from backtest_ground import WAYS, strategy_file
from markets import random_frame

from bot.domain.guard import Limits, Sizing, SizingMode
from bot.domain.market import timeframe_ms
from bot.strategy import Frame, Value
from bot.venues.matching import BothHit
from research.backtest.asking import asked
from research.backtest.ground import Ground
from research.results.plan import NO_LIMITS, Plan, Rules
from research.store.port import Points
from strategies.registry import Registry

REGISTRY = Registry()
SYMBOLS = ("AAAUSDT", "BBBUSDT", "CCCUSDT")
BARS, WARM = 1_100, 600
SETTLEMENT_MS = 8 * 3_600_000


OFTEN: dict[str, dict[str, Value]] = {
    "composite": {"adx_threshold": 0.0, "signal_threshold": 2, "volume_multiplier": 0.5, "atr_sl_mult": 1.0}
}
"""Parameters by which a strategy speaks often; those not named here speak as they come."""


def often(name: str) -> dict[str, Value]:
    """As named, else the strategy's own."""
    return OFTEN.get(name, {})


def ground_of(timeframe: str, seed: int, paths: tuple[Path, ...] = ()) -> Ground:
    """Three symbols, funded, with finer candles."""
    bar_ms = timeframe_ms(timeframe)
    frames, funding, finer = {}, {}, {}
    for place, name in enumerate(SYMBOLS):
        inside = random_frame(seed + place, 3 * BARS, symbol=name, bar_ms=bar_ms // 3)
        frames[name], finer[name] = coarse(inside, bar_ms), inside
        first, last = inside.open_at_ms.item(0), inside.open_at_ms.item(-1)
        times = np.arange(first // SETTLEMENT_MS * SETTLEMENT_MS, last, SETTLEMENT_MS)
        funding[name] = Points(times, np.random.default_rng(place).normal(0, 3e-4, len(times)))
    return Ground(timeframe, frames, funding, finer, {}, paths)


def coarse(inside: Frame, bar_ms: int) -> Frame:
    """Bars made of three each."""
    first = np.arange(0, len(inside), 3)
    return Frame(
        inside.symbol,
        bar_ms,
        inside.open_at_ms[first],
        inside.open[first],
        np.maximum.reduceat(inside.high, first),
        np.minimum.reduceat(inside.low, first),
        inside.close[first + 2],
        np.add.reduceat(inside.volume, first),
    )


def other_prices(ground: Ground, row: int, chance: np.random.Generator) -> Ground:
    """Everything after bar `row` is another market: prices, volumes, funding, what is inside the bars."""
    end_ms = next(iter(ground.frames.values())).open_at_ms.item(row + 1)
    factor, spread = chance.uniform(0.3, 3.0), chance.uniform(1.0, 1.2)
    frames = {name: bent(frame, end_ms, factor, spread) for name, frame in ground.frames.items()}
    finer = {name: bent(frame, end_ms, factor, spread) for name, frame in ground.finer.items()}
    funding = {
        name: Points(points.at_ms, np.where(points.at_ms > end_ms, -7 * points.value, points.value))
        for name, points in ground.funding.items()
    }
    return replace(ground, frames=frames, finer=finer, funding=funding)


def bent(frame: Frame, end_ms: int, factor: float, spread: float) -> Frame:
    """Prices after a time: others, turned upside down, wider."""
    later = frame.open_at_ms >= end_ms
    top = frame.high.max() + frame.low.min()
    opened, close = (np.where(later, factor * (top - one), one) for one in (frame.open, frame.close))
    high = np.where(later, factor * (top - frame.low) * spread, frame.high)
    low = np.where(later, factor * (top - frame.high) / spread, frame.low)
    volume = np.where(later, frame.volume[::-1] * 3 + 1, frame.volume)
    return Frame(frame.symbol, frame.timeframe_ms, frame.open_at_ms, opened, high, low, close, volume)


def cut_off(ground: Ground, row: int, chance: np.random.Generator) -> Ground:
    """There is nothing after bar `row` but one bar."""
    return without(ground, row, 1.0, chance)


def with_holes(ground: Ground, row: int, chance: np.random.Generator) -> Ground:
    """After the next bar every third or so is missing."""
    return without(ground, row, 0.3, chance)


def without(ground: Ground, row: int, share: float, chance: np.random.Generator) -> Ground:
    """A share of the bars after the next one is missing."""
    frames = {}
    for name, frame in ground.frames.items():
        keep = (np.arange(len(frame)) <= row + 1) | (chance.random(len(frame)) >= share)
        columns = (frame.open_at_ms, frame.open, frame.high, frame.low, frame.close, frame.volume)
        frames[name] = Frame(name, frame.timeframe_ms, *(one[keep].copy() for one in columns))
    return replace(ground, frames=frames)


FUTURES = {"other prices": other_prices, "cut off": cut_off, "holes": with_holes}
EXACT_ONLY = "exact with limits"
PLANS = ("exact", "fast", EXACT_ONLY)


def plan_of(name: str, way: str, settings: Mapping[str, Value]) -> Plan:
    """Sized by the money there is, so that one trade's result changes all later ones."""
    return Plan(
        name,
        settings,
        Rules(both_hit=BothHit.PATH),
        sizing=Sizing(SizingMode.RISK_PERCENT, Decimal("0.5")),
        limits=Limits() if way == EXACT_ONLY else NO_LIMITS,
    )


@dataclass(frozen=True)
class Past:
    """Everything known of a run by the close of a bar, written out: floats as texts are theirs bit for bit."""

    signals: list[str]
    trades: list[str]
    equity: list[str]

    def unlike(self, other: "Past") -> set[str]:
        """What differs."""
        parts = ("signals", "trades", "equity")
        return {part for part in parts if getattr(self, part) != getattr(other, part)}


def past_of(plan: Plan, way: str, ground: Ground, row: int) -> Past:
    """What a whole backtest says up to bar `row`, of the strategy, its trades and the account."""
    outcome = WAYS["fast" if way == "fast" else "exact"](plan, ground)
    opened = next(iter(ground.frames.values())).open_at_ms.item(row)
    known = outcome.equity.at_ms <= opened + timeframe_ms(ground.timeframe)
    return Past(
        signals=[line for name in ground.frames for line in said(plan, ground, name, row)],
        trades=[repr(one) for one in outcome.trades if one.exit_at_ms <= opened],
        equity=[repr(one) for one in outcome.equity.equity[known].tolist()],
    )


def said(plan: Plan, ground: Ground, symbol: str, row: int) -> Iterator[str]:
    """Every signal up to bar `row`."""
    strategy = Registry(ground.strategy_paths).build(plan.strategy, symbol, plan.parameters)
    entries = asked(strategy, ground.frames[symbol]).entries
    for place in np.flatnonzero(entries.row <= row):
        yield repr([getattr(entries, one)[place].item() for one in entries.__dataclass_fields__])


def changed(plan: Plan, way: str, ground: Ground, future: str, cuts: int = 3) -> tuple[set[str], int]:
    """What of the past another future changed, at random bars; and how many trades there were to change."""
    chance, found, trades = np.random.default_rng(len(future)), set[str](), 0
    for row in chance.integers(WARM, BARS - 100, cuts).tolist():
        past = past_of(plan, way, ground, row)
        found |= past.unlike(past_of(plan, way, FUTURES[future](ground, row, chance), row))
        trades += len(past.trades)
    return found, trades


@pytest.mark.parametrize("future", FUTURES)
@pytest.mark.parametrize("way", PLANS)
@pytest.mark.parametrize("name", REGISTRY.names())
def test_another_future_changes_nothing_of_the_past(name: str, way: str, future: str) -> None:
    ground = ground_of(REGISTRY.strategy_class(name).timeframe, seed=11)
    plan = plan_of(name, way, often(name))
    found, trades = changed(plan, way, ground, future)
    assert found == set()
    assert trades > (40 if way == EXACT_ONLY else 150)


PLANTED = {
    "the next close": "np.append(frame.close[1:], frame.close[-1:]) / frame.close - 1.001",
    "the close of five bars on": "np.append(frame.close[5:], frame.close[-5:]) / frame.close - 1.001",
    "the mean of the whole history": "1.0 - frame.close / frame.close.mean()",
    "the highest volume there will be": "np.where(frame.volume > 0.02 * frame.volume.max(), 1.0, -1.0)",
}
CUTS = {"the next close": 8}
"""One bar is all that shows it: only the signal at the cut."""

SEER = '''
"""Knows something of the future."""

import numpy as np

from bot.domain.signal import Hold, Side, Signal
from bot.strategy import Strategy


class Seer(Strategy):
    """Buys where its column is above nothing."""

    name = "seer"
    timeframe = "15m"
    warmup_bars = 10

    def prepare(self, frame):
        """One column."""
        return {{"seen": {column}}}

    def decide(self, frame, columns, i):
        """Long where it is above nothing."""
        close, closed = float(frame.close[i]), int(frame.open_at_ms[i]) + frame.timeframe_ms
        if not columns["seen"][i] > 0:
            return Signal(frame.symbol, self.name, closed, None, 0.0, hold=Hold("rise", 0.0, "<", 1.0))
        return Signal(frame.symbol, self.name, closed, Side.LONG, 1.0, close, close * 0.99, close * 1.02, 1.0)

    def explain(self, frame, columns, i):
        """Nothing to explain."""
        return ()


STRATEGY = Seer
'''


@pytest.mark.parametrize("what", PLANTED)
@pytest.mark.parametrize("way", ["exact", "fast"])
def test_what_knows_the_future_is_caught(way: str, what: str, tmp_path: Path) -> None:
    folder = strategy_file(tmp_path, "seer", SEER.format(column=PLANTED[what]))
    ground = ground_of("15m", seed=11, paths=(folder,))
    found, trades = changed(plan_of("seer", way, {}), way, ground, "other prices", CUTS.get(what, 2))
    assert trades > 50
    assert found == ({"signals"} if what == "the next close" else {"signals", "trades", "equity"})
