"""Public streams: candles, mark prices with funding, best bids and asks, last prices; bare, wrapped or in arrays."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from bot.domain.market import TIMEFRAMES_MS, Candle, FundingRate
from bot.venues.binance.reading import Row, moment, number, positive, row, rows, text, truth
from bot.venues.ccxt_venue.dialect import KlineSeen, PriceSeen, PublicNews

log = logging.getLogger(__name__)

TOLD_KINDS = 50
_LEFT_OUT = frozenset({"depthUpdate", "aggTrade", "trade", "forceOrder", "contractInfo", "assetIndexUpdate"})


class MarketFrames:
    """Reads frames of the market streams; what it cannot read is logged once per kind and left out."""

    def __init__(self) -> None:
        """Nothing was told yet."""
        self._told: set[str] = set()
        self._readers: Mapping[str, Callable[[Row], Sequence[PublicNews]]] = {
            "kline": self._kline,
            "continuous_kline": self._kline,
            "markPriceUpdate": self._mark,
            "bookTicker": self._book,
            "24hrMiniTicker": self._last,
            "24hrTicker": self._last,
        }

    def read(self, frame: object) -> Sequence[PublicNews]:
        """What a frame says."""
        inner = row(frame).get("data") if "e" not in row(frame) else frame
        data = frame if isinstance(frame, list) else inner
        return [news for one in rows(data) for news in self._one(one)]

    def _one(self, data: Row) -> Sequence[PublicNews]:
        kind = text(data, "e")
        reader = self._readers.get(kind)
        if reader is not None:
            return reader(data)
        if kind and kind not in _LEFT_OUT:
            self._tell(kind)
        return ()

    def _kline(self, data: Row) -> Sequence[PublicNews]:
        kline = row(data.get("k"))
        symbol, timeframe = text(data, "s") or text(kline, "s") or text(data, "ps"), text(kline, "i")
        dated = text(data, "ct") not in ("", "PERPETUAL")
        candle = _candle(symbol, kline)
        if candle is None or timeframe not in TIMEFRAMES_MS or dated:
            self._tell("kline that is no candle")
            return ()
        return (KlineSeen(candle, timeframe, truth(kline, "x")),)

    def _mark(self, data: Row) -> Sequence[PublicNews]:
        symbol, at_ms, mark = text(data, "s"), moment(data, "E"), positive(data, "p")
        if not symbol or at_ms is None:
            self._tell("markPriceUpdate without a symbol or a time")
            return ()
        rate, next_ms = number(data, "r"), moment(data, "T")
        news: list[PublicNews] = []
        if mark is not None:
            news.append(PriceSeen(symbol, at_ms, mark=mark))
        if rate is not None and next_ms is not None:  # dated contracts have neither
            news.append(FundingRate(symbol, at_ms, rate, next_ms))
        return news

    def _book(self, data: Row) -> Sequence[PublicNews]:
        symbol, at_ms = text(data, "s"), moment(data, "E") or moment(data, "T")
        bid, ask = positive(data, "b"), positive(data, "a")
        if not symbol or at_ms is None or (bid is None and ask is None):
            self._tell("bookTicker without prices")
            return ()
        return (PriceSeen(symbol, at_ms, bid=bid, ask=ask),)

    def _last(self, data: Row) -> Sequence[PublicNews]:
        symbol, at_ms, last = text(data, "s"), moment(data, "E"), positive(data, "c")
        if not symbol or at_ms is None or last is None:
            self._tell("ticker without a price")
            return ()
        return (PriceSeen(symbol, at_ms, last=last),)

    def _tell(self, what: str) -> None:
        short = what[:40]
        if short not in self._told and len(self._told) < TOLD_KINDS:
            self._told.add(short)
            log.warning("market stream: %a not understood and left out", short)


def _candle(symbol: str, kline: Row) -> Candle | None:
    open_at_ms = moment(kline, "t")
    figures = [number(kline, key) for key in "ohlcv"]
    if not symbol or open_at_ms is None or None in figures:
        return None
    candle = Candle(symbol, open_at_ms, *cast(list[float], figures))
    return candle if candle.sound else None
