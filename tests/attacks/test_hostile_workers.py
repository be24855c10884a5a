"""Workers that write what they should not, that leave children behind, that never end: one answer, nothing left."""

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from bot.domain.refusal import Refused
from cli.workshop.crew import STOPPED, Crew, Task

USER, NAME = "telegram:1", "a training"
DIED = Refused("died", f"{NAME} failed before its end; nothing of it is kept")
FAR_S = 600.0
"""Far beyond what any of this takes: nobody waits for the end of a worker's time here."""


async def answer(code: str, longest_s: float = FAR_S) -> tuple[bytes | Refused, list[tuple[float, str]]]:
    """What a worker comes to that runs this, and what was heard of it."""
    crew, heard = Crew(command=(sys.executable, "-c", code)), list[tuple[float, str]]()

    async def hear(part: float, at: str) -> None:
        heard.append((part, at))

    with crew.place(USER, NAME):
        found = await crew.result(Task(USER, NAME, b"parcel\n", longest_s), hear)
    assert crew.idle
    return found, heard


LINES = {
    "half a line of progress": '{"done" oops',
    "progress in words": '{"done":"a","whole":null,"at":5}',
    "progress as lists": '{"done":[],"whole":[],"at":[]}',
    "progress that is none": '{"done": 1}',
    "half a refusal": '{"refused":',
    "a refusal of nothing": '{"refused":""}',
    "half a result": '{"result"',
    "no JSON": "\\x00\\xff",
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
async def test_garbage_is_a_worker_that_died(line: str) -> None:
    found, heard = await answer(f"print('{line}')")
    assert (found, heard) == (DIED, [])


async def test_garbage_between_is_passed_over() -> None:
    lines = ('{"done":1,"whole":2,"at":"x"}', '{"done":{},"whole":2,"at":"y"}', '{"result":7}')
    found, heard = await answer(f"print({chr(10).join(lines)!r})")
    assert (found, heard) == (b"7", [(0.5, "x")])


@pytest.mark.parametrize("end", ["", "\\n"], ids=["one line without an end", "one line"])
async def test_a_hundred_megabytes(end: str) -> None:
    found, _ = await answer(
        "import sys; sys.stdout.write('{\"result\":1')\n"
        "for _ in range(100): sys.stdout.write('x' * 2**20)\n"
        f"sys.stdout.write('{end}')"
    )
    assert found == DIED


@pytest.mark.timeout(120)
@pytest.mark.parametrize("ends,expected", [("print('{\"result\":1}')", b"1"), ("os._exit(3)", DIED)])
async def test_a_child_that_holds_the_pipe_ends_with_the_worker(
    tmp_path: Path, ends: str, expected: bytes | Refused
) -> None:
    pid = tmp_path / "pid"
    found, _ = await answer(_leaves(pid, ends))
    assert found == expected
    assert await asyncio.to_thread(_is_gone, int(pid.read_text()))


@pytest.mark.timeout(120)
async def test_stop_ends_the_worker_and_its_children(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    crew = Crew(command=(sys.executable, "-c", _leaves(pid, "time.sleep(3600)")))

    async def stop() -> None:
        await asyncio.to_thread(_until_there, pid)
        assert crew.stop(USER) == NAME

    async def hear(part: float, at: str) -> None:
        raise AssertionError

    with crew.place(USER, NAME):
        stopping = asyncio.create_task(stop())
        assert await crew.result(Task(USER, NAME, b"", FAR_S), hear) == STOPPED
        await stopping
    assert await asyncio.to_thread(_is_gone, int(pid.read_text()))


@pytest.mark.timeout(120)
async def test_the_time_ends_the_worker_and_its_children(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    found, _ = await answer(_leaves(pid, "time.sleep(3600)"), longest_s=5.0)
    assert isinstance(found, Refused)
    assert found.rule == "slow"
    assert await asyncio.to_thread(_is_gone, int(pid.read_text()))


def _leaves(pid: Path, ends: str) -> str:
    """A worker with a child that outlives it; the child's number is in a file before the worker ends."""
    return (
        "import os, time\n"
        "child = os.fork()\n"
        "if child == 0:\n    time.sleep(3600)\n"
        f"open({str(pid) + '.new'!r}, 'w').write(str(child))\n"
        f"os.rename({str(pid) + '.new'!r}, {str(pid)!r})\n"
        f"{ends}\n"
    )


def _until_there(path: Path) -> None:
    while not path.exists():
        time.sleep(0.01)


def _is_gone(pid: int) -> bool:
    """True once a process has ended; one that nobody buries has, too."""
    for _ in range(1000):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state in "ZX":
            return True
        time.sleep(0.01)
    os.kill(pid, 9)
    return False
