"""Our Slack face against the sandbox's Slack: asked by command, mention and in private, confirmed, told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from chat_fakes import START_MS, Chat
from drawings import drawn_by

from bot.domain.notice import Notice, NoticeKind, Severity
from handlers.platforms.slack import SlackChat, SlackSettings, manifest
from handlers.registry import load_registry
from handlers.render_text import notice_reply
from sandbox.chat.slack import Manifest, NoAnswer, Person, SlackSandbox
from sandbox.chat.slack.nouns import Channel

BOT, APP = "xoxb-fake-of-the-tests", "xapp-fake-of-the-tests"


@dataclass(slots=True)
class House:
    """The sandbox, our face in it, and two people: ann may trade, the stranger may nothing."""

    slack: SlackSandbox
    platform: SlackChat
    channel: Channel
    ann: Person
    stranger: Person


@asynccontextmanager
async def connected(chat: Chat) -> AsyncIterator[House]:
    told = Manifest.read(manifest(chat.registry))
    loop = asyncio.get_running_loop()
    began = loop.time()

    def wall_ms() -> int:
        chat.clock.now_ms = START_MS + int((loop.time() - began) * 1000)
        return chat.clock.now_ms

    async with SlackSandbox(BOT, APP, wall_ms, told) as slack:
        channel = slack.world.add_channel("orders", "C1")
        ann, stranger = slack.person("ann", channel, number="U2"), slack.person("eve", channel, number="U666")
        settings = SlackSettings(BOT, APP, slack.base_url)
        face = SlackChat(
            settings, chat.dispatcher.handle, chat.registry, drawn_by(lambda plot, dark: b""), wall_ms
        )
        task = asyncio.create_task(face.run())
        try:
            assert await slack.connected()
            await asyncio.sleep(0.1)
            yield House(slack, face, channel, ann, stranger)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_asked_answered_confirmed_told(chat: Chat) -> None:
    async with connected(chat) as house:
        ann, channel = house.ann, house.channel
        ann.command(channel, "/qd-status")
        assert "Status" in (await ann.answer()).text
        ann.mention(channel, "status")
        assert "Status" in (await ann.answer()).text
        ann.dm("status")
        assert "Status" in (await ann.answer()).text
        ann.command(channel, "/quarterdeck", "close XRPUSDT")
        card = await ann.answer()
        ann.press(channel, card.labels[0])
        assert (await ann.answer()).ts == card.ts
        assert any("close" in str(one) for one in chat.desk.done)
        before = len(house.slack.world.changes)
        house.stranger.command(channel, "/qd-status")
        with pytest.raises(NoAnswer):
            await house.stranger.answer(0.5)
        assert len(house.slack.world.changes) == before
        entry = Notice(NoticeKind.ENTRY, Severity.TRADE, 0, "Long <!channel> <@U2>")
        await house.platform.say("C1", notice_reply(entry), False)
        await house.platform.say("U2", notice_reply(entry), False)
        assert "Long" in ann.sees(channel)[-1].text
        assert "Long" in ann.sees(ann.private)[-1].text
        assert not any(message.pings for message in house.slack.world.all_messages())
        assert house.slack.calls.holding(BOT.encode()) == []
        assert house.ann.failures == []


def test_slack_takes_our_manifest() -> None:
    found = Manifest.read(manifest(load_registry()))
    assert "/quarterdeck" in found.commands
    with pytest.raises(ValueError, match="invalid_manifest"):
        Manifest(tuple(f"/c{n}" for n in range(51)))
    for wrong in (("/A",), ("a",), ("/a b",), ("/a", "/a"), ("/" + "x" * 32,)):
        with pytest.raises(ValueError, match="invalid_manifest"):
            Manifest(wrong)
