"""Keeps a shelf of models as its files are: looks at them, loads what changed beside trading, swaps it in.

Looking and loading are done in threads, one model at a time, those that somebody waits for first: neither a slow disk
nor hundreds of new models hold the loop or anybody's score.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable

from bot.ml.shelf import Change, Found, Job, Missing, ModelShelf, Place
from bot.runtime.bar_bell import BarBell

FAULT = "cannot be loaded; the log says more"

log = logging.getLogger(__name__)


class Reloads:
    """One per shelf; `changed` hears of every change that people should know of, `settled` when there are no more."""

    def __init__(
        self,
        shelf: ModelShelf,
        changed: Callable[[Change], None],
        settled: Callable[[], None] = lambda: None,
    ) -> None:
        """Nothing is looked at yet."""
        self._shelf = shelf
        self._changed = changed
        self._settled = settled
        self._waiting: dict[Place, Job] = {}
        self._wanted: set[Place] = set()
        self._under_way: Place | None = None
        self._looking: asyncio.Task[None] | None = None
        self._loading: asyncio.Task[None] | None = None
        self._one_more = asyncio.Event()
        self.bell = BarBell()
        self._missing: Missing | None = None

    async def whole(self) -> None:
        """Look, and wait until all that changed is loaded."""
        await self._look()
        if self._loading is not None:
            await asyncio.shield(self._loading)

    async def fresh(self, places: Iterable[Place], patience_s: float | None) -> None:
        """Look, and wait at most so long (None: to the end) for what changed of these places: it is loaded first."""
        wanted = set(places)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await self._look()
                self._wanted |= wanted & self._waiting.keys()
                while self._under_way in wanted or not wanted.isdisjoint(self._waiting):
                    await self._one_more.wait()

    async def run(self) -> None:
        """Look at every bar that was heard of, until cancelled."""
        while True:
            await self.bell.rung()
            try:
                await self._look()
            except Exception:  # whatever it is: trading does not hang on it, and the next bar looks again
                log.exception("the models could not be looked at")

    async def _look(self) -> None:
        """Look once, whoever else looks shares it; what changed is being loaded afterwards."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_once(), name="models looked at")
        await asyncio.shield(self._looking)

    async def _look_once(self) -> None:
        marks = await asyncio.to_thread(self._shelf.marks)
        missing = marks if isinstance(marks, Missing) else None
        if missing is not None and missing != self._missing:
            self._changed(missing)
        self._missing = missing
        self._waiting |= {job.place: job for job in self._shelf.changed(marks)}
        if self._waiting and (self._loading is None or self._loading.done()):
            self._loading = asyncio.create_task(self._load_all(), name="models loaded")

    async def _load_all(self) -> None:
        while self._waiting:
            self._under_way = next((one for one in self._waiting if one in self._wanted), None)
            self._under_way = self._under_way or next(iter(self._waiting))
            await self._load(self._waiting.pop(self._under_way))
            self._wanted.discard(self._under_way)
            self._under_way = None
            self._one_more.set()
            self._one_more = asyncio.Event()
        self._settled()

    async def _load(self, job: Job) -> None:
        try:
            found = await asyncio.to_thread(self._shelf.load, job)
        except Exception:  # one model's fault must not keep the others away
            log.exception("the model of %s cannot be loaded", "/".join(job.place))
            found = Found(job, fault=f"{'/'.join(job.place)}: {FAULT}")
        change = self._shelf.swap(found)
        try:
            if change is not None:
                self._changed(change)
        except Exception:  # whoever hears of it must not keep the others away either
            log.exception("%s could not be told", change)
