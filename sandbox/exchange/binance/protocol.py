"""The face of the protocol: requests and frames in, answers and frames out."""

from collections.abc import Mapping

import orjson

from sandbox.exchange.binance import faults, socket_calls
from sandbox.exchange.binance.access import Lock, caller, check_signature, check_time
from sandbox.exchange.binance.call import Call, Floor, parameters_of
from sandbox.exchange.binance.clockwork import Clockwork
from sandbox.exchange.binance.hub import PATHS, Connection, Hub, address_of
from sandbox.exchange.binance.keeping import keeping_for
from sandbox.exchange.binance.limits import Limits
from sandbox.exchange.binance.personal import Personal
from sandbox.exchange.binance.problems import UNKNOWN_PATH, Problem, problem_of
from sandbox.exchange.binance.quotes import Quotes
from sandbox.exchange.binance.routes import ROUTES, Route
from sandbox.exchange.binance.settings import Settings
from sandbox.exchange.binance.subscriptions import Subscriptions
from sandbox.exchange.core import Exchange
from sandbox.exchange.news import (
    AccountNews,
    ConditionalNews,
    KlineNews,
    MarginCallNews,
    News,
    OrderNews,
    PriceNews,
    SettingsNews,
)
from sandbox.exchange.nouns import Refused
from sandbox.exchange.wire import JSON, Request, Response, Socket


class BinanceProtocol:
    """Binance USDⓈ-M futures over the core; fulfils `sandbox.exchange.wire.Protocol`."""

    name = "binance"

    def __init__(self, exchange: Exchange, settings: Settings | None = None) -> None:
        chosen = settings or Settings()
        self.floor = Floor(exchange, keeping_for(chosen))
        self.limits = Limits(chosen)
        self.hub = Hub()
        self._quotes = Quotes(self.floor, self.hub)
        self._personal = Personal(self.floor, self.hub)
        self._subscriptions = Subscriptions(self.floor, self.hub, self._quotes)
        self._clockwork = Clockwork(self.floor, self.hub, self._personal)
        exchange.subscribe(self._hear)

    # Requests

    def endpoint(self, request: Request) -> tuple[str, str]:
        """`POST order`, `GET algoOrder`, ...: method and last part of the path; the symbol it names, if any."""
        try:
            parameters = parameters_of(request)
        except Problem:
            parameters = {}
        symbol = parameters.get("symbol") or parameters.get("pair") or _first_of_batch(parameters)
        return _named(request.method, request.path), symbol.upper()

    def endpoints(self) -> tuple[str, ...]:
        """All that `endpoint` can say of calls there are, and where sockets are."""
        return ENDPOINTS

    def answer(self, request: Request) -> Response:
        """Answer one request."""
        route = ROUTES.get(f"{request.method} {request.path.strip('/')}")
        if route is None:
            text = f"Path {request.path}, Method {request.method} is invalid"
            return faults.answer_of(Problem(UNKNOWN_PATH, text, 404))
        account = self.floor.exchange.account_of_key(request.headers.get("x-mbx-apikey", ""))
        name = account.name if account else ""
        try:
            body = orjson.dumps(self._answered(route, request))
        except Problem as problem:
            return faults.answer_of(problem, self._headers(route, name))
        except Refused as refused:
            return faults.answer_of(problem_of(refused), self._headers(route, name))
        return Response(200, body, {"Content-Type": JSON, **self._headers(route, name)})

    def _answered(self, route: Route, request: Request) -> object:
        now_ms = self.floor.now_ms
        call = Call(self.floor, parameters_of(request))
        self.limits.charge(route.cost(call), now_ms)
        owner = caller(self.floor, request, route.lock)
        call = Call(self.floor, call.parameters, owner)
        if owner is not None and not route.unsigned:
            check_time(call)
            check_signature(owner, request)
        if route.lock is Lock.TRADE:
            self.limits.charge_orders(call.account.name, route.orders, now_ms)
        return route.answer(call)

    def _headers(self, route: Route, account: str) -> Mapping[str, str]:
        return self.limits.headers(account, route.orders, self.floor.now_ms)

    # Sockets

    def opened(self, socket: Socket) -> bool:
        """A client connected; False: there is nothing at this path."""
        address = address_of(socket.path, socket.query)
        if address is None:
            return False
        connection = Connection(socket, address.combined, address.calls, address.events)
        self.hub.connect(connection)
        self._subscriptions.join(connection, address.names)
        return True

    def received(self, socket: Socket, text: str) -> None:
        """A client sent a frame."""
        connection = self.hub.of(socket)
        if connection is None or self._subscriptions.too_many(connection):
            return
        if connection.calls:
            socket.send(socket_calls.answer(self.floor, self.limits, text))
        else:
            socket.send(self._subscriptions.answer(connection, text))

    def closed(self, socket: Socket) -> None:
        """A socket is gone."""
        self.hub.drop(socket)

    # Time and news

    def tick(self, now_ms: int) -> None:
        """Time passed: keys expire, connections are cut, orders end, streams speak that go by the clock."""
        self._clockwork.tick(now_ms)
        self._quotes.clock(now_ms)

    def _hear(self, news: News) -> None:
        match news:
            case PriceNews():
                self._quotes.moved(news)
            case KlineNews():
                self._quotes.candles(news)
            case OrderNews():
                self._personal.order(news)
                self._quotes.liquidated(news)
            case ConditionalNews():
                self._personal.conditional(news)
            case AccountNews():
                self._personal.account(news)
            case SettingsNews():
                self._personal.settings(news)
            case MarginCallNews():
                self._personal.margin_call(news)

    # Faults

    def trouble(self, what: str, request: Request) -> Response:
        """Binance's wording of a fault; see `faults.NAMES`. Raises ValueError for another one."""
        return faults.trouble(what, request, self.floor.now_ms)

    def trouble_stream(self, what: str, sockets: list[Socket]) -> None:
        """`expire key`: the listen keys of these sockets (none named: of all) are over. Raises ValueError."""
        if what != "expire key":
            raise ValueError(f"no trouble of streams called {what!r}; there is expire key")
        connections = [self.hub.of(socket) for socket in sockets] or list(self.hub.connections.values())
        names = {name for one in connections if one is not None for name in one.names}
        for key in list(self.floor.keeping.keys.owners):
            if key in names:
                self._personal.expire(key)


def _named(method: str, path: str) -> str:
    return f"{method} {path.rstrip('/').rpartition('/')[2]}"


ENDPOINTS = (
    *dict.fromkeys(_named(*route.split(" ", 1)) for route in ROUTES),
    *(f"WS {path}" for path in PATHS),
)


def _first_of_batch(parameters: Mapping[str, str]) -> str:
    try:
        rows = orjson.loads(parameters.get("batchOrders", "[]"))
    except orjson.JSONDecodeError:
        return ""
    first = rows[0] if isinstance(rows, list) and rows else {}
    return str(first.get("symbol", "")) if isinstance(first, dict) else ""
