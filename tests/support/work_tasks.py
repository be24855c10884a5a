"""Tasks that workers do in tests: importable, so that other processes find them."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Sum:
    """Add up to a number; `mark` is a file that says the task was begun, `slow_s` how long it takes."""

    number: int
    mark: str = ""
    slow_s: float = 0.0

    def __str__(self) -> str:
        return f"sum to {self.number}"


def added(task: Sum) -> tuple[int, int]:
    """The sum, and who did it."""
    if task.mark:
        with Path(task.mark).open("a") as file:
            file.write(f"{os.getpid()} {task.number}\n")
    time.sleep(task.slow_s)
    return sum(range(task.number + 1)), os.getpid()


def met(task: Sum) -> tuple[int, int]:
    """As `added`, but whoever is the first waits for a second worker: none does everything alone."""
    found = added(task)
    end = time.monotonic() + 100
    while len({line.split()[0] for line in Path(task.mark).read_text().splitlines()}) < 2:
        assert time.monotonic() < end, "nobody else came"
        time.sleep(0.01)
    return found


def refused_at_three(task: Sum) -> int:
    """A task that its own words refuse."""
    if task.number == 3:
        raise ValueError("three is refused")
    return task.number


def deadly_at_three(task: Sum) -> int:
    """A task that ends its worker every time, as memory run out would."""
    if task.number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return task.number


def deadly_once(task: Sum) -> int:
    """A task that ends its first worker."""
    mark = Path(task.mark)
    if task.number == 3 and not mark.exists():
        mark.write_text("ended")
        os.kill(os.getpid(), signal.SIGKILL)
    return task.number
