"""Challengers of a running house: what a job has trained is tried beside the model in use before it is proposed.

A trial is computed from the signals in the books whenever it is looked at; only the file `challenger` is kept. A crash
between a proposal and the end of its trial files the same proposal again, which the book knows.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bot.domain.errors import QuarterdeckError
from bot.domain.model import is_pooled
from bot.domain.notice import Severity
from bot.ml.challenger import drop_challenger, make_challenger
from bot.ml.model import ModelError
from bot.ml.phantom import Followed
from bot.ml.shelf import Place
from bot.ml.trial import Side, Trial, trial_of
from bot.runtime.phantoms import PhantomStore
from bot.runtime.proposals import Figures
from cli.training.versions import Pair, Standing, Versions
from handlers.format import number
from handlers.learning import Proposal, ProposalBook
from handlers.showing import WAITING

JOB = "job:training"

type Fields = tuple[tuple[str, str], ...]
type Tell = Callable[[Severity, str, Fields], None]
"""Raises a notice: how urgent, headline, fields."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ground:
    """What trials are made of: the books, how many signals a trial takes, whom a model speaks for, and who may speak.

    `threshold` is what a person has set for a symbol, None: each model's own. `quote` is the quote asset.
    """

    followed: PhantomStore
    wanted: int
    members: Callable[[Place], Sequence[str]]
    speakers: Callable[[str], Sequence[Place]]
    threshold: Callable[[str], float | None]
    quote: str


@dataclass(frozen=True, slots=True)
class Entered:
    """What became of a version that a job has trained, in words; the proposal that it is, where it is one at once."""

    said: str
    waiting: str = ""


@dataclass(slots=True)
class Trials:
    """The challengers of a house."""

    versions: Versions
    book: ProposalBook
    ground: Ground
    tell: Tell
    tried: frozenset[Place] = field(init=False, default=frozenset())

    def __post_init__(self) -> None:
        """From the first signal on features of those are kept that a challenger is tried on."""
        self.tried = self.versions.tried()

    def is_tried(self, symbol: str) -> bool:
        """True where a challenger would speak for a symbol: the features of its signals are wanted."""
        return bool(self.tried) and not self.tried.isdisjoint(self.ground.speakers(symbol))

    async def find(self) -> None:
        """Look on the disk which models have a challenger."""
        self.tried = await asyncio.to_thread(self.versions.tried)

    async def enter(self, place: Place, version: str) -> Entered:
        """A version that a job has trained: tried beside the one in use, or proposed at once where there is none.

        Raises QuarterdeckError.
        """
        standing = await asyncio.to_thread(self.versions.standing, place)
        if not standing.current:
            filed = await self._propose(place, version, "training")
            await self._drop(place)
            return Entered(f"{version} waits for approval", filed.id)
        try:
            await asyncio.to_thread(make_challenger, self.versions.root, *place, version)
        except ModelError as error:
            log.warning("%s of %s cannot be tried: %s", version, "/".join(place), error)
            return Entered(f"{version} is written, but cannot be tried: {error}")
        self.tried |= {place}
        instead = f" instead of {standing.challenger}" if standing.challenger else ""
        return Entered(f"{version} is tried beside {standing.current}{instead}")

    async def look(self) -> list[str]:
        """Every trial as far as it has come, a line each; those that are over end here."""
        return [f"{'/'.join(place)}: {await self._look(place)}" for place in sorted(self.tried)]

    async def _look(self, place: Place) -> str:
        """One trial; what stands in its way is said and stays."""
        try:
            standing = await asyncio.to_thread(self.versions.standing, place)
            if not standing.challenger:
                await self._drop(place)
                return "there is no challenger any more"
            if not standing.current:
                return await self._won(place, standing, ())
            return await self._tried_on(place, standing)
        except QuarterdeckError as error:
            log.warning("trial of %s: %s", "/".join(place), error)
            return str(error)

    async def _tried_on(self, place: Place, standing: Standing) -> str:
        followed = await self._followed(place, standing.made_ms)
        if len(followed) < self.ground.wanted:
            return f"{len(followed)} of {self.ground.wanted} signals"
        try:
            pair = await asyncio.to_thread(self.versions.pair, place, standing)
        except ModelError as error:
            await self._drop(place)
            self.tell(
                Severity.INFO, f"Model {'/'.join(place)}: {standing.challenger} cannot be tried: {error}", ()
            )
            return f"{standing.challenger} cannot be tried"
        if pair.champion is None:
            return await self._won(place, standing, ())
        trial = await asyncio.to_thread(self._trial, place, followed, pair)
        if not trial.over:
            return f"{trial.signals} of {trial.wanted} signals"
        figures = figures_of(trial, self.ground.quote)
        return await (self._won if trial.won else self._lost)(place, standing, figures)

    async def _followed(self, place: Place, made_ms: int) -> list[Followed]:
        """Signals that have ended, on bars that closed after a version was made, of symbols it would speak for."""
        strategy, symbol = place
        own = "" if is_pooled(symbol) else symbol
        members = set(self.ground.members(place))
        found = await self.ground.followed.finished(made_ms, strategy, own)
        return [one for one in found if one.phantom.symbol in members and one.phantom.bar_at_ms > made_ms]

    def _trial(self, place: Place, followed: Sequence[Followed], pair: Pair) -> Trial:
        if pair.champion is None:
            raise ValueError("a trial needs a champion")
        threshold = None if is_pooled(place[1]) else self.ground.threshold(place[1])
        return trial_of(followed, pair.champion, pair.challenger, self.ground.wanted, threshold)

    async def _won(self, place: Place, standing: Standing, figures: Figures) -> str:
        filed = await self._propose(place, standing.challenger, "trial", figures)
        beaten = (
            f" does better than {standing.current} on the same signals" if figures else " waits for approval"
        )
        title = f"Model {'/'.join(place)}: {standing.challenger}{beaten}"
        self.tell(Severity.TRADE, title, (*sides(figures), (WAITING, filed.id)))
        await self._drop(place)
        return f"{standing.challenger} won: {filed.id} waits"

    async def _lost(self, place: Place, standing: Standing, figures: Figures) -> str:
        title = f"Model {'/'.join(place)}: {standing.challenger} does no better than {standing.current}; it is dropped"
        self.tell(Severity.INFO, title, sides(figures))
        await self._drop(place)
        return f"{standing.challenger} was dropped"

    async def _propose(self, place: Place, version: str, source: str, more: Figures = ()) -> Proposal:
        """File it; what a job had proposed of this model before does not wait any more."""
        draft = await asyncio.to_thread(self.versions.draft, place, version, f"{JOB}, {source}", more)
        filed = await self.book.file(draft)
        for one in await self.book.waiting():
            same = one.kind == filed.kind and one.changes[:1] and one.changes[0][0] == filed.changes[0][0]
            if same and one.id != filed.id and one.source.startswith(JOB):
                await self.book.reject(one.id, JOB, f"{version} follows it")
        return filed

    async def _drop(self, place: Place) -> None:
        await asyncio.to_thread(drop_challenger, self.versions.root, *place)
        self.tried -= {place}


def figures_of(trial: Trial, quote: str) -> Figures:
    """A trial's figures, the model in use beside its challenger."""
    old, new = trial.champion, trial.challenger
    return (
        ("Trial: signals", *2 * (str(trial.signals),)),
        ("Trial: let through", str(old.passed), str(new.passed)),
        (f"Trial: net of these, {quote}", _net(old), _net(new)),
        ("Trial: AUC", number(old.auc, 3), number(new.auc, 3)),
        ("Trial: Brier score", number(old.brier, 4), number(new.brier, 4)),
    )


def _net(side: Side) -> str:
    return number(side.net, 2, signed=True)


def sides(figures: Figures) -> Fields:
    """Figures as fields of a notice."""
    return tuple((name.removeprefix("Trial: "), f"{before} → {after}") for name, before, after in figures)
