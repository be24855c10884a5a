"""Klines, and the statistics that this sandbox derives from them (open interest history, long/short ratios)."""

from collections.abc import Callable
from decimal import Decimal

from bot.domain.instrument import ZERO
from bot.domain.market import TIMEFRAMES_MS
from sandbox.exchange.binance.call import FAR_MS, Call
from sandbox.exchange.binance.figures import eight, plain, ratio
from sandbox.exchange.binance.problems import Json, Problem
from sandbox.exchange.nouns import Kline

INTERVALS = tuple(TIMEFRAMES_MS)
"""Binance's, but for 6h, 8h, 12h, 3d, 1w and 1M, which the sandbox's market cannot make (-1120)."""
PERIODS = ("5m", "15m", "30m", "1h", "2h", "4h", "1d")
"""Binance's, but for 6h and 12h."""
CONTRACT_TYPES = ("PERPETUAL", "CURRENT_QUARTER", "NEXT_QUARTER", "TRADIFI_PERPETUAL")
MONTH_MS = 30 * 86_400_000
HALF = Decimal("0.5")


def klines(call: Call) -> list[list[object]]:
    """GET klines: rows of twelve, ascending, the forming candle last."""
    return [row(one) for one in _asked(call, call.symbol())]


def continuous_klines(call: Call) -> list[list[object]]:
    """GET continuousKlines; there are perpetuals only."""
    if call.choice("contractType", CONTRACT_TYPES, None) != "PERPETUAL":
        return []
    return [row(one) for one in _asked(call, call.contract(call.text("pair")).symbol)]


def mark_klines(call: Call) -> list[list[object]]:
    """GET markPriceKlines: prices follow the trades here, without volume."""
    return [_without_volume(row(one)) for one in _asked(call, call.symbol())]


def index_klines(call: Call) -> list[list[object]]:
    """GET indexPriceKlines."""
    return [_without_volume(row(one)) for one in _asked(call, call.contract(call.text("pair")).symbol)]


def _without_volume(one: list[object]) -> list[object]:
    return [*one[:5], "0", one[6], "0", one[8], "0", "0", "0"]


def _asked(call: Call, symbol: str) -> list[Kline]:
    interval = call.choice("interval", INTERVALS, None, -1120)
    start, end = call.whole("startTime"), call.whole("endTime")
    if start is not None and end is not None and start > end:
        raise Problem(-1023)
    return call.exchange.klines(symbol, interval, call.limit(500, 1500), start, end)


def row(one: Kline) -> list[object]:
    """A candle as REST tells it; half of the volume is the takers'."""
    return [
        one.open_at_ms,
        plain(one.open),
        plain(one.high),
        plain(one.low),
        plain(one.close),
        plain(one.volume),
        one.close_at_ms,
        plain(one.turnover),
        one.trades,
        plain(one.volume * HALF),
        plain(one.turnover * HALF),
        "0",
    ]


type Row = Callable[[Call, Kline], Json]


def _history(call: Call, shown: Row) -> list[Json]:
    period = call.choice("period", PERIODS, None)
    symbol, limit = call.symbol(), call.limit(30, 500)
    start, end = call.whole("startTime"), call.whole("endTime")
    if start is not None and start < call.floor.now_ms - MONTH_MS:
        raise Problem(-1130, "parameter 'startTime' is invalid.")
    found = call.exchange.klines(symbol, period, limit + 1, start, end)
    return [shown(call, one) for one in found if one.closed][-limit:]


def open_interest_history(call: Call) -> list[Json]:
    """GET openInterestHist: today's open interest, moved with the price."""
    return _history(call, _open_interest)


def _open_interest(call: Call, one: Kline) -> Json:
    view = call.exchange.view(one.symbol)
    moved = view.open_interest * (1 + (one.close / view.last - 1) / 4)
    return {
        "symbol": one.symbol,
        "sumOpenInterest": eight(moved),
        "sumOpenInterestValue": eight(moved * one.close),
        "timestamp": one.close_at_ms + 1,
    }


def account_ratio(call: Call) -> list[Json]:
    """GET globalLongShortAccountRatio."""
    return _history(call, lambda _, one: _ratio_row(one, _long_share(one)))


def top_ratio(call: Call) -> list[Json]:
    """GET topLongShortAccountRatio, topLongShortPositionRatio: large accounts go half as far with the market."""
    return _history(call, lambda _, one: _ratio_row(one, (_long_share(one) + HALF) / 2))


def _ratio_row(one: Kline, long: Decimal) -> Json:
    return {
        "symbol": one.symbol,
        "longShortRatio": ratio(long / (1 - long)),
        "longAccount": ratio(long),
        "shortAccount": ratio(1 - long),
        "timestamp": one.close_at_ms + 1,
    }


def taker_ratio(call: Call) -> list[Json]:
    """GET takerlongshortRatio."""
    return _history(call, _taker_ratio)


def _taker_ratio(_: Call, one: Kline) -> Json:
    long = _long_share(one)
    return {
        "buySellRatio": ratio(long / (1 - long)),
        "buyVol": ratio(one.volume * long),
        "sellVol": ratio(one.volume * (1 - long)),
        "timestamp": one.close_at_ms + 1,
    }


def _long_share(one: Kline) -> Decimal:
    """Share of buyers, 0.3 to 0.7: more in a candle that rises."""
    rise = (one.close - one.open) / one.open if one.open else ZERO
    return HALF + max(Decimal("-0.2"), min(Decimal("0.2"), rise * 10))


def funding_rates(call: Call) -> list[Json]:
    """GET fundingRate: settled rates, ascending, of one symbol or of all."""
    start, end = call.whole("startTime"), call.whole("endTime")
    if start is not None and end is not None and start > end:
        raise Problem(-1023)
    limit = call.limit(100, 1000)
    rows = [
        found
        for symbol in call.symbols()
        for found in _settled(call, symbol, start or 0, FAR_MS if end is None else end, limit)
    ]
    rows.sort(key=lambda found: int(str(found["fundingTime"])))
    return rows[-limit:]


def _settled(call: Call, symbol: str, start: int, end: int, limit: int) -> list[Json]:
    settled = call.exchange.funding_history(symbol, start, end, limit)
    if not settled:
        return []
    first = settled[0][0]
    marks = {
        one.open_at_ms: one.open
        for one in call.exchange.klines(symbol, "1h", 1500, first - first % 3_600_000, None)
    }
    return [
        {
            "symbol": symbol,
            "fundingTime": at_ms,
            "fundingRate": eight(rate),
            "markPrice": eight(marks[hour]) if (hour := at_ms - at_ms % 3_600_000) in marks else "",
        }
        for at_ms, rate in settled
    ]
