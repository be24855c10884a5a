"""The face of the protocol: requests and frames in, answers and frames out."""

import re
from urllib.parse import parse_qs

from sandbox.exchange.bybit import faults, stops
from sandbox.exchange.bybit.access import owner_of
from sandbox.exchange.bybit.asking import Floor, parameters_of
from sandbox.exchange.bybit.hub import Hub, account_of
from sandbox.exchange.bybit.keeping import Memory
from sandbox.exchange.bybit.limits import Limits
from sandbox.exchange.bybit.personal import Personal
from sandbox.exchange.bybit.problems import Problem
from sandbox.exchange.bybit.quotes import Quotes
from sandbox.exchange.bybit.routes import ROUTES
from sandbox.exchange.bybit.serve import Outcome, failed, run
from sandbox.exchange.bybit.settings import Settings
from sandbox.exchange.bybit.socket_calls import PATHS, PUBLIC, SocketCalls
from sandbox.exchange.core import Exchange
from sandbox.exchange.news import (
    AccountNews,
    ConditionalNews,
    KlineNews,
    News,
    OrderNews,
    PriceNews,
    SettingsNews,
)
from sandbox.exchange.wire import Request, Response, Socket

ALIVE = re.compile(r"([0-9]{1,4})(s|m)")
SHORTEST_MS, LONGEST_MS = 30_000, 600_000
PREFIX = "/v5/"
ENDPOINTS = (*ROUTES, *(f"WS {path}" for path in PATHS))


class BybitProtocol:
    """Bybit v5, linear contracts, over one exchange."""

    def __init__(self, exchange: Exchange, settings: Settings | None = None) -> None:
        chosen = settings or Settings()
        self.memory = Memory(chosen)
        self.hub = Hub()
        self.limits = Limits(chosen)
        self._floor = Floor(exchange, self.memory)
        self._quotes = Quotes(exchange, self.hub, chosen)
        self._personal = Personal(self._floor, self.hub)
        self._calls = SocketCalls(self._floor, self.hub, self._quotes, self.limits)
        for account in exchange.accounts():
            notes = self.memory.of(account.name)
            self._personal.catch_up(account, notes)
            notes.earn(account.income)
        exchange.subscribe(self._hear)

    @property
    def name(self) -> str:
        """`bybit`."""
        return "bybit"

    def endpoint(self, request: Request) -> tuple[str, str]:
        """`POST order/create` and the symbol it is about; the first one's of a batch."""
        try:
            parameters = parameters_of(request)
        except Problem:
            parameters = {}
        batch = parameters.get("request")
        if isinstance(batch, list) and batch and isinstance(batch[0], dict):
            parameters = batch[0]
        return _endpoint(request), str(parameters.get("symbol") or "")

    def endpoints(self) -> tuple[str, ...]:
        """All that `endpoint` can say of calls there are, and where sockets are."""
        return ENDPOINTS

    # Requests

    def answer(self, request: Request) -> Response:
        """Answer one request."""
        now = self._floor.now_ms
        self.hub.now_ms = now
        if not self.limits.admitted(now):
            return faults.trouble("banned", "", now)
        response = faults.answered(self._outcome(request), now)
        stops.settle(self._floor)
        return response

    def _outcome(self, request: Request) -> Outcome:
        endpoint = _endpoint(request)
        route = ROUTES.get(endpoint)
        if route is None:
            return failed(Problem(10017))
        try:
            owner = None
            if route.signed:
                owner = owner_of(self._floor.exchange, request, changes=route.changes)
            parameters = parameters_of(request)
        except Problem as problem:
            return failed(problem)
        return run(self._floor, self.limits, endpoint, parameters, owner)

    # Sockets

    def opened(self, socket: Socket) -> bool:
        """A client connected; False for paths of other products."""
        if socket.path not in PATHS:
            return False
        self.hub.join(socket, self._floor.now_ms)
        socket.state["idle"] = self.memory.settings.idle_ms
        given = parse_qs(socket.query).get("max_active_time", [""])[0]
        asked = ALIVE.fullmatch(given)
        if asked and socket.path != PUBLIC:
            span = int(asked[1]) * (1_000 if asked[2] == "s" else 60_000)
            socket.state["idle"] = min(max(span, SHORTEST_MS), LONGEST_MS)
        return True

    def received(self, socket: Socket, text: str) -> None:
        """A client sent a frame."""
        self.hub.now_ms = self._floor.now_ms
        self._calls.received(socket, text)
        stops.settle(self._floor)

    def closed(self, socket: Socket) -> None:
        """A socket is gone."""
        self.hub.leave(socket)

    def tick(self, now_ms: int) -> None:
        """Time passed: idle connections are cut, so are those whose key expired; late fills get their stops."""
        self.hub.now_ms = now_ms
        stops.settle(self._floor)
        for socket in list(self.hub.sockets.values()):
            seen, idle = socket.state.get("seen"), socket.state.get("idle")
            if isinstance(seen, int) and isinstance(idle, int) and now_ms - seen >= idle:
                self._cut(socket, "idle")
            elif account_of(socket) and self._key_expired(socket, now_ms):
                self._cut(socket, "api key expired")

    def _key_expired(self, socket: Socket, now_ms: int) -> bool:
        account = self._floor.exchange.account_of_key(str(socket.state.get("key", "")))
        return account is None or 0 < account.key.rights.expires_at_ms <= now_ms

    def _cut(self, socket: Socket, reason: str) -> None:
        self.hub.leave(socket)
        socket.close(1001, reason)

    # Faults

    def trouble(self, what: str, request: Request) -> Response:
        """A fault in Bybit's words: `overloaded`, `unknown`, `too many`, `banned`, `maintenance`, `unavailable`,
        `not found`, or a documented code as its digits."""
        return faults.trouble(what, _endpoint(request), self._floor.now_ms)

    def trouble_stream(self, what: str, sockets: list[Socket]) -> None:
        """`expire key`: private connections are closed; `restart`: all are, and closed orders leave order/realtime."""
        if what == "restart":
            self.memory.restarted_at_ms = self._floor.now_ms
            for socket in sockets:
                self._cut(socket, "service restart")
        elif what == "expire key":
            faults.expire(sockets)
        else:
            raise ValueError(f"{what!r} is no trouble of Bybit's streams")

    def announce_maintenance(self, begin_ms: int, end_ms: int, title: str = "sandbox maintenance") -> None:
        """Show it at GET system/status."""
        row = {"id": f"maintenance-{begin_ms}", "title": title, "state": "scheduled", "href": ""}
        row |= {"begin": str(begin_ms), "end": str(end_ms)}
        lists = {"serviceTypes": [2, 3, 4], "product": [1], "uidSuffix": [], "maintainType": 1, "env": 1}
        self.memory.maintenance.append(row | lists)

    # News

    def _hear(self, news: News) -> None:
        self.hub.now_ms = self._floor.now_ms
        match news:
            case KlineNews():
                self._quotes.on_klines(news)
            case PriceNews():
                self._quotes.on_prices(news)
            case OrderNews():
                self._personal.on_order(news)
                if news.trade is not None:
                    self._quotes.on_execution(news, news.trade)
            case ConditionalNews():
                self._personal.on_conditional(news)
            case AccountNews():
                self._personal.on_account(news)
            case SettingsNews():
                self._personal.on_settings(news)
            case _:
                pass  # Bybit sends no margin calls over the API


def _endpoint(request: Request) -> str:
    return f"{request.method} {request.path.removeprefix(PREFIX)}"
