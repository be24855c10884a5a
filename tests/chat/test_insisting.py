"""Answers that get through, and the last words of a process that leaves."""

import asyncio
import logging

import pytest
from virtual_loop import virtually

from handlers.insisting import ATTEMPTS, LONGEST_RETRY_S, Underway, insisted
from handlers.speaker import PlatformDown


async def test_an_answer_is_tried_until_it_gets_through() -> None:
    waited: list[float] = []
    tries = [PlatformDown("away"), PlatformDown("slow down", 7), PlatformDown("away")]

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    async def send() -> str:
        if tries:
            raise tries.pop(0)
        return "5"

    assert await insisted(send, "an answer", sleep=sleep) == "5"
    assert waited == [1, 7, 4]


async def test_it_is_given_up_after_a_while_and_said_so(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    async def send() -> str:
        raise PlatformDown("away")

    assert await insisted(send, "an answer", sleep=sleep) is None
    assert (len(waited), max(waited)) == (ATTEMPTS, LONGEST_RETRY_S)
    assert "an answer did not get through" in caplog.text


@virtually
async def test_last_words_are_said_and_the_rest_is_cut_off() -> None:
    said: list[str] = []
    cut: list[bool] = []
    underway = Underway()

    async def last() -> None:
        await asyncio.sleep(0.01)
        said.append("restarting")

    async def hangs() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cut.append(True)

    underway.begin(last())
    underway.begin(hangs())
    await underway.close(within_s=0.1)
    assert (said, cut) == (["restarting"], [True])


async def test_what_breaks_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    underway = Underway()

    async def breaks() -> None:
        raise ValueError("odd")

    underway.begin(breaks())
    await underway.finished()
    assert "an answer failed" in caplog.text
