"""The Bot API by hand: calls without a library, in a virtual or a real loop."""

import struct
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import ClientSession, FormData
from virtual_loop import run_virtually

from sandbox.chat.telegram import TelegramSandbox

START_MS = 1_700_000_000_000


def wall_ms() -> int:
    return time.time_ns() // 1_000_000


def png(width: int = 4, height: int = 3) -> bytes:
    """The smallest real picture of this size."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"".join(b"\0" * (width + 1) for _ in range(height)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@dataclass
class Answer:
    status: int
    body: dict[str, Any]

    @property
    def text(self) -> str:
        return str(self.body.get("description", ""))

    @property
    def result(self) -> Any:
        assert self.status == 200, self.body
        return self.body["result"]


class Raw:
    """One bot's calls."""

    def __init__(self, telegram: TelegramSandbox, session: ClientSession) -> None:
        self.telegram = telegram
        self.session = session

    async def call(self, method: str, token: str | None = None, **given: Any) -> Answer:
        url = f"{self.telegram.base_url}{token or self.telegram.token}/{method}"
        async with self.session.post(url, data=_form(given)) as response:
            return Answer(response.status, orjson.loads(await response.read()))

    async def say(self, text: str = "hello", chat_id: int = 2, **given: Any) -> Answer:
        return await self.call("sendMessage", chat_id=chat_id, text=text, **given)

    async def updates(self, offset: int = 0, timeout: int = 0, **given: Any) -> list[dict[str, Any]]:  # noqa: ASYNC109
        answer = await self.call("getUpdates", offset=offset, timeout=timeout, **given)
        found: list[dict[str, Any]] = answer.result
        return found


def _form(given: dict[str, Any]) -> FormData:
    form = FormData()
    for name, value in given.items():
        if isinstance(value, bytes):
            form.add_field(name, value, filename=f"{name}.bin", content_type="application/octet-stream")
        elif isinstance(value, str):
            form.add_field(name, value)
        else:
            form.add_field(name, orjson.dumps(value).decode())
    return form


@asynccontextmanager
async def house(enforced: bool = True) -> AsyncIterator[Raw]:
    """A Telegram with Ann (2) who has pressed Start."""
    async with TelegramSandbox(wall_ms) as telegram, ClientSession() as session:
        telegram.world.rates.enforced = enforced
        telegram.people.person(2, "Ann", "ann_b")
        yield Raw(telegram, session)


def in_virtual_time(play: Callable[[Raw], Awaitable[None]], enforced: bool = True) -> None:
    """Run a play in a house of its own."""

    async def main() -> None:
        async with house(enforced) as raw:
            await play(raw)

    run_virtually(main, START_MS)
