"""The paper venue against the rules of a backtest, trade by trade and to the digit.

A bot of a few lines follows given signals through the venue; the rules are written down a second time as one loop
over the bars. Signal on closed bar t, entry at the open of t + 1 with slippage; stop and target hang on the entry's
own price; both may be hit from bar t + 1 on, stop first; a bar that opens beyond one of them fills at its open; an
opposite signal closes and enters the other way at the same open; same-side signals in a position do nothing; a bar
with an exit may give a new signal at its close.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from random import Random

import numpy as np
import pytest
from paper_kit import BAR_MS, T0, Corners, ListFeed, order

from bot.domain.event import Event, Filled
from bot.domain.fill import Fill
from bot.domain.order import OrderSide, Purpose
from bot.venues.books import MemoryBooks
from bot.venues.instruments import free_instrument
from bot.venues.matching import MatchingRules
from bot.venues.paper import PaperVenue

ROOT = Path(__file__).resolve().parents[2]
REAL = Path(os.environ.get("QUARTERDECK_REAL_DATA", ROOT.parent / "shared" / "data")) / "candles" / "15m"
BUY, SELL = OrderSide.BUY, OrderSide.SELL
SLIPPAGE, FEE = Decimal("0.0001"), Decimal("0.0004")
D = Decimal

type Signal = tuple[OrderSide, Decimal, Decimal]  # side, distance of the stop, distance of the target


@dataclass(frozen=True)
class Leg:
    """One execution: bar, side, price."""

    bar: int
    side: OrderSide
    price: Decimal


def legs_by_the_rules(bars: Sequence[Corners], signals: Sequence[Signal | None]) -> list[Leg]:
    """The rules, written down once more."""
    legs: list[Leg] = []
    side: OrderSide | None = None
    stop = target = D(0)

    def execute(number: int, what: OrderSide, price: Decimal) -> Decimal:
        legs.append(Leg(number, what, price * (1 + what.sign * SLIPPAGE)))
        return legs[-1].price

    for number, bar in enumerate(bars):
        open_, high, low, _ = (D(repr(price)) for price in bar)
        signal = signals[number - 1] if number else None
        if signal and signal[0] is not side:
            if side:
                execute(number, opposite(side), open_)
            side, to_stop, to_target = signal
            entry = execute(number, side, open_)
            stop, target = entry - side.sign * to_stop, entry + side.sign * to_target
        if side:
            raw = exit_price(side, stop, target, (open_, high, low))
            if raw is not None:
                execute(number, opposite(side), raw)
                side = None
    return legs


def exit_price(
    side: OrderSide, stop: Decimal, target: Decimal, bar: tuple[Decimal, Decimal, Decimal]
) -> Decimal | None:
    open_, high, low = bar
    worst, best = (low, high) if side is BUY else (high, low)
    beyond_stop, beyond_target = (open_ - stop) * side.sign <= 0, (open_ - target) * side.sign >= 0
    if beyond_stop or beyond_target:
        return open_
    if (worst - stop) * side.sign <= 0:
        return stop
    return target if (best - target) * side.sign >= 0 else None


def opposite(side: OrderSide) -> OrderSide:
    return SELL if side is BUY else BUY


class Follower:
    """A bot that follows signals: entry, then stop and target; an opposite signal turns it round."""

    def __init__(self, venue: PaperVenue) -> None:
        self.venue = venue
        self.fills: list[Fill] = []
        self.number = 0

    def hear(self, event: Event) -> None:
        if isinstance(event, Filled):
            self.fills.append(event.fill)

    async def act(self, signal: Signal) -> None:
        held = sum((fill.quantity * fill.side.sign for fill in self.fills), D(0))
        side, to_stop, to_target = signal
        if held * side.sign > 0:
            return
        self.number += 1
        if held:
            await self._send("close", side, purpose=Purpose.CLOSE, reduce_only=True)
        for purpose in ("stop", "target"):
            await self.venue.cancel(f"{purpose}{self.number - 1}", "XYZUSDT", True)
        await self._send("in", side)
        entry = self.fills[-1].price
        for purpose, kind, price in (
            ("stop", "STOP_MARKET", entry - side.sign * to_stop),
            ("target", "TAKE_PROFIT_MARKET", entry + side.sign * to_target),
        ):
            await self._send(purpose, opposite(side), kind, trigger_price=price, close_position=True)

    async def _send(self, what: str, side: OrderSide, kind: str = "MARKET", **more: object) -> None:
        name = f"{what}{self.number}"
        answer = await self.venue.submit(order(name, side, kind, symbol="XYZUSDT", **more))
        assert answer.outcome == "DONE", (name, answer.code)


async def legs_of_the_venue(
    bars: Sequence[Corners], signals: Sequence[Signal | None]
) -> tuple[list[Leg], Decimal]:
    venue = PaperVenue(
        "paper",
        ListFeed({"XYZUSDT": bars}),
        {"XYZUSDT": free_instrument("XYZUSDT")},
        MemoryBooks(),
        MatchingRules(liquidate=False, default_leverage=1),
        D(10_000_000),
    )
    bot = Follower(venue)
    await venue.open(bot.hear)
    for signal in signals:
        assert await venue.step()
        if signal and venue.now_ms < T0 + len(bars) * BAR_MS:
            await bot.act(signal)
    wallet = (await venue.snapshot(0)).wallet
    return [Leg((fill.at_ms - T0) // BAR_MS, fill.side, fill.price) for fill in bot.fills], wallet


async def compare(bars: Sequence[Corners], signals: Sequence[Signal | None]) -> int:
    expected = legs_by_the_rules(bars, signals)
    found, wallet = await legs_of_the_venue(bars, signals)
    assert found == expected
    if len(expected) % 2 == 0:
        gross = sum((out.price - into.price) * into.side.sign for into, out in list(pairwise(expected))[::2])
        fees = sum((leg.price for leg in expected), D(0)) * FEE
        assert abs(wallet - (10_000_000 + gross - fees)) < D("1e-9")
    return len(expected)


def random_signals(bars: Sequence[Corners], seed: int, share: float) -> list[Signal | None]:
    random = Random(seed)
    signals: list[Signal | None] = []
    for *_, close in bars:
        side = random.choice((BUY, SELL))
        far = [D(repr(round(close * random.uniform(0.002, 0.02), 6))) for _ in range(2)]
        signals.append((side, far[0], far[1]) if random.random() < share else None)
    return signals


def random_bars(seed: int, count: int = 300) -> list[Corners]:
    """Random walks with gaps, spikes and flat bars."""
    random, last, bars = Random(seed), 100.0, []
    for _ in range(count):
        open_ = round(last * (1 + random.gauss(0, 0.01) * (random.random() < 0.2)), 4)
        wild = random.choice((0.0, 0.001, 0.004, 0.03))
        close = round(open_ * (1 + random.gauss(0, wild)), 4)
        high = round(max(open_, close) * (1 + abs(random.gauss(0, wild))), 4)
        low = round(min(open_, close) * (1 - abs(random.gauss(0, wild))), 4)
        bars.append((open_, high, low, close))
        last = close
    return bars


@pytest.mark.parametrize("seed", range(20))
async def test_random_markets(seed: int) -> None:
    bars = random_bars(seed)
    assert await compare(bars, random_signals(bars, seed, 0.15)) > 20


@pytest.mark.skipif(not REAL.is_dir(), reason="no real candles: set QUARTERDECK_REAL_DATA")
@pytest.mark.parametrize("symbol", ["XRPUSDT", "BTCUSDT", "DOGEUSDT"])
async def test_real_candles(symbol: str) -> None:
    import pyarrow.parquet as pq

    table = pq.read_table(REAL / f"{symbol}.parquet", columns=["open", "high", "low", "close"]).slice(0, 8000)
    columns = [np.asarray(table[name]).tolist() for name in ("open", "high", "low", "close")]
    bars: list[Corners] = list(zip(*columns, strict=True))
    assert await compare(bars, random_signals(bars, 7, 0.05)) > 300
