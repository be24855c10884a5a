"""Many changes, one durable save, then the events: what is told has been written before."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from bot.domain.errors import StorageError
from bot.domain.event import Event
from bot.venues.books import PaperBooks, PaperRow
from bot.venues.port import Sink


@dataclass(slots=True)
class Batch:
    """Changes that are saved together, and what is told afterwards."""

    rows: dict[tuple[str, str], PaperRow] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    lost: bool = False


class Writer:
    """Collects changes while a save is on its way and writes them with the next one.

    When a save fails nobody knows what is in the books: the batch and all that was built on it are lost, and `lost`
    stays True until the venue has read its books again.
    """

    def __init__(self, books: PaperBooks) -> None:
        self.books = books
        self.sink: Sink = _nobody
        self.lost = False
        self.lock = asyncio.Lock()
        self.open = Batch()

    def add(self, rows: Iterable[PaperRow], events: Iterable[Event]) -> Batch:
        """Put changes into the open batch."""
        self.open.rows |= {(row.kind, row.key): row for row in rows}
        self.open.events += events
        return self.open

    async def settle(self, batch: Batch) -> None:
        """Return when the batch is durable and told; raises StorageError when it is lost."""
        async with self.lock:
            if batch is self.open:
                await self._save()
        if batch.lost:
            raise StorageError("the paper venue's books could not be written")

    async def _save(self) -> None:
        batch, self.open = self.open, Batch()
        try:
            if batch.rows:
                await self.books.save(tuple(batch.rows.values()))
        except StorageError:
            self._lose(batch)  # whoever waits for the batch raises
            return
        except BaseException:  # cancelled in the middle: as good as lost
            self._lose(batch)
            raise
        for event in batch.events:
            self.sink(event)

    def _lose(self, batch: Batch) -> None:
        batch.lost = self.open.lost = self.lost = True
        self.open = Batch()


def _nobody(event: Event) -> None:
    """Nobody listens before `open`."""
