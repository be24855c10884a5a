"""Prompts and codes at a keyboard: numbers press buttons, the next line is the text."""

from desk_core_kit import Crew

from handlers.reply import Reply
from handlers.session import Session


def at_keyboard(crew: Crew) -> Session:
    return Session(crew.dispatcher.handle, crew.clock, "me")


async def said(session: Session, line: str) -> Reply:
    reply = await session.enter(line)
    assert reply is not None
    return reply


async def test_a_text_after_the_question_and_after_its_button() -> None:
    crew = Crew()
    session = at_keyboard(crew)
    assert (await said(session, "note xrp")).expects == "Text"
    assert (await said(session, "bought the dip")).name == "note"
    await said(session, "note btc")
    assert (await said(session, "1")).title == "Send the text now"
    assert (await said(session, "2 lines of it")).name == "note"
    assert crew.desk.done == [("note", "XRPUSDT", "bought the dip"), ("note", "BTCUSDT", "2 lines of it")]


async def test_enrolment_and_a_confirmation_with_a_code() -> None:
    crew = Crew()
    session = at_keyboard(crew)
    shown = await said(session, "/totp on")
    assert shown.image
    assert (await said(session, crew.code())).title == "Codes · on"
    crew.clock.forward(60_000)
    card = await said(session, "/reset_kill all it is mended")
    assert card.buttons[0].prompt == "Code"
    assert (await said(session, "confirm")).title == "Send your code now"
    assert (await said(session, crew.code())).title == "Reset"
    assert crew.desk.done == [("reset_kill", "all", "it is mended", "console:me")]
    assert crew.code() not in crew.kept_words
