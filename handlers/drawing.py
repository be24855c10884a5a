"""Pictures drawn elsewhere, one at a time: drawing is work, and must not hold up a brake."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from handlers.reply import CandlePlot, Plot

log = logging.getLogger(__name__)
KEPT = 4

type Paint = Callable[[Plot, bool], Awaitable[bytes]]
"""Draws a plot, dark or light, as PNG."""


class NotDrawn(Exception):
    """A picture could not be drawn; the words are for the log."""


@dataclass(slots=True)
class Drawing:
    """Hands plots out to be drawn; wiring makes one for all platforms.

    The last few are kept: a digest goes to everybody, on every platform, and is drawn once for each look.
    """

    paint: Paint
    _one: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)
    _kept: deque[tuple[Plot, bool, bytes]] = field(init=False, default_factory=lambda: deque(maxlen=KEPT))

    async def draw(self, plot: Plot, dark: bool) -> bytes | None:
        """The picture, None when it could not be drawn (the log says why): its figures must still be sent."""
        if (kept := self._found(plot, dark)) is not None:
            return kept  # not behind somebody else's picture, which takes a tenth of a second
        async with self._one:
            if (kept := self._found(plot, dark)) is not None:
                return kept
            try:
                png = await self.paint(plot, dark)
            except NotDrawn as error:
                log.error("picture not drawn: %s: %s", plot.title, error)
                return None
            except Exception:
                log.exception("picture not drawn: %s", plot.title)
                return None
            self._kept.append((plot, dark, png))
            return png

    def _found(self, plot: Plot, dark: bool) -> bytes | None:
        """The picture, where it has been drawn already."""
        return next((png for drawn, look, png in self._kept if look == dark and _same(drawn, plot)), None)


def _same(drawn: Plot, plot: Plot) -> bool:
    """Whether they look alike; candles move on with every price and are not compared."""
    return drawn is plot or (not isinstance(plot, CandlePlot) and drawn == plot)
