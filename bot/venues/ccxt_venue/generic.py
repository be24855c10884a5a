"""Any exchange with linear USDT perpetuals that ccxt streams from, as a Source of market data for paper trading.

Only ccxt's unified methods are used, with its own rate limiter and its own reading of errors: nothing here ever sends
an order. A candle is final when the next one begins; what is quiet longer is asked for by REST.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any

import numpy as np

from bot.domain.errors import ConfigError
from bot.domain.instrument import Bracket, Instrument
from bot.domain.market import Candle, FundingRate, timeframe_ms
from bot.strategy import Frame
from bot.venues.ccxt_venue.client import Clock, Exchange, exchange_class, unbreakable
from bot.venues.ccxt_venue.dialect import KlineSeen
from bot.venues.ccxt_venue.live_feed import settlements
from bot.venues.ccxt_venue.markets import as_unavailable
from bot.venues.ccxt_venue.streams import Hear
from bot.venues.ccxt_venue.supervise import Backoff, Life, keep_alive
from bot.venues.port import VenueUnavailable

QUOTE = "USDT"
LARGEST = Decimal(10**9)
MAINTENANCE = Decimal("0.01")
LEVERAGE = 20
TICK_SIZES = 4  # ccxt's mode in which precisions are steps, not numbers of digits
PAGES = 50

type Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Exchanged:
    """Which exchange, by ccxt's id. `settings`: more for its constructor (addresses, a session)."""

    exchange_id: str
    settings: Mapping[str, object] = field(default_factory=dict)


class GenericSource:
    """Market data of one exchange without a key."""

    def __init__(self, of: Exchanged, clock: Clock, chance: Random) -> None:
        """Raises ConfigError for a name that ccxt does not know or that has no candles to stream."""
        base = unbreakable(exchange_class(of.exchange_id))
        options = {"defaultType": "swap", "fetchCurrencies": False, "OHLCVLimit": 10}
        # Not only what is new: a candle's last row may come together with the first one of the next.
        given = {"enableRateLimit": True, "newUpdates": False, "options": options}
        self._exchange: Exchange = base({**given, **of.settings})
        if not (self._exchange.has.get("watchOHLCV") and self._exchange.has.get("fetchOHLCV")):
            raise ConfigError(f"venue {of.exchange_id!r} streams no candles")
        self._clock = clock
        self._chance = chance
        self._names: dict[str, str] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self.lives: list[Life] = []

    @property
    def now_ms(self) -> int:
        """Our clock: nothing is signed here."""
        return self._clock()

    async def open(self) -> Mapping[str, Instrument]:
        """Every linear USDT perpetual that trades."""
        async with as_unavailable("markets"):
            markets = await self._exchange.load_markets()
        steps = self._exchange.precisionMode == TICK_SIZES
        found: dict[str, Instrument] = {}
        for market in markets.values():
            if market.get("swap") and market.get("linear") and market.get("settle") == QUOTE:
                instrument = read_market(market, steps=steps)
                found[instrument.symbol] = instrument
                self._names[instrument.symbol] = market["symbol"]
        return found

    async def candles(self, symbol: str, timeframe: str, bars: int, until_ms: int) -> Frame:
        """Closed candles up to then, by as many pages as the exchange makes of them."""
        bar_ms = timeframe_ms(timeframe)
        until_ms = (until_ms or self.now_ms) // bar_ms * bar_ms
        since_ms = until_ms - bars * bar_ms
        rows: dict[int, Sequence[float]] = {}
        for _ in range(PAGES):
            page = await self._page(symbol, timeframe, since_ms, bars)
            fresh = {int(row[0]): row for row in page if since_ms <= row[0] < until_ms}
            if not fresh.keys() - rows.keys():
                break
            rows |= fresh
            since_ms = max(fresh) + bar_ms
            if since_ms >= until_ms:
                break
        return _frame(symbol, bar_ms, [rows[at] for at in sorted(rows)][-bars:])

    async def _page(self, symbol: str, timeframe: str, since_ms: int, bars: int) -> list[Sequence[float]]:
        async with as_unavailable("candles"):
            page = await self._exchange.fetch_ohlcv(self._name(symbol), timeframe, since_ms, min(bars, 1000))
        return [row for row in page if None not in row[:6]]

    async def funding_rates(self) -> tuple[FundingRate, ...]:
        """Current rates, where the exchange tells them all at once."""
        if not self._exchange.has.get("fetchFundingRates"):
            return ()
        async with as_unavailable("funding"):
            rates = await self._exchange.fetch_funding_rates(list(self._names.values()))
        found = []
        for symbol, name in self._names.items():
            rate = rates.get(name) or {}
            next_ms = rate.get("nextFundingTimestamp") or rate.get("fundingTimestamp")
            if rate.get("fundingRate") is not None and next_ms:
                found.append(FundingRate(symbol, self.now_ms, float(rate["fundingRate"]), int(next_ms)))
        return tuple(found)

    async def settled(self, symbol: str, since_ms: int) -> Sequence[tuple[int, float]]:
        """Settlements since then, where the exchange tells them."""
        if not self._exchange.has.get("fetchFundingRateHistory"):
            return ()
        return await settlements(self._exchange, self._name(symbol), since_ms)

    def start(self, symbols: Sequence[str], timeframe: str, hear: Hear) -> None:
        """One supervised watcher for each symbol; ccxt puts them on as few sockets as it can."""
        for symbol in symbols:
            life = Life(f"{self._exchange.id} {symbol}")
            self.lives.append(life)
            live = partial(self._watch, symbol, timeframe, hear)
            self._tasks.append(asyncio.create_task(keep_alive(life, live, Backoff(self._chance))))

    async def _watch(self, symbol: str, timeframe: str, hear: Hear) -> None:
        name, forming = self._name(symbol), 0
        while True:
            async with as_unavailable("stream"):
                rows = await self._exchange.watch_ohlcv(name, timeframe, None, 3)
            forming = max(forming, *(int(row[0]) for row in rows))
            for candle in (_candle(symbol, row) for row in rows if None not in row[:6]):
                hear(KlineSeen(candle, timeframe, candle.open_at_ms < forming))

    async def close(self) -> None:
        """Disconnect."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._exchange.close()

    def _name(self, symbol: str) -> str:
        try:
            return self._names[symbol]
        except KeyError:
            raise VenueUnavailable(f"{symbol} is not listed") from None


def read_market(market: Row, *, steps: bool) -> Instrument:
    """ccxt's market as a contract in base units. What it leaves out is taken carefully: one bracket, low leverage."""
    size = _decimal(market.get("contractSize"), Decimal(1))
    limits, precision = market.get("limits") or {}, market.get("precision") or {}
    amount, cost = limits.get("amount") or {}, limits.get("cost") or {}
    step = _step(precision.get("amount"), steps=steps) * size
    most = _decimal(amount.get("max"), LARGEST) * size
    leverage = int(_decimal((limits.get("leverage") or {}).get("max"), Decimal(LEVERAGE)))
    return Instrument(
        symbol=f"{market['base']}{market['quote']}",
        base=market["base"],
        quote=market["quote"],
        price_tick=_step(precision.get("price"), steps=steps),
        quantity_step=step,
        min_quantity=max(_decimal(amount.get("min"), Decimal(0)) * size, step),
        max_quantity=most,
        max_market_quantity=most,
        min_notional=_decimal(cost.get("min"), Decimal(5)),
        brackets=(Bracket(LARGEST, max(leverage, 1), MAINTENANCE, Decimal(0)),),
        taker_fee=_decimal(market.get("taker"), Decimal("0.0006")),
        maker_fee=_decimal(market.get("maker"), Decimal("0.0002")),
        tradable=market.get("active") is not False,
    )


def _decimal(value: object, missing: Decimal) -> Decimal:
    """A figure of ccxt's (float, int or text); `missing` for None and for what is no number above zero."""
    try:
        found = Decimal(str(value))
    except ArithmeticError:
        return missing
    return found if found.is_finite() and found > 0 else missing


def _step(precision: object, *, steps: bool) -> Decimal:
    if precision is None:
        return Decimal(0)
    return _decimal(precision, Decimal(0)) if steps else Decimal(1).scaleb(-int(str(precision)))


def _candle(symbol: str, row: Sequence[float]) -> Candle:
    return Candle(symbol, int(row[0]), *(float(figure) for figure in row[1:6]))


def _frame(symbol: str, bar_ms: int, rows: Sequence[Sequence[float]]) -> Frame:
    times = np.array([int(row[0]) for row in rows], dtype=np.int64)
    corners = np.array([row[1:6] for row in rows], dtype=np.float64).reshape(-1, 5)
    return Frame(symbol, bar_ms, times, *corners.T)
