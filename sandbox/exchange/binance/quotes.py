"""Frames of market streams. What follows prices comes with the news; what comes by the clock also in between."""

from collections.abc import Callable
from decimal import Decimal

import orjson

from bot.domain.market import TIMEFRAMES_MS
from bot.domain.order import OrderSide
from sandbox.exchange.binance.call import Floor
from sandbox.exchange.binance.figures import average, eight, plain
from sandbox.exchange.binance.hub import ALL, Hub, Topic
from sandbox.exchange.binance.prices import DAY_MS, ladder, percent, weighted
from sandbox.exchange.binance.problems import Json
from sandbox.exchange.news import KlineNews, OrderNews, PriceNews
from sandbox.exchange.nouns import Kline, MarketView, Origin

HALF = Decimal("0.5")
LEVELS = 20
NEVER_MS = 1 << 60
"""Opening time of candles that the market cannot make."""
EVERY_MS = {
    "markPrice": 3000, "markPrice@1s": 1000, "!markPrice@arr": 3000, "!markPrice@arr@1s": 1000,
    "ticker": 2000, "!ticker@arr": 1000, "miniTicker": 2000, "!miniTicker@arr": 1000,
    "aggTrade": 100, "trade": 0, "bookTicker": 0, "!bookTicker": 5000,
    "depth": 250, "depth@100ms": 100, "depth@250ms": 250, "depth@500ms": 500,
}  # fmt: skip
BY_CLOCK = frozenset(
    {
        "markPrice", "markPrice@1s", "!markPrice@arr", "!markPrice@arr@1s",
        "ticker", "!ticker@arr", "miniTicker", "!miniTicker@arr",
    }
)  # fmt: skip
PARTIAL = {
    f"depth{levels}{pace}": levels for levels in (5, 10, 20) for pace in ("", "@100ms", "@250ms", "@500ms")
}
KLINES = frozenset({"kline", "continuousKline"})


def encoded(frame: object) -> str:
    """A frame's text."""
    return orjson.dumps(frame).decode()


class Quotes:
    """Turns news of the market into frames."""

    def __init__(self, floor: Floor, hub: Hub) -> None:
        self._floor = floor
        self._hub = hub
        self._known = floor.exchange.instruments
        self._frames: dict[str, Callable[[Topic, MarketView], str]] = {
            "markPrice": self._mark,
            "ticker": self._ticker,
            "miniTicker": self._mini,
            "bookTicker": self._best,
            "aggTrade": self._aggregate,
            "trade": self._trade,
            "depth": self._depth,
        }

    def began(self, topic: Topic) -> None:
        """Somebody listens to a stream that nobody listened to."""
        if topic.kind in KLINES and topic.symbol in self._floor.exchange.instruments:
            forming = self._forming(topic)
            topic.open_at_ms = forming.open_at_ms if forming else NEVER_MS

    # Prices

    def moved(self, news: PriceNews) -> None:
        """Prices moved."""
        self._known = self._floor.exchange.instruments
        for view in news.views:
            for topic in self._hub.of_symbol.get(view.symbol, ()):
                if topic.kind not in KLINES:
                    self._show(topic, view, news.at_ms)
            self._all_best(view)
        self._all(news.at_ms)

    def clock(self, now_ms: int) -> None:
        """Time passed: streams that speak by the clock."""
        self._known = self._floor.exchange.instruments
        for topic in list(self._hub.topics.values()):
            late = topic.kind in BY_CLOCK and now_ms >= topic.sent_at_ms + EVERY_MS[topic.kind]
            if late and topic.symbol in self._known:
                self._show(topic, self._floor.exchange.view(topic.symbol), now_ms)
        self._all(now_ms)

    def _due(self, topic: Topic, every_ms: int, now_ms: int) -> bool:
        if now_ms < topic.sent_at_ms + every_ms and topic.sent_at_ms:
            return False
        topic.sent_at_ms = now_ms
        return True

    def _show(self, topic: Topic, view: MarketView, now_ms: int) -> None:
        levels = PARTIAL.get(topic.kind)
        if levels is not None and self._due(topic, 250, now_ms):
            self._hub.send(topic, self._partial(view, levels))
            return
        frame = self._frames.get(topic.kind.partition("@")[0])
        if frame is not None and self._due(topic, EVERY_MS.get(topic.kind, 1000), now_ms):
            self._hub.send(topic, frame(topic, view))

    def _all(self, now_ms: int) -> None:
        for topic in self._hub.of_symbol.get(ALL, ()):
            if topic.kind not in BY_CLOCK or not self._due(topic, EVERY_MS[topic.kind], now_ms):
                continue
            rows = {"!markPrice": mark_row, "!miniTicker": mini_row, "!ticker": self._ticker_row}
            shown = rows[topic.kind.partition("@")[0]]
            views = map(self._floor.exchange.view, self._known)
            self._hub.send(topic, encoded([shown(view, now_ms) for view in views]))

    def _all_best(self, view: MarketView) -> None:
        for topic in self._hub.of_symbol.get(ALL, ()):
            if topic.kind == "!bookTicker":
                self._hub.send(topic, self._best(topic, view))

    def _mark(self, _: Topic, view: MarketView) -> str:
        return encoded(mark_row(view, self._floor.now_ms))

    def _mini(self, _: Topic, view: MarketView) -> str:
        return encoded(mini_row(view, self._floor.now_ms))

    def _ticker(self, _: Topic, view: MarketView) -> str:
        return encoded(self._ticker_row(view, self._floor.now_ms))

    def _ticker_row(self, view: MarketView, now_ms: int) -> Json:
        tick = self._known[view.symbol].price_tick
        return {
            "e": "24hrTicker",
            "E": now_ms,
            "s": view.symbol,
            "p": plain(view.last - view.day_open),
            "P": f"{percent(view):.3f}",
            "w": plain(weighted(view, tick)),
            "c": plain(view.last),
            "Q": plain(view.bid_size),
            "o": plain(view.day_open),
            "h": plain(view.day_high),
            "l": plain(view.day_low),
            "v": plain(view.day_volume),
            "q": plain(view.day_turnover),
            "O": view.at_ms - DAY_MS,
            "C": view.at_ms,
            "F": view.at_ms - DAY_MS,
            "L": view.at_ms,
            "n": 1440,
        }

    def _best(self, _: Topic, view: MarketView) -> str:
        book = self._floor.keeping.book(view.symbol, self._floor.now_ms)
        return encoded(
            {
                "e": "bookTicker",
                "u": book.update_id,
                "s": view.symbol,
                "b": plain(view.bid),
                "B": plain(view.bid_size),
                "a": plain(view.ask),
                "A": plain(view.ask_size),
                "T": view.at_ms,
                "E": self._floor.now_ms,
            }
        )

    def _aggregate(self, _: Topic, view: MarketView) -> str:
        at_ms = view.at_ms
        return encoded(
            {
                "e": "aggTrade",
                "E": self._floor.now_ms,
                "s": view.symbol,
                "a": at_ms,
                "p": plain(view.last),
                "q": plain(self._known[view.symbol].min_quantity),
                "f": at_ms,
                "l": at_ms,
                "T": at_ms,
                "m": at_ms % 2 == 1,
            }
        )

    def _trade(self, _: Topic, view: MarketView) -> str:
        return encoded(
            {
                "e": "trade",
                "E": self._floor.now_ms,
                "T": view.at_ms,
                "s": view.symbol,
                "t": view.at_ms,
                "p": plain(view.last),
                "q": plain(self._known[view.symbol].min_quantity),
                "X": "MARKET",
                "m": view.at_ms % 2 == 1,
            }
        )

    # Order book

    def _partial(self, view: MarketView, levels: int) -> str:
        bids, asks = ladder(self._known[view.symbol], view, levels)
        book = self._floor.keeping.book(view.symbol, self._floor.now_ms)
        first, last = book.update_id, book.update_id
        return encoded(depth_row(view, self._floor.now_ms, (first, last, last), bids, asks))

    def _depth(self, _: Topic, view: MarketView) -> str:
        """All levels anew, and zeros for those that went; ids follow on each other and straddle a snapshot's."""
        book = self._floor.keeping.book(view.symbol, self._floor.now_ms)
        before = book.update_id
        book.update_id = before + 2
        sides = ladder(self._known[view.symbol], view, LEVELS)
        rows = []
        for name, levels in zip(("b", "a"), sides, strict=True):
            now = {level[0]: level[1] for level in levels}
            gone = [[price, "0"] for price in book.levels.get(name, {}) if price not in now]
            book.levels[name] = now
            rows.append(levels + gone)
        ids = (before + 1, book.update_id, before)
        return encoded(depth_row(view, self._floor.now_ms, ids, rows[0], rows[1]))

    # Candles

    def candles(self, news: KlineNews) -> None:
        """Candles moved or closed."""
        for one in news.klines:
            for topic in self._hub.of_symbol.get(one.symbol, ()):
                if topic.kind not in KLINES:
                    continue
                if topic.interval == one.interval:
                    self._same(topic, one, news.at_ms)
                else:
                    self._larger(topic, one, news.at_ms)

    def _same(self, topic: Topic, one: Kline, now_ms: int) -> None:
        if one.closed or self._due(topic, self._floor.keeping.settings.forming_every_ms, now_ms):
            self._hub.send(topic, encoded(kline_frame(topic, one, now_ms, closed=one.closed)))

    def _larger(self, topic: Topic, base: Kline, now_ms: int) -> None:
        """A candle made of several of the market's own: closed with the last of them, forming ones when due."""
        if base.closed:
            self._close(topic, base.close_at_ms + 1, now_ms)
        elif self._due(topic, self._floor.keeping.settings.forming_every_ms, now_ms):
            forming = self._forming(topic)
            if forming is not None:
                self._hub.send(topic, encoded(kline_frame(topic, forming, now_ms, closed=False)))

    def _close(self, topic: Topic, end_ms: int, now_ms: int) -> None:
        """Show the candles that end at this time or before."""
        length = TIMEFRAMES_MS[topic.interval]
        while topic.open_at_ms + length <= end_ms:
            first = topic.open_at_ms
            for one in self._floor.exchange.klines(topic.symbol, topic.interval, 1, first, first):
                self._hub.send(topic, encoded(kline_frame(topic, one, now_ms, closed=True)))
            topic.open_at_ms += length

    def _forming(self, topic: Topic) -> Kline | None:
        """The stream's forming candle; None for an interval that the market cannot make."""
        found = self._floor.exchange.klines(topic.symbol, topic.interval, 1, None, None)
        return found[-1] if found else None

    # Liquidations

    def liquidated(self, news: OrderNews) -> None:
        """Somebody was liquidated: the market hears of it."""
        if news.what != "CALCULATED" or news.order.ask.origin is not Origin.LIQUIDATION:
            return
        symbol = news.order.ask.symbol
        for name in (f"{symbol.lower()}@forceOrder", "!forceOrder@arr"):
            topic = self._hub.topics.get(name)
            if topic is not None:
                self._hub.send(topic, encoded(force_row(news)))


def mark_row(view: MarketView, now_ms: int) -> Json:
    """markPriceUpdate."""
    return {
        "e": "markPriceUpdate",
        "E": now_ms,
        "s": view.symbol,
        "p": eight(view.mark),
        "ap": eight(view.mark),
        "P": eight(view.index),
        "i": eight(view.index),
        "r": eight(view.funding_rate),
        "T": view.next_funding_at_ms,
    }


def mini_row(view: MarketView, now_ms: int) -> Json:
    """24hrMiniTicker."""
    return {
        "e": "24hrMiniTicker",
        "E": now_ms,
        "s": view.symbol,
        "c": plain(view.last),
        "o": plain(view.day_open),
        "h": plain(view.day_high),
        "l": plain(view.day_low),
        "v": plain(view.day_volume),
        "q": plain(view.day_turnover),
    }


def depth_row(
    view: MarketView, now_ms: int, ids: tuple[int, int, int], bids: list[list[str]], asks: list[list[str]]
) -> Json:
    """depthUpdate; `ids` are U, u and pu."""
    return {
        "e": "depthUpdate",
        "E": now_ms,
        "T": view.at_ms,
        "s": view.symbol,
        "U": ids[0],
        "u": ids[1],
        "pu": ids[2],
        "b": bids,
        "a": asks,
    }


def kline_frame(topic: Topic, one: Kline, now_ms: int, *, closed: bool) -> Json:
    """kline or continuous_kline; half of the volume is the takers'."""
    candle = {
        "t": one.open_at_ms,
        "T": one.close_at_ms,
        "s": one.symbol,
        "i": topic.interval,
        "f": one.open_at_ms,
        "L": min(one.close_at_ms, now_ms),
        "o": plain(one.open),
        "c": plain(one.close),
        "h": plain(one.high),
        "l": plain(one.low),
        "v": plain(one.volume),
        "n": one.trades,
        "x": closed,
        "q": plain(one.turnover),
        "V": plain(one.volume * HALF),
        "Q": plain(one.turnover * HALF),
        "B": "0",
    }
    if topic.kind == "continuousKline":
        del candle["s"]
        return {"e": "continuous_kline", "E": now_ms, "ps": one.symbol, "ct": "PERPETUAL", "k": candle}
    return {"e": "kline", "E": now_ms, "s": one.symbol, "k": candle}


def force_row(news: OrderNews) -> Json:
    """forceOrder."""
    order = news.order
    return {
        "e": "forceOrder",
        "E": news.at_ms,
        "o": {
            "s": order.ask.symbol,
            "S": OrderSide(order.ask.side).value,
            "o": "LIMIT",
            "f": "IOC",
            "q": plain(order.ask.quantity),
            "p": average(order.average),
            "ap": average(order.average),
            "X": "FILLED",
            "l": plain(news.trade.quantity if news.trade else order.filled),
            "z": plain(order.filled),
            "T": news.at_ms,
        },
    }
