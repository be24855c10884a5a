"""Rows of orders and executions, the same in answers and in frames but for a few keys."""

from decimal import Decimal

from bot.domain.instrument import ZERO
from sandbox.exchange.bybit.identity import CONDITIONAL, EXECUTION, execution_uid, order_uid
from sandbox.exchange.bybit.keeping import Ending, FundingSeen, Notes, Seen
from sandbox.exchange.bybit.records import Record, record_of_order
from sandbox.exchange.bybit.words import (
    COIN,
    EXECUTIONS,
    LEG_NUMBERS,
    SIDE_WORDS,
    TIME_WORDS,
    TRIGGER_WORDS,
    average,
    covers_position,
    create_type,
    optional,
    plain,
    ratio,
    rises,
)
from sandbox.exchange.core import Exchange, ExchangeAccount
from sandbox.exchange.nouns import ExchangeOrder, Income, Origin, Trade

type Row = dict[str, object]

FUNDING_EXECUTION = "0f000000-0000-5000-8000-"
SLIPPAGE = Decimal("0.01")
"""Market orders are limit orders this far from the price there; their rows show that limit."""


OF_OTHER_PRODUCTS: Row = {
    "blockTradeId": "",
    "isLeverage": "",
    "orderIv": "",
    "placeType": "",
    "smpType": "None",
    "smpGroup": 0,
    "smpOrderId": "",
    "slippageToleranceType": "UNKNOWN",
    "slippageTolerance": "",
    "extraFees": "",
    "rpiTakerAccess": False,
    "rpiMatchedQty": "0",
}
"""Fields of an order that mean nothing for linear contracts here."""


def order_row(exchange: Exchange, account: ExchangeAccount, notes: Notes, record: Record) -> Row:
    """One order."""
    uid = record.uid
    quantity = _quantity(account, record)
    reference = notes.last_on_created.get(uid, ZERO)
    price = record.price or _market_price(exchange, record, notes)
    left = quantity - record.filled if record.open else ZERO
    value = record.order.value if record.order is not None else ZERO
    fee = record.order.fee if record.order is not None else ZERO
    ending = notes.endings.get(uid, Ending())
    row: Row = {
        "orderId": uid,
        "orderLinkId": record.link_id,
        "parentOrderLinkId": notes.parent_links.get(uid, ""),
        "symbol": record.symbol,
        "price": plain(price),
        "qty": plain(quantity),
        "side": SIDE_WORDS[record.side],
        "positionIdx": LEG_NUMBERS[record.leg],
        "orderStatus": record.status,
        "createType": create_type(_origin(record), record.conditional, reduces=_reduces(record)),
        "cancelType": ending.cancel_type,
        "rejectReason": ending.reject_reason,
        "avgPrice": average(value / record.filled) if record.filled else "",
        "leavesQty": plain(left),
        "leavesValue": plain(left * (price or reference)),
        "cumExecQty": plain(record.filled),
        "cumExecValue": plain(value),
        "cumExecFee": plain(fee),
        "timeInForce": TIME_WORDS[record.time_in_force],
        "orderType": "Market" if record.market else "Limit",
        "stopOrderType": record.stop_type,
        "lastPriceOnCreated": optional(reference),
        "reduceOnly": _reduces(record),
        "closeOnTrigger": record.conditional is not None and covers_position(record.conditional.ask),
        "createdTime": str(record.first.created_at_ms),
        "updatedTime": str(record.latest.updated_at_ms),
        "cumFeeDetail": {COIN: plain(fee)} if fee else {},
    }
    return row | OF_OTHER_PRODUCTS | _trigger_part(notes, record) | _attached_part(notes, record)


def _origin(record: Record) -> Origin:
    return record.order.ask.origin if record.order is not None else Origin.CLIENT


def _reduces(record: Record) -> bool:
    ask = record.conditional.ask if record.conditional is not None else None
    if ask is not None and (covers_position(ask) or ask.with_position):
        return True
    return record.first.ask.reduce_only


def _quantity(account: ExchangeAccount, record: Record) -> Decimal:
    """A stop of the whole position has the position's size while it waits."""
    if record.conditional is None or not record.waits or not covers_position(record.conditional.ask):
        return record.latest.ask.quantity
    if not record.open:
        return ZERO
    return sum((abs(leg.quantity) for leg in account.legs(record.symbol) if leg.leg is record.leg), ZERO)


def _market_price(exchange: Exchange, record: Record, notes: Notes) -> Decimal:
    reference = notes.last_on_taken.get(record.uid, ZERO)
    if record.waits or not reference:
        return ZERO
    limit = reference * (1 + record.side.sign * SLIPPAGE)
    return exchange.instruments[record.symbol].price_nearest(limit)


def _trigger_part(notes: Notes, record: Record) -> Row:
    if record.conditional is None:
        return {"triggerPrice": "", "triggerDirection": 0, "triggerBy": ""}
    ask = record.conditional.ask
    price = ask.activation_price if record.stop_type == "TrailingStop" else ask.trigger_price
    return {
        "triggerPrice": optional(price),
        "triggerDirection": 1 if rises(ask) else 2,
        "triggerBy": TRIGGER_WORDS[ask.trigger_by],
    }


def _attached_part(notes: Notes, record: Record) -> Row:
    attached = notes.attached.get(record.uid)
    stop, target = (attached.stop, attached.target) if attached else (None, None)
    mode = "" if attached is None else "Partial" if attached.partial else "Full"
    if record.conditional is not None and record.conditional.ask.with_position:
        mode = "Partial" if record.conditional.ask.partial else "Full"
    return {
        "takeProfit": optional(target.price if target else None),
        "stopLoss": optional(stop.price if stop else None),
        "tpslMode": mode,
        "tpLimitPrice": optional(target.limit_price if target else None),
        "slLimitPrice": optional(stop.limit_price if stop else None),
        "tpTriggerBy": TRIGGER_WORDS[target.by] if target else "",
        "slTriggerBy": TRIGGER_WORDS[stop.by] if stop else "",
    }


def order_frame_row(exchange: Exchange, account: ExchangeAccount, notes: Notes, record: Record) -> Row:
    """One order as the private stream shows it."""
    row = order_row(exchange, account, notes, record)
    closing = notes.closings.get(record.order.order_id) if record.order is not None else None
    row["category"] = "linear"
    row["feeCurrency"] = COIN
    row["closedPnl"] = plain(closing.profit) if closing else "0"
    del row["extraFees"]
    return row


def execution_row(exchange: Exchange, account: ExchangeAccount, notes: Notes, trade: Trade) -> Row:
    """One execution."""
    order = account.find(trade.symbol, order_id=trade.order_id)
    record = None if order is None else record_of_order(account, order)
    seen = notes.seen.get(trade.trade_id, Seen(trade.price, trade.price, ZERO, ZERO))
    value = trade.quantity * trade.price
    return {
        "symbol": trade.symbol,
        "orderId": execution_order_uid(order, trade),
        "orderLinkId": record.link_id if record else trade.order_client_id,
        "side": SIDE_WORDS[trade.side],
        "orderPrice": _order_price(exchange, notes, record),
        "orderQty": plain(order.ask.quantity if order else trade.quantity),
        "leavesQty": plain(seen.left),
        "createType": _trade_create_type(record, trade),
        "orderType": "Market" if record is None or record.market else "Limit",
        "stopOrderType": (record.stop_type if record else "") or "UNKNOWN",
        "execFee": plain(trade.fee),
        "execId": execution_uid(trade.trade_id, EXECUTION),
        "execPrice": plain(trade.price),
        "execQty": plain(trade.quantity),
        "execType": EXECUTIONS.get(trade.origin, "Trade"),
        "execValue": plain(value),
        "execTime": str(trade.at_ms),
        "feeCurrency": trade.fee_asset,
        "isMaker": trade.maker,
        "feeRate": ratio(trade.fee / value) if value else "0",
        "tradeIv": "",
        "markIv": "",
        "markPrice": plain(seen.mark),
        "indexPrice": plain(seen.index),
        "underlyingPrice": "",
        "blockTradeId": "",
        "closedSize": plain(trade.closed_quantity),
        "seq": trade.trade_id,
        "extraFees": "",
    }


def execution_order_uid(order: ExchangeOrder | None, trade: Trade) -> str:
    """Bybit's id of the order of a trade."""
    return order_uid(order) if order is not None else execution_uid(trade.order_id, CONDITIONAL)


def _order_price(exchange: Exchange, notes: Notes, record: Record | None) -> str:
    if record is None:
        return "0"
    return plain(record.price or _market_price(exchange, record, notes))


def _trade_create_type(record: Record | None, trade: Trade) -> str:
    parent = record.conditional if record else None
    return create_type(trade.origin, parent, reduces=bool(trade.closed_quantity))


def execution_frame_row(exchange: Exchange, account: ExchangeAccount, notes: Notes, trade: Trade) -> Row:
    """One execution as the private stream shows it."""
    row = execution_row(exchange, account, notes, trade)
    return row | {
        "category": "linear",
        "isLeverage": "0",
        "marketUnit": "",
        "execPnl": plain(trade.realised),
    }


def fast_execution_row(row: Row) -> Row:
    """The short form of an execution."""
    names = ("symbol", "execId", "execPrice", "execQty", "orderId", "isMaker", "side", "execTime", "seq")
    link = "" if row["isMaker"] else row["orderLinkId"]
    return {"category": "linear", "orderLinkId": link} | {name: row[name] for name in names}


def funding_row(income: Income, seen: FundingSeen | None) -> Row:
    """A settlement of funding, as an execution: a positive fee is paid."""
    value = abs(income.amount / income.rate) if income.rate else ZERO
    quantity = abs(seen.quantity) if seen else ZERO
    mark = seen.mark if seen else ZERO
    long = seen.quantity > 0 if seen else (income.amount < 0) is (income.rate > 0)
    uid = execution_uid(income.income_id, FUNDING_EXECUTION)
    return {
        "symbol": income.symbol,
        "orderId": uid,
        "orderLinkId": "",
        "side": "Buy" if long else "Sell",
        "orderPrice": "0",
        "orderQty": "0",
        "leavesQty": "0",
        "createType": "",
        "orderType": "UNKNOWN",
        "stopOrderType": "UNKNOWN",
        "execFee": plain(-income.amount),
        "execId": uid,
        "execPrice": plain(mark),
        "execQty": plain(quantity),
        "execType": "Funding",
        "execValue": average(value),
        "execTime": str(income.at_ms),
        "feeCurrency": income.asset,
        "isMaker": False,
        "feeRate": plain(income.rate if long else -income.rate),
        "tradeIv": "",
        "markIv": "",
        "markPrice": plain(mark),
        "indexPrice": "",
        "underlyingPrice": "",
        "blockTradeId": "",
        "closedSize": "0",
        "seq": income.income_id,
        "extraFees": "",
    }
