"""The audit trail: each entry's digest covers the one before, so that none can be changed or taken out unnoticed."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from hashlib import sha256
from typing import Any

import orjson
from sqlalchemy import Connection, select, text

from bot.runtime.ports import AuditDraft, AuditEntry
from storage.anchor import Anchor, Mark
from storage.columns import clean
from storage.connections import Connections
from storage.rows import Flat
from storage.schema import CommandRow
from storage.statements import add

ENTRIES = Flat(AuditEntry)
COVERED = tuple(field.name for field in fields(AuditEntry) if field.name != "digest")
READ_AT_ONCE = 1000


class SqlAudit:
    """One chain per account; entries of people who speak to no particular account share the empty one."""

    def __init__(self, connections: Connections, account: str, anchor: Anchor | None = None) -> None:
        """Bind to an account; `anchor` remembers the chain's end outside the database."""
        self._connections = connections
        self._account = account
        self._anchor = anchor

    async def append(self, draft: AuditDraft) -> AuditEntry:
        """Number, chain and store one entry durably."""
        return (await self.extend([draft]))[0]

    async def extend(self, drafts: Sequence[AuditDraft]) -> tuple[AuditEntry, ...]:
        """The same for several, in their order and all in one transaction: all of them are stored, or none."""
        if self._anchor is not None and not self._anchor.compared:
            mark = self._anchor.read()
            number = mark.number if mark is not None else 0
            there = await self._connections.read(lambda c: _digest(c, self._account, number))
            self._anchor.compare(mark, there)
        entries = await self._connections.write(lambda c: _extend(c, self._account, drafts))
        if self._anchor is not None and entries:
            await asyncio.to_thread(self._anchor.write, entries[-1])
        return entries

    async def tail(self, limit: int) -> tuple[AuditEntry, ...]:
        """The newest entries, newest first."""
        return await self._connections.read(lambda c: _tail(c, self._account, limit))

    async def verify(self) -> int:
        """Recompute the chain: returns the number of the first entry that does not fit, 0 when all fit.

        Entries that the anchor remembers and that are no more do not fit either: the first of them is returned.
        """
        mark = self._anchor.read() if self._anchor is not None else None
        return await self._connections.read(lambda c: _verify(c, self._account, mark))


def chained(previous: str, figures: Mapping[str, Any]) -> str:
    """SHA-256 (hex) over the digest before and the entry's canonical JSON."""
    body = orjson.dumps({name: figures[name] for name in COVERED}, option=orjson.OPT_SORT_KEYS)
    return sha256(previous.encode() + b"\n" + body).hexdigest()


def _extend(connection: Connection, account: str, drafts: Sequence[AuditDraft]) -> tuple[AuditEntry, ...]:
    if connection.dialect.name == "postgresql":  # SQLite has but one writer anyway
        connection.execute(text("LOCK TABLE commands IN SHARE ROW EXCLUSIVE MODE"))
    last = _tail(connection, account, 1)
    there, digest = (last[0].number, last[0].digest) if last else (0, "")
    entries = []
    for number, draft in enumerate(drafts, start=there + 1):
        entries.append(_entry(number, digest, draft))
        digest = entries[-1].digest
    add(connection, CommandRow, [ENTRIES.row(account, entry) for entry in entries])
    return tuple(entries)


def _entry(number: int, previous: str, draft: AuditDraft) -> AuditEntry:
    said = {name: clean(value) if isinstance(value, str) else value for name, value in asdict(draft).items()}
    figures: dict[str, Any] = {**said, "number": number}
    return AuditEntry(**figures, digest=chained(previous, figures))


def _digest(connection: Connection, account: str, number: int) -> str:
    """The digest of one entry, empty when there is none."""
    row = select(CommandRow.digest).where(CommandRow.account == account, CommandRow.number == number)
    return connection.scalar(row) or ""


def _tail(connection: Connection, account: str, limit: int) -> tuple[AuditEntry, ...]:
    rows = select(CommandRow.__table__).where(CommandRow.account == account)
    newest = rows.order_by(CommandRow.number.desc()).limit(limit)
    return tuple(ENTRIES.value(row) for row in connection.execute(newest).mappings())


def _verify(connection: Connection, account: str, mark: Mark | None) -> int:
    previous, number = "", 0
    rows = select(CommandRow.__table__).where(CommandRow.account == account).order_by(CommandRow.number)
    found = connection.execute(rows.execution_options(yield_per=READ_AT_ONCE)).mappings()
    for number, entry in enumerate(map(ENTRIES.value, found), start=1):
        figures = {name: getattr(entry, name) for name in COVERED}
        if entry.number != number or entry.digest != chained(previous, figures):
            return number
        if mark is not None and mark.number == number and mark.digest != entry.digest:
            return number  # the whole chain was written anew
        previous = entry.digest
    return number + 1 if mark is not None and mark.number > number else 0
