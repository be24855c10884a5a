"""Every refusal of the Bot API by hand: what, with which status and words, and that nothing of it happened."""

import asyncio
from typing import Any

import aiohttp
import pytest
from telegram_raw import START_MS, Raw, in_virtual_time, png

from sandbox.chat.telegram.rates import CHAT_BURST
from sandbox.chat.troubles import Trouble

BUTTON = {"text": "Go", "callback_data": "go"}


def keyboard(*rows: list[Any]) -> dict[str, Any]:
    return {"inline_keyboard": list(rows)}


SENDS = [
    ({"chat_id": 99}, "chat not found"),
    ({"chat_id": ""}, "chat_id is empty"),
    ({"text": ""}, "message text is empty"),
    ({"text": " \n "}, "message text is empty"),
    ({"text": "<b> </b>", "parse_mode": "HTML"}, "message text is empty"),
    ({"text": "x" * 4097}, "message is too long"),
    ({"text": "😀" * 2048 + "x"}, "message is too long"),
    ({"message_thread_id": 7}, "message thread not found"),
    ({"reply_parameters": {"message_id": 77}}, "message to be replied not found"),
    ({"reply_markup": "{"}, "can't parse reply markup JSON object"),
    ({"reply_markup": keyboard([{**BUTTON, "callback_data": "x" * 65}])}, "BUTTON_DATA_INVALID"),
    ({"reply_markup": keyboard([{**BUTTON, "callback_data": "é" * 33}])}, "BUTTON_DATA_INVALID"),
    ({"reply_markup": keyboard([{**BUTTON, "callback_data": ""}])}, "BUTTON_DATA_INVALID"),
    (
        {"reply_markup": keyboard([{**BUTTON, "text": " "}])},
        "can't parse inline keyboard button: button text must be non-empty",
    ),
    (
        {"reply_markup": keyboard([{"text": "Go"}])},
        "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
    ),
    ({"reply_markup": keyboard([BUTTON] * 9)}, "reply markup is too long"),
    ({"reply_markup": keyboard(*[[BUTTON]] * 101)}, "reply markup is too long"),
    (
        {"reply_markup": keyboard([{"text": "l", "url": "not one"}])},
        "inline keyboard button URL 'not one' is invalid: Wrong HTTP URL",
    ),
]


@pytest.mark.parametrize("given, words", SENDS, ids=[words[:30] for _, words in SENDS])
def test_a_message_that_cannot_be_sent(given: dict[str, Any], words: str) -> None:
    async def play(raw: Raw) -> None:
        refused = await raw.call("sendMessage", **{"chat_id": 2, "text": "hello", **given})
        assert (refused.status, refused.text) == (400, f"Bad Request: {words}")
        assert refused.body == {"ok": False, "error_code": 400, "description": refused.text}
        assert raw.telegram.people.persons[2].sees() == []

    in_virtual_time(play)


def test_what_is_just_allowed() -> None:
    async def play(raw: Raw) -> None:
        assert (await raw.say("😀" * 2048)).status == 200
        assert (await raw.say("<b>" + "x" * 4096 + "</b>", parse_mode="HTML")).status == 200
        full = keyboard(*[[{**BUTTON, "callback_data": "é" * 32}] * 8] * 12)
        sent = (await raw.say(reply_markup=full)).result
        assert len(sent["reply_markup"]["inline_keyboard"]) == 12
        assert (
            await raw.say(reply_parameters={"message_id": 77, "allow_sending_without_reply": True})
        ).status == 200

    in_virtual_time(play, enforced=False)


def test_tokens_and_methods() -> None:
    async def play(raw: Raw) -> None:
        for token, status, words in [
            ("1:wrong", 401, "Unauthorized"),
            ("nonsense", 404, "Not Found"),
        ]:
            refused = await raw.call("getMe", token=token)
            assert (refused.status, refused.text) == (status, words)
        refused = await raw.call("sendMoney")
        assert (refused.status, refused.text) == (404, "Not Found: method not found")
        assert (await raw.call("GETME")).result["username"] == "deck_bot"
        assert raw.telegram.calls.holding(raw.telegram.token.encode()) == []
        assert raw.telegram.calls.methods() == ["getMe", "getMe", "sendMoney", "getMe"]

    in_virtual_time(play)


def test_closed_chats() -> None:
    async def play(raw: Raw) -> None:
        people, ann = raw.telegram.people, raw.telegram.people.persons[2]
        group = people.supergroup(-100, "Desk")
        ann.blocks_bot()
        refused = await raw.say()
        assert (refused.status, refused.text) == (403, "Forbidden: bot was blocked by the user")
        ann.unblocks_bot()
        assert (await raw.say()).status == 200
        ann.removes_bot(group)
        refused = await raw.say(chat_id=-100)
        assert (refused.status, refused.text) == (403, "Forbidden: bot was kicked from the supergroup chat")
        ann.adds_bot(group)
        assert (await raw.say(chat_id=-100)).status == 200
        assert (await raw.call("leaveChat", chat_id=-100)).result is True
        refused = await raw.say(chat_id=-100)
        assert refused.text == "Forbidden: bot is not a member of the supergroup chat"
        assert (await raw.call("leaveChat", chat_id=2)).status == 400

    in_virtual_time(play)


def test_pictures_and_files() -> None:
    async def play(raw: Raw) -> None:
        async def photo(content: Any, **given: Any) -> str:
            return (await raw.call("sendPhoto", chat_id=2, photo=content, **given)).text

        assert await photo(b"no picture") == "Bad Request: IMAGE_PROCESS_FAILED"
        assert await photo(png()[:-5]) == "Bad Request: IMAGE_PROCESS_FAILED"
        assert await photo(png(9_000, 1_001)) == "Bad Request: PHOTO_INVALID_DIMENSIONS"
        assert await photo(png(210, 10)) == "Bad Request: PHOTO_INVALID_DIMENSIONS"
        assert "is too big for a photo" in await photo(png() + b"x" * 10_485_760)
        assert await photo("AgAC404") == "Bad Request: wrong file identifier/HTTP URL specified"
        assert await photo("") == "Bad Request: there is no photo in the request"
        assert await photo(png(), caption="x" * 1025) == "Bad Request: message caption is too long"
        assert await photo(png(), caption="<b>", parse_mode="HTML") == (
            "Bad Request: can't parse entities: Can't find end tag corresponding to start tag \"b\""
        )
        empty = await raw.call("sendDocument", chat_id=2, document=b"")
        assert empty.text == "Bad Request: file must be non-empty"
        assert raw.telegram.people.persons[2].sees() == []

    in_virtual_time(play)


def test_a_picture_arrives_as_it_was_sent_and_can_be_fetched() -> None:
    async def play(raw: Raw) -> None:
        ann = raw.telegram.people.persons[2]
        sent = (await raw.call("sendPhoto", chat_id=2, photo=png(), caption="x" * 1024)).result
        assert (sent["photo"][0]["width"], sent["photo"][0]["height"]) == (4, 3)
        again = (await raw.call("sendPhoto", chat_id=2, photo=sent["photo"][0]["file_id"])).result
        assert again["photo"] == sent["photo"]
        await raw.call("sendDocument", chat_id=2, document=b"a,b\r\n--1,2\r\n")
        assert [seen.photo for seen in ann.sees()] == [png(), png(), None]
        assert ann.sees()[-1].document == b"a,b\r\n--1,2\r\n"
        file = (await raw.call("getFile", file_id=sent["photo"][0]["file_id"])).result
        url = f"{raw.telegram.base_file_url}{raw.telegram.token}/{file['file_path']}"
        async with raw.session.get(url) as response:
            assert await response.read() == png()
        async with raw.session.get(f"{raw.telegram.base_file_url}1:wrong/{file['file_path']}") as response:
            assert response.status == 401

    in_virtual_time(play)


def test_edits() -> None:
    async def play(raw: Raw) -> None:
        ann = raw.telegram.people.persons[2]
        card = (await raw.say("one", reply_markup=keyboard([BUTTON]))).result["message_id"]

        async def edit(what: str, **given: Any) -> str:
            return (await raw.call(f"editMessage{what}", **{"chat_id": 2, "message_id": card, **given})).text

        same = await edit("Text", text="one", reply_markup=keyboard([BUTTON]))
        assert same.startswith("Bad Request: message is not modified")
        assert await edit("Text", text="two") == ""
        assert (ann.sees()[0].text, ann.sees()[0].keyboard, ann.sees()[0].past) == ("two", (), ("one",))
        assert (await edit("ReplyMarkup")).startswith("Bad Request: message is not modified")
        assert await edit("ReplyMarkup", reply_markup=keyboard([BUTTON])) == ""
        assert await edit("Caption", caption="c") == "Bad Request: there is no caption in the message to edit"
        assert await edit("Text", text="x", message_id=99) == "Bad Request: message to edit not found"
        assert await edit("Text", text="x" * 4097) == "Bad Request: message is too long"
        said = ann.says("mine")
        assert (
            await edit("Text", text="x", message_id=said.message_id) == "Bad Request: message can't be edited"
        )
        photo = (await raw.call("sendPhoto", chat_id=2, photo=png(), caption="old")).result["message_id"]
        assert (
            await edit("Text", text="x", message_id=photo)
            == "Bad Request: there is no text in the message to edit"
        )
        assert await edit("Caption", caption="new", message_id=photo) == ""
        media = {"type": "photo", "media": "attach://p", "caption": "newer"}
        assert await edit("Media", media=media, p=png(8, 8), message_id=photo) == ""
        assert (ann.sees()[-1].text, ann.sees()[-1].photo) == ("newer", png(8, 8))

    in_virtual_time(play, enforced=False)


def test_deletes() -> None:
    async def play(raw: Raw) -> None:
        ann = raw.telegram.people.persons[2]
        group = raw.telegram.people.group(-5, "Desk")
        mine = (await raw.say()).result["message_id"]
        assert (await raw.call("deleteMessage", chat_id=2, message_id=mine)).result is True
        assert ann.sees() == []
        again = await raw.call("deleteMessage", chat_id=2, message_id=mine)
        assert again.text == "Bad Request: message to delete not found"
        hers = ann.says("/x", group).message_id
        refused = await raw.call("deleteMessage", chat_id=-5, message_id=hers)
        assert refused.text == "Bad Request: message can't be deleted for everyone"
        old = ann.says("old", at_ms=START_MS - 48 * 3_600_000 - 1).message_id
        assert (await raw.call("deleteMessage", chat_id=2, message_id=old)).status == 400

    in_virtual_time(play)


def test_a_press_is_answered_once_and_in_time() -> None:
    async def play(raw: Raw) -> None:
        ann = raw.telegram.people.persons[2]
        old = "Bad Request: query is too old and response timeout expired or query ID is invalid"
        await raw.say("card", reply_markup=keyboard([BUTTON]))

        async def answer(query: str, **given: Any) -> str:
            return (await raw.call("answerCallbackQuery", callback_query_id=query, **given)).text

        press = ann.presses("Go")
        assert await answer(press.id, text="x" * 201) == "Bad Request: MESSAGE_TOO_LONG"
        assert await answer(press.id, text="done", show_alert=True) == ""
        assert (await ann.toast(press), press.is_alert) == ("done", True)
        assert await answer(press.id) == old
        assert await answer("404") == old
        late = ann.presses("Go")
        await asyncio.sleep(15.1)
        assert await answer(late.id) == old
        with pytest.raises(LookupError):
            ann.presses("Stop")

    in_virtual_time(play)


def test_menus() -> None:
    async def play(raw: Raw) -> None:
        ann = raw.telegram.people.persons[2]
        chat = {"type": "chat", "chat_id": 2}

        async def put(rows: Any, **given: Any) -> str:
            return (await raw.call("setMyCommands", commands=rows, **given)).text

        def row(name: str, description: str = "x") -> dict[str, str]:
            return {"command": name, "description": description}

        for name in ("Status", "st-atus", "", "x" * 33):
            assert await put([row(name)]) == "Bad Request: BOT_COMMAND_INVALID"
        for description in ("", "x" * 257):
            assert await put([row("a", description)]) == "Bad Request: BOT_COMMAND_DESCRIPTION_INVALID"
        assert await put([row(f"c{i}") for i in range(101)]) == "Bad Request: BOT_COMMANDS_TOO_MUCH"
        assert await put([row("a")], scope={"type": "chat", "chat_id": 9}) == "Bad Request: chat not found"
        assert (await put([row("a")], scope={"type": "moon"})).startswith(
            "Bad Request: can't parse BotCommandScope"
        )
        assert await put([row("x" * 32, "y" * 256)] * 100) == ""
        assert len(ann.menu()) == 100
        assert await put([row("mine")], scope=chat) == ""
        assert ann.menu() == [("mine", "x")]
        assert (await raw.call("getMyCommands", scope=chat)).result == [row("mine")]
        await raw.call("deleteMyCommands", scope=chat)
        assert len(ann.menu()) == 100

    in_virtual_time(play)


def test_one_message_a_second_into_a_chat_with_short_bursts() -> None:
    async def play(raw: Raw) -> None:
        assert [(await raw.say()).status for _ in range(CHAT_BURST)] == [200] * CHAT_BURST
        refused = await raw.say()
        assert (refused.status, refused.text) == (429, "Too Many Requests: retry after 1")
        assert refused.body["parameters"] == {"retry_after": 1}
        assert (await raw.say()).body["parameters"] == {"retry_after": 2}, "going on makes it longer"
        assert (await raw.say()).body["parameters"] == {"retry_after": 3}
        await asyncio.sleep(2.9)
        assert (await raw.say()).body["parameters"] == {"retry_after": 2}
        await asyncio.sleep(2)
        assert (await raw.say()).status == 200
        for _ in range(10):
            await asyncio.sleep(1)
            assert (await raw.say()).status == 200

    in_virtual_time(play)


def test_twenty_a_minute_into_a_group_and_not_in_private() -> None:
    async def play(raw: Raw) -> None:
        raw.telegram.people.group(-5, "Desk")
        for number in range(21):
            assert (await raw.say()).status == 200
            refused = await raw.say(chat_id=-5)
            assert refused.status == (200 if number < 20 else 429)
            await asyncio.sleep(1)
        assert refused.body["parameters"]["retry_after"] == 40
        await asyncio.sleep(39)
        assert (await raw.say(chat_id=-5)).status == 200

    in_virtual_time(play)


def test_thirty_a_second_in_all() -> None:
    async def play(raw: Raw) -> None:
        for number in range(100, 131):
            raw.telegram.people.person(number, f"P{number}")
        found = [(await raw.say(chat_id=number)).status for number in range(100, 131)]
        assert found == [200] * 30 + [429]
        await asyncio.sleep(1)
        assert (await raw.say(chat_id=130)).status == 200

    in_virtual_time(play)


def test_topics_replies_and_silence() -> None:
    async def play(raw: Raw) -> None:
        ann = raw.telegram.people.persons[2]
        desk = raw.telegram.people.supergroup(-100, "Desk", {7: "A", 8: "B"})
        said = ann.says("/status", desk, thread=7)
        sent = (
            await raw.say(
                chat_id=-100,
                message_thread_id=7,
                reply_parameters={"message_id": said.message_id},
                reply_markup={"force_reply": True},
                disable_notification=True,
            )
        ).result
        assert (sent["message_thread_id"], sent["is_topic_message"]) == (7, True)
        assert sent["reply_to_message"]["text"] == "/status"
        assert (
            await raw.say(chat_id=-100, message_thread_id=9)
        ).text == "Bad Request: message thread not found"
        seen = await ann.answer(said)
        assert (seen.thread, seen.reply_to, seen.is_silent, seen.asks_reply) == (
            7,
            said.message_id,
            True,
            True,
        )
        assert ann.sees(desk, thread=8) == []
        assert [line.text for line in ann.sees(desk, thread=7)] == ["/status", "hello"]
        await raw.call("pinChatMessage", chat_id=-100, message_id=seen.message_id)
        assert [line.is_pinned for line in ann.sees(desk)] == [False, True]

    in_virtual_time(play)


def test_chats_and_actions() -> None:
    async def play(raw: Raw) -> None:
        raw.telegram.people.channel(-1007, "News", "news_of_deck")
        assert (await raw.call("getChat", chat_id="@news_of_deck")).result["id"] == -1007
        assert (await raw.call("getChat", chat_id=5)).text == "Bad Request: chat not found"
        assert (await raw.call("sendChatAction", chat_id=2, action="typing")).result is True
        assert (await raw.call("sendChatAction", chat_id=2, action="jump")).status == 400
        assert (await raw.call("getChat", chat_id=2)).result["type"] == "private"

    in_virtual_time(play)


def test_armed_troubles() -> None:
    async def play(raw: Raw) -> None:
        ann, troubles = raw.telegram.people.persons[2], raw.telegram.troubles
        troubles.arm(Trouble("sendMessage", status=502, description="Bad Gateway"))
        troubles.arm(Trouble("sendMessage", status=429, retry_after=300))
        troubles.arm(Trouble("sendMessage", body=b"<html>"))
        assert (await raw.say()).body == {"ok": False, "error_code": 502, "description": "Bad Gateway"}
        assert (await raw.say()).body["parameters"] == {"retry_after": 300}
        with pytest.raises(ValueError, match="unexpected character"):
            await raw.say()
        assert ann.sees() == []
        troubles.arm(Trouble("sendMessage", cut=True, done=True))
        with pytest.raises(aiohttp.ClientError):
            await raw.say("who knows")
        assert [seen.text for seen in ann.sees()] == ["who knows"]
        assert [call.status for call in raw.telegram.calls.of("sendMessage")] == [502, 429, 200, 0]

    in_virtual_time(play)
