"""Collecting what exchanges forget: round after round, what is new of funding, open interest and ratios.

The first round fills what is missing as far as the exchange tells, funding back to the start; it may be ended at any
page, and the next one goes on. Later rounds ask each series for its newest figures only.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from random import Random

from bot.domain.market import DAY_MS, HOUR_MS
from bot.venues.history import FUNDING, LS_RATIO, LS_RATIO_TOP, OPEN_INTEREST, HistorySource
from bot.venues.port import VenueUnavailable
from research.fetching.patience import Patience
from research.fetching.run import BEGUN_MS
from research.fetching.spans import Span, missing_spans
from research.fetching.symbol import Job, Store, Worker
from research.store.port import StoreError

MONTH_MS = 30 * DAY_MS
SIDE_BY_SIDE = 3
GIVE_UP = 5
"""So many series in a row without an answer: the exchange is away, the others are not asked in this round."""
OVERLAP_MS = HOUR_MS
"""Asked for again with what is new: what an exchange told late, and what it has corrected."""
ORDER = (OPEN_INTEREST, LS_RATIO, LS_RATIO_TOP, FUNDING)
"""What is forgotten first comes first."""

type Series = tuple[str, str]
"""Symbol and kind."""


def brief() -> Patience:
    """The next round comes in a quarter of an hour: nothing is insisted on."""
    return Patience(Random(0), tries=2, first_s=1.0, longest_s=5.0)


@dataclass(frozen=True, slots=True)
class Round:
    """What a round brought: figures added, series asked for, why others failed (by `SYMBOL kind`), and how many were
    left for the next round because the exchange is away."""

    added: int
    asked: int
    faults: tuple[tuple[str, str], ...] = ()
    left: int = 0


@dataclass(slots=True)
class _Tally:
    """A round as it goes."""

    added: int = 0
    asked: int = 0
    left: int = 0
    in_a_row: int = 0
    faults: dict[Series, str] = field(default_factory=dict)


class Collector:
    """The series of some symbols, kept up to date. Only series that exist at the exchange are asked for."""

    def __init__(
        self,
        source: HistorySource,
        store: Store,
        symbols: Sequence[str],
        make_patience: Callable[[], Patience] = brief,
    ) -> None:
        """`source` need not be open yet."""
        self._source = source
        self._store = store
        self._symbols = tuple(dict.fromkeys(symbols))
        self._make_patience = make_patience
        self._listed: Collection[str] = ()
        self._asked_at_ms: dict[Series, int] = {}
        self._newest_ms: dict[Series, int] = {}
        self._ailing: frozenset[Series] = frozenset()

    async def round(self) -> Round:
        """Ask for everything that is due. What fails is in the answer; the next round tries it again."""
        if not self._listed:
            try:
                self._listed = await self._make_patience().ask(self._source.open)
            except VenueUnavailable as error:
                return Round(0, 0, ((self._source.name, str(error)),), len(self._series()))
        tally = _Tally()
        # What failed the last time comes last: it must not keep the others from their turn.
        waiting = iter(sorted(filter(self._due, self._series()), key=self._ailing.__contains__))

        async def work() -> None:
            for series in waiting:
                await self._collect(series, tally)

        async with asyncio.TaskGroup() as group:
            for _ in range(SIDE_BY_SIDE):
                group.create_task(work())
        self._ailing = frozenset(tally.faults)
        faults = tuple((f"{symbol} {kind}", why) for (symbol, kind), why in sorted(tally.faults.items()))
        return Round(tally.added, tally.asked, faults, tally.left)

    def _series(self) -> list[Series]:
        kinds = [kind for kind in ORDER if self._source.reach(kind) is not None]
        return [(symbol, kind) for symbol in self._symbols for kind in kinds]

    def _due(self, series: Series) -> bool:
        """Settlements are on whole hours only, and the other figures come every quarter of an hour."""
        hour = self._source.now_ms // HOUR_MS
        return series[1] != FUNDING or self._asked_at_ms.get(series, -1) // HOUR_MS != hour

    async def _collect(self, series: Series, tally: _Tally) -> None:
        if tally.in_a_row >= GIVE_UP:
            tally.left += 1
            return
        tally.asked += 1
        worker = Worker(self._source, self._store, self._make_patience())
        try:
            await self._brought(series, worker)
            tally.in_a_row = 0
        except (VenueUnavailable, StoreError) as error:
            tally.faults[series] = str(error)
            tally.in_a_row += 1
        finally:
            tally.added += worker.added

    async def _brought(self, series: Series, worker: Worker) -> None:
        symbol, kind = series
        if symbol not in self._listed:
            raise VenueUnavailable("not listed")
        now_ms = self._source.now_ms
        job = Job(symbol, kind, self._from_ms(series, now_ms), now_ms)
        found = await worker.work(job, await self._spans(series, job), _unheard)
        self._asked_at_ms[series] = now_ms
        self._newest_ms[series] = max(found.last_ms, self._newest_ms.get(series, 0))

    def _from_ms(self, series: Series, now_ms: int) -> int:
        """As far back as the exchange tells, in later rounds a little before what is new."""
        if series in self._asked_at_ms:
            return (self._newest_ms[series] or self._asked_at_ms[series]) - OVERLAP_MS
        reach = self._source.reach(series[1])
        back_ms = reach.back_ms if reach is not None else 0
        return BEGUN_MS if series[1] == FUNDING else now_ms - min(MONTH_MS, back_ms or MONTH_MS)

    async def _spans(self, series: Series, job: Job) -> list[Span]:
        if series in self._asked_at_ms:
            return [Span(job.from_ms, job.to_ms)]
        known = await asyncio.to_thread(self._store.points, job.what, job.symbol, job.from_ms, job.to_ms)
        spans = missing_spans(known.at_ms, job.from_ms, job.to_ms, job.step_ms)
        if not spans or spans[0].to_ms < job.to_ms:
            # Contracts that settle every hour have news before a hole would show.
            spans.insert(0, Span(int(known.at_ms[-1]) + 1, job.to_ms))
        return spans


def _unheard(rows: int) -> None:
    """Nobody looks."""
