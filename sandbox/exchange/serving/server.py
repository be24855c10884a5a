"""A stage on a real socket: REST and websockets over aiohttp. Handlers are thin, everything is decided in the stage."""

import asyncio
import contextlib
from typing import Self

from aiohttp import WSMsgType, web

from sandbox.exchange.serving.errors import Cut
from sandbox.exchange.serving.frames import ABNORMAL, Ending, Pong, StageSocket
from sandbox.exchange.serving.stage import Stage
from sandbox.exchange.wire import Request, Response
from sandbox.listening import GIVE_UP_S, Listener

BODY_LIMIT = 4 * 1024 * 1024
PATIENCE_S = 60.0
"""So long a client may leave its socket unread once all buffers are full."""


class StageServer:
    """One stage on one port: `rest` and `stream` are its base addresses, without a slash at the end."""

    def __init__(self, stage: Stage, port: int = 0, patience_s: float = PATIENCE_S) -> None:
        """Whoever leaves a full socket unread for `patience_s` is cut off."""
        self._stage = stage
        self._patience_s = patience_s
        app = web.Application(client_max_size=BODY_LIMIT)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._listener = Listener(app, port)

    @property
    def rest(self) -> str:
        """Where requests go."""
        return f"http://{self._listener.address}"

    @property
    def stream(self) -> str:
        """Where websockets dial."""
        return f"ws://{self._listener.address}"

    async def __aenter__(self) -> Self:
        """Listen."""
        await self._listener.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close everything."""
        self._stage.close_sockets(1001, "the sandbox ends")
        await self._listener.stop()

    async def _handle(self, incoming: web.Request) -> web.StreamResponse:
        request = Request(
            method=incoming.method,
            path=incoming.rel_url.raw_path,
            query=incoming.rel_url.raw_query_string,
            headers={name.lower(): value for name, value in incoming.headers.items()},
            body=await incoming.read(),
        )
        try:
            if request.headers.get("upgrade", "").lower() == "websocket":
                return await self._socket(incoming, request)
            return _answer(await self._stage.request(request))
        except Cut:
            return _cut(incoming)

    async def _socket(self, incoming: web.Request, request: Request) -> web.StreamResponse:
        socket = await self._stage.open(request)
        if isinstance(socket, Response):
            return _answer(socket)
        wire = web.WebSocketResponse(
            autoping=False, compress=False, max_msg_size=BODY_LIMIT, timeout=GIVE_UP_S
        )
        try:
            await wire.prepare(incoming)
            writer = asyncio.ensure_future(_write(socket, wire, incoming, self._patience_s))
            try:
                await self._read(socket, wire)
            finally:
                writer.cancel()
        finally:
            self._stage.gone(socket)
        return wire

    async def _read(self, socket: StageSocket, wire: web.WebSocketResponse) -> None:
        """Until it is closed from whichever side. A half-open socket is read on, and nothing comes of it."""
        async for message in wire:
            if message.type is WSMsgType.TEXT:
                self._stage.received(socket, message.data)
            elif message.type is WSMsgType.PING:
                socket.pinged(message.data)


async def _write(
    socket: StageSocket, wire: web.WebSocketResponse, incoming: web.Request, patience_s: float
) -> None:
    """Carry what is in the outbox until it ends."""
    with contextlib.suppress(ConnectionError):
        while True:
            item = await socket.outbox.get()
            if isinstance(item, Ending):
                break
            try:
                async with asyncio.timeout(patience_s):
                    await (wire.pong(item.payload) if isinstance(item, Pong) else wire.send_str(item))
            except TimeoutError:  # nobody reads: what is queued will never go out
                item = Ending(ABNORMAL, "not read")
                break
        if item.code == ABNORMAL:
            _cut(incoming)
        else:
            await wire.close(code=item.code, message=item.reason.encode())


def _answer(response: Response) -> web.Response:
    return web.Response(status=response.status, body=response.body, headers=dict(response.headers))


def _cut(incoming: web.Request) -> web.Response:
    """Nothing is sent and the connection is reset; the response is for aiohttp's books only."""
    if incoming.transport is not None:
        incoming.transport.abort()
    return web.Response()
