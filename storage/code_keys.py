"""One-time code keys by user. The file of the database is the owner's alone, and no listing shows a secret."""

from sqlalchemy import Connection, delete, select

from bot.runtime.chat_ports import CodeKey
from storage.connections import Connections
from storage.schema import CodeKeyRow
from storage.statements import put


class SqlCodeKeys:
    """The keys of everybody who speaks to this database's desks."""

    def __init__(self, connections: Connections) -> None:
        """Bind to a database."""
        self._connections = connections

    async def get(self, user: str) -> CodeKey | None:
        """A user's key, None without one."""
        return await self._connections.read(lambda c: _get(c, user))

    async def put(self, key: CodeKey) -> None:
        """Store or replace one."""
        row = {
            "user_id": key.user,
            "secret": key.secret,
            "confirmed": key.confirmed,
            "used_step": key.used_step,
            "failures": key.failures,
            "locked_until": key.locked_until_ms or None,
        }
        await self._connections.write(lambda c: put(c, CodeKeyRow, [row]))

    async def drop(self, user: str) -> None:
        """Forget one."""
        of_user = delete(CodeKeyRow).where(CodeKeyRow.user_id == user)
        await self._connections.write(lambda c: c.execute(of_user))

    async def users(self) -> tuple[str, ...]:
        """Who has proved a key, by name: whose commands ask for a code."""
        return await self._connections.read(_users)


def _users(connection: Connection) -> tuple[str, ...]:
    proved = select(CodeKeyRow.user_id).where(CodeKeyRow.confirmed).order_by(CodeKeyRow.user_id)
    return tuple(connection.scalars(proved))


def _get(connection: Connection, user: str) -> CodeKey | None:
    rows = select(CodeKeyRow.__table__).where(CodeKeyRow.user_id == user)
    row = connection.execute(rows).mappings().first()
    if row is None:
        return None
    return CodeKey(
        user=row["user_id"],
        secret=row["secret"],
        confirmed=row["confirmed"],
        used_step=row["used_step"],
        failures=row["failures"],
        locked_until_ms=row["locked_until"] or 0,
    )
