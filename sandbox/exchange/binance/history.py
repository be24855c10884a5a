"""What happened: executions and income."""

from sandbox.exchange.binance.call import FAR_MS, WEEK_MS, Call
from sandbox.exchange.binance.figures import money, plain
from sandbox.exchange.binance.problems import Json, Problem
from sandbox.exchange.nouns import Income, IncomeKind, Trade

INCOME_TYPES = (
    "TRANSFER", "WELCOME_BONUS", "REALIZED_PNL", "FUNDING_FEE", "COMMISSION", "INSURANCE_CLEAR",
    "REFERRAL_KICKBACK", "COMMISSION_REBATE", "API_REBATE", "CONTEST_REWARD", "CROSS_COLLATERAL_TRANSFER",
    "OPTIONS_PREMIUM_FEE", "OPTIONS_SETTLE_PROFIT", "INTERNAL_TRANSFER", "AUTO_EXCHANGE", "DELIVERED_SETTELMENT",
    "COIN_SWAP_DEPOSIT", "COIN_SWAP_WITHDRAW", "POSITION_LIMIT_INCREASE_FEE", "STRATEGY_UMFUTURES_TRANSFER",
    "FEE_RETURN", "BFUSD_REWARD",
)  # fmt: skip
QUARTER_MS = 92 * 86_400_000


def user_trades(call: Call) -> list[Json]:
    """GET userTrades: from `fromId` on, of one order, or of a span of at most seven days."""
    symbol, limit = call.symbol(), call.limit(500, 1000)
    first, order = call.whole("fromId"), call.whole("orderId")
    if first is not None and (call.has("startTime") or call.has("endTime")):
        raise Problem(-1128)
    start, end = call.span(WEEK_MS)
    found = [one for one in call.account.trades if one.symbol == symbol and order in {None, one.order_id}]
    if first is not None:
        found = [one for one in found if one.trade_id >= first][:limit]
    elif order is None or call.has("startTime"):
        found = [one for one in found if start <= one.at_ms <= end]
    found = found[:limit] if call.has("startTime") else found[-limit:]
    return [trade_row(one) for one in found]


def trade_row(one: Trade) -> Json:
    """An execution as REST tells it."""
    buys = one.side.value == "BUY"
    return {
        "symbol": one.symbol,
        "id": one.trade_id,
        "orderId": one.order_id,
        "side": one.side.value,
        "price": plain(one.price),
        "qty": plain(one.quantity),
        "realizedPnl": money(one.realised),
        "marginAsset": "USDT",
        "quoteQty": plain(one.price * one.quantity),
        "commission": money(one.fee),
        "commissionAsset": one.fee_asset,
        "time": one.at_ms,
        "positionSide": one.leg.value,
        "buyer": buys,
        "maker": one.maker,
    }


def income(call: Call) -> list[Json]:
    """GET income: of the last seven days when no time is named; from `startTime` on the first ones, else the newest."""
    kind = call.choice("incomeType", INCOME_TYPES, "")
    symbol, limit = call.optional_symbol(), call.limit(100, 1000)
    page = max(1, call.whole("page") or 1)
    start, end = _span(call)
    found = [
        one
        for one in call.account.income
        if start <= one.at_ms <= end and kind in {"", one.kind.value} and symbol in {"", one.symbol}
    ]
    if call.has("startTime") or call.has("page"):
        found = found[(page - 1) * limit : page * limit]
    return [income_row(one) for one in found[-limit:]]


def _span(call: Call) -> tuple[int, int]:
    start, end = call.whole("startTime"), call.whole("endTime")
    if start is None and end is None:
        return call.span(WEEK_MS)
    last = FAR_MS if end is None else end
    first = last - QUARTER_MS if start is None else start
    if first > last:
        raise Problem(-1023)
    return first, last


def income_row(one: Income) -> Json:
    """A line of income as REST tells it."""
    of_trade = one.kind in {IncomeKind.REALIZED_PNL, IncomeKind.COMMISSION, IncomeKind.INSURANCE_CLEAR}
    return {
        "symbol": one.symbol,
        "incomeType": one.kind.value,
        "income": money(one.amount),
        "asset": one.asset,
        "info": str(one.trade_id) if of_trade else one.kind.value,
        "time": one.at_ms,
        "tranId": one.income_id,
        "tradeId": str(one.trade_id) if one.trade_id else "",
    }


def order_counts(call: Call) -> list[Json]:
    """GET rateLimit/order: the limits, without counts."""
    rows = call.floor.keeping.settings.rows()
    return [
        {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}
        for kind, interval, number, limit in rows
        if kind == "ORDERS"
    ]


def amendments(call: Call) -> list[Json]:
    """GET orderAmendment: the sandbox keeps none."""
    call.symbol()
    return []
