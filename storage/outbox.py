"""Notices on their way to people.

A commit writes each notice once and knows no reader. A reader (a person on a platform, "telegram:1") has a cursor, up
to which it has had everything, and a few deliveries beyond it, since critical notices overtake.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, Select, delete, func, select

from bot.domain.errors import StorageError
from bot.domain.notice import Notice, Severity
from bot.runtime.codec import decode
from bot.runtime.ports import QueuedNotice
from storage.connections import Connections
from storage.schema import DeliveryRow, NoticeRow, OutboxCursorRow
from storage.statements import add_missing, put
from storage.together import Together

type Mark = tuple[str, Sequence[int], int]
"""A reader, the notices it has had, and when (ms)."""


class SqlOutbox:
    """The outbox of one account."""

    def __init__(self, connections: Connections, account: str) -> None:
        """Bind to an account."""
        self._connections = connections
        self._account = account
        self._marks = Together[Mark](connections, lambda c, marks: _all_sent(c, account, marks))

    async def waiting(
        self, platform: str, limit: int, severity: Severity | None = None
    ) -> tuple[QueuedNotice, ...]:
        """The oldest unsent notices for a reader (of one severity alone), critical ones first, then in order."""
        return await self._connections.read(lambda c: _waiting(c, self._account, platform, limit, severity))

    async def join(self, reader: str, since_ms: int) -> None:
        """A new reader gets what was raised at or after a time (business time); a known one keeps its place."""
        await self._connections.write(lambda c: _join(c, self._account, reader, since_ms))

    async def keep_only(self, platform: str, readers: Sequence[str]) -> None:
        """Forget every other reader of a platform. A place that an older version kept for all of them is each one's."""
        await self._connections.write(lambda c: _keep_only(c, self._account, platform, readers))

    async def sent(self, platform: str, ids: Sequence[int], at_ms: int) -> None:
        """Mark as sent. Who marks at the same time shares one transaction."""
        if ids:
            await self._marks.add((platform, tuple(ids), at_ms))

    async def skip_all(self, platform: str, at_ms: int) -> int:
        """Give up everything waiting for a platform (it has just been switched on); returns how many."""
        return await self._connections.write(lambda c: _skip_all(c, self._account, platform))


def waiting_in_all(connection: Connection) -> int:
    """Notices that wait for at least one reader, over all accounts: of each account the longest row."""
    cursors = select(OutboxCursorRow.account, OutboxCursorRow.platform)
    longest: dict[str, int] = {}
    for account, reader in connection.execute(cursors).all():
        longest[account] = max(longest.get(account, 0), _count(connection, account, reader))
    return sum(longest.values())


def _unsent(connection: Connection, account: str, platform: str) -> tuple[ColumnElement[bool], ...]:
    cursor = select(OutboxCursorRow.through).where(
        OutboxCursorRow.account == account, OutboxCursorRow.platform == platform
    )
    delivered = select(DeliveryRow.place).where(
        DeliveryRow.account == account, DeliveryRow.platform == platform
    )
    through = connection.scalar(cursor) or 0
    return NoticeRow.account == account, NoticeRow.place > through, NoticeRow.place.not_in(delivered)


def _waiting(
    connection: Connection, account: str, platform: str, limit: int, severity: Severity | None
) -> tuple[QueuedNotice, ...]:
    rows = select(NoticeRow.place, NoticeRow.body).where(*_unsent(connection, account, platform))
    if severity is not None:
        rows = rows.where(NoticeRow.severity == severity.value)
    ordered = connection.execute(rows.order_by(NoticeRow.urgency, NoticeRow.place).limit(limit))
    return tuple(QueuedNotice(place, platform, read_notice(place, body)) for place, body in ordered)


def read_notice(place: int, body: str) -> Notice:
    """The notice of a row."""
    try:
        return decode(body, Notice)
    except ValueError as error:
        raise StorageError(f"notice {place}: {error}") from error


def _all_sent(connection: Connection, account: str, marks: Sequence[Mark]) -> None:
    for reader, ids, at_ms in marks:
        _sent(connection, account, reader, ids, at_ms)


def _sent(connection: Connection, account: str, platform: str, ids: Sequence[int], at_ms: int) -> None:
    unsent = select(NoticeRow.place).where(*_unsent(connection, account, platform), NoticeRow.place.in_(ids))
    key = {"account": account, "platform": platform, "at": at_ms}
    add_missing(
        connection, DeliveryRow, [key | {"place": place} for place in connection.scalars(unsent).all()]
    )
    _advance(connection, account, platform)


def _advance(connection: Connection, account: str, platform: str) -> None:
    """Move the cursor up to the first notice still waiting."""
    first = connection.scalar(_lowest(_unsent(connection, account, platform)))
    all_sent = select(func.max(NoticeRow.place)).where(NoticeRow.account == account)
    if first is not None:
        all_sent = all_sent.where(NoticeRow.place < first)
    _settle(connection, account, platform, connection.scalar(all_sent) or 0)


def _join(connection: Connection, account: str, reader: str, since_ms: int) -> None:
    earlier = select(func.max(NoticeRow.place)).where(NoticeRow.account == account, NoticeRow.at < since_ms)
    place = {"account": account, "platform": reader, "through": connection.scalar(earlier) or 0}
    add_missing(connection, OutboxCursorRow, [place])


def _keep_only(connection: Connection, account: str, platform: str, readers: Sequence[str]) -> None:
    shared = select(OutboxCursorRow.through).where(
        OutboxCursorRow.account == account, OutboxCursorRow.platform == platform
    )
    through = connection.scalar(shared)
    if through is not None:
        places = [{"account": account, "platform": reader, "through": through} for reader in readers]
        add_missing(connection, OutboxCursorRow, places)
    for table in (OutboxCursorRow, DeliveryRow):
        others = (table.platform == platform) | table.platform.startswith(f"{platform}:", autoescape=True)
        connection.execute(
            delete(table).where(table.account == account, others, table.platform.not_in(readers))
        )


def _lowest(which: tuple[ColumnElement[bool], ...]) -> Select[int]:
    return select(func.min(NoticeRow.place)).where(*which)


def _skip_all(connection: Connection, account: str, platform: str) -> int:
    skipped = _count(connection, account, platform)
    newest = connection.scalar(select(func.max(NoticeRow.place)).where(NoticeRow.account == account))
    _settle(connection, account, platform, newest or 0)
    return skipped


def _count(connection: Connection, account: str, platform: str) -> int:
    waiting = select(func.count()).select_from(NoticeRow).where(*_unsent(connection, account, platform))
    return connection.scalar(waiting) or 0


def _settle(connection: Connection, account: str, platform: str, through: int) -> None:
    put(connection, OutboxCursorRow, [{"account": account, "platform": platform, "through": through}])
    beyond = delete(DeliveryRow).where(DeliveryRow.account == account, DeliveryRow.platform == platform)
    connection.execute(beyond.where(DeliveryRow.place <= through))
