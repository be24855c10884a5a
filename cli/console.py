"""`quarterdeck console`: speak to the desk that runs on this home, from a second terminal or a script."""

import asyncio
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from bot.domain.errors import ConfigError
from cli.homes import prompt_history, resolve_home
from handlers.completion import Suggestion
from handlers.platforms.console.lines import PipeLines, PromptLines
from handlers.platforms.console.local import LONGEST_LINE, SOCKET
from handlers.registry import load_registry

LEAVE = frozenset({"exit", "quit", "/exit", "/quit"})


@dataclass(frozen=True, slots=True)
class ConsoleOptions:
    """`commands` are run one after the other instead of a conversation; `confirm` presses their cards' Confirm."""

    home: Path | None
    commands: tuple[str, ...] = ()
    confirm: bool = False
    json: bool = False


def run_console(options: ConsoleOptions) -> int:
    """Talk until the person leaves; with commands: 1 when one of them was refused."""
    home = resolve_home(options.home, os.environ)
    return asyncio.run(_talk(home, options))


async def _talk(home: Path, options: ConsoleOptions) -> int:
    try:
        reader, writer = await asyncio.open_unix_connection(home / SOCKET, limit=64 * LONGEST_LINE)
    except OSError:
        raise ConfigError(f"no desk runs on {home}, or it cannot be spoken to from here") from None
    line = Line(reader, writer, options.json)
    try:
        if options.commands:
            return await _script(line, options)
        return await _converse(line, home)
    finally:
        writer.close()


@dataclass(slots=True)
class Line:
    """The connection to the desk."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    as_json: bool
    closed: bool = field(init=False, default=False)
    _sent: int = field(init=False, default=0)
    _open: set[int] = field(init=False, default_factory=set)
    _news: asyncio.Event = field(init=False, default_factory=asyncio.Event)

    def send(self, text: str) -> None:
        """Say one line."""
        self._sent += 1
        self._open.add(self._sent)
        asked = {
            "n": self._sent,
            "line": text,
            "width": shutil.get_terminal_size((100, 24)).columns,
            "colour": sys.stdout.isatty() and "NO_COLOR" not in os.environ,
        }
        self.writer.write(orjson.dumps(asked) + b"\n")

    async def hear(self) -> dict[str, object] | None:
        """The next answer, shown; None when the desk has gone."""
        raw = await self.reader.readline()
        self._news.set()
        if not raw:
            self.closed = True
            return None
        said: dict[str, object] = orjson.loads(raw)
        self._open.discard(int(str(said["n"])))
        if self.as_json:
            sys.stdout.write(orjson.dumps(said["reply"]).decode() + "\n")
        else:
            sys.stdout.write(str(said["text"]))
        sys.stdout.flush()
        return said

    async def answered(self) -> None:
        """Wait until everything said has its answer, so that a pipe's lines are answered one after the other."""
        while self._open and not self.closed:
            self._news.clear()
            await self._news.wait()


async def _script(line: Line, options: ConsoleOptions) -> int:
    good = True
    for command in options.commands:
        line.send(command)
        said = await line.hear()
        if said is not None and options.confirm and _asks(said):
            line.send("Confirm")
            said = await line.hear()
        good = good and said is not None and bool(said["ok"])
    return 0 if good else 1


def _asks(said: dict[str, object]) -> bool:
    reply = said.get("reply")
    buttons = reply.get("buttons", []) if isinstance(reply, dict) else []
    return any(button["label"] == "Confirm" for button in buttons)


async def _converse(line: Line, home: Path) -> int:
    """A prompt on a terminal, plain lines from a pipe; answers appear above the prompt as they come."""
    listening = asyncio.create_task(_listen(line))
    is_tty = sys.stdin.isatty() and sys.stdout.isatty()
    lines = PromptLines(_names, prompt_history(home)) if is_tty else PipeLines(sys.stdin)
    while not line.closed and (text := await lines.read()) is not None:
        if text.strip().casefold() in LEAVE:
            break
        if text.strip():
            line.send(text)
            if not is_tty:
                await line.answered()
    listening.cancel()
    if line.closed:
        sys.stderr.write("The desk has ended.\n")
    return int(line.closed)


async def _listen(line: Line) -> None:
    while await line.hear() is not None:
        pass


def _names(text: str) -> Sequence[Suggestion]:
    """Commands by the beginning of their names; values are checked over there."""
    typed = text.removeprefix("/")
    if " " in typed:
        return ()
    found = (command for command in load_registry() if command.name.startswith(typed))
    return tuple(Suggestion(f"/{command.name} ", len(text), command.help) for command in found)
