"""What tests of phantoms stand on: random markets with signals on many bars, and what the rules make of each alone."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np
from backtest_oracle import Said, Told, round_trips
from backtest_oracle import Terms as OracleTerms

from bot.domain.decision import Decision
from bot.domain.market import Candle
from bot.domain.signal import Anchor, Side, Signal
from bot.ml.phantom import Ending, Followed, Outcome, Phantom, Terms, candles_since, follow_all, phantom_of
from bot.strategy import Frame
from cli.house import House

BAR_MS = 900_000
START_MS = 1_700_000_100_000 // BAR_MS * BAR_MS
TERMS = Terms(BAR_MS)
REASONS = {Outcome.STOP: "SL", Outcome.TARGET: "TP", Outcome.TIMEOUT: "END"}


def market(seed: int, bars: int = 80, symbol: str = "TESTUSDT") -> Frame:
    """Gaps, spikes, dead stretches, missing bars, zero volume; every other one on a grid, where levels are touched."""
    chance = np.random.default_rng(seed)
    steps = np.clip(chance.standard_t(3, bars) * chance.choice([1e-3, 6e-3]), -0.1, 0.1)
    gaps = np.where(chance.random(bars) < 0.1, np.clip(chance.normal(0, 0.01, bars), -0.1, 0.1), 0.0)
    dead = chance.random(bars) < 0.1
    steps = np.where(dead, 0.0, steps)
    close = 100 * np.exp(np.cumsum(steps + gaps))
    open_ = close / np.exp(steps)
    reach = np.where(dead, 0.0, np.abs(chance.standard_t(3, (2, bars))) * 2e-3).clip(0, 0.1)
    high, low = np.maximum(open_, close) * (1 + reach[0]), np.minimum(open_, close) * (1 - reach[1])
    columns = [np.round(each, 1) if seed % 2 else each for each in (open_, high, low, close)]
    times = START_MS + np.arange(bars, dtype=np.int64) * BAR_MS
    keep = chance.random(bars) > 0.04
    volume = np.where(chance.random(bars) < 0.2, 0.0, 10.0)
    return Frame(symbol, BAR_MS, times[keep], *(each[keep] for each in columns), volume[keep])


@dataclass(frozen=True)
class Case:
    """A signal on a closed bar of a market, as phantom and as what the oracle is told."""

    row: int
    said: Said
    phantom: Phantom


def cases(seed: int, frame: Frame, terms: Terms = TERMS) -> Iterator[Case]:
    """Signals on a third of the bars, either side, wide and narrow."""
    chance = np.random.default_rng(seed + 1_000_000)
    for row in range(1, len(frame) - 1):
        if chance.random() < 1 / 3:
            stop, target = (float(chance.choice([0.1, 0.5, 1.0, 3.0])) for _ in range(2))
            side = Side.LONG if chance.random() < 0.5 else Side.SHORT
            phantom = phantom_of(decision(frame, row, side, stop, target), terms)
            assert phantom is not None
            yield Case(row, Said(side.sign, stop, target), phantom)


def decision(
    frame: Frame,
    row: int,
    side: Side = Side.LONG,
    stop: float = 1.0,
    target: float = 2.0,
    refused_by: str = "",
) -> Decision:
    """A decided signal on the closed bar of a row, levels so far from its close; 1,000 worth of it."""
    close, closed_ms = float(frame.close[row]), int(frame.open_at_ms[row]) + frame.timeframe_ms
    levels = (close, close - side.sign * stop, close + side.sign * target if target else 0.0)
    signal = Signal(frame.symbol, "scripted", closed_ms, side, 3.0, *levels, atr=1.0, anchor=Anchor.FILL)
    quantity = Decimal(1000) / Decimal(repr(close))
    name = f"{frame.symbol}:{closed_ms}"
    return Decision(name, closed_ms, signal, (), refused_by, quantity, Decimal(1000), "fixed_notional")


def alone(frame: Frame, case: Case) -> Told | None:
    """What the rules make of the signal alone when the candles end with its time; None: it needs more candles."""
    end = case.row + 1 + case.phantom.terms.lookahead
    told = round_trips(_cut(frame, end), {case.row: case.said}, OracleTerms())
    if not told or (told[0].reason == "END" and end > len(frame)):
        return None
    return told[0]


def _cut(frame: Frame, end: int) -> Frame:
    columns = (frame.open, frame.high, frame.low, frame.close, frame.volume)
    return replace(
        frame,
        open_at_ms=frame.open_at_ms[:end],
        **dict(
            zip(("open", "high", "low", "close", "volume"), (each[:end] for each in columns), strict=True)
        ),
    )


def candles(frame: Frame) -> list[Candle]:
    """The frame's candles."""
    return list(candles_since(frame, 0))


def unlike(frame: Frame, told: Told, found: Ending) -> list[str]:
    """Where an ending is not what the rules say: bars and reason equal, figures to a billionth."""
    whole = {
        "entry": (int(frame.open_at_ms[told.entry_row]), found.entry_at_ms),
        "exit": (int(frame.open_at_ms[told.exit_row]), found.exit_at_ms),
        "reason": (told.reason, REASONS[found.outcome]),
        "bars": (told.exit_row - told.entry_row + 1, found.bars),
        "finished": (int(frame.open_at_ms[told.exit_row]) + BAR_MS, found.finished_at_ms),
    }
    figures = {
        "entry_price": (told.entry, found.entry_price),
        "exit_price": (told.exit, found.exit_price),
        "net": (told.net, found.net),
        "net_return": (told.net_return, found.net_return),
    }
    lines = [f"{name} {b}, the rules say {a}" for name, (a, b) in whole.items() if a != b]
    return lines + [
        f"{name} {b!r}, the rules say {a!r}"
        for name, (a, b) in figures.items()
        if abs(a - b) > 1e-9 * abs(a) + 1e-12
    ]


async def check_phantoms(house: House, most_bars: int = 100_000) -> int:
    """Every decision of a strategy has one phantom, come to what the market's whole history says; answers how many."""
    assert house.follower is not None
    await house.follower.catch_up()
    store = house.database.phantoms(house.plan.account)
    found = {one.phantom.key: one for one in await store.finished()}
    found |= {one.key: Followed(one) for one in await store.waiting()}
    decisions = [one for one in await house.desk.decisions(1_000_000) if one.signal.strategy != "manual"]
    assert {(d.signal.strategy, d.signal.symbol, d.signal.bar_at_ms) for d in decisions} == set(found)
    frames = await house.venue.history(list(house.engine.state.symbols), house.plan.timeframe, most_bars)
    for one in found.values():
        path = follow_all(one.phantom, None, candles_since(frames[one.phantom.symbol], one.phantom.bar_at_ms))
        assert one.ending == (path if isinstance(path, Ending) else None), one
    return len(found)
