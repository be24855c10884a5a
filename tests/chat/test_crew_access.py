"""Access while the desk runs: grants with an end, revoking, who may, the last admin, who is who."""

import asyncio
from collections.abc import Mapping

import pytest
from chat_fakes import START_MS
from crew_kit import CREW, DAY, GROUP, HOUR, Crew, MemoryGrants, labels

from bot.runtime.chat_ports import CodeKey
from handlers.command import Role
from handlers.request import ChatKind

NEW = "telegram:555"


async def test_a_grant_counts_at_once_and_after_a_restart() -> None:
    crew = Crew()
    assert (await crew.say("/status", "555")).title == "This desk answers only its crew."  # type: ignore[union-attr]
    done = await crew.confirmed(f"/grant {NEW} viewer")
    assert done.title == "Access granted"
    assert done.fields == ((NEW, "no access → viewer"),)
    assert (await crew.reply("/status", "555")).title == "Status"
    assert (await crew.reply("/pause", "555")).title == "Not allowed"
    after = Crew(grants=crew.grants)
    await after.access.load()
    assert (await after.reply("/status", "555")).title == "Status"


async def test_the_card_says_from_to_and_what_comes_after() -> None:
    crew = Crew()
    card = await crew.reply("/grant telegram:3 trader 7d", "1")
    assert card.title == "Grant access?"
    assert card.fields == (("telegram:3", "viewer → trader until 2023-11-21 22:13 UTC"),)
    assert "Then viewer again." in card.text
    assert crew.grants.history == []
    await crew.press(card, "Confirm", "1")
    assert [(g.user, g.role, g.until_ms, g.by) for g in crew.grants.history] == [
        ("telegram:3", "trader", START_MS + 7 * DAY, "telegram:1")
    ]
    assert (crew.last.command, crew.last.outcome) == ("grant", "ok")
    assert "telegram:3: viewer -> trader until 2023-11-21" in crew.last.changes


async def test_a_grant_ends_by_itself() -> None:
    crew = Crew()
    await crew.confirmed(f"/grant {NEW} trader 12h")
    crew.clock.forward(12 * HOUR - 1)
    assert (await crew.reply("/pause", "555")).ok
    crew.clock.forward(1)
    assert await crew.say("/pause", "555") is not None, "the fixed refusal"
    assert crew.last.outcome == "denied"
    assert len(crew.desk.done) == 1


async def test_a_grant_over_a_configured_role_falls_back_to_it() -> None:
    crew = Crew()
    await crew.confirmed("/grant telegram:3 trader 12h")
    assert (await crew.reply("/pause", "3")).ok
    crew.clock.forward(12 * HOUR)
    assert (await crew.reply("/pause", "3")).title == "Not allowed"
    assert (await crew.reply("/status", "3")).ok


async def test_a_question_asked_before_the_end_is_not_answered_after_it() -> None:
    crew = Crew()
    await crew.confirmed(f"/grant {NEW} trader 12h")
    crew.clock.forward(12 * HOUR - 5_000)
    card = await crew.reply("/set_risk 7", "555")
    crew.clock.forward(5_000)
    await crew.press(card, "Confirm", "555")
    assert crew.desk.done == []
    assert crew.last.outcome == "denied"


async def test_a_revoked_user_is_a_stranger_also_when_configured_and_after_a_restart() -> None:
    crew = Crew()
    card = await crew.reply("/set_risk 7", "2")
    gone = await crew.confirmed("/revoke telegram:2")
    assert gone.fields == (("telegram:2", "trader → no access"),)
    await crew.press(card, "Confirm", "2")
    await crew.say("/pause", "2")
    assert crew.desk.done == []
    after = Crew(grants=crew.grants)
    await after.access.load()
    assert after.access.role("telegram:2", after.clock()) is None
    await after.confirmed("/grant telegram:2 viewer")
    assert after.access.role("telegram:2", after.clock()) is Role.VIEWER


async def test_revoking_counts_although_it_cannot_be_stored() -> None:
    crew = Crew()
    card = await crew.reply("/revoke telegram:2", "1")
    crew.grants.down = True
    said = await crew.press(card, "Confirm", "1")
    assert said is not None
    assert "could not be stored" in said.text
    assert crew.access.role("telegram:2", crew.clock()) is None


async def test_granting_counts_only_when_it_is_stored() -> None:
    crew = Crew()
    card = await crew.reply(f"/grant {NEW} trader", "1")
    crew.grants.down = True
    said = await crew.press(card, "Confirm", "1")
    assert said is not None
    assert not said.ok
    assert crew.access.role(NEW, crew.clock()) is None


@pytest.mark.parametrize("user", ["2", "3"])
@pytest.mark.parametrize("line", [f"/grant {NEW} viewer", "/revoke telegram:3", "/who", f"/refuse {NEW}"])
async def test_only_admins(user: str, line: str) -> None:
    crew = Crew()
    assert (await crew.reply(line, user)).title == "Not allowed"
    assert crew.grants.history == []


@pytest.mark.parametrize(
    "line",
    [
        "/revoke telegram:1",
        "/grant telegram:1 trader",
        "/grant telegram:1 viewer 1h",
        "/grant telegram:1 admin 7d",
    ],
)
async def test_the_last_admin_stays(line: str) -> None:
    crew = Crew(users={"telegram:1": Role.ADMIN, "telegram:2": Role.TRADER})
    said = await crew.confirmed(line)
    assert not said.ok
    assert "last admin" in said.text
    assert crew.access.role("telegram:1", crew.clock()) is Role.ADMIN
    await crew.confirmed("/grant telegram:2 admin")
    assert (await crew.confirmed(line)).ok


async def test_the_last_admin_of_the_chats_goes_only_from_the_machine_itself() -> None:
    at_console = {"platform": "console", "chat_kind": ChatKind.CONSOLE, "chat_id": "console"}
    crew = Crew(users={"telegram:1": Role.ADMIN, "console:operator": Role.ADMIN})
    assert "last admin" in (await crew.confirmed("/revoke telegram:1")).text
    assert (await crew.confirmed("/revoke telegram:1", "operator", **at_console)).ok
    assert crew.access.role("telegram:1", crew.clock()) is None


async def test_revoking_names_the_same_persons_other_users() -> None:
    crew = Crew(users={**CREW, "telegram:5": Role.ADMIN})
    card = await crew.reply("/revoke discord:9", "5")
    assert "The same person keeps telegram:1" in card.text
    assert "same person" not in (await crew.reply("/revoke telegram:2", "5")).text


async def test_an_admin_for_a_while_is_no_last_admin() -> None:
    crew = Crew(users={"telegram:1": Role.ADMIN, "telegram:2": Role.TRADER})
    await crew.confirmed("/grant telegram:2 admin 7d")
    assert "last admin" in (await crew.confirmed("/revoke telegram:1", "2")).text


async def test_two_admins_cannot_take_each_other_away_at_once() -> None:
    """Both cards were shown while there were two; the second confirmation finds one."""
    crew = Crew(users={"telegram:1": Role.ADMIN, "telegram:4": Role.ADMIN})
    first = await crew.reply("/revoke telegram:4", "1")
    second = await crew.reply("/revoke telegram:1", "4")
    await asyncio.gather(crew.press(first, "Confirm", "1"), crew.press(second, "Confirm", "4"))
    assert len(crew.access.lasting_admins(crew.clock())) == 1


async def test_the_consoles_operator_is_nobodys_to_give_or_take() -> None:
    crew = Crew(users={**CREW, "console:operator": Role.ADMIN})
    for line in ("/revoke console:operator", "/grant console:operator viewer"):
        assert not (await crew.confirmed(line)).ok
    assert crew.access.role("console:operator", crew.clock()) is Role.ADMIN


@pytest.mark.parametrize(
    "until", ["0h", "-1d", "7", "soon", "2020-01-01", "2026-13-01", "99999w", "7d7d", "1.5d", "٣d"]
)
async def test_an_end_that_is_none_is_refused_with_what_is_allowed(until: str) -> None:
    crew = Crew()
    said = await crew.reply(f"/grant {NEW} viewer {until}", "1")
    assert not said.ok
    assert "12h, 7d, 4w" in f"{said.title} {said.text}"
    assert crew.grants.history == []


async def test_an_end_may_be_a_date_in_the_operators_zone() -> None:
    crew = Crew()
    await crew.confirmed(f"/grant {NEW} viewer 2023-12-01")
    assert crew.grants.history[-1].until_ms == 1_701_388_800_000


@pytest.mark.parametrize(
    "user",
    [
        "555",
        "anna",
        "telegram:",
        "telegram:a b",
        "myspace:5",
        "@anna",
        "telegram:" + "5" * 65,
    ],
)
async def test_a_user_is_an_id_of_a_platform(user: str) -> None:
    crew = Crew()
    assert not (await crew.reply(f'/grant "{user}" viewer', "1")).ok
    assert crew.grants.history == []


async def test_ids_keep_their_case() -> None:
    crew = Crew()
    await crew.confirmed("/grant SLACK:UAbC7 viewer")
    assert crew.access.role("slack:UAbC7", crew.clock()) is Role.VIEWER
    assert crew.access.role("slack:uabc7", crew.clock()) is None


async def test_words_left_out_become_buttons() -> None:
    crew = Crew()
    await crew.ask_in(name="Newcomer")
    whom = await crew.reply("/grant", "1")
    assert labels(whom)[0] == "telegram:666"
    role = await crew.press(whom, "telegram:666", "1")
    assert role is not None
    assert labels(role)[:2] == ["Viewer 7 days", "Viewer"]
    card = await crew.press(role, "Viewer 7 days", "1")
    assert labels(card) == ["Confirm", "Cancel"]
    whom = await crew.reply("/revoke", "1")
    assert "telegram:2" in labels(whom)


async def test_who_lists_everybody_with_source_end_and_code() -> None:
    crew = Crew()
    await crew.confirmed(f"/grant {NEW} viewer 7d")
    await crew.confirmed("/revoke telegram:7")
    await crew.keys.put(CodeKey("discord:9", "NOTASECRET", confirmed=True))
    await crew.keys.put(CodeKey("telegram:2", "NOTASECRET"))
    await crew.reply("/status", "2")
    crew.clock.forward(HOUR)
    listed = await crew.reply("/who", "1")
    assert listed.table is not None
    rows = {row[0]: row[1:] for row in listed.table.rows}
    assert rows["telegram:1"][1:4] == ("admin", "config", "no end")
    assert rows["telegram:1"][5] == "on", "the same person's key on Discord"
    assert rows["telegram:2"] == ("user 2", "trader", "config", "no end", "1h ago", "off")
    assert rows[NEW][1:4] == ("viewer", "grant by telegram:1", "2023-11-21 22:13 UTC")
    assert rows["telegram:7"][1] == "no access"
    assert rows["telegram:3"][4] == "never"
    assert "NOTASECRET" not in str(listed)


async def test_last_seen_is_kept_and_written_now_and_then() -> None:
    crew = Crew()
    for _ in range(50):
        await crew.reply("/status", "2")
    assert crew.grants.people == {"telegram:2": ("user 2", START_MS)}
    assert crew.grants.writes == 1
    crew.clock.forward(10 * 60_000)
    await crew.reply("/status", "2", user_name="Bert")
    assert crew.grants.people["telegram:2"] == ("Bert", START_MS + 600_000)
    crew.grants.down = True
    crew.clock.forward(10 * 60_000)
    assert (await crew.reply("/status", "2")).ok, "that it cannot be written stops nobody"


async def test_strangers_are_not_seen() -> None:
    crew = Crew()
    await crew.say("/status", "666")
    await crew.say("/status", "2", chat_kind=GROUP["chat_kind"], chat_id="-999")
    assert crew.grants.people == {}


async def test_menus_hear_of_every_change_and_every_end() -> None:
    crew = Crew()
    told: list[Mapping[str, Role]] = []
    heard = asyncio.Event()

    async def renew(roles: Mapping[str, Role]) -> None:
        told.append(dict(roles))
        heard.set()

    async def next_one() -> Mapping[str, Role]:
        await asyncio.wait_for(heard.wait(), 60)
        heard.clear()
        return told[-1]

    task = asyncio.create_task(crew.access.watch(renew))
    assert await next_one() == CREW
    await crew.confirmed(f"/grant {NEW} trader 1h")
    assert (await next_one())[NEW] is Role.TRADER
    await crew.confirmed("/revoke telegram:3")
    assert "telegram:3" not in await next_one()
    crew.clock.forward(HOUR)
    await crew.access.load()  # what a wake-up at the grant's end comes to
    assert NEW not in await next_one()
    task.cancel()


async def test_a_role_that_this_program_does_not_know_is_none() -> None:
    grants = MemoryGrants()
    crew = Crew(grants=grants)
    await crew.confirmed(f"/grant {NEW} viewer")
    from dataclasses import replace

    grants.history[-1] = replace(grants.history[-1], role="captain")
    await crew.access.load()
    assert crew.access.role(NEW, crew.clock()) is None
