"""I26: how long an order takes has nothing to do with the chat. A: every platform well. B: every call hangs.

Measured for every order: from the event that leads to it being put into the engine's inbox until it is at the venue.
On the jumping clock that is the waiting of our own code, to the microsecond and the same in every run: whatever waited
for a platform would show in full.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from attack_house import ALL, AttackHouse, Ways, attack_house
from house_parts import in_virtual_time
from whole_house import market

from bot.domain.action import Submit
from bot.runtime.perform import Performer
from sandbox.chat.troubles import Trouble

NAMES = ("XRPUSDT", "ADAUSDT", "DOGEUSDT")
WAVES = [0.6012 * (1 + 0.02 * ((i % 4) - 1.5)) for i in range(60)]
FRAMES = [market(WAVES, name, wick=0.001) for name in NAMES]
BARS = 40
pytestmark = pytest.mark.filterwarnings("ignore:.*send_heartbeat:pytest.PytestUnraisableExceptionWarning")


async def healthy(house: AttackHouse) -> None:
    """A: nothing is wrong."""


async def hanging(house: AttackHouse) -> None:
    """B: every call to every platform is taken and never answered."""
    for name in ALL:
        house.box(name).troubles.arm(Trouble(times=None, delay_s=10**6))


async def away(house: AttackHouse) -> None:
    """C: nobody is there."""
    for name in ALL:
        house.box(name).troubles.down()


def latencies(
    home: Path, monkeypatch: pytest.MonkeyPatch, trouble: Callable[[AttackHouse], Awaitable[None]]
) -> list[float]:
    """Seconds of the loop from the bar to each order at the venue, while people ask and notices flow."""
    found: list[float] = []
    began = [0.0]
    perform = Performer.perform

    async def timed(self: Any, deed: Any) -> None:
        if isinstance(deed, Submit):
            found.append(asyncio.get_running_loop().time() - began[0])
        await perform(self, deed)

    async def play() -> None:
        async with attack_house(home, FRAMES, Ways()) as house:
            await trouble(house)
            for number in range(BARS):
                house.telegram.ann.says("/status")
                house.slack.ann.dm("equity")
                house.discord.ann.slash(house.discord.channel, "orders")
                await house.tell(f"fire {number}")
                began[0] = asyncio.get_running_loop().time()
                await house.bars(1)
                began[0] = asyncio.get_running_loop().time()
                await house.type("/panic_close now" if number % 10 == 9 else "/status")
                await house.type("/start_trading") if number % 10 == 9 else None
                await house.type("1") if number % 10 == 9 else None
                await asyncio.sleep(20)

    with monkeypatch.context() as patched:
        patched.setattr(Performer, "perform", timed)
        in_virtual_time(play)
    return found


def p99(values: list[float]) -> float:
    """The 99th of a hundred."""
    return sorted(values)[min(len(values) - 1, len(values) * 99 // 100)]


def test_orders_are_as_quick_while_every_platform_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    well = latencies(tmp_path / "well", monkeypatch, healthy)
    for name, trouble in (("hanging", hanging), ("away", away)):
        ill = latencies(tmp_path / name, monkeypatch, trouble)
        assert len(well) == len(ill) > 100, (len(well), len(ill))
        assert p99(ill) <= p99(well) * 1.05 + 0.001, (name, p99(well), p99(ill))
        assert max(ill) <= max(well) * 1.05 + 0.001, (name, max(well), max(ill))


def test_the_measure_shows_a_platform_that_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trial of the trial: a performer that waits for a chat is found out."""
    submit = Performer._submit

    async def waits(self: Any, deed: Submit) -> None:
        await asyncio.sleep(0.2)
        await submit(self, deed)

    well = latencies(tmp_path / "well", monkeypatch, healthy)
    monkeypatch.setattr(Performer, "_submit", waits)
    ill = latencies(tmp_path / "ill", monkeypatch, healthy)
    assert p99(ill) > p99(well) * 1.05 + 0.001
