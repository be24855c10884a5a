"""slack-bolt in Socket Mode against the sandbox: what people do reaches the app, and what it answers they see."""

import asyncio
from typing import Any

import pytest
from slack_house import APP, BOT, EPOCH_MS, running, slack_house
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient
from virtual_loop import run_virtually, virtually

from sandbox.chat.slack import Impossible, NoAnswer
from sandbox.chat.troubles import Trouble


async def test_commands_and_what_only_one_sees() -> None:
    async with slack_house() as house, running(house) as bot:
        house.ann.command(house.channel, "/quiet")
        seen = await house.ann.answer()
        assert (seen.text, seen.ephemeral) == ("at once", True)
        house.ann.command(house.channel, "/status", "XRP <b>")
        assert (await house.ann.answer()).text == "status of XRP <b>"
        assert [one.text for one in house.ann.sees(house.channel)] == ["at once", "status of XRP <b>"]
        assert [one.text for one in house.bob.sees(house.channel)] == ["status of XRP <b>"]
        assert bot.heard == ["/status XRP &lt;b&gt;"]
        with pytest.raises(Impossible):
            house.ann.command(house.channel, "/unknown")
        with pytest.raises(Impossible):
            house.bob.command(house.ann.private, "/status")


async def test_buttons_change_their_message_or_answer_one_person() -> None:
    async with slack_house() as house, running(house):
        house.ann.command(house.channel, "/card")
        card = await house.ann.answer()
        assert (card.text, card.labels) == ("count *0*", ("More", "Own"))
        house.bob.press(house.channel, "Own")
        assert ((await house.bob.answer()).text, (await house.bob.answer()).ephemeral) == (
            "only for you",
            True,
        )
        house.bob.press(house.channel, "More")
        changed = await house.bob.answer()
        assert (changed.ts, changed.text, changed.edited, changed.labels) == (
            card.ts,
            "count 1",
            True,
            ("More",),
        )
        with pytest.raises(Impossible):
            house.ann.press(house.channel, "Own")
        assert len(house.ann.sees(house.channel)) == 1


@virtually
async def test_a_modal_is_opened_filled_in_and_sent() -> None:
    async with slack_house() as house, running(house):
        house.ann.command(house.channel, "/form")
        opened = await house.ann.answer()
        assert (opened.text, opened.is_modal) == ("Why\nReason", True)
        for wrong in ({}, {"Reason": "x" * 21}, {"Other": "x"}):
            with pytest.raises(Impossible):
                house.ann.submit(wrong)
        house.ann.submit({"Reason": "none"})
        assert "give one" in (await house.ann.answer()).text
        assert house.ann.modal is not None
        house.ann.submit({"Reason": "rain"})
        assert (await house.ann.answer()).text == "because rain"
        await asyncio.sleep(0.1)
        assert house.ann.modal is None


@virtually
async def test_mentions_and_private_messages() -> None:
    async with slack_house() as house, running(house) as bot:
        house.ann.says(house.channel, "nobody is meant")
        house.ann.mention(house.channel, "status")
        assert (await house.ann.answer()).text == "you called"
        said = house.ann.dm("hello")
        assert (await house.ann.answer()).text == "heard hello"
        house.ann.edits(said, "changed")
        await asyncio.sleep(0.1)
        assert bot.heard == ["<@U0BOT> status", "dm hello", "message_changed None"]


def test_three_seconds_to_acknowledge() -> None:
    async def work() -> None:
        async with slack_house() as house, running(house) as bot:
            bot.late_s = 2.9
            house.ann.command(house.channel, "/late")
            assert (await house.ann.answer()).text == "late"
            bot.late_s = 3.1
            house.ann.command(house.channel, "/late")
            with pytest.raises(NoAnswer, match="operation_timeout"):
                await house.ann.answer()
            await asyncio.sleep(1)
            assert [one.payload["command"] for one in house.ann.failures] == ["/late"]
            assert len(house.ann.sees(house.channel)) == 1
            house.ann.command(house.channel, "/form")
            with pytest.raises(NoAnswer, match="within 10"):
                await house.ann.answer()
            assert house.slack.calls.of("views.open")
            assert house.ann.modal is None

    run_virtually(work, EPOCH_MS)


async def test_without_an_app_a_command_fails_at_once() -> None:
    async with slack_house() as house:
        house.ann.command(house.channel, "/status")
        with pytest.raises(NoAnswer, match="dispatch_failed"):
            await house.ann.answer()


def test_a_refresh_opens_another_connection_and_nothing_is_lost() -> None:
    async def work() -> None:
        async with slack_house() as house, running(house):
            house.slack.mode.refresh()
            house.ann.command(house.channel, "/status", "a")
            assert (await house.ann.answer()).text == "status of a"
            await asyncio.sleep(15)
            assert house.slack.mode.opened == 2
            house.slack.mode.drop()
            await asyncio.sleep(15)
            assert len(house.slack.mode.links) == 1
            house.ann.command(house.channel, "/status", "b")
            assert (await house.ann.answer()).text == "status of b"

    run_virtually(work, EPOCH_MS)


def test_a_quiet_day_stays_connected_and_an_outage_ends() -> None:
    async def work() -> None:
        async with slack_house() as house, running(house):
            await asyncio.sleep(6 * 3600)
            assert house.slack.mode.opened == 1
            house.slack.troubles.down()
            await asyncio.sleep(1800)
            house.slack.troubles.up()
            assert await house.slack.connected(600)
            house.ann.command(house.channel, "/status", "c")
            assert (await house.ann.answer()).text == "status of c"

    run_virtually(work, EPOCH_MS)


def test_events_that_are_not_acknowledged_come_again() -> None:
    async def work() -> None:
        async with slack_house() as house:
            house.ann.dm("hello")
            await asyncio.sleep(30)
            async with running(house) as bot:
                assert (await house.ann.answer(600)).text == "heard hello"
                await asyncio.sleep(600)
                assert bot.heard == ["dm hello"]
            attempts = [one.attempt for one in house.slack.mode.envelopes]
            assert attempts == [0, 1, 2]

    run_virtually(work, EPOCH_MS)


async def test_files_by_the_library() -> None:
    async with slack_house() as house:
        client = AsyncWebClient(BOT, base_url=house.slack.base_url)
        content = bytes(range(256)) * 40
        uploads: list[dict[str, Any]] = [
            {"filename": "equity.png", "content": content},
            {"filename": "trades.csv", "content": "a,b"},
        ]
        await client.files_upload_v2(
            file_uploads=uploads, channel=house.channel.id, initial_comment="the day"
        )
        seen = house.ann.sees(house.channel)[0]
        assert (seen.text, seen.files) == ("the day", {"equity.png": content, "trades.csv": b"a,b"})


def test_limits_are_told_and_the_library_waits_when_it_is_made_to() -> None:
    async def work() -> None:
        async with slack_house() as house:
            client = AsyncWebClient(BOT, base_url=house.slack.base_url)
            for number in range(3):
                await client.chat_postMessage(channel=house.channel.id, text=f"{number}")
            with pytest.raises(SlackApiError) as caught:
                await client.chat_postMessage(channel=house.channel.id, text="4")
            assert caught.value.response.status_code == 429
            assert caught.value.response.headers["Retry-After"] == "1"
            client.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=3))
            began = asyncio.get_running_loop().time()
            for number in range(5):
                await client.chat_postMessage(channel=house.channel.id, text=f"patient {number}")
            assert asyncio.get_running_loop().time() - began >= 4
            assert len(house.ann.sees(house.channel)) == 8

    run_virtually(work, EPOCH_MS)


async def test_webhooks_by_the_library() -> None:
    async with slack_house() as house:
        hook = AsyncWebhookClient(house.slack.webhook_url(house.channel))
        answer = await hook.send(text="<!channel> look")
        assert (answer.status_code, answer.body) == (200, "ok")
        assert [one.pings for one in house.slack.world.all_messages()] == [("!channel",)]
        assert (await hook.send(blocks=[])).body == "no_text"


async def test_troubles_and_secrets() -> None:
    async with slack_house() as house, running(house):
        house.slack.troubles.arm(Trouble("chat.postMessage", status=503, description="service_unavailable"))
        client = AsyncWebClient(BOT, base_url=house.slack.base_url)
        with pytest.raises(SlackApiError):
            await client.chat_postMessage(channel=house.channel.id, text="x")
        assert house.ann.sees(house.channel) == []
        house.slack.troubles.arm(Trouble("chat.postMessage", cut=True, done=True))
        await client.chat_postMessage(channel=house.channel.id, text="unknown")
        assert [one.text for one in house.ann.sees(house.channel)] == [
            "unknown"
        ] * 2  # the library asks again
        assert {"apps.connections.open", "link"} <= set(house.slack.calls.methods())
        for secret in (BOT, APP, "sandbox-ticket"):
            assert house.slack.calls.holding(secret.encode()) == []
