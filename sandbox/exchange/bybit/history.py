"""What was: orders, executions, closed positions, the account's transactions."""

from decimal import Decimal

from bot.domain.instrument import ZERO
from sandbox.exchange.bybit.asking import DAY_MS, Call
from sandbox.exchange.bybit.holdings import closed_row
from sandbox.exchange.bybit.identity import execution_uid
from sandbox.exchange.bybit.problems import bad
from sandbox.exchange.bybit.records import (
    Record,
    asked_for,
    closed_records,
    in_history,
    is_recent,
    open_records,
    passes_filter,
    recent,
    record_of_order,
)
from sandbox.exchange.bybit.rows import Row, execution_row, funding_row, order_row
from sandbox.exchange.bybit.words import CATEGORY, SIDE_WORDS, average, plain
from sandbox.exchange.nouns import Income, IncomeKind, Origin, Trade

type Result = dict[str, object]

EXECUTION_TYPES = (
    "Trade",
    "AdlTrade",
    "Funding",
    "BustTrade",
    "Delivery",
    "Settle",
    "BlockTrade",
    "MovePosition",
)
TRANSACTION = "0d000000-0000-5000-8000-"


def order_rows(call: Call, records: list[Record]) -> list[Row]:
    """Rows of orders."""
    return [order_row(call.exchange, call.account, call.notes, record) for record in records]


def _answer(rows: list[Row], cursor: str) -> Result:
    return {"list": rows, "nextPageCursor": cursor, "category": CATEGORY}


def realtime(call: Call) -> Result:
    """GET order/realtime: what is open; the last 500 closed ones with openOnly, or when one order is named."""
    call.category()
    if call.text("orderId") or call.text("orderLinkId"):
        record = asked_for(call)
        known = record is not None and (record.known or is_recent(call, record.uid))
        return _answer(order_rows(call, [record]) if record and known else [], "")
    scope = set(call.scope())
    records = open_records(call.account) if not call.whole("openOnly") else recent(call)
    found = [one for one in records if one.symbol in scope and passes_filter(call, one)]
    page, cursor = call.page(found, 20, 50)
    return _answer(order_rows(call, page), cursor)


def order_history(call: Call) -> Result:
    """GET order/history: closed orders; those without any fill for a day."""
    call.category()
    now = call.floor.now_ms
    if call.text("orderId") or call.text("orderLinkId"):
        record = asked_for(call)
        known = record is not None and not record.open and in_history(record, now)
        return _answer(order_rows(call, [record]) if record and known else [], "")
    start, end = call.span()
    symbol, status = call.optional_symbol(), call.text("orderStatus")
    found = [
        one
        for one in closed_records(call.account, start, end)
        if in_history(one, now)
        and (not symbol or one.symbol == symbol)
        and (not status or one.status == status)
        and passes_filter(call, one)
    ]
    page, cursor = call.page(found, 20, 50)
    return _answer(order_rows(call, page), cursor)


def executions(call: Call) -> Result:
    """GET execution/list: fills and settlements of funding, newest first, a week at most."""
    call.category()
    kind = call.choice("execType", EXECUTION_TYPES, "Trade") if call.text("execType") else ""
    found = _executions_of_order(call) if _names_order(call) else _executions_in_span(call)
    page, cursor = call.page([row for row in found if not kind or row["execType"] == kind], 50, 100)
    return {"nextPageCursor": cursor, "category": CATEGORY, "list": page}


def _names_order(call: Call) -> bool:
    return bool(call.text("orderId") or call.text("orderLinkId"))


def _executions_of_order(call: Call) -> list[Row]:
    record = asked_for(call)
    order = record.order if record else None
    if order is None:
        return []
    return [_execution(call, one) for one in call.account.trades if one.order_id == order.order_id]


def _executions_in_span(call: Call) -> list[Row]:
    start, end = call.span()
    symbol, notes = call.optional_symbol(), call.notes
    rows = [
        (trade.at_ms, 0, _execution(call, trade))
        for trade in call.account.trades
        if start <= trade.at_ms <= end and symbol in {"", trade.symbol}
    ]
    rows += [
        (line.at_ms, 1, funding_row(line, notes.funding.get(line.income_id)))
        for line in call.account.income
        if line.kind is IncomeKind.FUNDING_FEE and start <= line.at_ms <= end and symbol in {"", line.symbol}
    ]
    return [row for _, _, row in sorted(rows, key=lambda one: one[:2])]


def _execution(call: Call, trade: Trade) -> Row:
    return execution_row(call.exchange, call.account, call.notes, trade)


def closed_pnl(call: Call) -> Result:
    """GET position/closed-pnl: one row per order that closed something."""
    call.category()
    start, end = call.span()
    symbol = call.optional_symbol()
    found = [
        one
        for one in call.notes.closings.values()
        if start <= one.updated_at_ms <= end and symbol in {"", one.trade.symbol}
    ]
    page, cursor = call.page(sorted(found, key=lambda one: one.updated_at_ms), 50, 100)
    return {
        "nextPageCursor": cursor,
        "category": CATEGORY,
        "list": [closed_row(call.account, one) for one in page],
    }


def transaction_log(call: Call) -> Result:
    """GET account/transaction-log: every change of the wallet; a fill is one row with its fee."""
    if call.text("accountType") not in {"", "UNIFIED"}:
        raise bad("accountType only support UNIFIED.")
    start, end = call.span(default_ms=DAY_MS)
    kind = call.text("type")
    trades = {trade.trade_id: trade for trade in call.account.trades}
    groups: dict[tuple[str, int], list[Income]] = {}
    for line in call.account.income:
        if start <= line.at_ms <= end:
            key = ("trade", line.trade_id) if line.trade_id else ("line", line.income_id)
            groups.setdefault(key, []).append(line)
    rows = [_transaction(call, lines, trades.get(lines[0].trade_id)) for lines in groups.values()]
    page, cursor = call.page([row for row in rows if not kind or row["type"] == kind], 20, 50)
    return {"nextPageCursor": cursor, "list": page}


def _transaction(call: Call, lines: list[Income], trade: Trade | None) -> Row:
    first = lines[0]
    sums = {kind: _sum(lines, kind) for kind in IncomeKind}
    fee, funding = -sums[IncomeKind.COMMISSION], sums[IncomeKind.FUNDING_FEE]
    change = sum((line.amount for line in lines), ZERO)
    settles = first.kind is IncomeKind.FUNDING_FEE
    return {
        "transSubType": "",
        "id": execution_uid(first.income_id, TRANSACTION),
        "symbol": first.symbol,
        "category": CATEGORY if first.symbol else "",
        "side": SIDE_WORDS[trade.side] if trade else _settled_side(call, first),
        "transactionTime": str(first.at_ms),
        "type": _transaction_type(first, trade),
        "qty": plain(trade.quantity if trade else _settled_quantity(call, first)),
        "size": _size_after(call, trade, first),
        "currency": first.asset,
        "tradePrice": plain(trade.price) if trade else _settled_price(call, first),
        "funding": plain(funding) if settles else "",
        "fee": plain(fee),
        "cashFlow": plain(change + fee - funding),
        "change": plain(change),
        "cashBalance": plain(lines[-1].wallet_after),
        "feeRate": _fee_rate(first, trade),
        "bonusChange": "",
        "tradeId": execution_uid(trade.trade_id) if trade else "",
        "extraFees": "",
    } | _order_of(call, trade)


def _sum(lines: list[Income], kind: IncomeKind) -> Decimal:
    return sum((line.amount for line in lines if line.kind is kind), ZERO)


def _order_of(call: Call, trade: Trade | None) -> Row:
    order = call.account.find(trade.symbol, order_id=trade.order_id) if trade else None
    if order is None:
        return {"orderId": "", "orderLinkId": ""}
    record = record_of_order(call.account, order)
    return {"orderId": record.uid, "orderLinkId": record.link_id}


def _transaction_type(line: Income, trade: Trade | None) -> str:
    origin = trade.origin if trade else Origin.CLIENT
    if origin is Origin.LIQUIDATION or line.kind is IncomeKind.INSURANCE_CLEAR:
        return "LIQUIDATION"
    if origin is Origin.DELEVERAGING:
        return "ADL"
    if line.kind is IncomeKind.TRANSFER:
        return "TRANSFER_IN" if line.amount >= 0 else "TRANSFER_OUT"
    return "SETTLEMENT" if line.kind is IncomeKind.FUNDING_FEE else "TRADE"


def _settled_side(call: Call, line: Income) -> str:
    seen = call.notes.funding.get(line.income_id)
    return "None" if seen is None else "Buy" if seen.quantity > 0 else "Sell"


def _settled_quantity(call: Call, line: Income) -> Decimal:
    seen = call.notes.funding.get(line.income_id)
    return abs(seen.quantity) if seen else ZERO


def _settled_price(call: Call, line: Income) -> str:
    seen = call.notes.funding.get(line.income_id)
    return plain(seen.mark) if seen else ""


def _size_after(call: Call, trade: Trade | None, line: Income) -> str:
    if trade is not None:
        seen = call.notes.seen.get(trade.trade_id)
        return plain(seen.size_after) if seen else "0"
    settled = call.notes.funding.get(line.income_id)
    return plain(settled.quantity) if settled else "0"


def _fee_rate(line: Income, trade: Trade | None) -> str:
    if trade is None:
        return plain(line.rate)
    value = trade.quantity * trade.price
    return average(trade.fee / value) if value else "0"
