"""Frames of public topics: candles, tickers, books, trades, liquidations."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from bot.domain.instrument import ZERO
from bot.domain.order import OrderSide
from sandbox.exchange.bybit.hub import Frame, Hub, encoded
from sandbox.exchange.bybit.identity import execution_uid
from sandbox.exchange.bybit.levels import Levels, book_levels, changes
from sandbox.exchange.bybit.market import ticker_figures
from sandbox.exchange.bybit.settings import Settings
from sandbox.exchange.bybit.words import INTERVALS, SIDE_WORDS, average, plain
from sandbox.exchange.core import Exchange
from sandbox.exchange.news import KlineNews, OrderNews, PriceNews
from sandbox.exchange.nouns import Kline, MarketView, Origin, Trade
from sandbox.exchange.wire import Socket

DEPTHS = ("1", "50", "200")
PLAIN_TOPICS = ("tickers", "publicTrade", "allLiquidation")
MINUTE_MS = 60_000


@dataclass(slots=True)
class BookState:
    """A book as its topic last showed it."""

    update: int = 0
    bids: Levels = field(default_factory=dict)
    asks: Levels = field(default_factory=dict)


class Quotes:
    """What public topics show. Each frame is made once, and only where somebody listens."""

    def __init__(self, exchange: Exchange, hub: Hub, settings: Settings) -> None:
        self._exchange = exchange
        self._hub = hub
        self._settings = settings
        self._known = exchange.instruments
        self._tickers: dict[str, dict[str, str]] = {}
        self._books: dict[str, BookState] = {}
        self._last: dict[str, tuple[Decimal, str]] = {}
        self._traded: dict[str, Decimal] = {}
        self._shown: dict[str, int] = {}
        self._confirmed: dict[str, int] = {}
        self._larger: dict[str, set[str]] = {}
        self._trades = 0

    def knows(self, topic: str) -> bool:
        """True when there is such a topic."""
        kind, _, rest = topic.partition(".")
        if kind in PLAIN_TOPICS:
            return rest in self._exchange.instruments
        word, _, symbol = rest.partition(".")
        words = INTERVALS if kind == "kline" else DEPTHS if kind == "orderbook" else ()
        return word in words and symbol in self._exchange.instruments

    def opened(self, socket: Socket, topic: str) -> None:
        """A socket listens from now on; tickers and books begin with all they have."""
        kind, _, rest = topic.partition(".")
        word, _, symbol = rest.partition(".")
        match kind:
            case "tickers":
                socket.send(encoded(self._ticker_snapshot(rest)))
            case "orderbook":
                socket.send(encoded(self._book_snapshot(topic, int(word), symbol)))
            case "kline":
                self._larger.setdefault(symbol, set()).add(word)
                kline = self._exchange.kline(symbol, INTERVALS[word])
                socket.send(encoded(self._kline_frame(topic, word, kline, closed=False)))
            case _:
                pass  # trades and liquidations begin with the next one

    # Candles

    def on_klines(self, news: KlineNews) -> None:
        """Candles of the market's own interval moved; larger ones are asked for where somebody listens."""
        for kline in news.klines:
            words = self._larger.get(kline.symbol)
            if words:
                for word in sorted(words):
                    self._show_kline(word, kline)

    def _show_kline(self, word: str, kline: Kline) -> None:
        topic = f"kline.{word}.{kline.symbol}"
        if topic not in self._hub.public:
            self._larger[kline.symbol].discard(word)
            return
        interval = INTERVALS[word]
        if kline.interval == interval:
            self._kline(topic, word, kline)
        elif kline.closed:
            for one in self._exchange.klines(kline.symbol, interval, 1, None, kline.close_at_ms):
                if one.close_at_ms <= kline.close_at_ms:
                    self._kline(topic, word, replace(one, closed=True))
        elif self._may_show(topic):
            self._kline(topic, word, self._exchange.kline(kline.symbol, interval))

    def _kline(self, topic: str, word: str, kline: Kline) -> None:
        """A closed candle is shown once, a forming one every so often."""
        if self._confirmed.get(topic, -1) >= kline.open_at_ms:
            return
        if kline.closed:
            self._confirmed[topic] = kline.open_at_ms
        elif not self._due(topic):
            return
        self._hub.publish(topic, self._kline_frame(topic, word, kline, closed=kline.closed))

    def _may_show(self, topic: str) -> bool:
        return self._exchange.now_ms - self._shown.get(topic, -MINUTE_MS) >= self._settings.forming_every_ms

    def _due(self, topic: str) -> bool:
        if not self._may_show(topic):
            return False
        self._shown[topic] = self._exchange.now_ms
        return True

    def _kline_frame(self, topic: str, word: str, kline: Kline, *, closed: bool) -> Frame:
        now = self._exchange.now_ms
        row = {
            "start": kline.open_at_ms,
            "end": kline.close_at_ms,
            "interval": word,
            "open": plain(kline.open),
            "close": plain(kline.close),
            "high": plain(kline.high),
            "low": plain(kline.low),
            "volume": plain(kline.volume),
            "turnover": average(kline.turnover),
            "confirm": closed,
            "timestamp": min(now, kline.close_at_ms),
        }
        return {"topic": topic, "data": [row], "ts": now, "type": "snapshot"}

    # Prices

    def on_prices(self, news: PriceNews) -> None:
        """Prices moved."""
        public = self._hub.public
        if public:
            self._known = self._exchange.instruments
        for view in news.views:
            for kind, show in self._shows():
                if f"{kind}.{view.symbol}" in public:
                    show(view)
            for depth in DEPTHS:
                topic = f"orderbook.{depth}.{view.symbol}"
                if topic in public:
                    self._book(topic, int(depth), view)

    def _shows(self) -> tuple[tuple[str, Callable[[MarketView], None]], ...]:
        return ("tickers", self._ticker), ("publicTrade", self._trade_of_move)

    def _ticker_frame(self, symbol: str, kind: str, figures: dict[str, str]) -> Frame:
        now = self._exchange.now_ms
        topic = f"tickers.{symbol}"
        return {"topic": topic, "type": kind, "data": {**figures, "symbol": symbol}, "cs": now, "ts": now}

    def _ticker_snapshot(self, symbol: str) -> Frame:
        alone = len(self._hub.public.get(f"tickers.{symbol}", ())) <= 1
        if alone or symbol not in self._tickers:
            view = self._exchange.view(symbol)
            self._last.setdefault(symbol, (view.last, "ZeroPlusTick"))
            self._tickers[symbol] = self._figures(view, self._last[symbol][1])
        return self._ticker_frame(symbol, "snapshot", self._tickers[symbol])

    def _figures(self, view: MarketView, direction: str) -> dict[str, str]:
        instrument = self._known[view.symbol]
        return ticker_figures(view, instrument) | {"tickDirection": direction}

    def _ticker(self, view: MarketView) -> None:
        if not self._due(f"tickers.{view.symbol}"):
            return
        old = self._tickers.get(view.symbol, {})
        direction = self._direction(view.symbol, view.last)
        new = self._figures(view, direction)
        changed = {name: value for name, value in new.items() if old.get(name) != value}
        self._tickers[view.symbol] = new
        if changed:
            self._hub.publish(f"tickers.{view.symbol}", self._ticker_frame(view.symbol, "delta", changed))

    def _direction(self, symbol: str, price: Decimal) -> str:
        """Bybit's word for how a price came about."""
        last, word = self._last.get(symbol, (price, "ZeroPlusTick"))
        if price == last:
            word = word if word.startswith("Zero") else f"Zero{word}"
        else:
            word = "PlusTick" if price > last else "MinusTick"
        self._last[symbol] = price, word
        return word

    # Books

    def _book_snapshot(self, topic: str, depth: int, symbol: str) -> Frame:
        state = self._books.setdefault(topic, BookState())
        if len(self._hub.public.get(topic, ())) <= 1:
            state.bids, state.asks = self._levels(self._exchange.view(symbol), depth)
            state.update += 1
        levels = [list(one) for one in state.bids.items()], [list(one) for one in state.asks.items()]
        return self._book_frame(topic, "snapshot", state, levels)

    def _levels(self, view: MarketView, depth: int) -> tuple[Levels, Levels]:
        return book_levels(view, self._known[view.symbol].price_tick, depth)

    def _book(self, topic: str, depth: int, view: MarketView) -> None:
        """The best level is always sent whole."""
        state = self._books.setdefault(topic, BookState())
        if not self._due(topic):
            return
        bids, asks = self._levels(view, depth)
        if (bids, asks) == (state.bids, state.asks):
            return
        state.update += 1
        if depth == 1:
            levels = [list(one) for one in bids.items()], [list(one) for one in asks.items()]
        else:
            levels = changes(state.bids, bids), changes(state.asks, asks)
        state.bids, state.asks = bids, asks
        kind = "snapshot" if depth == 1 else "delta"
        self._hub.publish(topic, self._book_frame(topic, kind, state, levels))

    def _book_frame(
        self, topic: str, kind: str, state: BookState, levels: tuple[list[list[str]], list[list[str]]]
    ) -> Frame:
        now = self._exchange.now_ms
        data = {
            "s": topic.rpartition(".")[2],
            "b": levels[0],
            "a": levels[1],
            "u": state.update,
            "seq": state.update,
        }
        return {"topic": topic, "type": kind, "ts": now, "data": data, "cts": now}

    # Trades

    def _trade_of_move(self, view: MarketView) -> None:
        """A move of the price is shown as one trade."""
        last = self._traded.get(view.symbol, ZERO)
        if view.last != last:
            self._traded[view.symbol] = view.last
            side = OrderSide.BUY if view.last > last else OrderSide.SELL
            self._trades += 1
            uid = execution_uid(self._trades, "0b000000-0000-5000-8000-")
            self._publish_trade(view.symbol, side, view.last, view.ask_size, uid)

    def on_execution(self, news: OrderNews, trade: Trade) -> None:
        """An execution of one of our accounts is a trade of the market, and perhaps a liquidation."""
        uid = execution_uid(trade.trade_id)
        if f"publicTrade.{trade.symbol}" in self._hub.public:
            side = trade.side if not trade.maker else _other(trade.side)
            self._publish_trade(trade.symbol, side, trade.price, trade.quantity, uid)
        if trade.origin is Origin.LIQUIDATION:
            row = {
                "T": news.at_ms,
                "s": trade.symbol,
                "S": SIDE_WORDS[_other(trade.side)],
                "v": plain(trade.quantity),
                "p": plain(trade.price),
            }
            topic = f"allLiquidation.{trade.symbol}"
            self._hub.publish(topic, {"topic": topic, "type": "snapshot", "ts": news.at_ms, "data": [row]})

    def _publish_trade(
        self, symbol: str, side: OrderSide, price: Decimal, quantity: Decimal, uid: str
    ) -> None:
        now, topic = self._exchange.now_ms, f"publicTrade.{symbol}"
        row = {
            "T": now,
            "s": symbol,
            "S": SIDE_WORDS[side],
            "v": plain(quantity),
            "p": plain(price),
            "L": self._direction(symbol, price),
            "i": uid,
            "BT": False,
            "RPI": False,
            "seq": now,
        }
        self._hub.publish(topic, {"topic": topic, "type": "snapshot", "ts": now, "data": [row]})


def _other(side: OrderSide) -> OrderSide:
    return OrderSide.SELL if side is OrderSide.BUY else OrderSide.BUY
