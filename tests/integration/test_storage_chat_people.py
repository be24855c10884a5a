"""Grants, requests, code keys, escalations, notes: kept over restarts, told apart, and secret where they must be."""

import sqlite3
import stat
from dataclasses import replace
from pathlib import Path

from storage_kit import ACCOUNT, NOW, OTHER, only_sqlite, opened, path_of, step

from bot.domain.action import Notify, RecordNote
from bot.domain.notice import Notice, NoticeKind, Severity
from bot.runtime.chat_ports import CodeKey, Escalation, Grant
from storage.database import Database

ANNA, BERT = "telegram:1001", "discord:2002"
DAY = 86_400_000
SECRET = "NOTAREALSECRETAAAA"
CRITICAL = Notice(NoticeKind.KILL, Severity.CRITICAL, NOW, "Kill switch set off", symbol="XRPUSDT")


# --- access ----------------------------------------------------------------------------------------------------------


async def test_the_newest_grant_is_in_force_and_all_are_kept(url: str) -> None:
    first = Grant(ANNA, "viewer", NOW + DAY, "console:operator", NOW)
    second = Grant(ANNA, "trader", 0, "console:operator", NOW + 1)
    third = Grant(ANNA, "", 0, "telegram:1", NOW + 2)
    async with opened(url) as database:
        for grant in (first, replace(first, user=BERT), second, third):
            await database.grants().grant(grant)
    async with opened(url) as database:
        assert await database.grants().grants() == (replace(first, user=BERT), third)
        assert await database.grants().history(ANNA) == (first, second, third)


async def test_a_request_is_taken_once_until_it_is_decided(database: Database) -> None:
    grants = database.grants()
    assert await grants.ask(ANNA, "Anna", NOW)
    assert not await grants.ask(ANNA, "Anna again", NOW + 1)
    assert await grants.asking() == ((ANNA, "Anna", NOW),)
    await grants.decided(ANNA, NOW + 2)
    assert await grants.asking() == ()


async def test_who_was_refused_waits_thirty_days(database: Database) -> None:
    grants = database.grants()
    await grants.ask(ANNA, "Anna", NOW)
    await grants.decided(ANNA, NOW + 10)
    assert not await grants.ask(ANNA, "Anna", NOW + 10 + 30 * DAY - 1)
    assert await grants.asking() == ()
    assert await grants.ask(ANNA, "Anna", NOW + 10 + 30 * DAY)
    assert len(await grants.asking()) == 1


async def test_a_decision_is_not_moved_by_a_second_one(database: Database) -> None:
    grants = database.grants()
    await grants.ask(ANNA, "Anna", NOW)
    await grants.decided(ANNA, NOW)
    await grants.decided(ANNA, NOW + 20 * DAY)
    assert await grants.ask(ANNA, "Anna", NOW + 30 * DAY)


async def test_who_was_let_in_may_ask_again_when_it_is_over(database: Database) -> None:
    grants = database.grants()
    await grants.ask(ANNA, "Anna", NOW)
    await grants.grant(Grant(ANNA, "viewer", NOW + DAY, "console:operator", NOW + 5))
    await grants.decided(ANNA, NOW + 5)
    assert await grants.ask(ANNA, "Anna", NOW + 2 * DAY)


async def test_who_was_thrown_out_waits(database: Database) -> None:
    grants = database.grants()
    await grants.ask(ANNA, "Anna", NOW)
    await grants.grant(Grant(ANNA, "viewer", 0, "console:operator", NOW + 5))
    await grants.decided(ANNA, NOW + 5)
    await grants.grant(Grant(ANNA, "", 0, "console:operator", NOW + 6))
    assert not await grants.ask(ANNA, "Anna", NOW + 2 * DAY)


async def test_last_seen_is_the_newest(database: Database) -> None:
    await database.grants().seen(ANNA, "Anna", NOW)
    await database.grants().seen(BERT, "Bert", NOW)
    await database.grants().seen(ANNA, "Anna M.", NOW + 1)
    assert await database.grants().last_seen() == {ANNA: ("Anna M.", NOW + 1), BERT: ("Bert", NOW)}


# --- code keys -------------------------------------------------------------------------------------------------------


async def test_code_keys_are_kept_replaced_and_forgotten(url: str) -> None:
    key = CodeKey(ANNA, SECRET, confirmed=True, used_step=57_000_000, failures=2, locked_until_ms=NOW)
    async with opened(url) as database:
        await database.code_keys().put(CodeKey(ANNA, SECRET))
        await database.code_keys().put(key)
        await database.code_keys().put(CodeKey(BERT, SECRET))
    async with opened(url) as database:
        assert await database.code_keys().get(ANNA) == key
        assert await database.code_keys().users() == (ANNA,), "one that was not proved asks for nothing"
        await database.code_keys().drop(ANNA)
        assert await database.code_keys().get(ANNA) is None
        assert await database.code_keys().get(BERT) == CodeKey(BERT, SECRET)


async def test_a_secret_is_in_no_word_about_it(database: Database) -> None:
    await database.code_keys().put(CodeKey(ANNA, SECRET))
    found = await database.code_keys().get(ANNA)
    assert found is not None
    assert found.secret == SECRET
    assert SECRET not in f"{found} {found!r} {database!r} {database.code_keys()!r}"


@only_sqlite
async def test_files_with_secrets_are_the_owners_alone(url: str, tmp_path: Path) -> None:
    async with opened(url) as database:
        await database.code_keys().put(CodeKey(ANNA, SECRET))
        await database.backup(tmp_path / "copy.db")
        modes = _modes(tmp_path)
    assert len(modes) >= 3, "the file, its log, the copy"
    assert set(modes.values()) == {0o600}, modes


def _modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir() if path.is_file()}


@only_sqlite
async def test_a_file_that_others_could_read_is_closed_to_them(url: str) -> None:
    path_of(url).touch(0o644)
    path_of(url).chmod(0o664)
    async with opened(url):
        assert stat.S_IMODE(path_of(url).stat().st_mode) == 0o600


@only_sqlite
async def test_the_copy_before_an_upgrade_is_the_owners_alone(url: str) -> None:
    from alembic.command import upgrade as to
    from alembic.config import Config
    from sqlalchemy import create_engine

    from storage.migrate import MIGRATIONS

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = create_engine(url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        to(config, "0002")
    engine.dispose()
    async with opened(url):
        copy = path_of(url).with_name(f"{path_of(url).name}.bak-0002")
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600


# --- escalations -----------------------------------------------------------------------------------------------------


async def _told(database: Database, account: str, numbers: range) -> tuple[int, ...]:
    ledger = database.ledger(account)
    await ledger.commit([step(n, Notify(replace(CRITICAL, at_ms=NOW + n))) for n in numbers])
    return tuple(queued.id for queued in await database.outbox(account).waiting("telegram", 100))


async def test_open_escalations_come_with_their_notice(url: str) -> None:
    async with opened(url) as database:
        first, second = await _told(database, ACCOUNT, range(1, 3))
        await database.escalations(ACCOUNT).put(Escalation(second, NOW + 2))
        await database.escalations(ACCOUNT).put(Escalation(first, NOW + 1))
        await database.escalations(ACCOUNT).put(Escalation(first, NOW + 1, 2, NOW + 120_000))
    async with opened(url) as database:
        opened_ones = await database.escalations(ACCOUNT).open()
    assert [one for one, _ in opened_ones] == [
        Escalation(first, NOW + 1, 2, NOW + 120_000),
        Escalation(second, NOW + 2),
    ]
    assert [notice for _, notice in opened_ones] == [
        replace(CRITICAL, at_ms=NOW + 1),
        replace(CRITICAL, at_ms=NOW + 2),
    ]


async def test_an_escalation_is_acknowledged_once(database: Database) -> None:
    first, second, third = await _told(database, ACCOUNT, range(1, 4))
    escalations = database.escalations(ACCOUNT)
    for number in (first, second, third):
        await escalations.put(Escalation(number, NOW))
    assert await escalations.acknowledge(first, ANNA, NOW + 5)
    assert not await escalations.acknowledge(first, BERT, NOW + 6)
    assert not await escalations.acknowledge(987_654, BERT, NOW + 6)
    assert [one.notice_id for one, _ in await escalations.open()] == [second, third]
    assert await escalations.acknowledge(0, BERT, NOW + 7)
    assert await escalations.open() == ()
    assert not await escalations.acknowledge(0, BERT, NOW + 8)


async def test_the_next_step_does_not_take_an_acknowledgement_back(database: Database) -> None:
    """Somebody answered while the next person was being told."""
    [first] = await _told(database, ACCOUNT, range(1, 2))
    escalations = database.escalations(ACCOUNT)
    await escalations.put(Escalation(first, NOW))
    await escalations.acknowledge(first, ANNA, NOW + 5)
    await escalations.put(Escalation(first, NOW, 1, NOW + 120_000))
    assert await escalations.open() == ()


async def test_one_that_is_put_with_a_name_is_answered(database: Database) -> None:
    [first] = await _told(database, ACCOUNT, range(1, 2))
    await database.escalations(ACCOUNT).put(Escalation(first, NOW, by=ANNA))
    assert await database.escalations(ACCOUNT).open() == ()


async def test_accounts_escalate_apart(database: Database) -> None:
    [mine] = await _told(database, ACCOUNT, range(1, 2))
    [theirs] = await _told(database, OTHER, range(1, 2))
    assert mine == theirs, "both are the first action of the first line"
    await database.escalations(ACCOUNT).put(Escalation(mine, NOW))
    await database.escalations(OTHER).put(Escalation(theirs, NOW))
    assert await database.escalations(ACCOUNT).acknowledge(0, ANNA, NOW)
    assert len(await database.escalations(OTHER).open()) == 1


# --- notes -----------------------------------------------------------------------------------------------------------


async def test_notes_are_kept_newest_first(url: str) -> None:
    async with opened(url) as database:
        ledger = database.ledger(ACCOUNT)
        notes = [RecordNote(NOW + n, "XRPUSDT", NOW, f"note {n}", ANNA) for n in range(3)]
        other = RecordNote(NOW + 9, "BTCUSDT", NOW + 1, "bitcoin", BERT)
        await ledger.commit([step(1, *notes), step(2, other)])
        await database.ledger(OTHER).commit([step(1, RecordNote(NOW, "XRPUSDT", NOW, "elsewhere", ANNA))])
    async with opened(url) as database:
        ledger = database.ledger(ACCOUNT)
        assert await ledger.notes(10) == (other, *reversed(notes))
        assert await ledger.notes(2, "XRPUSDT") == (notes[2], notes[1])


@only_sqlite
async def test_no_table_of_people_keeps_a_time_as_zero(url: str) -> None:
    """Zero means never, and is NULL: a PostgreSQL reader would see the year 1970."""
    async with opened(url) as database:
        await database.grants().grant(Grant(ANNA, "viewer", 0, BERT, NOW))
        await database.code_keys().put(CodeKey(ANNA, SECRET))
    raw = sqlite3.connect(path_of(url))
    assert raw.execute("SELECT until FROM grants").fetchall() == [(None,)]
    assert raw.execute("SELECT locked_until FROM code_keys").fetchall() == [(None,)]
    raw.close()
