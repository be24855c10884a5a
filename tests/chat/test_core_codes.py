"""One-time codes: enrolment, asking, replay, lock; never in the audit or the log."""

import asyncio
import logging

import pyotp
import pytest
from desk_core_kit import SECRET, Crew

from bot.runtime.chat_ports import CodeKey
from handlers.codes import Codes
from handlers.persons import Persons
from handlers.reply import Reply
from handlers.request import ChatKind

GROUP = {"chat_kind": ChatKind.GROUP, "chat_id": "-100"}
RESET = "/reset_kill all it is mended"


def got(reply: Reply | None) -> Reply:
    assert reply is not None
    return reply


@pytest.fixture
def crew() -> Crew:
    """Ann, an admin, has a code key."""
    made = Crew()
    made.enrol("telegram:1")
    return made


async def asked(crew: Crew, **where: object) -> Reply:
    card = await crew.reply(RESET, user="1", **where)
    assert "Confirm with your code within 30 s." in card.text
    assert card.buttons[0].prompt == "Code"
    return card


# --- enrolment ------------------------------------------------------------------------------------------------------


async def test_enrolment_by_picture() -> None:
    crew = Crew()
    assert (await crew.reply("/totp")).title == "Codes · off"
    shown = await crew.reply("/totp on")
    assert shown.image.startswith(b"\x89PNG")
    assert shown.private
    assert dict(shown.fields)["Key, if you cannot scan"].replace(" ", "") == SECRET
    assert not crew.keys.kept["telegram:2"].confirmed
    assert not (await crew.reply("/totp 000000")).ok
    done = await crew.reply(f"/totp {crew.code()}")
    assert (done.title, crew.keys.kept["telegram:2"].confirmed) == ("Codes · on", True)
    assert (await crew.reply("/totp")).title == "Codes · on"
    assert "already" in (await crew.reply("/totp on")).text


async def test_the_code_may_be_the_next_text() -> None:
    crew = Crew()
    shown = await crew.reply("/totp on")
    assert shown.expects == "Code"
    assert (await crew.reply(crew.code())).title == "Codes · on"
    assert crew.code() not in crew.kept_words


async def test_the_picture_says_what_an_app_needs() -> None:
    crew = Crew()
    codes = Codes(crew.keys, crew.clock, "Quarterdeck test", new_secret=lambda: SECRET)
    key = await codes.begin("telegram:2")
    assert key is not None
    read = pyotp.parse_uri(codes.uri(key))
    assert (read.secret, read.issuer, read.name) == (SECRET, "Quarterdeck test", "telegram:2")


@pytest.mark.parametrize("line", ["/totp", "/totp on", "/totp off", "/totp 123456"])
async def test_in_private_only(line: str) -> None:
    crew = Crew()
    said = got(await crew.say(line, **GROUP))
    assert not said.ok
    assert "private chat only" in said.text
    assert crew.keys.kept == {}


async def test_off_needs_a_code(crew: Crew) -> None:
    assert "needs a code" in (await crew.reply("/totp off", user="1")).text
    assert "Wrong code" in (await crew.reply("/totp off 000000", user="1")).text
    assert "telegram:1" in crew.keys.kept
    assert (await crew.reply(f"/totp off {crew.code()}", user="1")).title == "Codes · off"
    assert crew.keys.kept == {}


async def test_an_admin_resets_somebody_elses(crew: Crew) -> None:
    crew.enrol("telegram:2")
    card = await crew.reply("/totp_reset telegram:2", user="1")
    done = got(await crew.modal(card, "Confirm", crew.code(), user="1"))
    assert done.title == "Codes of telegram:2 · off"
    assert list(crew.keys.kept) == ["telegram:1"]
    assert (await crew.reply("/totp_reset telegram:2", user="2")).title == "Not allowed"


# --- asking ---------------------------------------------------------------------------------------------------------


async def test_with_a_dialog_box(crew: Crew) -> None:
    card = await asked(crew)
    done = got(await crew.modal(card, "Confirm", crew.code(), user="1"))
    assert (done.title, done.in_place, crew.last.outcome) == ("Reset", True, "ok")
    assert len(crew.desk.done) == 1


async def test_without_dialog_boxes_the_next_text_is_the_code(crew: Crew) -> None:
    card = await asked(crew)
    now = got(await crew.press(card, "Confirm", user="1"))
    assert (now.title, now.expects, crew.last.outcome) == ("Send your code now", "Code", "asked")
    assert crew.desk.done == []
    done = got(await crew.say(f"{crew.code()[:3]} {crew.code()[3:]}", user="1"))
    assert (done.title, crew.last.command) == ("Reset", "reset_kill")
    assert crew.code() not in crew.kept_words


async def test_in_a_group_the_code_is_heard_from_the_asker_alone(crew: Crew) -> None:
    card = await asked(crew, **GROUP)
    await crew.press(card, "Confirm", user="1", **GROUP)
    assert await crew.say(crew.code(), user="2", **GROUP) is None
    assert crew.desk.done == []
    assert got(await crew.say(crew.code(), user="1", **GROUP)).title == "Reset"


async def test_a_wrong_code_does_nothing_and_may_be_mended(crew: Crew) -> None:
    card = await asked(crew)
    await crew.press(card, "Confirm", user="1")
    wrong = got(await crew.say("000000", user="1"))
    assert "Wrong code" in wrong.text
    assert (crew.last.outcome, crew.last.changes) == ("refused", "wrong code")
    assert crew.desk.done == []
    assert got(await crew.say(crew.code(), user="1")).title == "Reset"


async def test_clocks_may_differ_by_one_step(crew: Crew) -> None:
    for steps, right in ((-2, False), (2, False), (-1, True)):
        card = await asked(crew)
        await crew.modal(card, "Confirm", crew.code(steps), user="1")
        assert bool(crew.desk.done) is right, steps


async def test_no_code_is_taken_twice_nor_an_older_one(crew: Crew) -> None:
    later, now = crew.code(1), crew.code()
    assert got(await crew.modal(await asked(crew), "Confirm", later, user="1")).title == "Reset"
    for code in (later, now):
        said = got(await crew.modal(await asked(crew), "Confirm", code, user="1"))
        assert "used already" in said.text
    assert len(crew.desk.done) == 1
    crew.clock.forward(60_000)
    assert got(await crew.modal(await asked(crew), "Confirm", crew.code(), user="1")).title == "Reset"


async def test_no_code_is_taken_twice_at_the_same_moment(crew: Crew) -> None:
    cards = [await asked(crew) for _ in range(4)]
    code = crew.code()
    await asyncio.gather(*(crew.modal(card, "Confirm", code, user="1") for card in cards))
    assert len(crew.desk.done) == 1


async def test_five_failures_in_a_row_lock_for_a_quarter_of_an_hour(crew: Crew) -> None:
    for left in (4, 3, 2, 1):
        said = got(await crew.modal(await asked(crew), "Confirm", "000000", user="1"))
        assert f"{left} more wrong" in said.text
    said = got(await crew.modal(await asked(crew), "Confirm", "000000", user="1"))
    assert "locked for 15 min" in said.text
    said = got(await crew.modal(await asked(crew), "Confirm", crew.code(), user="1"))
    assert "locked for 15 min" in said.text
    crew.clock.forward(899_999)
    crew.restart()
    said = got(await crew.modal(await asked(crew), "Confirm", crew.code(), user="1"))
    assert "locked for 1 min" in said.text
    assert crew.desk.done == []
    crew.clock.forward(1)
    assert got(await crew.modal(await asked(crew), "Confirm", crew.code(), user="1")).title == "Reset"


async def test_a_right_code_forgets_the_failures(crew: Crew) -> None:
    for _ in range(3):
        for _ in range(4):
            await crew.modal(await asked(crew), "Confirm", "000000", user="1")
        crew.clock.forward(60_000)
        assert got(await crew.modal(await asked(crew), "Confirm", crew.code(), user="1")).title == "Reset"


async def test_five_wrong_codes_at_once_count_as_five(crew: Crew) -> None:
    cards = [await asked(crew) for _ in range(5)]
    await asyncio.gather(*(crew.modal(card, "Confirm", "000000", user="1") for card in cards))
    assert crew.keys.kept["telegram:1"].locked_until_ms == crew.clock.now_ms + 900_000


async def test_figures_that_changed_ask_for_no_second_code(crew: Crew) -> None:
    card = await asked(crew)
    crew.desk.held = {}
    again = got(await crew.modal(card, "Confirm", crew.code(), user="1"))
    assert "figures changed" in again.text
    assert again.buttons[0].prompt == ""
    assert crew.desk.done == []
    assert got(await crew.press(again, "Confirm", user="1")).title == "Reset"


async def test_it_ends_with_the_question(crew: Crew) -> None:
    card = await asked(crew)
    crew.clock.forward(30_001)
    assert got(await crew.press(card, "Confirm", user="1")).title == "Expired"
    card = await asked(crew)
    crew.clock.forward(90_001)
    assert got(await crew.modal(card, "Confirm", crew.code(), user="1")).title == "Expired"
    card = await asked(crew)
    await crew.press(card, "Confirm", user="1")
    await crew.press(card, "Cancel", user="1")
    assert got(await crew.say(crew.code(), user="1")).title == "Not a command"
    assert crew.desk.done == []


async def test_lowering_risk_asks_for_nothing_more(crew: Crew) -> None:
    card = await crew.reply("/panic_close", user="1")
    assert card.buttons[0].prompt == ""
    crew.keys.broken = True
    assert got(await crew.press(card, "Confirm", user="1")).title == "Flat"
    assert (await crew.reply("/panic_close now", user="1")).title == "Flat"


async def test_without_the_database_nothing_that_needs_a_code_runs(crew: Crew) -> None:
    card = await asked(crew)
    crew.keys.broken = True
    assert "cannot be checked" in got(await crew.modal(card, "Confirm", crew.code(), user="1")).title
    assert "cannot be checked" in (await crew.reply(RESET, user="1")).title
    assert "does not answer" in (await crew.reply("/totp", user="1")).text
    assert crew.desk.done == []


async def test_required_codes() -> None:
    crew = Crew(require_code=True)
    said = await crew.reply(RESET, user="1")
    assert (said.title, said.ok) == ("A code is needed", False)
    assert "/totp on" in said.text
    assert (await crew.reply("/set_risk 5", user="1")).ok
    crew.enrol("telegram:1")
    await asked(crew)


async def test_a_persons_key_holds_on_every_platform() -> None:
    """Ann enrolled on Telegram; her Discord account cannot be used to get around it."""
    crew = Crew()
    crew.enrol("telegram:1")
    card = await crew.reply(RESET, user="1", platform="discord")
    assert card.buttons[0].prompt == "Code"
    used = got(await crew.modal(card, "Confirm", crew.code(), user="1", platform="discord"))
    assert used.title == "Reset"
    said = got(await crew.modal(await asked(crew), "Confirm", crew.code(), user="1"))
    assert "used already" in said.text
    assert await Codes(crew.keys, crew.clock, persons=Persons()).key("discord:1") is None


async def test_codes_are_never_kept_in_clear(crew: Crew, caplog: pytest.LogCaptureFixture) -> None:
    code = crew.code()
    with caplog.at_level(logging.DEBUG):
        await crew.reply(f"/totp {code}", user="1")
        await crew.reply(f"/totp off {code[:3]} {code[3:]}", user="1")
        await crew.form("totp", user="1", what=code)
        await crew.say(f"/{code}", user="1")
        card = await asked(crew)
        await crew.modal(card, "Confirm", code, user="1")
        await crew.press(await asked(crew), "Confirm", user="1")
        await crew.say(code, user="1")
    for text in (crew.kept_words, caplog.text, repr(crew.keys.kept)):
        assert code not in text
        assert f"{code[:3]} {code[3:]}" not in text
        assert SECRET not in text
    assert "******" in crew.kept_words
    assert CodeKey("u", SECRET).__repr__().count(SECRET) == 0
