"""The queue of updates by hand, and the people who fill it."""

import asyncio
from typing import Any

import aiohttp
import pytest
from telegram_raw import START_MS, Raw, in_virtual_time, wall_ms

HOUR_S = 3600
DAY_S = 24 * HOUR_S


def texts(updates: list[dict[str, Any]]) -> list[str]:
    return [update["message"]["text"] for update in updates]


def test_offsets_confirm() -> None:
    async def play(raw: Raw) -> None:
        ann = raw.telegram.people.persons[2]
        first, second, third = (ann.says(text).update_id for text in "abc")
        assert first is not None
        assert (second, third) == (first + 1, first + 2)
        assert texts(await raw.updates()) == ["a", "b", "c"]
        assert texts(await raw.updates()) == ["a", "b", "c"], "again until confirmed"
        assert texts(await raw.updates(first + 1)) == ["b", "c"]
        assert texts(await raw.updates(limit=1)) == ["b"]
        assert texts(await raw.updates(-1)) == ["c"], "what is before is forgotten"
        assert texts(await raw.updates()) == ["c"]
        assert await raw.updates(first + 3) == []
        assert await raw.updates() == []

    in_virtual_time(play)


def test_at_most_a_hundred_at_once() -> None:
    async def play(raw: Raw) -> None:
        for number in range(130):
            raw.telegram.people.persons[2].says(str(number))
        given = await raw.updates(limit=500)
        assert texts(given) == [str(number) for number in range(100)]
        assert len(await raw.updates(given[-1]["update_id"] + 1)) == 30

    in_virtual_time(play)


def test_a_poll_is_held_and_answered_as_soon_as_there_is_something() -> None:
    async def play(raw: Raw) -> None:
        loop = asyncio.get_running_loop()
        assert await raw.updates(timeout=30) == []
        assert loop.time() == pytest.approx(30)
        poll = asyncio.create_task(raw.updates(timeout=30))
        await asyncio.sleep(4)
        raw.telegram.people.persons[2].says("x")
        assert texts(await poll) == ["x"]
        assert loop.time() == pytest.approx(34)

    in_virtual_time(play)


def test_a_second_poller_ends_the_first() -> None:
    async def play(raw: Raw) -> None:
        first = asyncio.create_task(raw.call("getUpdates", timeout=30))
        await asyncio.sleep(1)
        second = asyncio.create_task(raw.call("getUpdates", timeout=5))
        ended = await first
        assert ended.status == 409
        assert ended.text == (
            "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
        )
        assert asyncio.get_running_loop().time() == pytest.approx(1)
        assert (await second).result == []

    in_virtual_time(play)


def test_updates_are_kept_for_a_day() -> None:
    async def play(raw: Raw) -> None:
        ann = raw.telegram.people.persons[2]
        ann.says("old")
        await asyncio.sleep(HOUR_S)
        ann.says("new")
        await asyncio.sleep(DAY_S - HOUR_S - 1)
        assert texts(await raw.updates()) == ["old", "new"]
        await asyncio.sleep(2)
        assert texts(await raw.updates()) == ["new"]

    in_virtual_time(play)


def test_wanted_kinds_are_remembered_and_do_not_filter_what_waits() -> None:
    async def play(raw: Raw) -> None:
        ann = raw.telegram.people.persons[2]
        said = ann.says("a")
        ann.edits(said, "b")
        given = await raw.updates(allowed_updates=["message"])
        assert [sorted(update)[0] for update in given] == ["message", "edited_message"]
        assert ann.edits(said, "c").update_id is None
        await raw.updates(given[-1]["update_id"] + 1)
        assert ann.edits(said, "d").update_id is None, "remembered without being named again"
        await raw.updates(allowed_updates=[])
        assert ann.edits(said, "e").update_id is not None

    in_virtual_time(play)


def test_an_update_comes_again() -> None:
    async def play(raw: Raw) -> None:
        update = raw.telegram.people.persons[2].says("a").update_id
        assert update is not None
        assert texts(await raw.updates()) == ["a"]
        assert await raw.updates(update + 1) == []
        raw.telegram.people.delivers_again(update)
        (again,) = await raw.updates(update + 1)
        assert again["update_id"] == update
        assert await raw.updates(update + 1) == []

    in_virtual_time(play)


def test_ids_begin_anew_after_a_quiet_week() -> None:
    async def play(raw: Raw) -> None:
        ann = raw.telegram.people.persons[2]
        before = ann.says("a").update_id
        assert before is not None
        assert await raw.updates(before + 1) == []
        await asyncio.sleep(7 * DAY_S)
        after = ann.says("b").update_id
        assert after is not None
        assert after < before
        assert texts(await raw.updates(before + 1)) == ["b"], "an offset of another time confirms nothing"
        raw.telegram.people.update_ids_begin_at(5)
        assert ann.says("c").update_id == 5

    in_virtual_time(play)


def test_waiting_updates_can_be_dropped() -> None:
    async def play(raw: Raw) -> None:
        raw.telegram.people.persons[2].says("a")
        assert (await raw.call("getWebhookInfo")).result["pending_update_count"] == 1
        await raw.call("deleteWebhook", drop_pending_updates=True)
        assert await raw.updates() == []

    in_virtual_time(play)


def test_a_line_with_a_command() -> None:
    async def play(raw: Raw) -> None:
        ann = raw.telegram.people.persons[2]
        ann.says("/status XRP")
        (update,) = await raw.updates()
        assert update["message"] == {
            "message_id": 1,
            "date": START_MS // 1000,
            "chat": {"id": 2, "type": "private", "first_name": "Ann", "username": "ann_b"},
            "from": {"id": 2, "is_bot": False, "first_name": "Ann", "username": "ann_b"},
            "text": "/status XRP",
            "entities": [{"type": "bot_command", "offset": 0, "length": 7}],
        }

    in_virtual_time(play)


def test_how_people_write() -> None:
    async def play(raw: Raw) -> None:
        people = raw.telegram.people
        ann, desk = people.persons[2], people.supergroup(-100, "Desk", {7: "A"})
        news = people.channel(-200, "News")
        ann.says("/a", forwarded=True)
        ann.says("/a", via_bot=True)
        ann.says("/a", desk, anonymous=True)
        ann.says("/a", desk, auto_forward=True)
        ann.says("/a", news)
        ann.says("/a", desk, thread=7, at_ms=START_MS - 5_000)
        found = [update.get("message") or update["channel_post"] for update in await raw.updates()]
        assert found[0]["forward_origin"]["sender_user"]["id"] == 2
        assert found[1]["via_bot"]["is_bot"] is True
        assert (found[2]["from"]["username"], found[2]["sender_chat"]["id"]) == ("GroupAnonymousBot", -100)
        assert found[3]["is_automatic_forward"] is True
        assert "from" not in found[4]
        assert found[4]["sender_chat"]["type"] == "channel"
        assert (found[5]["message_thread_id"], found[5]["date"]) == (7, START_MS // 1000 - 5)

    in_virtual_time(play)


def test_in_groups_a_bot_is_told_only_what_is_meant_for_it() -> None:
    async def play(raw: Raw) -> None:
        people = raw.telegram.people
        ann, desk = people.persons[2], people.group(-100, "Desk")
        card = (await raw.say(chat_id=-100)).result["message_id"]
        told = {
            text: ann.says(text, desk).update_id is not None
            for text in ("hello", "/status", "/status@deck_bot", "/status@other_bot", "hey @deck_bot")
        }
        assert told == {
            "hello": False,
            "/status": True,
            "/status@deck_bot": True,
            "/status@other_bot": False,
            "hey @deck_bot": True,
        }
        assert ann.replies(ann.sees(desk)[0], "yes", desk).update_id is not None
        assert ann.sees(desk)[0].message_id == card
        desk.reads_all = True
        assert ann.says("hello", desk).update_id is not None

    in_virtual_time(play)


def test_presses_show_the_message_as_it_is() -> None:
    async def play(raw: Raw) -> None:
        people = raw.telegram.people
        ann, bob = people.persons[2], people.person(3, "Bob")
        desk = people.group(-100, "Desk")
        button = {"text": "Go", "callback_data": "go:1"}
        card = (await raw.say("card", chat_id=-100, reply_markup={"inline_keyboard": [[button]]})).result
        assert ann.sees(desk)[0].keyboard == (("Go",),)
        bob.presses("Go", desk)
        bob.forges("invented", 99, desk)
        press, forged = [update["callback_query"] for update in await raw.updates()]
        assert (press["from"]["id"], press["data"]) == (3, "go:1")
        assert press["message"] == card
        assert (forged["data"], forged["message"]["date"]) == ("invented", 0)

    in_virtual_time(play)


def test_the_bot_is_brought_and_thrown_out() -> None:
    async def play(raw: Raw) -> None:
        people = raw.telegram.people
        ann, desk = people.persons[2], people.group(-100, "Desk")
        ann.adds_bot(desk)
        ann.removes_bot(desk)
        joined, added, removed = await raw.updates()
        assert joined["message"]["new_chat_members"][0]["username"] == "deck_bot"
        assert added["my_chat_member"]["new_chat_member"]["status"] == "member"
        assert removed["my_chat_member"]["new_chat_member"]["status"] == "kicked"
        assert ann.says("/status", desk).update_id is None

    in_virtual_time(play)


def test_an_answer_is_waited_for() -> None:
    async def play(raw: Raw) -> None:
        ann = raw.telegram.people.persons[2]
        said = ann.says("/status")
        with pytest.raises(TimeoutError, match="no answer in chat 2 within 3 s"):
            await ann.answer(said, timeout_s=3)
        waiting = asyncio.create_task(ann.answers(said, quiet_s=2))
        await asyncio.sleep(1)
        one = (await raw.say("one")).result["message_id"]
        await asyncio.sleep(1)
        await raw.say("two")
        await asyncio.sleep(1)
        await raw.call("editMessageText", chat_id=2, message_id=one, text="one!")
        assert [seen.text for seen in await waiting] == ["two", "one!"]
        assert (wall_ms() - START_MS) / 1000 == pytest.approx(3 + 3 + 2)
        assert (await ann.answer(said)).is_edited

    in_virtual_time(play)


def test_thirty_minutes_away() -> None:
    async def play(raw: Raw) -> None:
        ann, telegram = raw.telegram.people.persons[2], raw.telegram
        poll = asyncio.create_task(raw.updates(timeout=50))
        await asyncio.sleep(1)
        telegram.troubles.down()
        with pytest.raises(aiohttp.ClientConnectionError):
            await poll
        before = len(telegram.calls.rows)
        ann.says("while away")
        for _ in range(30):
            await asyncio.sleep(60)
            with pytest.raises(aiohttp.ClientConnectionError):
                await raw.say()
        assert len(telegram.calls.rows) == before, "nothing reaches a provider that is away"
        telegram.troubles.up()
        assert texts(await raw.updates()) == ["while away"]
        assert (await raw.say()).status == 200

    in_virtual_time(play)


def test_a_stranger_cannot_be_written_to_before_they_wrote() -> None:
    async def play(raw: Raw) -> None:
        eve = raw.telegram.people.person(66, "Eve", started=False)
        assert (await raw.say(chat_id=66)).text == "Bad Request: chat not found"
        said = eve.says("hi")
        assert (await raw.say(chat_id=66)).status == 200
        assert (await eve.answer(said)).text == "hello"

    in_virtual_time(play)


def test_posts_of_the_bot_in_a_channel_are_the_channels() -> None:
    async def play(raw: Raw) -> None:
        raw.telegram.people.channel(-1007, "News")
        sent = (await raw.say(chat_id=-1007)).result
        assert "from" not in sent
        assert sent["sender_chat"]["id"] == -1007
        edited = await raw.call("editMessageText", chat_id=-1007, message_id=sent["message_id"], text="x")
        assert edited.status == 200

    in_virtual_time(play)


def test_any_update_can_be_delivered() -> None:
    async def play(raw: Raw) -> None:
        update_id = raw.telegram.people.delivers("message", {"text": 5, "chat": None})
        assert await raw.updates() == [{"update_id": update_id, "message": {"text": 5, "chat": None}}]

    in_virtual_time(play)
