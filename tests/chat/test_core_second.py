"""The two-person rule: another person, on whatever platform, sees the figures and confirms; one's own press is none."""

import asyncio
from dataclasses import replace

import pytest
from chat_fakes import COMMANDS, Chat
from desk_core_kit import Crew

from bot.domain.errors import ConfigError
from handlers.registry import Registry
from handlers.reply import Reply
from handlers.request import ChatKind, RequestKind
from handlers.second import two_person

GROUP = {"chat_kind": ChatKind.GROUP, "chat_id": "-100"}
DISCORD = {"platform": "discord"}


def got(reply: Reply | None) -> Reply:
    assert reply is not None
    return reply


async def confirmed(crew: Crew, line: str = "/set_risk 7", user: str = "2", **where: object) -> Reply:
    """Somebody asks and confirms; the card that waits for another."""
    card = await crew.reply(line, user, **where)
    waits = got(await crew.press(card, "Confirm", user, **where))
    await crew.rest()
    return waits


@pytest.fixture
def crew() -> Crew:
    return Crew(two=("set_risk", "reset_kill"))


async def test_another_confirms_in_the_group(crew: Crew) -> None:
    waits = await confirmed(crew, **GROUP)
    assert waits.title == "Second confirmation: Change the risk?"
    assert dict(waits.fields) == {"Command": "/set_risk 7", "Asked by": "user 2", "risk": "5 -> 7"}
    assert [button.label for button in waits.buttons] == ["Confirm", "Refuse"]
    assert (waits.in_place, crew.last.outcome, crew.desk.done) == (True, "waiting", [])
    done = got(await crew.press(waits, "Confirm", user="4", **GROUP))
    assert (done.title, done.in_place, done.name) == ("Risk set", True, "set_risk")
    assert (crew.last.user_id, crew.last.outcome) == ("4", "ok")
    assert crew.last.changes == "risk: 5 -> 7; asked by telegram:2, confirmed by telegram:4"
    await crew.rest()
    assert crew.mouths["telegram"].to("-100") == []  # the asker sees it where he asked


async def test_the_card_goes_to_all_others_who_may_and_to_nobody_else(crew: Crew) -> None:
    await confirmed(crew)
    assert {chat for chat, _, _ in crew.mouths["telegram"].said} == {"1", "4", "5"}
    assert {chat for chat, _, _ in crew.mouths["discord"].said} == {"1", "9"}
    card = crew.mouths["telegram"].to("4")[0]
    assert card.title.startswith("Second confirmation")
    assert all(button.id for button in card.buttons)


async def test_confirmed_in_private_the_asker_is_told(crew: Crew) -> None:
    waits = await confirmed(crew)
    crew.dispatcher.placed(waits, "40")
    card = crew.mouths["discord"].to("9")[0]
    done = got(await crew.press(card, "Confirm", user="9", **DISCORD))
    assert done.title == "Risk set"
    await crew.rest()
    told = crew.mouths["telegram"].to("2")
    assert [reply.title for reply in told] == ["Risk set"]
    assert told[0].text == "Answered by user 9."
    amended = {(chat, message) for chat, message, _ in crew.mouths["telegram"].amended}
    assert ("2", "40") in amended
    assert {chat for chat, _ in amended} == {"1", "2", "4", "5"}
    assert all(not reply.buttons for _, _, reply in crew.mouths["telegram"].amended)
    assert "9" not in {chat for chat, _, _ in crew.mouths["discord"].amended}


async def test_ones_own_press_is_refused_on_every_platform(crew: Crew) -> None:
    """Ann is telegram:1 and discord:1."""
    waits = await confirmed(crew, user="1", **GROUP)
    assert {chat for chat, _, _ in crew.mouths["discord"].said} == {"9"}
    for label in ("Confirm", "Refuse"):
        said = got(await crew.press(waits, label, user="1", **GROUP))
        assert (said.title, crew.last.outcome) == ("Another person has to confirm", "denied")
    pending = crew.dispatcher._book.find(waits.buttons[0].id, "-100")
    assert pending is not None
    key = crew.dispatcher._book.issue(replace(pending, chat_id="1"))
    press = crew.request("1", kind=RequestKind.BUTTON, button=key, **DISCORD)
    assert got(await crew.dispatcher.handle(press)).title == "Another person has to confirm"
    assert crew.desk.done == []
    assert got(await crew.press(waits, "Confirm", user="2", **GROUP)).title == "Risk set"


async def test_the_role_must_reach(crew: Crew) -> None:
    waits = await confirmed(crew, "/reset_kill all mended", user="1", **GROUP)
    for user in ("2", "3"):
        assert got(await crew.press(waits, "Confirm", user=user, **GROUP)).title == "Not allowed"
    assert await crew.press(waits, "Confirm", user="666", **GROUP) is None
    assert crew.desk.done == []
    assert got(await crew.press(waits, "Confirm", user="5", **GROUP)).title == "Reset"
    assert crew.desk.done == [("reset_kill", "all", "mended", "telegram:1")]  # done as the one who asked


async def test_the_card_counts_from_its_own_message_alone(crew: Crew) -> None:
    waits = await confirmed(crew, **GROUP)
    crew.dispatcher.placed(waits, "40")
    said = got(await crew.press(waits, "Confirm", "4", message_id="41", **GROUP))
    assert (said.title, crew.last.outcome) == ("This card is not the one that was confirmed", "refused")
    assert crew.desk.done == []
    assert got(await crew.press(waits, "Confirm", "4", message_id="40", **GROUP)).title == "Risk set"


async def test_refused(crew: Crew) -> None:
    waits = await confirmed(crew)
    card = crew.mouths["telegram"].to("4")[0]
    said = got(await crew.press(card, "Refuse", user="4"))
    assert (said.title, crew.last.outcome) == ("Refused: /set_risk 7", "cancelled")
    await crew.rest()
    assert crew.mouths["telegram"].to("2")[0].title == "Refused: /set_risk 7"
    late = got(await crew.press(crew.mouths["telegram"].to("5")[0], "Confirm", user="5"))
    assert late.title == "Already answered"
    assert got(await crew.press(waits, "Confirm", user="2")).title == "Another person has to confirm"
    assert crew.desk.done == []


async def test_two_admins_at_the_same_moment(crew: Crew) -> None:
    waits = await confirmed(crew, **GROUP)
    replies = await asyncio.gather(
        *(crew.press(waits, "Confirm", user, **GROUP) for user in ("1", "4", "5", "1"))
    )
    assert sorted(reply.title for reply in replies if reply) == ["Already answered"] * 3 + ["Risk set"]
    assert crew.desk.done == [("set_risk", 7)]


async def test_one_confirms_while_the_other_refuses(crew: Crew) -> None:
    waits = await confirmed(crew, **GROUP)
    await asyncio.gather(
        crew.press(waits, "Refuse", "4", **GROUP), crew.press(waits, "Confirm", "5", **GROUP)
    )
    assert crew.desk.done == []


async def test_figures_are_looked_at_again(crew: Crew) -> None:
    waits = await confirmed(crew, **GROUP)
    crew.desk.risk_amount += 1
    said = got(await crew.press(waits, "Confirm", "4", **GROUP))
    assert (said.title, crew.last.outcome, crew.desk.done) == ("Not done", "refused", [])
    assert "figures changed" in said.text
    assert "telegram:2" in crew.last.changes


async def test_nobody_answers_in_time(crew: Crew) -> None:
    waits = await confirmed(crew, **GROUP)
    assert [seconds for seconds, _ in crew.waits] == [300.0]
    crew.clock.forward(300_001)
    assert got(await crew.press(waits, "Confirm", "4", **GROUP)).title == "Expired"
    await crew.pass_time()
    assert [reply.title for reply in crew.mouths["telegram"].to("-100")] == ["Expired"]
    assert got(await crew.press(waits, "Confirm", "4", **GROUP)).title == "Expired"
    assert crew.desk.done == []


async def test_who_may_not_any_more_cannot_have_it_done(crew: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = await confirmed(crew, **GROUP)
    users = crew.dispatcher.access.users  # type: ignore[attr-defined]
    monkeypatch.setitem(users, "telegram:2", users["telegram:3"])
    said = got(await crew.press(waits, "Confirm", "4", **GROUP))
    assert "may not do this any more" in said.text
    assert crew.desk.done == []


async def test_a_code_first_then_the_other(crew: Crew) -> None:
    crew.enrol("telegram:1")
    card = await crew.reply("/reset_kill all mended", user="1", **GROUP)
    waits = got(await crew.modal(card, "Confirm", crew.code(), user="1", **GROUP))
    assert waits.title.startswith("Second confirmation")
    assert crew.desk.done == []
    await crew.press(waits, "Confirm", "5", **GROUP)
    assert len(crew.desk.done) == 1


async def test_alone_there_is_no_second(crew: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
    users = crew.dispatcher.access.users  # type: ignore[attr-defined]
    for user in [one for one in users if one not in ("telegram:1", "discord:1")]:
        monkeypatch.delitem(users, user)
    said = await confirmed(crew, user="1")
    assert (said.title, said.ok) == ("Nobody else may confirm this", False)


async def test_a_platform_that_is_down_delays_nobody(crew: Crew) -> None:
    crew.mouths["telegram"].down = True
    await confirmed(crew)
    card = crew.mouths["discord"].to("9")[0]
    assert got(await crew.press(card, "Confirm", user="9", **DISCORD)).title == "Risk set"


async def test_a_restart_forgets_what_waited(crew: Crew) -> None:
    waits = await confirmed(crew, **GROUP)
    crew.restart()
    assert "no longer works" in got(await crew.press(waits, "Confirm", "4", **GROUP)).title
    assert crew.desk.done == []


async def test_commands_that_ask_nothing_else_wait_too() -> None:
    crew = Crew(two=("config",))
    card = await crew.reply("/config venue", "1")
    assert dict(card.fields) == {"Command": "/config venue"}
    await crew.press(card, "Confirm", "1")
    await crew.rest()
    assert crew.desk.done == []
    done = got(await crew.press(crew.mouths["telegram"].to("5")[0], "Confirm", "5"))
    assert (done.title, done.text) == ("Config", "venue")


def test_the_rule_is_checked_at_start() -> None:
    registry = Registry(COMMANDS)
    assert two_person(["sl", "/set_risk"], 1000, registry).commands == {"stoploss", "set_risk"}
    with pytest.raises(ConfigError, match=r"^chat\.two_person: no such command: set_rsk$"):
        two_person(["set_rsk", "set_risk"], 1000, registry)
    with pytest.raises(ConfigError, match="/panic_close lowers the risk"):
        two_person(["panic_close"], 1000, registry)


async def test_without_the_rule_one_person_is_enough(chat: Chat) -> None:
    card = await chat.reply("/set_risk 7")
    assert got(await chat.press(card, "Confirm")).title == "Risk set"
