"""A training as a worker does it: what the store and the desk know, a lesson, a version that is in use nowhere yet."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bot.domain.market import DAY_MS
from bot.market.points import Points
from bot.ml.align import Sources
from bot.ml.feature import LEADERS
from bot.ml.grouping import Grouping, kept_groupings, outside_of
from bot.ml.registry import feature_set
from bot.runtime.codec import decode
from bot.strategy import Array, Frame
from cli.about import commit, version
from cli.workshop.asking import TrainAnswer, TrainAsked, nothing_of
from cli.workshop.ground import HISTORY, Known, bar_ms, joined, unbroken
from cli.workshop.parcel import Parcel
from cli.workshop.worker import Say
from research.learning.boosting import Boosted, Boosting
from research.learning.cards import Origin
from research.learning.dataset import Recipe
from research.learning.folds import FOLDS
from research.learning.keeping import keep
from research.learning.lesson import Lesson, teach
from research.learning.material import Course, Material, Subject, Unteachable
from research.learning.noting import notes_of, rows_line
from research.learning.pooling import pool_of
from research.store.files import FileStore
from research.store.port import KINDS
from strategies.registry import Registry

STEPS = FOLDS + 1 + 2
"""Trainings, and what is done with them afterwards: doubt and the backtests take about as long as two."""
POOLED_BARS = 4_000_000
"""Of all members of a pooled model together, the newest: what is trained must be held in memory, and end in time."""


def work(parcel: Parcel, say: Say) -> TrainAnswer:
    """Do it. Raises QuarterdeckError with the reason where there is too little to learn from."""
    asked = decode(parcel.order, TrainAsked)
    steps = len(asked.members) + STEPS
    groupings = kept_groupings(Path(asked.models), bar_ms(asked.place))
    ground = TrainGround(asked, {frame.symbol: frame for frame in parcel.frames}, groupings)
    subject, words = ground.subject(lambda done, symbol: say(done, steps, symbol))

    def tell(done: int, _: int) -> None:
        say(len(asked.members) + done, steps, asked.symbol)

    lesson = teach(subject, Boosting(), asked.seed, tell=tell, fallback=asked.threshold)
    return kept(asked, lesson, words)


def kept(asked: TrainAsked, lesson: Lesson[Boosted], words: tuple[str, ...]) -> TrainAnswer:
    """Write the version, and say what it was made of."""
    card = keep(Path(asked.models), lesson, Origin(version(), commit(), asked.to_ms))
    return TrainAnswer(card.version, (*words, rows_line(lesson.trained.balance)))


@dataclass(frozen=True, slots=True)
class Leader:
    """BTC's or ETH's candles and figures, nothing where they are not known."""

    frame: Frame | None = None
    points: dict[str, Points] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrainGround:
    """Where a training takes what it learns from: the store, and the desk's candles by symbol."""

    asked: TrainAsked
    live: Mapping[str, Frame]
    groupings: tuple[Grouping, ...]
    leaders: dict[str, Leader] = field(default_factory=dict)

    def subject(self, heard: Callable[[int, str], None]) -> tuple[Subject, tuple[str, ...]]:
        """What is taught, and what is to be said of it. `heard` is told how many symbols are done, and of the next."""
        asked, course, words = self.asked, self.course(), list[str]()
        if asked.symbol == asked.members[0]:
            heard(0, asked.symbol)
            return self.material(course, asked.symbol, words), tuple(words)

        def materials() -> Iterator[Material]:
            for done, symbol in enumerate(asked.members):
                heard(done, symbol)
                try:
                    yield self.material(course, symbol, [])
                except Unteachable as error:
                    words.append(f"Left out: {error}")

        pool = pool_of(asked.symbol, materials(), asked.seed)
        bars = sum(len(part.frame) for part in pool.parts)
        days = (asked.to_ms - int(pool.open_at_ms[0])) / DAY_MS
        return pool, (f"{asked.symbol}: {len(pool.parts)} symbols, {bars:,} bars, {days:,.0f} days", *words)

    def course(self) -> Course:
        """What is asked of every symbol alike."""
        asked = self.asked
        return Course(
            registry=Registry(asked.place.paths),
            strategy=asked.strategy,
            features=feature_set(asked.features),
            recipe=Recipe(lookahead=asked.lookahead, seed=asked.seed),
            rules=asked.rules,
            lived=[one for one in asked.lived if one.bar_at_ms <= asked.to_ms],
            values=dict(zip(asked.members, asked.values, strict=True)) if asked.values else {},
        )

    def material(self, course: Course, symbol: str, words: list[str]) -> Material:
        """A symbol's material; what is to be said of it is added to `words`."""
        found = self._known(symbol)
        if not len(found.frame):
            rest = "".join(f" {one}" for one in found.words)
            raise Unteachable(
                f"no candles of {symbol} are known (quarterdeck fetch {symbol} brings some).{rest}"
            )
        made = course.material(symbol, self.sources(symbol, found.frame))
        words += [f"{symbol}: {one}" for one in found.words]
        words += notes_of(made.sources, made.features)
        if made.lived_out:
            words.append(f"{symbol}: {made.lived_out:,} followed signals cannot be learned from")
        return made

    def sources(self, symbol: str, frame: Frame) -> Sources:
        """All that is known beside a symbol's candles."""
        btc, eth = (self.leader(base, symbol) for base in LEADERS)
        return Sources(
            frame=frame,
            btc=btc.frame,
            eth=eth.frame,
            outside=self._outside(symbol, frame),
            points=self._points(symbol),
            btc_points=btc.points,
            eth_points=eth.points,
        )

    def leader(self, base: str, symbol: str) -> Leader:
        """BTC or ETH in the symbol's quote asset: the longest ending that they share; nothing where none is known."""
        for place in range(1, len(symbol)):
            name = base + symbol[place:]
            if name not in self.leaders:
                self.leaders[name] = self._leader(name)
            if self.leaders[name].frame is not None:
                return self.leaders[name]
        return Leader()

    def _leader(self, name: str) -> Leader:
        """Its candles, holes left open, and its figures."""
        if name not in self.live and not self._store.source_of(name, self.asked.place.timeframe):
            return Leader()
        found = self._joined(name).frame
        return Leader(found, self._points(name)) if len(found) else Leader()

    def _joined(self, symbol: str) -> Known:
        """All candles of a symbol that had closed when it was asked, holes left open."""
        place = self.asked.place
        return joined(place, self._live(symbol), self._from_ms, self.asked.to_ms - bar_ms(place) + 1)

    @property
    def _from_ms(self) -> int:
        """Where history begins: a pool's at so many bars of each member."""
        members = len(self.asked.members)
        if self.asked.symbol == self.asked.members[0]:
            return 0
        return max(0, self.asked.to_ms - POOLED_BARS // members * bar_ms(self.asked.place))

    def _outside(self, symbol: str, frame: Frame) -> dict[str, Array]:
        """What bars were told of the symbol's cluster."""
        closes = frame.open_at_ms + frame.timeframe_ms
        return outside_of(self.groupings, symbol, closes) if self.groupings else {}

    def _known(self, symbol: str) -> Known:
        """The newest stretch of a symbol's candles without a hole, and what is left out for it."""
        found = self._joined(symbol)
        whole = unbroken(found.frame)
        before = len(found.frame) - len(whole)
        words = (f"{before:,} candles before the newest hole are left out.",) if before else ()
        return Known(whole, found.funding, (*found.words, *words))

    def _live(self, symbol: str) -> Frame:
        found = self.live.get(symbol)
        return nothing_of(symbol, bar_ms(self.asked.place)) if found is None else found

    def _points(self, symbol: str) -> dict[str, Points]:
        """A symbol's figures of the store."""
        read = partial(self._store.points, symbol=symbol, from_ms=0, to_ms=self.asked.to_ms)
        found = {name: read(kind) for name, kind in KINDS.items()}
        return {name: points for name, points in found.items() if len(points.at_ms)}

    @property
    def _store(self) -> FileStore:
        return FileStore(Path(self.asked.place.home) / HISTORY)
