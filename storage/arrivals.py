"""Updates of the chat platforms and what became of them: each acts at most once, none is lost unseen."""

from sqlalchemy import ColumnElement, Connection, RowMapping, or_, select, update

from bot.domain.event import CommandIssued
from bot.runtime.chat_ports import Arrival, ArrivalState
from storage.connections import Connections
from storage.schema import UpdateRow
from storage.statements import claim, put_only

MOST_OPEN = 2000
"""So many open ones are read at once; the rest follows when those are settled."""


class SqlArrivals:
    """Rows are kept for ever: an update that comes again after years is still known."""

    def __init__(self, connections: Connections) -> None:
        """Bind to a database."""
        self._connections = connections

    async def claim(self, arrival: Arrival) -> bool:
        """True the first time this update is seen, False ever after. Durable before it returns."""
        row = _row(arrival)
        return await self._connections.write(lambda c: claim(c, UpdateRow, row))

    async def settle(self, platform: str, update_id: str, state: ArrivalState) -> None:
        """Note what became of an update; one that is EFFECTED stays so unless it is DROPPED."""
        await self._connections.write(lambda c: _settle(c, platform, update_id, state))

    async def open(self, before_ms: int) -> tuple[Arrival, ...]:
        """PARKED ones, and TAKEN ones that were taken before a time (an earlier run died on them), oldest first."""
        return await self._connections.read(lambda c: _open(c, before_ms))


def effect(connection: Connection, command: CommandIssued) -> None:
    """Within the ledger's commit: the update that a command came by has had its effect.

    The row is made when there is none, since a claim may have failed while the database was away.
    """
    platform, _, update_id = command.origin.partition(":")
    row = {
        "platform": platform,
        "update_id": update_id,
        "at": command.at_ms,
        "user_id": command.actor,
        "state": ArrivalState.EFFECTED.value,
    }
    put_only(connection, UpdateRow, row, "state")


def _settle(connection: Connection, platform: str, update_id: str, state: ArrivalState) -> None:
    change = update(UpdateRow).where(UpdateRow.platform == platform, UpdateRow.update_id == update_id)
    if state is not ArrivalState.DROPPED:
        change = change.where(UpdateRow.state != ArrivalState.EFFECTED.value)
    connection.execute(change.values(state=state.value))


def _open(connection: Connection, before_ms: int) -> tuple[Arrival, ...]:
    rows = select(UpdateRow.__table__).where(_is_open(before_ms))
    ordered = rows.order_by(UpdateRow.at, UpdateRow.sent_at, UpdateRow.platform, UpdateRow.update_id)
    found = connection.execute(ordered.limit(MOST_OPEN)).mappings()
    return tuple(_arrival(row) for row in found)


def _is_open(before_ms: int) -> ColumnElement[bool]:
    died = (UpdateRow.state == ArrivalState.TAKEN.value) & (UpdateRow.at < before_ms)
    return or_(UpdateRow.state == ArrivalState.PARKED.value, died)


def _row(arrival: Arrival) -> dict[str, str | int]:
    return {
        "platform": arrival.platform,
        "update_id": arrival.update_id,
        "user_id": arrival.user,
        "chat_id": arrival.chat_id,
        "line": arrival.line,
        "sent_at": arrival.sent_at_ms,
        "at": arrival.at_ms,
        "state": arrival.state.value,
    }


def _arrival(row: RowMapping) -> Arrival:
    return Arrival(
        platform=row["platform"],
        update_id=row["update_id"],
        user=row["user_id"],
        chat_id=row["chat_id"],
        line=row["line"],
        sent_at_ms=row["at"] if row["sent_at"] is None else row["sent_at"],
        at_ms=row["at"],
        state=ArrivalState(row["state"]),
    )
