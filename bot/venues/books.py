"""Where a venue of ours keeps its own truth, apart from the bot's ledger, as a real venue would."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class PaperRow:
    """One changed piece of a paper venue's books: kind and key name it, `body` is its JSON text, empty = removed."""

    kind: str
    key: str
    body: str


class PaperBooks(Protocol):
    """What storage offers a paper venue."""

    async def load(self) -> tuple[PaperRow, ...]:
        """All rows, ordered by kind and key."""
        ...

    async def save(self, rows: Sequence[PaperRow]) -> None:
        """Upsert or remove rows in one durable transaction."""
        ...


class MemoryBooks:
    """Books that die with the process: for backtests, and for tests that kill a venue and start it again."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], PaperRow] = {}

    async def load(self) -> tuple[PaperRow, ...]:
        """All rows, ordered by kind and key."""
        return tuple(self.rows[name] for name in sorted(self.rows))

    async def save(self, rows: Sequence[PaperRow]) -> None:
        """Upsert or remove rows."""
        for row in rows:
            if row.body:
                self.rows[row.kind, row.key] = row
            else:
                self.rows.pop((row.kind, row.key), None)
