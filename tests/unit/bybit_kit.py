"""A client of the sandbox's Bybit protocol that speaks raw HTTP and frames, signing as ccxt and pybit do."""

import hmac
import json
from decimal import Decimal
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from line_kit import Line

from sandbox.exchange.build import ExchangeOptions, build_exchange
from sandbox.exchange.bybit import BYBIT_RULES, BybitProtocol, Settings
from sandbox.exchange.nouns import ApiKey, ExchangeRules
from sandbox.exchange.simulated import SimulatedExchange
from sandbox.exchange.wire import Request, Response

D = Decimal
KEY = ApiKey("k" * 18, "a secret of the sandbox")
SYMBOLS = ("BTCUSDT", "ETHUSDT", "XRPUSDT")


def make_exchange(rules: ExchangeRules = BYBIT_RULES, **options: Any) -> SimulatedExchange:
    """A small market with one account."""
    key = options.pop("key", KEY)
    return build_exchange(rules, ExchangeOptions(**({"symbols": SYMBOLS} | options)), [("main", key)])


class Client:
    """Somebody with a key."""

    def __init__(self, exchange: SimulatedExchange | None = None, settings: Settings | None = None) -> None:
        self.exchange = exchange or make_exchange()
        self.protocol = BybitProtocol(self.exchange, settings or Settings(limits=False))
        self.account = self.exchange.accounts()[0]
        self.key, self.secret = self.account.key.key, self.account.key.secret
        self.response = Response()

    # Calls

    def send(self, request: Request) -> Any:
        self.response = self.protocol.answer(request)
        return json.loads(self.response.body)

    def headers(self, sent: str, at_ms: int | None = None) -> dict[str, str]:
        stamp = str(self.exchange.now_ms if at_ms is None else at_ms)
        signed = hmac.new(self.secret.encode(), f"{stamp}{self.key}5000{sent}".encode(), sha256).hexdigest()
        return {
            "x-bapi-api-key": self.key,
            "x-bapi-timestamp": stamp,
            "x-bapi-sign": signed,
            "x-bapi-recv-window": "5000",
        }

    def request(self, method: str, path: str, **parameters: object) -> Request:
        if method == "GET":
            query = urlencode(parameters)
            return Request("GET", f"/v5/{path}", query, self.headers(query))
        body = json.dumps(parameters)
        return Request("POST", f"/v5/{path}", "", self.headers(body), body.encode())

    def get(self, path: str, **parameters: object) -> Any:
        """The result of a good answer."""
        return self.good(self.send(self.request("GET", path, **parameters)))

    def post(self, path: str, **parameters: object) -> Any:
        return self.good(self.send(self.request("POST", path, **parameters)))

    def good(self, answer: Any) -> Any:
        assert self.response.status == 200
        assert (answer["retCode"], answer["retMsg"]) == (0, "OK"), answer
        return answer["result"]

    def code(self, method: str, path: str, **parameters: object) -> int:
        """The code of any answer."""
        code = self.send(self.request(method, path, **parameters))["retCode"]
        assert isinstance(code, int)
        return code

    def words(self, method: str, path: str, **parameters: object) -> str:
        return str(self.send(self.request(method, path, **parameters))["retMsg"])

    # Orders

    def order(self, **parameters: object) -> str:
        """Create an order; its id."""
        return str(self.post("order/create", **(entry() | parameters))["orderId"])

    def order_code(self, **parameters: object) -> int:
        return self.code("POST", "order/create", **(entry() | parameters))

    def row(self, uid: str) -> Any:
        """One order as order/realtime shows it."""
        found = self.get("order/realtime", category="linear", orderId=uid)["list"]
        assert len(found) == 1, found
        return found[0]

    def open_orders(self, symbol: str = "BTCUSDT", **parameters: object) -> list[Any]:
        found = self.get("order/realtime", category="linear", symbol=symbol, **parameters)["list"]
        assert isinstance(found, list)
        return found

    def position(self, symbol: str = "BTCUSDT", index: int = 0) -> Any:
        rows = self.get("position/list", category="linear", symbol=symbol)["list"]
        return next(row for row in rows if row["positionIdx"] == index)

    def stop(self, **parameters: object) -> Any:
        base = {"category": "linear", "symbol": "BTCUSDT", "tpslMode": "Full", "positionIdx": 0}
        return self.post("position/trading-stop", **(base | parameters))

    def stop_code(self, **parameters: object) -> int:
        base = {"category": "linear", "symbol": "BTCUSDT", "tpslMode": "Full", "positionIdx": 0}
        return self.code("POST", "position/trading-stop", **(base | parameters))

    # Prices

    def last(self, symbol: str = "BTCUSDT") -> Decimal:
        return self.exchange.view(symbol).last

    def at(self, factor: str, symbol: str = "BTCUSDT") -> str:
        """The last price times a factor, on the tick."""
        instrument = self.exchange.instruments[symbol]
        return f"{instrument.price_nearest(self.last(symbol) * Decimal(factor)):f}"

    def push(self, factor: str, symbol: str = "BTCUSDT") -> None:
        """The price jumps; time passes a little afterwards."""
        self.exchange.set_price(symbol, Decimal(self.at(factor, symbol)))
        self.tick()

    def tick(self, ms: int = 0) -> None:
        if ms:
            self.exchange.advance(self.exchange.now_ms + ms)
        self.protocol.tick(self.exchange.now_ms)

    # Sockets

    def dial(self, path: str, query: str = "") -> Line:
        line = Line(path, query, self.exchange.now_ms)
        assert self.protocol.opened(line)
        return line

    def say(self, line: Line, **frame: object) -> Any:
        """Send a frame; the last frame that came back."""
        self.protocol.received(line, json.dumps(frame))
        return line.last()

    def listen(self, *topics: str) -> Line:
        """A private line that listens."""
        line = self.dial("/v5/private")
        assert self.say(line, op="auth", args=self.auth_args())["success"]
        assert self.say(line, op="subscribe", args=list(topics))["success"]
        return line

    def watch(self, *topics: str) -> Line:
        """A public line that listens; what it got for subscribing is forgotten."""
        line = self.dial("/v5/public/linear")
        self.say(line, op="subscribe", args=list(topics), req_id="1")
        return line

    def auth_args(self, expires: object = None) -> list[object]:
        moment = self.exchange.now_ms + 10_000 if expires is None else expires
        signed = hmac.new(self.secret.encode(), f"GET/realtime{moment}".encode(), sha256).hexdigest()
        return [self.key, moment, signed]


def entry() -> dict[str, object]:
    """A market order to buy a little."""
    return {
        "category": "linear",
        "symbol": "BTCUSDT",
        "side": "Buy",
        "orderType": "Market",
        "qty": "0.010",
    }
