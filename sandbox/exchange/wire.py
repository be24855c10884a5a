"""Requests, responses and sockets, free of any server. A protocol answers synchronously and pushes frames to sockets;
the shells around it (aiohttp, in-process) carry bytes and apply faults."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol as Contract

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. Header names are lower case; `query` and `body` are raw."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP answer."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": JSON})


class Socket(Contract):
    """The exchange's end of one websocket. `state` is the protocol's own (what is subscribed, who it is)."""

    path: str
    query: str
    opened_at_ms: int
    state: dict[str, object]

    def send(self, text: str) -> None:
        """Queue one text frame; nothing after it was closed."""
        ...

    def close(self, code: int = 1001, reason: str = "") -> None:
        """Close it from our side."""
        ...


class Protocol(Contract):
    """One exchange's language over the core."""

    @property
    def name(self) -> str:
        """`binance`, `bybit`."""
        ...

    def endpoint(self, request: Request) -> tuple[str, str]:
        """What fault rules call this request: endpoint name (`POST order`) and the symbol it is about, if any."""
        ...

    def endpoints(self) -> Sequence[str]:
        """All names that `endpoint` gives to requests it has an answer for, and `WS /path` of its sockets; a `*` at
        the end of a name stands for anything."""
        ...

    def answer(self, request: Request) -> Response:
        """Answer one request."""
        ...

    def opened(self, socket: Socket) -> bool:
        """A client connected; False: there is nothing at this path."""
        ...

    def received(self, socket: Socket, text: str) -> None:
        """A client sent a frame."""
        ...

    def closed(self, socket: Socket) -> None:
        """A socket is gone, from whichever side."""
        ...

    def tick(self, now_ms: int) -> None:
        """Time passed: keys that expire, connections that are cut after 24 hours."""
        ...

    def trouble(self, what: str, request: Request) -> Response:
        """The protocol's own wording of a fault: `overloaded`, `unknown`, `too many`, `banned`, `maintenance`,
        `not found` (of an order that was asked for)."""
        ...

    def trouble_stream(self, what: str, sockets: list[Socket]) -> None:
        """Faults of streams that only the protocol can word: `expire key`."""
        ...
