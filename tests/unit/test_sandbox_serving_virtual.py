"""The virtual-time loop: hours in an instant, the wall clock along, whatever talks inside it."""

import asyncio
import time

import aiohttp
import pytest
from toy_exchange import START_MS, toy_stage
from virtual_loop import VirtualLoop, run_virtually

from sandbox.exchange.serving.faults import RequestEffect, on_request
from sandbox.exchange.serving.in_process import InProcessSession
from sandbox.exchange.serving.pace import Pace
from sandbox.exchange.serving.server import StageServer

HOUR_S = 3600


def test_hours_pass_in_order_and_the_wall_clock_goes_along() -> None:
    seen: list[tuple[str, float]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        seen.append((name, round(time.time() - START_MS / 1000, 3)))

    async def work() -> float:
        await asyncio.gather(sleeper("late", 3 * HOUR_S), sleeper("soon", 0.5), sleeper("middle", HOUR_S))
        return asyncio.get_running_loop().time()

    assert run_virtually(work, START_MS) == 3 * HOUR_S
    assert seen == [("soon", 0.5), ("middle", HOUR_S), ("late", 3 * HOUR_S)]


def test_a_job_in_a_thread_is_waited_for_in_real_time() -> None:
    async def work() -> list[str]:
        done: list[str] = []

        async def timer() -> None:
            await asyncio.sleep(0.01)
            done.append("timer")

        waiting = asyncio.ensure_future(timer())
        begun = time.perf_counter()
        await asyncio.to_thread(lambda: time.sleep(0.05))
        done.append("job")
        assert time.perf_counter() - begun >= 0.04
        await waiting
        return done

    assert sorted(run_virtually(work, START_MS)) == ["job", "timer"]


@pytest.mark.parametrize("shell", ["in_process", "socket"])
def test_a_stage_lives_and_answers_in_virtual_time(shell: str) -> None:
    """A lag of an hour in the answer, the exchange's clock in step with it, and no real hour spent."""

    async def work() -> tuple[int, float, int]:
        stage = toy_stage(on_request(RequestEffect.DELAY_AFTER, "GET time", ms=HOUR_S * 1000))
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        pace = asyncio.ensure_future(Pace([stage], loop.time, step_s=1.0).run())
        if shell == "socket":
            async with StageServer(stage) as server, aiohttp.ClientSession() as session:
                status = await _ask(session, server.rest)
        else:
            status = await _ask(InProcessSession({"toy.test": stage}), "http://toy.test")
        passed = loop.time()
        pace.cancel()
        return status, passed, stage.exchange.now_ms

    status, passed, now_ms = run_virtually(work, START_MS)
    assert status == 200
    assert HOUR_S <= passed < HOUR_S + 3
    assert abs(now_ms - START_MS - passed * 1000) <= 3000


async def _ask(session: object, rest: str) -> int:
    timeout = aiohttp.ClientTimeout(total=2 * HOUR_S)
    async with session.request("GET", f"{rest}/time", timeout=timeout) as response:  # type: ignore[attr-defined]
        return int(response.status)
