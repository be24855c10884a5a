"""The whole desk with its real Telegram, Discord and Slack faces, each at its emulator, in one loop.

    async with attack_house(tmp_path, [market(CALM)]) as house:
        said = house.ann.says("/status")
        seen = await house.ann.answer(said)

Ann is a trader and Bea an admin everywhere, Eve is a stranger. Nothing steps the market but `house.bars(n)`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path
from typing import Any

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
from whole_house import BAR_MS, console_of, plan_of, written

from bot.config import load_text
from bot.domain.notice import Notice, NoticeKind, Severity
from bot.engine.reading import dump
from bot.runtime.clock import MarketClock, WallClock
from bot.strategy import Frame
from cli.jobs import raise_notice
from cli.live import Running, open_front
from cli.platforms import begin_platforms
from cli.wiring import Blueprint, House, open_house
from handlers.platforms.console import ConsoleChat
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

TIMERS_S = 1.0
ALL = ("telegram", "discord", "slack")
CALM = [0.6012 + 0.0001 * (i % 2) for i in range(40)]
PEOPLE = """
chat:
  users:
    telegram:1: admin
    telegram:2: trader
    telegram:3: viewer
    discord:8: admin
    discord:9: trader
    slack:U1: admin
    slack:U2: trader
  rate_per_minute: 600
  rate_burst: 100
  telegram: {{chats: ["-100"], enabled: {telegram}, api_url: "{telegram_url}"}}
  discord: {{guilds: ["44"], enabled: {discord}, api_url: "{discord_url}"}}
  slack: {{channels: ["C1"], enabled: {slack}, api_url: "{slack_url}"}}
"""


@dataclass(slots=True)
class Telegram:
    """Telegram with its people; the group -100 is allowed, -300 is not."""

    box: TelegramSandbox
    ann: TelegramPerson
    bea: TelegramPerson
    vic: TelegramPerson
    eve: TelegramPerson
    group: Room
    strange: Room


@dataclass(slots=True)
class Discord:
    """Discord with its people; guild 44 is allowed."""

    box: DiscordSandbox
    guild: Guild
    channel: DiscordChannel
    ann: DiscordPerson
    bea: DiscordPerson
    eve: DiscordPerson
    skipped: list[float]


@dataclass(slots=True)
class Slack:
    """Slack with its people; channel C1 is allowed."""

    box: SlackSandbox
    channel: SlackChannel
    ann: SlackPerson
    bea: SlackPerson
    eve: SlackPerson


@dataclass(slots=True)
class AttackHouse:
    """The desk, its platforms and its console. `screen` is what the console has shown."""

    running: Running
    telegram: Telegram
    discord: Discord
    slack: Slack
    console: ConsoleChat
    screen: StringIO
    faces: Mapping[str, Any] = field(default_factory=dict)

    @property
    def house(self) -> House:
        """What runs."""
        return self.running.house

    def state(self) -> dict[str, object]:
        """All of the trading state, and how many orders were ever made."""
        state = self.house.engine.state
        return {**dump(state), "orders": state.order_count, "alerts": str(state.alerts)}

    async def bars(self, count: int = 1) -> None:
        """Let bars pass."""
        for _ in range(count):
            await self.house.step()

    async def type(self, line: str) -> str:
        """A line at the console; what it showed."""
        before = len(self.screen.getvalue())
        await self.console._enter(line)
        return self.screen.getvalue()[before:]

    async def tell(
        self,
        title: str,
        severity: Severity = Severity.CRITICAL,
        kind: NoticeKind = NoticeKind.STORAGE,
        **more: Any,
    ) -> None:
        """A notice by the house itself."""
        made = Notice(kind, severity, self.house.now_ms(), title, **more)
        await raise_notice(self.house, made)

    def heads(self, platform: str) -> list[str]:
        """The first lines of what Ann was told in private on a platform, oldest first."""
        match platform:
            case "telegram":
                texts = [seen.text for seen in self.telegram.ann.sees() if seen.by_bot]
            case "discord":
                texts = [seen.text for seen in self.discord.ann.sees(self.discord.ann.private)]
            case _:
                texts = [seen.text for seen in self.slack.ann.sees(self.slack.ann.private)]
        return [text.strip().splitlines()[0] if text.strip() else "" for text in texts]

    def box(self, platform: str) -> Any:
        """The emulator of a platform."""
        return {"telegram": self.telegram, "discord": self.discord, "slack": self.slack}[platform].box

    async def connected(self, platform: str, timeout_s: float = 400) -> None:
        """Wait until a face is connected."""
        face = self.faces[platform]
        await until(lambda: is_up(face), timeout_s)


@asynccontextmanager
async def telegram_world(wall_ms: Callable[[], int]) -> AsyncIterator[Telegram]:
    """Telegram with everybody."""
    async with TelegramSandbox(wall_ms, TELEGRAM_TOKEN) as box:
        people = box.people
        bea, ann = people.person(1, "Bea", "bea"), people.person(2, "Ann", "ann")
        vic, eve = people.person(3, "Vic", "vic"), people.person(666, "Eve", "eve")
        group, strange = people.supergroup(-100, "crew"), people.supergroup(-300, "elsewhere")
        yield Telegram(box, ann, bea, vic, eve, group, strange)


@asynccontextmanager
async def discord_world(wall_ms: Callable[[], int], rules: DiscordRules | None) -> AsyncIterator[Discord]:
    """Discord with everybody; the library's addresses are put back at the end."""
    loop, skipped = asyncio.get_running_loop(), [0.0]
    made = DiscordSandbox(DISCORD_TOKEN, wall_ms, rules, lambda: loop.time() + skipped[0])
    with discord_addresses():
        async with made as box:
            guild = box.world.add_guild("desk", "44")
            channel = box.world.add_channel(guild, "orders", number="55")
            bea, ann = box.person("bea", guild, number="8"), box.person("ann", guild, number="9")
            yield Discord(box, guild, channel, ann, bea, box.person("eve", guild, number="666"), skipped)


@asynccontextmanager
async def slack_world(wall_ms: Callable[[], int]) -> AsyncIterator[Slack]:
    """Slack with everybody."""
    async with SlackSandbox(SLACK_BOT, SLACK_APP, wall_ms, Manifest(slash_commands())) as box:
        channel = box.world.add_channel("orders", "C1")
        people = [box.person(name, channel, number=number) for name, number in CREW]
        yield Slack(box, channel, *people)


CREW = (("ann", "U2"), ("bea", "U1"), ("eve", "U666"))


def config_of(worlds: tuple[Telegram, Discord, Slack], on: Sequence[str]) -> str:
    """The chat's part of the configuration."""
    telegram, discord_, slack = worlds
    return PEOPLE.format(
        **{name: str(name in on).lower() for name in ALL},
        telegram_url=telegram.box.base_url.removesuffix("/bot"),
        discord_url=discord_.box.base_url,
        slack_url=slack.box.base_url.removesuffix("/"),
    )


def blueprint(
    home: Path, frames: Sequence[Frame], config: str, environ: Mapping[str, str], history: int
) -> Blueprint:
    """As `whole_house` builds it, with tokens, and with the wall's clock for people."""
    text = f"{written(home, frames)}{config}"
    plan = plan_of(home, frames, text, history)
    wall = WallClock().wall_ms
    return replace(plan, loaded=load_text(text, home, environ), wall_ms=wall, started_at_ms=wall())


TOKENS = {
    "TELEGRAM_TOKEN": TELEGRAM_TOKEN,
    "DISCORD_TOKEN": DISCORD_TOKEN,
    "SLACK_TOKEN": SLACK_BOT,
    "SLACK_APP_TOKEN": SLACK_APP,
}


@dataclass(frozen=True, slots=True)
class Ways:
    """How a house is set up. `on` are the platforms that run; `broken`: emulators that are down from the start."""

    on: Sequence[str] = ALL
    broken: Sequence[str] = ()
    config: str = ""
    environ: Callable[["Worlds"], Mapping[str, str]] = lambda worlds: TOKENS
    history: int = 1
    rules: DiscordRules | None = None
    bars: int = 0
    plan: Callable[[Blueprint], Blueprint] = lambda plan: plan


type Worlds = tuple[Telegram, Discord, Slack]


@asynccontextmanager
async def worlds(rules: DiscordRules | None = None) -> AsyncIterator[Worlds]:
    """The three emulators; they outlive a desk."""
    wall_ms = WallClock().wall_ms
    async with AsyncExitStack() as stack:
        telegram = await stack.enter_async_context(telegram_world(wall_ms))
        discord_ = await stack.enter_async_context(discord_world(wall_ms, rules))
        yield telegram, discord_, await stack.enter_async_context(slack_world(wall_ms))


@asynccontextmanager
async def attack_house(
    home: Path, frames: Sequence[Frame], ways: Ways | None = None, among: Worlds | None = None
) -> AsyncIterator[AttackHouse]:
    """Everything up and connected, in new worlds or `among` some that are there."""
    ways = ways or Ways()
    async with AsyncExitStack() as stack:
        there = among or await stack.enter_async_context(worlds(ways.rules))
        plan = ways.plan(
            blueprint(
                home, frames, config_of(there, ways.on) + ways.config, ways.environ(there), ways.history
            )
        )
        house = await stack.enter_async_context(open_house(plan))
        running = Running(house, MarketClock.for_bars(house.now_ms(), BAR_MS, 1, paused=True))
        out = StringIO()
        console = console_of(running, home, out)
        made = AttackHouse(running, *there, console, out)
        for name in ways.broken:
            made.box(name).troubles.down()
        for _ in range(ways.bars):
            await house.step()
        running.begin("timers", _timers(house))
        open_front(running)
        begin_platforms(running)
        made.faces = {speaker.platform: speaker for speaker, _ in running.speakers if speaker.platform in ALL}
        living = asyncio.create_task(running.until_stopped())
        try:
            for name in made.faces:
                if name not in ways.broken:
                    await made.connected(name)
            yield made
        finally:
            running.stop()
            with suppress(asyncio.CancelledError):
                await living


async def _timers(house: House) -> None:
    """The engine's timers, less often than in a real run: virtual hours are to pass quickly."""
    while True:
        await asyncio.sleep(TIMERS_S)
        house.timers.fire(house.now_ms())
