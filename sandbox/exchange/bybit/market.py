"""Public calls: contracts, candles, tickers, books, funding, open interest."""

from collections.abc import Callable
from decimal import Decimal
from hashlib import sha256

from bot.domain.instrument import Bracket, Instrument
from sandbox.exchange.bybit.asking import Call
from sandbox.exchange.bybit.levels import book_levels
from sandbox.exchange.bybit.problems import bad
from sandbox.exchange.bybit.words import CATEGORY, COIN, INTERVALS, average, plain, ratio
from sandbox.exchange.nouns import Kline, MarketView

type Result = dict[str, object]

HOUR_MS = 3_600_000
PERIODS = {
    "5min": 300_000,
    "15min": 900_000,
    "30min": 1_800_000,
    "1h": HOUR_MS,
    "4h": 4 * HOUR_MS,
    "1d": 24 * HOUR_MS,
    "4d": 96 * HOUR_MS,
}
LAUNCHED_AT_MS = 1_585_526_400_000
FUNDING_CAP = Decimal("0.00375")
PRICE_STEPS = 2_000_000
HUNDRED = Decimal(100)


def time(call: Call) -> Result:
    """GET market/time."""
    now = call.floor.now_ms
    return {"timeSecond": str(now // 1000), "timeNano": f"{now}000000"}


def instruments(call: Call) -> Result:
    """GET market/instruments-info; halted contracts only by their name or status."""
    call.category()
    symbol, base, status = call.optional_symbol(), call.text("baseCoin"), call.text("status")
    found = [
        one
        for one in call.exchange.instruments.values()
        if (not symbol or one.symbol == symbol)
        and (not base or one.base == base)
        and (symbol or _status(one) == (status or "Trading"))
    ]
    page, cursor = call.page(found[::-1], 500, 1000)
    numbers = {name: number for number, name in enumerate(call.exchange.instruments, 1)}
    return {
        "category": CATEGORY,
        "list": [_instrument(one, numbers[one.symbol]) for one in page],
        "nextPageCursor": cursor,
    }


def _status(instrument: Instrument) -> str:
    return "Trading" if instrument.tradable else "Closed"


def _instrument(one: Instrument, number: int) -> Result:
    tick, step = one.price_tick, one.quantity_step
    exponent = tick.normalize().as_tuple().exponent
    return {
        "symbol": one.symbol,
        "symbolId": number,
        "contractType": "LinearPerpetual",
        "status": _status(one),
        "baseCoin": one.base,
        "quoteCoin": one.quote,
        "launchTime": str(LAUNCHED_AT_MS),
        "deliveryTime": "0",
        "deliveryFeeRate": "",
        "priceScale": str(max(0, -exponent) if isinstance(exponent, int) else 0),
        "leverageFilter": {"minLeverage": "1", "maxLeverage": f"{one.max_leverage}.00", "leverageStep": "1"},
        "priceFilter": {
            "minPrice": plain(tick),
            "maxPrice": plain(tick * PRICE_STEPS),
            "tickSize": plain(tick),
        },
        "lotSizeFilter": {
            "maxOrderQty": plain(one.max_quantity),
            "minOrderQty": plain(one.min_quantity),
            "qtyStep": plain(step),
            "postOnlyMaxOrderQty": plain(one.max_quantity),
            "maxMktOrderQty": plain(one.max_market_quantity),
            "minNotionalValue": plain(one.min_notional),
        },
        "unifiedMarginTrade": True,
        "fundingInterval": one.funding_interval_hours * 60,
        "settleCoin": COIN,
        "copyTrading": "none",
        "upperFundingRate": plain(FUNDING_CAP),
        "lowerFundingRate": plain(-FUNDING_CAP),
        "isPreListing": False,
        "preListingInfo": None,
        "riskParameters": {
            "priceLimitRatioX": ratio((one.percent_price_up - 1) / 2),
            "priceLimitRatioY": ratio(one.percent_price_up - 1),
        },
        "symbolType": "",
    }


# Candles


def klines(call: Call) -> Result:
    """GET market/kline: newest first, the forming candle among them."""
    return _candles(call, lambda one: [*_prices(one), plain(one.volume), average(one.turnover)])


def price_klines(call: Call) -> Result:
    """GET market/mark-price-kline and index-price-kline: both follow the last price here."""
    return _candles(call, _prices)


def premium_klines(call: Call) -> Result:
    """GET market/premium-index-price-kline: today's premium, all along."""
    view = call.exchange.view(call.instrument().symbol)
    premium = average((view.mark - view.index) / view.index)
    return _candles(call, lambda one: [str(one.open_at_ms), *[premium] * 4])


def _prices(one: Kline) -> list[str]:
    return [str(one.open_at_ms), *(plain(price) for price in (one.open, one.high, one.low, one.close))]


def _candles(call: Call, row: Callable[[Kline], list[str]]) -> Result:
    if call.text("category"):
        call.category()
    symbol, interval = call.instrument().symbol, INTERVALS.get(call.needed("interval"))
    if interval is None:
        raise bad("Invalid period!")
    start, end, limit = call.whole("start"), call.whole("end"), call.limit(200, 1000)
    if end is None:
        found = call.exchange.klines(symbol, interval, limit, start)
    else:
        found = call.exchange.klines(symbol, interval, limit, None, end)
        found = [one for one in found if start is None or one.open_at_ms >= start]
    return {"symbol": symbol, "category": CATEGORY, "list": [row(one) for one in reversed(found)]}


# Prices


def tickers(call: Call) -> Result:
    """GET market/tickers, of one contract or of all."""
    call.category()
    symbol = call.optional_symbol()
    known = call.exchange.instruments
    symbols = [symbol] if symbol else list(known)
    return {"category": CATEGORY, "list": [_ticker(call.exchange.view(one), known[one]) for one in symbols]}


def _ticker(view: MarketView, instrument: Instrument) -> Result:
    row: Result = dict(ticker_figures(view, instrument))
    empty = ("predictedDeliveryPrice", "basisRate", "deliveryFeeRate", "basis", "basisRateYear")
    return row | dict.fromkeys(empty, "") | {"deliveryTime": "0"}


def ticker_figures(view: MarketView, instrument: Instrument) -> dict[str, str]:
    """The figures that a ticker has in answers and in frames."""
    opened = view.day_open
    return {
        "symbol": view.symbol,
        "lastPrice": plain(view.last),
        "prevPrice24h": plain(opened),
        "price24hPcnt": ratio((view.last - opened) / opened) if opened else "0",
        "highPrice24h": plain(view.day_high),
        "lowPrice24h": plain(view.day_low),
        "prevPrice1h": plain(opened),
        "markPrice": plain(view.mark),
        "indexPrice": plain(view.index),
        "openInterest": plain(view.open_interest),
        "openInterestValue": plain((view.open_interest * view.mark).quantize(Decimal("0.01"))),
        "turnover24h": average(view.day_turnover),
        "volume24h": plain(view.day_volume),
        "fundingIntervalHour": str(instrument.funding_interval_hours),
        "fundingCap": plain(FUNDING_CAP),
        "nextFundingTime": str(view.next_funding_at_ms),
        "fundingRate": plain(view.funding_rate),
        "bid1Price": plain(view.bid),
        "bid1Size": plain(view.bid_size),
        "ask1Price": plain(view.ask),
        "ask1Size": plain(view.ask_size),
        "preOpenPrice": "",
        "preQty": "",
        "curPreListingPhase": "",
    }


def orderbook(call: Call) -> Result:
    """GET market/orderbook: a made-up depth around bid and ask."""
    call.category()
    instrument = call.instrument()
    view, now = call.exchange.view(instrument.symbol), call.floor.now_ms
    bids, asks = book_levels(view, instrument.price_tick, call.limit(25, 1000))
    return {
        "s": instrument.symbol,
        "b": [list(level) for level in bids.items()],
        "a": [list(level) for level in asks.items()],
        "ts": now,
        "u": now,
        "seq": now,
        "cts": now,
    }


def recent_trades(call: Call) -> Result:
    """GET market/recent-trade: the closes of the last minutes stand for trades."""
    call.category()
    symbol = call.instrument().symbol
    found = call.exchange.klines(symbol, "1m", call.limit(500, 1000))
    return {"category": CATEGORY, "list": [_public_trade(call, one) for one in reversed(found)]}


def _public_trade(call: Call, one: Kline) -> Result:
    at_ms = min(one.close_at_ms, call.floor.now_ms)
    return {
        "execId": sha256(f"{one.symbol}|{one.open_at_ms}".encode()).hexdigest()[:32],
        "symbol": one.symbol,
        "price": plain(one.close),
        "size": plain(one.volume),
        "side": "Buy" if one.close >= one.open else "Sell",
        "time": str(at_ms),
        "isBlockTrade": False,
        "isRPITrade": False,
        "seq": str(at_ms),
    }


# Statistics


def funding_history(call: Call) -> Result:
    """GET market/funding/history."""
    call.category()
    symbol = call.instrument().symbol
    start, end = call.whole("startTime"), call.whole("endTime")
    if start is not None and end is None:
        raise bad("params error: endTime is required with startTime")
    found = call.exchange.funding_history(symbol, start or 0, end or call.floor.now_ms, call.limit(200, 200))
    rows = [
        {"symbol": symbol, "fundingRate": plain(rate), "fundingRateTimestamp": str(at_ms)}
        for at_ms, rate in reversed(found)
    ]
    return {"category": CATEGORY, "list": rows}


def _moments(call: Call, period_ms: int, most: int) -> tuple[list[int], str]:
    """Ends of periods, newest first, one page of them."""
    now = call.floor.now_ms
    end = min(call.whole("endTime") or now, now) // period_ms
    first = max(0, (call.whole("startTime") or 0) // period_ms)
    first = max(first, end - 10_000)
    page, cursor = call.page(range(first, end + 1), 50, most)
    return [slot * period_ms for slot in page], cursor


def _sway(symbol: str, at_ms: int, what: str) -> Decimal:
    """A figure between -1 and 1 that hangs on name and hour only."""
    digest = sha256(f"{what}|{symbol}|{at_ms}".encode()).digest()
    return Decimal(int.from_bytes(digest[:4]) - 2**31) / 2**31


def open_interest(call: Call) -> Result:
    """GET market/open-interest: today's, swaying; there is no memory of what it was."""
    call.category()
    symbol = call.instrument().symbol
    period = PERIODS[call.choice("intervalTime", tuple(PERIODS))]
    now = call.exchange.view(symbol).open_interest
    moments, cursor = _moments(call, period, 200)
    rows = []
    for at_ms in moments:
        value = (now * (1 + _sway(symbol, at_ms, "interest") / HUNDRED)).quantize(Decimal("0.001"))
        row = {"openInterest": plain(value), "singleOpenInterest": plain(value / 2), "timestamp": str(at_ms)}
        rows.append(row)
    return {"symbol": symbol, "category": CATEGORY, "list": rows, "nextPageCursor": cursor}


def account_ratio(call: Call) -> Result:
    """GET market/account-ratio: made up, around one half."""
    call.category()
    symbol = call.instrument().symbol
    moments, cursor = _moments(call, PERIODS[call.choice("period", tuple(PERIODS))], 500)
    rows = []
    for at_ms in moments:
        buy = (Decimal("0.5") + _sway(symbol, at_ms, "ratio") / 10).quantize(Decimal("0.0001"))
        row = {"symbol": symbol, "buyRatio": plain(buy), "sellRatio": plain(1 - buy), "timestamp": str(at_ms)}
        rows.append(row)
    return {"list": rows, "nextPageCursor": cursor}


def risk_limits(call: Call) -> Result:
    """GET market/risk-limit: fifteen contracts a page where none is named."""
    call.category()
    symbol = call.optional_symbol()
    found = [call.contract(symbol)] if symbol else list(call.exchange.instruments.values())[::-1]
    page, cursor = call.page(found, 15, 15)
    rows = [
        _risk_limit(one, number, bracket) for one in page for number, bracket in enumerate(one.brackets, 1)
    ]
    return {"category": CATEGORY, "list": rows, "nextPageCursor": cursor}


def _risk_limit(instrument: Instrument, number: int, bracket: Bracket) -> Result:
    return {
        "id": number,
        "symbol": instrument.symbol,
        "riskLimitValue": plain(bracket.notional_cap),
        "maintenanceMargin": plain(bracket.maintenance_rate),
        "initialMargin": ratio(1 / Decimal(bracket.max_leverage)),
        "isLowestRisk": 1 if number == 1 else 0,
        "maxLeverage": f"{bracket.max_leverage}.00",
        "mmDeduction": plain(bracket.maintenance_amount),
    }


def system_status(call: Call) -> Result:
    """GET system/status: announced maintenance."""
    state = call.text("state")
    found = call.floor.memory.maintenance
    return {"list": [one for one in found if not state or one["state"] == state]}
