"""Work on the database itself: audit check, backup, upgrade."""

import asyncio
import os
import sys
from pathlib import Path

from cli.homes import AUDIT_ANCHOR, load, resolve_home
from storage import database as storage
from storage.database import Database, open_database
from storage.migrate import HEAD


async def _open(home: Path | None, config: Path | None) -> Database:
    loaded = load(resolve_home(home, os.environ), config, os.environ)
    return await open_database(loaded.database_url, synchronous=loaded.settings.storage.synchronous)


def verify_audit(home: Path | None, config: Path | None) -> int:
    """Recompute the hash chain; exit code 1 when it is broken."""
    return asyncio.run(_verify(home, config))


async def _verify(home: Path | None, config: Path | None) -> int:
    database = await _open(home, config)
    audit = database.audit(anchor=resolve_home(home, os.environ) / AUDIT_ANCHOR)
    try:
        newest = await audit.tail(1)
        broken = await audit.verify()
    finally:
        await database.close()
    count = newest[0].number if newest else 0
    if broken > count:
        sys.stdout.write(
            f"audit: entry {broken} and later ones are missing: the end of the trail was cut off\n"
        )
        return 1
    if broken:
        sys.stdout.write(f"audit: entry {broken} of {count} does not fit the chain: it was changed\n")
        return 1
    sys.stdout.write(f"audit: {count} entries, the chain is whole\n")
    return 0


def backup(home: Path | None, config: Path | None, file: Path) -> int:
    """Copy the database."""

    async def work() -> int:
        database = await _open(home, config)
        try:
            await database.backup(file)
        finally:
            await database.close()
        sys.stdout.write(f"backup written to {file}\n")
        return 0

    return asyncio.run(work())


def upgrade(home: Path | None, config: Path | None) -> int:
    """Bring the schema to this version, a server's too, and say from where."""
    loaded = load(resolve_home(home, os.environ), config, os.environ)
    before = asyncio.run(storage.upgrade(loaded.database_url))
    if before == HEAD:
        sys.stdout.write(f"database: at revision {HEAD} already\n")
    else:
        sys.stdout.write(f"database: {f'revision {before}' if before else 'new'} -> revision {HEAD}\n")
    return 0
