"""Pictures drawn off the event loop, one at a time: drawing takes half a second and must not hold up a brake."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from handlers.reply import CandlePlot, Plot

log = logging.getLogger(__name__)
KEPT = 4


@dataclass(slots=True)
class Drawing:
    """Draws plots as PNG with the given function; wiring makes one for all platforms.

    The last few are kept: a digest goes to everybody, on every platform, and is drawn once for each look.
    """

    render: Callable[[Plot, bool], bytes]
    _one: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)
    _kept: deque[tuple[Plot, bool, bytes]] = field(init=False, default_factory=lambda: deque(maxlen=KEPT))

    async def draw(self, plot: Plot, dark: bool) -> bytes | None:
        """The picture, None when it could not be drawn (the log says why): its figures must still be sent."""
        async with self._one:
            for drawn, look, png in self._kept:
                if look == dark and _same(drawn, plot):
                    return png
            try:
                png = await asyncio.to_thread(self.render, plot, dark)
            except Exception:
                log.exception("picture not drawn: %s", plot.title)
                return None
            self._kept.append((plot, dark, png))
            return png


def _same(drawn: Plot, plot: Plot) -> bool:
    """Whether they look alike; candles move on with every price and are not compared."""
    return drawn is plot or (not isinstance(plot, CandlePlot) and drawn == plot)
