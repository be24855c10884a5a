"""The smaller books: audit chain, executed updates, outbox, wishes, a paper venue's own."""

import asyncio
from dataclasses import asdict, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text
from storage_kit import ACCOUNT, NOW, OTHER, SERVER, checked, opened, step

from bot.domain.action import Notify
from bot.domain.errors import StorageError
from bot.domain.notice import Notice, NoticeKind, Severity
from bot.runtime.ports import AuditDraft, PaperRow, Preference
from storage.database import Database

DRAFT = AuditDraft(NOW, "console", "local", "", "/pause", "BTCUSDT", "done", "entries: allowed -> paused", 7)


# --- audit -----------------------------------------------------------------------------------------------------------


async def test_the_audit_trail_is_numbered_and_chained(url: str) -> None:
    async with opened(url) as database:
        first = await database.audit().append(DRAFT)
        second = await database.audit().append(replace(DRAFT, at_ms=NOW + 1, command="/resume"))
        assert (first.number, second.number) == (1, 2)
        assert first.digest != second.digest
        assert {name: getattr(first, name) for name in asdict(DRAFT)} == asdict(DRAFT)
    async with opened(url) as database:
        third = await database.audit().append(DRAFT)
        assert third.digest not in (first.digest, second.digest)
        assert await database.audit().tail(2) == (third, second)
        assert await database.audit().verify() == 0


async def test_many_append_at_once(database: Database) -> None:
    entries = await asyncio.gather(
        *(database.audit().append(replace(DRAFT, user_id=str(n))) for n in range(20))
    )
    assert sorted(entry.number for entry in entries) == list(range(1, 21))
    assert await database.audit().verify() == 0


@pytest.mark.parametrize("statement", ["UPDATE commands SET outcome = 'refused'", "DELETE FROM commands"])
async def test_the_audit_trail_cannot_be_changed(database: Database, statement: str) -> None:
    await database.audit().append(DRAFT)
    with pytest.raises(StorageError) as caught:
        await database._connections.write(lambda connection: connection.execute(text(statement)))
    assert "\n" not in str(caught.value)
    assert await database.audit().verify() == 0


@pytest.mark.parametrize(
    "change, first_wrong",
    [
        ("UPDATE commands SET outcome = 'refused' WHERE number = 3", 3),
        ("UPDATE commands SET at = at WHERE number = 3", 0),
        ("UPDATE commands SET digest = 'abc' WHERE number = 2", 2),
        ("DELETE FROM commands WHERE number = 1", 1),
        ("DELETE FROM commands WHERE number = 4", 4),
    ],
)
async def test_what_somebody_changed_all_the_same_is_found(
    database: Database, change: str, first_wrong: int
) -> None:
    for _ in range(5):
        await database.audit().append(DRAFT)

    def tamper(connection: Connection) -> None:
        if SERVER:
            connection.execute(text("ALTER TABLE commands DISABLE TRIGGER ALL"))
        else:
            connection.execute(text("DROP TRIGGER commands_no_update"))
            connection.execute(text("DROP TRIGGER commands_no_delete"))
        connection.execute(text(change))

    await database._connections.write(tamper)
    assert await database.audit().verify() == first_wrong


@settings(max_examples=8 if SERVER else 20, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.text(st.characters(), max_size=20), min_size=1, max_size=5))
def test_the_chain_holds_whatever_people_type(
    tmp_path_factory: pytest.TempPathFactory, typed: list[str]
) -> None:
    async def work(database: Database) -> None:
        entries = [await database.audit().append(replace(DRAFT, arguments=words)) for words in typed]
        assert await database.audit().tail(99) == tuple(reversed(entries))
        assert await database.audit().verify() == 0

    checked(tmp_path_factory.mktemp("audit"), work)


async def test_long_and_hostile_arguments_are_kept(database: Database) -> None:
    hostile = "'; DROP TABLE commands; -- <b>&amp;</b> \0 \x1b[2J 🙂 " + "x" * 10_000
    entry = await database.audit().append(replace(DRAFT, arguments=hostile))
    assert entry.arguments == hostile.replace("\0", "\N{REPLACEMENT CHARACTER}")
    assert await database.audit().tail(1) == (entry,)


async def test_audit_trails_of_accounts_are_apart(database: Database) -> None:
    await database.audit(ACCOUNT).append(DRAFT)
    assert await database.audit(OTHER).tail(9) == ()
    assert (await database.audit(OTHER).append(DRAFT)).number == 1


# --- outbox ----------------------------------------------------------------------------------------------------------


def notify(title: str, severity: Severity = Severity.INFO) -> Notify:
    """A notice with a title."""
    return Notify(Notice(NoticeKind.ENTRY, severity, NOW, title, (("size", "1"),), "BTCUSDT"))


async def titles(database: Database, platform: str, limit: int = 99) -> list[str]:
    """What waits for a platform."""
    return [queued.notice.title for queued in await database.outbox(ACCOUNT).waiting(platform, limit)]


async def test_critical_notices_overtake(database: Database) -> None:
    await database.ledger(ACCOUNT).commit(
        [
            step(1, notify("a"), notify("b", Severity.TRADE)),
            step(2, notify("c", Severity.CRITICAL), notify("d")),
        ]
    )
    assert await titles(database, "console") == ["c", "a", "b", "d"]
    assert await titles(database, "console", 2) == ["c", "a"]


async def test_what_was_sent_waits_no_more(url: str) -> None:
    async with opened(url) as database:
        outbox = database.outbox(ACCOUNT)
        await database.ledger(ACCOUNT).commit(
            [step(1, notify("a"), notify("b", Severity.CRITICAL), notify("c")), step(2, notify("d"))]
        )
        waiting = await outbox.waiting("console", 99)
        assert waiting[0].notice == notify("b", Severity.CRITICAL).notice
        await outbox.sent("console", [waiting[0].id], NOW)
        assert await titles(database, "console") == ["a", "c", "d"]
        assert await titles(database, "telegram") == ["b", "a", "c", "d"]
        await outbox.sent("console", [waiting[1].id, waiting[0].id, 999_999_999], NOW)
        await outbox.sent("console", [], NOW)
        assert (await database.health()).waiting_notices == 2
    async with opened(url) as database:
        assert await titles(database, "console") == ["c", "d"]
        await database.outbox(ACCOUNT).sent("console", [queued.id for queued in waiting], NOW)
        assert await titles(database, "console") == []
        await database.ledger(ACCOUNT).commit([step(3, notify("e"))])
        assert await titles(database, "console") == ["e"]


async def test_a_platform_switched_on_later_gives_up_the_past(database: Database) -> None:
    outbox = database.outbox(ACCOUNT)
    assert await outbox.skip_all("telegram", NOW) == 0
    await database.ledger(ACCOUNT).commit([step(1, notify("a"), notify("b"))])
    waiting = await outbox.waiting("telegram", 99)
    await outbox.sent("telegram", [waiting[1].id], NOW)
    assert await outbox.skip_all("telegram", NOW) == 1
    assert await titles(database, "telegram") == []
    assert await titles(database, "console") == ["a", "b"]
    await database.ledger(ACCOUNT).commit([step(2, notify("c"))])
    assert await titles(database, "telegram") == ["c"]


@settings(max_examples=8 if SERVER else 20, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.lists(st.sampled_from(list(Severity)), max_size=4), min_size=1, max_size=5),
    st.lists(st.integers(0, 19), max_size=20),
)
def test_the_outbox_agrees_with_a_plain_list(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[Severity]], sent: list[int]
) -> None:
    async def work(database: Database) -> None:
        ledger, outbox = database.ledger(ACCOUNT), database.outbox(ACCOUNT)
        for number, batch in enumerate(batches, start=1):
            await ledger.commit([step(number, *(notify(f"{number}.{n}", s) for n, s in enumerate(batch)))])
        plain = list(await outbox.waiting("console", 99))
        critical = [queued for queued in plain if queued.notice.severity is Severity.CRITICAL]
        assert plain == [*sorted(critical, key=lambda q: q.id), *(q for q in plain if q not in critical)]
        for which in sent:
            if plain:
                gone = plain.pop(which % len(plain))
                await outbox.sent("console", [gone.id], NOW)
                assert await outbox.waiting("console", 99) == tuple(plain)

    checked(tmp_path_factory.mktemp("outbox"), work)


# --- preferences and paper books -------------------------------------------------------------------------------------


async def test_wishes(database: Database) -> None:
    wishes = database.preferences()
    assert await wishes.get("telegram:1") == {}
    for setting in ("off", "quiet"):
        await wishes.put(Preference("telegram:1", "entry", setting))
    await wishes.put(Preference("telegram:1", "digest", "off"))
    await wishes.put(Preference("telegram:2", "entry", "on"))
    assert await wishes.get("telegram:1") == {"digest": "off", "entry": "quiet"}


async def test_paper_books_keep_and_remove(database: Database) -> None:
    books = database.paper_books(ACCOUNT)
    rows = (
        PaperRow("order", "2", "{}"),
        PaperRow("order", "10", "{}"),
        PaperRow("account", "wallet", '"1000"'),
    )
    await books.save(rows)
    assert await books.load() == (rows[2], rows[1], rows[0])
    await books.save(
        [PaperRow("order", "2", ""), PaperRow("nothing", "", ""), PaperRow("order", "10", "[1]")]
    )
    assert await books.load() == (rows[2], PaperRow("order", "10", "[1]"))
    assert await database.paper_books(OTHER).load() == ()
    await books.save([PaperRow("a", "b", "1"), PaperRow("a", "b", "")])
    await books.save([PaperRow("c", "d", ""), PaperRow("c", "d", "2")])
    assert [row.kind for row in await books.load()] == ["account", "c", "order"]
