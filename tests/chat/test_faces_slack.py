"""Slack's face with slack-bolt and Socket Mode against Slack on loopback, which is strict about blocks and time."""

import asyncio

import pytest
from chat_fakes import Chat
from drawings import drawn_by
from face_kit import (
    ASKS,
    FILE,
    HOSTILE,
    PLOT,
    PNG,
    answering,
    hostile_reply,
    many_buttons,
    running,
    slack,
    until,
)
from virtual_loop import virtually

from handlers.platforms.slack import SlackChat, SlackSettings
from handlers.platforms.slack import chat as slack_chat
from handlers.platforms.slack import sender as slack_sender
from handlers.reply import Button, Reply
from handlers.request import Request, RequestKind
from handlers.speaker import PlatformDown
from sandbox.chat.slack import SlackSandbox
from sandbox.chat.troubles import Trouble


@virtually
async def test_mention_confirm_in_place(chat: Chat) -> None:
    async with slack(chat) as house:
        house.ann.mention(house.channel, "close xrp 50")
        card = await house.ann.answer()
        assert "Close XRPUSDT?" in card.text
        assert card.labels == ("Confirm", "Cancel")
        await until(lambda: house.heard.placed)
        assert house.heard.placed == [(card.ts, ("Confirm", "Cancel"))]
        house.ann.press(house.channel, "Confirm")
        after = await house.ann.answer()
        assert (after.ts, after.labels, after.edited) == (card.ts, (), True)
        assert "Closed XRPUSDT" in after.text
        assert house.ann.failures == []
    assert len(chat.desk.done) == 1


@virtually
async def test_slash_commands_and_direct_messages(chat: Chat) -> None:
    async with slack(chat) as house:
        house.ann.command(house.channel, "/quarterdeck", "status xrp")
        assert "XRPUSDT" in (await house.ann.answer()).text
        house.ann.command(house.channel, "/qd-pause")
        assert "Paused" in (await house.ann.answer()).text
        house.ann.dm("status")
        assert "Status" in (await house.ann.answer()).text
        house.ann.press(house.ann.private, "Refresh")
        assert (await house.ann.answer()).edited
    assert [deed[0] for deed in chat.desk.done] == ["status", "pause", "status", "status"]


@virtually
async def test_threads_refusals_and_strangers(chat: Chat) -> None:
    async with slack(chat) as house:
        root = house.ann.says(house.channel, "good morning")
        house.ann.says(house.channel, "<@U0BOT> status", thread_ts=root.ts)
        assert (await house.ann.answer()).thread_ts == root.ts
        house.ann.mention(house.channel, "set_risk 5000")
        refused = await house.ann.answer()
        assert refused.ephemeral
        assert all("set_risk" not in one.text or one.author == "ann" for one in house.bea.sees(house.channel))
        before = len(house.world.world.changes)
        house.eve.mention(house.channel, "status")
        house.eve.command(house.channel, "/quarterdeck", "status")
        await asyncio.sleep(0.2)
        assert len(house.world.world.changes) == before
        assert house.eve.failures == []


@virtually
async def test_a_redelivered_envelope_acts_once(chat: Chat) -> None:
    async with slack(chat) as house:
        house.ann.mention(house.channel, "pause")
        await house.ann.answer()
        assert house.ann.last is not None
        house.ann.again(house.ann.last)
        envelope = house.ann.command(house.channel, "/qd-pause")
        assert envelope is not None
        await house.ann.answer()
        house.ann.again(envelope)
        await asyncio.sleep(0.2)
    assert chat.desk.done == [("pause", "")] * 2


@virtually
async def test_an_edited_message_does_nothing(chat: Chat) -> None:
    async with slack(chat) as house:
        said = house.ann.dm("hello")
        await house.ann.answer()
        house.ann.edits(said, "/pause")
        await asyncio.sleep(0.2)
    assert chat.desk.done == []


@virtually
async def test_a_box_asks_and_its_answer_arrives(chat: Chat) -> None:
    heard: list[Request] = []
    async with slack(chat, answering(Reply("Done"), heard)) as house:
        await house.face.say("C1", Reply("Proposal 7", buttons=(ASKS,)))
        house.ann.press(house.channel, "Refuse")
        box = await house.ann.answer()
        assert box.is_modal
        assert heard == []
        house.ann.submit({"Reason": "too risky"})
        assert "Done" in (await house.ann.answer()).text
        assert (heard[0].kind, heard[0].button, heard[0].text) == (RequestKind.MODAL, "a" * 32, "too risky")
        house.eve.press(house.channel, "Refuse")
        await asyncio.sleep(0.2)
        assert house.eve.modal is None


@virtually
async def test_menus_press_what_was_chosen(chat: Chat) -> None:
    heard: list[Request] = []
    async with slack(chat, answering(Reply("Done"), heard)) as house:
        await house.face.say("C1", Reply("Which?", buttons=many_buttons(120)))
        house.ann.press(house.channel, "S110USDT")
        await house.ann.answer()
        assert heard[0].button == f"{110:032}"


@virtually
async def test_pictures_files_and_private_ones(chat: Chat) -> None:
    async with slack(chat, answering(Reply("PnL", plot=PLOT, file=FILE, name="pnl"))) as house:
        house.ann.dm("pnl")
        await until(lambda: any("PnL" in one.text for one in house.ann.sees(house.ann.private)))
        files = [content for one in house.ann.sees(house.ann.private) for content in one.files.values()]
        assert files == [PNG, FILE.content]
        house.face.handle = answering(Reply("Scan this", image=PNG, private=True))
        house.ann.mention(house.channel, "totp")
        assert (await house.ann.answer()).ephemeral
        await until(lambda: len([1 for one in house.ann.sees(house.ann.private) if one.files]) == 3)
        assert not any(one.files for one in house.bea.sees(house.channel))


@virtually
async def test_an_ephemeral_card_is_answered_in_its_place(chat: Chat) -> None:
    confirm = (Button("Confirm", "/reset_kill all", id="1" * 32),)
    async with slack(chat, answering(Reply("Sure?", private=True, buttons=confirm))) as house:
        house.ann.mention(house.channel, "reset_kill all")
        card = await house.ann.answer()
        assert card.ephemeral
        house.face.handle = answering(Reply("Done", private=True, in_place=True))
        house.ann.press(house.channel, "Confirm")
        await until(lambda: "Done" in house.ann.sees(house.channel)[-1].text)
        seen = house.ann.sees(house.channel)
        assert not any("Sure?" in one.text for one in seen)
        assert not any("Done" in one.text for one in house.bea.sees(house.channel))


@virtually
async def test_saying_and_amending(chat: Chat) -> None:
    async with slack(chat) as house:
        ts = await house.face.say("U2", Reply("Stop missing", buttons=(Button("Ack", "/ack", id="1" * 32),)))
        assert house.heard.placed == [(ts, ("Ack",))]
        await house.face.amend("U2", ts, Reply("Stop missing", text="Ann has it."))
        seen = house.ann.sees(house.ann.private)
        assert [(one.ts, one.labels) for one in seen] == [(ts, ())]
        await house.face.amend("U2", "1.000001", Reply("gone, so anew"))
        assert "gone, so anew" in house.ann.sees(house.ann.private)[-1].text


@virtually
async def test_where_the_bot_may_not_write_the_given_address_does(chat: Chat) -> None:
    async with slack(chat) as house:
        house.world.troubles.arm(Trouble("chat.postMessage", status=200, description="not_in_channel"))
        house.ann.command(house.channel, "/quarterdeck", "status")
        assert "Status" in (await house.ann.answer()).text


@virtually
async def test_the_connection_comes_back(chat: Chat) -> None:
    async with slack(chat) as house:
        house.world.mode.refresh()
        await until(lambda: house.world.mode.opened >= 2)
        house.ann.mention(house.channel, "status")
        assert "Status" in (await house.ann.answer()).text
        house.world.mode.drop()
        await until(lambda: house.world.mode.opened >= 3)
        house.ann.mention(house.channel, "status")
        assert "Status" in (await house.ann.answer()).text


@virtually
async def test_an_outcome_is_told_after_an_outage(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    insisted = slack_chat.insisted

    async def short(seconds: float) -> None:
        await asyncio.sleep(0.01)

    monkeypatch.setattr(slack_chat, "insisted", lambda send, what: insisted(send, what, sleep=short))
    async with slack(chat) as house:
        house.world.troubles.arm(Trouble("chat.postMessage", times=4, status=500))
        house.ann.mention(house.channel, "pause")
        assert "Paused" in (await house.ann.answer()).text
    assert chat.desk.done == [("pause", "")]


@virtually
async def test_pauses_that_slack_asks_for(chat: Chat) -> None:
    async with slack(chat) as house:
        house.world.troubles.arm(
            Trouble("chat.postMessage", status=429, description="ratelimited", retry_after=1)
        )
        assert await house.face.say("C1", Reply("waited for")) != ""
        house.world.troubles.arm(
            Trouble("chat.postMessage", status=429, description="ratelimited", retry_after=300)
        )
        with pytest.raises(PlatformDown) as caught:
            await house.face.say("C1", Reply("for the courier"))
        assert caught.value.retry_after_s == 300


@pytest.mark.parametrize(
    "tokens",
    [("xoxb-another-fake", "xapp-fake-of-the-tests"), ("xoxb-fake-of-the-tests", "xapp-another-fake")],
)
@virtually
async def test_a_refused_token_is_told_once_and_the_desk_goes_on(
    chat: Chat, caplog: pytest.LogCaptureFixture, tokens: tuple[str, str]
) -> None:
    async with SlackSandbox("xoxb-fake-of-the-tests", "xapp-fake-of-the-tests", chat.clock) as world:
        settings = SlackSettings(*tokens, world.base_url, longest_retry_s=0.1)
        face = SlackChat(
            settings, chat.dispatcher.handle, chat.registry, drawn_by(lambda plot, dark: b""), chat.clock
        )
        async with running(face):
            await until(lambda: "refuses a token" in caplog.text)
            await asyncio.sleep(0.3)
        assert caplog.text.count("refuses a token") == 1
        assert not any(token in caplog.text for token in tokens)


@virtually
async def test_away_at_the_start(chat: Chat) -> None:
    async with SlackSandbox("xoxb-fake-of-the-tests", "xapp-fake-of-the-tests", chat.clock) as world:
        world.troubles.arm(Trouble("auth.test", times=2, cut=True))
        world.troubles.arm(Trouble("apps.connections.open", status=500))
        settings = SlackSettings(
            "xoxb-fake-of-the-tests", "xapp-fake-of-the-tests", world.base_url, longest_retry_s=0.1
        )
        face = SlackChat(
            settings, chat.dispatcher.handle, chat.registry, drawn_by(lambda plot, dark: b""), chat.clock
        )
        async with running(face):
            assert await world.connected()


@virtually
async def test_a_panic_does_not_wait_behind_a_slow_chart(chat: Chat) -> None:
    slow = asyncio.Event()

    async def handle(request: Request) -> Reply | None:
        if "chart" in request.text:
            await slow.wait()
        return Reply(f"done {request.text}")

    async with slack(chat, handle) as house:
        house.ann.dm("/chart xrp")
        house.ann.dm("/panic_close now")
        assert "panic_close now" in (await house.ann.answer()).text
        assert house.ann.failures == []
        slow.set()
        await until(lambda: any("done /chart" in one.text for one in house.ann.sees(house.ann.private)))


@virtually
async def test_hostile_texts_are_taken_by_the_strict_server(chat: Chat) -> None:
    async with slack(chat) as house:
        for number, text in enumerate(long[:1200] for long in HOSTILE):
            channel = house.world.world.add_channel(f"hostile-{number}")
            reader = house.world.person(f"reader {number}", channel)
            assert await house.face.say(channel.id, hostile_reply(text)) != "", text
            assert any("ok" in one.labels for one in reader.sees(channel)), text
        pinged = [m for c in house.world.world.channels.values() for m in c.messages if m.pings]
        assert pinged == []


@virtually
async def test_a_call_that_hangs_ends(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    async with slack(chat) as house:
        house.world.troubles.arm(Trouble("chat.postMessage", delay_s=5))
        monkeypatch.setattr(slack_sender, "CALL_WITHIN_S", 0.2)
        with pytest.raises(PlatformDown):
            await house.face.say("C1", Reply("x"))
        house.bea.mention(house.channel, "status")
        assert "Status" in (await house.bea.answer()).text
