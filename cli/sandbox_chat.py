"""`quarterdeck sandbox --chat`: Telegram, Discord and Slack on loopback, with people who do as they are told.

One line of JSON says where the platforms are and what opens them. Then lines are read from the input:

    telegram ann /status            she writes it and the answer is printed
    slack bea press Refresh         she presses a button
    discord ann seen                what the bot has written to her until now
    trouble hang                    from now on nothing answers (down: every connection is cut; none: all is well)
"""

import asyncio
import secrets
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field

import orjson

from bot.domain.errors import ConfigError
from bot.runtime.clock import WallClock
from cli.sandbox_people import Answer, OnDiscord, OnSlack, OnTelegram, Talker
from handlers.platforms.console.lines import PipeLines
from handlers.platforms.slack import manifest
from handlers.registry import load_registry
from sandbox.chat.discord import DiscordSandbox
from sandbox.chat.slack import Manifest, SlackSandbox
from sandbox.chat.telegram import TelegramSandbox
from sandbox.chat.troubles import Trouble, Troubles

PLATFORMS = ("telegram", "discord", "slack")
ALL = "all"
PEOPLE = ("ann", "bea", "cal", "dee", "eli", "fay")
HANG_S = 86_400.0
MANNERS = ("none", "hang", "down")

type Line = dict[str, object]


@dataclass(slots=True)
class Place:
    """One platform: what a desk needs to reach it, who is there, and what goes wrong there.

    `config` is the platform's part of `chat` in config.yaml, `secrets` the environment's.
    """

    config: Mapping[str, object]
    secrets: Mapping[str, str]
    users: Mapping[str, str]
    talkers: Mapping[str, Talker]
    troubles: Troubles


@dataclass(slots=True)
class Town:
    """The platforms that are served, by name."""

    places: dict[str, Place] = field(default_factory=dict)

    def line(self) -> Line:
        """What a script reads: addresses, tokens, user ids."""
        return {
            "chat": {name: place.config for name, place in self.places.items()},
            "secrets": {key: value for place in self.places.values() for key, value in place.secrets.items()},
            "users": {name: place.users for name, place in self.places.items()},
        }

    async def told(self, line: str) -> Line:
        """Do what a line asks; the answer with the milliseconds it took."""
        words = line.split(maxsplit=2)
        if words[:1] == ["trouble"] and words[1:] and words[1] in MANNERS:
            self._trouble(words[1])
            return {"line": line}
        if len(words) < 3 or words[0] not in self.places or words[1] not in PEOPLE:
            known = f"{'|'.join(self.places)} {'|'.join(PEOPLE)} COMMAND, press LABEL or seen"
            return {"line": line, "error": f"a line is: {known}; or trouble {'|'.join(MANNERS)}"}
        return await self._asked(line, self.places[words[0]].talkers[words[1]], words[2])

    async def _asked(self, line: str, talker: Talker, wish: str) -> Line:
        began = time.perf_counter()
        try:
            if wish == "seen":
                return {"line": line, "seen": [one.text for one in talker.seen()]}
            pressed = wish.startswith("press ")
            answer = await (talker.press(wish.removeprefix("press ")) if pressed else talker.say(wish))
        except (LookupError, TimeoutError) as missing:
            return {"line": line, "error": str(missing) or "no answer"}
        return _answered(line, answer, began)

    def _trouble(self, manner: str) -> None:
        for place in self.places.values():
            place.troubles.clear()
            place.troubles.up()
            if manner == "down":
                place.troubles.down()
            elif manner == "hang":
                place.troubles.arm(Trouble(times=None, delay_s=HANG_S))


def _answered(line: str, answer: Answer, began_s: float) -> Line:
    took_ms = (answer.at_s - began_s) * 1000
    return {"line": line, "ms": round(took_ms, 2), "text": answer.text, "buttons": list(answer.buttons)}


def check_platform(chat: str) -> tuple[str, ...]:
    """The platforms that are meant. Raises ConfigError."""
    if chat not in {*PLATFORMS, ALL}:
        raise ConfigError(f"--chat {chat}: is not allowed; allowed: {', '.join(PLATFORMS)}, {ALL}")
    return PLATFORMS if chat == ALL else (chat,)


def run_chat_sandbox(chat: str) -> int:
    """Serve until SIGINT or SIGTERM; the end of the input ends nothing."""
    return asyncio.run(_serve(check_platform(chat)))


async def _serve(names: tuple[str, ...]) -> int:
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    async with town(names) as served:
        _say(served.line())
        listening = asyncio.create_task(_listen(served))
        await told.wait()
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening
    return 0


async def _listen(served: Town) -> None:
    """Lines as they come; people do not wait for each other."""
    lines = PipeLines(sys.stdin)
    async with asyncio.TaskGroup() as people:
        while (line := await lines.read()) is not None:
            if line.strip():
                people.create_task(_do(served, line.strip()))


async def _do(served: Town, line: str) -> None:
    _say(await served.told(line))


def _say(line: Line) -> None:
    sys.stdout.write(orjson.dumps(line).decode() + "\n")
    sys.stdout.flush()


@asynccontextmanager
async def town(names: tuple[str, ...]) -> AsyncIterator[Town]:
    """Everything up."""
    served = Town()
    async with AsyncExitStack() as stack:
        for name in names:
            served.places[name] = await OPENERS[name](stack)
        yield served


async def _telegram(stack: AsyncExitStack) -> Place:
    token = f"{100_000 + secrets.randbelow(900_000)}:{secrets.token_urlsafe(24)}"
    box = await stack.enter_async_context(TelegramSandbox(WallClock().wall_ms, token))
    people = {name: box.people.person(number, name.title(), name) for number, name in _numbered()}
    group = box.people.supergroup(-1001, "Desk")
    return Place(
        {"chats": [str(group.id)], "api_url": box.base_url.removesuffix("/bot")},
        {"TELEGRAM_TOKEN": token},
        {name: str(one.user.id) for name, one in people.items()},
        {name: OnTelegram(one) for name, one in people.items()},
        box.troubles,
    )


async def _discord(stack: AsyncExitStack) -> Place:
    token = secrets.token_urlsafe(24)
    box = await stack.enter_async_context(DiscordSandbox(token, WallClock().wall_ms))
    guild = box.world.add_guild("desk", "9001")
    box.world.add_channel(guild, "orders", number="9002")
    people = {name: box.person(name.title(), guild, number=str(number)) for number, name in _numbered()}
    return Place(
        {"guilds": ["9001"], "api_url": box.base_url},
        {"DISCORD_TOKEN": token},
        {name: one.id for name, one in people.items()},
        {name: OnDiscord(one) for name, one in people.items()},
        box.troubles,
    )


async def _slack(stack: AsyncExitStack) -> Place:
    bot, app = f"xoxb-{secrets.token_urlsafe(24)}", f"xapp-{secrets.token_urlsafe(24)}"
    made = Manifest.read(manifest(load_registry()))
    box = await stack.enter_async_context(SlackSandbox(bot, app, WallClock().wall_ms, made))
    channel = box.world.add_channel("orders", "C1")
    people = {name: box.person(name.title(), channel, number=f"U{number}") for number, name in _numbered()}
    return Place(
        {"channels": ["C1"], "api_url": box.base_url.rstrip("/")},
        {"SLACK_TOKEN": bot, "SLACK_APP_TOKEN": app},
        {name: one.id for name, one in people.items()},
        {name: OnSlack(one, frozenset(made.commands)) for name, one in people.items()},
        box.troubles,
    )


def _numbered() -> list[tuple[int, str]]:
    return list(enumerate(PEOPLE, 1))


OPENERS = {"telegram": _telegram, "discord": _discord, "slack": _slack}
