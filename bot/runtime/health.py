"""Is it alive: ages, latencies, counts, memory, disk."""

import resource
import shutil
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from bot.domain.errors import StorageError
from bot.engine.engine import Engine
from bot.runtime.desk import HealthView, JobView
from bot.runtime.loop import Loop
from bot.runtime.ports import StorageHealth

MB = 1024 * 1024


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0..1) of the values lie; 0 for none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def memory_mb() -> float:
    """Largest resident memory so far, in MiB."""
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / MB if sys.platform == "darwin" else used / 1024


class Health:
    """Reads the vital signs of one running account."""

    def __init__(
        self,
        engine: Engine,
        loop: Loop,
        storage: Callable[[], Awaitable[StorageHealth]],
        home: Path,
        version: str,
        wall_ms: Callable[[], int],
    ) -> None:
        """`wall_ms` is the wall clock."""
        self._engine = engine
        self._loop = loop
        self._storage = storage
        self._home = home
        self._version = version
        self._started_at_ms = wall_ms()
        self._wall_ms = wall_ms
        self.jobs: Callable[[], tuple[JobView, ...]] = tuple
        self.wire: Callable[[], tuple[tuple[str, str], ...]] = tuple

    def job_views(self) -> tuple[JobView, ...]:
        """The jobs there are by now."""
        return self.jobs()

    async def view(self) -> HealthView:
        """The vital signs now."""
        state, loop = self._engine.state, self._loop
        candle_age = {
            symbol.symbol: state.at_ms - symbol.last_candle_at_ms
            for symbol in state.symbols.values()
            if symbol.last_candle_at_ms
        }
        return HealthView(
            at_ms=self._wall_ms(),
            started_at_ms=self._started_at_ms,
            link_up=state.link_up,
            last_bar_at_ms=state.last_bar_at_ms,
            candle_age_ms=candle_age,
            queue_length=loop.queue_length,
            events=loop.handled,
            handle_ms_p50=percentile(loop.handle_ms, 0.50),
            handle_ms_p99=percentile(loop.handle_ms, 0.99),
            order_ms_p50=percentile(loop.order_ms, 0.50),
            order_ms_p99=percentile(loop.order_ms, 0.99),
            longest_uncovered_ms=state.longest_uncovered_ms,
            errors=loop.errors,
            memory_mb=memory_mb(),
            disk_free_mb=shutil.disk_usage(self._home).free / MB,
            storage=await self._stored(),
            version=self._version,
            wire=self.wire(),
        )

    async def _stored(self) -> StorageHealth:
        """A database that is away is what people come here for: the other signs are shown all the same."""
        try:
            return await self._storage()
        except StorageError as error:
            return StorageHealth("", 0, "", 0.0, 0, str(error))
