"""Waiting until something holds, without polling; time limits are the loop's."""

import asyncio
from collections.abc import Callable


class Bell:
    """Whoever changes something rings; whoever waits looks again."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    def ring(self) -> None:
        """Something changed."""
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)
        self._waiting.clear()

    async def until(self, holds: Callable[[], bool], timeout_s: float) -> bool:
        """True as soon as it holds; False when the time is over."""
        try:
            async with asyncio.timeout(timeout_s):
                while not holds():
                    waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                    self._waiting.add(waiter)
                    try:
                        await waiter
                    finally:
                        self._waiting.discard(waiter)
        except TimeoutError:
            return holds()
        return True
