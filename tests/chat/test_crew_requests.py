"""Strangers: fixed words, one request, admins told in private, floods bounded, the audit not filled."""

import pytest
from crew_kit import CREW, DAY, GROUP, HOUR, STRANGER, Crew, labels

from handlers.command import Role
from handlers.doorstep import ASK_ID, request_card, shown_name
from handlers.request import ChatKind, RequestKind

WORDS = "This desk answers only its crew."


async def test_the_first_message_gets_the_refusal_with_one_button() -> None:
    crew = Crew()
    said = await crew.say("hello", STRANGER)
    assert said is not None
    assert (said.title, said.text, said.fields, said.table) == (WORDS, "", (), None)
    assert [(b.label, b.id) for b in said.buttons] == [("Ask for access", ASK_ID)]
    assert await crew.say("hello?", STRANGER) is None
    assert crew.grants.requests == {}


async def test_pressing_it_stores_the_request_and_tells_every_admin_in_private() -> None:
    crew = Crew()
    said = await crew.ask_in(name="Anna *bold* <b>\u202e @everyone\n/panic_close")
    assert said is not None
    assert said.title == WORDS
    assert said.buttons == ()
    assert list(crew.grants.requests) == ["telegram:666"]
    await crew.settle_down()
    [card] = crew.mouths["telegram"].to("1")
    [other] = crew.mouths["discord"].to("9")
    assert card.title == other.title == "Access asked for"
    assert card.fields[0] == ("User", "telegram:666")
    assert (
        card.fields[1][1] == "Anna bold b everyone pan… (8 more characters)"
        or card.fields[1][1].isprintable()
    )
    assert not set("*<>@/\n\u202e") & set(card.fields[1][1])
    assert labels(card) == ["Viewer 7 days", "Viewer", "Trader 7 days", "Trader", "Refuse"]
    told = [chat for mouth in crew.mouths.values() for chat, _ in mouth.said]
    assert sorted(told) == ["1", "9"]


async def test_admins_buttons_ask_and_then_let_in() -> None:
    crew = Crew()
    await crew.ask_in()
    await crew.settle_down()
    [card] = crew.mouths["telegram"].to("1")
    question = await crew.press(card, "Viewer 7 days", "1")
    assert labels(question) == ["Confirm", "Cancel"]
    assert crew.access.role("telegram:666", crew.clock()) is None
    await crew.press(question, "Confirm", "1")
    assert crew.access.role("telegram:666", crew.clock()) is Role.VIEWER
    assert crew.access.role("telegram:666", crew.clock() + 7 * DAY) is None
    assert await crew.grants.asking() == ()
    assert (await crew.reply("/status", STRANGER)).title == "Status"


async def test_refusing_asks_tells_the_stranger_nothing_and_holds_for_thirty_days() -> None:
    crew = Crew()
    await crew.ask_in()
    await crew.settle_down()
    [card] = crew.mouths["telegram"].to("1")
    await crew.tap(card, "Refuse", "1")
    assert await crew.grants.asking() == ()
    assert (crew.last.command, crew.last.outcome) == ("refuse", "ok")
    assert crew.mouths["telegram"].to("666") == []
    crew.clock.forward(30 * DAY - 60_000)
    again = await crew.ask_in()
    assert again is not None
    assert again.title == WORDS
    assert await crew.grants.asking() == ()
    crew.clock.forward(HOUR)
    await crew.ask_in()
    assert len(await crew.grants.asking()) == 1


async def test_whatever_the_desk_thinks_the_stranger_reads_the_same() -> None:
    """New, asked already, refused, full, without a database, without an admin: byte for byte the same."""
    answers = set()
    for case in ("new", "asked", "refused", "full", "down", "nobody"):
        crew = Crew(users={} if case == "nobody" else CREW)
        if case in ("asked", "refused"):
            await crew.ask_in()
            crew.clock.forward(2 * HOUR)
        if case == "refused":
            await crew.grants.decided("telegram:666", crew.clock())
        if case == "full":
            for number in range(5):
                await crew.ask_in(str(7_000 + number))
        crew.grants.down = case == "down"
        answers.add(repr(await crew.ask_in()) + repr(await crew.say("/status", STRANGER)))
    assert len(answers) == 1


async def test_a_second_press_changes_nothing_and_is_not_answered() -> None:
    crew = Crew()
    await crew.ask_in()
    for _ in range(20):
        assert await crew.ask_in(name="Other") is None
    await crew.settle_down()
    assert crew.grants.requests["telegram:666"][0] == "Stranger"
    assert len(crew.mouths["telegram"].to("1")) == 1


@pytest.mark.parametrize("kind", [ChatKind.GROUP, ChatKind.CHANNEL, ChatKind.WEB, ChatKind.CONSOLE])
async def test_nobody_asks_outside_a_private_chat(kind: ChatKind) -> None:
    crew = Crew()
    assert await crew.ask_in(chat_kind=kind, chat_id="-100") is None
    assert crew.grants.requests == {}


@pytest.mark.parametrize("flag", ["edited", "forwarded", "from_bot", "anonymous", "via_bot"])
async def test_what_never_runs_never_asks(flag: str) -> None:
    crew = Crew()
    assert await crew.ask_in(**{flag: True}) is None
    assert crew.grants.requests == {}


async def test_a_stranger_can_press_no_other_button() -> None:
    crew = Crew()
    card = await crew.reply("/set_risk 7", "2", **GROUP)
    own = await crew.reply("/status", "2")
    for reply, place in ((card, GROUP), (own, {"chat_id": "2"})):
        for button in reply.buttons:
            pressed = crew.request(STRANGER, kind=RequestKind.BUTTON, button=button.id, **place)
            await crew.dispatcher.handle(pressed)
    assert [deed for deed in crew.desk.done if deed[0] != "status"] == []
    assert crew.last.outcome == "denied"


async def test_the_crew_cannot_ask() -> None:
    crew = Crew()
    said = await crew.ask_in("2")
    assert said is not None
    assert said.title == "This button no longer works"
    assert crew.grants.requests == {}


async def test_five_an_hour_and_twenty_open() -> None:
    crew = Crew()
    for number in range(100):
        await crew.ask_in(str(1_000 + number))
        if number % 10 == 9:
            crew.clock.forward(HOUR)
    assert len(await crew.grants.asking()) == 20
    times = [at for _, at, _ in crew.grants.requests.values()]
    first_hour = [at for at in times if at == min(times)]
    assert len(first_hour) == 5
    await crew.settle_down()
    assert len(crew.mouths["telegram"].to("1")) == 20


async def test_admins_who_cannot_be_reached_are_told_later_others_at_once() -> None:
    crew = Crew()
    crew.mouths["telegram"].down = 2
    await crew.ask_in()
    await crew.settle_down()
    assert len(crew.mouths["discord"].to("9")) == 1
    assert len(crew.mouths["telegram"].to("1")) == 1


async def test_who_lists_open_requests_with_buttons() -> None:
    crew = Crew()
    await crew.ask_in(name="Newcomer")
    crew.clock.forward(HOUR)
    listed = await crew.reply("/who", "1")
    assert ("Asks: telegram:666", "Newcomer, 1h ago") in listed.fields
    assert {"Grant telegram:666", "Refuse telegram:666"} <= set(labels(listed))


async def test_one_audit_line_a_minute_for_a_flooding_stranger_with_a_count() -> None:
    crew = Crew()
    for _ in range(300):
        await crew.say("/panic_close now", STRANGER)
        crew.clock.forward(1_000)
    assert len(crew.audit.drafts) == 5
    assert {(d.outcome, d.user_id) for d in crew.audit.drafts} == {("denied", STRANGER)}
    assert crew.audit.drafts[0].changes == "not of the crew"
    assert crew.audit.drafts[1].changes == "not of the crew; 59 more before"


async def test_a_flood_of_strangers_is_bounded_too() -> None:
    crew = Crew()
    for number in range(2_000):
        await crew.say("/status", str(10_000 + number))
    assert len(crew.audit.drafts) == 60
    crew.clock.forward(60_000)
    await crew.say("/status", "9999")
    assert crew.audit.drafts[-1].changes == "not of the crew; 1940 more before"
    assert crew.grants.writes == 0
    assert crew.arrivals.rows == {}


async def test_refused_talk_and_presses_are_audited_as_well() -> None:
    crew = Crew()
    await crew.say("hello", "700")
    await crew.ask_in("701")
    await crew.say("/status", "702", forwarded=True)
    await crew.say("/status", "2", edited=True)
    assert [(d.user_id, d.outcome, d.changes) for d in crew.audit.drafts] == [
        ("700", "denied", "not of the crew"),
        ("701", "denied", "not of the crew"),
        ("702", "refused", "forwarded"),
        ("2", "refused", "edited"),
    ]


@pytest.mark.parametrize(
    "name",
    ["", "x" * 500, "\u202e\u200b\x00", "🙂 Anna", "`a` **b** [c](d) <@U1> @here", "123456789:" + "A" * 35],
)
def test_names_of_strangers_are_harmless(name: str) -> None:
    shown = shown_name(name)
    assert len(shown) <= 80
    assert shown.isprintable()
    assert not set("`*[]()<>@/\u202e\u200b") & set(shown.partition("…")[0])
    assert "A" * 35 not in shown
    assert request_card("telegram:1", shown).fields[1][1]


async def test_a_request_that_was_decided_meanwhile_is_not_told() -> None:
    crew = Crew()
    await crew.ask_in()
    await crew.confirmed("/grant telegram:666 viewer")
    await crew.settle_down()
    assert crew.mouths["telegram"].to("1") == []


async def test_open_requests_are_named_once_after_a_start() -> None:
    crew = Crew()
    await crew.ask_in()
    after = Crew(grants=crew.grants)
    await after.settle_down()
    [card] = after.mouths["telegram"].to("1")
    assert card.text == "1 request for access is open since before the start."
    listed = await after.press(card, "Who", "1")
    assert listed is not None
    assert listed.fields[0][0] == "Asks: telegram:666"


async def test_a_flood_of_presses_is_no_flood_of_writes() -> None:
    crew = Crew()
    for _ in range(500):
        await crew.ask_in()
    for number in range(500):
        await crew.ask_in(str(3_000 + number))
    assert crew.grants.writes == 5
