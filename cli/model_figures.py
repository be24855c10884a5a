"""How the models of a house do live: what they let through and kept out, how far late signals have drifted.

Drift is judged on the signals of the last seven days as they were kept, and where these are too few on as many of the
newest as a figure needs: each is scored again by the model that speaks for its symbol now, so that a new model is
judged from its first day on. Arrays are looked at in a thread.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from bot.domain.event import NoticeRaised
from bot.domain.market import DAY_MS
from bot.domain.notice import Notice, NoticeKind, Severity
from bot.ml.drift import FEWEST, Drift, Shift, drift_of
from bot.ml.feature import FeatureSet, Matrix
from bot.ml.loaded import Loaded
from bot.ml.model import ModelError
from bot.ml.registry import FEATURES
from bot.ml.shelf import ModelShelf
from bot.runtime.phantoms import LateSignal, ModelTally, PhantomStore
from cli.house import House
from handlers.format import duration
from handlers.learning import ModelFigures

LATE_DAYS, OLDEST_DAYS = 7, 180
"""Signals that are judged, and how old they may be at most where a week has too few."""
MOST_LATE = 20_000
"""Signals looked at, the newest ones: memory is bounded whatever a strategy says."""
NAMED = 5
"""Features named in a notice: those that moved farthest."""


@dataclass(frozen=True, slots=True)
class Drifted:
    """A model, and how far the signals of the symbols it speaks for have moved; None: its card has no profile.

    `since_ms` is the closing time of the oldest one's bar.
    """

    model: Loaded
    drift: Drift | None
    since_ms: int = 0


@dataclass(frozen=True, slots=True)
class LiveFigures:
    """Figures of the models in use in a house."""

    house: House
    shelf: ModelShelf

    @property
    def _books(self) -> PhantomStore:
        return self.house.database.phantoms(self.house.plan.account)

    def _limit(self) -> float:
        return float(self.house.plan.loaded.settings.ml.psi_warning)

    def in_use(self) -> dict[str, Loaded]:
        """Who speaks for which symbol."""
        found = {
            name: self.shelf.chosen(state.settings.strategy, name)
            for name, state in self.house.engine.state.symbols.items()
        }
        return {name: model for name, model in found.items() if isinstance(model, Loaded)}

    async def figures(self) -> list[ModelFigures]:
        """By symbol. Raises StorageError."""
        models = self.in_use()
        tallies = await self._tallies(models)
        drifted = await self._drifted(models)
        return [
            _figures(symbol, _name(model), tallies[symbol], drifted[id(model)].drift, self._limit())
            for symbol, model in models.items()
        ]

    async def uplifts(self) -> dict[str, Decimal | None]:
        """By symbol, what the signals that were refused, or in shadow would have been, did not lose.

        Raises StorageError.
        """
        return {symbol: _uplift(tally) for symbol, tally in (await self._tallies(self.in_use())).items()}

    async def _tallies(self, models: Mapping[str, Loaded]) -> dict[str, ModelTally | None]:
        """What became of the signals that each symbol's model has scored; None: it has scored none yet."""
        names = sorted({_name(model) for model in models.values()})
        found = await self._books.model_tallies(names)
        by_model = {(one.strategy, one.symbol, one.model): one for one in found}
        return {
            symbol: by_model.get((model.card.strategy, symbol, _name(model)))
            for symbol, model in models.items()
        }

    async def check_drift(self) -> str:
        """Look at late signals, tell people of models that do not know their like; answers how it went."""
        drifted = list((await self._drifted(self.in_use())).values())
        warned = [one for one in drifted if one.drift is not None and one.drift.warned(self._limit())]
        for one in warned:
            self._warn(one)
        if not drifted:
            return "no models"
        judged = sum(one.drift is not None and one.drift.rows >= FEWEST for one in drifted)
        lacking = sum(one.drift is None for one in drifted)
        without = f", {lacking} without a profile" if lacking else ""
        names = f": {', '.join(one.model.name for one in warned)}" if warned else ""
        return f"{len(drifted)} models, {judged} judged{without}, {len(warned)} drifted{names}"

    async def _drifted(self, models: Mapping[str, Loaded]) -> dict[int, Drifted]:
        """Every model once, by its identity."""
        now_ms = self.house.now_ms()
        oldest_ms = now_ms - OLDEST_DAYS * DAY_MS
        late = await self._books.late_signals(oldest_ms, MOST_LATE) if models else ()
        groups: dict[int, list[LateSignal]] = {id(model): [] for model in models.values()}
        for one in late:
            model = models.get(one.symbol)
            if model is not None and model.card.strategy == one.strategy:
                groups[id(model)].append(one)
        alone = {id(model): model for model in models.values()}
        return await asyncio.to_thread(_all_drifted, alone, groups, now_ms - LATE_DAYS * DAY_MS)

    def _warn(self, one: Drifted) -> None:
        if one.drift is None:
            return
        now_ms, moved = self.house.now_ms(), one.drift.warned(self._limit())
        more = f" and {len(moved) - NAMED} more" if len(moved) > NAMED else ""
        shown = ", ".join(f"{name} {shift.psi:.2f}" for name, shift in moved[:NAMED])
        fields = (
            ("Moved", f"{shown}{more}"),
            ("Signals", f"{one.drift.rows}, the oldest {duration(now_ms - one.since_ms)} ago"),
            ("Told from", f"{self._limit():.2f} on, where chance alone gives less"),
        )
        title = f"Model {one.model.name}: late signals are not like those it was trained for"
        notice = Notice(NoticeKind.MODEL, Severity.TRADE, now_ms, title, fields)
        self.house.loop.put(NoticeRaised(now_ms, notice))


def _name(model: Loaded) -> str:
    """As decisions and phantoms name who scored them."""
    return f"{model.card.symbol}/{model.card.version}"


def _all_drifted(
    models: Mapping[int, Loaded], late: Mapping[int, Sequence[LateSignal]], week_ms: int
) -> dict[int, Drifted]:
    """In a thread: signals whose features are those of today's registry against each model's profile."""
    known = FeatureSet(FEATURES)
    found = {}
    for key, model in models.items():
        chosen = judged_of([one for one in late[key] if _is_usable(one, known)], week_ms)
        since_ms = min((one.bar_at_ms for one in chosen), default=0)
        found[key] = Drifted(model, _drift(model, chosen, known), since_ms)
    return found


def _is_usable(one: LateSignal, known: FeatureSet) -> bool:
    return one.vector.hash == known.hash and len(one.vector.values) == len(known)


def judged_of(newest_first: Sequence[LateSignal], week_ms: int) -> Sequence[LateSignal]:
    """Those of the week; where they are too few, as many of the newest as a figure needs."""
    week = sum(one.bar_at_ms >= week_ms for one in newest_first)
    return newest_first[: max(week, FEWEST)]


def _drift(model: Loaded, late: Sequence[LateSignal], known: FeatureSet) -> Drift | None:
    card = model.card
    if card.profile is None:
        return None
    rows: Matrix = np.empty((len(late), len(known)))
    for place, one in enumerate(late):  # row by row: one call for all would hold everybody else meanwhile
        rows[place] = one.vector.values
    rows = rows[:, [known.names.index(name) for name in card.features]]
    try:
        scores = model.model.scores(rows) if len(rows) else np.zeros(0)
    except ModelError:
        scores = np.zeros(0)
    return drift_of(card.profile, card.features, rows, scores)


def _figures(
    symbol: str, name: str, tally: ModelTally | None, drift: Drift | None, limit: float
) -> ModelFigures:
    ended = tally.targets + tally.stops if tally else 0
    worst = drift.worst if drift else None
    return ModelFigures(
        symbol=symbol,
        model=name,
        scored=tally.scored if tally else 0,
        passed=tally.passed if tally else 0,
        ended=ended,
        hit_rate=tally.targets / ended if tally and ended else None,
        refused=tally.refused if tally else 0,
        uplift=_uplift(tally),
        late=drift.rows if drift else 0,
        drift=_psi(drift.scores) if drift else None,
        worst=(worst[0], worst[1].psi) if worst else None,
        warned=tuple(name for name, _ in drift.warned(limit)) if drift else (),
    )


def _uplift(tally: ModelTally | None) -> Decimal | None:
    return Decimal(repr(-tally.refused_net)) if tally and tally.refused else None


def _psi(shift: Shift | None) -> float | None:
    return shift.psi if shift else None
