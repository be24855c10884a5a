"""The dispatcher spoken to as a person would: what runs, what is answered, what is kept."""

import logging
from dataclasses import replace

import pytest
from chat_fakes import Chat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handlers.reply import Reply
from handlers.request import ChatKind, Request, RequestKind


async def test_a_command_runs_and_is_audited(chat: Chat) -> None:
    reply = await chat.reply("/status xrp")
    assert (reply.ok, reply.name, dict(reply.fields)["symbol"]) == (True, "status", "XRPUSDT")
    assert chat.desk.done == [("status", "XRPUSDT")]
    last = chat.last
    assert (last.platform, last.user_id, last.chat_id) == ("telegram", "2", "2")
    assert (last.command, last.arguments, last.outcome) == ("status", "xrp", "ok")
    assert last.at_ms == chat.clock.now_ms


async def test_aliases_case_and_bot_names(chat: Chat) -> None:
    for line in ("/state", "/STATUS", "/status@quarterdeck_bot", " /status ", "/status\nxrp"):
        assert (await chat.reply(line)).name == "status"
    assert chat.last.command == "status"


async def test_what_changed_goes_into_the_audit(chat: Chat) -> None:
    card = await chat.reply("/set_risk 7")
    assert chat.last.outcome == "asked"
    done = await chat.press(card, "Confirm")
    assert done is not None
    assert done.ok
    assert (chat.last.outcome, chat.last.changes, chat.last.arguments) == ("ok", "risk: 5 -> 7", "7")


async def test_every_reply_as_json(chat: Chat) -> None:
    reply = await chat.reply("/trades 2")
    body = reply.to_json()
    assert body["name"] == "trades"
    assert body["table"] == [{"trade": "t0", "net": "+0.00"}, {"trade": "t1", "net": "+1.00"}]
    card = (await chat.reply("/set_risk 9")).to_json()
    assert card["buttons"] == [
        {"label": "Confirm", "command": "/set_risk 9"},
        {"label": "Cancel", "command": ""},
    ]


async def test_a_mistyped_command_is_answered_with_the_nearest(chat: Chat) -> None:
    reply = await chat.reply("/stauts xrp")
    assert not reply.ok
    assert reply.buttons[0].command_line == "/status xrp"
    assert chat.last.outcome == "unknown_command"
    pressed = await chat.press(reply, "/status")
    assert pressed is not None
    assert pressed.title == "Status"


async def test_suggestions_stay_within_the_role(chat: Chat) -> None:
    reply = await chat.reply("/set_rsk 5", user="3")
    assert [button.label for button in reply.buttons] == []
    assert "set_risk" not in reply.text


async def test_talk_is_ignored_in_groups_and_answered_in_private(chat: Chat) -> None:
    group = {"chat_kind": ChatKind.GROUP, "chat_id": "-100"}
    assert await chat.say("hello everybody", **group) is None
    assert "slash" in (await chat.reply("status")).text
    assert chat.audit.drafts == []


async def test_a_console_needs_no_slash(chat: Chat) -> None:
    console = {"platform": "console", "chat_kind": ChatKind.CONSOLE, "user": "me"}
    assert (await chat.reply("status xrp", **console)).name == "status"
    assert not (await chat.reply("hello", **console)).ok


async def test_missing_arguments_are_offered_as_buttons_open_positions_first(chat: Chat) -> None:
    reply = await chat.reply("/stoploss")
    assert [button.command_line for button in reply.buttons] == ["/stoploss XRPUSDT"]
    again = await chat.press(reply, "XRPUSDT")
    assert again is not None
    assert again.title == "/stoploss: which to?"
    assert [button.command_line for button in again.buttons] == ["/stoploss XRPUSDT be"]
    chat.desk.held = {}
    reply = await chat.reply("/close")
    assert [button.label for button in reply.buttons] == list(chat.desk.instruments)
    assert chat.last.outcome == "bad_arguments"


async def test_many_choices_are_counted_not_cut_silently(chat: Chat) -> None:
    btc = chat.desk.instruments["BTCUSDT"]
    chat.desk.instruments = {f"C{i}USDT": replace(btc, symbol=f"C{i}USDT") for i in range(263)}
    reply = await chat.reply("/note")
    assert len(reply.buttons) == 12
    assert "252 more can be typed" in reply.text


async def test_bad_values_tell_range_and_example(chat: Chat) -> None:
    reply = await chat.reply("/set_risk 5000")
    assert reply.text == ("amount must be a number from 0.1 to 1000 USDT, not “5000”. Example: /set_risk 5")
    assert chat.last.outcome == "bad_arguments"
    assert chat.desk.done == []


async def test_injected_objects_arrive(chat: Chat) -> None:
    reply = await chat.reply("/whoami")
    assert (reply.title, reply.text) == ("telegram:2", "13 commands for trader")


async def test_forms_and_slash_options(chat: Chat) -> None:
    assert await chat.form("trades", n="3", symbol="btc") is not None
    assert chat.desk.done == [("trades", 3, "BTCUSDT", False)]
    assert chat.last.arguments == "n=3 symbol=btc"
    unknown = await chat.form("rm -rf")
    assert unknown is not None
    assert chat.last.outcome == "unknown_command"


async def test_an_internal_fault_tells_a_number_and_nothing_else(
    chat: Chat, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        reply = await chat.reply("/broken")
    assert reply.title.startswith("Internal fault ")
    assert "hunter2" not in str(reply.to_json())
    assert reply.title.removeprefix("Internal fault ") in caplog.text
    assert chat.last.outcome == "failed"
    assert (await chat.reply("/status")).ok


async def test_a_broken_audit_loses_no_answer(chat: Chat, caplog: pytest.LogCaptureFixture) -> None:
    chat.audit.broken = True
    assert (await chat.reply("/panic_close now")).title == "Flat"
    assert "panic_close" in caplog.text


async def test_long_tables_are_paged_for_platforms_that_ask(chat: Chat) -> None:
    first = await chat.reply("/trades 25", page_rows=10)
    assert first.table is not None
    assert first.table.rows[0] == ("t0", "+0.00")
    assert first.text == "Rows 1 to 10 of 25."
    second = await chat.press(first, "11 to 20", page_rows=10)
    assert second is not None
    assert second.table is not None
    assert (second.table.rows[0], second.in_place) == (("t10", "+10.00"), True)
    assert [button.label for button in second.buttons] == ["1 to 10", "21 to 25"]
    back = await chat.press(second, "1 to 10", page_rows=10)
    assert back is not None
    assert back.in_place
    third = await chat.press(second, "21 to 25", page_rows=10)
    assert third is not None
    assert third.table is not None
    assert len(third.table.rows) == 5
    whole = await chat.reply("/trades 25")
    assert whole.table is not None
    assert len(whole.table.rows) == 25


async def test_refresh_shows_in_place_another_command_does_not(chat: Chat) -> None:
    card = await chat.reply("/status")
    again = await chat.press(card, "Refresh")
    assert again is not None
    assert again.in_place
    close = await chat.press(card, "Close")
    assert close is not None
    assert not close.in_place


async def test_buttons_carry_short_opaque_ids(chat: Chat) -> None:
    reply = await chat.reply("/status")
    ids = [button.id for button in reply.buttons]
    assert len(set(ids)) == 2
    assert all(len(key.encode()) <= 64 for key in ids)


async def test_buttons_above_the_role_are_not_shown(chat: Chat) -> None:
    assert [button.label for button in (await chat.reply("/status", user="3")).buttons] == ["Refresh"]


async def test_old_buttons_say_so(chat: Chat) -> None:
    request = chat.request(kind=RequestKind.BUTTON, button="0" * 32)
    reply = await chat.dispatcher.handle(request)
    assert reply is not None
    assert "no longer works" in reply.title


HOSTILE = [
    "/" + "a" * 10_000,
    "/status " + "x" * 10_000,
    "/note xrp " + "🚀" * 200,
    "/status '; DROP TABLE trades; --",
    "/status <script>alert(1)</script>",
    "/status *bold* _it_ [x](http://x) `code` @everyone <@1>",
    "/status \x00\x1b[31mred\x07\u202etxet",
    "/\u202estatus",
    "/",
    "//",
    "/ status",
    "/@",
    "/status@",
    "/status " + "\u0300" * 500,
    "/config 123456789:AAEhBOweik6ad9r_QXMENQjcrGbqCr4K-bc",
    "/config aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789aBcDeFgHiJkL",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_hostile_text_gets_one_clear_answer(chat: Chat, text: str) -> None:
    reply = await chat.reply(text, user="1")
    assert_tidy(reply)
    for draft in chat.audit.drafts:
        assert draft.command.isprintable()
        assert draft.arguments.isprintable()
        assert len(draft.arguments) < 600
        assert len(draft.command) < 130
        assert "AAEhBOweik6" not in draft.arguments
        assert "aBcDeFgHiJkL" not in draft.arguments


def assert_tidy(reply: Reply) -> None:
    """What is echoed is short and printable."""
    for text in (reply.title, reply.text, *(button.label for button in reply.buttons)):
        assert all(line.isprintable() for line in text.split("\n"))
        assert len(text) < 700


async def test_echo_says_what_it_left_out(chat: Chat) -> None:
    reply = await chat.reply("/" + "z" * 10_000)
    assert reply.title == "No command /" + "z" * 80 + "… (9,920 more characters)"


@settings(suppress_health_check=list(HealthCheck), max_examples=300, deadline=None)
@given(
    text=st.one_of(
        st.text(max_size=60),
        st.builds(
            "/{} {}".format, st.sampled_from(["status", "close", "set_risk", "note"]), st.text(max_size=80)
        ),
    ),
    kind=st.sampled_from(list(ChatKind)),
)
async def test_no_text_breaks_anything(text: str, kind: ChatKind) -> None:
    chat = Chat()
    reply = await chat.say(text, chat_kind=kind, chat_id="-100")
    if reply is not None:
        assert "Internal fault" not in reply.title
        assert all(line.isprintable() for line in reply.title.split("\n"))
    as_it_is = ("set_risk", 5)  # what changes nothing needs no confirmation
    assert all(done[0] in ("status", "note") or done == as_it_is for done in chat.desk.done)  # type: ignore[index]


@settings(suppress_health_check=list(HealthCheck), max_examples=300, deadline=None)
@given(
    name=st.one_of(st.text(max_size=20), st.sampled_from(["close", "status"])),
    arguments=st.dictionaries(
        st.one_of(st.text(max_size=9), st.just("symbol")), st.text(max_size=30), max_size=4
    ),
    button=st.text(max_size=70),
    kind=st.sampled_from(list(RequestKind)),
)
async def test_no_request_breaks_anything(
    name: str, arguments: dict[str, str], button: str, kind: RequestKind
) -> None:
    chat = Chat()
    request: Request = chat.request(kind=kind, command=name, arguments=arguments, button=button, text=name)
    reply = await chat.dispatcher.handle(request)
    assert reply is None or "Internal fault" not in reply.title
