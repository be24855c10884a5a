"""Which updates of the chat platforms were executed."""

from storage.connections import Connections
from storage.schema import UpdateRow
from storage.statements import claim


class SqlInbox:
    """Claims are kept for ever: a command acts at most once."""

    def __init__(self, connections: Connections) -> None:
        """Bind to a database."""
        self._connections = connections

    async def claim(self, platform: str, update_id: str, at_ms: int) -> bool:
        """True the first time this update is seen, False ever after. Durable before it returns."""
        row = {"platform": platform, "update_id": update_id, "at": at_ms}
        return await self._connections.write(lambda c: claim(c, UpdateRow, row))
