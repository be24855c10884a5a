"""A session without sockets: what ccxt uses of an aiohttp ClientSession, carried to stages by plain calls.

    exchange = ccxt.pro.binanceusdm({..., "session": InProcessSession({"venue.test": stage})})

The names are those of aiohttp; requests, sockets and faults behave as over the wire, in the loop's time.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Mapping
from typing import Any, Protocol, Self

import orjson
from aiohttp import (
    ClientConnectionError,
    ClientConnectorError,
    ClientTimeout,
    ServerDisconnectedError,
    WSMessage,
    WSMsgType,
    WSServerHandshakeError,
)
from aiohttp.client_reqrep import ConnectionKey, RequestInfo
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from sandbox.exchange.serving.errors import Cut
from sandbox.exchange.serving.frames import ABNORMAL, Ending, Pong, StageSocket
from sandbox.exchange.serving.stage import Stage
from sandbox.exchange.wire import Request, Response

IDEMPOTENT = {"GET", "PUT", "DELETE"}
REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found"}


class InProcessSession:
    """Stages by host name (`venue.test` or `127.0.0.1:8080`); http and ws alike."""

    def __init__(self, stages: Mapping[str, Stage]) -> None:
        self._stages = dict(stages)
        self.closed = False
        self.headers: CIMultiDict[str] = CIMultiDict()

    def request(self, method: str, url: str | URL, **options: Any) -> "_Calling[InProcessResponse]":
        """`data` (bytes, text or None), `headers` and `timeout` as with aiohttp; the rest is ignored."""
        return _Calling(self._request(method, URL(url), **options))

    def get(self, url: str | URL, **options: Any) -> "_Calling[InProcessResponse]":
        """GET."""
        return self.request("GET", url, **options)

    def post(self, url: str | URL, **options: Any) -> "_Calling[InProcessResponse]":
        """POST."""
        return self.request("POST", url, **options)

    def put(self, url: str | URL, **options: Any) -> "_Calling[InProcessResponse]":
        """PUT."""
        return self.request("PUT", url, **options)

    def delete(self, url: str | URL, **options: Any) -> "_Calling[InProcessResponse]":
        """DELETE."""
        return self.request("DELETE", url, **options)

    def ws_connect(self, url: str | URL, **options: Any) -> "_Calling[InProcessWebSocket]":
        """Dial a websocket: `autoping`, `autoclose` and `headers` as with aiohttp; the rest is ignored."""
        return _Calling(self._dial(URL(url), **options))

    async def close(self) -> None:
        """Nothing is open."""
        self.closed = True

    def _stage(self, url: URL) -> Stage:
        if self.closed:
            raise RuntimeError("Session is closed")
        stage = self._stages.get(url.authority) or self._stages.get(url.host or "")
        if stage is None:
            raise _refused(url, f"nobody is called {url.authority} here")
        return stage

    async def _request(self, method: str, url: URL, **options: Any) -> "InProcessResponse":
        stage, request = self._stage(url), _request(method, url, options)
        async with asyncio.timeout(_seconds(options.get("timeout"))):
            response = await _twice(stage.request, request, url)
            await asyncio.sleep(0)
        return InProcessResponse(url, response)

    async def _dial(self, url: URL, **options: Any) -> "InProcessWebSocket":
        stage, request = self._stage(url), _request("GET", url, options)
        socket = await _twice(stage.open, request, url)
        if isinstance(socket, Response):
            info = RequestInfo(url, "GET", _headers({}), url)
            raise WSServerHandshakeError(
                info,
                (),
                status=socket.status,
                message="Invalid response status",
                headers=_headers(socket.headers),
            )
        return InProcessWebSocket(
            stage, socket, autoping=options.get("autoping", True), autoclose=options.get("autoclose", True)
        )


class InProcessResponse:
    """What came back."""

    def __init__(self, url: URL, response: Response) -> None:
        self.url = url
        self.status = response.status
        self.reason = REASONS.get(response.status, "")
        self.headers = _headers(response.headers)
        self._body = response.body

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.status < 400

    async def read(self) -> bytes:
        """The body."""
        return self._body

    async def text(self, encoding: str | None = None, errors: str = "strict") -> str:
        """The body as text."""
        return self._body.decode(encoding or "utf-8", errors)

    async def json(self, **_: Any) -> Any:
        """The body as JSON."""
        return orjson.loads(self._body)

    async def __aenter__(self) -> Self:
        """Nothing to hold."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing to let go of."""

    def release(self) -> None:
        """Nothing to let go of."""

    def close(self) -> None:
        """Nothing to let go of."""


class InProcessWebSocket:
    """The client's end of a websocket."""

    def __init__(self, stage: Stage, socket: StageSocket, *, autoping: bool, autoclose: bool) -> None:
        self._stage = stage
        self._socket = socket
        self._autoping = autoping
        self._autoclose = autoclose
        self._conn = None
        self.closed = False
        self.close_code: int | None = None

    async def receive(self, timeout: float | None = None) -> WSMessage:  # noqa: ASYNC109 - as aiohttp has it
        """The next message; CLOSE when the exchange closes it, CLOSED when it is gone."""
        if self.closed:
            return WSMessage(WSMsgType.CLOSED, None, None)
        async with asyncio.timeout(timeout):
            item = await self._socket.outbox.get()
        if isinstance(item, Ending):
            return self._ended(item)
        if isinstance(item, Pong):
            return await self.receive() if self._autoping else WSMessage(WSMsgType.PONG, item.payload, None)
        return WSMessage(WSMsgType.TEXT, item, "")

    def _ended(self, ending: Ending) -> WSMessage:
        self.close_code = ending.code
        self._stage.gone(self._socket)
        if ending.code == ABNORMAL:
            self.closed = True
            return WSMessage(WSMsgType.CLOSED, None, None)
        self.closed = self._autoclose
        return WSMessage(WSMsgType.CLOSE, ending.code, ending.reason)

    async def send_str(self, data: str, compress: int | None = None) -> None:
        """Send a text frame; it arrives before this returns."""
        del compress
        if self.closed or self._socket.ended:
            raise ClientConnectionError("Cannot write to closing transport")
        await asyncio.sleep(0)
        self._stage.received(self._socket, data)

    async def send_bytes(self, data: bytes, compress: int | None = None) -> None:
        """Send a frame of bytes, which exchanges take as text."""
        await self.send_str(data.decode(), compress)

    async def send_json(self, data: Any, compress: int | None = None, **_: Any) -> None:
        """Send JSON."""
        await self.send_str(orjson.dumps(data).decode(), compress)

    async def ping(self, message: bytes = b"") -> None:
        """Ping; a socket that is not half open answers."""
        if self.closed or self._socket.ended:
            raise ClientConnectionError("Cannot write to closing transport")
        self._socket.pinged(message)

    async def pong(self, message: bytes = b"") -> None:
        """Answer a ping: nobody waits for it."""

    async def close(self, *, code: int = 1000, message: bytes = b"") -> bool:
        """Close our side; True when it was open."""
        del message
        was_open, self.closed = not self.closed, True
        if self.close_code is None:
            self.close_code = code
        self._stage.gone(self._socket)
        if was_open:
            self._socket.outbox.put_nowait(Ending(ABNORMAL))
        return was_open

    def exception(self) -> BaseException | None:
        """None: what goes wrong is told by messages."""
        return None

    async def __aenter__(self) -> Self:
        """Open until the block ends."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.close()

    def __aiter__(self) -> AsyncIterator[WSMessage]:
        """Messages until it is closed."""
        return self

    async def __anext__(self) -> WSMessage:
        """The next message."""
        message = await self.receive()
        if message.type in {WSMsgType.CLOSE, WSMsgType.CLOSED}:
            raise StopAsyncIteration
        return message


class _Entered(Protocol):
    async def __aexit__(self, *error: object) -> None: ...


class _Calling[T: _Entered]:
    """A call that may be awaited, or entered with `async with`."""

    def __init__(self, work: Coroutine[Any, Any, T]) -> None:
        self._work = work
        self._held: T | None = None

    def __await__(self) -> Generator[Any, Any, T]:
        return self._work.__await__()

    async def __aenter__(self) -> T:
        self._held = await self._work
        return self._held

    async def __aexit__(self, *error: object) -> None:
        if self._held is not None:
            await self._held.__aexit__(*error)


async def _twice[T](call: Callable[[Request], Awaitable[T]], request: Request, url: URL) -> T:
    """As aiohttp does it: what is idempotent by HTTP's book (DELETE too) is sent once more after a cut."""
    tries = 2 if request.method in IDEMPOTENT else 1
    while True:
        await asyncio.sleep(0)
        tries -= 1
        try:
            return await call(request)
        except Cut as cut:
            if not tries:
                raise _refused(url, str(cut)) if cut.refused else ServerDisconnectedError from None


def _request(method: str, url: URL, options: Mapping[str, Any]) -> Request:
    body = options.get("data") or b""
    headers = {str(name).lower(): str(value) for name, value in (options.get("headers") or {}).items()}
    body = body.encode() if isinstance(body, str) else bytes(body)
    return Request(method, url.raw_path, url.raw_query_string, headers, body)


def _headers(headers: Mapping[str, str]) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict(headers))


def _seconds(timeout: object) -> float | None:
    return (
        timeout.total
        if isinstance(timeout, ClientTimeout)
        else timeout
        if isinstance(timeout, float | int)
        else None
    )


def _refused(url: URL, text: str) -> ClientConnectorError:
    """As aiohttp says that nobody listens."""
    key = ConnectionKey(url.host or "", url.port, url.scheme in {"https", "wss"}, None, None, None, None)  # type: ignore[arg-type]
    return ClientConnectorError(key, ConnectionRefusedError(111, text))
