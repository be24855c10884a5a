"""Notices on their way to people.

A commit writes each notice once and knows no reader. A reader (a person on a platform, "telegram:1") has a cursor, up
to which it has had everything, and a few deliveries beyond it, since critical notices overtake.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import batched

from sqlalchemy import ColumnElement, Connection, delete, func, select

from bot.domain.errors import StorageError
from bot.domain.notice import Notice, Severity
from bot.runtime.codec import decode
from bot.runtime.ports import QueuedNotice
from storage.connections import Connections
from storage.schema import DeliveryRow, NoticeRow, OutboxCursorRow
from storage.statements import add_missing, put
from storage.together import Asked, Together

type Mark = tuple[str, Sequence[int], int]
"""A reader, the notices it has had, and when (ms)."""
type Ask = tuple[str, int, Severity | None]
"""A reader that asks for at most so many waiting notices of a severity."""
ASKED_AT_ONCE = 1000
"""A statement takes only so many values."""


class SqlOutbox:
    """The outbox of one account."""

    def __init__(self, connections: Connections, account: str) -> None:
        """Bind to an account."""
        self._connections = connections
        self._account = account
        self._asks = Asked[Ask, tuple[QueuedNotice, ...]](
            connections, lambda c, asks: _all_waiting(c, account, asks)
        )
        self._marks = Together[Mark](connections, lambda c, marks: _all_sent(c, account, marks))

    async def waiting(
        self, platform: str, limit: int, severity: Severity | None = None
    ) -> tuple[QueuedNotice, ...]:
        """The oldest unsent notices for a reader (of one severity alone), critical ones first, then in order."""
        return await self._asks.ask((platform, limit, severity))

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


def _all_waiting(
    connection: Connection, account: str, asks: Sequence[Ask]
) -> Mapping[Ask, tuple[QueuedNotice, ...]]:
    """Readers who have had the same are answered by one look."""
    readers = sorted({reader for reader, _, _ in asks})
    through, delivered = _cursors(connection, account, readers), _delivered(connection, account, readers)
    looks: dict[tuple[object, ...], tuple[QueuedNotice, ...]] = {}
    answers = {}
    for ask in asks:
        reader, limit, severity = ask
        key = (through.get(reader, 0), delivered.get(reader, frozenset()), limit, severity)
        if key not in looks:
            looks[key] = _waiting(connection, account, reader, limit, severity)
        answers[ask] = tuple(replace(queued, platform=reader) for queued in looks[key])
    return answers


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
    """Few statements however many readers: what stays beyond a reader's cursor is a delivery, the rest moves it."""
    told = _told(connection, account, marks)
    readers = sorted({reader for reader, _, _ in marks})
    through, delivered = _cursors(connection, account, readers), _delivered(connection, account, readers)
    ends: dict[tuple[int, frozenset[int]], int] = {}  # most readers stand at the same place
    beyond, cursors = [], []
    for reader in readers:
        begin, before = through.get(reader, 0), delivered.get(reader, frozenset())
        fresh = {
            place: at for place, at in told.get(reader, {}).items() if place > begin and place not in before
        }
        had = before.union(fresh)
        if (begin, had) not in ends:
            ends[begin, had] = _end_of_row(connection, account, begin, had)
        end = ends[begin, had]
        beyond += [_delivery(account, reader, place, at) for place, at in fresh.items() if place > end]
        if end != begin or reader not in through:
            cursors.append({"account": account, "platform": reader, "through": end})
        if any(place <= end for place in before):
            _forget(connection, account, reader, end)
    add_missing(connection, DeliveryRow, beyond)
    put(connection, OutboxCursorRow, cursors)


def _told(connection: Connection, account: str, marks: Sequence[Mark]) -> Mapping[str, Mapping[int, int]]:
    """By reader, what there really is among the places to mark, and when it was told."""
    named = sorted({place for _, places, _ in marks for place in places})
    there: set[int] = set()
    for some in batched(named, ASKED_AT_ONCE):
        rows = select(NoticeRow.place).where(NoticeRow.account == account, NoticeRow.place.in_(some))
        there |= set(connection.scalars(rows))
    told: dict[str, dict[int, int]] = {}
    for reader, places, at_ms in marks:
        told.setdefault(reader, {}).update({place: at_ms for place in places if place in there})
    return told


def _cursors(connection: Connection, account: str, readers: Sequence[str]) -> Mapping[str, int]:
    row = OutboxCursorRow
    rows = select(row.platform, row.through).where(row.account == account, row.platform.in_(readers))
    return dict(connection.execute(rows).all())


def _delivered(connection: Connection, account: str, readers: Sequence[str]) -> Mapping[str, frozenset[int]]:
    """What readers have had beyond their cursors."""
    row = DeliveryRow
    rows = select(row.platform, row.place).where(row.account == account, row.platform.in_(readers))
    found: dict[str, set[int]] = {}
    for reader, place in connection.execute(rows):
        found.setdefault(reader, set()).add(place)
    return {reader: frozenset(places) for reader, places in found.items()}


def _end_of_row(connection: Connection, account: str, begin: int, had: frozenset[int]) -> int:
    """The last place after `begin` before which nothing is missing among what somebody had."""
    after = (NoticeRow.account == account, NoticeRow.place > begin)
    rows = select(NoticeRow.place).where(*after).order_by(NoticeRow.place).limit(len(had))
    end = begin
    for place in connection.scalars(rows).all():
        if place not in had:
            break
        end = place
    return end


def _delivery(account: str, reader: str, place: int, at_ms: int) -> dict[str, object]:
    return {"account": account, "platform": reader, "place": place, "at": at_ms}


def _forget(connection: Connection, account: str, reader: str, through: int) -> None:
    row = DeliveryRow
    own = (row.account == account, row.platform == reader, row.place <= through)
    connection.execute(delete(row).where(*own))


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
