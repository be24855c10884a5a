"""The generated market: candles, funding and moods of N symbols, random access to any bar from the seed alone."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bot.domain.market import Candle, FundingRate, timeframe_ms
from bot.strategy import Frame
from sandbox.market.funding import funding_rate
from sandbox.market.listing import Listing, listings
from sandbox.market.noise import BLOCK_BARS
from sandbox.market.regimes import REGIMES, Regime
from sandbox.market.rounding import rounded_frame
from sandbox.market.shared import SharedBlock, shared_block
from sandbox.market.tape import symbol_tape

START_AT_MS = 1_767_312_000_000
"""Friday 2026-01-02 00:00 UTC: 1000 bars of warm-up later it is Monday 10:00, and the week's trading begins."""
KEPT_BLOCKS = 3


class GeneratedMarket:
    """An endless `CandleFeed`: the same seed gives the same candles, whichever bar is asked for first.

    Bars are numbered from 0 at `start_at_ms`. A block of 1024 bars takes about a millisecond for each symbol; the last
    few blocks are kept.
    """

    def __init__(
        self,
        seed: int,
        symbols: int | Sequence[str] = 8,
        timeframe: str = "15m",
        start_at_ms: int = START_AT_MS,
    ) -> None:
        """`symbols`: how many of the catalogue, or which; the same symbol has the same candles among any others."""
        self._bar_ms = timeframe_ms(timeframe)
        if seed < 0:
            raise ValueError(f"seed {seed} of a generated market; allowed: 0 or more")
        if start_at_ms < 0 or start_at_ms % self._bar_ms:
            raise ValueError(f"start_at_ms {start_at_ms} is no opening time of a {timeframe} bar")
        self._seed = seed
        self._timeframe = timeframe
        self._start_at_ms = start_at_ms
        self._listings = {row.symbol: row for row in listings(symbols)}
        self._shared = lru_cache(maxsize=KEPT_BLOCKS)(self._generate_shared)
        self._block = lru_cache(maxsize=KEPT_BLOCKS * len(self._listings))(self._generate_block)

    @property
    def symbols(self) -> tuple[str, ...]:
        """Symbols in the order asked for."""
        return tuple(self._listings)

    @property
    def timeframe(self) -> str:
        """Timeframe of every candle."""
        return self._timeframe

    @property
    def first_open_at_ms(self) -> int:
        """Opening time of bar 0."""
        return self._start_at_ms

    def open_at_ms(self, bar: int) -> int:
        """Opening time of a bar."""
        return self._start_at_ms + bar * self._bar_ms

    def frame(self, symbol: str, first_bar: int, count: int) -> Frame:
        """`count` candles from bar `first_bar` on; ValueError before bar 0."""
        if first_bar < 0 or count < 0:
            raise ValueError(
                f"bars {first_bar} to {first_bar + count} of a generated market; its first bar is 0"
            )
        self._listing(symbol)
        blocks = range(first_bar // BLOCK_BARS, (first_bar + max(count, 1) - 1) // BLOCK_BARS + 1)
        begin = first_bar - blocks.start * BLOCK_BARS
        return _cut([self._block(symbol, block) for block in blocks], begin, begin + count)

    def window(self, symbol: str, last_open_at_ms: int, bars: int) -> Frame:
        """Up to `bars` candles ending with the one that opens at `last_open_at_ms`."""
        end = (last_open_at_ms - self._start_at_ms) // self._bar_ms + 1
        first = min(max(0, end - bars), max(0, end))
        return self.frame(symbol, first, max(0, end) - first)

    def bar(self, open_at_ms: int) -> tuple[Candle, ...]:
        """The candles of all symbols that open at this time; empty when it is no opening time of ours."""
        number, off = divmod(open_at_ms - self._start_at_ms, self._bar_ms)
        if off or number < 0:
            return ()
        block, place = divmod(number, BLOCK_BARS)
        return tuple(_candle(self._block(symbol, block), place) for symbol in self._listings)

    def funding_rate(self, symbol: str, at_ms: int) -> float:
        """The rate settled at `at_ms` (fraction of notional, positive: longs pay); NaN when none is settled."""
        return funding_rate(self._seed, self._listing(symbol), at_ms)

    def funding(self, symbol: str, from_ms: int, to_ms: int) -> tuple[FundingRate, ...]:
        """Every rate settled from `from_ms` on and before `to_ms`."""
        interval = self._listing(symbol).funding_ms
        times = range(-(-from_ms // interval) * interval, to_ms, interval)
        return tuple(FundingRate(symbol, at, self.funding_rate(symbol, at), at + interval) for at in times)

    def regime(self, open_at_ms: int) -> Regime:
        """What the whole market is doing in the bar that opens (or is open) at this time."""
        block, place = divmod(max(0, open_at_ms - self._start_at_ms) // self._bar_ms, BLOCK_BARS)
        return REGIMES[int(self._shared(block).regimes.index[place])]

    def _listing(self, symbol: str) -> Listing:
        try:
            return self._listings[symbol]
        except KeyError:
            raise ValueError(
                f"symbol {symbol!r} is not on this market; it has {', '.join(self.symbols)}"
            ) from None

    def _times(self, block: int) -> NDArray[np.int64]:
        return self.open_at_ms(block * BLOCK_BARS) + np.arange(BLOCK_BARS, dtype=np.int64) * self._bar_ms

    def _generate_shared(self, block: int) -> SharedBlock:
        return shared_block(self._seed, block, self._times(block))

    def _generate_block(self, symbol: str, block: int) -> Frame:
        listing = self._listings[symbol]
        tape = symbol_tape(self._seed, listing, block, self._bar_ms, self._shared(block))
        return rounded_frame(listing, self._bar_ms, self._times(block), tape)


def _cut(blocks: Sequence[Frame], begin: int, end: int) -> Frame:
    """The bars from `begin` to `end` of blocks one after another, as arrays of their own."""
    columns = ("open_at_ms", "open", "high", "low", "close", "volume")
    joined = (
        np.concatenate([getattr(block, name) for block in blocks])[begin:end].copy() for name in columns
    )
    return Frame(blocks[0].symbol, blocks[0].timeframe_ms, *joined)


def _candle(block: Frame, place: int) -> Candle:
    return Candle(
        symbol=block.symbol,
        open_at_ms=int(block.open_at_ms[place]),
        open=float(block.open[place]),
        high=float(block.high[place]),
        low=float(block.low[place]),
        close=float(block.close[place]),
        volume=float(block.volume[place]),
    )
