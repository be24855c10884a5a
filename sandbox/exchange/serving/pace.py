"""The pace of the exchange: a task that lets stages live by a clock that is handed in."""

import asyncio
from collections.abc import Callable, Sequence

from sandbox.exchange.serving.stage import Stage

STEP_S = 0.05


class Pace:
    """Exchange time = its start + seconds of the clock x speed + what was skipped. Speed 0: only skips."""

    def __init__(
        self, stages: Sequence[Stage], clock: Callable[[], float], speed: float = 1.0, step_s: float = STEP_S
    ) -> None:
        """`clock` in seconds, for example the loop's; `step_s` of it between two moves."""
        self._stages = tuple(stages)
        self._clock = clock
        self._speed = speed
        self._step_s = step_s
        self._begun_at = clock()
        self._start_ms = max(stage.exchange.now_ms for stage in stages)
        self._skipped_ms = 0
        self.worst_lag_ms = 0.0

    @property
    def now_ms(self) -> int:
        """What time it should be at the exchange."""
        passed = (self._clock() - self._begun_at) * 1000 * self._speed
        return self._start_ms + self._skipped_ms + int(passed)

    def move(self) -> None:
        """Bring every stage up to now."""
        now = self.now_ms
        for stage in self._stages:
            stage.advance(now)

    def skip(self, ms: int) -> None:
        """Let so much time pass at once."""
        self._skipped_ms += ms
        self.move()

    async def run(self) -> None:
        """Move until cancelled. `worst_lag_ms` is how late (in clock time) a move ever came."""
        while True:
            before = self._clock()
            await asyncio.sleep(self._step_s)
            self.worst_lag_ms = max(self.worst_lag_ms, (self._clock() - before - self._step_s) * 1000)
            self.move()
