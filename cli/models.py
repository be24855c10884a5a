"""Models of a house joined: where they lie, what they are told of the market, who hears of their changes."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path

from bot.domain.command import Done, SetModelThreshold, SwitchModel
from bot.domain.event import NoticeRaised
from bot.domain.market import HOUR_MS
from bot.domain.model import ModelMode
from bot.domain.notice import Notice, NoticeKind, Severity
from bot.domain.refusal import Refused
from bot.ml import feature
from bot.ml.card import Card
from bot.ml.grouping import Groupings
from bot.ml.loaded import Loaded
from bot.ml.shelf import ModelShelf, Unusable, Wanted
from bot.runtime.desk import Desk
from bot.runtime.scoring import Known, ModelScorer, Series, Told
from bot.strategy import Frame
from cli.evolution import evolution_of
from cli.house import House
from cli.leaders import join_leaders, patience_s
from cli.model_figures import LiveFigures
from cli.model_news import ModelNews
from cli.model_placing import FilePlacer
from cli.past import store_of
from cli.workshop.sources import source_of
from handlers.learning import ModelFigures, ModelView
from research.store.port import KINDS, StoreError

MEMORY_BARS = feature.MEMORY + feature.CHUNK
EARLIER_MS = 12 * HOUR_MS
"""What was known at the first bar that is remembered may be older by a settlement of funding."""
PATIENCE_S = 0.5
"""Behind a wire, a score waits so long for a new version that is being loaded; the old one answers then."""

log = logging.getLogger(__name__)


def folder_of(home: Path, folder: str) -> Path:
    """Where models lie: what does not begin with / lies in the home."""
    return home / folder


def join_models(house: House, root: Path, groupings: Groupings) -> "Shelf":
    """Let the house's signals be scored by the models under `root`; answers what the chat asks."""
    plan, engine = house.plan, house.engine
    symbols = engine.state.symbols
    shelf = ModelShelf(root)
    shelf.want(Wanted(state.settings.strategy, name) for name, state in symbols.items())

    quote = plan.loaded.settings.venue.quote
    beside = {base: f"{base}{quote}" for base in feature.LEADERS}
    leaders = join_leaders(house, shelf, beside)

    def window(symbol: str) -> Frame | None:
        return engine.signals.frame(symbol) if symbol in symbols else leaders.window(symbol)

    arrived = partial(leaders.arrived, patience_s=patience_s(house))
    known = Known(window, points_of(house), beside, groupings.outside, arrived=arrived)
    news = ModelNews(partial(_tell, house))
    told = Told(news.changed, partial(_tell_failure, house), house.now_ms, news.settled)
    house.performer.placer = FilePlacer(root)
    patience = PATIENCE_S if plan.read_lag_ms else None
    scorer = house.scorer = house.performer.scorer = ModelScorer(
        shelf, known, told, patience, evolution_of(house, root), house.bars
    )
    house.loop.commit_listeners.append(scorer.reloads.bell.hear)
    house.beside["models"] = scorer.reloads.run
    return Shelf(house, shelf)


def points_of(house: House) -> Callable[[str], Series]:
    """Reads a symbol's newest figures from the home's history; what cannot be read is missing, and said once."""
    plan = house.plan
    store = store_of(plan.home, source_of(plan.mode, plan.loaded.settings.venue))
    memory_ms = MEMORY_BARS * house.engine.state.settings.bar_ms + EARLIER_MS
    told: set[str] = set()

    def read(symbol: str) -> Series:
        since_ms = house.now_ms() - memory_ms
        found = {}
        for name, kind in KINDS.items():
            try:
                found[name] = store.points(kind, symbol, since_ms)
            except StoreError as error:
                if str(error) not in told:
                    told.add(str(error))
                    log.warning("a model's input is missing: %s", error)
        return found

    return read


def _tell(house: House, severity: Severity, title: str, symbol: str = "") -> None:
    notice = Notice(NoticeKind.MODEL, severity, house.now_ms(), title, symbol=symbol)
    house.loop.put(NoticeRaised(house.now_ms(), notice))


def _tell_failure(house: House, symbol: str, fault: str) -> None:
    blocks = "pass" if house.engine.state.settings.unscored_pass else "are refused where models are on"
    _tell(house, Severity.CRITICAL, f"{symbol}: its model gives no score, signals {blocks}: {fault}", symbol)


class Shelf:
    """What the chat asks of the models of a house; handlers.learning.ModelShelf."""

    def __init__(self, house: House, shelf: ModelShelf) -> None:
        """The house's models as they are."""
        self._house = house
        self._shelf = shelf
        self.queued: Callable[[str], bool] = lambda symbol: False

    @property
    def _desk(self) -> Desk:
        return self._house.desk

    def models(self) -> Sequence[ModelView]:
        """Those in use, by symbol."""
        views = []
        for name, state in self._house.engine.state.symbols.items():
            found = self._shelf.chosen(state.settings.strategy, name)
            if found is not None and not isinstance(found, Unusable):
                threshold = state.model.threshold
                own = found.card.threshold if threshold is None else float(threshold)
                view = _view(name, state.model.mode, own, found)
                views.append(replace(view, queued=self.queued(name), young=self._young(found.card)))
        return views

    def card(self, symbol: str) -> Card | None:
        """The card of the model that speaks for a symbol."""
        state = self._house.engine.state.symbols.get(symbol)
        found = None if state is None else self._shelf.chosen(state.settings.strategy, symbol)
        return found.card if isinstance(found, Loaded) else None

    def _young(self, card: Card) -> str:
        scorer = self._house.scorer
        return scorer.evolution.young(card) if scorer is not None and scorer.evolution is not None else ""

    async def figures(self) -> Sequence[ModelFigures]:
        """How the models in use do live, by symbol."""
        return await LiveFigures(self._house, self._shelf).figures()

    async def uplifts(self) -> Mapping[str, Decimal | None]:
        """What the models in use kept out and did not lose, by symbol."""
        return await LiveFigures(self._house, self._shelf).uplifts()

    async def switch(self, symbol: str, mode: ModelMode, actor: str) -> Done | Refused:
        """Let models judge signals (symbol empty: all), only score them beside, or rest."""
        return await self._desk.execute(SwitchModel(symbol, mode), actor)

    async def set_threshold(self, symbol: str, threshold: Decimal, actor: str) -> Done | Refused:
        """The score from which a signal passes (symbol empty: all)."""
        return await self._desk.execute(SetModelThreshold(symbol, threshold), actor)


def _view(symbol: str, mode: ModelMode, threshold: float, model: Loaded) -> ModelView:
    card = model.card
    return ModelView(
        symbol=symbol,
        mode=mode,
        threshold=threshold,
        trained_at_ms=card.created_at_ms,
        features=len(card.features),
        auc=card.metrics.auc,
        precision=card.metrics.precision,
        recall=card.metrics.recall,
        queued=False,
    )
