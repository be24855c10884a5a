"""The models of a running desk: loaded beside trading, asked for a bar's signals at once, in a thread of their own.

The loop only gathers windows that never change; looking at files, loading, features and models run in threads. Array
code is imported with the first score: a desk without models never pays for it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from bot.domain.market import HOUR_MS
from bot.domain.model import ModelScore, ScoreAsk
from bot.market.points import Points
from bot.ml.feature import BTC, ETH, LEADERS, anchor_ms
from bot.ml.loaded import Loaded
from bot.ml.registry import feature_set
from bot.ml.shelf import Change, ModelShelf, Swapped, Unusable
from bot.runtime.evolution import Evolution
from bot.runtime.reloading import Reloads
from bot.strategy import Array, Frame

if TYPE_CHECKING:
    from bot.ml.align import Sources

MOVED = 3
"""Features named with a score: those that moved it most."""
OTHER_BAR = "its candles are of another bar"
SHORT = "buffers.bars keeps fewer candles than its features remember"
WITHOUT_END = 1 << 62
NO_FEATURES = "its features cannot be computed"

type Series = Mapping[str, Points]
type Moved = tuple[tuple[str, float], ...]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SignalBar:
    """A symbol's window up to a signal's bar, the signal's score, and +1 (long) or -1 (short)."""

    frame: Frame
    strength: float
    side: float


async def _nobody(symbols: Collection[str], open_at_ms: int) -> None:
    """All that may come is here."""


def _nothing() -> None:
    """Nobody waits for it."""


def _no_groups(symbol: str, close_at_ms: int) -> Mapping[str, float]:
    return {}


@dataclass(frozen=True, slots=True)
class Known:
    """What a desk knows of the market: windows of candles (None: not traded), series of single figures by name.

    `outside` is what the bar of a symbol that closes at a time is told of its cluster, by names of feature.OUTSIDE.
    `arrived` waits a moment for the bar of some symbols that opens at a time, where it may be on its way.
    """

    window: Callable[[str], Frame | None]
    points: Callable[[str], Series]
    beside: Mapping[str, str]
    """The symbols that BTC and ETH go by."""
    outside: Callable[[str, int], Mapping[str, float]] = _no_groups
    arrived: Callable[[Collection[str], int], Awaitable[None]] = _nobody

    async def expect(self, names: Iterable[str], open_at_ms: int) -> None:
        """Wait a moment for the bar of BTC or ETH that opens at a time."""
        await self.arrived({self.beside[name] for name in names if name in self.beside}, open_at_ms)

    def frames_beside(self) -> dict[str, Frame]:
        """The windows of BTC and ETH, where there are any; asked on the loop, they never change."""
        found = {name: self.window(symbol) for name, symbol in self.beside.items()}
        return {name: frame for name, frame in found.items() if frame is not None and len(frame)}

    def sources(self, bars: Sequence[SignalBar], frames: Mapping[str, Frame]) -> "list[Sources]":
        """What the features of these bars are made of; every series is read once. For a thread: it reads files."""
        from bot.ml.align import Sources

        points = cache(self.points)
        others = {name: points(symbol) for name, symbol in self.beside.items()}
        return [
            Sources(
                frame=bar.frame,
                btc=frames.get(BTC),
                eth=frames.get(ETH),
                points=points(bar.frame.symbol),
                btc_points=others.get(BTC, {}),
                eth_points=others.get(ETH, {}),
                strength=_last(len(bar.frame), bar.strength),
                side=_last(len(bar.frame), bar.side),
                outside=self._outside(bar.frame),
            )
            for bar in bars
        ]

    def _outside(self, frame: Frame) -> dict[str, Array]:
        """What is told of the last bar, the only one that is read of these columns."""
        close_at_ms = frame.open_at_ms.item(-1) + frame.timeframe_ms
        told = self.outside(frame.symbol, close_at_ms)
        return {name: _last(len(frame), value) for name, value in told.items()}


@dataclass(frozen=True, slots=True)
class Told:
    """To whom changes of models and failing ones are told; `now` is business time in ms.

    `settled` is called when all that changed together has been told.
    """

    changed: Callable[[Change], None]
    failed: Callable[[str, str], None]
    now: Callable[[], int]
    settled: Callable[[], None] = _nothing


@dataclass(frozen=True, slots=True)
class _Wish:
    """A signal, the model that speaks for it, and its window up to the signal's bar."""

    ask: ScoreAsk
    model: Loaded
    bar: SignalBar


@dataclass(slots=True)
class ModelScorer:
    """Asks the models of a shelf; a bot.runtime.ports.Scorer.

    So long (`patience_s`; None: to the end) a score waits for a new version of its model; then the old one answers.
    `evolution` None: every model's scores count from the first on. `capacity` is how many bars a full window holds.
    """

    shelf: ModelShelf
    known: Known
    told: Told
    patience_s: float | None = None
    evolution: Evolution | None = None
    capacity: int = WITHOUT_END
    reloads: Reloads = field(init=False)
    _failed_at_ms: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.reloads = Reloads(self.shelf, self._changed, self.told.settled)

    def _changed(self, change: Change) -> None:
        self.told.changed(change)
        if self.evolution is not None and isinstance(change, Swapped):
            for card in self.shelf.cards():
                if (card.strategy, card.symbol) == change.place:
                    self.evolution.soon(card)

    async def begin(self) -> None:
        """Load the models, and where there are any the array code too: the first bar must not wait for it."""
        await self.reloads.whole()
        if self.evolution is not None:
            await self.evolution.learn(self.shelf.cards())
        if self.shelf.is_used:
            await asyncio.to_thread(_load_features)

    async def scores(self, asks: Sequence[ScoreAsk]) -> list[ModelScore]:
        """What the models say, all in one batch; signals without a model are left out."""
        places = (each for ask in asks for each in self.shelf.places(ask.strategy, ask.symbol))
        await self.reloads.fresh(places, self.patience_s)
        said: list[ModelScore] = []
        wishes: list[_Wish] = []
        for ask in asks:
            model = self.shelf.chosen(ask.strategy, ask.symbol)
            if isinstance(model, Unusable):
                said.append(ModelScore(ask.symbol, fault=model.reason))
            elif model is not None:
                wish = self._wish(ask, model)
                said += [ModelScore(ask.symbol, fault=wish)] if isinstance(wish, str) else []
                wishes += [] if isinstance(wish, str) else [wish]
        if wishes:
            names = {name for wish in wishes for name in beside_of(wish.model.card.features)}
            last = wishes[0].bar.frame
            await self.known.expect(names, last.open_at_ms.item(-1))
            said += await asyncio.to_thread(self._answers, wishes, self.known.frames_beside())
        self._tell_failures(said)
        return await self._aged(said, wishes)

    async def _aged(self, said: Sequence[ModelScore], wishes: Sequence[_Wish]) -> list[ModelScore]:
        """Scores of models that are too young say so."""
        if self.evolution is None:
            return list(said)
        cards = {wish.ask.symbol: wish.model.card for wish in wishes}
        await self.evolution.learn(cards.values())
        young = {symbol: self.evolution.young(card) for symbol, card in cards.items()}
        return [replace(one, young=young.get(one.symbol, "")) for one in said]

    def _wish(self, ask: ScoreAsk, model: Loaded) -> _Wish | str:
        """What is to be scored, or why it cannot be."""
        frame = self.known.window(ask.symbol)
        if frame is None or not len(frame):
            return OTHER_BAR
        open_at_ms = frame.open_at_ms.item(-1)
        if open_at_ms + frame.timeframe_ms != ask.bar_at_ms:
            return OTHER_BAR
        if not remembers(frame, open_at_ms, self.capacity):
            return SHORT
        return _Wish(ask, model, SignalBar(frame, ask.strength, float(ask.side.sign)))

    def _answers(self, wishes: Sequence[_Wish], frames: Mapping[str, Frame]) -> list[ModelScore]:
        """In a thread: features and scores of all that ask, models of the same features together."""
        groups: dict[tuple[str, ...], list[tuple[_Wish, Sources]]] = {}
        sources = self.known.sources([wish.bar for wish in wishes], frames)
        for wish, known in zip(wishes, sources, strict=True):
            groups.setdefault(wish.model.card.features, []).append((wish, known))
        return [one for names, group in groups.items() for one in _of_group(names, group)]

    def _tell_failures(self, said: Sequence[ModelScore]) -> None:
        """A symbol whose model gives no score is told of once an hour."""
        now_ms = self.told.now()
        for one in said:
            told_ms = self._failed_at_ms.get(one.symbol, -HOUR_MS)
            if one.fault and not 0 <= now_ms - told_ms < HOUR_MS:  # a clock may have been put back
                self._failed_at_ms[one.symbol] = now_ms
                self.told.failed(one.symbol, one.fault)


def remembers(window: Frame, open_at_ms: int, capacity: int) -> bool:
    """Whether a bar's features can be those of training: all they remember is here, or there never were more bars.

    `capacity` is how many bars a full window holds.
    """
    reaches = window.open_at_ms.item(0) <= anchor_ms(open_at_ms, window.timeframe_ms)
    return reaches or len(window) < capacity


@cache
def beside_of(features: tuple[str, ...]) -> frozenset[str]:
    """Whose candles some features are made of besides the symbol's own: BTC, ETH."""
    needs = {need for one in feature_set(features).features for need in one.needs}
    return frozenset(name for name in LEADERS if name.lower() in needs)


def _load_features() -> None:
    from bot.ml import compiling

    compiling.load()


def _last(bars: int, value: float) -> Array:
    """The signal's figure at the last bar, none before."""
    column = np.full(bars, np.nan)
    column[-1] = value
    return column


def _of_group(names: Sequence[str], group: "Sequence[tuple[_Wish, Sources]]") -> list[ModelScore]:
    from bot.ml.compute import live_rows

    wishes = [wish for wish, _ in group]
    try:
        rows = live_rows(feature_set(names), [known for _, known in group])
    except Exception:  # one model's features must not silence those of others
        log.exception("features of %s cannot be computed", ", ".join(wish.ask.symbol for wish in wishes))
        return [ModelScore(wish.ask.symbol, fault=NO_FEATURES) for wish in wishes]
    return _scored(wishes, rows)


def _scored(group: Sequence[_Wish], rows: Array) -> list[ModelScore]:
    from bot.ml.score import Ask, Score, score_batch

    answers = score_batch([Ask(wish.model, row) for wish, row in zip(group, rows, strict=True)])
    moved = _moved_all([wish.model for wish in group], rows)
    said = []
    for place, (wish, answer) in enumerate(zip(group, answers, strict=True)):
        card = wish.model.card
        common = ModelScore(wish.ask.symbol, threshold=card.threshold, model=f"{card.symbol}/{card.version}")
        if isinstance(answer, Score):
            said.append(replace(common, score=answer.probability, moved=moved[place]))
        else:
            said.append(replace(common, fault=answer.reason))
    return said


def _moved_all(models: Sequence[Loaded], rows: Array) -> list[Moved]:
    """What moved each row's score, the rows of one model in one call."""
    found: list[Moved] = [()] * len(models)
    for model in {id(one): one for one in models}.values():
        places = [place for place, one in enumerate(models) if one is model]
        for place, moved in zip(places, _moved(model, rows[places]), strict=True):
            found[place] = moved
    return found


def _moved(model: Loaded, rows: Array) -> list[Moved]:
    """The features that moved each score most, with what they added to its log-odds."""
    try:
        found = model.model.contributions(rows)
    except Exception:  # it is a remark beside the score
        log.exception("%s cannot say what moved its scores", model.name)
        found = None
    if found is None:
        return [()] * len(rows)
    names = model.card.features
    added = np.nan_to_num(found[:, : len(names)])
    most = np.argsort(-np.abs(added), axis=1, kind="stable")[:, :MOVED]
    return [
        tuple((names[i], float(one[i])) for i in chosen)
        for one, chosen in zip(added, most.tolist(), strict=True)
    ]
