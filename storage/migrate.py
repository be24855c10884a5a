"""Bringing a database to this program's schema. Every change of a table is one file in migrations/versions.

A database newer than the program is refused. An older SQLite file is copied, then migrated when it is opened; an
older PostgreSQL database waits for `quarterdeck db upgrade`. Each upgrade is one transaction on both.
"""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from bot.domain.errors import StorageError

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006")
HEAD = REVISIONS[-1]
MIGRATING = 7_147_001  # any number, the same in every copy of this program
MIGRATIONS = Path(__file__).parent / "migrations"


def revision(connection: Connection) -> str:
    """The database's revision, empty when it has no tables of ours yet."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.scalar(text("SELECT version_num FROM alembic_version")) or "")


def check(place: str, found: str) -> None:
    """Raise StorageError for a revision that this program does not know."""
    if found and found not in REVISIONS:
        raise StorageError(
            f"database {place}: it is of revision {found}, newer than this program ({HEAD}); "
            "update the program, or name another database"
        )


def migrate(connection: Connection) -> None:
    """Bring the database to HEAD, from whatever it is; does nothing when it is there already."""
    if connection.dialect.name == "postgresql":  # as SQLite's one writer does by itself
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATING})
    if revision(connection) == HEAD:  # another process was faster
        return
    from alembic.command import upgrade
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    upgrade(config, "head")
