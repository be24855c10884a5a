"""A gateway that answers by script, a memory in hand, and Bybit's rows: what the tests of the dialect stand on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from bot.domain.errors import StorageError
from bot.domain.modes import PositionMode
from bot.domain.order import Intent, Order, OrderSide, OrderStatus, OrderType, Purpose, TimeInForce
from bot.venues.bybit import BybitDialect, errors
from bot.venues.ccxt_venue.wire import Ask, Reply
from bot.venues.outcome import Answer

NOW_MS = 1_760_000_000_000
BTC = "BTCUSDT"

type Reaction = Mapping[str, object] | tuple[int, object] | Callable[[Ask], object]


def ok(**result: object) -> dict[str, object]:
    """A good envelope."""
    return {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": NOW_MS}


def listed(*rows: object, cursor: str = "") -> dict[str, object]:
    """A page of a list."""
    return ok(category="linear", list=list(rows), nextPageCursor=cursor)


def refused(code: int, words: str = "no") -> dict[str, object]:
    """An envelope with a retCode."""
    return {"retCode": code, "retMsg": words, "result": {}, "retExtInfo": {}, "time": NOW_MS}


class ScriptedGateway:
    """Answers each method with what was scripted for it, one after the other; the last one stays.

    A reaction is an envelope (HTTP 200), (status, body) or a word of ours (`timeout`), or a function of the ask that
    makes one. What has no script is answered with an empty page.
    """

    def __init__(self) -> None:
        self.now_ms = NOW_MS
        self.asks: list[Ask] = []
        self.script: dict[str, list[object]] = {}

    def on(self, method: str, *reactions: object) -> "ScriptedGateway":
        """Script the answers to a method."""
        self.script[method] = list(reactions)
        return self

    def of(self, method: str) -> list[dict[str, object]]:
        """Parameters of the asks of a method."""
        return [dict(ask.params) for ask in self.asks if ask.method == method]

    async def ask(self, ask: Ask) -> Answer:
        """Answer as the gateway does: by the dialect's own table."""
        self.asks.append(ask)
        left = self.script.get(ask.method, [listed()])
        reaction = left.pop(0) if len(left) > 1 else left[0]
        if callable(reaction):
            reaction = reaction(ask)
        return answer_of(reaction, ask)


def answer_of(reaction: object, ask: Ask) -> Answer:
    """What a reply comes to."""
    status, body = reaction if isinstance(reaction, tuple) else (200, reaction)
    if isinstance(body, str):
        reply = Reply(status, body, "", None, {})
    else:
        code, words = ("", "") if body is None else errors.reply_code(body)
        reply = Reply(status, code, words, body, {})
    verdict = errors.verdict(reply, ask)
    given = reply.body if verdict.name == "DONE" else None
    return Answer(verdict, status, reply.code, given, reply.words)


@dataclass
class MemoryInHand:
    """A memory that can be looked into, and lost."""

    kept: dict[str, str] = field(default_factory=dict)
    broken: bool = False
    saves: list[tuple[str, str]] = field(default_factory=list)

    async def load(self) -> Mapping[str, str]:
        """Everything remembered."""
        if self.broken:
            raise StorageError("locked")
        return dict(self.kept)

    async def save(self, key: str, value: str) -> None:
        """Remember."""
        if self.broken:
            raise StorageError("locked")
        self.saves.append((key, value))
        if value:
            self.kept[key] = value
        else:
            self.kept.pop(key, None)


@dataclass
class Stand:
    """A dialect with all its ends in hand."""

    gateway: ScriptedGateway
    memory: MemoryInHand
    dialect: BybitDialect

    def reborn(self) -> "Stand":
        """A new process: nothing but the memory is left."""
        return stand(memory=self.memory)

    def hear(self, frame: object) -> list[object]:
        """What a frame of the user stream says."""
        return list(self.dialect.private_news(frame, self.gateway.now_ms))


def stand(mode: PositionMode = PositionMode.ONE_WAY, memory: MemoryInHand | None = None) -> Stand:
    """A dialect without a venue."""
    gateway, kept = ScriptedGateway(), memory or MemoryInHand()
    gateway.on("privatePostV5PositionTradingStop", ok())
    return Stand(gateway, kept, BybitDialect(gateway, kept, mode))


def order(
    client_id: str,
    side: OrderSide = OrderSide.BUY,
    purpose: Purpose = Purpose.ENTRY,
    kind: OrderType = OrderType.MARKET,
    *,
    price: str = "",
    trigger: str = "",
    quantity: str = "0.010",
    time_in_force: TimeInForce = TimeInForce.GTC,
    whole: bool = False,
) -> Order:
    """An order as the engine hands it over."""
    intent = Intent(
        symbol=BTC,
        side=side,
        purpose=purpose,
        type=kind,
        quantity=Decimal(quantity),
        decision_id="d",
        limit_price=Decimal(price) if price else None,
        trigger_price=Decimal(trigger) if trigger else None,
        reduce_only=purpose.exits,
        close_position=whole,
        time_in_force=time_in_force,
    )
    return Order(client_id, intent, "rules", OrderStatus.INTENDED, NOW_MS, NOW_MS)


def stop(client_id: str, trigger: str, side: OrderSide = OrderSide.SELL, *, whole: bool = True) -> Order:
    """A stop of a position."""
    return order(client_id, side, Purpose.STOP, OrderType.STOP_MARKET, trigger=trigger, whole=whole)


def target(client_id: str, trigger: str, side: OrderSide = OrderSide.SELL) -> Order:
    """A target of a position."""
    return order(client_id, side, Purpose.TARGET, OrderType.TAKE_PROFIT_MARKET, trigger=trigger, whole=True)


def order_row(link: str = "", status: str = "New", **fields: object) -> dict[str, object]:
    """A row of the order list or the order topic."""
    return {
        "category": "linear",
        "symbol": BTC,
        "orderId": "o-1",
        "orderLinkId": link,
        "side": "Buy",
        "orderType": "Market",
        "price": "0",
        "qty": "0.010",
        "positionIdx": 0,
        "orderStatus": status,
        "cancelType": "UNKNOWN",
        "rejectReason": "EC_NoError",
        "avgPrice": "",
        "cumExecQty": "0",
        "cumExecValue": "0",
        "stopOrderType": "",
        "createType": "CreateByUser",
        "triggerPrice": "",
        "triggerDirection": 0,
        "reduceOnly": False,
        "closeOnTrigger": False,
        "tpslMode": "",
        "createdTime": str(NOW_MS),
        "updatedTime": str(NOW_MS),
    } | fields


def stop_row(trigger: str, status: str = "Untriggered", **fields: object) -> dict[str, object]:
    """A row of a position's own stop: no client id."""
    return order_row(
        "",
        status,
        **{
            "orderId": "stop-1",
            "side": "Sell",
            "stopOrderType": "StopLoss",
            "createType": "CreateByStopLoss",
            "triggerPrice": trigger,
            "triggerDirection": 2,
            "reduceOnly": True,
            "closeOnTrigger": True,
            "tpslMode": "Full",
        }
        | fields,
    )


def target_row(trigger: str, status: str = "Untriggered", **fields: object) -> dict[str, object]:
    """A row of a position's own target."""
    said = {"stopOrderType": "TakeProfit", "createType": "CreateByTakeProfit", "triggerDirection": 1}
    return stop_row(trigger, status, **({"orderId": "target-1"} | said | fields))


def execution_row(exec_id: str, link: str = "", **fields: object) -> dict[str, object]:
    """A row of the execution list or topic."""
    return {
        "category": "linear",
        "symbol": BTC,
        "orderId": "o-1",
        "orderLinkId": link,
        "side": "Buy",
        "execId": exec_id,
        "execPrice": "50000",
        "execQty": "0.010",
        "execFee": "0.275",
        "execType": "Trade",
        "execTime": str(NOW_MS - 1000),
        "leavesQty": "0",
        "orderType": "Market",
        "stopOrderType": "UNKNOWN",
        "createType": "CreateByUser",
        "isMaker": False,
        "feeRate": "0.00055",
        "seq": 1,
    } | fields


def position_row(size: str = "0.010", side: str = "Buy", **fields: object) -> dict[str, object]:
    """A row of the position list or topic."""
    return {
        "category": "linear",
        "symbol": BTC,
        "positionIdx": 0,
        "side": side,
        "size": size,
        "avgPrice": "50000",
        "leverage": "10",
        "markPrice": "50100",
        "positionIM": "50",
        "positionBalance": "51",
        "liqPrice": "45000",
        "updatedTime": str(NOW_MS),
    } | fields


def frame(topic: str, *rows: Mapping[str, object]) -> dict[str, object]:
    """A frame of the user stream."""
    data: Sequence[object] = list(rows)
    return {"id": "1", "topic": topic, "creationTime": NOW_MS, "data": data}


def wallet(balance: str = "10000") -> dict[str, object]:
    """The answer to wallet-balance."""
    coins = [{"coin": "BTC", "walletBalance": "1"}, {"coin": "USDT", "walletBalance": balance}]
    return ok(list=[{"accountType": "UNIFIED", "coin": coins}])
