"""Pictures drawn off the event loop, one at a time: drawing takes half a second and must not hold up a brake."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from handlers.reply import Plot

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Drawing:
    """Draws plots as PNG with the given function; wiring makes one for all platforms."""

    render: Callable[[Plot, bool], bytes]
    _one: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)

    async def draw(self, plot: Plot, dark: bool) -> bytes | None:
        """The picture, None when it could not be drawn (the log says why): its figures must still be sent."""
        async with self._one:
            try:
                return await asyncio.to_thread(self.render, plot, dark)
            except Exception:
                log.exception("picture not drawn: %s", plot.title)
                return None
