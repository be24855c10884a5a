"""Telegram's face and the real library against Telegram on loopback, which is strict about limits and markup."""

import asyncio

import pytest
from chat_fakes import Chat
from face_kit import FILE, HOSTILE, PLOT, PNG, answering, hostile_reply, many_buttons, telegram, until
from virtual_loop import virtually

from handlers.command import Role
from handlers.platforms.telegram import chat as telegram_chat
from handlers.platforms.telegram import sender as telegram_sender
from handlers.reply import Button, Reply
from handlers.request import Request
from handlers.speaker import PlatformDown
from sandbox.chat.troubles import Trouble


@virtually
async def test_a_conversation_in_place(chat: Chat) -> None:
    async with telegram(chat) as house:
        card = await house.ann.answer(house.ann.says("/close xrp 50"))
        assert card.text.startswith("Close XRPUSDT?\nsize: 5")
        await until(lambda: house.heard.placed)
        assert house.heard.placed == [(str(card.message_id), ("Confirm", "Cancel"))]
        after = await house.ann.answer(house.ann.presses("Confirm"))
        assert (after.message_id, after.text, after.buttons) == (card.message_id, "Closed XRPUSDT", ())
    assert len(chat.desk.done) == 1


@virtually
async def test_a_topic_is_answered_in_the_topic(chat: Chat) -> None:
    async with telegram(chat) as house:
        forum = house.world.people.supergroup(-200, "forum", topics={7: "desk", 8: "other"})
        seen = await house.ann.answer(house.ann.says("/status@deck_bot", forum, thread=7))
        assert seen.thread == 7
        said = house.ann.says("/status@deck_bot", forum, thread=8)
        assert await house.ann.answers(said, timeout_s=0.2) == []


@virtually
async def test_pictures_are_refreshed_in_place(chat: Chat) -> None:
    refresh = Button("Refresh", "/pnl", id="1" * 32)
    async with telegram(chat, answering(Reply("PnL 1", plot=PLOT, buttons=(refresh,)))) as house:
        first = await house.ann.answer(house.ann.says("/pnl"))
        assert (first.photo, first.text, first.buttons) == (PNG, "PnL 1", ("Refresh",))
        house.face.handle = answering(Reply("PnL 2", plot=PLOT, buttons=(refresh,), in_place=True))
        second = await house.ann.answer(house.ann.presses("Refresh"))
        assert (second.message_id, second.text, second.photo) == (first.message_id, "PnL 2", PNG)
        house.face.handle = answering(Reply("now words", buttons=(refresh,), in_place=True))
        third = await house.ann.answer(house.ann.presses("Refresh"), quiet_s=1.5)
        assert (third.text, third.photo) == ("now words", None)
        assert third.message_id != first.message_id
        assert house.ann.sees()[1].buttons == (), "the picture left behind has no buttons any more"


@virtually
async def test_files_and_images(chat: Chat) -> None:
    async with telegram(chat, answering(Reply("Trades", file=FILE))) as house:
        seen = await house.ann.answers(house.ann.says("/export"), quiet_s=0.2)
        assert [(one.text, one.document) for one in seen] == [("Trades", None), ("", FILE.content)]
        house.face.handle = answering(Reply("Scan this", image=PNG))
        assert (await house.ann.answer(house.ann.says("/totp"))).photo == PNG


@virtually
async def test_saying_and_amending(chat: Chat) -> None:
    async with telegram(chat) as house:
        ack = (Button("Acknowledge", "/ack 1", id="1" * 32),)
        message = await house.face.say("2", Reply("Stop missing", buttons=ack), silent=True)
        assert house.heard.placed == [(message, ("Acknowledge",))]
        seen = house.ann.sees()[-1]
        assert (seen.text, seen.is_silent, str(seen.message_id)) == ("Stop missing", True, message)
        await house.face.amend("2", message, Reply("Stop missing", text="Ann has it."))
        await house.face.amend(
            "2", message, Reply("Stop missing", text="Ann has it.")
        )  # not modified: no error
        seen = house.ann.sees()[-1]
        assert (str(seen.message_id), seen.text, seen.buttons) == (message, "Stop missing\nAnn has it.", ())
        await house.face.amend("2", "99999", Reply("gone, so anew"))
        assert house.ann.sees()[-1].text == "gone, so anew"
        picture = await house.face.say("2", Reply("PnL", plot=PLOT))
        await house.face.amend("2", picture, Reply("PnL again", plot=PLOT))
        seen = next(one for one in house.ann.sees() if str(one.message_id) == picture)
        assert (seen.text, seen.is_edited) == ("PnL again", True)


@virtually
async def test_who_blocks_the_bot_holds_up_nobody(chat: Chat, caplog: pytest.LogCaptureFixture) -> None:
    async with telegram(chat) as house:
        house.ann.blocks_bot()
        assert await house.face.say("2", Reply("x")) == ""
        assert await house.face.say("1", Reply("x")) != ""
    assert "Telegram refuses a message for chat 2" in caplog.text


@virtually
async def test_an_expected_answer_opens_the_field(chat: Chat) -> None:
    async with telegram(chat, answering(Reply("Code?", expects="Code"))) as house:
        seen = await house.ann.answer(house.ann.says("/reset_kill all x"))
        assert seen.asks_reply
        cancel = (Button("Cancel", "/status", id="1" * 32),)
        house.face.handle = answering(Reply("Code?", expects="Code", buttons=cancel))
        both = await house.ann.answers(house.ann.says("/reset_kill@deck_bot all x", house.group), quiet_s=0.2)
        assert [(one.buttons, one.asks_reply) for one in both] == [(("Cancel",), False), ((), True)]


@virtually
async def test_private_answers_stay_private(chat: Chat) -> None:
    secret = Reply("Scan this", image=PNG, private=True, buttons=(Button("x", "/x", id="1" * 32),))
    async with telegram(chat, answering(secret)) as house:
        told = await house.ann.answer(house.ann.says("/totp@deck_bot", house.group))
        assert told.text.startswith("Answered in private")
        assert house.ann.sees()[-1].photo == PNG
        assert house.ann.sees()[-1].buttons == ()
        house.ann.blocks_bot()
        told = await house.ann.answer(house.ann.says("/totp@deck_bot", house.group))
        assert "Not answered here" in told.text
        assert all("Scan" not in one.text for one in house.ann.sees(house.group))


@virtually
async def test_a_pasted_secret_is_deleted(chat: Chat) -> None:
    async with telegram(chat, answering(Reply("Keep keys out", take_back=True, ok=False))) as house:
        said = house.ann.says("/note XRPUSDT my key")
        seen = await house.ann.answer(said)
        assert said.message_id not in said.room.posts
        assert "delete it yourself" not in seen.text
        house.world.troubles.arm(Trouble("deleteMessage", status=400, description="Bad Request: cannot"))
        seen = await house.ann.answer(house.ann.says("/note XRPUSDT my key"))
        assert "delete it yourself" in seen.text


@virtually
async def test_a_chat_that_is_not_allowed_is_left(chat: Chat) -> None:
    async with telegram(chat) as house:
        eve = house.world.people.person(666, "Eve")
        strangers = house.world.people.supergroup(-999, "strangers")
        eve.adds_bot(strangers)
        await until(lambda: house.heard.alarms)
        eve.adds_bot(strangers)
        await until(lambda: len(house.world.calls.of("leaveChat")) == 2)
        assert [notice.title for notice in house.heard.alarms] == [
            "The bot was added to a chat that is not allowed"
        ]
        eve.adds_bot(house.group)
        await asyncio.sleep(0.1)
        assert len(house.world.calls.of("leaveChat")) == 2


@virtually
async def test_a_second_poller_alarms_everybody_with_what_to_do(chat: Chat) -> None:
    async with telegram(chat) as house:
        trouble = Trouble(
            "getUpdates", status=409, description="Conflict: terminated by other getUpdates request"
        )
        house.world.troubles.arm(trouble)
        house.bea.says("/status")  # ends the long poll
        await until(lambda: house.heard.alarms)
        assert house.heard.alarms[0].title == "Another process reads this bot's messages"
        assert "revoke the token" in str(house.heard.alarms[0].fields)


@virtually
async def test_menus_follow_the_access(chat: Chat) -> None:
    async with telegram(chat) as house:
        assert "config" in dict(house.bea.menu())
        assert "config" not in dict(house.ann.menu())
        assert house.ann.menu(house.group) == []
        await house.face.renew_menus({"2": Role.ADMIN})
        assert "config" in dict(house.ann.menu())
        assert house.bea.menu() == []


@virtually
async def test_a_panic_does_not_wait_behind_a_slow_chart(chat: Chat) -> None:
    slow = asyncio.Event()

    async def handle(request: Request) -> Reply | None:
        if "chart" in request.text:
            await slow.wait()
        return Reply(f"done {request.text}")

    async with telegram(chat, handle) as house:
        chart = house.ann.says("/chart xrp")
        panic = house.ann.says("/panic_close now")
        seen = await house.ann.answers(panic, quiet_s=0.1)
        assert [one.text for one in seen] == ["done /panic_close now"]
        slow.set()
        await until(lambda: any("chart" in one.text for one in house.ann.sees() if one.by_bot))
        assert chart.update_id is not None


@virtually
async def test_an_outcome_is_told_after_an_outage(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    insisted = telegram_chat.insisted

    async def short(seconds: float) -> None:
        await asyncio.sleep(0.01)

    monkeypatch.setattr(telegram_sender, "_WAITS_S", (0.01, 0.01))
    monkeypatch.setattr(telegram_chat, "insisted", lambda send, what: insisted(send, what, sleep=short))
    async with telegram(chat) as house:
        house.world.troubles.arm(Trouble("sendMessage", times=5, status=502, description="Bad Gateway"))
        seen = await house.ann.answer(house.ann.says("/pause"))
        assert seen.text == "Paused"
    assert chat.desk.done == [("pause", "")]


@virtually
async def test_long_pauses_are_told_to_the_courier(chat: Chat) -> None:
    async with telegram(chat) as house:
        house.world.troubles.arm(Trouble("sendMessage", status=429, retry_after=300))
        with pytest.raises(PlatformDown) as caught:
            await house.face.say("2", Reply("x"))
        assert caught.value.retry_after_s == 300
        assert house.face.pace.wait_s("2") > 290


@virtually
async def test_away_is_away(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telegram_sender, "_WAITS_S", (0.01, 0.01))
    async with telegram(chat) as house:
        house.world.troubles.down()
        with pytest.raises(PlatformDown):
            await house.face.say("2", Reply("x"))
        house.world.troubles.up()
        assert await house.face.say("2", Reply("back")) != ""


@virtually
async def test_hostile_texts_are_taken_by_the_strict_server(chat: Chat) -> None:
    async with telegram(chat) as house:
        for number, text in enumerate((long[:1200] for long in HOSTILE), 1000):
            reader = house.world.people.person(number, "Reader")
            assert await house.face.say(str(number), hostile_reply(text)) != "", text
            assert any(one.buttons[-1:] == ("ok",) for one in reader.sees()), text
        assert house.world.calls.statuses(400) == []


@virtually
async def test_more_buttons_than_a_message_holds(chat: Chat) -> None:
    async with telegram(chat) as house:
        await house.face.say("2", Reply("Which?", buttons=many_buttons(230)))
        shown = [one.buttons for one in house.ann.sees()]
        assert [len(buttons) for buttons in shown] == [100, 100, 30]
        assert [label for buttons in shown for label in buttons] == [f"S{i}USDT" for i in range(230)]


@virtually
async def test_a_call_that_hangs_ends(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telegram_sender, "CALL_WITHIN_S", 0.2)
    monkeypatch.setattr(telegram_sender, "_WAITS_S", (0.01, 0.01))
    async with telegram(chat) as house:
        house.world.troubles.arm(Trouble("sendMessage", times=3, delay_s=5))
        with pytest.raises(PlatformDown):
            await house.face.say("2", Reply("x"))
        seen = await house.bea.answer(house.bea.says("/status"))
        assert seen.text.startswith("Status")
