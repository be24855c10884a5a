"""Trainings without a person: the weekly one of every model, and those that enough new outcomes have made due."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bot.domain.errors import QuarterdeckError
from bot.domain.market import DAY_MS
from bot.domain.model import GENERAL, cluster_name
from bot.domain.notice import Severity
from bot.domain.refusal import Refused
from bot.ml.shelf import Place
from bot.runtime.phantoms import PhantomStore, Since
from cli.training.service import TrainingService
from cli.training.trials import JOB, Fields, Tell, Trials
from cli.training.turns import Ticket
from handlers.format import count
from handlers.lab import unheard
from handlers.showing import WAITING

FRESH_MS = DAY_MS
"""A weekly round that was interrupted goes on where it was: what is younger is not trained again."""
LEAST_GENERAL, LEAST_CLUSTER = 2, 3
"""So many symbols make a model for all of them, or for their cluster."""
NAMED = 5

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wishes:
    """Who is trained without being asked for: `scored` symbols (their models are not off), every `every` outcomes."""

    scored: Callable[[str], bool]
    every: int
    now_ms: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Result:
    """What a training of a job came to, in words; `waiting` is the proposal that it led to, if it did at once."""

    place: Place
    said: str
    waiting: str = ""
    failed: bool = False


@dataclass(slots=True)
class Rounds:
    """What the jobs do."""

    service: TrainingService
    trials: Trials
    followed: PhantomStore
    wishes: Wishes
    tell: Tell
    _fruitless: dict[Place, int] = field(init=False, default_factory=dict)
    """How many outcomes there were when a training came to nothing: it is not tried again with hardly more."""

    async def weekly(self) -> str:
        """Train every model that is asked for, one after the other; each ends as a challenger.

        A trial that goes on is left to its end: where signals are few, none would ever come to one.
        """
        await self.trials.find()
        own = await self._places()
        all_of_them = (*own, *pooled(own, self.service.clusters()))
        places = [place for place in all_of_them if place not in self.trials.tried]
        young_ms = self.wishes.now_ms() - FRESH_MS
        newest = await asyncio.to_thread(self._newest, places)
        due = [place for place, made_ms in zip(places, newest, strict=True) if made_ms < young_ms]
        return await self._trained("Weekly training", due)

    async def hourly(self) -> str:
        """Look at the trials, and train what enough outcomes have made due."""
        await self.trials.find()
        lines = await self.trials.look()
        due = await self._due(await self._places())
        trained = await self._trained("Training", due) if due else ""
        return "; ".join([*lines, *([trained] if trained else [])])

    async def _places(self) -> list[Place]:
        """The own models of symbols whose models are not off, or that have one."""
        symbols = self.service.orders.lab.settings.symbols
        places = [(one.strategy, one.symbol) for one in symbols]
        has = await asyncio.to_thread(lambda: [self.service.versions.has_model(one) for one in places])
        return [
            place
            for place, is_there in zip(places, has, strict=True)
            if is_there or self.wishes.scored(place[1])
        ]

    def _newest(self, places: Sequence[Place]) -> list[int]:
        """When the newest versions were made; 0 where there is none, or it is of a time that has not come here.

        On a market of the past, versions made by hand bear the time of the wall.
        """
        now_ms = self.wishes.now_ms()
        found = (self.service.versions.newest_ms(place) for place in places)
        return [made_ms if made_ms <= now_ms else 0 for made_ms in found]

    async def _due(self, places: Sequence[Place]) -> list[Place]:
        """Those with enough outcomes since their newest version."""
        newest = await asyncio.to_thread(self._newest, places)
        asked = [Since(*place, made_ms) for place, made_ms in zip(places, newest, strict=True)]
        ended = await self.followed.outcomes(asked)
        due = []
        for place, outcomes in zip(places, ended, strict=True):
            if outcomes < self._fruitless.get(place, 0):  # a version was made meanwhile
                del self._fruitless[place]
            if outcomes - self._fruitless.get(place, 0) >= self.wishes.every:
                self._fruitless[place] = outcomes
                due.append(place)
        return due

    async def _trained(self, title: str, places: Sequence[Place]) -> str:
        """One after the other, and one notice about all of them."""
        results = [await self._one(place) for place in places if not self.service.turns.queued(place)]
        if not results:
            return "nothing to train"
        counts = Counter(one.failed for one in results)
        line = f"{counts[False]} trained" + (f", {counts[True]} not" if counts[True] else "")
        self.tell(Severity.INFO, f"{title}: {line}", told(results))
        return line

    async def _one(self, place: Place) -> Result:
        try:
            answer = await self.service.made(Ticket(JOB, place, job=True), unheard)
            if isinstance(answer, Refused):
                return Result(place, answer.figures, failed=True)
            entered = await self.trials.enter(place, answer.version)
        except QuarterdeckError as error:
            log.warning("training of %s: %s", "/".join(place), error)
            return Result(place, str(error), failed=True)
        return Result(place, entered.said, entered.waiting)


def told(results: Sequence[Result]) -> Fields:
    """The first few by name; what waits is told with its buttons."""
    fields = [("/".join(one.place), one.said) for one in results[:NAMED]]
    waiting = [one.waiting for one in results if one.waiting]
    more = len(results) - len(fields)
    if more:
        fields.append(("Beside these", f"{count(more, 'model')}; {count(len(waiting), 'proposal')} in all"))
    if waiting:
        fields.append((WAITING, ", ".join(waiting[:NAMED])))
    return tuple(fields)


def pooled(places: Sequence[Place], clusters: Mapping[str, int]) -> list[Place]:
    """The models of several symbols that are worth a training: a strategy's of all, and those of its clusters."""
    found: list[Place] = []
    for strategy in dict.fromkeys(strategy for strategy, _ in places):
        mine = [symbol for name, symbol in places if name == strategy]
        if len(mine) >= LEAST_GENERAL:
            found.append((strategy, GENERAL))
        grouped = Counter(clusters[symbol] for symbol in mine if symbol in clusters)
        found += [
            (strategy, cluster_name(number))
            for number, size in sorted(grouped.items())
            if size >= LEAST_CLUSTER
        ]
    return found
