"""A whole desk behind one real chat platform at its emulator: the composition of `quarterdeck run`, and its people.

    async with chat_house(tmp_path, "discord", [market(CALM)]) as house:
        seen = await house.ann.say("/status")
        await house.bars(2)

Ann and Bea are admins, Eve is a stranger. At the console Ann sits alone: Bea and Eve are on Telegram. The market moves
by `bars` alone; everything lives in one loop, `in_virtual_time` gives it a clock that jumps. `restarted` ends the desk
as `/restart` does and opens it again in the same world and home.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

from chat_faces import ConsoleFace, DiscordFace, Face, SlackFace, TelegramFace
from house_parts import (
    DISCORD_TOKEN,
    SLACK_APP,
    SLACK_BOT,
    TELEGRAM_TOKEN,
    discord_addresses,
    is_up,
    slash_commands,
    until,
)
from virtual_loop import VirtualLoop
from whole_house import console_of, plan_of, written

from bot.engine.reading import dump
from bot.runtime.clock import WallClock
from bot.strategy import Frame
from cli.homes import load
from cli.jobs import build_jobs, raise_notice
from cli.live import LateClock, Running, courier, open_front
from cli.platforms import begin_platforms
from cli.run import started
from cli.upkeep import APPLIED, Upkeep
from cli.wiring import OPERATOR, Blueprint, House, open_house
from cli.workshop.crew import Crew
from handlers.dispatch import Dispatcher
from handlers.notices import Recipient
from handlers.platforms.console import ConsoleChat
from handlers.platforms.discord import DiscordChat
from handlers.platforms.slack import SlackChat
from handlers.platforms.telegram import TelegramChat
from handlers.registry import load_registry
from handlers.reply import Reply
from handlers.request import Request
from sandbox.chat.discord import DiscordSandbox
from sandbox.chat.slack import Manifest, SlackSandbox
from sandbox.chat.telegram import TelegramSandbox

FACES = ("telegram", "discord", "slack", "console")
TOKENS: Mapping[str, Mapping[str, str]] = {
    "telegram": {"TELEGRAM_TOKEN": TELEGRAM_TOKEN},
    "discord": {"DISCORD_TOKEN": DISCORD_TOKEN},
    "slack": {"SLACK_TOKEN": SLACK_BOT, "SLACK_APP_TOKEN": SLACK_APP},
}
ADMINS = {"telegram": ("1", "2"), "discord": ("8", "9"), "slack": ("U1", "U2"), "console": ("2",)}
UNHURRIED = "  rate_per_minute: 600\n  rate_burst: 100\n"


@dataclass(slots=True)
class World:
    """The emulator and who is in it; it outlives the desk."""

    name: str
    box: TelegramSandbox | DiscordSandbox | SlackSandbox
    people: tuple[Any, Any, Any]
    chat: str

    @property
    def platform(self) -> str:
        """The platform that runs: at the console the others have Telegram."""
        return "telegram" if self.name == "console" else self.name

    def config(self) -> str:
        """Who may do what, and where the emulator is."""
        address = self.box.base_url.rstrip("/").removesuffix("/bot")
        users = "".join(f"    {self.platform}:{one}: admin\n" for one in ADMINS[self.name])
        place = f'  {self.platform}: {{{self.chat}, api_url: "{address}"}}\n'
        return f"chat:\n  users:\n{users}{UNHURRIED}{place}"


@dataclass(slots=True)
class Heard:
    """Every request that reached the dispatcher with what it answered; and what was said unasked, and to whom."""

    said: list[tuple[Request, Reply | None]] = field(default_factory=list)
    told: list[tuple[str, Reply]] = field(default_factory=list)

    def taken(self) -> list[tuple[Request, Reply | None]]:
        """What came since the last look."""
        found, self.said = self.said, []
        return found


@dataclass(slots=True)
class ChatHouse:
    """The desk that runs now, its world and its people."""

    home: Path
    world: World
    frames: Sequence[Frame]
    more: str
    heard: Heard
    history: int = 1
    running: Running = field(init=False)
    upkeep: Upkeep = field(init=False)
    console: ConsoleChat = field(init=False)
    screen: StringIO = field(default_factory=StringIO)
    ann: Face = field(init=False)
    bea: Face = field(init=False)
    eve: Face = field(init=False)
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    _living: asyncio.Task[None] | None = None

    @property
    def house(self) -> House:
        """What runs."""
        return self.running.house

    @property
    def faces(self) -> dict[str, Any]:
        """The platforms by name."""
        return {speaker.platform: speaker for speaker, _ in self.running.speakers}

    def books(self) -> str:
        """All of the trading state."""
        return str(dump(self.house.engine.state))

    async def bars(self, count: int = 1) -> None:
        """Let bars pass."""
        for _ in range(count):
            await self.house.step()

    async def open(self) -> None:
        """Start a desk as `quarterdeck run` does, and wait until its platform is connected."""
        plan, late = self._plan()
        house = await self._stack.enter_async_context(open_house(plan))
        self.running = Running(house, late.begin(house.now_ms()))
        self.running.clock.pause()
        jobs = build_jobs(house, self.running.clock)
        self._stack.push_async_callback(jobs.stop)
        await jobs.start()
        self.upkeep.join(self.running, jobs)
        await raise_notice(house, started(house))
        self.running.begin("timers", self.running.fire_timers())
        open_front(self.running)
        if self.world.name == "console":
            self._open_console()
        begin_platforms(self.running)
        self._living = asyncio.create_task(self.running.until_stopped())
        await until(lambda: is_up(self.faces[self.world.platform]))

    def _plan(self) -> tuple[Blueprint, LateClock]:
        """The test's market and strategy, with the chat of this world."""
        text = f"{written(self.home, self.frames)}{self.world.config()}{self.more}"
        (self.home / "config.yaml").write_text(text)
        plan = plan_of(self.home, self.frames, text, self.history)
        loaded = load(self.home, None, os.environ)
        self.upkeep = Upkeep(loaded, APPLIED)
        wall, late = WallClock().wall_ms, LateClock(900.0, plan.timeframe)
        context = (late.control(), *self.upkeep.context())
        return replace(plan, loaded=loaded, wall_ms=wall, started_at_ms=wall(), context=context), late

    def _open_console(self) -> None:
        """The console and its notices, as `cli.live.talk` joins them, without a terminal."""
        self.console = console_of(self.running, self.home, self.screen, 200)
        people = [Recipient(OPERATOR, "console")]
        self.running.begin("console notices", courier(self.running, self.console, people).run())

    async def ended(self, timeout_s: float = 60) -> None:
        """Wait until the run has ended by itself, then close the house."""
        async with asyncio.timeout(timeout_s):
            if self._living is not None:
                await self._living
        await self._stack.aclose()

    async def close(self) -> None:
        """End it from outside."""
        if self._living is not None and not self._living.done():
            self.running.stop()
            with suppress(asyncio.CancelledError):
                await self._living
        await self._stack.aclose()


@asynccontextmanager
async def world_of(name: str) -> AsyncIterator[World]:
    """The emulator of a platform with Ann, Bea and Eve."""
    open_world = {"discord": _discord, "slack": _slack}.get(name, _telegram)
    async with open_world(name) as world:
        yield world


@asynccontextmanager
async def _telegram(name: str) -> AsyncIterator[World]:
    async with TelegramSandbox(WallClock().wall_ms, TELEGRAM_TOKEN) as box:
        people = box.people
        ann, bea = people.person(1, "Ann", "ann"), people.person(2, "Bea", "bea")
        yield World(name, box, (ann, bea, people.person(666, "Eve", "eve")), 'chats: ["-100"]')


@asynccontextmanager
async def _discord(name: str) -> AsyncIterator[World]:
    made = DiscordSandbox(DISCORD_TOKEN, WallClock().wall_ms, None, asyncio.get_running_loop().time)
    with discord_addresses():
        async with made as box:
            guild = box.world.add_guild("desk", "44")
            box.world.add_channel(guild, "orders", number="55")
            named = (("Ann", "8"), ("Bea", "9"), ("Eve", "666"))
            ann, bea, eve = (box.person(one, guild, number=number) for one, number in named)
            yield World(name, box, (ann, bea, eve), 'guilds: ["44"]')


@asynccontextmanager
async def _slack(name: str) -> AsyncIterator[World]:
    async with SlackSandbox(SLACK_BOT, SLACK_APP, WallClock().wall_ms, Manifest(slash_commands())) as box:
        channel = box.world.add_channel("orders", "C1")
        named = (("Ann", "U1"), ("Bea", "U2"), ("Eve", "U666"))
        ann, bea, eve = (box.person(one, channel, number=number) for one, number in named)
        yield World(name, box, (ann, bea, eve), 'channels: ["C1"]')


@contextmanager
def overheard(heard: Heard) -> Iterator[None]:
    """Note what goes through the dispatcher and what the faces say by themselves; both happen as ever."""
    real = Dispatcher.handle

    async def handle(self: Dispatcher, request: Request) -> Reply | None:
        reply = await real(self, request)
        heard.said.append((request, reply))
        return reply

    with ExitStack() as stack:
        stack.enter_context(patch.object(ConsoleChat, "amend", _again(ConsoleChat.say)))
        stack.enter_context(patch.object(Dispatcher, "handle", handle))
        for face in (TelegramChat, DiscordChat, SlackChat, ConsoleChat):
            stack.enter_context(patch.object(face, "say", _noted(face, heard)))
        yield


def _again(say: Callable[..., Awaitable[str]]) -> Callable[..., Awaitable[None]]:
    """The console changes nothing it has shown but says it again: that is no further message."""

    async def amend(self: ConsoleChat, chat_id: str, message_id: str, reply: Reply) -> None:
        await say(self, chat_id, reply)

    return amend


def _noted(face: Any, heard: Heard) -> Callable[..., Awaitable[str]]:
    real = face.say

    async def say(self: Any, chat_id: str, reply: Reply, silent: bool = False) -> str:
        found: str = await real(self, chat_id, reply, silent)
        heard.told.append((f"{self.platform}:{chat_id}", reply))
        return found

    return say


@contextmanager
def laboratory_in_real_time() -> Iterator[None]:
    """Long work runs in a process of its own, which a clock that jumps does not wait for: it stands meanwhile."""
    real = Crew.result

    async def run(*args: Any) -> Any:
        loop = asyncio.get_running_loop()
        if not isinstance(loop, VirtualLoop):
            return await real(*args)
        loop._jobs += 1
        try:
            return await real(*args)
        finally:
            loop._jobs -= 1

    with patch.object(Crew, "result", run):
        yield


def _people(house: ChatHouse) -> tuple[Face, Face, Face]:
    ann, bea, eve = house.world.people
    registry = load_registry()
    match house.world.name:
        case "discord":
            return DiscordFace(ann, registry), DiscordFace(bea, registry), DiscordFace(eve, registry)
        case "slack":
            known = frozenset(slash_commands())
            return SlackFace(ann, known), SlackFace(bea, known), SlackFace(eve, known)
        case "console":
            console = ConsoleFace(lambda: house.console, lambda: house.screen, house.home / "pictures")
            return console, TelegramFace(bea), TelegramFace(eve)
        case _:
            return TelegramFace(ann), TelegramFace(bea), TelegramFace(eve)


@asynccontextmanager
async def chat_house(
    home: Path, face: str, frames: Sequence[Frame], more: str = "", history: int = 1
) -> AsyncIterator[ChatHouse]:
    """The desk at one of FACES; `more` is further configuration, indented lines of `chat:` first.

    It starts after `history` bars.
    """
    heard = Heard()
    async with world_of(face) as world:
        tokens = patch.dict(os.environ, TOKENS[world.platform])
        with tokens, overheard(heard), laboratory_in_real_time():
            house = ChatHouse(home, world, frames, more, heard, history)
            house.ann, house.bea, house.eve = _people(house)
            try:
                await house.open()
                yield house
            finally:
                await house.close()
