"""Our Discord face against the sandbox's Discord: offered, asked, answered, confirmed, told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import discord
import pytest
from chat_fakes import Chat
from discord_house import until
from drawings import drawn_by

from bot.domain.notice import Notice, NoticeKind, Severity
from handlers.platforms.discord import DiscordChat, DiscordSettings
from handlers.registry import load_registry
from handlers.render_text import notice_reply
from sandbox.chat.discord import DiscordSandbox, NoAnswer, Person
from sandbox.chat.discord.nouns import Channel

GUILD, CHANNEL = "44", "55"


@dataclass(slots=True)
class House:
    """The sandbox, our face in it, and two people: ann may trade, the stranger may nothing."""

    discord: DiscordSandbox
    platform: DiscordChat
    channel: Channel
    ann: Person
    stranger: Person


@asynccontextmanager
async def connected(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    gateway = discord.gateway.DiscordWebSocket
    monkeypatch.setattr(discord.http.Route, "BASE", discord.http.Route.BASE)
    monkeypatch.setattr(gateway, "DEFAULT_GATEWAY", gateway.DEFAULT_GATEWAY)
    async with DiscordSandbox("fake-token", lambda: chat.clock.now_ms) as sandbox:
        guild = sandbox.world.add_guild("desk", GUILD)
        channel = sandbox.world.add_channel(guild, "orders", number=CHANNEL)
        ann = sandbox.person("ann", guild, number="9")
        stranger = sandbox.person("eve", guild, number="666")
        settings = DiscordSettings("fake-token", (int(GUILD),), sandbox.base_url, sandbox.gateway_url)
        drawing = drawn_by(lambda plot, dark: b"")
        face = DiscordChat(settings, chat.dispatcher.handle, chat.registry, chat.dispatcher.suggest, drawing)
        task = asyncio.create_task(face.run())
        try:
            await until(lambda: face._client and face._client.is_ready())
            yield House(sandbox, face, channel, ann, stranger)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_offered_asked_answered_confirmed_told(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    async with connected(chat, monkeypatch) as house:
        ann, channel = house.ann, house.channel
        assert set(ann.offered(channel)) == {command.name for command in chat.registry}
        ann.slash(channel, "status")
        assert "Status" in (await ann.answer()).text
        ann.slash(channel, "close", {"symbol": "XRPUSDT"})
        card = await ann.answer()
        ann.press(
            channel,
            next(label for label in card.labels if "confirm" in label.lower() or "close" in label.lower()),
        )
        done = await ann.answer()
        assert (done.id, done.edited) == (card.id, True)
        assert any("close" in str(one) for one in chat.desk.done)
        house.stranger.slash(channel, "status")
        with pytest.raises(NoAnswer):
            await house.stranger.answer()
        entry = Notice(NoticeKind.ENTRY, Severity.TRADE, 0, "Long <@9> @everyone")
        await house.platform.say(CHANNEL, notice_reply(entry), False)
        await house.platform.say("9", notice_reply(entry), False)
        assert "Long" in ann.sees(channel)[-1].text
        assert "Long" in ann.sees(ann.private)[-1].text
        assert not any(message.pings for message in house.discord.world.all_messages())
        assert house.discord.calls.holding(b"fake-token") == []


async def test_discord_takes_all_our_commands(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    chat.registry = load_registry()
    async with connected(chat, monkeypatch) as house:
        assert set(house.ann.offered(house.channel)) == {command.name for command in chat.registry}
