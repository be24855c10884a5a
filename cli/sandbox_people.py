"""People of the chat sandbox, alike on all platforms: they say a line, press a button, and tell what came back."""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sandbox.chat import discord as discord_box
from sandbox.chat import slack as slack_box
from sandbox.chat import telegram as telegram_box

PATIENCE_S = 30.0
CHANGE_S = 0.3
"""A Telegram card changes so soon after its press was taken, or there was nothing to change."""
WORDS = re.compile(r'"([^"]*)"|(\S+)')
WHOLE, SWITCH, DECIMAL = 4, 5, 10
"""Types of Discord's options that are no texts."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the desk showed: its text, the labels of its buttons, and when it was there (performance counter)."""

    text: str
    buttons: tuple[str, ...] = ()
    at_s: float = field(default_factory=time.perf_counter)


class Talker(Protocol):
    """A person in private with the bot. LookupError when the client lets them not, TimeoutError without an answer."""

    async def say(self, line: str) -> Answer:
        """Give a command line and wait for the first answer."""
        ...

    async def press(self, label: str) -> Answer:
        """Press the newest button of that label and wait for what comes of it."""
        ...

    def seen(self) -> Sequence[Answer]:
        """All messages of the bot that are there now."""
        ...


@dataclass(frozen=True, slots=True)
class OnTelegram:
    """In the private chat with the bot."""

    person: telegram_box.Person

    async def say(self, line: str) -> Answer:
        """Write it."""
        return _telegram(await self.person.answer(self.person.says(line), PATIENCE_S))

    async def press(self, label: str) -> Answer:
        """What the press changed or brought, else the words in the box over the chat."""
        press = self.person.presses(label)
        taken = Answer(await self.person.toast(press, PATIENCE_S))
        found = await self.person.answers(press, CHANGE_S)
        return _telegram(found[-1]) if found else taken

    def seen(self) -> Sequence[Answer]:
        """What the bot wrote."""
        return [_telegram(one) for one in self.person.sees() if one.by_bot]


def _telegram(seen: telegram_box.Seen) -> Answer:
    return Answer(seen.text, seen.buttons)


@dataclass(frozen=True, slots=True)
class OnDiscord:
    """In direct messages with the bot: lines become slash commands, as the client offers them."""

    person: discord_box.Person

    async def say(self, line: str) -> Answer:
        """Fill the options in their order; `name=value` names one."""
        name, _, rest = line.removeprefix("/").partition(" ")
        offered = self.person.offered(self.person.private)
        if name not in offered:
            raise LookupError(f"the client offers no /{name} here")
        try:
            options = options_of(offered[name], rest)
            self.person.slash(self.person.private, name, options)
        except discord_box.Impossible as refused:
            raise LookupError(str(refused)) from None
        return await self._answer()

    async def press(self, label: str) -> Answer:
        """A button."""
        try:
            self.person.press(self.person.private, label)
        except discord_box.Impossible as refused:
            raise LookupError(str(refused)) from None
        return await self._answer()

    async def _answer(self) -> Answer:
        try:
            found = await self.person.answer(PATIENCE_S)
        except discord_box.NoAnswer as missing:
            raise TimeoutError(str(missing)) from None
        return Answer(found.text, found.labels)

    def seen(self) -> Sequence[Answer]:
        """What the bot wrote."""
        found = self.person.sees(self.person.private)
        return [Answer(one.text, one.labels) for one in found if one.author != self.person.user.name]


def options_of(command: Mapping[str, Any], line: str) -> dict[str, object]:
    """A line's words as a command's options, in their order or by `name=value`; the last text takes the rest."""
    left = list(command.get("options") or ())
    given: dict[str, object] = {}
    for match in WORDS.finditer(line):
        word = match[1] if match[1] is not None else match[2]
        name, equals, value = word.partition("=")
        named = next((one for one in left if equals and one["name"] == name), None)
        if not left:
            raise LookupError(f"no option is left for {word}")
        option = named or left[0]
        left.remove(option)
        given[option["name"]] = _typed(option["type"], value if named else word)
    return given


def _typed(kind: int, word: str) -> object:
    """The value as the client's box gives it."""
    try:
        if kind == WHOLE:
            return int(word)
        return (
            float(word) if kind == DECIMAL else word.casefold() in {"on", "true"} if kind == SWITCH else word
        )
    except ValueError:
        return word


@dataclass(frozen=True, slots=True)
class OnSlack:
    """In direct messages with the app; lines become its slash commands."""

    person: slack_box.Person
    commands: frozenset[str]

    async def say(self, line: str) -> Answer:
        """By the command's own name where the app has registered it, else through /quarterdeck."""
        name, _, rest = line.removeprefix("/").partition(" ")
        own = f"/qd-{name.replace('_', '-')}"
        known = own in self.commands
        words = (own, rest) if known else ("/quarterdeck", f"{name} {rest}".strip())
        try:
            self.person.command(self.person.private, *words)
        except slack_box.Impossible as refused:
            raise LookupError(str(refused)) from None
        return await self._answer()

    async def press(self, label: str) -> Answer:
        """A button."""
        try:
            self.person.press(self.person.private, label)
        except slack_box.Impossible as refused:
            raise LookupError(str(refused)) from None
        return await self._answer()

    async def _answer(self) -> Answer:
        try:
            found = await self.person.answer(PATIENCE_S)
        except slack_box.NoAnswer as missing:
            raise TimeoutError(str(missing)) from None
        return Answer(found.text, found.labels)

    def seen(self) -> Sequence[Answer]:
        """What the app wrote."""
        found = self.person.sees(self.person.private)
        return [Answer(one.text, one.labels) for one in found if one.author != self.person.user.name]
