"""Contracts, candles, prices, funding rates and maintenance by REST."""

import logging
from collections.abc import Mapping, Sequence

import numpy as np

from bot.domain.errors import ConfigError
from bot.domain.instrument import Instrument
from bot.domain.market import Candle, FundingRate, Quote, timeframe_ms
from bot.strategy import Array, Frame
from bot.venues.binance import asks
from bot.venues.binance.orders import code_of
from bot.venues.binance.reading import Row, moment, number, positive, row, rows, text, whole
from bot.venues.ccxt_venue.wire import Ask, Gateway
from bot.venues.instruments import Extras, read_instruments
from bot.venues.outcome import Verdict
from bot.venues.port import VenueUnavailable

log = logging.getLogger(__name__)

FEES_OF = "BTCUSDT"
LONGEST_WORDS = 200


def _left_out(words: str) -> None:
    log.warning("a contract is left out: %s", words[:LONGEST_WORDS])


class MarketReader:
    """Questions about the market. Raises VenueUnavailable where one could not be answered."""

    def __init__(self, gateway: Gateway) -> None:
        """No contracts known yet."""
        self._gateway = gateway
        self.instruments: Mapping[str, Instrument] = {}

    async def read_instruments(self) -> Mapping[str, Instrument]:
        """All USDT perpetuals. Brackets and fees are the account's; without an accepted key both are left at defaults.

        Fees are asked for one symbol and taken for all: they are the account's tier, and one call per symbol would
        use up minutes of the request budget. A symbol with a promotion of its own is charged differently from what
        sizing expects; the books follow the fills.
        """
        info = await self._body("contracts", asks.EXCHANGE_INFO)
        hours = await self._body("funding intervals", asks.FUNDING_INFO)
        brackets = await self._optional("brackets", asks.BRACKETS)
        try:
            known = read_instruments(info, Extras(brackets=brackets, funding=hours), unreadable=_left_out)
            symbol = FEES_OF if FEES_OF in known else next((s for s, i in known.items() if i.tradable), "")
            fees = await self._optional("fees", asks.commission(symbol)) if symbol else ()
            if fees != ():
                rows_of_fees = [{**row(fees), "symbol": name} for name in known]
                readable = [one for one in rows(row(info).get("symbols")) if text(one, "symbol") in known]
                known = read_instruments({"symbols": readable}, Extras(brackets, rows_of_fees, hours))
        except ConfigError as error:
            raise VenueUnavailable(f"contracts: {error}") from None
        self.instruments = known
        return known

    async def _optional(self, what: str, ask: Ask) -> object:
        """The body, or nothing when we have no key for it."""
        answer = await self._gateway.ask(ask)
        if answer.verdict is Verdict.AUTH:
            return ()
        if not answer.good:
            raise VenueUnavailable(f"{what}: {code_of(answer)}")
        return answer.body

    async def _body(self, what: str, ask: Ask) -> object:
        answer = await self._gateway.ask(ask)
        if not answer.good:
            raise VenueUnavailable(f"{what}: {code_of(answer)}")
        return answer.body

    async def candles(self, symbol: str, timeframe: str, bars: int, until_ms: int) -> Frame:
        """The last closed candles, oldest first, paged backwards; a candle is closed when its time is over."""
        length = timeframe_ms(timeframe)
        until = until_ms or self._gateway.now_ms
        found: dict[int, Candle] = {}
        end_ms = until - 1
        while len(found) < bars:
            # One more when it is now: the last is still forming. Up to 1000 cost half of what 1001 do.
            limit = min(asks.CANDLE_PAGE, bars - len(found) + (not until_ms))
            page = _candles(
                symbol, await self._body("candles", asks.klines(symbol, timeframe, limit, end_ms))
            )
            older = {
                c.open_at_ms: c for c in page if c.open_at_ms + length <= until and c.open_at_ms <= end_ms
            }
            fresh = older.keys() - found.keys()
            found |= older
            if not fresh or len(page) < limit:
                break
            end_ms = min(fresh) - 1
        last = [found[at] for at in sorted(found)][-bars:] if bars > 0 else []
        return _frame(symbol, length, last)

    async def quotes(self) -> tuple[Quote, ...]:
        """All symbols in two calls. `last` is the middle of bid and ask: no trade is asked for."""
        books = rows(await self._body("best prices", asks.BOOK_TICKERS))
        marks = {text(one, "symbol"): one for one in rows(await self._body("marks", asks.PREMIUM_INDEX))}
        found = (self._quote(book, marks.get(text(book, "symbol"), {})) for book in books)
        return tuple(quote for quote in found if quote is not None)

    def _quote(self, book: Row, index: Row) -> Quote | None:
        symbol, bid, ask = text(book, "symbol"), positive(book, "bidPrice"), positive(book, "askPrice")
        mark = positive(index, "markPrice")
        if not symbol or bid is None or ask is None or mark is None:
            return None
        at_ms = moment(book, "time") or moment(index, "time") or self._gateway.now_ms
        return Quote(symbol, at_ms, bid, ask, (bid + ask) / 2, mark)

    async def funding_rates(self) -> tuple[FundingRate, ...]:
        """All perpetuals in one call; how long their intervals are stands in the instruments."""
        found = (self._rate(one) for one in rows(await self._body("funding rates", asks.PREMIUM_INDEX)))
        return tuple(rate for rate in found if rate is not None)

    def _rate(self, one: Row) -> FundingRate | None:
        symbol, rate, next_ms = (
            text(one, "symbol"),
            number(one, "lastFundingRate"),
            moment(one, "nextFundingTime"),
        )
        if not symbol or rate is None or next_ms is None:  # dated contracts have no next settlement
            return None
        return FundingRate(symbol, moment(one, "time") or self._gateway.now_ms, rate, next_ms)

    async def maintenance(self) -> str:
        """What the venue says about its maintenance; empty when it works, or does not say."""
        answer = await self._gateway.ask(asks.SYSTEM_STATUS)
        status = row(answer.body) if answer.good else {}
        if whole(status, "status") in (None, 0):
            return ""
        return (text(status, "msg") or "maintenance")[:80]


def _candles(symbol: str, body: object) -> list[Candle]:
    if not isinstance(body, list):
        raise VenueUnavailable("candles: garbage")
    found = [_candle(symbol, one) for one in body]
    if None in found:
        raise VenueUnavailable("candles: garbage")
    return [candle for candle in found if candle is not None]


def _candle(symbol: str, source: object) -> Candle | None:
    if not isinstance(source, list) or len(source) < 6:
        return None
    named = dict(zip("tohlcv", source, strict=False))
    at_ms = moment(named, "t")
    o, h, low, c, volume = (number(named, key) for key in "ohlcv")
    if at_ms is None or o is None or h is None or low is None or c is None or volume is None:
        return None
    candle = Candle(symbol, at_ms, o, h, low, c, volume)
    return candle if candle.sound else None


def _frame(symbol: str, length: int, candles: Sequence[Candle]) -> Frame:
    def column(name: str) -> Array:
        return np.array([getattr(candle, name) for candle in candles], dtype=np.float64)

    times = np.array([candle.open_at_ms for candle in candles], dtype=np.int64)
    prices = (column(name) for name in ("open", "high", "low", "close", "volume"))
    return Frame(symbol, length, times, *prices)
