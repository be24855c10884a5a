"""What the houses of the tests have in common: tokens, the platforms' addresses, waiting, virtual time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import discord
from virtual_loop import run_virtually
from whole_house import BAR_MS, START_MS

from handlers.platforms.slack import manifest
from handlers.registry import load_registry

TELEGRAM_TOKEN = "123456:a-test-token-of-the-sandbox"
DISCORD_TOKEN, SLACK_BOT, SLACK_APP = (
    "fake-bot-token-of-the-tests",
    "xoxb-fake-of-tests",
    "xapp-fake-of-tests",
)


@contextmanager
def discord_addresses() -> Iterator[None]:
    """The library's addresses are put back at the end."""
    gateway = discord.gateway.DiscordWebSocket
    before = discord.http.Route.BASE, gateway.DEFAULT_GATEWAY
    try:
        yield
    finally:
        discord.http.Route.BASE, gateway.DEFAULT_GATEWAY = before


def slash_commands() -> tuple[str, ...]:
    """What Slack's app has registered."""
    made: Any = manifest(load_registry())
    return tuple(str(one["command"]) for one in made["features"]["slash_commands"])


def is_up(face: Any) -> bool:
    """Whether a face says that it is connected."""
    match face.platform:
        case "telegram":
            return face._bot is not None
        case "discord":
            return face._client is not None and face._client.is_ready()
        case _:
            return face._sender is not None


async def until(holds: Callable[[], object], timeout_s: float = 60, step_s: float = 0.05) -> None:
    """Wait for something that rings no bell."""
    async with asyncio.timeout(timeout_s):
        while not holds():  # noqa: ASYNC110 (the libraries have no bell)
            await asyncio.sleep(step_s)


def in_virtual_time(play: Callable[[], Awaitable[None]], start_ms: int = START_MS + BAR_MS) -> None:
    """Run a play on a clock that jumps."""
    run_virtually(play, start_ms)
