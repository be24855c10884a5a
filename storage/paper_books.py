"""A paper venue's own books: pieces of JSON by kind and key, apart from the ledger, as a real venue's would be."""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, select, tuple_

from bot.runtime.ports import PaperRow
from storage.connections import Connections
from storage.rows import Flat
from storage.schema import PaperPieceRow
from storage.statements import put

PIECES = Flat(PaperRow)


class SqlPaperBooks:
    """The books of one account's paper venue."""

    def __init__(self, connections: Connections, account: str) -> None:
        """Bind to an account."""
        self._connections = connections
        self._account = account

    async def load(self) -> tuple[PaperRow, ...]:
        """All rows, ordered by kind and key."""
        return await self._connections.read(lambda c: _load(c, self._account))

    async def save(self, rows: Sequence[PaperRow]) -> None:
        """Upsert or remove rows in one durable transaction; of rows with the same name the last counts."""
        last = {(row.kind, row.key): row for row in rows}
        await self._connections.write(lambda c: _save(c, self._account, tuple(last.values())))


def _load(connection: Connection, account: str) -> tuple[PaperRow, ...]:
    rows = select(PaperPieceRow.__table__).where(PaperPieceRow.account == account)
    pieces = (PIECES.value(row) for row in connection.execute(rows).mappings())
    return tuple(sorted(pieces, key=lambda piece: (piece.kind, piece.key)))


def _save(connection: Connection, account: str, rows: Sequence[PaperRow]) -> None:
    put(connection, PaperPieceRow, [PIECES.row(account, row) for row in rows if row.body])
    removed = [(row.kind, row.key) for row in rows if not row.body]
    if removed:
        name = tuple_(PaperPieceRow.kind, PaperPieceRow.key)
        connection.execute(delete(PaperPieceRow).where(PaperPieceRow.account == account, name.in_(removed)))
