"""The market at Bybit: candles, prices, funding rates, maintenance, and the frames of the market streams."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isfinite

import numpy as np

from bot.domain.market import MINUTE_MS, Candle, FundingRate, Quote, timeframe_ms
from bot.strategy import Frame
from bot.venues.bybit.paging import ask_for, pages, trouble
from bot.venues.bybit.reading import Row, mapping, rows
from bot.venues.bybit.words import LINEAR, QUOTE
from bot.venues.ccxt_venue.dialect import KlineSeen, PriceSeen, PublicNews
from bot.venues.ccxt_venue.wire import Gateway, Lane
from bot.venues.port import VenueUnavailable

log = logging.getLogger(__name__)

INTERVALS = {
    "1m": "1",
    "3m": "3",
    "5m": "5",
    "15m": "15",
    "30m": "30",
    "1h": "60",
    "2h": "120",
    "4h": "240",
    "1d": "D",
}
_TIMEFRAMES = {interval: timeframe for timeframe, interval in INTERVALS.items()}
MOST_BARS = 1000
KEPT_SYMBOLS = 2000
_PRICES = ("bid1Price", "ask1Price", "lastPrice", "markPrice")
_FUNDING = ("fundingRate", "nextFundingTime")

type Bar = tuple[int, float, float, float, float, float]


class Market:
    """Questions about the market."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def server_time_ms(self) -> int:
        """Bybit's clock. An order turned down for its timestamp waits for it, throttled or not."""
        found = await ask_for(self._gateway, "publicGetV5MarketTime", {}, Lane.PROTECT)
        nanos = found.whole("timeNano")
        at_ms = nanos // 1_000_000 if nanos else found.ms("timeSecond") * 1000
        if at_ms <= 0:
            raise VenueUnavailable(trouble("MarketTime", "no time in the answer"))
        return at_ms

    async def candles(self, symbol: str, timeframe: str, bars: int, until_ms: int = 0) -> Frame:
        """The last closed candles, oldest first. Bybit answers the newest first, the forming one among them."""
        if timeframe not in INTERVALS:
            raise VenueUnavailable(f"bybit has no candles of {timeframe}")
        length_ms = timeframe_ms(timeframe)
        closed_ms = min(until_ms or self._gateway.now_ms, self._gateway.now_ms)
        last_ms = closed_ms // length_ms * length_ms - length_ms
        found: dict[int, Bar] = {}
        while len(found) < bars:
            page = await self._page(symbol, timeframe, last_ms, min(bars - len(found), MOST_BARS))
            fresh = {bar[0]: bar for bar in page if bar[0] <= last_ms}
            if not fresh:
                break  # older than its listing
            found |= fresh
            last_ms = min(fresh) - length_ms
        return _frame(symbol, length_ms, [found[at_ms] for at_ms in sorted(found)][-bars:])

    async def _page(self, symbol: str, timeframe: str, last_ms: int, limit: int) -> list[Bar]:
        params = {
            "category": LINEAR,
            "symbol": symbol,
            "interval": INTERVALS[timeframe],
            "end": last_ms,
            "limit": limit,
        }
        found = (await ask_for(self._gateway, "publicGetV5MarketKline", params)).fields.get("list")
        bars = [_bar(row) for row in found] if isinstance(found, list) else []
        return [bar for bar in bars if bar is not None]

    async def quotes(self) -> tuple[Quote, ...]:
        """Prices of all contracts, in one call."""
        tickers, at_ms = await self._tickers(), self._gateway.now_ms
        quotes = (_quote(row, at_ms) for row in tickers)
        return tuple(quote for quote in quotes if quote is not None)

    async def funding_rates(self) -> tuple[FundingRate, ...]:
        """Funding rates of all contracts, in one call."""
        tickers, at_ms = await self._tickers(), self._gateway.now_ms
        rates = (_funding(row, at_ms) for row in tickers)
        return tuple(rate for rate in rates if rate is not None)

    async def _tickers(self) -> list[Row]:
        found = await pages(self._gateway, "publicGetV5MarketTickers", {"category": LINEAR})
        return [row for row in found if row.text("symbol").endswith(QUOTE)]

    async def maintenance(self) -> str:
        """What Bybit says about a maintenance that is going on; empty when there is none."""
        for row in await pages(self._gateway, "publicGetV5SystemStatus", {}):
            if row.text("state") == "ongoing":
                title = row.fields.get("title")
                return title[:200] if isinstance(title, str) and title else "maintenance"
        return ""


class MarketNews:
    """Frames of the market streams. Tickers come once whole, then only what changed: the last state is kept."""

    def __init__(self) -> None:
        self._tickers: dict[str, dict[str, object]] = {}
        self._complained: set[str] = set()

    def read(self, frame: object) -> Sequence[PublicNews]:
        """What a frame says."""
        fields = mapping(frame)
        topic = fields.get("topic")
        if not isinstance(topic, str):
            return ()  # answers to what we said on the socket
        kind, _, rest = topic.partition(".")
        if kind == "kline":
            return tuple(self._klines(fields, rest))
        if kind == "tickers":
            return tuple(self._ticker(fields))
        self._complain(kind)
        return ()

    def _complain(self, kind: str) -> None:
        if kind not in self._complained and len(self._complained) < 100:
            self._complained.add(kind)
            log.warning("bybit market stream: left out %r", kind[:40])

    def _klines(self, fields: Mapping[str, object], rest: str) -> Iterator[PublicNews]:
        interval, _, symbol = rest.partition(".")
        timeframe = _TIMEFRAMES.get(interval)
        for row in rows(fields.get("data")):
            bar = _bar([row.fields.get(key) for key in _KLINE])
            if timeframe is None or not symbol or bar is None:
                self._complain(f"kline.{interval}")
                continue
            yield KlineSeen(Candle(symbol, *bar), timeframe, row.flag("confirm"))

    def _ticker(self, fields: Mapping[str, object]) -> Iterator[PublicNews]:
        told = Row(mapping(fields.get("data")))
        symbol, at_ms = told.text("symbol"), Row(fields).ms("ts")
        if not symbol or not at_ms:
            self._complain("tickers without symbol or time")
            return
        if fields.get("type") == "delta":
            known = self._tickers.get(symbol)
            if known is None:
                return  # changes of what we never saw: the whole comes with the next subscription
        elif len(self._tickers) < KEPT_SYMBOLS or symbol in self._tickers:
            known = self._tickers[symbol] = {}
        else:
            return
        changed = {key for key in (*_PRICES, *_FUNDING) if told.number(key) is not None}
        known.update({key: told.fields[key] for key in changed})
        whole = Row(known)
        if changed.intersection(_PRICES):
            yield PriceSeen(symbol, at_ms, *(_price(whole, key) for key in _PRICES))
        if changed.intersection(_FUNDING):
            rate = _funding(Row({**known, "symbol": symbol}), at_ms)
            if rate is not None:
                yield rate


_KLINE = ("start", "open", "high", "low", "close", "volume")


def _price(row: Row, key: str) -> float | None:
    found = row.price(key)
    return None if found is None else float(found)


def _quote(row: Row, at_ms: int) -> Quote | None:
    bid, ask, last, mark = (_price(row, key) for key in _PRICES)
    if last is None or mark is None:
        return None
    return Quote(row.text("symbol"), at_ms, bid or last, ask or last, last, mark)


def _funding(row: Row, at_ms: int) -> FundingRate | None:
    rate, next_ms = row.number("fundingRate"), row.ms("nextFundingTime")
    if rate is None or not next_ms:
        return None
    return FundingRate(row.text("symbol"), at_ms, float(rate), next_ms)


def _bar(row: object) -> Bar | None:
    """A candle row: start, open, high, low, close, volume; None when a field is no finite number."""
    if not isinstance(row, list) or len(row) < 6:
        return None
    start = Row({"start": row[0]}).ms("start")
    figures = [_float(value) for value in row[1:6]]
    if not start or start % MINUTE_MS or any(figure is None for figure in figures):
        return None
    opened, high, low, closed, volume = (figure or 0.0 for figure in figures)
    return start, opened, high, low, closed, volume


def _float(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float) or len(str(value)[:61]) > 60:
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if isfinite(found) else None


def _frame(symbol: str, length_ms: int, bars: Iterable[Bar]) -> Frame:
    columns = list(zip(*bars, strict=True)) or [()] * 6
    figures = [np.array(column, dtype=np.float64) for column in columns[1:]]
    return Frame(symbol, length_ms, np.array(columns[0], dtype=np.int64), *figures)
