"""Slack without a network: deliveries as Slack writes them, a client whose calls are written down."""

from collections.abc import Callable
from decimal import Decimal
from itertools import count
from typing import Any, cast

import pytest
from chat_fakes import START_MS, Chat
from drawings import drawn_by
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.notice import Notice, NoticeKind, Severity
from handlers.platforms.slack import SlackChat, SlackSettings, manifest
from handlers.platforms.slack import chat as slack_chat
from handlers.platforms.slack.place import Home, place_of, split_place
from handlers.platforms.slack.render import BLOCKS, MESSAGE, letters, messages, safe
from handlers.platforms.slack.request import Reader, unescaped
from handlers.platforms.slack.sender import Sender
from handlers.render_text import notice_reply
from handlers.reply import Attachment, BarPlot, Button, ButtonStyle, Column, Plot, Reply, Table
from handlers.request import ChatKind, Request, RequestKind
from handlers.speaker import PlatformDown

HOME = Home("T1", "", "UBOT")
COUNT = count(1)


class Answer(dict[str, Any]):
    """What the library calls a response."""

    def __init__(
        self, body: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(body)
        self.status_code = status
        self.headers = headers or {}


def fault(error: str, status: int = 200, wait: str = "") -> SlackApiError:
    headers = {"Retry-After": wait} if wait else {}
    return SlackApiError(error, Answer({"ok": False, "error": error}, status, headers))  # type: ignore[no-untyped-call]


class Client:
    """Everything the library would send: method and arguments; `fails` may answer with an exception."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.fails: Callable[[str, dict[str, Any]], Exception | None] = lambda method, given: None

    def __getattr__(self, method: str) -> Callable[..., Any]:
        async def call(**given: Any) -> Answer:
            self.calls.append((method, given))
            error = self.fails(method, given)
            if error is not None:
                raise error
            ts = f"1700000000.{len(self.calls):06}"
            return Answer({"ok": True, "ts": ts, "message_ts": ts, "channel": {"id": "D2"}})

        return call

    @property
    def sent(self) -> list[str]:
        return [method for method, _ in self.calls]

    @property
    def last(self) -> dict[str, Any]:
        return self.calls[-1][1]


def draw(plot: Plot, dark: bool) -> bytes:
    return b"\x89PNG"


class Face:
    """A Slack chat whose client writes down what we say. U2 is a trader, U1 an admin, C1 an allowed channel."""

    def __init__(self) -> None:
        self.chat = Chat()
        self.client = Client()
        self.placed: list[tuple[str, tuple[str, ...]]] = []
        settings = SlackSettings("xoxb-fake", "xapp-fake")
        self.slack = SlackChat(
            settings,
            self.chat.dispatcher.handle,
            self.chat.registry,
            drawn_by(draw),
            self.chat.clock,
            self.note,
            self.knows,
        )
        self.slack._home = HOME
        self.slack._sender = Sender(cast(AsyncWebClient, self.client), self.note)

    def note(self, reply: Reply, message_id: str) -> None:
        self.placed.append((message_id, tuple(button.label for button in reply.buttons)))

    def knows(self, request: Request) -> bool:
        return request.user_id in ("U1", "U2")

    def stamp(self) -> str:
        return f"{self.chat.clock.now_ms / 1000:.3f}{next(COUNT):03}"

    async def message(self, text: str, user: str = "U2", **more: Any) -> None:
        event = {"type": "message", "channel": "D2", "channel_type": "im", "user": user, "text": text}
        await self.slack.event(
            {"event_id": f"Ev{next(COUNT)}", "event": {**event, "ts": self.stamp(), **more}}
        )

    async def mention(self, text: str, user: str = "U2", channel: str = "C1", **more: Any) -> None:
        event = {"type": "app_mention", "channel": channel, "user": user, "text": f"<@UBOT> {text}"}
        await self.slack.event(
            {"event_id": f"Ev{next(COUNT)}", "event": {**event, "ts": self.stamp(), **more}}
        )

    async def slash(self, command: str, text: str = "", user: str = "U2", channel: str = "C1") -> None:
        await self.slack.slash(
            {
                "command": command,
                "text": text,
                "user_id": user,
                "user_name": "ann",
                "team_id": "T1",
                "channel_id": channel,
                "trigger_id": f"t{next(COUNT)}",
                "response_url": "",
            }
        )

    def element(self, label: str) -> dict[str, Any]:
        """A button of the last message."""
        for block in self.client.last["blocks"]:
            for element in block.get("elements", ()):
                for option in element.get("options", (element,)):
                    if option["text"]["text"] == label:
                        return {**element, "selected_option": option} if "options" in element else element
        raise AssertionError(f"no button {label}")

    async def press(self, label: str, user: str = "U2", channel: str = "C1", **more: Any) -> None:
        element = self.element(label)
        shown = {"ts": "1700000000.000009", **more}
        body = {
            "user": {"id": user, "username": "ann", "team_id": "T1"},
            "channel": {"id": channel},
            "message": shown,
            "container": {"message_ts": shown["ts"]},
            "trigger_id": f"t{next(COUNT)}",
        }
        await self.slack.press(body, {**element, "action_ts": self.stamp()})


@pytest.fixture
def face() -> Face:
    return Face()


def title(given: dict[str, Any]) -> str:
    return str(given["blocks"][0]["text"]["text"])


async def test_a_conversation_in_a_channel(face: Face) -> None:
    await face.mention("close xrp 50")
    assert face.client.sent == ["chat_postMessage"]
    assert (face.client.last["channel"], title(face.client.last)) == ("C1", "Close XRPUSDT?")
    assert face.client.last["blocks"][1]["fields"][0]["text"] == "*size*\n5"
    assert face.placed == [("1700000000.000001", ("Confirm", "Cancel"))]
    await face.press("Confirm")
    assert face.client.sent[1:] == ["chat_update"]
    assert face.client.last["ts"] == "1700000000.000009"
    assert title(face.client.last) == "Closed XRPUSDT"
    assert face.chat.desk.done == [("close", "XRPUSDT", Decimal(50))]
    assert [draft.platform for draft in face.chat.audit.drafts] == ["slack"] * 2


async def test_a_thread_is_answered_in_the_thread(face: Face) -> None:
    await face.mention("status", thread_ts="1699999999.000100")
    assert (face.client.last["channel"], face.client.last["thread_ts"]) == ("C1", "1699999999.000100")
    await face.press("Refresh", thread_ts="1699999999.000100")
    assert face.client.sent[-1] == "chat_update"


async def test_direct_messages_need_no_mention_nor_slash(face: Face) -> None:
    await face.message("status xrp")
    assert face.client.sent == ["conversations_open", "chat_postMessage"]
    assert face.client.last["channel"] == "D2"
    await face.press("Refresh", channel="D2")
    assert face.chat.desk.done == [("status", "XRPUSDT")] * 2
    assert {draft.chat_id for draft in face.chat.audit.drafts} == {"U2"}


@pytest.mark.parametrize(
    "command, text, done",
    [
        ("/quarterdeck", "status xrp", ("status", "XRPUSDT")),
        ("/quarterdeck", "/status xrp", ("status", "XRPUSDT")),
        ("/qd-status", "xrp", ("status", "XRPUSDT")),
        ("/qd-panic-close", "now", ("panic_close", "")),
    ],
)
async def test_slash_commands(face: Face, command: str, text: str, done: object) -> None:
    await face.slash(command, text)
    assert face.chat.desk.done == [done]


async def test_refusals_and_answers_for_admins_are_seen_by_the_asker_alone(face: Face) -> None:
    await face.mention("set_risk 5000")
    assert (face.client.sent[-1], face.client.last["user"]) == ("chat_postEphemeral", "U2")
    await face.mention("config", user="U1")
    assert (face.client.sent[-1], face.client.last["user"]) == ("chat_postEphemeral", "U1")
    await face.message("set_risk 5000")
    assert face.client.sent[-1] == "chat_postMessage"


async def test_strangers_and_other_channels_hear_nothing(face: Face) -> None:
    await face.mention("status", user="U666")
    await face.mention("status", channel="C2")
    await face.slash("/quarterdeck", "status", user="U666")
    assert face.client.calls == []
    assert face.chat.desk.done == []


@pytest.mark.parametrize(
    "more",
    [
        {"bot_id": "B1"},
        {"edited": {"user": "U2", "ts": "1"}},
        {"attachments": [{"is_share": True, "text": "/pause"}]},
        {"subtype": "channel_join"},
        {"user": ""},
        {"ts": "1600000000.000100"},
    ],
)
async def test_what_is_never_run(face: Face, more: dict[str, Any]) -> None:
    await face.message("pause", **more)
    assert face.chat.desk.done == []


async def test_an_edited_message_is_never_run(face: Face) -> None:
    spoken = {"user": "U2", "text": "/pause", "ts": face.stamp()}
    event = {"type": "message", "subtype": "message_changed", "channel": "D2", "channel_type": "im"}
    await face.slack.event({"event_id": "Ev1", "event": {**event, "message": spoken, "ts": face.stamp()}})
    assert face.chat.desk.done == []
    assert face.chat.audit.outcomes == [("pause", "refused")]


async def test_talk_in_a_channel_is_not_read(face: Face) -> None:
    await face.message("/pause", channel="C1", channel_type="channel")
    assert (face.chat.desk.done, face.chat.audit.drafts) == ([], [])


async def test_a_retried_delivery_acts_once(face: Face) -> None:
    event = {
        "type": "app_mention",
        "channel": "C1",
        "user": "U2",
        "text": "<@UBOT> pause",
        "ts": face.stamp(),
    }
    for _ in range(2):
        await face.slack.event({"event_id": "Ev7", "event": event})
    assert face.chat.desk.done == [("pause", "")]


async def test_people_of_other_workspaces_are_other_people(face: Face) -> None:
    await face.message("status", user_team="T2")
    assert face.chat.desk.done == []
    assert HOME.user_id("U2", "T2") == "T2.U2"
    assert (HOME.user_id("U2", "T1"), HOME.user_id("U2", "")) == ("U2", "U2")
    assert Home("T1", "E1").user_id("U2", "T9", "E1") == "U2"
    assert split_place("T2.U2/17.1") == ("U2", "17.1")


def test_a_message_with_answers_is_no_thread() -> None:
    assert place_of("C1", "U2", "17.1", "17.1").chat_id == "C1"
    threaded = place_of("C1", "U2", "16.1", "17.1")
    assert (threaded.chat_id, threaded.within, threaded.kind) == ("C1/16.1", ("C1",), ChatKind.GROUP)
    assert place_of("D7", "U2", "", "17.1") == place_of("D8", "U2", "", "")


def test_what_was_typed() -> None:
    assert unescaped("XRP &gt; 3 &amp;&lt; <http://a.b|a.b> <@U1>") == "XRP > 3 &< a.b @U1"


MANY = tuple(Button(f"S{i}USDT", f"/close S{i}USDT", id=f"{i:032}") for i in range(30))
ASKS = Button("Refuse", "/reject 7", ButtonStyle.DANGER, "a" * 32, "Reason")


async def test_many_choices_are_a_menu(face: Face) -> None:
    await face.slack.say("C1", Reply("Which?", buttons=(*MANY, Button("Help", "/help", id="h"))))
    menu, rest = face.client.last["blocks"][-2:]
    assert [element["type"] for element in menu["elements"]] == ["static_select"]
    assert [option["text"]["text"] for option in menu["elements"][0]["options"]] == [b.label for b in MANY]
    assert [element["text"]["text"] for element in rest["elements"]] == ["Help"]


async def test_a_choice_presses_its_button(face: Face) -> None:
    found: list[Request] = []

    async def handle(request: Request) -> Reply | None:
        found.append(request)
        return None

    face.slack.handle = handle
    await face.slack.say("C1", Reply("Which?", buttons=MANY))
    await face.press("S7USDT")
    assert (found[0].kind, found[0].button) == (RequestKind.BUTTON, f"{7:032}")


async def test_a_box_asks_for_the_text(face: Face) -> None:
    found: list[Request] = []

    async def handle(request: Request) -> Reply | None:
        found.append(request)
        return None

    face.slack.handle = handle
    await face.slack.say("C1", Reply("Proposal 7", buttons=(ASKS,)))
    await face.press("Refuse")
    assert (face.client.sent[-1], found) == ("views_open", [])
    view = face.client.last["view"]
    assert (view["title"]["text"], view["blocks"][0]["label"]["text"]) == ("Reason", "Reason")
    filled = {**view, "id": "V1", "state": {"values": {"line": {"text": {"value": "too risky"}}}}}
    await face.slack.filled({"user": {"id": "U2", "team_id": "T1"}, "view": filled, "trigger_id": "t"})
    request = found[0]
    assert (request.kind, request.button, request.text) == (RequestKind.MODAL, "a" * 32, "too risky")
    assert (request.chat_id, request.chat_kind, request.message_id) == (
        "C1",
        ChatKind.GROUP,
        "1700000000.000009",
    )


async def test_strangers_are_shown_no_box(face: Face) -> None:
    await face.slack.say("C1", Reply("Proposal 7", buttons=(ASKS,)))
    await face.press("Refuse", user="U666")
    assert face.client.sent == ["chat_postMessage"]


async def test_an_expected_answer_gets_a_box(face: Face) -> None:
    found: list[Request] = []

    async def handle(request: Request) -> Reply | None:
        found.append(request)
        return None

    await face.slack.say("C1", Reply("Code?", expects="Code"))
    await face.press("Answer: Code")
    face.slack.handle = handle
    view = {**face.client.last["view"], "state": {"values": {"line": {"text": {"value": "123456"}}}}}
    await face.slack.filled({"user": {"id": "U2", "team_id": "T1"}, "view": view, "trigger_id": "t"})
    assert (found[0].kind, found[0].text, found[0].chat_id) == (RequestKind.TEXT, "123456", "C1")


@pytest.mark.parametrize("metadata", ["", "{}", "[]", '{"button": 1, "chat": 2, "kind": "x", "within": []}'])
async def test_foreign_boxes_are_ignored(face: Face, metadata: str) -> None:
    await face.slack.filled({"user": {"id": "U2"}, "view": {"private_metadata": metadata, "state": None}})
    assert face.chat.audit.drafts == []


async def test_pictures_and_files_come_first(face: Face) -> None:
    plot = BarPlot(("a",), (Decimal(1),), "PnL")
    await face.slack.say("C1/16.1", Reply("PnL", plot=plot, file=Attachment("a.csv", b"1"), name="pnl"))
    assert face.client.sent == ["files_upload_v2", "files_upload_v2", "chat_postMessage"]
    assert [given["filename"] for _, given in face.client.calls[:2]] == ["pnl.png", "a.csv"]
    assert {given["thread_ts"] for _, given in face.client.calls} == {"16.1"}


async def test_private_pictures_go_to_the_person(face: Face) -> None:
    async def handle(request: Request) -> Reply | None:
        return Reply("Scan this", image=b"png", private=True)

    face.slack.handle = handle
    await face.mention("totp")
    assert face.client.sent == ["chat_postEphemeral", "conversations_open", "files_upload_v2"]
    assert face.client.last["channel"] == "D2"
    assert "direct messages" in str(face.client.calls[0][1]["blocks"])


async def test_a_secret_in_a_message_has_to_be_deleted_by_its_author(face: Face) -> None:
    async def handle(request: Request) -> Reply | None:
        return Reply("Keep keys out of the chat", take_back=True, ok=False)

    face.slack.handle = handle
    await face.message("my key is")
    assert "delete it yourself" in str(face.client.last["blocks"])


async def test_amending(face: Face) -> None:
    message = await face.slack.say("C1", Reply("Training 10 %"))
    await face.slack.amend("C1", message, Reply("Training 20 %"))
    assert (face.client.sent[-1], face.client.last["ts"]) == ("chat_update", message)
    face.client.fails = lambda method, given: fault("message_not_found") if method == "chat_update" else None
    await face.slack.amend("C1", message, Reply("Training 30 %"))
    assert (face.client.sent[-1], title(face.client.last)) == ("chat_postMessage", "Training 30 %")


async def test_a_channel_that_refuses_for_good_blocks_nothing(
    face: Face, caplog: pytest.LogCaptureFixture
) -> None:
    face.client.fails = lambda method, given: fault("is_archived")
    assert await face.slack.say("C1", Reply("x")) == ""
    assert "is_archived" in caplog.text


async def test_a_long_pause_is_for_the_courier(face: Face) -> None:
    face.client.fails = lambda method, given: fault("ratelimited", 429, "300")
    with pytest.raises(PlatformDown) as caught:
        await face.slack.say("C1", Reply("x"))
    assert caught.value.retry_after_s == 300


async def test_a_broken_wire_is_an_outage(face: Face) -> None:
    face.client.fails = lambda method, given: ConnectionResetError("gone")
    with pytest.raises(PlatformDown):
        await face.slack.say("C1", Reply("x"))
    face.slack._sender = None
    with pytest.raises(PlatformDown):
        await face.slack.say("C1", Reply("x"))


async def test_an_answer_gets_through_after_an_outage(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    insisted = slack_chat.insisted
    monkeypatch.setattr(
        slack_chat, "insisted", lambda send, what: insisted(send, what, attempts=5, sleep=sleep)
    )
    face.client.fails = lambda method, given: fault("internal_error") if len(face.client.calls) < 3 else None
    await face.mention("status")
    assert face.client.sent == ["chat_postMessage"] * 3
    assert waited == [1, 2]


async def test_notices(face: Face) -> None:
    notice = Notice(NoticeKind.ENTRY, Severity.CRITICAL, START_MS, "Long XRPUSDT", (("size", "10"),))
    await face.slack.say("U2", notice_reply(notice), False)
    assert (face.client.last["channel"], title(face.client.last)) == ("D2", "🔴 Long XRPUSDT")


def test_tokens_are_not_shown() -> None:
    assert "sesame" not in repr(SlackSettings("sesame", "sesame"))


def test_the_manifest_offers_the_commands(face: Face) -> None:
    made: Any = manifest(face.chat.registry)
    offered = [one["command"] for one in made["features"]["slash_commands"]]
    assert offered[0] == "/quarterdeck"
    assert "/qd-panic-close" in offered
    assert len(offered) == len(face.chat.registry) + 1
    assert made["settings"]["socket_mode_enabled"] is True
    assert "message.channels" not in str(made), "talk in channels is not read"


TABLE = Table((Column("symbol"), Column("PnL", "right")), (("XRP```", "+1"), ("<!here>", "-2")))


def test_rendering_is_harmless() -> None:
    made = messages(Reply("*T* @here", (("<@U1>", "*x* :smile:"),), TABLE, "`a` @everyone"))
    blocks: Any = made[0].blocks
    assert blocks[0]["text"] == {"type": "plain_text", "text": "*T* @\u2060here", "emoji": False}
    assert blocks[1]["fields"][0]["type"] == "plain_text"
    assert blocks[1]["fields"][0]["text"] == "&lt;@\u2060U1&gt;\n*x* :smile:"
    assert "XRPˋˋˋ" in blocks[2]["text"]["text"]
    assert "&lt;!here&gt;" in blocks[2]["text"]["text"]
    assert blocks[3]["text"]["type"] == "plain_text"
    assert safe("<!channel>") == "&lt;!channel&gt;"


def assert_within_limits(blocks: list[Any]) -> None:
    assert 1 <= len(blocks) <= BLOCKS
    assert letters(*blocks) <= MESSAGE + 3000
    for block in blocks:
        if block["type"] == "header":
            assert 1 <= len(block["text"]["text"]) <= 150
        if "text" in block:
            assert 1 <= len(block["text"]["text"]) <= 3000
        fields = block.get("fields", ())
        assert len(fields) <= 10
        assert all(1 <= len(field["text"]) <= 2000 for field in fields)
        assert len(block.get("elements", ())) <= 25
        for element in block.get("elements", ()):
            assert len(element.get("text", element.get("placeholder"))["text"]) <= 75
            assert len(element["action_id"]) <= 255
            assert len(element.get("options", ())) <= 100


@given(
    st.text(max_size=400),
    st.text(max_size=9000),
    st.lists(st.tuples(st.text(max_size=400), st.text(max_size=2000)), max_size=30),
)
def test_whatever_is_rendered_fits(head: str, text: str, fields: list[tuple[str, str]]) -> None:
    for one in messages(Reply(head, tuple(fields), text=text)):
        assert_within_limits(one.blocks)


@given(st.lists(st.text(max_size=200), max_size=130))
def test_whatever_the_buttons_say_fits(labels: list[str]) -> None:
    buttons = tuple(Button(label, f"/x {label}", id=f"{i:032}") for i, label in enumerate(labels))
    made = messages(Reply("x", buttons=buttons))
    assert [button for one in made for button in one.buttons] == list(buttons)
    for one in made:
        assert_within_limits(one.blocks)


def test_a_reader_makes_nothing_of_nothing(face: Face) -> None:
    reader = Reader(HOME, face.chat.registry)
    assert reader.event({}) is None
    assert reader.event({"event": {"type": "message", "channel": "D1", "text": 5}}) is not None
    assert reader.slash({}, 0).text == "/"


@pytest.mark.parametrize("dark", [True, False])
async def test_pictures_have_the_look_of_the_platform(face: Face, dark: bool) -> None:
    looks: list[bool] = []

    def record(plot: Plot, is_dark: bool) -> bytes:
        looks.append(is_dark)
        return b"\x89PNG"

    face.slack.settings = SlackSettings("xoxb-fake", "xapp-fake", dark_pictures=dark)
    face.slack.drawing = drawn_by(record)
    await face.slack.say("C1", Reply("PnL", plot=BarPlot(("a",), (Decimal(1),), "PnL")))
    assert looks == [dark]
