"""A market of lists and a bot that only listens: what tests of the paper venue are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from math import nan
from typing import Any

import numpy as np
from floor import SMOOTH

from bot.domain.errors import StorageError
from bot.domain.event import (
    CallEnded,
    CandlesClosed,
    Event,
    Filled,
    FundingPaid,
    FundingRatesSeen,
    OrderUpdated,
)
from bot.domain.market import HOUR_MS, Candle, timeframe_ms
from bot.domain.order import Intent, Order, OrderSide, OrderStatus, OrderType, Purpose
from bot.strategy import Frame
from bot.venues.books import MemoryBooks, PaperRow
from bot.venues.matching import MatchingRules
from bot.venues.paper import PaperVenue

T0 = 1_700_006_400_000  # 2023-11-15 00:00 UTC
BAR_MS = 900_000
NAMES = ("AAAUSDT", "BBBUSDT")
INSTRUMENTS = {name: replace(SMOOTH, symbol=name, base=name[:3]) for name in NAMES}

type Corners = tuple[float, float, float, float]


class ListFeed:
    """Candles from lists of (open, high, low, close) per symbol; None is a hole."""

    def __init__(
        self,
        bars: Mapping[str, Sequence[Corners | None]],
        rates: Mapping[tuple[str, int], float] | None = None,
        timeframe: str = "15m",
    ) -> None:
        self._bars = bars
        self._rates = rates or {}
        self.timeframe = timeframe
        self._bar_ms = timeframe_ms(timeframe)

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(self._bars)

    @property
    def first_open_at_ms(self) -> int:
        return T0

    def bar(self, open_at_ms: int) -> tuple[Candle, ...]:
        number = (open_at_ms - T0) // self._bar_ms
        rows = ((name, bars[number]) for name, bars in self._bars.items() if 0 <= number < len(bars))
        return tuple(Candle(name, open_at_ms, *row, 1.0) for name, row in rows if row is not None)

    def window(self, symbol: str, last_open_at_ms: int, bars: int) -> Frame:
        last = (last_open_at_ms - T0) // self._bar_ms
        rows = [(n, row) for n, row in enumerate(self._bars[symbol]) if row is not None and n <= last][-bars:]
        corners = np.array([row for _, row in rows], dtype=np.float64).reshape(-1, 4)
        times = np.array([T0 + n * self._bar_ms for n, _ in rows], dtype=np.int64)
        return Frame(symbol, self._bar_ms, times, *corners.T, np.ones(len(rows)))

    def funding_rate(self, symbol: str, at_ms: int) -> float:
        return self._rates.get((symbol, at_ms), nan)


class FailingBooks(MemoryBooks):
    """Books whose next saves fail, before or after they were written."""

    def __init__(self) -> None:
        super().__init__()
        self.fail_before = 0
        self.fail_after = 0
        self.saves: list[tuple[PaperRow, ...]] = []

    async def save(self, rows: Sequence[PaperRow]) -> None:
        if self.fail_before:
            self.fail_before -= 1
            raise StorageError("disk full")
        await super().save(rows)
        self.saves.append(tuple(rows))
        if self.fail_after:
            self.fail_after -= 1
            raise StorageError("connection lost")


class Listener:
    """A venue with everything it told, and the books it may be killed and started again with."""

    def __init__(
        self,
        bars: Mapping[str, Sequence[Corners | None]],
        rates: Mapping[tuple[str, int], float] | None = None,
        rules: MatchingRules | None = None,
        books: MemoryBooks | None = None,
        timeframe: str = "15m",
    ) -> None:
        self.feed = ListFeed(bars, rates, timeframe)
        self.rules = rules
        self.books = books or FailingBooks()
        self.told: list[Event] = []
        self.venue = self.new_venue()

    def new_venue(self) -> PaperVenue:
        return PaperVenue("paper", self.feed, INSTRUMENTS, self.books, self.rules)

    async def start(self) -> "Listener":
        await self.venue.open(self.told.append)
        return self

    async def kill(self) -> None:
        """Another process takes over the books."""
        self.venue = self.new_venue()
        await self.start()

    async def steps(self, count: int) -> list[str]:
        """Step and tell what was told."""
        before = len(self.told)
        for _ in range(count):
            assert await self.venue.step()
        return [story(event) for event in self.told[before:]]

    async def ask(self, client_id: str, side: OrderSide, kind: str = "MARKET", **more: Any) -> CallEnded:
        return await self.venue.submit(order(client_id, side, kind, **more))

    async def position(self, name: str = "AAAUSDT") -> Decimal:
        snapshot = await self.venue.snapshot(0)
        return sum((p.quantity for p in snapshot.positions if p.symbol == name), Decimal(0))


def order(client_id: str, side: OrderSide, kind: str = "MARKET", **more: Any) -> Order:
    for name in ("limit_price", "trigger_price", "quantity"):
        if isinstance(more.get(name), str):
            more[name] = Decimal(more[name])
    more = {"symbol": "AAAUSDT", "quantity": Decimal(1), "decision_id": "d", "purpose": Purpose.ENTRY} | more
    intent = Intent(side=side, type=OrderType(kind), **more)
    return Order(client_id, intent, "entry", OrderStatus.INTENDED, 0, 0)


def story(event: Event) -> str:
    """One event as a line: time in minutes since the start first."""
    match event:
        case Filled(at_ms, fill):
            text = (
                f"{fill.side.value} {fill.quantity.normalize():f} {fill.symbol} @ {fill.price.normalize():f}"
            )
        case OrderUpdated(at_ms, client_id, status=status, code=code):
            text = f"{client_id} {status.value} {code}".rstrip()
        case FundingPaid(at_ms, symbol, amount):
            text = f"funding {symbol} {amount.normalize():f}"
        case FundingRatesSeen(at_ms, rates):
            text = "rates " + " ".join(f"{rate.symbol} {rate.rate}" for rate in rates)
        case CandlesClosed(at_ms, _, candles):
            text = "closed " + " ".join(candle.symbol for candle in candles)
        case _:
            raise TypeError(event)
    minutes = (at_ms - T0) / 60_000
    return f"{minutes:g} {text}" if minutes == int(minutes) else f"{minutes:.2f} {text}"


def quiet(bars: int, price: float = 100.0) -> list[Corners | None]:
    return [(price, price, price, price)] * bars


def hours(count: int) -> int:
    return T0 + count * HOUR_MS
