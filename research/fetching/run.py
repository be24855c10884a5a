"""Many symbols at once: the candles, funding, open interest and ratios that are missing, and what came of each."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from random import Random

from bot.domain.errors import QuarterdeckError
from bot.domain.market import DAY_MS, timeframe_ms
from bot.venues.history import FUNDING, KINDS, HistorySource
from bot.venues.port import VenueUnavailable
from research.fetching.patience import Hear, Patience, unheard
from research.fetching.spans import Span
from research.fetching.symbol import Fetched, Job, Store, Worker
from research.progress import Tell, silent
from research.store.port import StoreError

PARALLEL = 4
BEGUN_MS = 1_567_296_000_000
"""2019-09-01: before that no exchange here had a linear perpetual."""


class FetchError(QuarterdeckError):
    """History cannot be fetched at all; one line says why."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to fetch: candles of the last `days` of every symbol, and figures of these `kinds`.

    Funding goes back to the start, other figures as far as the candles, or as the exchange tells. `again`: fetch also
    what is stored already, to correct it.
    """

    symbols: tuple[str, ...]
    timeframe: str
    days: int
    kinds: tuple[str, ...] = KINDS
    again: bool = False


@dataclass(frozen=True, slots=True)
class Manner:
    """How: whom to tell about progress and trouble, and how patient to be (None: as for a real exchange)."""

    tell: Tell = silent
    heard: Hear = unheard
    make_patience: Callable[[], Patience] = field(default=lambda: Patience(Random(0)))


async def fetch(
    source: HistorySource, store: Store, request: Request, manner: Manner | None = None
) -> list[Fetched]:
    """Fetch everything; a symbol that fails is named in its result and the others go on.

    Raises FetchError when the exchange cannot be reached or a symbol is not listed, and Stopped by `tell`.
    """
    manner = manner or Manner()
    patience = manner.make_patience()
    patience.heard = manner.heard
    try:
        listed = await patience.ask(source.open)
    except VenueUnavailable as error:
        raise FetchError(f"{source.name} cannot be reached: {error}") from None
    _refuse_unlisted(source.name, request.symbols, listed)
    jobs = _jobs(request, source)
    return await _Round(source, store, manner).run(jobs)


def _refuse_unlisted(name: str, symbols: Sequence[str], listed: Collection[str]) -> None:
    for symbol in symbols:
        if symbol not in listed:
            near = get_close_matches(symbol, sorted(listed), n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise FetchError(f"{symbol} is not listed at {name}{hint}")


def _jobs(request: Request, source: HistorySource) -> list[Job]:
    """Candles first; figures kind after kind, since each kind has a rate limit of its own."""
    step_ms = timeframe_ms(request.timeframe)
    to_ms = source.now_ms // step_ms * step_ms
    from_ms = (to_ms - request.days * DAY_MS) // step_ms * step_ms
    symbols = tuple(dict.fromkeys(request.symbols))
    jobs = [Job(symbol, request.timeframe, from_ms, to_ms, request.again) for symbol in symbols]
    for kind in request.kinds:
        if source.reach(kind) is not None:
            jobs += [
                Job(symbol, kind, BEGUN_MS if kind == FUNDING else from_ms, source.now_ms, request.again)
                for symbol in symbols
            ]
    return jobs


class _Round:
    """The jobs of one request, a few at once, their progress summed up."""

    def __init__(self, source: HistorySource, store: Store, manner: Manner) -> None:
        self._source = source
        self._store = store
        self._manner = manner
        self._slots = asyncio.Semaphore(PARALLEL)
        self._done = self._whole = 0

    async def run(self, jobs: Sequence[Job]) -> list[Fetched]:
        """All jobs, in their order; what `tell` raises ends them."""
        work = [self._planned(job) for job in jobs]
        plans = [await plan for plan in work]
        self._whole = sum(sum(span.length_ms for span in spans) // job.step_ms for job, spans, _ in plans)
        tasks = [asyncio.ensure_future(self._fetched(*plan)) for plan in plans]
        try:
            return list(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _planned(self, job: Job) -> tuple[Job, list[Span], str]:
        """What is to be asked for, or why that cannot be said."""
        try:
            return job, await Worker(self._source, self._store, Patience(Random(0))).missing(job), ""
        except StoreError as error:
            return job, [], str(error)

    async def _fetched(self, job: Job, spans: list[Span], fault: str) -> Fetched:
        if fault:
            return Fetched(job.symbol, job.what, fault=fault)
        patience = self._manner.make_patience()
        patience.look = lambda: self._did(0)
        patience.heard = lambda words: self._manner.heard(f"{job.symbol} {job.what}: {words}")
        worker = Worker(self._source, self._store, patience)
        async with self._slots:
            try:
                return await worker.work(job, spans, self._did)
            except (VenueUnavailable, StoreError) as error:
                gone = Fetched(job.symbol, job.what, fault=str(error))
                return replace(gone, added=worker.added, corrected=worker.corrected)

    def _did(self, more: int) -> None:
        self._done += more
        self._manner.tell(self._done, max(self._whole, self._done))
