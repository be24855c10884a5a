"""Writers of model versions that die: `python model_writer.py WAY ROOT` forks one after the other and kills each.

Each child has the libraries already, so that a death costs milliseconds. Ways: `steps` dies before or after
each call that reaches the disk; `times` dies at seeded moments; `full` may write files of so many bytes only.
Prints a line per death: what is in use afterwards.
"""

import os
import random
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import model_kit

from bot.ml import files, writing
from bot.ml.loaded import load_model
from bot.ml.model import ModelError

REPORT = "<p>report</p>" * 5_000
STEPS = ((os, "fsync"), (os, "utime"), (Path, "mkdir"), (Path, "open"), (Path, "rename"), (Path, "replace"))


def say(*words: object) -> None:
    """One line to whoever started us."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def write(root: Path, seed: int) -> None:
    """One version of the model made from `seed`, in use at once."""
    writing.write_version(root, model_kit.card(seed=seed), model_kit.text(seed), REPORT, current=True)


def state(root: Path) -> str:
    """What is in use; fails where anything there cannot be loaded."""
    folder = files.place(root, "composite", "XRPUSDT")
    for path in folder.iterdir() if folder.is_dir() else ():
        if not path.name.startswith(".") and path.is_dir():
            load_model(path, model_kit.hasher)
    current = files.current_version(folder)
    assert current is None or current in files.versions(folder)
    return str(current)


@contextmanager
def dying_at(step: int) -> Iterator[None]:
    """Die by SIGKILL at the moment number `step`: before the first call that reaches the disk, after it, and so on."""
    left = step

    def moment() -> None:
        nonlocal left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

    def wrapped(original: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **named: object) -> object:
            moment()
            found = original(*args, **named)
            moment()
            return found

        return call

    for owner, name in STEPS:
        setattr(owner, name, wrapped(getattr(owner, name)))
    yield


def forked(work: Callable[[], object]) -> int:
    """Run in a child of our own; answers its process id."""
    if (pid := os.fork()) != 0:
        return pid
    code = 1
    signal.alarm(60)  # a child that hangs does not stay
    try:
        work()
        code = 0
    finally:
        os._exit(code)
    return 0


def by_steps(root: Path) -> None:
    """Die at each step in turn until a writer comes through."""
    for step in range(100):

        def work(step: int = step) -> None:
            with dying_at(step):
                write(root, 1 + step % 3)

        _, status = os.waitpid(forked(work), 0)
        say(step, os.WIFSIGNALED(status), state(root))
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0
            return


def by_times(root: Path) -> None:
    """Die at forty seeded moments while writing one version after the other; every fourth has written one by then."""
    rng = random.Random(6)

    def work() -> None:
        for number in range(1_000):
            write(root, 1 + number % 3)

    write(root, 1)
    place = files.place(root, "composite", "XRPUSDT")
    for number in range(40):
        there = len(list(place.glob("v*")))
        pid = forked(work)
        while number % 4 == 0 and len(list(place.glob("v*"))) == there:
            time.sleep(0.001)
        time.sleep(0.01 + rng.random() * 0.06)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        say(number, True, state(root))


def by_full(root: Path) -> None:
    """Files end at so many bytes: the disk is full in the model, in the report, in the card, in `current`."""
    write(root, 1)
    for room in (0, 1, 1_000, 14_000, 50_000):

        def work(room: int = room) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
            try:
                write(root, 2)
            except ModelError as error:
                left = sorted(p.name for p in files.place(root, "composite", "XRPUSDT").iterdir())
                say(room, error, left)
                os._exit(3)

        _, status = os.waitpid(forked(work), 0)
        assert os.WEXITSTATUS(status) == 3, status
        say(room, True, state(root))


def many(root: Path) -> None:
    """Six versions, one after the other, beside whoever else writes."""
    for number in range(6):
        write(root, 1 + number % 3)


if __name__ == "__main__":
    for warm in (1, 2, 3):
        model_kit.card(seed=warm)
    {"steps": by_steps, "times": by_times, "full": by_full, "many": many}[sys.argv[1]](Path(sys.argv[2]))
