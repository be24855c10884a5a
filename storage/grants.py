"""Who was let in at run time, who asked to be, and when people were last heard of."""

from collections.abc import Mapping

from sqlalchemy import Connection, RowMapping, func, select, update

from bot.domain.market import DAY_MS
from bot.runtime.chat_ports import Grant
from storage.connections import Connections
from storage.schema import AccessRequestRow, GrantRow, LastSeenRow
from storage.statements import add, put

ASK_AGAIN_MS = 30 * DAY_MS


class SqlGrants:
    """Grants are a history: each is added, the newest of a user is in force."""

    def __init__(self, connections: Connections, ask_again_ms: int = ASK_AGAIN_MS) -> None:
        """`ask_again_ms` is how long after a refusal a stranger's request is not taken."""
        self._connections = connections
        self._ask_again_ms = ask_again_ms

    async def grants(self) -> tuple[Grant, ...]:
        """The newest grant of every user who has one, by user."""
        return await self._connections.read(_grants)

    async def history(self, user: str) -> tuple[Grant, ...]:
        """Every grant of a user, oldest first."""
        return await self._connections.read(lambda c: _history(c, user))

    async def grant(self, grant: Grant) -> None:
        """Store one; it replaces the user's last."""
        await self._connections.write(lambda c: _grant(c, grant))

    async def ask(self, user: str, name: str, at_ms: int) -> bool:
        """Note that a stranger asks for access: True the first time since the last decision about this user."""
        return await self._connections.write(lambda c: self._ask(c, user, name, at_ms))

    async def asking(self) -> tuple[tuple[str, str, int], ...]:
        """Undecided requests: user, name, when; oldest first."""
        return await self._connections.read(_asking)

    async def decided(self, user: str, at_ms: int) -> None:
        """A request was granted or refused."""
        await self._connections.write(lambda c: _decided(c, user, at_ms))

    async def seen(self, user: str, name: str, at_ms: int) -> None:
        """Note when a crew member was last heard of."""
        row = {"user_id": user, "name": name, "at": at_ms}
        await self._connections.write(lambda c: put(c, LastSeenRow, [row]))

    async def last_seen(self) -> Mapping[str, tuple[str, int]]:
        """Name and time by user."""
        return await self._connections.read(_last_seen)

    def _ask(self, connection: Connection, user: str, name: str, at_ms: int) -> bool:
        rows = select(AccessRequestRow.__table__).where(AccessRequestRow.user_id == user)
        before = connection.execute(rows).mappings().first()
        if before is not None and not self._may_ask(connection, before, at_ms):
            return False
        row = {"user_id": user, "name": name, "asked_at": at_ms, "decided_at": None}
        put(connection, AccessRequestRow, [row])
        return True

    def _may_ask(self, connection: Connection, before: RowMapping, at_ms: int) -> bool:
        """Not while a request is open; after a refusal not for a while; who was let in may ask when it is over."""
        if before["decided_at"] is None:
            return False
        granted = [g for g in _history(connection, before["user_id"]) if g.at_ms >= before["asked_at"]]
        let_in = any(grant.role for grant in granted) and granted[-1].role != ""
        return let_in or at_ms - before["decided_at"] >= self._ask_again_ms


def _grants(connection: Connection) -> tuple[Grant, ...]:
    newest = select(GrantRow.user_id, func.max(GrantRow.number).label("number"))
    last = newest.group_by(GrantRow.user_id).subquery()
    rows = select(GrantRow.__table__).join(
        last, (GrantRow.user_id == last.c.user_id) & (GrantRow.number == last.c.number)
    )
    return tuple(map(_value, connection.execute(rows.order_by(GrantRow.user_id)).mappings()))


def _history(connection: Connection, user: str) -> tuple[Grant, ...]:
    rows = select(GrantRow.__table__).where(GrantRow.user_id == user).order_by(GrantRow.number)
    return tuple(map(_value, connection.execute(rows).mappings()))


def _grant(connection: Connection, grant: Grant) -> None:
    last = connection.scalar(select(func.max(GrantRow.number)).where(GrantRow.user_id == grant.user)) or 0
    row = {
        "user_id": grant.user,
        "number": last + 1,
        "role": grant.role,
        "granted_by": grant.by,
        "until": grant.until_ms or None,
        "at": grant.at_ms,
    }
    add(connection, GrantRow, [row])


def _value(row: RowMapping) -> Grant:
    return Grant(row["user_id"], row["role"], row["until"] or 0, row["granted_by"], row["at"])


def _asking(connection: Connection) -> tuple[tuple[str, str, int], ...]:
    rows = select(AccessRequestRow.user_id, AccessRequestRow.name, AccessRequestRow.asked_at)
    undecided = rows.where(AccessRequestRow.decided_at.is_(None))
    ordered = undecided.order_by(AccessRequestRow.asked_at, AccessRequestRow.user_id)
    return tuple((user, name, at_ms) for user, name, at_ms in connection.execute(ordered))


def _decided(connection: Connection, user: str, at_ms: int) -> None:
    undecided = AccessRequestRow.decided_at.is_(None)
    change = update(AccessRequestRow).where(AccessRequestRow.user_id == user, undecided)
    connection.execute(change.values(decided_at=at_ms))


def _last_seen(connection: Connection) -> Mapping[str, tuple[str, int]]:
    rows = select(LastSeenRow.user_id, LastSeenRow.name, LastSeenRow.at).order_by(LastSeenRow.user_id)
    return {user: (name, at_ms) for user, name, at_ms in connection.execute(rows)}
