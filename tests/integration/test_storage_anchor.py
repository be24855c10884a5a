"""The audit's anchor: an end that was cut off is noticed, a restart after it too, and a crash in between is none."""

from dataclasses import replace
from pathlib import Path

from sqlalchemy import Connection, text
from storage_kit import NOW, SERVER

from bot.runtime.ports import AuditDraft
from storage.database import Database

DRAFT = AuditDraft(NOW, "console", "local", "", "/pause", "BTCUSDT", "done", "entries: allowed -> paused", 7)


async def cut(database: Database, beyond: int) -> None:
    """Somebody with the keys takes the newest entries away."""

    def tamper(connection: Connection) -> None:
        if SERVER:
            connection.execute(text("ALTER TABLE commands DISABLE TRIGGER ALL"))
        else:
            connection.execute(text("DROP TRIGGER IF EXISTS commands_no_delete"))
        connection.execute(text(f"DELETE FROM commands WHERE number > {beyond}"))

    await database._connections.write(tamper)


async def five(database: Database, anchor: Path) -> None:
    audit = database.audit(anchor=anchor)
    for index in range(5):
        await audit.append(replace(DRAFT, at_ms=NOW + index))


async def test_a_whole_trail_is_whole(database: Database, tmp_path: Path) -> None:
    await five(database, tmp_path / "anchor")
    assert await database.audit(anchor=tmp_path / "anchor").verify() == 0
    assert (tmp_path / "anchor").read_text().split()[0] == "5"


async def test_an_end_cut_off_is_noticed_and_not_forgotten(database: Database, tmp_path: Path) -> None:
    anchor = tmp_path / "anchor"
    await five(database, anchor)
    await cut(database, 3)
    assert await database.audit().verify() == 0, "the chain alone cannot know"
    assert await database.audit(anchor=anchor).verify() == 4
    later = database.audit(anchor=anchor)
    for index in range(4):
        await later.append(replace(DRAFT, at_ms=NOW + 100 + index))
    assert await database.audit(anchor=anchor).verify() == 5, "grown longer than before, it is another trail"


async def test_all_cut_off_is_noticed(database: Database, tmp_path: Path) -> None:
    await five(database, tmp_path / "anchor")
    await cut(database, 0)
    assert await database.audit(anchor=tmp_path / "anchor").verify() == 1


async def test_a_crash_before_the_anchor_was_written_is_no_fault(database: Database, tmp_path: Path) -> None:
    anchor = tmp_path / "anchor"
    await five(database, anchor)
    await database.audit().append(DRAFT)
    assert await database.audit(anchor=anchor).verify() == 0
    await database.audit(anchor=anchor).append(DRAFT)
    assert anchor.read_text().split()[0] == "7"


async def test_an_anchor_that_cannot_be_read_or_written_stops_nothing(
    database: Database, tmp_path: Path
) -> None:
    (tmp_path / "anchor").write_text("nonsense")
    await five(database, tmp_path / "anchor")
    assert await database.audit(anchor=tmp_path / "anchor").verify() == 0
    nowhere = database.audit(anchor=tmp_path / "no" / "folder")
    await nowhere.append(DRAFT)
    assert await nowhere.verify() == 0


async def test_lines_of_one_transaction_are_chained_one_by_one(database: Database, tmp_path: Path) -> None:
    anchor = tmp_path / "anchor"
    audit = database.audit(anchor=anchor)
    await audit.append(DRAFT)
    entries = await audit.extend([replace(DRAFT, at_ms=NOW + index) for index in range(1, 4)])
    assert [(entry.number, entry.at_ms) for entry in entries] == [(2, NOW + 1), (3, NOW + 2), (4, NOW + 3)]
    assert await audit.tail(3) == entries[::-1]
    assert await audit.extend([]) == ()
    assert (await audit.verify(), anchor.read_text().split()[0]) == (0, "4")
    await cut(database, 2)
    assert await audit.verify() == 3
