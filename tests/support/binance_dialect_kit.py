"""A scripted venue behind the Binance dialect: answers by method, classified by the dialect's own table."""

import asyncio
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from bot.domain.order import (
    CloseReason,
    Intent,
    Order,
    OrderSide,
    OrderStatus,
    OrderType,
    Purpose,
    TimeInForce,
)
from bot.venues.binance import BinanceDialect
from bot.venues.ccxt_venue.dialect import PositionMode
from bot.venues.ccxt_venue.wire import Ask, Reply
from bot.venues.outcome import Answer, Verdict

NOW = 1_790_000_000_000
SYMBOL = "BTCUSDT"

type Said = tuple[int, Any] | Answer
type Script = Said | list[Said] | Callable[[Ask], Said]


class FakeMemory:
    """Forgets at once."""

    async def load(self) -> Mapping[str, str]:
        return {}

    async def save(self, key: str, value: str) -> None:
        raise AssertionError("Binance needs no memory")


class Scripted:
    """A Gateway: `script[method]` is (status, body), a list of such in turn (the last one stays), or a function."""

    def __init__(self, script: Mapping[str, Script] | None = None) -> None:
        self.script: dict[str, Script] = dict(script or {})
        self.asked: list[Ask] = []
        self.now_ms = NOW
        self.dialect: BinanceDialect

    async def ask(self, ask: Ask) -> Answer:
        self.asked.append(ask)
        await asyncio.sleep(0)
        if ask.method not in self.script:
            raise AssertionError(f"{ask.method} was not expected")
        said = self.script[ask.method]
        if callable(said):
            said = said(ask)
        elif isinstance(said, list):
            said = said.pop(0) if len(said) > 1 else said[0]
        return said if isinstance(said, Answer) else self.classified(ask, *said)

    def classified(self, ask: Ask, status: int, body: Any) -> Answer:
        """As the real gateway does it."""
        if body is None and status < 400:
            return Answer(Verdict.UNKNOWN if ask.changes else Verdict.NOT_DONE, status, "garbage")
        code, words = self.dialect.reply_code(body)
        verdict = self.dialect.verdict(Reply(status, code, words, body, {}), ask)
        kept = body if verdict is Verdict.DONE else None
        return Answer(verdict, status, code or (f"HTTP {status}" if status >= 400 else ""), kept, words)

    def params(self, method: str) -> list[dict[str, object]]:
        """What was asked of a method."""
        return [dict(ask.params) for ask in self.asked if ask.method == method]

    def changing(self) -> list[str]:
        """Methods asked that may change something."""
        return [ask.method for ask in self.asked if ask.changes]


def scripted(
    script: Mapping[str, Script] | None = None, mode: PositionMode = PositionMode.ONE_WAY
) -> tuple[BinanceDialect, Scripted]:
    """A dialect and the venue it talks to."""
    gateway = Scripted(script)
    gateway.dialect = BinanceDialect(gateway, FakeMemory(), mode)
    return gateway.dialect, gateway


def an_order(
    kind: OrderType = OrderType.MARKET,
    purpose: Purpose = Purpose.ENTRY,
    side: OrderSide = OrderSide.BUY,
    client_id: str = "qd0001-e1",
    quantity: str = "0.010",
    **more: Any,
) -> Order:
    """One of our orders."""
    exits = purpose.exits
    fields: dict[str, Any] = {"reduce_only": exits, "reason": CloseReason.MANUAL if exits else None} | more
    if kind is OrderType.LIMIT:
        fields = {"limit_price": Decimal("50000.10"), "time_in_force": TimeInForce.GTC} | fields
    if kind.conditional:
        fields = {"trigger_price": Decimal("49000.50"), "close_position": True} | fields
    intent = Intent(SYMBOL, side, purpose, kind, Decimal(quantity), "d1", **fields)
    return Order(client_id, intent, "entry", OrderStatus.INTENDED, NOW, NOW)


STOP = an_order(OrderType.STOP_MARKET, Purpose.STOP, OrderSide.SELL, "qd0001-s1")
TARGET = an_order(OrderType.TAKE_PROFIT_MARKET, Purpose.TARGET, OrderSide.SELL, "qd0001-t1")
CLOSE = an_order(OrderType.MARKET, Purpose.CLOSE, OrderSide.SELL, "qd0001-c1")
ENTRY = an_order()
LIMIT = an_order(OrderType.LIMIT, client_id="qd0001-e2")


def order_row(client_id: str = "qd0001-e1", order_id: int = 11, **more: Any) -> dict[str, Any]:
    """An ordinary order as REST answers it."""
    return {
        "orderId": order_id,
        "symbol": SYMBOL,
        "status": "NEW",
        "clientOrderId": client_id,
        "price": "0",
        "avgPrice": "0.00",
        "origQty": "0.010",
        "executedQty": "0",
        "cumQuote": "0",
        "timeInForce": "GTC",
        "type": "LIMIT",
        "reduceOnly": False,
        "closePosition": False,
        "side": "BUY",
        "positionSide": "BOTH",
        "stopPrice": "0",
        "origType": "LIMIT",
        "time": NOW,
        "updateTime": NOW,
    } | more


def algo_row(client_id: str = "qd0001-s1", algo_id: int = 501, **more: Any) -> dict[str, Any]:
    """A conditional order as REST answers it."""
    return {
        "algoId": algo_id,
        "clientAlgoId": client_id,
        "algoType": "CONDITIONAL",
        "orderType": "STOP_MARKET",
        "symbol": SYMBOL,
        "side": "SELL",
        "positionSide": "BOTH",
        "timeInForce": "GTC",
        "quantity": "0",
        "algoStatus": "NEW",
        "actualOrderId": "",
        "actualPrice": "0",
        "triggerPrice": "49000.50",
        "price": "0",
        "workingType": "MARK_PRICE",
        "closePosition": True,
        "priceProtect": False,
        "reduceOnly": True,
        "createTime": NOW,
        "updateTime": NOW,
        "triggerTime": 0,
    } | more


def position_row(
    amount: str = "0.010", symbol: str = SYMBOL, side: str = "BOTH", **more: Any
) -> dict[str, Any]:
    """A position as v3/positionRisk answers it."""
    return {
        "symbol": symbol,
        "positionSide": side,
        "positionAmt": amount,
        "entryPrice": "50000.0",
        "breakEvenPrice": "50020.0",
        "markPrice": "50100.5",
        "unRealizedProfit": "1.005",
        "isolatedMargin": "51.005",
        "isolatedWallet": "50.0",
        "notional": "501.005",
        "updateTime": NOW,
    } | more


def account_body(wallet: str = "10000.5", *positions: dict[str, Any]) -> dict[str, Any]:
    """v3/account."""
    return {
        "totalWalletBalance": wallet,
        "assets": [
            {"asset": "BNB", "walletBalance": "3", "marginBalance": "3"},
            {"asset": "USDT", "walletBalance": wallet, "marginBalance": "10001.5"},
        ],
        "positions": list(positions),
    }


def trade_row(trade_id: int = 7, order_id: int = 11, **more: Any) -> dict[str, Any]:
    """A row of userTrades."""
    return {
        "symbol": SYMBOL,
        "id": trade_id,
        "orderId": order_id,
        "side": "BUY",
        "price": "50000.0",
        "qty": "0.010",
        "realizedPnl": "0",
        "quoteQty": "500",
        "commission": "0.25",
        "commissionAsset": "USDT",
        "time": NOW - 60_000,
        "positionSide": "BOTH",
        "buyer": True,
        "maker": False,
    } | more


def income_row(kind: str, amount: str, trade_id: object = "", **more: Any) -> dict[str, Any]:
    """A line of income."""
    return {
        "symbol": SYMBOL,
        "incomeType": kind,
        "income": amount,
        "asset": "USDT",
        "info": kind,
        "time": NOW - 60_000,
        "tranId": 9_000 + len(amount),
        "tradeId": trade_id,
    } | more


def quiet_account(*positions: dict[str, Any], wallet: str = "10000.5") -> dict[str, Script]:
    """An account on which nothing happens: enough for a snapshot."""
    config = [{"symbol": SYMBOL, "marginType": "ISOLATED", "leverage": 10, "maxNotionalValue": "1000000"}]
    return {
        "fapiPublicGetTime": (200, {"serverTime": NOW - 5}),
        "fapiPrivateV3GetAccount": (200, account_body(wallet, *positions)),
        "fapiPrivateV3GetPositionRisk": (200, list(positions)),
        "fapiPrivateGetSymbolConfig": (200, config),
        "fapiPrivateGetOpenOrders": (200, []),
        "fapiPrivateGetOpenAlgoOrders": (200, []),
        "fapiPrivateGetIncome": (200, []),
        "fapiPrivateGetUserTrades": (200, []),
        "fapiPrivateGetAllOrders": (200, []),
        "fapiPrivateGetAllAlgoOrders": (200, []),
    }


SNAPSHOT_PARTS = (
    "fapiPublicGetTime",
    "fapiPrivateV3GetAccount",
    "fapiPrivateV3GetPositionRisk",
    "fapiPrivateGetSymbolConfig",
    "fapiPrivateGetOpenOrders",
    "fapiPrivateGetOpenAlgoOrders",
    "fapiPrivateGetIncome",
    "fapiPrivateGetUserTrades",
    "fapiPrivateGetAllOrders",
    "fapiPrivateGetAllAlgoOrders",
)
