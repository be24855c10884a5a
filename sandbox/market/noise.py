"""Seeded random streams with random access, and the noise that volatility and volume are made of.

Every stream is keyed by (seed, purpose, symbol, block), so any block of bars can be generated on its own, in any
order, in any process, and always comes out the same.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

type Array = NDArray[np.float64]

BLOCK_BARS = 1024
MARKET = 0
"""Key of the market-wide streams; a symbol's key is its place in the catalogue, from 1."""
OCTAVES = (1024, 256, 64, 16)
"""Bars between the knots of each octave of smooth noise: from ten days to four hours of 15m bars."""
NEWS_CHANCE = 1 / 22
NEWS_FADE_BARS, NEWS_FELT_BARS = 5.5, 48


class Purpose(IntEnum):
    """What a stream is drawn for; its number is part of the stream's key and must never change."""

    LEVEL = 1
    REGIME = 2
    MOVE = 3
    VOLATILITY = 4
    VOLUME = 5
    TURNOVER = 6
    NEWS = 7
    FUNDING = 8
    PREMIUM = 9


@dataclass(frozen=True, slots=True)
class Source:
    """Where the random numbers of one symbol's (or the market's) block come from."""

    seed: int
    key: int
    block: int = 0

    def stream(self, purpose: Purpose) -> np.random.Generator:
        """A fresh generator for one purpose."""
        sequence = np.random.SeedSequence(self.seed, spawn_key=(int(purpose), self.key, self.block))
        return np.random.Generator(np.random.PCG64(sequence))

    def smooth(self, purpose: Purpose, weights: Array) -> Array:
        """A weighted sum of the octaves over the block, each of variance one and continuous across blocks."""
        total = np.zeros(BLOCK_BARS)
        knots = zip(weights, self._knots(purpose), self._beside(1)._knots(purpose), OCTAVES, strict=True)
        for weight, here, following, spacing in knots:
            total += weight * _interpolated(np.append(here, following[0]), spacing)
        return total

    def news(self) -> Array:
        """Unrest that comes at once and fades over an hour or two: impulses of mean one and their aftermath."""
        fade = np.exp(-np.arange(NEWS_FELT_BARS) / NEWS_FADE_BARS)
        before = self._beside(-1)._impulses()[1 - NEWS_FELT_BARS :]
        return np.convolve(np.concatenate((before, self._impulses())), fade, mode="valid")

    def _beside(self, blocks: int) -> "Source":
        return Source(self.seed, self.key, self.block + blocks)

    def _knots(self, purpose: Purpose) -> list[Array]:
        """The knots that lie inside the block, an array for each octave."""
        rng = self.stream(purpose)
        return [rng.standard_normal(BLOCK_BARS // spacing) for spacing in OCTAVES]

    def _impulses(self) -> Array:
        """Sizes of the news that break in each bar, mostly none; nothing breaks before the first block."""
        if self.block < 0:
            return np.zeros(BLOCK_BARS)
        rng = self.stream(Purpose.NEWS)
        breaks = rng.random(BLOCK_BARS) < NEWS_CHANCE
        sizes: Array = breaks * rng.standard_exponential(BLOCK_BARS)
        return sizes


def _interpolated(knots: Array, spacing: int) -> Array:
    """Noise between knots; quarter-circle weights keep its variance 1 everywhere, as straight lines would not."""
    angle = np.arange(spacing) * (np.pi / 2 / spacing)
    return (np.outer(knots[:-1], np.cos(angle)) + np.outer(knots[1:], np.sin(angle))).ravel()
