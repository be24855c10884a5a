"""People at the four faces: they say a line, press a button, fill a box, and tell what they then saw.

Everything a person does takes one slot of (virtual) time, and what they saw is whatever was new or changed in their
chat at the slot's end: the answer, what followed it, and what came by itself.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any, Protocol
from unittest.mock import patch

from handlers.command import Command
from handlers.parameter import NUMBERS, Kind, Parameter
from handlers.platforms.console import ConsoleChat
from handlers.registry import Registry
from sandbox.chat import discord as discord_box
from sandbox.chat import slack as slack_box
from sandbox.chat import telegram as telegram_box
from sandbox.chat.discord.people import Impossible
from sandbox.chat.slack.form import Impossible as NotInSlack
from sandbox.chat.slack.world import World as SlackWorld

SLOT_S = 5.0
ROUNDING_S = 0.01
_WORDS = re.compile(r'"([^"]*)"|(\S+)')


@dataclass(frozen=True, slots=True)
class Seen:
    """What was new or changed for a person; `page` and `labels` are all that is before their eyes then.

    `kept` is why the client itself did not let them do it (nothing reached the desk).
    """

    texts: tuple[str, ...] = ()
    buttons: tuple[str, ...] = ()
    page: str = ""
    labels: frozenset[str] = frozenset()
    pictures: tuple[bytes, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    kept: str = ""

    @property
    def text(self) -> str:
        """All of it."""
        return "\n".join(self.texts)


class Face(Protocol):
    """A person at a face. `user` is who they are ("telegram:1")."""

    user: str

    async def say(self, line: str) -> Seen:
        """Give a command line, as it is done there."""
        ...

    async def press(self, label: str) -> Seen:
        """Press the newest button of that label, or choose it in a menu."""
        ...

    async def fill(self, text: str) -> Seen:
        """Answer what is asked for: in the box that is open, or as the next line."""
        ...

    async def wait(self, seconds: float = 0) -> Seen:
        """Do nothing, and see what comes."""
        ...

    async def late(self, line: str, age_s: float) -> Seen:
        """Give a line so long ago; the platform delivers it only now."""
        ...


type Message = tuple[str, tuple[str, ...], Mapping[str, bytes]]
"""Text, button labels and files by name."""

type Shown = dict[str, Message]
"""A chat as it is now, by message."""

PAGE = 25


class _Slots:
    """Slots of time, and what has changed since the last look."""

    def __init__(self) -> None:
        self._before: Shown = {}

    def shown(self) -> Shown:
        """The chat as it is now."""
        raise NotImplementedError

    def page(self) -> list[Message]:
        """The newest messages, whether they have changed or not."""
        return list(self._before.values())[-PAGE:]

    async def seen(self, said: Callable[[], str] = str, seconds: float = 0) -> Seen:
        """Wait for the slot's end; `said` is then asked what a box over the chat says."""
        await slept(seconds)
        now = self.shown()
        fresh = [one for key, one in now.items() if self._before.get(key) != one]
        self._before = now
        files = {name: content for _, _, attached in fresh for name, content in attached.items()}
        pictures = tuple(content for name, content in files.items() if name.endswith(".png"))
        return Seen(
            tuple(text for text in (said(), *(text for text, _, _ in fresh)) if text),
            tuple(label for _, labels, _ in fresh for label in labels),
            "\n".join([said(), *(text for text, _, _ in self.page())]),
            frozenset(label for _, labels, _ in self.page() for label in labels),
            pictures,
            {name: content for name, content in files.items() if not name.endswith(".png")},
        )

    async def wait(self, seconds: float = 0) -> Seen:
        """Nothing is done."""
        return await self.seen(seconds=seconds)


async def slept(seconds: float = 0) -> None:
    """Until the end of this slot, or of the one `seconds` later."""
    now_s = asyncio.get_running_loop().time()
    slots = (now_s + seconds + ROUNDING_S) // SLOT_S + 1
    await asyncio.sleep(slots * SLOT_S - now_s)


class TelegramFace(_Slots):
    """Somebody in the private chat with the bot."""

    def __init__(self, person: telegram_box.Person) -> None:
        super().__init__()
        self.person = person
        self.user = f"telegram:{person.user.id}"

    def shown(self) -> Shown:
        found: Shown = {}
        for seen in self.person.sees():
            if seen.by_bot:
                files = {f"{seen.message_id}.png": seen.photo} if seen.photo else {}
                files |= {seen.file_name: seen.document} if seen.document else {}
                found[str(seen.message_id)] = (seen.text, seen.buttons, files)
        return found

    async def say(self, line: str) -> Seen:
        self.person.says(line)
        return await self.seen()

    async def press(self, label: str) -> Seen:
        try:
            press = self.person.presses(label)
        except LookupError as missing:
            return Seen(kept=str(missing))
        return await self.seen(lambda: press.toast)

    async def fill(self, text: str) -> Seen:
        return await self.say(text)

    async def late(self, line: str, age_s: float) -> Seen:
        self.person.says(line, at_ms=self.person.world.wall_ms() - int(age_s * 1000))
        return await self.seen()


class SlackFace(_Slots):
    """Somebody in the direct messages with the app, with slash commands where the app has registered them."""

    def __init__(self, person: slack_box.Person, commands: frozenset[str]) -> None:
        super().__init__()
        self.person = person
        self.user = f"slack:{person.id}"
        self._commands = commands

    def shown(self) -> Shown:
        seen = [one for one in self.person.sees(self.person.private) if one.author != self.person.user.name]
        return {one.ts: (one.text, _labels(one.buttons), one.files) for one in seen}

    async def say(self, line: str) -> Seen:
        head, _, rest = line.removeprefix("/").partition(" ")
        own = f"/qd-{head.replace('_', '-')}"
        if not line.startswith("/"):
            self.person.dm(line)
        elif own in self._commands:
            self.person.command(self.person.private, own, rest)
        else:
            self.person.command(self.person.private, "/quarterdeck", f"{head} {rest}".strip())
        return await self.seen()

    async def press(self, label: str) -> Seen:
        try:
            self.person.press(self.person.private, label)
        except NotInSlack as missing:
            return Seen(kept=str(missing))
        return await self.seen()

    async def fill(self, text: str) -> Seen:
        view = self.person.modal
        if view is None:
            return await self.say(text)
        label = next(str(one["label"]["text"]) for one in view.body["blocks"] if one["type"] == "input")
        self.person.submit({label: text})
        return await self.seen()

    async def late(self, line: str, age_s: float) -> Seen:
        """A direct message: Slack delivers slash commands at once or never."""
        world = self.person._world
        stamp = f"{world.wall_ms() / 1000 - age_s:.3f}{world._last_us % 1000:03d}"
        with patch.object(SlackWorld, "ts", lambda _: stamp):
            self.person.dm(line.removeprefix("/"))
        return await self.seen()


class DiscordFace(_Slots):
    """Somebody in direct messages with the bot, with nothing but what the client lets them do."""

    def __init__(self, person: discord_box.Person, registry: Registry) -> None:
        super().__init__()
        self.person = person
        self.user = f"discord:{person.id}"
        self._registry = registry
        self._half: tuple[str, dict[str, object], str] = ("", {}, "")

    def shown(self) -> Shown:
        seen = [one for one in self.person.sees(self.person.private) if one.author != self.person.user.name]
        return {one.id: (one.text, _labels(one.buttons), one.files) for one in seen}

    async def say(self, line: str) -> Seen:
        head, _, rest = line.removeprefix("/").partition(" ")
        command, self._half = self._registry.find(head), ("", {}, "")  # what was half typed is gone
        if not line.startswith("/"):
            self.person.says(self.person.private, line)
            return await self.seen()
        return await self._slash(command.name if command else head, options(command, rest) if command else {})

    async def _slash(self, name: str, given: dict[str, object]) -> Seen:
        try:
            self.person.slash(self.person.private, name, given)
        except Impossible as refused:
            return await self._offered(name, given, str(refused))
        return await self.seen()

    async def _offered(self, name: str, given: dict[str, object], why: str) -> Seen:
        """The client does not send it; for an option that is missing it offers values while one types."""
        option, values = why.rpartition(" needs ")[2], ()
        if " needs " in why:
            try:
                values = await self.person.completes(self.person.private, name, option, "")
            except Impossible:
                values = ()
            self._half = (name, given, option)
        await slept()
        return Seen(buttons=values, kept=why)

    async def press(self, label: str) -> Seen:
        if self._half[0]:
            (name, given, option), self._half = self._half, ("", {}, "")
            return await self._slash(name, {**given, option: label})
        try:
            self.person.press(self.person.private, label)
        except Impossible:
            try:
                self.person.choose(self.person.private, label)
            except Impossible as missing:
                return Seen(kept=str(missing))
        return await self.seen()

    async def fill(self, text: str) -> Seen:
        last = self.person.last
        if last is None or last.modal is None:
            return Seen(kept="no form is open")
        label = str(last.modal["title"])
        self.person.submit({label: text})
        return await self.seen()

    async def late(self, line: str, age_s: float) -> Seen:
        """An interaction that the gateway replays: its id says when it was made."""
        head, _, rest = line.removeprefix("/").partition(" ")
        command = self._registry.find(head)
        ids = self.person._world.ids
        number = int(ids.next()) - (int(age_s * 1000) << 22)
        with patch.object(type(ids), "next", lambda _: str(number)):
            self.person.slash(self.person.private, head, options(command, rest) if command else {})
        return await self.seen()


class ConsoleFace(_Slots):
    """The operator at the console. `screen` is what the terminal shows, `folder` where pictures and files go."""

    def __init__(self, chat: Callable[[], ConsoleChat], screen: Callable[[], StringIO], folder: Path) -> None:
        super().__init__()
        self.user = "console:operator"
        self._chat = chat
        self._screen = screen
        self._folder = folder
        self._at = 0
        self._past: list[Message] = []

    def shown(self) -> Shown:
        written = self._screen().getvalue()
        fresh, self._at = written[self._at :], len(written)
        names = re.findall(r"^(?:picture|file): (.*)$", fresh, re.MULTILINE)
        files = {Path(name).name: (self._folder / Path(name).name).read_bytes() for name in names}
        labels = tuple(re.findall(r"\[[0-9]+\] (.*?)(?=   \[|$)", fresh, re.MULTILINE))
        self._past += [(fresh, labels, files)] if fresh else []
        return {str(self._at): (fresh, labels, files)} if fresh else {}

    def page(self) -> list[Message]:
        return self._past[-3:]

    async def say(self, line: str) -> Seen:
        await self._chat()._enter(line)
        return await self.seen()

    async def press(self, label: str) -> Seen:
        numbered = self._chat().session._numbered
        if label not in [button.label for button in numbered.values()]:
            return Seen(kept=f"no button {label!r}")
        return await self.say(label)

    async def fill(self, text: str) -> Seen:
        return await self.say(text)

    async def late(self, line: str, age_s: float) -> Seen:
        """Nothing is late at a keyboard; the session's clock is set back for one line."""
        session = self._chat().session
        now = session.wall_clock
        session.wall_clock = lambda: now() - int(age_s * 1000)
        try:
            return await self.say(line)
        finally:
            session.wall_clock = now


def _labels(buttons: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple(label for one in buttons for label in (one.options or (one.label,)))


def options(command: Command, line: str) -> dict[str, object]:
    """A line's words as the options a person would fill in: in their order, `name=value` by name."""
    given: dict[str, object] = {}
    left = list(command.parameters)
    for match in _WORDS.finditer(line):
        word = match[1] if match[1] is not None else match[2]
        name, equals, value = word.partition("=")
        named = next((one for one in left if equals and one.name == name and not one.rest), None)
        if command.unconfirmed and word.casefold() == command.unconfirmed:
            given[command.unconfirmed] = True
        elif left and left[0].rest:
            given[left[0].name] = line[match.start() :]
            break
        elif left:
            chosen = named or _slot(left, word)
            left.remove(chosen)
            given[chosen.name] = _typed(chosen, value if named else word)
    return given


def _slot(left: list[Parameter], word: str) -> Parameter:
    """The first that can be this word: people fill in the box that fits."""
    numeric = bool(re.fullmatch(r"[0-9.]+%?", word))
    fits = (one for one in left if one.required or numeric == (one.kind in NUMBERS) or one.choices)
    return next(fits, left[0])


def _typed(parameter: Parameter, word: str) -> object:
    """The value as the client's box gives it."""
    if parameter.choices or parameter.kind not in NUMBERS | {Kind.SWITCH}:
        return word
    if parameter.kind is Kind.SWITCH:
        return word.casefold() in ("on", "true", "yes")
    try:
        return int(word) if parameter.kind is Kind.WHOLE else float(Decimal(word))
    except (ValueError, ArithmeticError):
        return word
