"""Opening: fresh files, older and newer ones, strange ones; models and migrations say the same."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import Connection, inspect
from storage_kit import ACCOUNT, SERVER, only_postgres, only_sqlite, opened, path_of, step

from bot.domain.errors import StorageError
from bot.domain.order import TimeInForce
from storage.database import Database, open_database, upgrade
from storage.migrate import HEAD, MIGRATIONS, REVISIONS
from storage.schema import Base

NEXT = "9998"


async def test_models_and_migrations_are_the_same(database: Database) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    def differences(connection: Connection) -> list[object]:
        options = {"compare_type": True, "compare_server_default": True}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata))

    assert await database._connections.read(differences) == []


async def test_primary_keys_are_the_same(database: Database) -> None:
    def keys(connection: Connection) -> dict[str, list[str]]:
        looking = inspect(connection)
        return {name: looking.get_pk_constraint(name)["constrained_columns"] for name in Base.metadata.tables}

    models = {
        name: [column.name for column in table.primary_key] for name, table in Base.metadata.tables.items()
    }
    assert await database._connections.read(keys) == models


def test_revisions_are_those_of_the_migrations() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    walked = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(walked)) == REVISIONS


async def test_opening_again_finds_what_was_written(url: str) -> None:
    async with opened(url) as database:
        await database.ledger(ACCOUNT).commit([step(1)])
    async with opened(url) as database:
        assert await database.ledger(ACCOUNT).last_step() == 1
        assert (await database.health()).revision == HEAD


async def test_upgrade_says_where_it_came_from(url: str) -> None:
    assert await upgrade(url) == ""
    assert await upgrade(url) == HEAD


@only_sqlite
async def test_books_of_the_first_voyage_are_brought_here(url: str) -> None:
    """Every revision leads to the next with what was written before."""
    from alembic.command import upgrade as to
    from alembic.config import Config
    from sqlalchemy import create_engine

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = create_engine(url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        to(config, REVISIONS[0])
    engine.dispose()
    with sqlite3.connect(path_of(url)) as raw:
        columns = [row[1:3] for row in raw.execute("PRAGMA table_info(orders)")]
        values = {name: "1" for name, _ in columns} | {
            "account": ACCOUNT,
            "status": "WORKING",
            "type": "LIMIT",
        }
        values |= {"side": "BUY", "purpose": "ENTRY", "reason": None, "client_id": "old"}
        marks = ", ".join("?" for _ in columns)
        raw.execute(f"INSERT INTO orders ({', '.join(values)}) VALUES ({marks})", list(values.values()))
    raw.close()
    async with opened(url) as database:
        [order] = (await database.ledger(ACCOUNT).recover()).orders
    assert (order.client_id, order.intent.time_in_force) == ("old", TimeInForce.GTC)


async def test_two_processes_may_open_a_new_database_at_once(url: str) -> None:
    databases = await asyncio.gather(*(open_database(url, busy_ms=10_000) for _ in range(2)))
    for one in databases:
        await one.close()


@only_sqlite
async def test_folders_are_made(tmp_path: Path) -> None:
    async with opened(f"sqlite:///{tmp_path / 'a' / 'b' / 'desk.db'}"):
        assert (tmp_path / "a" / "b" / "desk.db").exists()


@only_sqlite
async def test_a_newer_database_is_refused(url: str) -> None:
    async with opened(url):
        pass
    _set_revision(path_of(url), "9999")
    with pytest.raises(
        StorageError, match=r"^database .*db: it is of revision 9999, newer than this program"
    ):
        await open_database(url)


@only_sqlite
async def test_an_older_database_is_copied_then_migrated(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(url) as database:
        await database.ledger(ACCOUNT).commit([step(1)])
    path = path_of(url)
    migrated = []
    monkeypatch.setattr("storage.migrate.REVISIONS", (*REVISIONS, NEXT))
    for module in ("storage.migrate", "storage.opening"):
        monkeypatch.setattr(f"{module}.HEAD", NEXT)
    monkeypatch.setattr("storage.opening.migrate", migrated.append)
    async with opened(url):
        pass
    assert len(migrated) == 1
    copy = sqlite3.connect(path.with_name(f"{path.name}.bak-{HEAD}"))
    assert copy.execute("SELECT count(*) FROM journal").fetchone() == (1,)
    assert copy.execute("SELECT version_num FROM alembic_version").fetchone() == (HEAD,)
    copy.close()


@only_postgres
async def test_an_older_server_waits_for_the_operator(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(url):
        pass
    monkeypatch.setattr("storage.migrate.REVISIONS", (*REVISIONS, NEXT))
    for module in ("storage.migrate", "storage.opening"):
        monkeypatch.setattr(f"{module}.HEAD", NEXT)
    with pytest.raises(
        StorageError, match=rf"is of revision {HEAD}, older than this program \({NEXT}\); run `quarterdeck"
    ):
        await open_database(url)
    monkeypatch.setattr("storage.opening.migrate", lambda connection: None)
    assert await upgrade(url) == HEAD


@pytest.mark.parametrize(
    "strange",
    [
        "",
        "desk.db",
        "mysql://user:secret@host/desk",
        "sqlite://",
        "sqlite:///:memory:",
        "://",
        "postgresql://user:secret@host:port/desk",
        "\x00",
        "🙂",
    ],
)
async def test_strange_urls_are_refused_in_one_line(
    strange: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StorageError) as caught:
        await open_database(strange)
    assert "allowed: sqlite:///FILE or postgresql+asyncpg://" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


async def test_an_unreachable_server_is_one_line() -> None:
    with pytest.raises(
        StorageError, match=r"^database 127.0.0.1/desk: the server cannot be reached"
    ) as caught:
        await open_database("postgresql+asyncpg://anna:secret@127.0.0.1:1/desk")
    assert "secret" not in str(caught.value)


@only_sqlite
async def test_unknown_synchronous_is_refused(url: str) -> None:
    with pytest.raises(StorageError, match="synchronous 'OFF' unknown; allowed: FULL, NORMAL"):
        await open_database(url, synchronous="OFF")


@only_sqlite
@pytest.mark.parametrize("synchronous, level", [("FULL", 2), ("NORMAL", 1)])
async def test_sqlite_is_set_up_for_safety(url: str, synchronous: str, level: int) -> None:
    async with opened(url, synchronous=synchronous) as database:

        def pragmas(connection: Connection) -> list[object]:
            names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
            return [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]

        assert await database._connections.read(pragmas) == ["wal", level, 1, 2000]


async def test_health(database: Database) -> None:
    await database.ledger(ACCOUNT).commit([step(1)])
    health = await database.health()
    assert health.kind == ("postgresql" if SERVER else "sqlite")
    assert health.bytes > 10_000
    assert health.last_commit_ms > 0
    assert health.waiting_notices == 0


@only_sqlite
async def test_backup_while_writing(url: str, database: Database, tmp_path: Path) -> None:
    ledger = database.ledger(ACCOUNT)
    await ledger.commit([step(1)])
    copies = tmp_path / "copy.db"
    await asyncio.gather(database.backup(copies), *(ledger.commit([step(number)]) for number in range(2, 30)))
    async with opened(f"sqlite:///{copies}") as copy:
        assert 1 <= await copy.ledger(ACCOUNT).last_step() <= 29
    with pytest.raises(StorageError, match="this file exists already; name another"):
        await database.backup(copies)
    with pytest.raises(StorageError, match="cannot be opened"):
        await database.backup(tmp_path / "nowhere" / "copy.db")
    assert not _unfinished(tmp_path)


@only_postgres
async def test_backup_of_a_server_is_its_own_business(database: Database, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="pg_dump"):
        await database.backup(tmp_path / "copy.db")


async def test_a_closed_database_says_so(url: str) -> None:
    database = await open_database(url)
    await database.close()
    if not SERVER:
        with pytest.raises(StorageError, match="it is closed"):
            await database.ledger(ACCOUNT).last_step()


def _set_revision(path: Path, revision: str) -> None:
    raw = sqlite3.connect(path)
    raw.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    raw.commit()
    raw.close()


def _unfinished(folder: Path) -> list[Path]:
    return list(folder.rglob("*.part"))
