"""What a venue account must remember over restarts: until when it is banned, which stop stands for which order."""

from collections.abc import Mapping

from sqlalchemy import Connection, delete, select

from storage.connections import Connections
from storage.schema import VenueFactRow
from storage.statements import put


class SqlVenueMemory:
    """Texts by key, of one account."""

    def __init__(self, connections: Connections, account: str) -> None:
        """Bind to a database and an account."""
        self._connections = connections
        self._account = account

    async def load(self) -> Mapping[str, str]:
        """Everything remembered."""
        return await self._connections.read(self._load)

    async def save(self, key: str, value: str) -> None:
        """Remember durably before it returns; an empty value forgets. Raises StorageError."""
        await self._connections.write(lambda c: self._save(c, key, value))

    def _load(self, connection: Connection) -> Mapping[str, str]:
        rows = select(VenueFactRow.key, VenueFactRow.value).where(VenueFactRow.account == self._account)
        return dict(connection.execute(rows.order_by(VenueFactRow.key)).all())

    def _save(self, connection: Connection, key: str, value: str) -> None:
        if value:
            put(connection, VenueFactRow, [{"account": self._account, "key": key, "value": value}])
            return
        of_key = (VenueFactRow.account == self._account) & (VenueFactRow.key == key)
        connection.execute(delete(VenueFactRow).where(of_key))
