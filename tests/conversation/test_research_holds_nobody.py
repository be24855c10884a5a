"""/sweep and /backtest work elsewhere: nothing of them is computed on the thread that trades."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import matplotlib.colors
import pytest
from test_command_sweep import BARS, stored, waves
from whole_house import whole_house

WORK = ("research", "matplotlib", "jinja2", "PIL", "strategies.composite")
WORDS = ("research.results.plan",)  # what was asked for, as a value: no work


@contextmanager
def heard_at_work() -> Iterator[set[str]]:
    """The modules of `WORK` whose functions this thread calls meanwhile; those of other threads do not count."""
    found: set[str] = set()

    def called(frame: FrameType, event: str, _: object) -> None:
        name = frame.f_globals.get("__name__", "")
        if event == "call" and name.startswith(WORK) and name not in WORDS:
            found.add(name)

    sys.setprofile(called)
    try:
        yield found
    finally:
        sys.setprofile(None)


def test_work_on_this_thread_is_seen() -> None:
    with heard_at_work() as found:
        matplotlib.colors.to_rgb("#aabbcc")
    assert "matplotlib.colors" in found


@pytest.mark.parametrize("words", ["/sweep xrp 60", "/backtest xrp 30", "/backtest xrp 30 metronome fast"])
async def test_the_loop_never_works(tmp_path: Path, words: str) -> None:
    """From the word to the answer with its picture and page."""
    frame = waves()
    await stored(tmp_path, frame)
    async with whole_house(tmp_path, [frame], history=BARS - 20) as desk:
        await desk.say("/status")
        with heard_at_work() as found:
            said = await desk.say(words)
        assert "XRPUSDT" in said
        assert "Factor" in said or "factor" in said
        assert found == set()
