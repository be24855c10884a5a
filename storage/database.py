"""The door to storage: open a database, and it hands out the books bound to it."""

from functools import partial
from pathlib import Path

from bot.domain.errors import StorageError
from bot.runtime.ports import StorageHealth
from storage import backup, journal
from storage.anchor import Anchor
from storage.arrivals import SqlArrivals
from storage.audit import SqlAudit
from storage.code_keys import SqlCodeKeys
from storage.connections import Connections
from storage.escalations import SqlEscalations
from storage.grants import SqlGrants
from storage.ledger import SqlLedger
from storage.migrate import HEAD
from storage.opening import connect, prepare
from storage.outbox import SqlOutbox, waiting_in_all
from storage.paper_books import SqlPaperBooks
from storage.phantoms import SqlPhantoms
from storage.preferences import SqlPreferences
from storage.proposals import SqlProposals
from storage.sqlite import SqliteConnections
from storage.venue_memory import SqlVenueMemory

BUSY_MS = 2000


class Database:
    """One database, at this program's revision. Books of several accounts may be open at once."""

    def __init__(self, connections: Connections) -> None:
        """Take over connections; use `open_database` instead."""
        self._connections = connections
        self._outboxes: dict[str, SqlOutbox] = {}

    def ledger(self, account: str) -> SqlLedger:
        """The ledger of an account; one writer per account."""
        return SqlLedger(self._connections, account)

    async def accounts(self) -> tuple[str, ...]:
        """Accounts with a journal here, by name."""
        return await self._connections.read(journal.accounts)

    def audit(self, account: str = "", anchor: Path | None = None) -> SqlAudit:
        """The audit trail; `anchor` is the file that remembers where it ended."""
        return SqlAudit(self._connections, account, Anchor(anchor) if anchor is not None else None)

    def arrivals(self) -> SqlArrivals:
        """Updates of the chat platforms and what became of them."""
        return SqlArrivals(self._connections)

    def grants(self) -> SqlGrants:
        """Access given at run time, requests for it, and when people were last heard of."""
        return SqlGrants(self._connections)

    def code_keys(self) -> SqlCodeKeys:
        """One-time code keys by user."""
        return SqlCodeKeys(self._connections)

    def escalations(self, account: str) -> SqlEscalations:
        """Critical notices of an account that wait for somebody's answer."""
        return SqlEscalations(self._connections, account)

    def outbox(self, account: str) -> SqlOutbox:
        """Notices of an account waiting to be sent; one for all who ask, so that their marks can come together."""
        return self._outboxes.setdefault(account, SqlOutbox(self._connections, account))

    def preferences(self) -> SqlPreferences:
        """Per-user notice settings."""
        return SqlPreferences(self._connections)

    def proposals(self, account: str) -> SqlProposals:
        """What waits for a person's word in an account."""
        return SqlProposals(self._connections, account)

    def phantoms(self, account: str) -> SqlPhantoms:
        """Signals of an account that are followed to their end."""
        return SqlPhantoms(self._connections, account)

    def paper_books(self, account: str) -> SqlPaperBooks:
        """A paper venue's own books."""
        return SqlPaperBooks(self._connections, account)

    def venue_memory(self, account: str) -> SqlVenueMemory:
        """What a venue account must remember over restarts."""
        return SqlVenueMemory(self._connections, account)

    async def health(self) -> StorageHealth:
        """How the database is; raises StorageError when it cannot be asked."""
        connections = self._connections
        return StorageHealth(
            kind=connections.kind,
            bytes=await connections.size(),
            revision=HEAD,
            last_commit_ms=connections.last_commit_ms,
            waiting_notices=await connections.read(waiting_in_all),
        )

    async def backup(self, path: Path) -> None:
        """Copy the database while it is in use (SQLite); an existing file is not overwritten."""
        connections = self._connections
        if not isinstance(connections, SqliteConnections):
            raise StorageError(f"database {connections.place}: PostgreSQL is backed up with its own pg_dump")
        await connections.aside(partial(backup.copy_anew, connections.path, path))

    async def close(self) -> None:
        """Finish what was begun and let go."""
        await self._connections.close()


async def open_database(url: str, synchronous: str = "FULL", busy_ms: int = BUSY_MS) -> Database:
    """Open a database at this program's revision, or raise StorageError saying what is wrong.

    SQLite files are made, or copied to FILE.bak-REVISION and migrated, as need be. PostgreSQL is prepared only when
    it is empty. `synchronous` is SQLite's (FULL: a commit survives a power cut; NORMAL: it survives a crash of the
    program), `busy_ms` how long to wait for a lock of somebody else.
    """
    connections = connect(url, synchronous, busy_ms)
    await prepare(connections, upgrade_server=False)
    return Database(connections)


async def upgrade(url: str, busy_ms: int = BUSY_MS) -> str:
    """Bring a database to this program's revision; returns the revision it had (empty: it was new)."""
    connections = connect(url, "FULL", busy_ms)
    before = await prepare(connections, upgrade_server=True)
    await connections.close()
    return before
