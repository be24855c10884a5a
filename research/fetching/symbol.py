"""One symbol's candles, or its figures of one kind: what is missing, from the exchange into the store."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bot.domain.market import DAY_MS, HOUR_MS, timeframe_ms
from bot.strategy import Frame
from bot.venues.history import FUNDING, KINDS, PERIOD_MS, HistorySource, Page, Reach
from research.fetching.patience import Patience
from research.fetching.spans import ENOUGH_EMPTY, Span, missing_spans, pages, whole_bars
from research.history.report import Gap
from research.history.series import find_gaps
from research.store.port import CandleStore, Points, PointStore

PAGE_BARS = 1_000
LONGEST_FUNDING_MS = 8 * HOUR_MS
SHORTEST_PAGE_MS = HOUR_MS

type Did = Callable[[int], None]
"""Told how many rows further the work is."""


class Store(CandleStore, PointStore, Protocol):
    """Where both candles and figures go."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is fetched of one symbol: `what` is a timeframe, or a kind of figure; from_ms <= time < to_ms.

    `again`: also what is stored already, to correct it.
    """

    symbol: str
    what: str
    from_ms: int
    to_ms: int
    again: bool = False

    @property
    def is_candles(self) -> bool:
        """Candles, not figures."""
        return self.what not in KINDS

    @property
    def step_ms(self) -> int:
        """The longest distance between two neighbours between which nothing is missing."""
        if self.is_candles:
            return timeframe_ms(self.what)
        return LONGEST_FUNDING_MS if self.what == FUNDING else PERIOD_MS


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a job came to: how many are stored now of the span asked for, and from when to when (0: none).

    `gaps` are bars that the exchange does not have either; `fault` says why the job was given up, else empty.
    """

    symbol: str
    what: str
    count: int = 0
    first_ms: int = 0
    last_ms: int = 0
    added: int = 0
    corrected: int = 0
    gaps: tuple[Gap, ...] = ()
    fault: str = ""


@dataclass(slots=True)
class Worker:
    """Does jobs on one source and one store. Writing waits for the disk, so it is done in threads."""

    source: HistorySource
    store: Store
    patience: Patience
    added: int = 0
    corrected: int = 0

    async def missing(self, job: Job) -> list[Span]:
        """What is to be asked for, newest first."""
        reach = None if job.is_candles else self.source.reach(job.what)
        from_ms = job.from_ms
        if reach is not None and reach.back_ms:
            from_ms = max(from_ms, self.source.now_ms - reach.back_ms)
        if not job.is_candles and reach is None:
            return []
        if job.again:
            return [Span(from_ms, job.to_ms)] if from_ms < job.to_ms else []
        times = await asyncio.to_thread(self._times, job, from_ms)
        return missing_spans(times, from_ms, job.to_ms, job.step_ms)

    def _times(self, job: Job, from_ms: int) -> NDArray[np.int64]:
        if job.is_candles:
            return self.store.load(job.symbol, job.what, from_ms, job.to_ms).open_at_ms
        return self.store.points(job.what, job.symbol, from_ms, job.to_ms).at_ms

    async def work(self, job: Job, spans: list[Span], did: Did) -> Fetched:
        """Fetch the spans, page by page. Raises VenueUnavailable or StoreError."""
        self.added = self.corrected = 0
        for span in spans:
            if job.is_candles:
                await self._candles(job, whole_bars(span, job.step_ms), did)
            else:
                await self._figures(job, span, did)
        return await asyncio.to_thread(self._sum, job)

    async def _candles(self, job: Job, span: Span, did: Did) -> None:
        empty = 0
        left = span.length_ms // job.step_ms
        for page in pages(span, PAGE_BARS * job.step_ms):
            bars = page.length_ms // job.step_ms
            frame = await self._bars(job, page, bars)
            done = await asyncio.to_thread(self.store.upsert, job.what, frame)
            self.added, self.corrected = self.added + done.added, self.corrected + done.corrected
            empty = 0 if len(frame) else empty + 1
            left -= bars
            did(bars)
            if page.oldest and empty >= ENOUGH_EMPTY:
                break
        did(left)

    async def _bars(self, job: Job, page: Span, bars: int) -> Frame:
        source = self.source
        frame = await self.patience.ask(lambda: source.candles(job.symbol, job.what, bars, page.to_ms))
        inside = (frame.open_at_ms >= page.from_ms) & (frame.open_at_ms < page.to_ms)
        if inside.all():
            return frame
        columns = (frame.open, frame.high, frame.low, frame.close, frame.volume)
        return Frame(job.symbol, job.step_ms, frame.open_at_ms[inside], *(one[inside] for one in columns))

    async def _figures(self, job: Job, span: Span, did: Did) -> None:
        reach = self.source.reach(job.what) or Reach(DAY_MS)
        page_ms, to_ms, empty = reach.page_ms, span.to_ms, 0
        while to_ms > span.from_ms:
            page = Span(max(span.from_ms, to_ms - page_ms), to_ms)
            told = await self._page(job, page)
            if not told.whole and page.length_ms > SHORTEST_PAGE_MS:
                page_ms = page.length_ms // 2  # there may be more than was told
                continue
            await self._keep(job, told)
            did(page.length_ms // job.step_ms)
            empty = 0 if told.rows else empty + 1
            to_ms = page.from_ms
            if span.oldest and empty >= ENOUGH_EMPTY:
                break
        did((to_ms - span.from_ms) // job.step_ms)

    async def _page(self, job: Job, page: Span) -> Page:
        source = self.source
        return await self.patience.ask(lambda: source.figures(job.what, job.symbol, page.from_ms, page.to_ms))

    async def _keep(self, job: Job, told: Page) -> None:
        if not told.rows:
            return
        points = Points(
            np.array([at_ms for at_ms, _ in told.rows], dtype=np.int64),
            np.array([value for _, value in told.rows], dtype=np.float64),
        )
        self.added += await asyncio.to_thread(self.store.add, job.what, job.symbol, points)

    def _sum(self, job: Job) -> Fetched:
        gaps: tuple[Gap, ...] = ()
        times = self._times(job, job.from_ms)
        if job.is_candles:
            gaps = tuple(find_gaps(job.symbol, times, job.step_ms, False))
        first, last = (int(times[0]), int(times[-1])) if len(times) else (0, 0)
        return Fetched(job.symbol, job.what, len(times), first, last, self.added, self.corrected, gaps)
