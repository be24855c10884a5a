"""A provider on a port of loopback: books what comes, lets troubles strike, and leaves the rest to the provider."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, Self

from aiohttp import web

from sandbox.chat.bodies import Upload
from sandbox.chat.calls import Call, Calls, raw_request
from sandbox.chat.troubles import Trouble, Troubles
from sandbox.listening import Listener

BODY_LIMIT = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as its provider reads it. `method` is what rules and assertions name it by; `path` is what is booked.

    A provider whose addresses hold a credential leaves it out of `path`.
    """

    method: str
    path: str
    payload: dict[str, object] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)


class Provider(Protocol):
    """What a chat emulator is for the server. `platform` is the name in the book of calls."""

    platform: str

    def read(self, request: web.Request, body: bytes) -> Asked:
        """The method and its parameters; never raises: nonsense is read as nonsense and refused by `answer`."""
        ...

    async def answer(self, request: web.Request, asked: Asked) -> web.StreamResponse:
        """Carry it out; websockets are prepared and served here."""
        ...

    def trouble(self, trouble: Trouble) -> web.Response:
        """An armed error in the provider's own form."""
        ...

    def close(self) -> None:
        """The server ends: let go of whoever is held."""
        ...


class ChatServer:
    """One provider on one port; port 0 takes a free one. `async with ChatServer(...) as server: server.address`."""

    def __init__(
        self, provider: Provider, wall_ms: Callable[[], int], calls: Calls, troubles: Troubles, port: int = 0
    ) -> None:
        """`wall_ms` dates the calls."""
        self._provider = provider
        self._wall_ms = wall_ms
        self.calls = calls
        self.troubles = troubles
        self._open: dict[int, web.Request] = {}
        app = web.Application(client_max_size=BODY_LIMIT)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._listener = Listener(app, port)
        troubles.watch(self.cut_all)

    @property
    def address(self) -> str:
        """Where it listens, without a slash at the end."""
        return f"http://{self._listener.address}"

    async def __aenter__(self) -> Self:
        """Listen; OSError when the port is taken."""
        await self._listener.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close everything."""
        self._provider.close()
        await self._listener.stop()

    def cut_all(self) -> None:
        """Every connection with something under way is reset, websockets among them."""
        for request in self._open.values():
            _reset(request)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if self.troubles.is_down:
            return _reset(request)
        body = await request.read()
        asked = self._provider.read(request, body)
        raw = raw_request(request.method, asked.path, request.headers, body)
        call = Call(self._wall_ms(), self._provider.platform, asked.method, asked.payload, raw)
        self.calls.add(call)
        self._open[id(request)] = request
        try:
            return await self._answer(request, asked, call)
        finally:
            del self._open[id(request)]

    async def _answer(self, request: web.Request, asked: Asked, call: Call) -> web.StreamResponse:
        trouble = self.troubles.meet(asked.method)
        if trouble is not None and trouble.delay_s:
            await asyncio.sleep(trouble.delay_s)
        if _is_lost(request):
            return web.Response()
        if trouble is None or trouble.done or not trouble.replaces:
            response = await self._provider.answer(request, asked)
            if _is_lost(request):
                return response
            if trouble is None or not trouble.replaces:
                call.status = response.status
                return response
        if trouble.cut:
            return _reset(request)
        found = (
            web.Response(body=trouble.body) if trouble.body is not None else self._provider.trouble(trouble)
        )
        if trouble.body is not None and trouble.status:
            found.set_status(trouble.status)
        call.status = found.status
        return found


def _is_lost(request: web.Request) -> bool:
    """Whether whoever asked is gone, or was cut off."""
    return request.transport is None or request.transport.is_closing()


def _reset(request: web.Request) -> web.Response:
    """Nothing is sent and the connection is reset; the response is for aiohttp's books only."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
