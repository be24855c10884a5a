"""A bell that bars' closes ring, for what is done beside the loop once a bar has closed."""

import asyncio
from collections.abc import Sequence

from bot.domain.event import CandlesClosed
from bot.runtime.ports import Step


class BarBell:
    """One per listener: its `hear` stands at the loop's commits, whoever works on a bar's close waits for `rung`."""

    def __init__(self, *, rung: bool = False) -> None:
        """`rung`: there is something to do before the first bar."""
        self._rung = asyncio.Event()
        if rung:
            self._rung.set()

    def hear(self, steps: Sequence[Step]) -> None:
        """Steps that have been committed: a bar's close among them is remembered, nothing is done here."""
        if any(isinstance(one.event, CandlesClosed) for one in steps):
            self._rung.set()

    async def rung(self) -> None:
        """Wait for a close; those since the last call count as one."""
        await self._rung.wait()
        self._rung.clear()
