"""Phantoms of a house joined: who follows its signals, on which terms, and what the chat may ask about them."""

import asyncio
from collections.abc import Callable, Sequence

from bot.domain.decision import Decision
from bot.domain.model import ModelMode
from bot.engine import plans
from bot.engine.engine import Engine
from bot.engine.manual import MANUAL
from bot.ml.phantom import Followed, Phantom, Terms, Vector, phantom_of
from bot.runtime.following import Candles, Follower
from bot.runtime.phantom_features import PhantomFeatures
from bot.runtime.phantoms import PhantomRecords, PhantomStore, PhantomTally
from bot.strategy import Frame
from bot.venues.port import Venue
from cli.house import Blueprint, House

BY_HAND = frozenset({MANUAL, plans.DRILL})
"""Whose entries are a person's, not a strategy's: they are not followed."""
PATIENCE_S = 2.0
"""So long a question waits for what is being followed; then it is answered from what is in the books."""


def _nobody(symbol: str) -> bool:
    """No model is tried."""
    return False


def follow_signals(house: House, store: PhantomStore, is_tried: Callable[[str], bool] = _nobody) -> "Current":
    """Let the house's signals be followed from its start on; answers what the chat asks.

    `is_tried` says of a symbol that a model is tried on it, though none may be asked yet.
    """
    features = features_of(house, is_tried)
    follower = build_follower(house.plan, house.engine, house.venue, store, features)
    house.follower = follower
    house.loop.commit_listeners.append(follower.hear)
    if house.scorer is not None and house.scorer.evolution is not None:
        follower.ended_listeners.append(house.scorer.evolution.hear)
    return Current(follower, store)


def features_of(house: House, is_tried: Callable[[str], bool] = _nobody) -> PhantomFeatures | None:
    """Features of signals whose symbol asks models, or tries one; None where the house has no models to ask."""
    symbols = house.engine.state.symbols
    if house.scorer is None:
        return None

    def wanted(symbol: str) -> bool:
        state = symbols.get(symbol)  # what an earlier run decided on may not be traded any more
        return state is not None and (state.model.mode is not ModelMode.OFF or is_tried(symbol))

    return PhantomFeatures(house.scorer.known, wanted, house.bars)


def build_follower(
    plan: Blueprint,
    engine: Engine,
    venue: Venue,
    store: PhantomStore,
    features: PhantomFeatures | None = None,
) -> Follower:
    """A follower of this engine's signals on its candles, and the venue's where these are not enough."""
    settings, symbols = plan.loaded.settings, engine.state.symbols

    async def begin(decisions: Sequence[Decision]) -> list[Phantom]:
        chosen = [one for one in decisions if one.signal.strategy not in BY_HAND]
        vectors = [Vector()] * len(chosen) if features is None else await features.of(chosen)
        size = float(settings.ml.standard_notional)
        terms = (terms_of(engine, one.signal.symbol, settings.ml.lookahead) for one in chosen)
        made = (phantom_of(*one, standard_notional=size) for one in zip(chosen, terms, vectors, strict=True))
        return [phantom for phantom in made if phantom is not None]

    def window(symbol: str) -> Frame | None:
        return engine.signals.frame(symbol) if symbol in symbols else None

    async def history(symbol: str, bars: int) -> Frame:
        return (await venue.history([symbol], plan.timeframe, bars))[symbol]

    bar_ms = engine.state.settings.bar_ms
    candles = Candles(bar_ms, window, history, lambda: venue.now_ms)
    return Follower(store, candles, begin, settings.buffers.bars)


def terms_of(engine: Engine, symbol: str, lookahead: int) -> Terms:
    """The account's costs: its slippage and the symbol's taker fee (the usual one where it is not traded now)."""
    settings, traded = engine.state.settings, engine.state.symbols.get(symbol)
    costs = {"fee": float(traded.instrument.taker_fee)} if traded is not None else {}
    return Terms(settings.bar_ms, lookahead, float(settings.slippage_rate), **costs)


class Current:
    """The records of phantoms as they are now: what was heard is followed before anybody is answered."""

    def __init__(self, follower: Follower, records: PhantomRecords) -> None:
        """Read from the books that the follower writes to."""
        self._follower = follower
        self._records = records

    async def tallies(self, since_ms: int = 0) -> tuple[PhantomTally, ...]:
        """By symbol and gate, of signals on bars that closed at or after a time."""
        await self._caught_up()
        return await self._records.tallies(since_ms)

    async def found(self, strategy: str, symbol: str, bar_at_ms: int) -> Followed | None:
        """The phantom of one signal by the closing time of its bar; None when it was not followed."""
        await self._caught_up()
        return await self._records.found(strategy, symbol, bar_at_ms)

    async def _caught_up(self) -> None:
        """Candles that a venue has to be asked for are not waited for longer than people would."""
        task = asyncio.create_task(self._follower.catch_up(), name="phantoms, asked for")
        task.add_done_callback(_looked_at)
        done, _ = await asyncio.wait({task}, timeout=PATIENCE_S)
        if done:
            task.result()


def _looked_at(task: asyncio.Task[None]) -> None:
    """Whoever asked may be gone by now: the follower meets the same trouble again, and says so in the log."""
    if not task.cancelled():
        task.exception()
