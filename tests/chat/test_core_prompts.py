"""Texts that are asked for: dialog boxes where there are any, the person's next line where there are none."""

import asyncio

import pytest
from chat_fakes import Chat
from desk_core_kit import Crew

from handlers.reply import Reply
from handlers.request import ChatKind

GROUP = {"chat_kind": ChatKind.GROUP, "chat_id": "-100"}
CONSOLE = {"platform": "console", "chat_kind": ChatKind.CONSOLE, "user": "me", "chat_id": "console"}


def asked(reply: Reply | None) -> Reply:
    assert reply is not None
    return reply


async def test_a_missing_text_is_taken_from_the_next_line(chat: Chat) -> None:
    said = await chat.reply("/note xrp")
    assert (said.title, said.expects, chat.last.outcome) == ("/note: which text?", "Text", "bad_arguments")
    done = await chat.reply("bought the dip")
    assert (done.name, done.ok) == ("note", True)
    assert chat.desk.done == [("note", "XRPUSDT", "bought the dip")]
    assert (chat.last.command, chat.last.arguments) == ("note", "xrp bought the dip")
    assert (await chat.reply("and more")).title == "Not a command"


async def test_a_missing_reason_is_asked_then_confirmed(chat: Chat) -> None:
    said = await chat.reply("/reset_kill all", user="1")
    assert said.expects == "Reason"
    card = await chat.reply("the data gap is fixed", user="1")
    assert [button.label for button in card.buttons] == ["Confirm", "Cancel"]
    await chat.press(card, "Confirm", user="1")
    assert chat.desk.done == [("reset_kill", "all", "the data gap is fixed", "telegram:1")]


async def test_a_reason_after_named_arguments(chat: Chat) -> None:
    await chat.reply("/reset_kill symbol=all", user="1")
    card = await chat.reply("all is well", user="1")
    await chat.press(card, "Confirm", user="1")
    assert chat.desk.done == [("reset_kill", "all", "all is well", "telegram:1")]


async def test_a_dialog_box_ends_the_line(chat: Chat) -> None:
    crew = Crew()
    said = await crew.reply("/note xrp", **GROUP)
    crew.restart()
    done = asked(await crew.modal(said, "Type the text", "from a dialog", **GROUP))
    assert done.name == "note"
    assert crew.desk.done == [("note", "XRPUSDT", "from a dialog")]


async def test_a_press_without_dialogs_asks_for_the_text() -> None:
    crew = Crew()
    said = await crew.reply("/note xrp", **GROUP)
    now = asked(await crew.press(said, "Type the text", **GROUP))
    assert (now.title, now.expects, now.in_place) == ("Send the text now", "Text", False)
    done = asked(await crew.say("no slash needed", **GROUP))
    assert done.name == "note"
    assert crew.desk.done == [("note", "XRPUSDT", "no slash needed")]


async def test_an_empty_dialog_asks_again() -> None:
    crew = Crew()
    said = await crew.reply("/note xrp")
    assert asked(await crew.modal(said, "Type the text", "  ")).title == "Send the text now"
    assert crew.desk.done == []


async def test_a_dialog_on_a_button_without_a_prompt_is_nothing() -> None:
    crew = Crew()
    card = await crew.reply("/status")
    assert "no longer works" in asked(await crew.modal(card, "Close", "50")).title
    assert crew.desk.done == [("status", "")]


async def test_in_a_group_only_the_asked_person_is_heard(chat: Chat) -> None:
    await chat.reply("/note xrp", **GROUP)
    assert await chat.say("I would sell", user="4", **GROUP) is None
    assert await chat.say("elsewhere", chat_kind=ChatKind.GROUP, chat_id="-200/7") is None
    assert chat.desk.done == []
    assert asked(await chat.say("mine", **GROUP)).name == "note"
    assert await chat.say("talk again", **GROUP) is None


async def test_the_same_number_on_another_platform_is_somebody_else() -> None:
    crew = Crew()
    await crew.reply("/note xrp", user="1")
    said = asked(await crew.say("mine?", user="1", platform="discord"))
    assert said.title == "Not a command"
    assert crew.desk.done == []


async def test_a_minute_and_no_longer(chat: Chat) -> None:
    await chat.reply("/note xrp")
    chat.clock.forward(60_000)
    assert asked(await chat.say("in time")).name == "note"
    await chat.reply("/note xrp")
    chat.clock.forward(60_001)
    assert asked(await chat.say("too late")).title == "Not a command"
    assert chat.desk.done == [("note", "XRPUSDT", "in time")]


@pytest.mark.parametrize("line", ["/status", "/cancel", "/nonsense", "/config"])
async def test_any_command_drops_it(line: str) -> None:
    crew = Crew()
    await crew.reply("/note xrp")
    await crew.say(line)
    assert asked(await crew.say("text")).title == "Not a command"
    assert ("note", "XRPUSDT", "text") not in crew.desk.done


async def test_a_press_drops_it(chat: Chat) -> None:
    card = await chat.reply("/close xrp")
    await chat.reply("/note xrp")
    await chat.press(card, "Cancel")
    assert asked(await chat.say("text")).title == "Not a command"
    assert chat.desk.done == []


async def test_it_is_used_once_even_at_the_same_moment(chat: Chat) -> None:
    await chat.reply("/note xrp")
    replies = await asyncio.gather(*(chat.say(f"text {n}") for n in range(5)))
    assert sorted(reply.ok for reply in replies if reply) == [False] * 4 + [True]
    assert len(chat.desk.done) == 1


async def test_an_edited_or_forwarded_text_does_not_use_it_up(chat: Chat) -> None:
    await chat.reply("/note xrp")
    assert await chat.say("forwarded", forwarded=True) is None
    assert await chat.say("edited", edited=True) is None
    assert asked(await chat.say("my own")).name == "note"
    assert chat.desk.done == [("note", "XRPUSDT", "my own")]


async def test_a_console_takes_the_text_but_lowering_risk_goes_first(chat: Chat) -> None:
    await chat.reply("note xrp", **CONSOLE)
    assert (await chat.reply("status of the market is odd", **CONSOLE)).name == "note"
    await chat.reply("note xrp", **CONSOLE)
    assert (await chat.reply("panic_close now", **CONSOLE)).title == "Flat"
    assert chat.desk.done[-1] == ("panic_close", "")


async def test_forms_wait_for_nothing(chat: Chat) -> None:
    said = asked(await chat.form("note", symbol="xrp"))
    assert said.title == "/note: which text?"
    assert asked(await chat.say("text")).title == "Not a command"


async def test_values_with_choices_keep_their_buttons_and_wait_for_nothing(chat: Chat) -> None:
    said = await chat.reply("/stoploss xrp")
    assert said.expects == ""
    assert asked(await chat.say("be")).title == "Not a command"
