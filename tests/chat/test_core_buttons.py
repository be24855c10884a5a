"""Buttons: signed lines outlive a restart, answers do not; each works in its chat and on its message alone."""

import pytest
from chat_fakes import START_MS, fake
from desk_core_kit import Crew
from hypothesis import given
from hypothesis import strategies as st

from bot.runtime.desk import Desk
from handlers.buttons import LONGEST_ID, ButtonBook, RunLine
from handlers.command import Risk, Role, command
from handlers.reply import Reply
from handlers.request import ChatKind, RequestKind

GROUP = {"chat_kind": ChatKind.GROUP, "chat_id": "-100"}


async def test_a_line_button_works_after_a_restart() -> None:
    crew = Crew()
    card = await crew.reply("/status xrp")
    assert all(len(button.id.encode()) <= LONGEST_ID for button in card.buttons)
    crew.restart()
    again = await crew.press(card, "Refresh")
    assert again is not None
    assert (again.title, dict(again.fields)["symbol"], again.in_place) == ("Status", "XRPUSDT", True)
    asked = await crew.press(card, "Close")
    assert asked is not None
    assert [button.label for button in asked.buttons] == ["Confirm", "Cancel"]
    assert not asked.in_place


async def test_an_answer_does_not_outlive_a_restart() -> None:
    crew = Crew()
    card = await crew.reply("/close xrp")
    crew.restart()
    said = await crew.press(card, "Confirm")
    assert said is not None
    assert "no longer works" in said.title
    assert crew.desk.done == []


async def test_a_press_is_checked_like_any_other_request() -> None:
    crew = Crew()
    card = await crew.reply("/status", **GROUP)
    said = await crew.press(card, "Close", user="3", **GROUP)
    assert said is not None
    assert (said.title, crew.last.outcome) == ("Not allowed", "denied")
    assert await crew.press(card, "Close", user="666", **GROUP) is None


async def test_an_id_works_in_its_own_chat_alone() -> None:
    crew = Crew()
    card = await crew.reply("/status", **GROUP)
    said = await crew.press(card, "Refresh")
    assert said is not None
    assert "no longer works" in said.title


@pytest.mark.parametrize(
    "change", [lambda k: k[:-1] + "Q", lambda k: k[:3] + "A" + k[4:], lambda k: "~b" + k[2:]]
)
async def test_a_forged_id_does_nothing(change: object) -> None:
    crew = Crew()
    card = await crew.reply("/status")
    close = next(button for button in card.buttons if button.label == "Close")
    forged = change(close.id)  # type: ignore[operator]
    assert forged != close.id
    said = await crew.dispatcher.handle(crew.request(kind=RequestKind.BUTTON, button=forged))
    assert said is not None
    assert "no longer works" in said.title


async def test_another_salt_knows_no_old_button() -> None:
    book, other = ButtonBook(b"one", 10), ButtonBook(b"two", 10)
    key = book.issue(RunLine("1", "/status"))
    assert book.find(key, "1") == RunLine("1", "/status")
    assert other.find(key, "1") is None
    assert ButtonBook(b"", 10).find(key, "1") is None


@given(st.text(max_size=80), st.text(max_size=20), st.booleans())
def test_what_is_issued_is_found(line: str, prompt: str, refreshes: bool) -> None:
    """Whatever the letters: short plain lines are signed, all others remembered; never over the limit."""
    book = ButtonBook(b"salt", 10)
    held = RunLine("c", f"/{line}", refreshes, prompt)
    key = book.issue(held)
    assert len(key.encode()) <= LONGEST_ID
    assert book.find(key, "c") == held
    assert book.find(key, "d") is None


@given(st.text(max_size=70))
def test_any_key_is_looked_up_without_harm(key: str) -> None:
    for candidate in (key, f"~a{key}", f"~d{key}", "~"):
        assert ButtonBook(b"salt", 10).find(candidate, "c") is None


async def test_a_long_line_is_kept_in_memory() -> None:
    crew = Crew()
    long = "x" * 60
    reply = await crew.reply(f"/nota XRPUSDT {long}")
    assert reply.buttons[0].id[0] != "~"
    assert (await crew.press(reply, "/note")) is not None
    assert crew.desk.done == [("note", "XRPUSDT", long)]


async def test_confirm_counts_from_its_own_message_alone() -> None:
    crew = Crew()
    card = await crew.reply("/close xrp", **GROUP)
    crew.dispatcher.placed(card, "77")
    said = await crew.press(card, "Confirm", message_id="78", **GROUP)
    assert said is not None
    assert said.title == "This card is not the one that was confirmed"
    assert (crew.last.command, crew.last.outcome) == ("close", "refused")
    said = await crew.press(card, "Cancel", **GROUP)
    assert said is not None
    assert said.title == "This card is not the one that was confirmed"
    assert crew.desk.done == []
    done = await crew.press(card, "Confirm", message_id="77", **GROUP)
    assert done is not None
    assert done.title == "Closed XRPUSDT"


async def test_a_requoted_card_counts_where_it_was_placed() -> None:
    crew = Crew()
    card = await crew.reply("/close xrp")
    crew.dispatcher.placed(card, "77")
    crew.desk.held["XRPUSDT"] += 1
    again = await crew.press(card, "Confirm", message_id="77")
    assert again is not None
    assert "figures changed" in again.text
    crew.dispatcher.placed(again, "77")
    assert (await crew.press(card, "Confirm", message_id="77")) is not None
    assert crew.last.outcome == "refused"
    assert (await crew.press(again, "Confirm", message_id="77")) is not None
    assert crew.last.outcome == "ok"
    assert len(crew.desk.done) == 1


async def test_ordinary_buttons_are_not_bound_to_a_message() -> None:
    crew = Crew()
    card = await crew.reply("/status")
    crew.dispatcher.placed(card, "77")
    again = await crew.press(card, "Refresh", message_id="99")
    assert again is not None
    assert again.ok


async def test_an_old_press_of_a_raising_line_still_asks() -> None:
    """A button pressed a day later is a new request: it asks as a typed line would."""
    crew = Crew()
    card = await crew.reply("/set_rsk 7")
    crew.restart()
    crew.clock.now_ms = START_MS + 86_400_000
    asked = await crew.press(card, "/set_risk")
    assert asked is not None
    assert asked.title == "Change the risk?"
    assert crew.desk.done == []


def test_the_oldest_remembered_buttons_are_forgotten() -> None:
    book = ButtonBook(b"salt", 2)
    keys = [book.issue(RunLine("c", f"/x {'y' * 80} {n}")) for n in range(3)]
    assert book.find(keys[0], "c") is None
    assert book.find(keys[2], "c") is not None


@command(area="trade", role=Role.TRADER, risk=Risk.RAISES)
async def resume(desk: Desk) -> Reply:
    """Entries again."""
    fake(desk).done.append(("resume",))
    return Reply("Resumed")


async def test_a_press_that_waited_for_the_start_acts_on_nothing() -> None:
    """Telegram does not say when a button was pressed: what acts without a card is asked once more."""
    crew = Crew(more=(resume,))
    card = await crew.reply("/resum")
    crew.restart()
    said = await crew.press(card, "/resume")
    assert said is not None
    assert (said.title, crew.last.outcome) == ("This button is from before the start", "stale")
    assert crew.desk.done == []
    done = await crew.press(said, "Run it now")
    assert done is not None
    assert done.title == "Resumed"


async def test_panic_now_from_before_the_start_is_asked_once_more() -> None:
    crew = Crew()
    card = await crew.reply("/panic_clos now")
    assert card.buttons[0].command_line == "/panic_close now"
    assert (await crew.press(card, "/panic_close")) is not None
    assert crew.desk.done == [("panic_close", "")]
    crew.restart()
    said = await crew.press(card, "/panic_close")
    assert said is not None
    assert said.buttons[0].label == "Run it now"
    assert len(crew.desk.done) == 1
    assert (await crew.press(said, "Run it now")) is not None
    assert len(crew.desk.done) == 2
