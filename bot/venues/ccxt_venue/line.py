"""One connection and its life: frames in, proof that it works, silence, its planned end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from bot.venues.ccxt_venue.client import Clients, Exchange
from bot.venues.ccxt_venue.supervise import StreamLost

PROOF_S = 15.0
SETTLE_S = 0.05

type Read = Callable[[object], bool]
type Watch = Callable[[Exchange], Awaitable[object]]


class Line:
    """The tap of one connection; `read` answers True for frames that are news. Make it inside a running loop."""

    def __init__(self, read: Read, *, garbled_is_over: bool) -> None:
        loop = asyncio.get_running_loop()
        self._read = read
        self._garbled_is_over = garbled_is_over
        self._time = loop.time
        self._over: asyncio.Future[str] = loop.create_future()
        self._open = False
        self._sent = self._answered = 0
        self.garbage = 0
        self.heard_s = self.told_s = loop.time()

    # What ccxt tells

    def frame(self, frame: object) -> bool:
        """One decoded frame."""
        self.heard_s = self._time()
        news = self._read(frame)
        if news:
            self.told_s = self.heard_s
        self._answered += not news
        return news

    def garbled(self) -> None:
        """Among prices one frame more or less is nothing; among fills it may be one."""
        self.garbage += 1
        if self._garbled_is_over:
            self.lost("unreadable frame")

    def connected(self) -> bool:
        """A socket is open."""
        self._open = True
        self.heard_s = self.told_s = self._time()
        return not self._over.done()

    def sent(self) -> None:
        """ccxt sent a frame, which the venue will answer."""
        self._sent += 1

    def lost(self, reason: str) -> None:
        """It is over; the first reason counts."""
        if not self._over.done():
            self._over.set_result(reason)

    # What the keeper of the stream asks

    async def proven(self) -> None:
        """Return when the connection is up and every frame we sent was answered. Raises StreamLost."""
        try:
            async with asyncio.timeout(PROOF_S):
                while not (self._proves() and await self._settled()):
                    await self.rest(SETTLE_S)
        except TimeoutError:
            raise StreamLost("no proof that it works") from None

    async def rest(self, seconds: float) -> None:
        """Let so much time pass. Raises StreamLost as soon as the line is over."""
        done, _ = await asyncio.wait({self._over}, timeout=seconds)
        if done:
            raise StreamLost(self._over.result())

    async def _settled(self) -> bool:
        """ccxt sends one frame after the answer to the one before: nothing more for a moment."""
        await self.rest(SETTLE_S)
        return self._proves()

    def _proves(self) -> bool:
        return self._open and self._answered >= self._sent


class Lines:
    """Opens connections, and lets go of them without waiting for the other side."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._closing: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def open(self, line: Line, watches: Sequence[Watch]) -> AsyncIterator[Exchange]:
        """A connection with these of ccxt's watch calls begun; an error of any of them ends the line."""
        exchange = self._clients.socket(line)
        tasks = [asyncio.ensure_future(self._watch(exchange, watch, line)) for watch in watches]
        try:
            yield exchange
        finally:
            line.lost("closed by us")
            for task in tasks:
                task.cancel()
            closing = asyncio.create_task(self._close(exchange, tasks))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Wait until all connections are closed, or have had their time."""
        if self._closing:
            await asyncio.wait(self._closing, timeout=PROOF_S)

    @staticmethod
    async def _watch(exchange: Exchange, watch: Watch, line: Line) -> None:
        """ccxt's watch calls end with an error when the line is lost; their results nobody needs."""
        try:
            await watch(exchange)
        except Exception as error:  # noqa: BLE001 - whatever it is, the line is over, and the reason is said
            line.lost(f"{type(error).__name__}")

    @staticmethod
    async def _close(exchange: Exchange, tasks: Sequence["asyncio.Future[Any]"]) -> None:
        await asyncio.gather(*tasks, return_exceptions=True)
        with suppress(OSError, TimeoutError):
            await exchange.close()
