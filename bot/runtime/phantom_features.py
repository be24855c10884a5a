"""The features of signals that are followed: every feature there is, as training computes them, in a thread."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bot.domain.decision import Decision
from bot.ml.feature import BTC, ETH
from bot.ml.phantom import Vector
from bot.runtime.scoring import Known, SignalBar, remembers
from bot.strategy import Frame

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PhantomFeatures:
    """Computes the vectors of decided signals of symbols that are `wanted`; the others have none.

    `capacity` is how many bars a full window holds: one that is full and does not go back far enough gives no vector,
    since training would have another.
    """

    known: Known
    wanted: Callable[[str], bool]
    capacity: int

    async def of(self, decisions: Sequence[Decision]) -> list[Vector]:
        """One vector per decision, empty where it cannot be had."""
        bars = [self._bar(decision) for decision in decisions]
        found = {place: bar for place, bar in enumerate(bars) if bar is not None}
        if not found:
            return [Vector()] * len(decisions)
        await self.known.expect((BTC, ETH), max(bar.frame.open_at_ms.item(-1) for bar in found.values()))
        frames = self.known.frames_beside()
        try:
            vectors = await asyncio.to_thread(self._vectors, list(found.values()), frames)
        except Exception:  # a phantom without features is worth more than none
            log.exception("features of %d phantoms cannot be computed", len(found))
            return [Vector()] * len(decisions)
        told = dict(zip(found, vectors, strict=True))
        return [told.get(place, Vector()) for place in range(len(decisions))]

    def _bar(self, decision: Decision) -> SignalBar | None:
        signal = decision.signal
        window = self.known.window(signal.symbol) if self.wanted(signal.symbol) else None
        if window is None or signal.side is None:
            return None
        open_at_ms = signal.bar_at_ms - window.timeframe_ms
        row = int(np.searchsorted(window.open_at_ms, open_at_ms))
        if row >= len(window) or window.open_at_ms.item(row) != open_at_ms:
            return None
        if not remembers(window, open_at_ms, self.capacity):
            return None
        return SignalBar(window.part(0, row + 1), signal.score, float(signal.side.sign))

    def _vectors(self, bars: Sequence[SignalBar], frames: Mapping[str, Frame]) -> list[Vector]:
        """In a thread: array code is imported with the first of them."""
        from bot.ml.compute import live_rows
        from bot.ml.feature import FeatureSet
        from bot.ml.registry import FEATURES

        features, sources = FeatureSet(FEATURES), self.known.sources(bars, frames)
        return [Vector(tuple(row), features.hash) for row in live_rows(features, sources).tolist()]
