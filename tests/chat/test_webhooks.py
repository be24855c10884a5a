"""Webhooks against servers on loopback, with the real libraries: words only, no mentions, addresses never shown."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from chat_fakes import MemoryPreferences
from discord.http import Route
from notice_kit import Post, critical, notice
from virtual_loop import run_virtually

from bot.domain.errors import ConfigError
from bot.domain.notice import NoticeKind, Severity
from bot.runtime.wishes import Wishes
from handlers.notices import Courier
from handlers.platforms.webhooks import (
    DISCORD_LENGTH,
    SLACK_LENGTH,
    DiscordWebhook,
    SlackWebhook,
    discord_texts,
    recipient,
    slack_texts,
)
from handlers.reply import Reply
from handlers.speaker import PlatformDown

SECRET = "fake-secret-" + "x" * 60
HOSTILE = "@everyone <!channel> <@U1> `x` *b* [a](b) & <https://x>"


class Hook:
    """A server that keeps what it was sent; `answers` are statuses for the next requests."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.address = ""

    async def post(self, request: web.Request) -> web.Response:
        status, headers = self.answers.pop(0) if self.answers else (200, {})
        if status == 200:
            self.bodies.append(json.loads(await request.text()))
        if "/webhooks/" in request.path:
            user = {"id": "1", "username": "hook", "discriminator": "0000", "avatar": None}
            body = {
                "id": "5", "channel_id": "6", "author": user, "content": "", "edited_timestamp": None, "tts": False,
                "timestamp": "2026-01-01T00:00:00+00:00", "mention_everyone": False, "mentions": [], "type": 0,
                "mention_roles": [], "attachments": [], "embeds": [], "pinned": False,
            }  # fmt: skip
            answer = body if status == 200 else {"message": "no", "code": 10015}
            headers = {"Content-Type": "application/json"}
            return web.Response(body=json.dumps(answer).encode(), status=status, headers=headers)
        return web.Response(text="ok" if status == 200 else "no_service", status=status, headers=headers)


@asynccontextmanager
async def hook() -> AsyncIterator[Hook]:
    found = Hook()
    app = web.Application()
    app.router.add_post("/{tail:.*}", found.post)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield found
    finally:
        await runner.cleanup()


def slack(server: Hook) -> SlackWebhook:
    return SlackWebhook(f"{server.address}/services/{SECRET}")


def discord(server: Hook, monkeypatch: pytest.MonkeyPatch) -> DiscordWebhook:
    monkeypatch.setattr(Route, "BASE", server.address)
    return DiscordWebhook(f"https://discord.com/api/webhooks/12345678901234567/{SECRET}")


async def test_slack_gets_words_that_mention_nobody() -> None:
    async with hook() as server:
        await slack(server).say("notices", Reply(HOSTILE, (("Why", HOSTILE),)))
    (body,) = server.bodies
    assert "<" not in body["text"]
    assert body["text"].startswith("*@everyone &lt;!channel&gt;")


async def test_discord_gets_words_that_mention_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    async with hook() as server:
        await discord(server, monkeypatch).say("notices", Reply(HOSTILE, (("Why", HOSTILE),)), silent=True)
    (body,) = server.bodies
    assert body["allowed_mentions"]["parse"] == []
    assert "@everyone" not in body["content"]
    assert body["flags"] == 4096


@pytest.mark.parametrize("texts,most", [(slack_texts, SLACK_LENGTH), (discord_texts, DISCORD_LENGTH)])
def test_long_ones_come_in_several_messages_and_nothing_is_cut(texts: Any, most: int) -> None:
    fields = tuple((f"label {i}", "word & " * 40) for i in range(100))
    pages = list(texts(Reply("t" * 5000, fields)))
    assert all(len(page) <= 4000 if most == SLACK_LENGTH else len(page) <= 2000 for page in pages)
    joined = "".join(pages)
    assert joined.count("word") == 4000
    assert joined.count("t" * 100) >= 45
    assert all(page.count("```") % 2 == 0 for page in pages)


@pytest.mark.parametrize("status,wait", [(429, 7), (500, 0), (503, 0)])
async def test_what_may_pass_is_an_outage(status: int, wait: float) -> None:
    async with hook() as server:
        server.answers = [(status, {"Retry-After": "7"})]
        with pytest.raises(PlatformDown) as down:
            await slack(server).say("notices", Reply("a"))
        assert down.value.retry_after_s == wait


def test_discord_that_is_broken_for_longer_than_its_library_tries_is_an_outage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def work() -> None:
        async with hook() as server:
            server.answers = [(503, {})] * 9
            with pytest.raises(PlatformDown):
                await discord(server, monkeypatch).say("notices", Reply("a"))

    run_virtually(work, 1_700_000_000_000)


async def test_a_server_that_is_gone_is_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    async with hook() as server:
        one, other = slack(server), discord(server, monkeypatch)
    for webhook in (one, other):
        with pytest.raises(PlatformDown) as down:
            await webhook.say("notices", Reply("a"))
        assert SECRET not in str(down.value)


async def test_what_is_refused_for_good_is_logged_without_the_address(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with hook() as server:
        server.answers = [(404, {}), (404, {})]
        await slack(server).say("notices", Reply("a"))
        await discord(server, monkeypatch).say("notices", Reply("a"))
    assert "Slack's webhook refuses a notice: HTTP 404 no_service" in caplog.text
    assert "Discord's webhook refuses a notice: HTTP 404, code 10015" in caplog.text
    assert SECRET not in caplog.text


def test_a_wrong_address_is_one_line_that_does_not_show_it() -> None:
    for make in (SlackWebhook, DiscordWebhook):
        with pytest.raises(ConfigError) as wrong:
            make(f"ftp://{SECRET}")
        assert SECRET not in str(wrong.value)


async def test_a_webhook_hears_what_is_for_everybody_as_the_configuration_wishes() -> None:
    async with hook() as server:
        post = Post([
            notice("in"), notice("out", NoticeKind.EXIT), notice("mine", NoticeKind.ALERT, to="telegram:1"),
            critical("fire"), notice("day", NoticeKind.DIGEST, Severity.INFO),
        ])  # fmt: skip
        post.office.preferences = Wishes(MemoryPreferences(), off=["exit"], quiet=[])
        webhook = slack(server)
        courier = Courier(webhook, lambda: (recipient(webhook),), post.office)
        assert await asyncio.wait_for(courier.deliver(), 60) == 3
    assert [body["text"].split("\n")[0] for body in server.bodies] == ["*!! fire*", "*in*", "*day*"]
