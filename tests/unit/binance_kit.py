"""A client of the sandbox's Binance protocol that speaks raw HTTP and frames, signing as ccxt does."""

import hmac
import json
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from line_kit import FIXTURES, Line

from sandbox.exchange.binance import BINANCE_RULES, BinanceProtocol, Settings
from sandbox.exchange.build import ExchangeOptions, build_exchange
from sandbox.exchange.nouns import ApiKey, ExchangeRules
from sandbox.exchange.simulated import SimulatedExchange
from sandbox.exchange.wire import Request, Response

KEY = ApiKey("k" * 64, "a secret of the sandbox")
SYMBOLS = ("BTCUSDT", "ETHUSDT", "XRPUSDT")


def make_exchange(rules: ExchangeRules = BINANCE_RULES, **options: Any) -> SimulatedExchange:
    """A small market with one account."""
    return build_exchange(rules, ExchangeOptions(**({"symbols": SYMBOLS} | options)), [("main", KEY)])


class Client:
    """Somebody with a key."""

    def __init__(self, exchange: SimulatedExchange, settings: Settings | None = None) -> None:
        self.exchange = exchange
        self.protocol = BinanceProtocol(exchange, settings)
        self.account = exchange.accounts()[0]
        self.key, self.secret = self.account.key.key, self.account.key.secret
        self.last: Response = Response()

    def send(self, request: Request) -> Any:
        self.last = self.protocol.answer(request)
        return json.loads(self.last.body)

    def public(self, path: str, **parameters: object) -> Any:
        return self.send(Request("GET", f"/{path}", urlencode(parameters)))

    def keyed(self, method: str, path: str) -> Any:
        return self.send(Request(method, f"/{path}", headers={"x-mbx-apikey": self.key}))

    def payload(self, parameters: dict[str, object]) -> str:
        known = {"timestamp": self.exchange.now_ms, "recvWindow": 10000}
        text = urlencode(known | {name: as_sent(value) for name, value in parameters.items()})
        return f"{text}&signature={sign(self.secret, text)}"

    def signed(self, method: str, path: str, **parameters: object) -> Any:
        text = self.payload(parameters)
        headers = {"x-mbx-apikey": self.key}
        if method in {"GET", "DELETE"}:
            return self.send(Request(method, f"/{path}", text, headers))
        headers["content-type"] = "application/x-www-form-urlencoded"
        return self.send(Request(method, f"/{path}", "", headers, text.encode()))

    def fapi(self, call: str, **parameters: object) -> Any:
        """`POST order`, `GET v3/account`: a signed call."""
        method, path = call.split()
        version = "" if path.startswith("v") and path[1].isdigit() else "v1/"
        return self.signed(method, f"fapi/{version}{path}", **parameters)

    def code(self, call: str, **parameters: object) -> int:
        """The code of an error; its status is 400."""
        answer = self.fapi(call, **parameters)
        assert isinstance(answer, dict), answer
        assert "code" in answer, answer
        assert self.last.status == 400
        return int(answer["code"])

    def order(self, **parameters: object) -> Any:
        return self.fapi("POST order", **parameters)

    def algo(self, **parameters: object) -> Any:
        return self.fapi("POST algoOrder", **({"algoType": "CONDITIONAL"} | parameters))

    def dial(self, path: str, query: str = "") -> Line:
        line = Line(path, query, self.exchange.now_ms)
        assert self.protocol.opened(line), path
        return line

    def user_stream(self) -> Line:
        key = self.keyed("POST", "fapi/v1/listenKey")["listenKey"]
        return self.dial("/private/ws", f"listenKey={key}")

    def advance(self, milliseconds: int) -> None:
        self.exchange.advance(self.exchange.now_ms + milliseconds)
        self.protocol.tick(self.exchange.now_ms)


def as_sent(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def sign(secret: str, payload: str) -> str:
    return hmac.new(secret.encode(), payload.encode(), sha256).hexdigest()


def recorded(path: str) -> Any:
    """A recorded payload, without the envelope of combined streams."""
    found = json.loads((FIXTURES / path).read_text())
    return found["data"] if isinstance(found, dict) and "data" in found and "stream" in found else found


def lacks(ours: Any, theirs: Any, path: str = "") -> list[str]:
    """Where ours does not have what was recorded: missing keys, other JSON types. Lists are compared by their first."""
    if isinstance(theirs, dict):
        if not isinstance(ours, dict):
            return [f"{path}: {type(ours).__name__} instead of an object"]
        found = []
        for key, value in theirs.items():
            found += lacks(ours[key], value, f"{path}.{key}") if key in ours else [f"{path}.{key}: missing"]
        return found
    if isinstance(theirs, list):
        if not isinstance(ours, list):
            return [f"{path}: {type(ours).__name__} instead of a list"]
        return lacks(ours[0], theirs[0], f"{path}[]") if ours and theirs else []
    same = theirs is None or kind(ours) == kind(theirs)
    return [] if same else [f"{path}: {kind(ours)} instead of {kind(theirs)}"]


def kind(value: object) -> str:
    """Its JSON type."""
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else "null" if value is None else type(value).__name__
