"""The console chat: reads lines, shows replies and notices, writes pictures and files into a folder."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from handlers.drawing import Drawing
from handlers.platforms.console.lines import Lines
from handlers.platforms.console.screen import Screen
from handlers.reply import Reply
from handlers.session import Session

log = logging.getLogger(__name__)
_LEAVE = frozenset({"exit", "quit", "/exit", "/quit"})


@dataclass(slots=True)
class ConsoleChat:
    """A conversation at a terminal.

    `patience_s` is how long the prompt waits for an answer before it comes back: a close that takes a minute must not
    keep the operator from a panic; None waits for each answer, so that scripts read in order.
    """

    session: Session
    lines: Lines
    screen: Screen
    drawing: Drawing
    folder: Path
    wall_clock: Callable[[], int]
    patience_s: float | None = None
    platform: str = "console"
    _running: set[asyncio.Task[None]] = field(init=False, default_factory=set)
    _said: int = field(init=False, default=0)

    async def run(self, welcome: str = "") -> None:
        """Talk until the lines end or the operator leaves."""
        if welcome:
            self.screen.say(welcome)
        while (line := await self.lines.read()) is not None:
            if line.strip().casefold() in _LEAVE:
                break
            if line.strip():
                await self._enter(line)
        if self._running:
            await asyncio.wait(self._running)

    async def say(self, chat_id: str, reply: Reply, silent: bool = False) -> str:
        """Show what nobody asked for above the prompt; its buttons can be chosen by number. See Speaker."""
        self.screen.show_unasked(reply, self.session.offer(reply))
        await self._pictures(reply)
        self._said += 1
        return str(self._said)

    async def amend(self, chat_id: str, message_id: str, reply: Reply) -> None:
        """A terminal takes nothing back: the reply is shown again as it is now. See Speaker."""
        await self.say(chat_id, reply)

    async def _enter(self, line: str) -> None:
        task = asyncio.create_task(self._answer(line))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        await asyncio.wait({task}, timeout=self.patience_s)

    async def _answer(self, line: str) -> None:
        reply = await self.session.enter(line)
        if reply is None:
            return
        try:
            await self.show(reply)
        except Exception:
            log.exception("a reply of /%s could not be shown", reply.name)
            self.screen.say("The command was answered, but the answer could not be shown; the log says why.")

    async def show(self, reply: Reply) -> None:
        """A reply with its picture and file; where they were written is said."""
        self.screen.show(reply)
        await self._pictures(reply)

    async def _pictures(self, reply: Reply) -> None:
        if reply.image:
            self._picture(reply, reply.image)
        if reply.plot is not None:
            png = await self.drawing.draw(reply.plot, True)
            if png is None:
                self.screen.say("The picture could not be drawn; the log says why.")
            else:
                self._picture(reply, png)
        if reply.file is not None:
            self._written("file", reply.file.name, reply.file.content)

    def _picture(self, reply: Reply, png: bytes) -> None:
        self._written("picture", f"{reply.name}-{self.wall_clock()}.png", png)
        self.screen.show_image(png)

    def _written(self, what: str, name: str, content: bytes) -> None:
        """Write a file into the folder, whatever path its name pretends to have."""
        path = self.folder / Path(name).name
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except OSError as error:
            self.screen.say(f"The {what} could not be written to {path}: {error.strerror}.")
        else:
            self.screen.say(f"{what}: {path}")
