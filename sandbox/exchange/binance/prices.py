"""Tickers, book, trades, premium index: prices of this moment."""

from collections.abc import Callable
from decimal import Decimal

from bot.domain.instrument import ZERO, Instrument
from sandbox.exchange.binance.call import Call
from sandbox.exchange.binance.figures import eight, plain
from sandbox.exchange.binance.problems import Json, Problem
from sandbox.exchange.core import Exchange
from sandbox.exchange.nouns import Kline, MarketView

DAY_MS = 86_400_000
DEPTHS = (5, 10, 20, 50, 100, 500, 1000)
INTEREST = "0.00010000"


def one_or_all(call: Call, shown: Callable[[Call, MarketView], Json]) -> Json | list[Json]:
    """One row when a symbol was asked for, else the rows of all."""
    if call.has("symbol"):
        return shown(call, call.exchange.view(call.symbol()))
    return [shown(call, call.exchange.view(symbol)) for symbol in call.exchange.instruments]


def day_ticker(call: Call) -> Json | list[Json]:
    """GET ticker/24hr."""
    return one_or_all(call, _day)


def _day(call: Call, view: MarketView) -> Json:
    change = view.last - view.day_open
    tick = call.contract(view.symbol).price_tick
    return {
        "symbol": view.symbol,
        "priceChange": plain(change),
        "priceChangePercent": f"{percent(view):.3f}",
        "weightedAvgPrice": plain(weighted(view, tick)),
        "lastPrice": plain(view.last),
        "lastQty": plain(view.bid_size),
        "openPrice": plain(view.day_open),
        "highPrice": plain(view.day_high),
        "lowPrice": plain(view.day_low),
        "volume": plain(view.day_volume),
        "quoteVolume": plain(view.day_turnover),
        "openTime": view.at_ms - DAY_MS,
        "closeTime": view.at_ms,
        "firstId": view.at_ms - DAY_MS,
        "lastId": view.at_ms,
        "count": 1440,
    }


def percent(view: MarketView) -> Decimal:
    """Change over the day in percent."""
    return (view.last - view.day_open) / view.day_open * 100 if view.day_open else ZERO


def weighted(view: MarketView, tick: Decimal) -> Decimal:
    """Average price of the day by volume."""
    if not view.day_volume:
        return view.last
    return (view.day_turnover / view.day_volume).quantize(tick / 10 if tick else Decimal("1e-8"))


def price_ticker(call: Call) -> Json | list[Json]:
    """GET ticker/price."""
    return one_or_all(
        call, lambda _, view: {"symbol": view.symbol, "price": plain(view.last), "time": view.at_ms}
    )


def book_ticker(call: Call) -> Json | list[Json]:
    """GET ticker/bookTicker."""
    return one_or_all(call, _best)


def _best(call: Call, view: MarketView) -> Json:
    return {
        "symbol": view.symbol,
        "bidPrice": plain(view.bid),
        "bidQty": plain(view.bid_size),
        "askPrice": plain(view.ask),
        "askQty": plain(view.ask_size),
        "time": view.at_ms,
        "lastUpdateId": call.floor.keeping.book(view.symbol, call.floor.now_ms).update_id,
    }


def premium_index(call: Call) -> Json | list[Json]:
    """GET premiumIndex."""
    return one_or_all(call, _premium)


def _premium(_: Call, view: MarketView) -> Json:
    return {
        "symbol": view.symbol,
        "markPrice": eight(view.mark),
        "indexPrice": eight(view.index),
        "estimatedSettlePrice": eight(view.index),
        "lastFundingRate": eight(view.funding_rate),
        "interestRate": INTEREST,
        "nextFundingTime": view.next_funding_at_ms,
        "time": view.at_ms,
    }


def open_interest(call: Call) -> Json:
    """GET openInterest."""
    view = call.exchange.view(call.symbol())
    return {"openInterest": plain(view.open_interest), "symbol": view.symbol, "time": view.at_ms}


# Order book: as many levels as asked for, a tick apart, all as deep as the best one.


def ladder(one: Instrument, view: MarketView, levels: int) -> tuple[list[list[str]], list[list[str]]]:
    """Bids and asks, the best first, as (price, quantity)."""
    tick = one.price_tick
    bids = [(view.bid - tick * number) for number in range(levels)]
    asks = [(view.ask + tick * number) for number in range(levels)]
    return (
        [[plain(price), plain(view.bid_size)] for price in bids if price > ZERO],
        [[plain(price), plain(view.ask_size)] for price in asks],
    )


def depth(call: Call) -> Json:
    """GET depth. The next update of the stream follows on `lastUpdateId`."""
    one, limit = call.instrument(), call.whole("limit") or 500
    if limit not in DEPTHS:
        raise Problem(-4021, f"{limit} is not valid depth limit.")
    view = call.exchange.view(one.symbol)
    bids, asks = ladder(one, view, min(limit, 100))
    return {
        "lastUpdateId": call.floor.keeping.book(one.symbol, call.floor.now_ms).update_id + 1,
        "E": call.floor.now_ms,
        "T": view.at_ms,
        "bids": bids,
        "asks": asks,
    }


# Trades: the sandbox's market has none of its own; each of its smallest candles stands for one.


def _minutes(exchange: Exchange, symbol: str, limit: int) -> list[Kline]:
    for interval in ("1m", "5m", "15m", "1h", "4h", "1d"):
        found = exchange.klines(symbol, interval, limit, None, None)
        if found:
            return found
    return []


def trades(call: Call) -> list[Json]:
    """GET trades and historicalTrades."""
    found = _minutes(call.exchange, call.symbol(), call.limit(500, 1000))
    return [
        {
            "id": trade_id(one, call.floor.now_ms),
            "price": plain(one.close),
            "qty": plain(one.volume),
            "quoteQty": plain(one.turnover),
            "time": trade_id(one, call.floor.now_ms),
            "isBuyerMaker": one.close < one.open,
        }
        for one in found
    ]


def aggregate_trades(call: Call) -> list[Json]:
    """GET aggTrades."""
    found = _minutes(call.exchange, call.symbol(), call.limit(500, 1000))
    return [
        {
            "a": (at_ms := trade_id(one, call.floor.now_ms)),
            "p": plain(one.close),
            "q": plain(one.volume),
            "f": at_ms,
            "l": at_ms,
            "T": at_ms,
            "m": one.close < one.open,
        }
        for one in found
    ]


def trade_id(one: Kline, now_ms: int) -> int:
    """Trades are numbered by their millisecond, here and in streams."""
    return min(one.close_at_ms, now_ms)
