"""A sandbox of Discord with a guild, a channel and two people, a bot made with discord.py, and bare requests."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import discord
from aiohttp import ClientSession, ClientWebSocketResponse, FormData
from discord import Interaction, app_commands
from yarl import URL

from sandbox.chat.discord import DiscordRules, DiscordSandbox, Person
from sandbox.chat.discord.nouns import Channel, Guild

TOKEN = "fake-bot-token-of-the-tests"
SOURCE = Path(__file__).read_bytes()
EPOCH_MS = 1_700_000_000_000


@dataclass(slots=True)
class DiscordHouse:
    """The sandbox and who is in it."""

    discord: DiscordSandbox
    guild: Guild
    channel: Channel
    ann: Person
    bob: Person
    session: ClientSession
    skipped: list[float]

    def pass_s(self, seconds: float) -> None:
        """Let time pass on the sandbox's clocks."""
        self.skipped[0] += seconds

    async def ask(self, verb: str, path: str, body: Any = None, **more: Any) -> tuple[int, Any]:
        """A bare request with the bot's token; status and JSON."""
        headers = more.pop("headers", {"Authorization": f"Bot {self.discord.world.token}"})
        how = {"json": body} if body is not None and "data" not in more else {}
        async with self.session.request(
            verb, f"{self.discord.base_url}/{path}", headers=headers, **how, **more
        ) as answer:
            is_json = answer.headers.get("Content-Type") == "application/json"
            return answer.status, await answer.json() if is_json else await answer.text()

    async def send(self, **body: Any) -> tuple[int, Any]:
        """A message into the channel; the five-second bucket is not what is tried here."""
        self.pass_s(6)
        return await self.ask("POST", f"channels/{self.channel.id}/messages", body)

    async def upload(self, body: str, **files: bytes) -> tuple[int, Any]:
        """A multipart message."""
        self.pass_s(6)
        form = FormData({"payload_json": body})
        for place, (name, content) in enumerate(files.items()):
            form.add_field(
                f"files[{place}]", content, filename=f"{name}.bin", content_type="application/octet-stream"
            )
        return await self.ask("POST", f"channels/{self.channel.id}/messages", data=form)

    async def register(self, *commands: dict[str, Any]) -> tuple[int, Any]:
        """Slash commands of the guild."""
        self.pass_s(60)
        path = f"applications/{self.discord.world.application_id}/guilds/{self.guild.id}/commands"
        return await self.ask("PUT", path, list(commands))


@asynccontextmanager
async def discord_house(rules: DiscordRules | None = None) -> AsyncIterator[DiscordHouse]:
    """Up and running, without a bot; the clocks are the loop's, plus what was skipped."""
    loop, skipped = asyncio.get_running_loop(), [0.0]

    def seconds() -> float:
        return loop.time() + skipped[0]

    sandbox = DiscordSandbox(TOKEN, lambda: EPOCH_MS + int(seconds() * 1000), rules, seconds)
    async with sandbox, ClientSession() as session:
        guild = sandbox.world.add_guild("desk")
        channel = sandbox.world.add_channel(guild, "orders")
        ann, bob = sandbox.person("ann", guild), sandbox.person("bob", guild)
        yield DiscordHouse(sandbox, guild, channel, ann, bob, session, skipped)


@asynccontextmanager
async def pointed(sandbox: DiscordSandbox) -> AsyncIterator[None]:
    """The library dials the sandbox."""
    gateway = discord.gateway.DiscordWebSocket
    before = discord.http.Route.BASE, gateway.DEFAULT_GATEWAY
    discord.http.Route.BASE = sandbox.base_url
    gateway.DEFAULT_GATEWAY = URL(sandbox.gateway_url)
    try:
        yield
    finally:
        discord.http.Route.BASE, gateway.DEFAULT_GATEWAY = before


class Bot(discord.Client):
    """Greets, waits, completes, asks by a form, and counts. `heard` is every command it got."""

    def __init__(self, guild: Guild) -> None:
        super().__init__(intents=discord.Intents(guilds=True))
        self.tree: app_commands.CommandTree[Any] = app_commands.CommandTree(self)
        self.home = discord.Object(int(guild.id))
        self.heard: list[str] = []
        self.late_s = 0.0
        for one in (greet, slow, form, card, late):
            self.tree.add_command(one, guild=self.home)

    async def setup_hook(self) -> None:
        await self.tree.sync(guild=self.home)


def bot_of(interaction: Interaction) -> Bot:
    client = interaction.client
    assert isinstance(client, Bot)
    client.heard.append(
        str((interaction.data or {}).get("name") or (interaction.data or {}).get("custom_id"))
    )
    return client


async def symbols(interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
    return [
        app_commands.Choice(name=one, value=one) for one in ("BTCUSDT", "XRPUSDT") if typed.upper() in one
    ]


@app_commands.command(description="says hello")
@app_commands.autocomplete(name=symbols)
async def greet(interaction: Interaction, name: str, times: app_commands.Range[int, 1, 3] = 1) -> None:
    bot_of(interaction)
    await interaction.response.send_message(f"hello {name} " * times, ephemeral=True)


@app_commands.command(description="thinks first")
async def slow(interaction: Interaction) -> None:
    bot_of(interaction)
    await interaction.response.defer(ephemeral=True, thinking=True)
    await asyncio.sleep(4)
    await interaction.followup.send("done")
    await interaction.followup.send("and more", ephemeral=True)


@app_commands.command(description="answers too late")
async def late(interaction: Interaction) -> None:
    client = bot_of(interaction)
    await asyncio.sleep(client.late_s)
    try:
        await interaction.response.send_message("too late")
    except discord.NotFound as error:
        client.heard.append(f"{error.status} {error.code}")


class Reason(discord.ui.Modal, title="Why"):
    reason: discord.ui.TextInput["Reason"] = discord.ui.TextInput(label="Reason", max_length=20)

    async def on_submit(self, interaction: Interaction) -> None:
        bot_of(interaction)
        await interaction.response.send_message(f"because {self.reason.value}")


@app_commands.command(description="asks by a form")
async def form(interaction: Interaction) -> None:
    bot_of(interaction)
    await interaction.response.send_modal(Reason())


class Counter(discord.ui.View):
    def __init__(self) -> None:
        super().__init__(timeout=None)
        self.count = 0

    @discord.ui.button(label="More", custom_id="more")
    async def more(self, interaction: Interaction, button: Any) -> None:
        bot_of(interaction)
        self.count += 1
        await interaction.response.edit_message(content=f"count {self.count}")

    @discord.ui.button(label="Later", custom_id="later")
    async def later(self, interaction: Interaction, button: Any) -> None:
        bot_of(interaction)
        await interaction.response.defer()
        await asyncio.sleep(1)
        await interaction.edit_original_response(content="later", embed=discord.Embed(title="It is"))


@app_commands.command(description="a card with buttons")
async def card(interaction: Interaction) -> None:
    bot_of(interaction)
    picture = discord.File(__file__, filename="a.png")
    await interaction.response.send_message("count 0", view=Counter(), file=picture)


@asynccontextmanager
async def running(house: DiscordHouse) -> AsyncIterator[Bot]:
    """discord.py's client, logged in; it is closed at the end."""
    bot = Bot(house.guild)
    async with pointed(house.discord):
        task = asyncio.create_task(bot.start(TOKEN))
        try:
            await until(lambda: bot.is_ready() or task.done())
            yield bot
        finally:
            await bot.close()
            await asyncio.gather(task, return_exceptions=True)


async def until(holds: Callable[[], object], timeout_s: float = 60) -> None:
    async with asyncio.timeout(timeout_s):
        while not holds():  # noqa: ASYNC110 (the library has no bell)
            await asyncio.sleep(0.01)


class Socket:
    """A bare connection to the gateway."""

    def __init__(self, wire: ClientWebSocketResponse) -> None:
        self.wire = wire
        self.frames: list[dict[str, Any]] = []

    async def next(self, *ops: int) -> dict[str, Any]:
        """The next frame, of these operations if any are named."""
        while True:
            frame: dict[str, Any] = await asyncio.wait_for(self.wire.receive_json(), 60)
            self.frames.append(frame)
            if not ops or frame["op"] in ops:
                return frame

    async def event(self, name: str) -> Any:
        """The body of the next event of that name."""
        while (frame := await self.next(0))["t"] != name:
            pass
        return frame["d"]

    async def say(self, op: int, body: Any = None) -> None:
        await self.wire.send_json({"op": op, "d": body})

    async def identify(self, token: str = TOKEN, intents: int = 1, **more: Any) -> None:
        await self.say(2, {"token": token, "intents": intents, "properties": {}, **more})

    async def closed(self) -> int | None:
        """The code it is closed with."""
        async with asyncio.timeout(60):
            async for _ in self.wire:
                pass
        return self.wire.close_code


@asynccontextmanager
async def socket(
    house: DiscordHouse, url: str = "", query: str = "v=10&encoding=json"
) -> AsyncIterator[Socket]:
    async with house.session.ws_connect(f"{url or house.discord.gateway_url}?{query}") as wire:
        yield Socket(wire)
