"""/sweep and /backtest work elsewhere: the loop that trades is never held by them."""

import asyncio
import time
from pathlib import Path

import numpy as np
import pytest
from held_loop import held_loop
from test_command_sweep import BARS, stored, waves
from whole_house import whole_house

MOST_MS = 50.0


async def test_a_loop_that_is_held_is_seen() -> None:
    """The measure itself: work on the loop counts, waiting does not."""

    def work() -> None:
        end = time.thread_time() + 0.08
        while time.thread_time() < end:
            np.arange(1_000).sum()

    with held_loop() as held:
        await asyncio.sleep(0.2)
        await asyncio.to_thread(work)
    assert held.most_ms < MOST_MS
    with held_loop() as held:
        asyncio.get_running_loop().call_soon(work)
        await asyncio.sleep(0.01)
    assert held.most_ms >= 80.0


@pytest.mark.parametrize("words", ["/sweep xrp 60", "/backtest xrp 30", "/backtest xrp 30 metronome fast"])
async def test_the_loop_is_never_held(tmp_path: Path, words: str) -> None:
    """From the word to the answer with its picture and page, in processor time of the loop's thread."""
    frame = waves()
    await stored(tmp_path, frame)
    async with whole_house(tmp_path, [frame], history=BARS - 20) as desk:
        await desk.say("/status")
        with held_loop() as held:
            said = await desk.say(words)
        assert "XRPUSDT" in said
        assert "Factor" in said or "factor" in said
        assert held.callbacks > 20
        assert held.most_ms < MOST_MS, held.longest
