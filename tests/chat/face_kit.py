"""The three faces with their real libraries, each connected to its platform on loopback."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import discord
from chat_fakes import Chat
from drawings import drawn_by

from bot.domain.notice import Notice, Severity
from handlers.command import Role
from handlers.pace import UNPACED, Pace
from handlers.platforms.discord import DiscordChat, DiscordSettings
from handlers.platforms.slack import SlackChat, SlackSettings, manifest
from handlers.platforms.telegram import TelegramChat, TelegramSettings
from handlers.reply import Attachment, BarPlot, Button, ButtonStyle, Column, Plot, Reply, Table
from handlers.request import Request
from handlers.session import Handle
from sandbox.chat.discord import DiscordRules, DiscordSandbox
from sandbox.chat.discord import Person as DiscordPerson
from sandbox.chat.discord.nouns import Channel as DiscordChannel
from sandbox.chat.discord.nouns import Guild
from sandbox.chat.slack import Manifest, SlackSandbox
from sandbox.chat.slack import Person as SlackPerson
from sandbox.chat.slack.nouns import Channel as SlackChannel
from sandbox.chat.telegram import Person as TelegramPerson
from sandbox.chat.telegram import TelegramSandbox
from sandbox.chat.telegram.nouns import Room

PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
    b"\x00\x00\x00\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\x00\x05\x00\x01\xff\x89\x99=\x1d\x00\x00\x00\x00IEND\xaeB`\x82"
)
BOT, APP = "xoxb-fake-of-the-tests", "xapp-fake-of-the-tests"
DISCORD = "fake-bot-token-of-the-tests"
PLOT = BarPlot(("a",), (Decimal(1),), "PnL")
FILE = Attachment("trades.csv", b"a,b\n1,2\n")


def draw(plot: Plot, dark: bool) -> bytes:
    """A picture of one dot."""
    return PNG


@dataclass(slots=True)
class Heard:
    """What the faces told the rest of the house."""

    placed: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    alarms: list[Notice] = field(default_factory=list)

    def place(self, reply: Reply, message_id: str) -> None:
        """Buttons hang somewhere."""
        self.placed.append((message_id, tuple(button.label for button in reply.buttons)))


async def until(holds: Callable[[], object], timeout_s: float = 60) -> None:
    """Wait for something that rings no bell."""
    async with asyncio.timeout(timeout_s):
        while not holds():  # noqa: ASYNC110 (the libraries have no bell)
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running(face: Any) -> AsyncIterator[None]:
    """The face's `run`, cancelled at the end."""
    task = asyncio.create_task(face.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@dataclass(slots=True)
class TelegramHouse:
    """Telegram with the face connected. Ann (2) is a trader, Bea (1) an admin; the group -100 is allowed."""

    world: TelegramSandbox
    face: TelegramChat
    heard: Heard
    ann: TelegramPerson
    bea: TelegramPerson
    group: Room


@asynccontextmanager
async def telegram(
    chat: Chat, handle: Handle | None = None, pace: Pace | None = None
) -> AsyncIterator[TelegramHouse]:
    """Telegram, its people, and the face, connected."""
    async with TelegramSandbox(chat.clock) as world:
        heard = Heard()
        settings = TelegramSettings(
            world.token,
            {"1": Role.ADMIN, "2": Role.TRADER},
            world.base_url,
            world.base_file_url,
            longest_retry_s=0.2,
            chats=frozenset({"-100", "-200/7"}),
        )
        face = TelegramChat(
            settings,
            handle or chat.dispatcher.handle,
            chat.registry,
            drawn_by(draw),
            chat.clock,
            heard.place,
            heard.alarms.append,
            pace or Pace(UNPACED),
        )
        people = world.people
        ann, bea = people.person(2, "Ann", "ann"), people.person(1, "Bea", "bea")
        house = TelegramHouse(world, face, heard, ann, bea, people.supergroup(-100, "crew"))
        async with running(face):
            await until(lambda: face._bot)
            yield house


@dataclass(slots=True)
class DiscordHouse:
    """Discord with the face connected. Ann (9) is a trader; the channel 55 is allowed."""

    world: DiscordSandbox
    face: DiscordChat
    heard: Heard
    guild: Guild
    channel: DiscordChannel
    ann: DiscordPerson
    eve: DiscordPerson
    skipped: list[float]


@asynccontextmanager
async def discord_house(
    chat: Chat, handle: Handle | None = None, rules: DiscordRules | None = None
) -> AsyncIterator[DiscordHouse]:
    """Discord, its people, and the face, connected."""
    loop, skipped = asyncio.get_running_loop(), [0.0]

    def seconds() -> float:
        return loop.time() + skipped[0]

    gateway = discord.gateway.DiscordWebSocket
    before = discord.http.Route.BASE, gateway.DEFAULT_GATEWAY
    async with DiscordSandbox(DISCORD, chat.clock, rules, seconds) as world:
        guild = world.world.add_guild("desk", "44")
        channel = world.world.add_channel(guild, "orders", number="55")
        ann, eve = world.person("ann", guild, number="9"), world.person("eve", guild, number="666")
        heard = Heard()
        face = DiscordChat(
            DiscordSettings(DISCORD, (44,), world.base_url, longest_retry_s=0.2),
            handle or chat.dispatcher.handle,
            chat.registry,
            chat.dispatcher.suggest,
            drawn_by(draw),
            heard.place,
            lambda request: request.user_id == "9",
            Pace(UNPACED),
        )
        try:
            async with running(face):
                await until(lambda: face._client and face._client.is_ready())
                yield DiscordHouse(world, face, heard, guild, channel, ann, eve, skipped)
        finally:
            discord.http.Route.BASE, gateway.DEFAULT_GATEWAY = before


@dataclass(slots=True)
class SlackHouse:
    """Slack with the face connected. Ann (U2) is a trader, Bea (U1) an admin; the channel C1 is allowed."""

    world: SlackSandbox
    face: SlackChat
    heard: Heard
    channel: SlackChannel
    ann: SlackPerson
    bea: SlackPerson
    eve: SlackPerson


def knows(request: Request) -> bool:
    """The crew of these tests."""
    return request.user_id in ("U1", "U2")


@asynccontextmanager
async def slack(chat: Chat, handle: Handle | None = None) -> AsyncIterator[SlackHouse]:
    """Slack, its people, and the face, connected."""
    made: Any = manifest(chat.registry)
    commands = tuple(str(one["command"]) for one in made["features"]["slash_commands"])
    async with SlackSandbox(BOT, APP, chat.clock, Manifest(commands)) as world:
        channel = world.world.add_channel("orders", "C1")
        people = [world.person(name, channel, number=number) for name, number in CREW]
        heard = Heard()
        face = SlackChat(
            SlackSettings(BOT, APP, world.base_url, longest_retry_s=0.2),
            handle or chat.dispatcher.handle,
            chat.registry,
            drawn_by(draw),
            chat.clock,
            heard.place,
            knows,
        )
        async with running(face):
            await world.connected()
            await until(lambda: face._sender)
            yield SlackHouse(world, face, heard, channel, *people)


CREW = (("ann", "U2"), ("bea", "U1"), ("eve", "U666"))


def answering(reply: Reply, heard: list[Request] | None = None) -> Handle:
    """A dispatcher that knows one answer."""

    async def handle(request: Request) -> Reply | None:
        if heard is not None:
            heard.append(request)
        return reply

    return handle


def many_buttons(count: int, stem: str = "/close") -> tuple[Button, ...]:
    """Choices of one thing."""
    return tuple(Button(f"S{i}USDT", f"{stem} S{i}USDT", id=f"{i:032}") for i in range(count))


ASKS = Button("Refuse", "/reject 7", ButtonStyle.DANGER, "a" * 32, "Reason")
HOSTILE = (
    "@everyone",
    "@here",
    "<!here>",
    "<!channel>",
    "<@U666>",
    "<@9>",
    "<@&44>",
    "<#55>",
    "*bold* _it_ ~no~ `code` ||spoiler||",
    "```block```",
    "<b>html</b> &amp; <script>",
    "[x](http://evil.example)",
    "http://evil.example/@everyone",
    "> quote\n# head\n- list",
    "\u202egnp.exe \u2066RTL\u2069",
    "NUL\x00 and \x1b[31m",
    "lone \ud800 surrogate \udfff",
    "🙂" * 50,
    "x" * 10_000,
    "word " * 2_000,
    ":smile: :100:",
    "/panic_close now",
    "",
    " ",
)


def hostile_reply(text: str) -> Reply:
    """A reply with this text everywhere."""
    table = Table((Column(text[:80]), Column("n", "right")), ((text, "1"), ("b", text)))
    buttons = (Button(text, "/status", id="1" * 32), Button("ok", "/status", id="2" * 32))
    return Reply(text, ((text, text), ("size", text)), table, text, buttons=buttons, severity=Severity.TRADE)
