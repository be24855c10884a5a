"""Grouping in a running house: candles of the desk and of the venue, the work elsewhere, the result kept and used."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bot.domain.market import DAY_MS
from bot.domain.refusal import Refused
from bot.ml.feature import BTC
from bot.ml.grouping import (
    LEAST_SYMBOLS,
    Grouping,
    Groupings,
    counts_from,
    keep_grouping,
)
from bot.ml.model import ModelError
from bot.runtime.codec import decode, encode
from bot.runtime.job_rules import Cron, JobRule
from bot.strategy import Frame
from cli.clusters import LiveClusters
from cli.house import House
from cli.weekly import GIVEN_UP, WeeklyLab, longer
from cli.workshop.asking import GroupAnswer, GroupAsked, nothing_of
from cli.workshop.crew import Task
from cli.workshop.parcel import packed
from handlers.grouper import Kept, Regrouped, moved
from handlers.lab import Told, unheard

DAYS = 30
ENOUGH = 0.95
"""Of the bars: a symbol of which the desk has fewer is asked of the venue."""
NAME, WORK = "a grouping", "clusters"
LONGEST_S = 900.0
JOB = "job:clusters"


@dataclass(slots=True)
class GroupingService:
    """A handlers.grouper.Grouper over a running house; `models` is the folder of models."""

    live: LiveClusters
    lab: WeeklyLab
    models: Path
    _silent: int = field(init=False, default=0)

    async def kept(self) -> Kept:
        """The newest grouping of candles like the desk's, and how many files there are."""
        newest, moments = await asyncio.to_thread(self.live.kept)
        return Kept() if newest is None or not moments else Kept(newest, len(moments), moments[0])

    async def stop(self, user: str) -> str:
        """End a person's process."""
        return self.lab.crew.stop(user)

    async def weekly(self) -> str:
        """As a job: people's work goes first. What it came to, in a few words."""
        while not self.lab.crew.idle:
            await self.lab.crew.news()
        found = await self.regroup(JOB, unheard)
        if isinstance(found, Refused):
            self.live.tell_failed(found.figures)
            return f"not grouped: {found.figures}"
        return f"{found.grouping.k} clusters, {len(found.moved)} symbols moved"

    async def regroup(self, user: str, told: Told) -> Regrouped | Refused:
        """Group by the last days' candles, keep what comes of it, and take it into use."""
        crew = self.lab.crew
        if refused := crew.refusal(user):
            return refused
        with crew.place(user, NAME):
            await told(0.0, "candles")
            asked, frames = self._asked(), await self._frames(told)
            parcel = await asyncio.to_thread(lambda: packed(WORK, encode(asked), frames))
            found = await crew.result(Task(user, NAME, parcel, LONGEST_S), told)
        if isinstance(found, Refused):
            return found
        answer, before = decode(found, GroupAnswer), self.live.known()
        try:
            kept = await self._keep(answer.grouping)
        except ModelError as error:
            return Refused("clusters", str(error))
        await self.live.look()
        return Regrouped(kept, moved(before, self.live.traded(kept)), answer.left_out)

    async def _keep(self, made: Grouping) -> Grouping:
        """It counts from the next bar on. Raises ModelError."""
        at_ms = counts_from(self.lab.desk.now_ms(), made.timeframe_ms)
        grouping = replace(made, at_ms=at_ms)
        await asyncio.to_thread(keep_grouping, self.models, grouping)
        return grouping

    def _asked(self) -> GroupAsked:
        settings = self.lab.settings
        return GroupAsked(
            place=self.lab.place,
            symbols=tuple(one.symbol for one in settings.symbols),
            leader=self._leader,
            to_ms=self.lab.desk.now_ms(),
            days=DAYS,
        )

    @property
    def _leader(self) -> str:
        return f"{BTC}{self.lab.settings.quote}"

    async def _frames(self, told: Told) -> Sequence[Frame]:
        """What the desk has of every traded symbol and of BTC, and what the venue has where that is too little."""
        self._silent = 0
        traded = [one.symbol for one in self.lab.settings.symbols]
        others = [] if self._leader in traded else [self._leader]
        frames = []
        for symbol in (*traded, *others):
            own = nothing_of(symbol, self.lab.settings.bar_ms)
            if symbol in traded:
                own = await self.lab.own_candles(symbol, DAYS, 0, [])
            fresh = await self._fresh(symbol) if len(own) < ENOUGH * self._bars else None
            frames.append(longer(own, fresh))
            await told(0.0, f"candles of {symbol}")
        return frames

    @property
    def _bars(self) -> int:
        return DAYS * DAY_MS // self.lab.settings.bar_ms

    async def _fresh(self, symbol: str) -> Frame | None:
        """The venue's last candles; None where it does not answer, as it has not several times before."""
        if self._silent >= GIVEN_UP:
            return None
        found = await self.lab.venue_candles(symbol, self._bars)
        self._silent += found is None
        return found


def join_clusters(house: House, lab: WeeklyLab, models: Path, groupings: Groupings) -> GroupingService:
    """Let the house know its symbols' clusters, and group them every week where there are enough.

    `groupings` are those under the folder of `models`.
    """
    settings = house.plan.loaded.settings
    live = LiveClusters(house, groupings)
    house.loop.commit_listeners.append(live.bell.hear)
    house.beside["clusters"] = live.run
    service = GroupingService(live, lab, models)
    if settings.ml.clusters and len(house.engine.state.symbols) >= LEAST_SYMBOLS:
        when = Cron(settings.ml.clusters, settings.timezone)
        house.job_rules.append(JobRule(WORK, "Group symbols by behaviour", when, service.weekly))
    return service
