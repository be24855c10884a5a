"""Rows of positions, wallets and of what orders closed."""

from decimal import Decimal

from bot.domain.instrument import ZERO
from sandbox.exchange.bybit.keeping import Closing, Notes
from sandbox.exchange.bybit.records import Record, record_of_order
from sandbox.exchange.bybit.rows import Row, execution_order_uid
from sandbox.exchange.bybit.words import (
    COIN,
    EXECUTIONS,
    LEG_NUMBERS,
    SIDE_WORDS,
    average,
    optional,
    plain,
    ratio,
)
from sandbox.exchange.core import Exchange, ExchangeAccount
from sandbox.exchange.nouns import Funds, LegView, MarginMode


def closed_row(account: ExchangeAccount, closing: Closing) -> Row:
    """What one order closed."""
    trade = closing.trade
    order = account.find(trade.symbol, order_id=trade.order_id)
    record = None if order is None else record_of_order(account, order)
    quantity = closing.quantity
    return {
        "symbol": trade.symbol,
        "orderId": execution_order_uid(order, trade),
        "side": SIDE_WORDS[trade.side],
        "qty": plain(order.ask.quantity if order else quantity),
        "orderPrice": plain((record.price if record else None) or trade.price),
        "orderType": "Market" if record is None or record.market else "Limit",
        "execType": EXECUTIONS.get(trade.origin, "Trade"),
        "closedSize": plain(quantity),
        "cumEntryValue": average(closing.entry_value),
        "avgEntryPrice": average(closing.entry_value / quantity),
        "cumExitValue": average(closing.value),
        "avgExitPrice": average(closing.value / quantity),
        "closedPnl": average(closing.profit),
        "fillCount": str(closing.fills),
        "leverage": str(account.leverage(trade.symbol)),
        "openFee": average(closing.open_fee),
        "closeFee": average(closing.close_fee),
        "createdTime": str(trade.at_ms),
        "updatedTime": str(closing.updated_at_ms),
    }


def position_row(exchange: Exchange, account: ExchangeAccount, notes: Notes, leg: LegView) -> Row:
    """One position, flat or not."""
    size, instrument = abs(leg.quantity), exchange.instruments[leg.symbol]
    bracket = instrument.bracket(size * leg.mark)
    trailing = _trailing_distance(account, leg)
    return {
        "positionIdx": LEG_NUMBERS[leg.leg],
        "riskId": instrument.brackets.index(bracket) + 1,
        "riskLimitValue": plain(bracket.notional_cap),
        "symbol": leg.symbol,
        "side": "" if not size else "Buy" if leg.quantity > 0 else "Sell",
        "size": plain(size),
        "avgPrice": average(leg.entry_price) if size else "0",
        "positionValue": average(size * leg.entry_price),
        "tradeMode": 0,
        "positionStatus": "Normal",
        "autoAddMargin": 0,
        "adlRankIndicator": 2 if size else 0,
        "leverage": str(leg.leverage),
        "breakEvenPrice": _break_even(notes, leg, instrument.taker_fee) if size else "",
        "positionBalance": average(leg.isolated_margin),
        "markPrice": plain(leg.mark),
        "liqPrice": "" if leg.liquidation_price is None else average(leg.liquidation_price),
        "bustPrice": "",
        "positionIM": average(leg.initial_margin),
        "positionIMByMp": average(leg.initial_margin),
        "positionMM": average(leg.maintenance_margin),
        "positionMMByMp": average(leg.maintenance_margin),
        "tpslMode": "Full",
        "takeProfit": optional(leg.target.ask.trigger_price if leg.target else None),
        "stopLoss": optional(leg.stop.ask.trigger_price if leg.stop else None),
        "trailingStop": plain(trailing),
        "unrealisedPnl": average(leg.unrealised) if size else "",
        "curRealisedPnl": average(notes.leg(leg.symbol, leg.leg).brought),
        "cumRealisedPnl": average(notes.realised.get(leg.symbol, ZERO)),
        "sessionAvgPrice": "",
        "seq": notes.seq.get(leg.symbol, -1),
        "isReduceOnly": False,
        "mmrSysUpdatedTime": "",
        "leverageSysUpdatedTime": "",
        "createdTime": str(leg.created_at_ms),
        "updatedTime": str(leg.updated_at_ms),
        "openTime": leg.created_at_ms if size else 0,
    }


def _break_even(notes: Notes, leg: LegView, fee: Decimal) -> str:
    rate = max(fee, Decimal("0.00055"))
    quantity, brought = leg.quantity, notes.leg(leg.symbol, leg.leg).brought
    return average((leg.entry_price * quantity - brought) / (quantity - abs(quantity) * rate))


def _trailing_distance(account: ExchangeAccount, leg: LegView) -> Decimal:
    for one in account.live_conditionals(leg.symbol):
        record = Record(None, one)
        if record.stop_type == "TrailingStop" and one.ask.leg is leg.leg:
            return one.ask.callback_distance or ZERO
    return ZERO


def position_frame_row(exchange: Exchange, account: ExchangeAccount, notes: Notes, leg: LegView) -> Row:
    """One position as the private stream shows it."""
    row = position_row(exchange, account, notes, leg)
    row["entryPrice"] = row.pop("avgPrice")
    row["category"] = "linear"
    for name in ("takeProfit", "stopLoss"):
        row[name] = row[name] or "0"
    row["unrealisedPnl"] = row["unrealisedPnl"] or "0"
    return row


def wallet_row(notes: Notes, funds: Funds, mode: MarginMode) -> Row:
    """The wallet. Figures of the whole account are empty with isolated margin, as they are there."""
    equity = funds.wallet + funds.unrealised
    used = funds.position_margin + funds.order_margin
    crossed = mode is MarginMode.CROSSED
    wide = {
        "accountIMRate": ratio(used / equity) if equity else "0",
        "accountMMRate": ratio(funds.maintenance_margin / equity) if equity else "0",
        "totalMarginBalance": average(equity),
        "totalAvailableBalance": average(funds.available),
        "totalInitialMargin": average(used),
        "totalMaintenanceMargin": average(funds.maintenance_margin),
    }
    doubles = ("accountIMRate", "accountMMRate", "totalInitialMargin", "totalMaintenanceMargin")
    wide |= {f"{name}ByMp": wide[name] for name in doubles}
    return {
        "accountType": "UNIFIED",
        "accountLTV": "" if not crossed else "0",
        "totalEquity": average(equity),
        "totalWalletBalance": average(funds.wallet),
        "totalPerpUPL": average(funds.unrealised),
        "coin": [coin_row(notes, funds)],
        **(wide if crossed else dict.fromkeys(wide, "")),
    }


def coin_row(notes: Notes, funds: Funds) -> Row:
    """The only coin there is."""
    equity = funds.wallet + funds.unrealised
    realised = sum(notes.realised.values(), ZERO)
    return {
        "coin": COIN,
        "equity": average(equity),
        "usdValue": average(equity),
        "walletBalance": average(funds.wallet),
        "availableToWithdraw": "",
        "availableToBorrow": "",
        "borrowAmount": "0",
        "accruedInterest": "0",
        "totalOrderIM": average(funds.order_margin),
        "totalPositionIM": average(funds.position_margin),
        "totalPositionMM": average(funds.maintenance_margin),
        "unrealisedPnl": average(funds.unrealised),
        "cumRealisedPnl": average(realised),
        "bonus": "0",
        "collateralSwitch": True,
        "marginCollateral": True,
        "locked": "0",
        "spotHedgingQty": "0",
        "spotBorrow": "0",
    }
