"""Makes the pictures of docs/chat-setup.md from a real desk at the chat emulators: what a person sees, drawn.

Run it from the checkout: .venv/bin/python scripts/chat_pictures.py

The texts, tables, buttons and pictures are what the emulators show; nothing is written here. Time is virtual and the
market is drawn from a seed, so that the same code gives the same bytes.
"""

import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

import chat_discord  # noqa: E402 (beside this file)
import chat_slack  # noqa: E402
import chat_telegram  # noqa: E402
import numpy as np  # noqa: E402
from chat_faces import slept  # noqa: E402
from chat_house import ChatHouse, chat_house, in_virtual_time  # noqa: E402
from whole_house import BAR_MS, START_MS, market  # noqa: E402

from bot.strategy import Frame  # noqa: E402
from sandbox.chat.telegram.nouns import Post  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"
MOST_BYTES = 150_000
PAST, SEEN, BARS = 80, 3, 160
FAKE_KEY = "FAKE" * 8
"""The one-time code key that the picture shows."""

MORE = 'sizing: {mode: risk_usd, value: "20"}\n'
FALLING = MORE + 'limits: {daily_loss_percent: "0.5"}\n'


def walk(symbol: str, start: float, digits: int, seed: int, drift: float) -> Frame:
    """A market that wanders."""
    draw = np.random.default_rng(seed)
    steps = draw.normal(drift, 0.0018, BARS)
    closes = start * np.exp(np.cumsum(steps))
    made = market([round(float(close), digits) for close in closes], symbol, 0.0006)
    volume = 900 * np.exp(draw.normal(0, 0.4, BARS) + 150 * np.abs(steps))
    return replace(made, volume=np.round(volume, 1))


def frames(drift: float = 0.0) -> tuple[Frame, ...]:
    """Two of them."""
    return walk("XRPUSDT", 0.6012, 4, 11, drift), walk("SOLUSDT", 58.1, 2, 5, drift)


def scene(
    name: str, play: Callable[[ChatHouse], Awaitable[None]], more: str = MORE, drift: float = 0.0
) -> None:
    """A desk of its own behind that platform."""

    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with chat_house(Path(folder), name, frames(drift), more, PAST) as house:
                await house.ann.wait(10)
                await house.bars(SEEN)
                await house.ann.wait()
                await play(house)

    in_virtual_time(run, START_MS + (PAST + SEEN) * BAR_MS)


def save(name: str, png: bytes) -> None:
    """Keep a picture; one that is too big ends the script."""
    if len(png) > MOST_BYTES:
        raise SystemExit(f"{name} has {len(png)} bytes, allowed are {MOST_BYTES}")
    (PICTURES / f"chat-{name}.png").write_bytes(png)
    print(f"chat-{name}.png: {len(png)} bytes")


def posts(house: ChatHouse) -> list[Post]:
    """Telegram's messages with Ann, oldest first."""
    found = house.world.people[0].home.posts
    return [found[number] for number in sorted(found)]


def telegram(house: ChatHouse, name: str, shots: list[chat_telegram.Shot]) -> None:
    """A picture of these."""
    bot = house.world.people[0].world.bot.first_name
    save(f"telegram-{name}" if name != "away" else name, chat_telegram.chat(bot, shots))


async def on_telegram(house: ChatHouse) -> None:
    """Status, a close, a chart and a code key."""
    seen = partial(map, chat_telegram.shot)
    await house.ann.say("/status")
    telegram(house, "status", list(seen(posts(house)[-2:])))
    await house.ann.say("/close XRP 50")
    *_, line, card = posts(house)
    asked = [chat_telegram.shot(line), chat_telegram.shot(card, "Confirm")]
    await house.ann.press("Confirm")
    telegram(house, "close", [*asked, chat_telegram.shot(card)])
    await house.ann.say("/chart XRP")
    telegram(house, "chart", list(seen(posts(house)[-2:])))
    if house.house.dispatcher.codes is not None:
        house.house.dispatcher.codes.new_secret = lambda: FAKE_KEY
    await house.ann.say("/totp on")
    telegram(house, "totp", list(seen(posts(house)[-2:])))


async def away(house: ChatHouse) -> None:
    """Lines that came while the desk was down."""
    await house.close()
    before = len(posts(house))
    for line in ("/pause", "/close XRP", "/status"):
        house.world.people[0].says(line)
        await slept(60)
    await slept(600)
    await house.open()
    await house.ann.wait(30)
    shown = [
        post for post in posts(house)[before:] if is_list(post) or post.sender == house.world.people[0].user
    ]
    telegram(house, "away", [chat_telegram.shot(post) for post in shown])


def is_list(post: Post) -> bool:
    """The list itself, not the notices that come at a start, whose order is nobody's."""
    return any(one.kind == "pre" for one in post.text.entities)


async def on_discord(house: ChatHouse) -> None:
    """Status, and a panic close."""
    person = house.world.people[0]
    made = person._interactions.made
    await house.ann.say("/status")
    save("discord-status", chat_discord.chat([chat_discord.shot(person.private.messages[-1], made)]))
    await house.ann.say("/panic_close")
    card = person.private.messages[-1]
    asked = chat_discord.shot(card, made, "Confirm")
    await house.ann.press("Confirm")
    save("discord-panic", chat_discord.chat([asked, chat_discord.shot(card)]))


async def on_slack(house: ChatHouse) -> None:
    """Status, asked for by a word."""
    await house.ann.say("status")
    save("slack-status", chat_slack.chat(slack(house)[-2:]))


async def critical(house: ChatHouse) -> None:
    """The notice that a falling market brings."""
    await house.bars(12)
    await house.ann.wait(30)
    urgent = [one for one in slack(house) if "Acknowledge" in str(one.message.blocks)]
    save("slack-notice", chat_slack.chat(urgent[:1]))


def slack(house: ChatHouse) -> list[chat_slack.Shot]:
    """Slack's messages with Ann, oldest first."""
    person = house.world.people[0]
    users = person._world.users
    return [chat_slack.shot(one, users[one.user_id]) for one in person.private.messages if not one.gone]


if __name__ == "__main__":
    scene("telegram", on_telegram)
    scene("telegram", away)
    scene("discord", on_discord)
    scene("slack", on_slack)
    scene("slack", critical, FALLING, -0.004)
