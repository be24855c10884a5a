"""A generated market lives now, however long it took to prepare it."""

import pytest

from cli import sandbox
from cli.sandbox import SandboxOptions, serving
from sandbox.exchange.serving.fault_file import FaultPlan

NOW_MS = 1_790_000_000_000


class SlowStart:
    """Half a minute passes between any two looks at the clock."""

    now = NOW_MS

    def now_ms(self) -> int:
        SlowStart.now += 30_000
        return SlowStart.now


async def test_the_exchanges_clock_does_not_lag_by_what_its_preparation_took(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sandbox, "WallClock", SlowStart)
    async with serving(SandboxOptions(symbols=1, speed=0), FaultPlan()) as (line, _):
        assert line["now_ms"] == SlowStart.now
