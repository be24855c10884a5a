"""Confirmations: bound to person, chat, command, arguments and figures; valid 30 s, once."""

import asyncio
from decimal import Decimal

import pytest
from chat_fakes import Chat

from handlers.request import ChatKind

GROUP = {"chat_kind": ChatKind.GROUP, "chat_id": "-100"}


async def test_asked_shown_confirmed(chat: Chat) -> None:
    card = await chat.reply("/close xrp 50")
    assert [button.label for button in card.buttons] == ["Confirm", "Cancel"]
    assert dict(card.fields) == {"size": "5", "price": "100"}
    assert "Confirm within 30 s" in card.text
    assert chat.desk.done == []
    done = await chat.press(card, "Confirm")
    assert done is not None
    assert (done.title, done.in_place, done.name) == ("Closed XRPUSDT", True, "close")
    assert chat.desk.done == [("close", "XRPUSDT", Decimal(50))]
    assert chat.audit.outcomes == [("close", "asked"), ("close", "ok")]


async def test_cancel(chat: Chat) -> None:
    card = await chat.reply("/close xrp")
    done = await chat.press(card, "Cancel")
    assert done is not None
    assert done.title == "Cancelled: /close XRPUSDT"
    late = await chat.press(card, "Confirm")
    assert late is not None
    assert late.title == "Already answered"
    assert chat.desk.done == []
    assert chat.audit.outcomes[-2:] == [("close", "cancelled"), ("close", "refused")]


@pytest.mark.parametrize("label", ["Confirm", "Cancel"])
@pytest.mark.parametrize("other", ["1", "4"])
async def test_somebody_else_presses(chat: Chat, label: str, other: str) -> None:
    card = await chat.reply("/close xrp", **GROUP)
    said = await chat.press(card, label, other, **GROUP)
    assert said is not None
    assert said.title == "Not your question"
    assert chat.last.outcome == "denied"
    assert chat.desk.done == []
    assert (await chat.press(card, "Confirm", **GROUP)) is not None
    assert len(chat.desk.done) == 1


async def test_another_chat(chat: Chat) -> None:
    card = await chat.reply("/close xrp", **GROUP)
    said = await chat.press(card, "Confirm")
    assert said is not None
    assert "no longer works" in said.title
    assert chat.desk.done == []


async def test_valid_for_thirty_seconds(chat: Chat) -> None:
    card = await chat.reply("/close xrp")
    chat.clock.forward(30_000)
    assert (await chat.press(card, "Confirm")) is not None
    assert len(chat.desk.done) == 1
    card = await chat.reply("/close xrp")
    chat.clock.forward(30_001)
    late = await chat.press(card, "Confirm")
    assert late is not None
    assert (late.title, chat.last.outcome) == ("Expired", "expired")
    assert len(chat.desk.done) == 1
    again = await chat.press(late, "Ask again")
    assert again is not None
    assert [button.label for button in again.buttons] == ["Confirm", "Cancel"]


async def test_single_use_even_at_the_same_moment(chat: Chat) -> None:
    card = await chat.reply("/close xrp")
    chat.desk.gate = asyncio.Event()
    presses = [asyncio.create_task(chat.press(card, "Confirm")) for _ in range(5)]
    await asyncio.sleep(0.01)
    chat.desk.gate.set()
    replies = await asyncio.gather(*presses)
    assert sorted(reply.title for reply in replies if reply) == ["Already answered"] * 4 + ["Closed XRPUSDT"]
    assert len(chat.desk.done) == 1


async def test_facts_that_changed_are_shown_again(chat: Chat) -> None:
    card = await chat.reply("/close xrp")
    chat.desk.held["XRPUSDT"] = Decimal(4)
    again = await chat.press(card, "Confirm")
    assert again is not None
    assert again.text.startswith("The figures changed and nothing was done.")
    assert dict(again.fields)["size"] == "4"
    assert again.in_place
    assert chat.desk.done == []
    assert chat.last.outcome == "asked"
    done = await chat.press(again, "Confirm")
    assert done is not None
    assert done.title == "Closed XRPUSDT"


@pytest.mark.parametrize("price,runs", [("100.5", True), ("99.5", True), ("100.51", False), ("99.4", False)])
async def test_prices_may_move_a_little(chat: Chat, price: str, runs: bool) -> None:
    card = await chat.reply("/close xrp")
    chat.desk.price = Decimal(price)
    await chat.press(card, "Confirm")
    assert bool(chat.desk.done) is runs


async def test_without_a_snapshot_every_figure_binds(chat: Chat) -> None:
    card = await chat.reply("/set_risk 7")
    chat.desk.risk_amount = Decimal(6)
    again = await chat.press(card, "Confirm")
    assert again is not None
    assert dict(again.fields) == {"risk": "6 -> 7"}
    assert chat.desk.risk_amount == 6
    assert (await chat.press(again, "Confirm")) is not None
    assert chat.desk.risk_amount == 7


async def test_gone_meanwhile(chat: Chat) -> None:
    card = await chat.reply("/close xrp")
    chat.desk.held = {}
    said = await chat.press(card, "Confirm")
    assert said is not None
    assert said.title == "Nothing to close"
    assert chat.last.outcome == "refused"
    assert chat.desk.done == []


async def test_a_preview_that_refuses_is_the_answer(chat: Chat) -> None:
    reply = await chat.reply("/close btc")
    assert (reply.title, reply.buttons) == ("Nothing to close", ())
    assert chat.last.outcome == "refused"


async def test_nothing_to_confirm_runs_at_once(chat: Chat) -> None:
    assert (await chat.reply("/set_risk 5")).title == "Risk set"


async def test_the_flag_skips_the_question_only_where_declared(chat: Chat) -> None:
    assert (await chat.reply("/panic_close now")).title == "Flat"
    assert "one word too many" in (await chat.reply("/close xrp 50 now")).text
    assert len(chat.desk.done) == 1


async def test_code_without_a_code_set_is_a_button(chat: Chat) -> None:
    card = await chat.reply("/reset_kill all it is mended", user="1")
    done = await chat.press(card, "Confirm", user="1")
    assert done is not None
    assert done.ok
    assert chat.desk.done == [("reset_kill", "all", "it is mended", "telegram:1")]


async def test_two_cards_are_two_questions(chat: Chat) -> None:
    first = await chat.reply("/set_risk 7")
    second = await chat.reply("/set_risk 8")
    await chat.press(second, "Confirm")
    stale = await chat.press(first, "Confirm")
    assert stale is not None
    assert "figures changed" in stale.text
    assert chat.desk.risk_amount == 8


async def test_a_card_of_an_earlier_process_is_dead() -> None:
    before, after = Chat(salt=b""), Chat(salt=b"")
    card = await before.reply("/close xrp")
    after.clock.forward(5_000)
    await after.reply("/close xrp")
    said = await after.press(card, "Confirm")
    assert said is not None
    assert "no longer works" in said.title
    assert after.desk.done == []
