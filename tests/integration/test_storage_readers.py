"""The outbox's readers: each person has a place of its own; who is new starts with what is new."""

from storage_kit import ACCOUNT, NOW, OTHER, step

from bot.domain.action import Notify
from bot.domain.notice import Notice, NoticeKind, Severity
from storage.database import Database


def notify(title: str, at_ms: int = NOW, severity: Severity = Severity.INFO) -> Notify:
    return Notify(Notice(NoticeKind.ENTRY, severity, at_ms, title, (), "BTCUSDT"))


async def titles(database: Database, reader: str, severity: Severity | None = None) -> list[str]:
    waiting = await database.outbox(ACCOUNT).waiting(reader, 99, severity)
    assert {queued.platform for queued in waiting} <= {reader}
    return [queued.notice.title for queued in waiting]


async def test_a_lane_reads_its_own_severity(database: Database) -> None:
    await database.ledger(ACCOUNT).commit([
        step(1, notify("a"), notify("b", NOW, Severity.TRADE), notify("c", NOW, Severity.CRITICAL)),
        step(2, notify("d")),
    ])  # fmt: skip
    assert await titles(database, "telegram:1", Severity.INFO) == ["a", "d"]
    assert await titles(database, "telegram:1", Severity.TRADE) == ["b"]
    assert await titles(database, "telegram:1", Severity.CRITICAL) == ["c"]
    assert await titles(database, "telegram:1") == ["c", "a", "b", "d"]


async def test_who_is_new_starts_with_what_is_new_and_who_is_known_keeps_the_place(
    database: Database,
) -> None:
    outbox = database.outbox(ACCOUNT)
    await database.ledger(ACCOUNT).commit([step(1, notify("old")), step(2, notify("new", NOW + 5))])
    await outbox.join("telegram:1", NOW + 1)
    assert await titles(database, "telegram:1") == ["new"]
    await database.ledger(ACCOUNT).commit([step(3, notify("newer", NOW + 9))])
    await outbox.join("telegram:1", NOW + 8)
    assert await titles(database, "telegram:1") == ["new", "newer"], "an outage over a restart loses nothing"
    await outbox.join("telegram:2", 0)
    assert await titles(database, "telegram:2") == ["old", "new", "newer"]


async def test_who_has_gone_is_forgotten_on_that_platform_alone(database: Database) -> None:
    outbox = database.outbox(ACCOUNT)
    await database.ledger(ACCOUNT).commit([step(1, notify("a"), notify("b"), notify("c"))])
    for reader in ("telegram:1", "telegram:2", "telegram_x:1", "discord:1"):
        waiting = await outbox.waiting(reader, 99)
        await outbox.sent(reader, [waiting[0].id, waiting[2].id], NOW)
    await database.outbox(OTHER).join("telegram:2", 0)
    await outbox.keep_only("telegram", ["telegram:1"])
    for reader in ("telegram:1", "telegram_x:1", "discord:1"):
        assert await titles(database, reader) == ["b"]
    assert await titles(database, "telegram:2") == ["a", "b", "c"], "nothing is remembered"
    assert (await database.health()).waiting_notices == 1


async def test_the_place_that_an_older_version_kept_for_a_platform_is_everybodys(database: Database) -> None:
    outbox = database.outbox(ACCOUNT)
    await database.ledger(ACCOUNT).commit([step(1, notify("a"), notify("b"))])
    first = (await outbox.waiting("telegram", 99))[0]
    await outbox.sent("telegram", [first.id], NOW)
    await outbox.join("telegram:2", 0)
    await outbox.keep_only("telegram", ["telegram:1", "telegram:2"])
    await outbox.join("telegram:1", NOW + 99)
    assert await titles(database, "telegram:1") == ["b"]
    assert await titles(database, "telegram:2") == ["a", "b"], "who has a place keeps it"
    await outbox.join("telegram:3", NOW + 99)
    assert await titles(database, "telegram:3") == [], "the old place is used once"
