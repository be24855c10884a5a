"""Several accounts behind one chat: which one is meant, which one answers, and never another."""

from decimal import Decimal

import pytest
from desk_core_kit import Crew

from handlers.command import Role
from handlers.reply import Button, Reply
from handlers.request import ChatKind, RequestKind

GROUP = {"chat_kind": ChatKind.GROUP, "chat_id": "-100"}
TOPIC = {"chat_kind": ChatKind.GROUP, "chat_id": "-100/7", "within": ("-100",)}


def got(reply: Reply | None) -> Reply:
    assert reply is not None
    return reply


@pytest.fixture
def crew() -> Crew:
    """Accounts main and two; topic 7 of the group speaks to two."""
    return Crew(accounts=("main", "two"), routes={"telegram:-100/7": "two"})


async def test_the_default_the_route_and_the_argument(crew: Crew) -> None:
    assert (await crew.reply("/status")).title == "Status · main"
    assert got(await crew.say("/status", **GROUP)).title == "Status · main"
    assert got(await crew.say("/status", **TOPIC)).title == "Status · two"
    assert got(await crew.say("/status account=main", **TOPIC)).title == "Status · main"
    assert (await crew.reply("/status account=TWO xrp")).title == "Status · two"
    assert (await crew.reply("/status xrp account=two")).title == "Status · two"
    assert got(await crew.form("status", account="two", symbol="xrp")).title == "Status · two"
    assert [len(desk.done) for desk in crew.desks.values()] == [3, 4]
    assert crew.desk.done == []


async def test_a_route_of_the_group_holds_in_its_topics() -> None:
    crew = Crew(accounts=("main", "two"), routes={"telegram:-100": "two"})
    assert got(await crew.say("/status", **TOPIC)).title == "Status · two"


async def test_an_unknown_account_gets_the_list(crew: Crew) -> None:
    said = await crew.reply("/close account=three xrp")
    assert (said.title, crew.last.outcome) == ("No such account", "bad_arguments")
    assert "main, two" in said.text
    assert [button.command_line for button in said.buttons] == [
        "/close account=main xrp",
        "/close account=two xrp",
    ]
    card = got(await crew.press(said, "two"))
    assert card.title == "Close XRPUSDT? · two"
    assert all(desk.done == [] for desk in crew.desks.values())
    form = got(await crew.form("close", account="three", symbol="xrp"))
    assert form.title == "No such account"


async def test_buttons_keep_the_account(crew: Crew) -> None:
    card = await crew.reply("/status account=two")
    assert all("account=two" in button.command_line for button in card.buttons)
    crew.restart()
    again = got(await crew.press(card, "Refresh"))
    assert (again.title, again.in_place) == ("Status · two", True)
    asked = got(await crew.press(again, "Close"))
    assert asked.title == "Close XRPUSDT? · two"
    await crew.press(asked, "Confirm")
    assert crew.desks["two"].done[-1] == ("close", "XRPUSDT", Decimal(100))
    assert ("close", "XRPUSDT", Decimal(100)) not in crew.desks["main"].done


async def test_a_button_keeps_its_account_when_the_routes_change(crew: Crew) -> None:
    card = got(await crew.say("/status", **TOPIC))
    crew.routes = {}
    crew.restart()
    assert got(await crew.press(card, "Refresh", **TOPIC)).title == "Status · two"


async def test_previews_questions_and_choices_are_of_that_desk(crew: Crew) -> None:
    crew.desks["two"].held = {"BTCUSDT": Decimal(3)}
    card = await crew.reply("/close account=two btc")
    assert dict(card.fields)["size"] == "3"
    assert (await crew.reply("/close btc")).title == "Nothing to close · main"
    crew.desks["main"].held["BTCUSDT"] = Decimal(9)
    assert got(await crew.press(card, "Confirm")).title == "Closed BTCUSDT · two"
    crew.desks["two"].held = {"ETHUSDT": Decimal(1)}
    offered = await crew.reply("/close account=two")
    assert [button.label for button in offered.buttons] == ["ETHUSDT"]
    assert got(await crew.press(offered, "ETHUSDT")).title == "Close ETHUSDT? · two"


async def test_a_missing_text_stays_with_the_account(crew: Crew) -> None:
    await crew.reply("/note account=two xrp")
    await crew.reply("as account=main would")
    assert crew.desks["two"].done == [("note", "XRPUSDT", "as account=main would")]
    assert crew.desks["main"].done == []


async def test_completion_knows_accounts(crew: Crew) -> None:
    crew.desks["two"].held = {"SOLUSDT": Decimal(1)}
    texts = [one.text for one in crew.dispatcher.complete("telegram:2", "/close account=two ")]
    assert "SOLUSDT" in texts
    assert "XRPUSDT" not in texts
    assert [one.text for one in crew.dispatcher.complete("telegram:2", "/close acc")] == [
        "account=main",
        "account=two",
    ]
    assert crew.dispatcher.complete("telegram:666", "/close account=two ") == ()


async def test_the_audit_names_the_account(crew: Crew) -> None:
    await crew.reply("/status account=two xrp")
    assert crew.last.arguments == "account=two xrp"


async def test_help_shows_it_only_with_several(crew: Crew) -> None:
    usage = crew.dispatcher.registry.find("close")
    assert usage is not None
    assert usage.usage == "/close SYMBOL [PERCENT] [account=NAME]"
    alone = Crew()
    usage = alone.dispatcher.registry.find("close")
    assert usage is not None
    assert usage.usage == "/close SYMBOL [PERCENT]"
    assert (await alone.reply("/status")).title == "Status"
    assert "word too many" in (await alone.reply("/panic_close xrp account=two")).text


async def test_a_second_person_confirms_for_that_account() -> None:
    crew = Crew(two=("set_risk",), accounts=("main", "two"))
    card = await crew.reply("/set_risk account=two 7")
    assert card.title == "Change the risk? · two"
    waits = got(await crew.press(card, "Confirm"))
    assert waits.title == "Second confirmation: Change the risk? · two"
    await crew.rest()
    theirs = crew.mouths["telegram"].to("4")[0]
    assert theirs.title == "Second confirmation: Change the risk? · two"
    assert got(await crew.press(theirs, "Confirm", "4")).title == "Risk set · two"
    assert (crew.desks["two"].risk_amount, crew.desks["main"].risk_amount) == (7, 5)


async def test_pages_of_a_long_table_say_it_once(crew: Crew) -> None:
    first = await crew.reply("/trades account=two 25", page_rows=10)
    second = got(await crew.press(first, "11 to 20", page_rows=10))
    assert second.title == "Trades · two"


async def test_names_with_spaces(crew: Crew) -> None:
    spaced = Crew(accounts=("main", "the other"))
    card = await spaced.reply('/status account="the other"')
    assert card.title == "Status · the other"
    request = spaced.request(kind=RequestKind.BUTTON, button=card.buttons[0].id)
    assert got(await spaced.dispatcher.handle(request)).title == "Status · the other"


async def test_what_is_said_unasked_names_its_account(crew: Crew) -> None:
    """A notice of an account says whose it is, and its buttons stay there; a list of the chat names none."""
    told = Reply("XRPUSDT closed", buttons=(Button("Status", "/status"),))
    notice = crew.dispatcher.dress_for("telegram", "2", Role.TRADER, told, account="two")
    assert notice.title == "XRPUSDT closed · two"
    assert notice.buttons[0].command_line == "/status account=two"
    assert crew.dispatcher.dress_for("telegram", "2", Role.TRADER, told).title == "XRPUSDT closed"
