"""Evolution: a symbol's own model only shadows until enough of its signals have ended since its first version was made.

How many have ended is asked of the books: at the start, when a model is new here, and after endings were written, until
it is enough. General models and those of clusters were made of many symbols' signals: they do not evolve.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence

from bot.domain.errors import StorageError
from bot.domain.model import is_pooled
from bot.ml.card import Card
from bot.ml.model import ModelError
from bot.ml.phantom import Ending, Phantom
from bot.ml.shelf import Place
from bot.runtime.phantoms import Since

UNKNOWN = "its outcomes are not counted yet"

type Count = Callable[[Sequence[Since]], Awaitable[Sequence[int]]]
"""Ended signals, for each asked. Raises StorageError."""

log = logging.getLogger(__name__)


class Evolution:
    """Who has come of age. `first_made` answers when a place's first version was made, from the disk: for a thread."""

    def __init__(
        self,
        needed: int,
        first_made: Callable[[Place], int | None],
        count: Count,
        grown: Callable[[Place], None] = lambda _: None,
    ) -> None:
        """`grown` hears of every place that came of age while the desk ran."""
        self._needed = needed
        self._first_made = first_made
        self._count = count
        self._grown = grown
        self._since: dict[Place, Since] = {}
        self._ended: dict[Place, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def young(self, card: Card) -> str:
        """Why a model's scores do not count yet ("83 of 150 outcomes"); empty: they do."""
        place = (card.strategy, card.symbol)
        if not self._needed or is_pooled(card.symbol):
            return ""
        ended = self._ended.get(place)
        if ended is None:
            return UNKNOWN
        return "" if ended >= self._needed else f"{ended} of {self._needed} outcomes"

    async def learn(self, cards: Iterable[Card]) -> None:
        """Count for models that are new here; those that cannot be counted now stay unknown."""
        new = [one for one in cards if self.young(one) == UNKNOWN]
        if new:
            self._since |= await asyncio.to_thread(self._asked, new)
            await self._read([(one.strategy, one.symbol) for one in new])

    def soon(self, card: Card) -> None:
        """The same for one, in a task of its own."""
        task = asyncio.get_running_loop().create_task(self.learn([card]), name="outcomes counted")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def hear(self, ended: Sequence[tuple[Phantom, Ending]]) -> None:
        """Endings that have been written: those still under age are counted again."""
        places = {(phantom.strategy, phantom.symbol) for phantom, _ in ended}
        young = [one for one in sorted(places) if self._ended.get(one, self._needed) < self._needed]
        if young:
            await self._read(young)

    def _asked(self, cards: Sequence[Card]) -> dict[Place, Since]:
        return {
            (one.strategy, one.symbol): Since(one.strategy, one.symbol, self._made_ms(one)) for one in cards
        }

    def _made_ms(self, card: Card) -> int:
        try:
            made = self._first_made((card.strategy, card.symbol))
        except (ModelError, OSError) as error:
            log.warning("when the first model of %s was made is not known: %s", card.symbol, error)
            made = None
        return card.created_at_ms if made is None else min(made, card.created_at_ms)

    async def _read(self, places: Sequence[Place]) -> None:
        """Ask the books; a count that was known stays when they do not answer."""
        try:
            counts = await self._count([self._since[one] for one in places])
        except StorageError as error:
            log.warning(
                "outcomes of %s cannot be counted now: %s", ", ".join(name for _, name in places), error
            )
            return
        for place, ended in zip(places, counts, strict=True):
            before = self._ended.get(place)
            self._ended[place] = max(ended, before or 0)
            if before is not None and before < self._needed <= ended:
                self._grown(place)
