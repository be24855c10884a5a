"""A training as a worker does it: what the store and the desk know, a lesson, a version that is in use nowhere yet."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.domain.errors import ConfigError
from bot.domain.market import DAY_MS
from bot.market.points import Points
from bot.ml.align import Sources
from bot.ml.registry import feature_set
from bot.ml.writing import prune
from bot.runtime.codec import decode
from bot.strategy import Frame
from cli.about import commit, version
from cli.workshop.asking import TrainAnswer, TrainAsked, nothing_of
from cli.workshop.ground import HISTORY, Known, bar_ms, joined, known
from cli.workshop.parcel import Parcel
from cli.workshop.worker import Say
from research.learning.boosting import Boosted, Boosting
from research.learning.cards import Origin
from research.learning.dataset import Recipe
from research.learning.keeping import keep
from research.learning.lesson import Lesson, teach
from research.learning.material import Material, material_of
from research.store.files import FileStore
from research.store.port import KINDS
from strategies.registry import Registry

KEPT = 10
"""Versions of a symbol that stay; older ones make room."""
LEADERS = ("BTC", "ETH")


def work(parcel: Parcel, say: Say) -> TrainAnswer:
    """Do it. Raises QuarterdeckError with the reason where there is too little to learn from."""
    asked = decode(parcel.order, TrainAsked)
    ground = TrainGround(asked, {frame.symbol: frame for frame in parcel.frames})
    (symbol,) = asked.members
    say(0, 1, symbol)
    material, words = ground.material(symbol, Registry(asked.place.paths))

    def tell(done: int, whole: int) -> None:
        say(done, whole + 1, asked.symbol)

    lesson = teach(material, Boosting(), asked.seed, tell=tell)
    return kept(asked, lesson, words)


def kept(asked: TrainAsked, lesson: Lesson[Boosted], words: tuple[str, ...]) -> TrainAnswer:
    """Write the version, make room, and say what it was made of."""
    models = Path(asked.models)
    card = keep(models, lesson, Origin(version(), commit(), asked.to_ms))
    prune(models, asked.strategy, asked.symbol, KEPT)
    return TrainAnswer(card.version, words)


@dataclass(frozen=True, slots=True)
class TrainGround:
    """Where a training takes what it learns from: the store, and the desk's candles by symbol."""

    asked: TrainAsked
    live: Mapping[str, Frame]

    def material(self, symbol: str, registry: Registry) -> tuple[Material, tuple[str, ...]]:
        """A symbol's material, and what is to be said of it."""
        asked = self.asked
        found = self._known(symbol)
        if not len(found.frame):
            raise ConfigError(
                f"no candles of {symbol} are known (quarterdeck fetch {symbol} brings some)"
                + "".join(f" {one}" for one in found.words)
            )
        sources = self.sources(symbol, found.frame)
        recipe = Recipe(lookahead=asked.lookahead, seed=asked.seed)
        features = feature_set(asked.features)
        made = material_of(registry, asked.strategy, symbol, sources, features, recipe, asked.rules)
        return made, (*found.words, days_of(symbol, found.frame))

    def sources(self, symbol: str, frame: Frame) -> Sources:
        """All that is known beside a symbol's candles."""
        btc, eth = (self.leader(base, symbol) for base in LEADERS)
        return Sources(
            frame=frame,
            btc=self._frame(btc),
            eth=self._frame(eth),
            points=self._points(symbol),
            btc_points=self._points(btc),
            eth_points=self._points(eth),
        )

    def leader(self, base: str, symbol: str) -> str:
        """BTC or ETH in the symbol's quote asset: the longest ending that they share; empty where none is known."""
        names = (base + symbol[place:] for place in range(1, len(symbol)))
        return next((name for name in names if name in self.live or self._stored(name)), "")

    def _stored(self, symbol: str) -> bool:
        return bool(self._store.source_of(symbol, self.asked.place.timeframe))

    def _known(self, symbol: str) -> Known:
        place = self.asked.place
        return known(place, self._live(symbol), 0, self.asked.to_ms)

    def _frame(self, symbol: str) -> Frame | None:
        """A leader's candles, holes left open."""
        if not symbol:
            return None
        found = joined(self.asked.place, self._live(symbol), 0, self.asked.to_ms).frame
        return found if len(found) else None

    def _live(self, symbol: str) -> Frame:
        found = self.live.get(symbol)
        return nothing_of(symbol, bar_ms(self.asked.place)) if found is None else found

    def _points(self, symbol: str) -> dict[str, Points]:
        """A symbol's figures of the store."""
        if not symbol:
            return {}
        found = {name: self._store.points(kind, symbol, 0, self.asked.to_ms) for name, kind in KINDS.items()}
        return {name: points for name, points in found.items() if len(points.at_ms)}

    @property
    def _store(self) -> FileStore:
        return FileStore(Path(self.asked.place.home) / HISTORY)


def days_of(symbol: str, frame: Frame) -> str:
    """How much there is of a symbol."""
    days = len(frame) * frame.timeframe_ms / DAY_MS
    return f"{symbol}: {len(frame):,} bars, {days:,.0f} days"
