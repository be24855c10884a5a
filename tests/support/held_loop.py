"""How long callbacks hold an event loop, in processor time of its thread: what else the machine does counts nothing."""

import asyncio
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Held:
    """The longest callbacks, in milliseconds of processor time, with what they were."""

    callbacks: int = 0
    longest: list[tuple[float, str]] = field(default_factory=list)

    def saw(self, took_ms: float, handle: asyncio.Handle) -> None:
        """One callback has run."""
        self.callbacks += 1
        if took_ms > 5.0:
            self.longest = sorted([*self.longest, (took_ms, repr(handle)[:300])], reverse=True)[:5]

    @property
    def most_ms(self) -> float:
        """The longest of all, 0 where none took 5 ms."""
        return self.longest[0][0] if self.longest else 0.0


@contextmanager
def held_loop() -> Iterator[Held]:
    """Watch every callback of every loop of this thread; garbage is collected before, not meanwhile."""
    found = Held()
    run = asyncio.Handle._run

    def watched(handle: asyncio.Handle) -> None:
        begun = time.thread_time()
        run(handle)
        found.saw((time.thread_time() - begun) * 1000, handle)

    gc.collect()
    gc.disable()
    asyncio.Handle._run = watched  # type: ignore[method-assign]
    try:
        yield found
    finally:
        asyncio.Handle._run = run  # type: ignore[method-assign]
        gc.enable()
