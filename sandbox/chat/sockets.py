"""What a platform sends over one socket, in order: the platform puts frames in, a task writes them out."""

import asyncio
from collections.abc import Mapping

import orjson
from aiohttp import web


class SocketWire:
    """One socket's way out; a number closes it with that code."""

    def __init__(self) -> None:
        """Nothing waits."""
        self._waiting: asyncio.Queue[bytes | int] = asyncio.Queue()

    def send(self, frame: Mapping[str, object]) -> None:
        """Send a frame when those before it are out."""
        self._waiting.put_nowait(orjson.dumps(frame))

    def close(self, code: int) -> None:
        """Close when all is out."""
        self._waiting.put_nowait(code)

    async def write_to(self, socket: web.WebSocketResponse) -> None:
        """Write what comes until the socket is closed by us or by the other end."""
        while True:
            item = await self._waiting.get()
            if isinstance(item, int):
                await socket.close(code=item)
                return
            try:
                await socket.send_str(item.decode())
            except ConnectionError:
                return
