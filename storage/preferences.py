"""What each person wishes to hear of."""

from collections.abc import Mapping

from sqlalchemy import Connection, select

from bot.runtime.ports import Preference
from storage.connections import Connections
from storage.schema import PreferenceRow
from storage.statements import put


class SqlPreferences:
    """Per-user notice settings."""

    def __init__(self, connections: Connections) -> None:
        """Bind to a database."""
        self._connections = connections

    async def get(self, user_id: str) -> Mapping[str, str]:
        """Settings by kind; kinds not named are `on`."""
        return await self._connections.read(lambda c: _get(c, user_id))

    async def put(self, preference: Preference) -> None:
        """Store one."""
        row = {"user_id": preference.user_id, "kind": preference.kind, "setting": preference.setting}
        await self._connections.write(lambda c: put(c, PreferenceRow, [row]))


def _get(connection: Connection, user_id: str) -> Mapping[str, str]:
    rows = select(PreferenceRow.kind, PreferenceRow.setting).where(PreferenceRow.user_id == user_id)
    return dict(connection.execute(rows.order_by(PreferenceRow.kind)).all())
