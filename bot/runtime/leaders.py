"""Candles of BTC and ETH where a desk does not trade them: the features of other symbols are made of them too.

They are asked for when somebody needs them: first a long window, then the newest bars after every close. Asking goes on
beside trading and ends by itself; whoever scores waits for a leader's bar for a moment at most, and goes without it.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field

import numpy as np

from bot.market.buffers import CandleBuffer
from bot.runtime.bar_bell import BarBell
from bot.strategy import Frame
from bot.venues.port import VenueUnavailable

BARS = 1_000
"""The window that is kept; features remember fewer."""
TRIES, FIRST_PAUSE_S = 8, 0.25
"""So often a bar is asked for, each pause twice as long as the one before; then the next bar is waited for."""
ATTEMPT_S = 10.0
FAULT = "what came could not be read"

type History = Callable[[str, int], Awaitable[Frame]]
"""The last so many closed candles of a symbol. Raises VenueUnavailable."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Leader:
    """A symbol that is kept, as far as it has come.

    `trying`: it is being asked for; `fault` is why the last attempt brought nothing, `told` what of it is in the log.
    """

    symbol: str
    frame: Frame | None = None
    fault: str = ""
    told: str = ""
    trying: bool = False
    poked: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    def has(self, open_at_ms: int) -> bool:
        """True when the bar that opens then, or a later one, is here."""
        return self.frame is not None and len(self.frame) > 0 and self.frame.open_at_ms.item(-1) >= open_at_ms


class Leaders:
    """The windows of some symbols. `needed` tells which of them are wanted now; one that was asked for once stays."""

    def __init__(
        self,
        symbols: Collection[str],
        bar_ms: int,
        history: History,
        now_ms: Callable[[], int],
        needed: Callable[[], Collection[str]],
        tries: int = TRIES,
    ) -> None:
        """`now_ms` is business time; what has one answer only needs one of the `tries`. Nothing is asked for yet."""
        self._symbols = frozenset(symbols)
        self._bar_ms = bar_ms
        self._history = history
        self._now_ms = now_ms
        self._needed = needed
        self._tries = tries
        self._kept: dict[str, _Leader] = {}
        self.bell = BarBell(rung=True)
        self._news = asyncio.Event()

    def window(self, symbol: str) -> Frame | None:
        """The newest closed candles of a symbol as far as they are known, None where it is none of these or not yet."""
        leader = self._kept.get(symbol)
        return leader.frame if leader is not None else None

    async def run(self) -> None:
        """Keep what is needed up to date until cancelled."""
        try:
            while True:
                await self.bell.rung()
                for symbol in sorted(self._symbols & {*self._needed(), *self._kept}):
                    self._ask(symbol)
        except asyncio.CancelledError:
            tasks = [one.task for one in self._kept.values() if one.task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise

    async def arrived(self, symbols: Collection[str], open_at_ms: int, patience_s: float) -> None:
        """Wait for these symbols' bar that opens then: so long at most, and no longer where it cannot be had now."""
        asked = [self._kept_one(symbol) for symbol in sorted(self._symbols.intersection(symbols))]
        asked = [one for one in asked if not one.has(open_at_ms)]
        for one in asked:
            self._ask(one.symbol)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                while any(one.trying and not one.fault and not one.has(open_at_ms) for one in asked):
                    await self._news.wait()

    def _kept_one(self, symbol: str) -> _Leader:
        return self._kept.setdefault(symbol, _Leader(symbol))

    def _ask(self, symbol: str) -> None:
        """Let the newest bar be asked for, unless it is here; who waits to ask again does so now."""
        leader = self._kept_one(symbol)
        if leader.has(self._newest_ms()):
            return
        leader.fault = ""
        leader.poked.set()
        if not leader.trying:
            leader.trying = True
            leader.task = asyncio.create_task(self._bring(leader), name=f"candles of {symbol}")

    def _newest_ms(self) -> int:
        """Opening time of the bar that closed last."""
        return self._now_ms() // self._bar_ms * self._bar_ms - self._bar_ms

    async def _bring(self, leader: _Leader) -> None:
        """Ask until the newest bar is here, or so often; when somebody asks anew, all begins anew."""
        pause_s, left = FIRST_PAUSE_S, self._tries
        while left and not leader.has(self._newest_ms()):
            leader.poked.clear()
            await self._attempt(leader)
            self._tell()
            left -= 1
            if left and not leader.has(self._newest_ms()):
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(leader.poked.wait(), pause_s)
                pause_s *= 2
            if leader.poked.is_set():
                pause_s, left = FIRST_PAUSE_S, self._tries
        leader.trying = False
        self._tell()

    def _tell(self) -> None:
        """Those who wait look again."""
        self._news.set()
        self._news = asyncio.Event()

    async def _attempt(self, leader: _Leader) -> None:
        try:
            async with asyncio.timeout(ATTEMPT_S):
                fresh = await self._history(leader.symbol, self._lacking(leader))
            leader.frame, leader.fault, leader.told = joined(leader.frame, fresh), "", ""
            return
        except (VenueUnavailable, TimeoutError) as error:
            leader.fault = str(error) or "timeout"
        except Exception:  # an answer nobody foresaw: scores go without it, the next bar asks again
            log.exception("candles of %s", leader.symbol)
            leader.fault = FAULT
        if leader.fault != leader.told:
            leader.told = leader.fault
            log.warning("candles of %s are missing, scores go without them: %s", leader.symbol, leader.fault)

    def _lacking(self, leader: _Leader) -> int:
        """Bars to ask for: those that are missing, and the newest one known once more."""
        if leader.frame is None or not len(leader.frame):
            return BARS
        since_ms = self._newest_ms() - leader.frame.open_at_ms.item(-1)
        return max(2, min(BARS, since_ms // self._bar_ms + 1))


def joined(known: Frame | None, fresh: Frame) -> Frame:
    """The newest BARS of both; where both have a bar, the fresh one counts. What cannot be a candle is left out."""
    buffer = CandleBuffer(fresh.symbol, fresh.timeframe_ms, BARS)
    buffer.preload(fresh)
    if known is not None:
        first_ms = buffer.frame().open_at_ms[:1]
        until = int(np.searchsorted(known.open_at_ms, first_ms[0])) if len(first_ms) else None
        buffer.preload(known.part(0, until))
    return buffer.frame()
