"""Updates and what became of them: claimed once, effected with the effect, never both run and lost."""

import asyncio
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection
from storage_kit import ACCOUNT, NOW, OTHER, only_sqlite, opened, path_of, step

from bot.domain.action import Notify, RecordSetting
from bot.domain.command import Pause
from bot.domain.errors import StorageError
from bot.domain.event import CommandIssued
from bot.domain.notice import Notice, NoticeKind, Severity
from bot.runtime.chat_ports import Arrival, ArrivalState
from bot.runtime.ports import Step
from storage.database import Database
from storage.migrate import MIGRATIONS

LATER = NOW + 1_000
ANNA = Arrival("telegram", "17", "telegram:1001", "-500", "/pause XRPUSDT", NOW - 2_000, NOW)


def paused(number: int, origin: str) -> Step:
    """What a commit of a command looks like, with something to see of it."""
    issued = CommandIssued(NOW + number, f"c{number}", ANNA.user, Pause("XRPUSDT"), origin)
    change = RecordSetting(NOW + number, "paused:XRPUSDT", "true", ANNA.user, "off", "on")
    return step(number, change, event=issued)


async def state(database: Database, arrival: Arrival) -> str:
    """The state of an update as the table has it."""

    def read(connection: Connection) -> str:
        words = "SELECT state FROM updates WHERE platform = :p AND update_id = :u"
        from sqlalchemy import text

        return str(connection.scalar(text(words), {"p": arrival.platform, "u": arrival.update_id}))

    return await database._connections.read(read)


async def test_an_update_is_claimed_once_for_ever(url: str) -> None:
    async with opened(url) as database:
        assert await database.arrivals().claim(ANNA)
        assert not await database.arrivals().claim(replace(ANNA, line="/panic_close", at_ms=LATER))
        assert await database.arrivals().claim(replace(ANNA, platform="discord"))
    async with opened(url) as database:
        assert not await database.arrivals().claim(replace(ANNA, at_ms=NOW + 10**11))
        [first, _] = await database.arrivals().open(LATER)
    assert {first.line} == {"/pause XRPUSDT"}, "the second claim wrote nothing"


async def test_of_many_claims_at_once_one_is_the_first(database: Database) -> None:
    claims = await asyncio.gather(*(database.arrivals().claim(ANNA) for _ in range(20)))
    assert sum(claims) == 1


async def test_what_died_with_an_earlier_run_is_open_with_every_word(database: Database) -> None:
    arrivals = database.arrivals()
    await arrivals.claim(ANNA)
    assert await arrivals.open(NOW) == (), "taken now: this run is at it"
    assert await arrivals.open(LATER) == (ANNA,)


async def test_open_ones_come_oldest_first_and_settled_ones_not_at_all(database: Database) -> None:
    arrivals = database.arrivals()
    several = [replace(ANNA, update_id=str(n), at_ms=NOW - n, line=f"/close {n}") for n in range(5)]
    for one in several:
        await arrivals.claim(one)
    await arrivals.settle("telegram", "0", ArrivalState.ENDED)
    await arrivals.settle("telegram", "1", ArrivalState.DROPPED)
    await arrivals.settle("telegram", "2", ArrivalState.PARKED)
    found = await arrivals.open(LATER)
    assert [one.update_id for one in found] == ["4", "3", "2"]
    assert [one.state for one in found] == [ArrivalState.TAKEN, ArrivalState.TAKEN, ArrivalState.PARKED]


async def test_a_parked_one_is_open_whenever_it_was_taken(database: Database) -> None:
    await database.arrivals().claim(replace(ANNA, state=ArrivalState.PARKED))
    [found] = await database.arrivals().open(0)
    assert found.state is ArrivalState.PARKED


async def test_a_crash_between_claim_and_commit_leaves_it_taken(url: str) -> None:
    async with opened(url) as database:
        await database.arrivals().claim(ANNA)
    async with opened(url) as database:
        [found] = await database.arrivals().open(LATER)
        assert found.state is ArrivalState.TAKEN
        assert await database.ledger(ACCOUNT).settings(10) == ()


async def test_the_effect_and_its_note_are_one_transaction(url: str) -> None:
    async with opened(url) as database:
        await database.arrivals().claim(ANNA)
        await database.ledger(ACCOUNT).commit([step(1), paused(2, ANNA.key)])
    async with opened(url) as database:  # the process died before anything was answered
        assert await state(database, ANNA) == "effected"
        assert await database.arrivals().open(LATER) == ()
        assert len(await database.ledger(ACCOUNT).settings(10)) == 1


async def test_a_commit_that_fails_notes_no_effect(database: Database) -> None:
    """The note is written last; here the step before it contradicts a row that is there."""
    await database.arrivals().claim(ANNA)
    ledger = database.ledger(ACCOUNT)
    await ledger.commit([paused(5, "telegram:1")])
    contradiction = Notice(NoticeKind.KILL, Severity.CRITICAL, NOW, "once")
    await ledger.commit([step(6, Notify(contradiction))])
    with pytest.raises((StorageError, ValueError)):
        await database.ledger(ACCOUNT).commit([paused(5, ANNA.key)])
    assert await state(database, ANNA) == "taken"


@only_sqlite
async def test_a_killed_commit_has_both_or_neither(url: str) -> None:
    """The file as it is at every size of its write-ahead log: effect and note are never apart."""
    async with opened(url) as database:
        for number in range(1, 12):
            arrival = replace(ANNA, update_id=str(number))
            await database.arrivals().claim(arrival)
            await database.ledger(ACCOUNT).commit([paused(number, arrival.key)])
        file, log = path_of(url).read_bytes(), path_of(url).with_name(path_of(url).name + "-wal").read_bytes()
    seen = set()
    for cut in range(0, len(log), 4_120):
        torn = path_of(url).with_name(f"torn{cut}.db")
        torn.write_bytes(file)
        torn.with_name(f"{torn.name}-wal").write_bytes(log[:cut])
        seen.add(await _agree(torn))
    assert len(seen) > 8, f"only {seen} different moments were looked at"


async def _agree(torn: Path) -> tuple[int, int]:
    async with opened(f"sqlite:///{torn}") as database:
        done = len(await database.ledger(ACCOUNT).settings(100))
        still = len(await database.arrivals().open(LATER))
    raw = sqlite3.connect(torn)
    (noted,) = raw.execute("SELECT count(*) FROM updates WHERE state = 'effected'").fetchone()
    raw.close()
    assert noted == done
    return done, still


async def test_an_effect_is_not_taken_back_but_a_person_may_drop_it(database: Database) -> None:
    arrivals = database.arrivals()
    await arrivals.claim(ANNA)
    await database.ledger(ACCOUNT).commit([paused(1, ANNA.key)])
    for word in (ArrivalState.ENDED, ArrivalState.PARKED, ArrivalState.TAKEN):
        await arrivals.settle("telegram", "17", word)
        assert await state(database, ANNA) == "effected"
    await arrivals.settle("telegram", "17", ArrivalState.DROPPED)
    assert await state(database, ANNA) == "dropped"


async def test_an_effect_whose_claim_was_lost_is_remembered(database: Database) -> None:
    """The database was away when the update came: the process remembered it, and the commit writes it down."""
    await database.ledger(OTHER).commit([paused(1, "telegram:99:with:colons")])
    assert not await database.arrivals().claim(replace(ANNA, update_id="99:with:colons"))
    assert await database.arrivals().open(LATER + 10**9) == ()


async def test_a_command_without_an_update_notes_nothing(database: Database) -> None:
    await database.ledger(ACCOUNT).commit([paused(1, "")])
    assert await database.arrivals().open(10**13) == ()


async def test_hostile_lines_come_back_clean(database: Database) -> None:
    await database.arrivals().claim(replace(ANNA, line="/close \0\ud800'; DROP TABLE updates --"))
    [found] = await database.arrivals().open(LATER)
    assert found.line.endswith("'; DROP TABLE updates --")
    assert "\0" not in found.line


@only_sqlite
@pytest.mark.parametrize("start", ["0001", "0002"])
async def test_books_of_before_are_brought_here(url: str, start: str) -> None:
    """Updates, notices and audit of an older database are all there, and its updates are over."""
    _old_database(url, start)
    async with opened(url) as database:
        assert not await database.arrivals().claim(replace(ANNA, update_id="old1"))
        assert await database.arrivals().open(10**13) == ()
        assert await state(database, replace(ANNA, update_id="old2")) == "ended"
        assert dict(await database.preferences().get("telegram:1001")) == {"exit": "quiet"}
        assert await database.audit().verify() == 0
        assert await database.grants().grants() == ()
    copy = sqlite3.connect(path_of(url).with_name(f"{path_of(url).name}.bak-{start}"))
    assert copy.execute("SELECT count(*) FROM updates").fetchone() == (3,)
    copy.close()


def _old_database(url: str, revision: str) -> None:
    from alembic.command import upgrade as to
    from alembic.config import Config
    from sqlalchemy import create_engine

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = create_engine(url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        to(config, revision)
    engine.dispose()
    raw = sqlite3.connect(path_of(url))
    for number in range(3):
        raw.execute("INSERT INTO updates VALUES ('telegram', ?, ?)", (f"old{number}", NOW))
    raw.execute("INSERT INTO preferences VALUES ('telegram:1001', 'exit', 'quiet')")
    raw.commit()
    raw.close()
