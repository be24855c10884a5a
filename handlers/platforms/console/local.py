"""The local door: whoever owns the desk's home may speak to the running desk from a second terminal.

It needs no network, no chat provider and no token: with everything else down, a panic still goes through. One JSON
object per line: {"n": 1, "line": "/status", "width": 100, "colour": false} is answered by {"n": 1, "ok": true,
"text": "...", "reply": {...}}; answers come as they are ready, so that a slow close keeps nobody from a panic.
"""

import asyncio
import logging
import os
import socket
import struct
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

import orjson
from rich.console import Console

from handlers.drawing import Drawing
from handlers.platforms.console.chat import ConsoleChat
from handlers.platforms.console.lines import Lines
from handlers.platforms.console.screen import Screen
from handlers.reply import Reply
from handlers.session import Handle, Session

log = logging.getLogger(__name__)
SOCKET = "console.sock"
LONGEST_LINE = 65_536
LONGEST_PATH = 100  # what the kernel takes as a socket's name
WIDTHS = range(20, 401)


class _NoLines:
    """A console that is spoken to line by line reads none itself."""

    async def read(self) -> str | None:
        """Nothing."""
        return None


@dataclass(slots=True)
class LocalDoor:
    """Listens on a socket in the home that only its owner can open."""

    home: Path
    handle: Handle
    wall_clock: Callable[[], int]
    drawing: Drawing
    _tasks: set[asyncio.Task[None]] = field(init=False, default_factory=set)

    async def run(self) -> None:
        """Serve until cancelled; a door that cannot be opened is logged, the desk goes on."""
        path = self.home / SOCKET
        if len(os.fsencode(path)) > LONGEST_PATH:
            log.warning("no console from a second terminal: the home's path is too long for a socket")
            await asyncio.Event().wait()
        try:
            server = await self._open(path)
        except OSError as error:
            log.warning("no console from a second terminal: %s", error.strerror)
            await asyncio.Event().wait()
            return
        try:
            await server.serve_forever()
        finally:
            path.unlink(missing_ok=True)

    async def _open(self, path: Path) -> asyncio.Server:
        """The home's lease is ours, so a socket that is there is a dead one's."""
        path.unlink(missing_ok=True)  # noqa: ASYNC240 (once, at the start)
        before = os.umask(0o177)
        try:
            return await asyncio.start_unix_server(self._serve, path, limit=LONGEST_LINE)
        finally:
            os.umask(before)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One terminal."""
        try:
            if not _is_owner(writer):
                log.warning("another user of this machine knocked at the console door")
                return
            session = Session(self.handle, self.wall_clock)
            while line := await reader.readline():
                self._begin(self._answer(session, line, writer))
        except (ValueError, ConnectionError):
            log.info("a local console was cut off")
        finally:
            writer.close()

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, session: Session, line: bytes, writer: asyncio.StreamWriter) -> None:
        asked = _read(line)
        text = asked.get("line")
        if not isinstance(text, str) or not text.strip():
            said: dict[str, object] = {
                "ok": False,
                "text": "a line of JSON with a text in `line` is asked for\n",
            }
        else:
            reply = await session.enter(text)
            said = await self._said(reply, asked)
        writer.write(orjson.dumps({"n": asked.get("n", 0), **said}) + b"\n")

    async def _said(self, reply: Reply | None, asked: Mapping[str, object]) -> dict[str, object]:
        if reply is None:
            return {"ok": True, "text": "", "reply": None}
        paper = StringIO()
        await self._chat(paper, asked).show(reply)
        return {"ok": reply.ok, "text": paper.getvalue(), "reply": reply.to_json()}

    def _chat(self, paper: StringIO, asked: Mapping[str, object]) -> ConsoleChat:
        """A console that writes on paper as wide as the terminal over there."""
        width, colour = asked.get("width"), asked.get("colour") is True
        console = Console(
            file=paper,
            width=width if isinstance(width, int) and width in WIDTHS else 100,
            force_terminal=colour,
            no_color=not colour,
            highlight=False,
            markup=False,
        )
        lines: Lines = _NoLines()
        session = Session(self.handle, self.wall_clock)
        return ConsoleChat(
            session=session,
            lines=lines,
            screen=Screen(console),
            drawing=self.drawing,
            folder=self.home / "pictures",
            wall_clock=self.wall_clock,
        )


def _read(line: bytes) -> Mapping[str, object]:
    try:
        asked = orjson.loads(line)
    except orjson.JSONDecodeError:
        return {}
    return asked if isinstance(asked, dict) else {}


def _is_owner(writer: asyncio.StreamWriter) -> bool:
    """True when the other end is run by our own user, or by root."""
    wire = writer.get_extra_info("socket")
    peer = wire.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, uid, _ = struct.unpack("3i", peer)
    return uid in {0, os.getuid()}
