"""A venue of one page for tests of the shells: orders with a number, one stream, a language of plain JSON."""

from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import orjson

from bot.venues.instruments import free_instrument
from sandbox.exchange.serving.stage import Stage
from sandbox.exchange.wire import Request, Response, Socket

START_MS = 1_800_000_000_000
KEY = "toy-key"
TROUBLES = {
    "overloaded": (503, -1008),
    "unknown": (503, -1007),
    "too many": (429, -1003),
    "banned": (418, -1003),
    "maintenance": (503, -1016),
    "not found": (400, -2013),
}


class ToyExchange:
    """The core's contract as far as shells use it; what is done to the world is written down in `deeds`."""

    def __init__(self) -> None:
        self.now_ms = START_MS
        self.instruments = {"BTCUSDT": replace(free_instrument("BTCUSDT"), price_tick=Decimal("0.1"))}
        self.deeds: list[tuple[Any, ...]] = []
        self.account = SimpleNamespace(name="main", key=SimpleNamespace(key=KEY))

    def advance(self, to_ms: int) -> None:
        self.now_ms = to_ms

    def on_time(self, timestamp_ms: int, window_ms: int) -> bool:
        return self.now_ms - window_ms <= timestamp_ms < self.now_ms + 1000

    def accounts(self) -> list[Any]:
        return [self.account]

    def account_of_key(self, key: str) -> Any:
        return self.account if key == KEY else None

    def view(self, symbol: str) -> Any:
        return SimpleNamespace(symbol=symbol, last=Decimal("100"))

    def __getattr__(self, name: str) -> Any:
        def deed(*arguments: Any, **named: Any) -> None:
            self.deeds.append((name, *arguments, *named.values()))

        return deed


class ToyProtocol:
    """`POST /order` takes an order, `GET /order`, `GET /orders` and `GET /time` tell, `/stream` echoes what happens."""

    name = "toy"

    def __init__(self, exchange: Any) -> None:
        self.exchange = exchange
        self.orders: list[dict[str, Any]] = []
        self.sockets: list[Socket] = []
        self.heard: list[str] = []
        self.expired: list[int] = []
        self.closed_sockets = 0
        self.ticks = 0

    def endpoint(self, request: Request) -> tuple[str, str]:
        symbol = dict(part.split("=", 1) for part in request.query.split("&") if "=" in part).get(
            "symbol", ""
        )
        return f"{request.method} {request.path.strip('/')}", symbol

    def endpoints(self) -> tuple[str, ...]:
        return ("POST order", "GET order", "GET orders", "GET time", "WS /stream*")

    def answer(self, request: Request) -> Response:
        match request.method, request.path:
            case "POST", "/order":
                self.orders.append({"orderId": len(self.orders) + 1, "time": self.exchange.now_ms})
                self.tell("ORDER", self.orders[-1]["orderId"])
                return _json(self.orders[-1])
            case "GET", "/order":
                return _json(self.orders[-1]) if self.orders else self.trouble("not found", request)
            case "GET", "/orders":
                return _json(self.orders)
            case "GET", "/time":
                return _json(
                    {"serverTime": self.exchange.now_ms, "onTime": self.exchange.on_time(START_MS, 5000)}
                )
            case _:
                return Response(404)

    def tell(self, event: str, number: int, symbol: str = "BTCUSDT") -> None:
        for socket in list(self.sockets):
            socket.send(orjson.dumps({"e": event, "n": number, "s": symbol}).decode())

    def opened(self, socket: Socket) -> bool:
        if not socket.path.startswith("/stream"):
            return False
        self.sockets.append(socket)
        return True

    def received(self, socket: Socket, text: str) -> None:
        self.heard.append(text)
        socket.send(orjson.dumps({"result": text}).decode())

    def closed(self, socket: Socket) -> None:
        self.closed_sockets += 1
        self.sockets.remove(socket)

    def tick(self, now_ms: int) -> None:
        self.ticks += 1

    def trouble(self, what: str, request: Request) -> Response:
        status, code = TROUBLES[what]
        return Response(status, orjson.dumps({"code": code, "msg": what}))

    def trouble_stream(self, what: str, sockets: list[Socket]) -> None:
        assert what == "expire key"
        for socket in sockets:
            self.expired.append(socket.number)  # type: ignore[attr-defined]
            socket.send('{"e":"keyExpired"}')


def _json(value: object) -> Response:
    return Response(200, orjson.dumps(value))


def toy_stage(*rules: Any, **more: Any) -> Stage:
    """A stage with a toy on it."""
    return Stage(ToyExchange(), ToyProtocol, rules, **more)  # type: ignore[arg-type]
