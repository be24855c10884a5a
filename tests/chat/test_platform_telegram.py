"""Telegram without a network: its own objects made from JSON, its own bot with a recorded wire."""

import logging
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser
from itertools import count
from typing import Any, cast

import pytest
from chat_fakes import START_MS, Chat
from drawings import drawn_by
from hypothesis import given
from hypothesis import strategies as st
from telegram import Bot, Update
from telegram.error import BadRequest, Conflict, Forbidden, NetworkError, RetryAfter
from telegram.ext import CallbackContext, filters

from bot.domain.notice import Notice, NoticeKind, Severity
from handlers.command import Role
from handlers.notices import PlatformDown
from handlers.platforms.telegram import TelegramChat, TelegramSettings
from handlers.platforms.telegram import sender as telegram_sender
from handlers.platforms.telegram.render import (
    ALERT_LENGTH,
    MESSAGE_LENGTH,
    alert_text,
    html_pages,
    keyboard,
    plain_pages,
    utf16_length,
)
from handlers.platforms.telegram.request import message_request, press_request, split_place
from handlers.render_text import notice_reply
from handlers.reply import Attachment, BarPlot, Button, Column, Plot, Reply, Table, refusal
from handlers.request import ChatKind, RequestKind
from handlers.text import defused

PERSON = {"id": 2, "is_bot": False, "first_name": "Ann", "last_name": "Lee", "username": "ann"}
PRIVATE = {"id": 2, "type": "private", "first_name": "Ann"}
GROUP = {"id": -100, "type": "supergroup", "title": "crew"}
NOW_S = START_MS // 1000
UPDATE_IDS = count(5000)


def message(text: str = "/status", **more: object) -> dict[str, object]:
    return {"message_id": 5, "from": PERSON, "chat": PRIVATE, "date": NOW_S, "text": text, **more}


def update(**body: object) -> Update:
    return Update.de_json({"update_id": 77, **body}, None)


def press(button: str, bot: Bot | None = None, **more: object) -> Update:
    card = message("Status", **{"from": {"id": 1, "is_bot": True, "first_name": "Bot"}})
    query = {"id": "1", "from": PERSON, "chat_instance": "x", "data": button, "message": {**card, **more}}
    return Update.de_json({"update_id": next(UPDATE_IDS), "callback_query": query}, bot)


def test_a_text_message() -> None:
    request = message_request(update(message=message("/status xrp")), "deck_bot")
    assert request is not None
    assert (request.platform, request.user_id, request.user_name) == ("telegram", "2", "Ann Lee")
    assert (request.chat_id, request.chat_kind, request.kind) == ("2", ChatKind.PRIVATE, RequestKind.TEXT)
    assert (request.text, request.update_id, request.message_id) == ("/status xrp", "77", "5")
    assert request.sent_at_ms == NOW_S * 1000
    assert request.never_runs == ""


def test_a_topic_lies_within_its_group() -> None:
    given = message(chat=GROUP, message_thread_id=7, is_topic_message=True)
    request = message_request(update(message=given), "deck_bot")
    assert request is not None
    assert (request.chat_id, request.within, request.chat_kind) == ("-100/7", ("-100",), ChatKind.GROUP)
    thread = message_request(update(message=message(chat=GROUP, message_thread_id=7)), "deck_bot")
    assert thread is not None
    assert thread.chat_id == "-100"
    assert (split_place("-100/7"), split_place("2")) == ((-100, 7), (2, None))


CHANNEL = {"id": -7, "type": "channel", "title": "news"}
ORIGIN = {"type": "user", "date": 1, "sender_user": PERSON}
BOT = {"id": 9, "is_bot": True, "first_name": "Other"}
NEVER = [
    ({"edited_message": message()}, "edited"),
    ({"message": message(forward_origin=ORIGIN)}, "forwarded"),
    ({"message": message(**{"from": BOT})}, "from a bot"),
    ({"message": message(sender_chat=GROUP, chat=GROUP)}, "anonymous"),
    ({"message": message(via_bot=BOT)}, "through a bot"),
    (
        {"channel_post": {"message_id": 1, "chat": CHANNEL, "date": NOW_S, "text": "/status"}},
        "anonymous, from a channel",
    ),
    ({"message": message(is_automatic_forward=True)}, "forwarded"),
]


@pytest.mark.parametrize("body,why", NEVER)
async def test_what_is_never_run(chat: Chat, body: dict[str, object], why: str) -> None:
    request = message_request(update(**body), "deck_bot")
    assert request is not None
    assert request.never_runs == why
    assert await chat.dispatcher.handle(replace(request, user_id="1")) is None
    assert chat.desk.done == []


def test_only_plain_messages_pass_the_filter() -> None:
    wanted = filters.UpdateType.MESSAGE & filters.TEXT
    assert wanted.check_update(update(message=message()))
    for body, _ in NEVER:
        if "message" not in body:
            assert not wanted.check_update(update(**body))


@pytest.mark.parametrize(
    "text,ours",
    [
        ("/status@Deck_Bot", True),
        ("/status@other_bot", False),
        ("/status@", True),
        ("mail me@x", True),
        ("", True),
    ],
)
def test_commands_for_another_bot(text: str, ours: bool) -> None:
    assert (message_request(update(message=message(text)), "deck_bot") is not None) is ours


def test_updates_without_text() -> None:
    photo = {key: value for key, value in message().items() if key != "text"}
    assert message_request(update(message=photo), "deck_bot") is None
    assert message_request(update(), "deck_bot") is None
    assert press_request(update(), START_MS) is None


def test_a_press() -> None:
    request = press_request(press("abc"), START_MS)
    assert request is not None
    assert (request.kind, request.button, request.user_id) == (RequestKind.BUTTON, "abc", "2")
    assert (request.chat_id, request.message_id, request.sent_at_ms) == ("2", "5", START_MS)
    old = press("abc", date=0)
    assert press_request(old, START_MS) is not None


TABLE = Table((Column("symbol"), Column("PnL", "right")), (("XRP<b>", "+1.00"), ("BTC&", "-2.00")))


def test_rendering_escapes_everything() -> None:
    reply = Reply("T <b>", (("a<", "@ann & co"),), TABLE, "see <a href='x'>", severity=Severity.CRITICAL)
    page = (
        "🔴 <b>T &lt;b&gt;</b>\n"
        "a&lt;: <b>@\u2060ann &amp; co</b>\n"
        "<pre>symbol    PnL\nXRP&lt;b&gt;  +1.00\nBTC&amp;    -2.00</pre>\n"
        "see &lt;a href=&#x27;x&#x27;&gt;"
    )
    assert html_pages(reply) == [page]
    assert defused("a@b @ @everyone") == "a@\u2060b @ @\u2060everyone"


def test_long_replies_become_pages_and_lose_nothing() -> None:
    rows = tuple((f"row {i}", f"{i}&") for i in range(900))
    pages = html_pages(Reply("Long", table=Table(TABLE.columns, rows), text="end"))
    assert len(pages) > 4
    assert all(utf16_length(page) <= MESSAGE_LENGTH for page in pages)
    assert all(page.count("<pre>") == page.count("</pre>") for page in pages)
    text = "".join(pages)
    assert all(f"row {i} " in text for i in range(900))
    assert text.endswith("end")
    plain = plain_pages(Reply("Long", table=Table(TABLE.columns, rows)))
    assert all(utf16_length(page) <= MESSAGE_LENGTH for page in plain)


class Tags(HTMLParser):
    """Fails on tags of others, keeps what people read."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        assert tag in ("b", "pre")
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@given(st.text(max_size=3000), st.text(max_size=9000), st.lists(st.tuples(st.text(), st.text()), max_size=3))
def test_whatever_is_rendered_is_sound(title: str, text: str, fields: list[tuple[str, str]]) -> None:
    for page in html_pages(Reply(title, tuple(fields), text=text)):
        tags = Tags()
        tags.feed(page)
        tags.close()
        assert tags.open == []
        assert utf16_length(page) <= MESSAGE_LENGTH


def test_rows_of_buttons() -> None:
    buttons = tuple(Button(f"choice {i}", "/x", id=f"{i:032}") for i in range(4))
    markup = keyboard(buttons)
    assert markup is not None
    assert [[button.text for button in row] for row in markup.inline_keyboard] == [
        ["choice 0", "choice 1", "choice 2"],
        ["choice 3"],
    ]
    assert markup.inline_keyboard[0][0].callback_data == "0" * 32
    amounts = keyboard(tuple(Button(f"{p} %", "/x", id=str(p)) for p in (25, 50, 75, 100)))
    assert amounts is not None
    assert [len(row) for row in amounts.inline_keyboard] == [4]
    sentences = keyboard(tuple(Button("stop trading, keep positions", "/x", id=str(i)) for i in range(2)))
    assert sentences is not None
    assert [len(row) for row in sentences.inline_keyboard] == [1, 1]
    assert keyboard(()) is None


def test_what_fits_the_alert() -> None:
    assert alert_text(refusal("No", "Only Ann.")) == "No. Only Ann."
    assert alert_text(refusal("No", "x" * ALERT_LENGTH)) is None
    assert alert_text(refusal("No", buttons=(Button("a", "/a"),))) is None
    assert alert_text(Reply("Fine")) is None


class Wire(Bot):
    """A bot whose requests are written down instead of sent."""

    def __init__(self, answers: Callable[[str, dict[str, Any]], object] | None = None) -> None:
        super().__init__("1:token")
        self._unfreeze()
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.answers = answers or (lambda endpoint, data: None)

    @property
    def username(self) -> str:
        return "deck_bot"

    async def _post(self, endpoint: str, data: Any = None, **more: object) -> Any:
        self.calls.append((endpoint, dict(data or {})))
        answer = self.answers(endpoint, data)
        if isinstance(answer, Exception):
            raise answer
        is_message = endpoint.startswith(("send", "edit"))
        return {"message_id": 1, "date": NOW_S, "chat": PRIVATE, "text": "x"} if is_message else True

    @property
    def sent(self) -> list[str]:
        return [endpoint for endpoint, _ in self.calls]


def draw(plot: Plot, dark: bool) -> bytes:
    return b"\x89PNG"


def face(chat: Chat, **settings: Any) -> TelegramChat:
    made = TelegramSettings("1:token", {"1": Role.ADMIN, "3": Role.VIEWER}, **settings)
    return TelegramChat(made, chat.dispatcher.handle, chat.registry, drawn_by(draw), chat.clock)


def context(wire: Wire) -> Any:
    return cast(CallbackContext, type("Context", (), {"bot": wire, "error": None})())  # type: ignore[type-arg]


async def say(telegram: TelegramChat, wire: Wire, text: str) -> None:
    given = {"update_id": len(wire.calls) + 1000, "message": message(text)}
    await telegram._message(Update.de_json(given, wire), context(wire))


async def tap(telegram: TelegramChat, wire: Wire, button: str, **more: object) -> None:
    await telegram._press(press(button, wire, **more), context(wire))


def buttons_of(data: dict[str, Any]) -> dict[str, str]:
    return {b.text: b.callback_data for row in data["reply_markup"].inline_keyboard for b in row}


async def test_a_conversation(chat: Chat) -> None:
    wire, telegram = Wire(), face(chat)
    await say(telegram, wire, "/close xrp 50")
    endpoint, data = wire.calls[-1]
    assert (endpoint, data["chat_id"], data["parse_mode"]) == ("sendMessage", 2, "HTML")
    assert data["text"].startswith("<b>Close XRPUSDT?</b>\nsize: <b>5")
    await tap(telegram, wire, buttons_of(data)["Confirm"])
    assert wire.sent == ["sendMessage", "answerCallbackQuery", "editMessageText"]
    assert wire.calls[-1][1]["text"] == "<b>Closed XRPUSDT</b>"
    assert chat.desk.done == [("close", "XRPUSDT", Decimal(50))]


async def test_a_refused_press_is_told_in_an_alert(chat: Chat) -> None:
    wire, telegram = Wire(), face(chat)
    card = await chat.reply("/set_risk 7", user="4", chat_id="2")
    await tap(telegram, wire, card.buttons[0].id)
    assert wire.sent == ["answerCallbackQuery"]
    assert wire.calls[0][1]["text"] == "Not your question. Only user 4, who asked, can answer this."


async def test_strangers_get_nothing_back(chat: Chat) -> None:
    wire, telegram = Wire(), face(chat)
    stranger = {**PERSON, "id": 666}
    given = {"update_id": 1, "message": message(**{"from": stranger, "chat": GROUP})}
    await telegram._message(Update.de_json(given, wire), context(wire))
    assert wire.calls == []


async def test_pictures_files_and_long_texts(chat: Chat) -> None:
    wire, telegram = Wire(), face(chat)
    plot = BarPlot(("a",), (Decimal(1),), "PnL")
    sender = telegram._sender(wire)
    await sender.send("2", Reply("PnL", plot=plot, buttons=(Button("x", "/x", id="1"),)))
    assert wire.sent == ["sendPhoto"]
    assert wire.calls[0][1]["caption"] == "<b>PnL</b>"
    assert buttons_of(wire.calls[0][1]) == {"x": "1"}
    wire.calls.clear()
    long = Reply(
        "PnL",
        text="y " * 3000,
        plot=plot,
        file=Attachment("a.csv", b"1"),
        buttons=(Button("x", "/x", id="1"),),
    )
    await sender.send("-100/7", long, silent=True)
    assert wire.sent == ["sendPhoto", "sendMessage", "sendMessage", "sendDocument"]
    assert all(data["message_thread_id"] == 7 and data["disable_notification"] for _, data in wire.calls)
    assert [bool(data.get("reply_markup")) for _, data in wire.calls] == [False, False, True, False]


async def test_a_photo_card_is_not_edited_into_text(chat: Chat) -> None:
    wire, telegram = Wire(), face(chat)
    card = await chat.reply("/status")
    await tap(telegram, wire, card.buttons[0].id, text=None, caption="x")
    assert wire.sent == ["answerCallbackQuery", "editMessageReplyMarkup", "sendMessage"]


async def test_refused_markup_is_sent_plain(chat: Chat) -> None:
    def picky(endpoint: str, data: dict[str, Any]) -> object:
        return BadRequest("Can't parse entities: x") if data.get("parse_mode") else None

    wire, telegram = Wire(picky), face(chat)
    await say(telegram, wire, "/status")
    assert wire.calls[-1][1]["text"] == "Status\nsymbol  all\nmode    demo"


async def test_a_card_that_cannot_be_edited_gets_its_answer_below(chat: Chat) -> None:
    for error, last in (
        ("Message is not modified", "editMessageText"),
        ("Message can't be edited", "sendMessage"),
    ):
        refuses = BadRequest(error)
        wire = Wire(
            lambda endpoint, data, refuses=refuses: refuses if endpoint == "editMessageText" else None
        )
        card = await chat.reply("/status")
        await tap(face(chat), wire, card.buttons[0].id)
        assert wire.sent[-1] == last


async def test_short_outages_are_waited_out(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(telegram_sender.asyncio, "sleep", sleep)
    wire = Wire()
    wire.answers = lambda endpoint, data: NetworkError("502") if len(wire.calls) < 3 else None
    await say(face(chat), wire, "/status")
    assert (wire.sent, waited[-2:]) == (["sendMessage"] * 3, [1, 2])


ENTRY = Notice(NoticeKind.ENTRY, Severity.TRADE, START_MS, "Long XRPUSDT", (("size", "10"),))


async def test_notices(chat: Chat) -> None:
    telegram = face(chat)
    with pytest.raises(PlatformDown):
        await telegram.say("2", notice_reply(ENTRY), False)
    wire = Wire()
    telegram._bot = wire
    await telegram.say("2", notice_reply(ENTRY), True)
    assert wire.calls[0][1]["text"] == "<b>Long XRPUSDT</b>\nsize: <b>10</b>"
    assert wire.calls[0][1]["disable_notification"]


@pytest.mark.parametrize("error", [BadRequest("Chat not found"), Forbidden("bot was blocked by the user")])
async def test_a_chat_that_refuses_for_good_blocks_nothing(chat: Chat, error: Exception) -> None:
    telegram = face(chat)
    telegram._bot = Wire(lambda endpoint, data: error)
    await telegram.say("2", notice_reply(ENTRY), False)


async def test_a_flood_is_for_the_courier(chat: Chat) -> None:
    telegram = face(chat)
    telegram._bot = Wire(lambda endpoint, data: RetryAfter(300))
    with pytest.raises(PlatformDown) as caught:
        await telegram.say("2", notice_reply(ENTRY), False)
    assert caught.value.retry_after_s == 300


async def test_menus_by_role(chat: Chat) -> None:
    wire, telegram = Wire(), face(chat)
    await telegram._menus.show(wire)
    assert wire.sent == ["deleteMyCommands", "setMyCommands", "setMyCommands"]
    names = [[command.command for command in data["commands"]] for _, data in wire.calls[1:]]
    assert "reset_kill" in names[0]
    assert "reset_kill" not in names[1]
    assert "status" in names[1]
    assert wire.calls[1][1]["scope"].chat_id == 1


async def test_a_second_poller_is_told_to_admins_once(chat: Chat) -> None:
    telegram, wire = face(chat), Wire()
    telegram._bot = wire
    for _ in range(3):
        telegram._polling_error(Conflict("terminated by other getUpdates request"))
    await telegram._underway.finished()
    assert [data["chat_id"] for _, data in wire.calls] == [1]
    assert "Another process" in wire.calls[0][1]["text"]


async def test_the_token_is_never_logged_nor_shown(chat: Chat, caplog: pytest.LogCaptureFixture) -> None:
    token = "123456789:" + "A" * 34 + "z"
    settings = TelegramSettings(token)
    assert token not in repr(settings)
    telegram = TelegramChat(settings, chat.dispatcher.handle, chat.registry, drawn_by(draw), chat.clock)
    with caplog.at_level(logging.DEBUG, "handlers"):
        telegram._polling_error(NetworkError(f"https://api.telegram.org/bot{token}/getUpdates failed"))
    assert token not in caplog.text


async def test_the_application_is_built_as_intended(chat: Chat) -> None:
    application = face(chat, base_url="http://127.0.0.1:9/bot")._application()
    assert application.bot.base_url == "http://127.0.0.1:9/bot1:token"
    assert len(application.handlers[0]) == 3
    assert application.job_queue is None


@pytest.mark.parametrize(
    "title, shown",
    [
        ("Not done", "Not done. Nothing."),
        ("Only its crew.", "Only its crew. Nothing."),
        ("Who?", "Who? Nothing."),
    ],
)
def test_an_alert_has_one_full_stop(title: str, shown: str) -> None:
    assert alert_text(Reply(title, text="Nothing.", ok=False)) == shown
