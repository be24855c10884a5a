"""Critical notices that nobody has acknowledged yet, of one account; kept over restarts."""

from sqlalchemy import Connection, RowMapping, select, update

from bot.domain.notice import Notice
from bot.runtime.chat_ports import Escalation
from storage.connections import Connections
from storage.outbox import read_notice
from storage.schema import EscalationRow, NoticeRow
from storage.statements import claim


class SqlEscalations:
    """`notice_id` is the notice's id in the outbox."""

    def __init__(self, connections: Connections, account: str) -> None:
        """Bind to an account."""
        self._connections = connections
        self._account = account

    async def open(self) -> tuple[tuple[Escalation, Notice], ...]:
        """Those without an acknowledgement, oldest first."""
        return await self._connections.read(lambda c: _open(c, self._account))

    async def put(self, escalation: Escalation) -> None:
        """Store or replace one; an acknowledgement that came meanwhile is kept."""
        await self._connections.write(lambda c: _put(c, self._account, escalation))

    async def acknowledge(self, notice_id: int, by: str, at_ms: int) -> bool:
        """True when it was open and is now acknowledged; 0 acknowledges all that are open."""
        return await self._connections.write(lambda c: _acknowledge(c, self._account, notice_id, by, at_ms))


def _open(connection: Connection, account: str) -> tuple[tuple[Escalation, Notice], ...]:
    same = (NoticeRow.account == EscalationRow.account) & (NoticeRow.place == EscalationRow.place)
    rows = select(EscalationRow.__table__, NoticeRow.body).join(NoticeRow, same)
    unanswered = rows.where(EscalationRow.account == account, EscalationRow.acknowledged_at.is_(None))
    found = connection.execute(unanswered.order_by(EscalationRow.at, EscalationRow.place)).mappings()
    return tuple((_escalation(row), read_notice(row["place"], row["body"])) for row in found)


def _put(connection: Connection, account: str, escalation: Escalation) -> None:
    key = {"account": account, "place": escalation.notice_id}
    now = {
        "at": escalation.at_ms,
        "step": escalation.step,
        "told_at": escalation.told_at_ms or None,
    }
    fresh = {"acknowledged_at": None, "acknowledged_by": ""}
    if not claim(connection, EscalationRow, key | now | fresh):
        connection.execute(update(EscalationRow).filter_by(**key).values(**now))
    if escalation.by:
        answered_at_ms = escalation.told_at_ms or escalation.at_ms
        _acknowledge(connection, account, escalation.notice_id, escalation.by, answered_at_ms)


def _acknowledge(connection: Connection, account: str, notice_id: int, by: str, at_ms: int) -> bool:
    change = update(EscalationRow).where(
        EscalationRow.account == account, EscalationRow.acknowledged_at.is_(None)
    )
    if notice_id:
        change = change.where(EscalationRow.place == notice_id)
    answered = connection.execute(change.values(acknowledged_at=at_ms, acknowledged_by=by))
    return answered.rowcount > 0


def _escalation(row: RowMapping) -> Escalation:
    return Escalation(row["place"], row["at"], row["step"], row["told_at"] or 0, row["acknowledged_by"])
