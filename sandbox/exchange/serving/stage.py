"""A stage: one exchange, the protocol it speaks, faults between it and its clients, and a record of all that passed."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from sandbox.exchange.core import Exchange
from sandbox.exchange.serving.clocked import Clocked
from sandbox.exchange.serving.endpoints import check_requests
from sandbox.exchange.serving.errors import Cut, Refusal
from sandbox.exchange.serving.fault_book import FaultBook
from sandbox.exchange.serving.faults import RequestEffect, Rule
from sandbox.exchange.serving.frames import StageSocket, names_of
from sandbox.exchange.serving.kept import Kept
from sandbox.exchange.serving.lag import without_young
from sandbox.exchange.serving.world import do
from sandbox.exchange.wire import Protocol, Request, Response

KEPT_REQUESTS = 20_000
KEPT_FRAMES = 50_000
INSTEAD = {
    RequestEffect.OVERLOADED_BEFORE: "overloaded",
    RequestEffect.UNKNOWN_BEFORE: "unknown",
    RequestEffect.TOO_MANY: "too many",
    RequestEffect.MAINTENANCE: "maintenance",
    RequestEffect.TROUBLE_BEFORE: "",
    RequestEffect.ANSWER_BEFORE: "",
}
AFTERWARDS = {
    RequestEffect.OVERLOADED_AFTER: "overloaded",
    RequestEffect.UNKNOWN_AFTER: "unknown",
    RequestEffect.TROUBLE_AFTER: "",
    RequestEffect.ANSWER_AFTER: "",
}
"""What the client is told although, or because, the request was (not) executed, in the protocol's own words."""
HTML = b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>"


@dataclass(frozen=True, slots=True)
class Exchanged:
    """One request and what became of it. `response` is what the client got; None when it got nothing.

    `executed`: the protocol has seen it. `faults`: effects that applied.
    """

    at_ms: int
    endpoint: str
    symbol: str
    request: Request
    response: Response | None
    executed: bool
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Framed:
    """One frame; `sent` by the exchange, else received by it. `socket` is the socket's number."""

    at_ms: int
    socket: int
    path: str
    sent: bool
    text: str


class Stage:
    """One exchange with its protocol, behind faults."""

    def __init__(
        self,
        exchange: Exchange,
        speak: Callable[[Exchange], Protocol],
        faults: Iterable[Rule] = (),
        *,
        seed: int = 0,
        wall_ms: Callable[[], int] | None = None,
        speed: float = 1.0,
        postings: Callable[[], Sequence[object]] = tuple,
    ) -> None:
        """`speak` makes the protocol. `wall_ms` is the clients' clock where it is not the exchange's (see Clocked).

        `postings` reads the double-entry ledger, for the control endpoint.
        """
        self.postings = postings
        self.exchange = exchange
        self.clocked = Clocked(exchange, wall_ms, speed)
        self.protocol = speak(self.clocked.as_exchange())
        self.name = self.protocol.name
        self.started_at_ms = exchange.now_ms
        self.book = FaultBook(self.name, seed)
        self._arm(faults, 0.0)
        self.requests = Kept[Exchanged](KEPT_REQUESTS, _weight)
        self.frames = Kept[Framed](KEPT_FRAMES, lambda frame: len(frame.text))
        self.sockets: dict[int, StageSocket] = {}
        self.troubles: deque[str] = deque(maxlen=1000)
        self.opened = 0
        self.frames_sent = 0
        self._banned_until_ms = 0

    # Faults

    def arm(self, rules: Iterable[Rule]) -> None:
        """More faults; their times count from now. Refusal for a trouble that the protocol has no words for, and for
        a request that it does not know."""
        rules = tuple(rules)
        check_requests(rules, [self.protocol])
        self._arm(rules, self.at_s)
        self._follow_rules()

    def _arm(self, rules: Iterable[Rule], at_s: float) -> None:
        before = len(self.book.armed)
        self.book.add(rules, at_s)
        for armed in self.book.armed[before:]:
            if armed.rule.effect in {RequestEffect.TROUBLE_BEFORE, RequestEffect.TROUBLE_AFTER}:
                try:
                    self.protocol.trouble(armed.rule.word("what"), Request("GET", "/"))
                except ValueError as error:
                    del self.book.armed[before:]
                    raise Refusal(f"{armed.rule.effect}: {error}") from None

    def disarm(self) -> None:
        """No faults any more; a ban is lifted, a skewed clock is right again."""
        self.book.clear()
        self._banned_until_ms = 0
        self._follow_rules()

    @property
    def at_s(self) -> float:
        """Seconds of exchange time since the start."""
        return (self.exchange.now_ms - self.started_at_ms) / 1000

    def _follow_rules(self) -> None:
        """What rules do by time alone: clock, maintenance, the world."""
        at_s = self.at_s
        skews = self.book.running(RequestEffect.SKEW, at_s)
        self.clocked.skew_ms = int(sum(rule.number("ms") for rule in skews))
        if self.book.begun(RequestEffect.MAINTENANCE, at_s):
            self.close_sockets(1001, "maintenance")
        for rule in self.book.due(at_s):
            try:
                do(self, rule.effect, rule.parameters)
            except Refusal as error:
                self.troubles.append(f"{rule.effect} at {at_s:g} s: {error}")

    # Time

    def advance(self, to_ms: int) -> None:
        """Let the exchange live until then."""
        if to_ms > self.exchange.now_ms:
            self.exchange.advance(to_ms)
        if self.book.armed:
            self._follow_rules()
        self.protocol.tick(self.clocked.now_ms)

    # Requests

    async def request(self, request: Request) -> Response:
        """Answer one request, faults applied; raises Cut when the client gets no answer."""
        endpoint, symbol = self.protocol.endpoint(request)
        rules = self.book.for_request(endpoint, symbol, self.at_s) if self.book.armed else []
        told = _Told(self.exchange.now_ms, endpoint, symbol, request, tuple(rule.effect for rule in rules))
        try:
            response = self._banned(request, rules) or await self._instead(request, rules)
            if response is None:
                response = self._execute(told, rules)
                response = await self._afterwards(request, response, rules)
            told.response = response
        finally:
            self.requests.append(told.done())
        return response

    def _execute(self, told: "_Told", rules: list[Rule]) -> Response:
        if any(rule.effect == RequestEffect.REJECT_LATER for rule in rules):
            self._reject_next(told)
        told.executed = True
        return self.protocol.answer(told.request)

    def _reject_next(self, told: "_Told") -> None:
        key = told.request.headers.get("x-mbx-apikey") or told.request.headers.get("x-bapi-api-key", "")
        account = self.exchange.account_of_key(key)
        if account is not None:
            self.exchange.reject_next(account.name, told.symbol)

    def _banned(self, request: Request, rules: list[Rule]) -> Response | None:
        """Every call during a ban makes it longer."""
        now = self.exchange.now_ms
        bans = [rule for rule in rules if rule.effect == RequestEffect.BAN]
        if not bans and now >= self._banned_until_ms:
            return None
        seconds = bans[0].number("seconds") if bans else self._ban_seconds
        self._ban_seconds = seconds
        self._banned_until_ms = now + int(seconds * 1000)
        return self.protocol.trouble("banned", request)

    _ban_seconds = 120.0

    async def _instead(self, request: Request, rules: list[Rule]) -> Response | None:
        """What goes wrong before anything was executed."""
        for rule in rules:
            match rule.effect:
                case RequestEffect.REFUSE:
                    raise Cut(refused=True)
                case RequestEffect.CUT_BEFORE:
                    raise Cut
                case RequestEffect.HANG:
                    await asyncio.Event().wait()
                case RequestEffect.DELAY_BEFORE:
                    await asyncio.sleep(rule.number("ms") / 1000)
                case effect if effect in INSTEAD:
                    return self._worded(rule, INSTEAD[RequestEffect(effect)], request)
                case _:
                    pass
        return None

    async def _afterwards(self, request: Request, response: Response, rules: list[Rule]) -> Response:
        """What goes wrong on the way back."""
        for rule in rules:
            match rule.effect:
                case RequestEffect.CUT_AFTER:
                    raise Cut
                case RequestEffect.DELAY_AFTER:
                    await asyncio.sleep(rule.number("ms") / 1000)
                case RequestEffect.GARBAGE:
                    response = garbage(response, rule.word("form"))
                case RequestEffect.LAG:
                    since = self.exchange.now_ms - int(rule.number("ms"))
                    response = without_young(response, since) or self.protocol.trouble("not found", request)
                case effect if effect in AFTERWARDS:
                    response = self._worded(rule, AFTERWARDS[RequestEffect(effect)], request)
                case _:
                    pass
        return response

    def _worded(self, rule: Rule, what: str, request: Request) -> Response:
        if rule.effect in {RequestEffect.ANSWER_BEFORE, RequestEffect.ANSWER_AFTER}:
            return Response(int(rule.number("status")), rule.word("body").encode())
        return self.protocol.trouble(what or rule.word("what"), request)

    # Sockets

    async def open(self, request: Request) -> StageSocket | Response:
        """A client dials: a socket, or the answer it gets instead; raises Cut when it gets none."""
        endpoint = f"WS {request.path}"
        rules = self.book.for_request(endpoint, "", self.at_s) if self.book.armed else []
        troubled = self._banned(request, rules) or await self._instead(request, rules)
        if troubled is not None:
            return troubled
        self.opened += 1
        socket = StageSocket(self, self.opened, request.path, request.query, self.clocked.now_ms)
        self.sockets[socket.number] = socket
        if not self.protocol.opened(socket):
            del self.sockets[socket.number]
            return Response(404, b'{"error":"no such stream"}')
        return socket

    def received(self, socket: StageSocket, text: str) -> None:
        """A client sent a frame."""
        if socket.dead or socket.number not in self.sockets:
            return
        self.frames.append(Framed(self.exchange.now_ms, socket.number, socket.path, False, text))
        self.protocol.received(socket, text)

    def gone(self, socket: StageSocket) -> None:
        """A socket is gone, from whichever side; told once."""
        socket.ended = True
        if self.sockets.pop(socket.number, None) is not None:
            self.protocol.closed(socket)

    def close_sockets(self, code: int = 1001, reason: str = "") -> None:
        """Close them all."""
        for socket in list(self.sockets.values()):
            socket.close(code, reason)

    def frame_rules(self, text: str, path: str) -> list[Rule]:
        """Faults that apply to a frame."""
        if not self.book.armed or not self.book.has_frame_rules():
            return []
        names, symbol = names_of(text)
        return self.book.for_frame(names, symbol, path, self.at_s)

    def sent(self, socket: StageSocket, text: str) -> None:
        """A frame went out."""
        self.frames_sent += 1
        self.frames.append(Framed(self.exchange.now_ms, socket.number, socket.path, True, text))

    def expire_keys(self, sockets: list[StageSocket]) -> None:
        """The protocol says that these sockets' keys have expired."""
        self.protocol.trouble_stream("expire key", list(sockets))


def _weight(row: Exchanged) -> int:
    """About how many bytes a request and its answer hold."""
    request, answer = row.request, len(row.response.body) if row.response else 0
    return len(request.path) + len(request.query) + len(request.body) + answer


def garbage(response: Response, form: str) -> Response:
    """An answer as a proxy or a broken server mangles it: `html` (status 502), `truncated`, `empty` (as they were)."""
    match form:
        case "html":
            return Response(502, HTML, {"Content-Type": "text/html"})
        case "truncated":
            return replace(response, body=response.body[: max(1, len(response.body) // 2)])
        case _:
            return replace(response, status=200, body=b"")


@dataclass(slots=True)
class _Told:
    """An Exchanged in the making."""

    at_ms: int
    endpoint: str
    symbol: str
    request: Request
    faults: tuple[str, ...]
    response: Response | None = None
    executed: bool = False

    def done(self) -> Exchanged:
        return Exchanged(
            self.at_ms, self.endpoint, self.symbol, self.request, self.response, self.executed, self.faults
        )
