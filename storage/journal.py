"""The journal: every event in order, as the engine got it. Long lines (a bar of many symbols) are kept deflated."""

import zlib
from collections.abc import Sequence

from sqlalchemy import Connection, Row, case, delete, func, select
from sqlalchemy.exc import IntegrityError

from bot.domain.errors import StorageError
from bot.domain.event import Started
from bot.runtime.codec import NO_ACTIONS, actions_digest, decode_event, encode_event
from bot.runtime.ports import JournalRow, Step
from storage.rows import Values
from storage.schema import JournalLine
from storage.statements import add

LONG = 2048
DEFLATED = b"\x78"  # how every zlib stream begins; JSON never does
BARS, TICKS = "CandlesClosed", "QuotesSeen"


class SecondWriterError(StorageError):
    """Somebody else writes this journal; none of our lines was written."""


def line(account: str, step: Step) -> Values:
    """The journal line of a step; raises ValueError for what cannot be written down."""
    body = encode_event(step.event)
    digest = actions_digest(step.actions)
    return {
        "account": account,
        "number": step.number,
        "at": step.event.at_ms,
        "kind": type(step.event).__name__,
        "body": zlib.compress(body, 1) if len(body) > LONG else body,
        "digest": None if digest == NO_ACTIONS else bytes.fromhex(digest),
    }


def write(connection: Connection, lines: Sequence[Values]) -> None:
    """Add lines; a number that is taken means that somebody else writes this journal."""
    try:
        add(connection, JournalLine, lines)
    except IntegrityError as error:
        raise second_writer(lines[0]) from error


def second_writer(first: Values) -> SecondWriterError:
    """What a taken number means."""
    return SecondWriterError(
        f"journal of {first['account']}: line {first['number']} or a later one is there already; "
        "another process writes to this account, stop one of them"
    )


def last_number(connection: Connection, account: str) -> int:
    """Number of the newest line, 0 when there is none."""
    newest = select(func.max(JournalLine.number)).where(JournalLine.account == account)
    return connection.scalar(newest) or 0


def last_bar(connection: Connection, account: str) -> tuple[int, int]:
    """Number and time of the newest bar, zeros when there is none."""
    bars = select(JournalLine.number, JournalLine.at).where(
        JournalLine.account == account, JournalLine.kind == BARS
    )
    found = connection.execute(bars.order_by(JournalLine.number.desc()).limit(1)).first()
    return (found.number, found.at) if found else (0, 0)


def last_at(connection: Connection, account: str) -> int:
    """Time of the newest line."""
    lines = select(JournalLine.at).where(JournalLine.account == account)
    return connection.scalar(lines.order_by(JournalLine.number.desc()).limit(1)) or 0


def last_start(connection: Connection, account: str) -> Started | None:
    """The newest start that is still in the journal."""
    lines = select(JournalLine.number, JournalLine.body, JournalLine.digest).where(
        JournalLine.account == account, JournalLine.kind == Started.__name__
    )
    found = connection.execute(lines.order_by(JournalLine.number.desc()).limit(1)).first()
    event = _journal_row(found).event if found else None
    return event if isinstance(event, Started) else None


def bars(connection: Connection, account: str, since_ms: int, after: int, most: int) -> list[JournalRow]:
    """At most `most` lines of closed bars since a time, behind line `after`, oldest first."""
    lines = select(JournalLine.number, JournalLine.body, JournalLine.digest).where(
        JournalLine.account == account,
        JournalLine.kind == BARS,
        JournalLine.at >= since_ms,
        JournalLine.number > after,
    )
    return [_journal_row(row) for row in connection.execute(lines.order_by(JournalLine.number).limit(most))]


def same(connection: Connection, ours: Values) -> bool:
    """True when a line stands in the journal just as we would write it."""
    standing = select(JournalLine.kind, JournalLine.body, JournalLine.digest).where(
        JournalLine.account == ours["account"], JournalLine.number == ours["number"]
    )
    return any(
        tuple(found) == (ours["kind"], ours["body"], ours["digest"]) for found in connection.execute(standing)
    )


def read(connection: Connection, account: str, first: int, last: int, most: int) -> list[JournalRow]:
    """At most `most` lines from `first` to `last` (0 = to the end), oldest first."""
    lines = select(JournalLine.number, JournalLine.body, JournalLine.digest).where(
        JournalLine.account == account, JournalLine.number >= first
    )
    if last:
        lines = lines.where(JournalLine.number <= last)
    return [_journal_row(row) for row in connection.execute(lines.order_by(JournalLine.number).limit(most))]


def _journal_row(row: Row[int, bytes, bytes | None]) -> JournalRow:
    number, body, digest = row
    try:
        event = decode_event(zlib.decompress(body) if body[:1] == DEFLATED else body)
    except (ValueError, zlib.error) as error:
        raise StorageError(f"journal line {number}: {error}") from error
    return JournalRow(number, event, digest.hex() if digest else NO_ACTIONS)


def prune(connection: Connection, account: str, before_ms: int, most: int) -> int:
    """Delete old lines, ticks first; the newest bar and what follows it stay, for the next start."""
    kept_from = last_bar(connection, account)[0] or last_number(connection, account)
    old = (
        select(JournalLine.number)
        .where(JournalLine.account == account, JournalLine.at < before_ms, JournalLine.number < kept_from)
        .order_by(case((JournalLine.kind == TICKS, 0), else_=1), JournalLine.number)
        .limit(most)
    )
    mine = delete(JournalLine).where(JournalLine.account == account)
    return connection.execute(mine.where(JournalLine.number.in_(old))).rowcount


def accounts(connection: Connection) -> tuple[str, ...]:
    """Accounts that have journal lines, by name."""
    return tuple(connection.scalars(select(JournalLine.account).distinct().order_by(JournalLine.account)))
