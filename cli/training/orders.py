"""What a worker is asked: the candles that the desk knows, signals that it followed, costs as they count now."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path

from bot.config.ml import Ml
from bot.domain.errors import ConfigError
from bot.domain.market import DAY_MS
from bot.domain.model import GENERAL, cluster_of, is_pooled
from bot.ml.feature import LEADERS
from bot.ml.phantom import Followed, LivedSignal
from bot.ml.shelf import Place
from bot.runtime.codec import encode
from bot.runtime.phantoms import PhantomStore
from bot.strategy import Frame, Value
from cli.lab import WorkerLab
from cli.workshop.asking import TrainAsked
from cli.workshop.parcel import packed

WORK = "train"
MOST_DAYS = 730
MOST_BARS = 1_000_000
"""The desk's own candles of all members together; what is older lies in the store."""
MOST_LIVED = 10_000
"""Followed signals, the newest."""


async def _nothing(symbol: str) -> Frame | None:
    """What is not traded is not known."""
    return None


@dataclass(frozen=True, slots=True)
class Orders:
    """Puts together what a training needs; `beside` are the candles of BTC or ETH where they are not traded."""

    lab: WorkerLab
    followed: PhantomStore
    settings: Ml
    models: Path
    beside: Callable[[str], Awaitable[Frame | None]] = _nothing

    async def parcel(self, place: Place, members: Sequence[str]) -> bytes:
        """The parcel of one training. Raises QuarterdeckError in one line."""
        strategy, symbol = place
        if not members:
            raise ConfigError(f"{strategy}/{symbol}: no traded symbol belongs to it")
        asked = self._asked(strategy, symbol, tuple(members))
        own = "" if is_pooled(symbol) else symbol
        followed = await self.followed.finished(strategy=strategy, symbol=own, newest=MOST_LIVED)
        frames = await self._frames(members)

        def put_together() -> bytes:
            lived = tuple(lived_of(one) for one in followed if one.phantom.symbol in members)
            return packed(WORK, encode(replace(asked, lived=lived)), frames)

        return await asyncio.to_thread(put_together)

    def _asked(self, strategy: str, symbol: str, members: tuple[str, ...]) -> TrainAsked:
        """What is asked, without the signals that were followed."""
        one = next(one for one in self.lab.settings.symbols if one.symbol == members[0])
        return TrainAsked(
            place=self.lab.place,
            models=str(self.models),
            strategy=strategy,
            symbol=symbol,
            members=members,
            features=self.settings.features_of(strategy),
            lookahead=self.settings.lookahead,
            rules=self.lab.plan(one).rules,
            to_ms=self.lab.desk.now_ms(),
            values=tuple(self._values(name) for name in members),
            threshold=float(self.settings.threshold_of(strategy)),
        )

    def _values(self, symbol: str) -> dict[str, Value]:
        """A symbol's parameters as they are in use: a model is asked about signals that they make."""
        return {view.parameter.name: view.value for view in self.lab.desk.parameters(symbol)}

    async def _frames(self, members: Sequence[str]) -> list[Frame]:
        """Candles of the members, and of BTC and ETH as far as the desk knows them."""
        days, traded = self._days(len(members)), {one.symbol for one in self.lab.settings.symbols}
        leaders = [f"{base}{self.lab.settings.quote}" for base in LEADERS]
        found = [
            await (self.lab.live(one, days, 0) if one in traded else self.beside(one))
            for one in dict.fromkeys((*members, *leaders))
        ]
        return [frame for frame in found if frame is not None]

    def _days(self, members: int) -> int:
        """How many days of candles of each member fit."""
        bars = MOST_BARS // (members + len(LEADERS))
        return max(1, min(MOST_DAYS, bars * self.lab.settings.bar_ms // DAY_MS))


def lived_of(one: Followed) -> LivedSignal:
    """A followed signal that has ended, as something to learn from."""
    phantom, ending = one.phantom, one.ending
    if ending is None:
        raise ValueError(f"the signal of {phantom.symbol} at {phantom.bar_at_ms} has not ended")
    return LivedSignal(
        symbol=phantom.symbol,
        bar_at_ms=phantom.bar_at_ms,
        side=phantom.side.sign,
        outcome=ending.outcome,
        net_return=ending.net_return,
        features=tuple(value if isfinite(value) else None for value in phantom.vector.values),
        feature_hash=phantom.vector.hash,
    )


def members_of(lab: WorkerLab, place: Place, clusters: Mapping[str, int]) -> tuple[str, ...]:
    """The traded symbols that a model speaks for, in their order; `clusters` by symbol."""
    strategy, symbol = place
    mine = [one.symbol for one in lab.settings.symbols if one.strategy == strategy]
    if symbol == GENERAL:
        return tuple(mine)
    number = cluster_of(symbol)
    if number is not None:
        return tuple(one for one in mine if clusters.get(one) == number)
    return (symbol,) if symbol in mine else ()
