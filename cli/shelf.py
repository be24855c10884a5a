"""The shelf of a desk's candles: the store in its home, read and written in threads, never in the way of a start."""

import asyncio
import logging
from pathlib import Path

import numpy as np

from bot.domain.market import timeframe_ms
from bot.strategy import Frame
from bot.venues.ccxt_venue.gateway import CcxtGateway
from bot.venues.ccxt_venue.past import source_name
from cli.homes import HISTORY
from research.store.files import FileStore
from research.store.port import StoreError

QUIET_S = 5.0
"""Writing begins when the start is likely to be over."""

log = logging.getLogger(__name__)


def shelf_of(home: Path, gateway: CcxtGateway) -> "StoreShelf":
    """The shelf of an exchange's candles in a home. The gateway has been joined."""
    source = source_name(gateway.dialect.name, gateway.environment)
    return StoreShelf(FileStore(home / HISTORY, source))


class StoreShelf:
    """A Shelf over the store. Files that cannot be used are left alone, and the first of them is told in the log."""

    def __init__(self, store: FileStore) -> None:
        """Nothing waits to be written."""
        self._store = store
        self._waiting: list[tuple[str, Frame]] = []
        self._left_alone: dict[tuple[str, str], str] = {}
        self._writer: asyncio.Task[None] | None = None

    async def take(self, symbol: str, timeframe: str, from_ms: int, until_ms: int) -> Frame:
        """What the store has; nothing of a file that is damaged, or of another source."""
        try:
            return await asyncio.to_thread(self._store.load_own, symbol, timeframe, from_ms, until_ms)
        except StoreError as error:
            self._leave(symbol, timeframe, str(error))
        except (
            Exception
        ) as error:  # whatever a broken file does to its reader: the exchange has the candles too
            log.debug("stored candles of %s", symbol, exc_info=error)
            self._leave(symbol, timeframe, f"{symbol} {timeframe}: {type(error).__name__}")
        nothing = np.empty(0)
        return Frame(
            symbol, timeframe_ms(timeframe), np.empty(0, dtype=np.int64), *(nothing for _ in range(5))
        )

    def put(self, timeframe: str, frame: Frame) -> None:
        """Write it as soon as it has been quiet for a while."""
        if (frame.symbol, timeframe) in self._left_alone:
            return
        self._waiting.append((timeframe, frame))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write(), name="candles to the store")

    def differs(self, symbol: str, timeframe: str) -> None:
        """Leave the file alone."""
        words = "what is stored is not what the exchange says; `quarterdeck fetch --again` puts it right"
        self._leave(symbol, timeframe, f"{symbol} {timeframe}: {words}")

    async def settled(self) -> None:
        """Wait until all is written."""
        if self._writer is not None:
            await self._writer

    async def close(self) -> None:
        """What is not written yet is asked for again by the next start."""
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)
            self._writer = None

    def _leave(self, symbol: str, timeframe: str, why: str) -> None:
        """One line for the start, however many files it is."""
        if not self._left_alone:
            log.warning("stored candles are not used: %s; the exchange is asked for all of them", why)
        else:
            log.debug("stored candles are not used: %s", why)
        self._left_alone[symbol, timeframe] = why

    async def _write(self) -> None:
        await asyncio.sleep(QUIET_S)
        while self._waiting:
            timeframe, frame = self._waiting.pop(0)
            try:
                await asyncio.to_thread(self._store.upsert, timeframe, frame)
            except StoreError as error:
                self._leave(frame.symbol, timeframe, str(error))
        self._writer = None
