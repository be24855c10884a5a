"""A worker as the desk starts it, which dies or finds the disk full while it writes: `dying_worker.py WAY NUMBER`.

With more words it is `quarterdeck` with these that does.

`kill`: by SIGKILL at the so manyeth call that settles something on the disk. `full`: files end at so many bytes from
the moment on at which the version is written. Training itself settles nothing.
"""

import os
import resource
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bot.ml import writing
from cli.main import main
from cli.workshop import worker
from research.learning import keeping

ALONE = 3


def killed_at(number: int) -> None:
    """Die before that call."""
    settled, left = os.fsync, [number]

    def settle(handle: int) -> None:
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        settled(handle)

    os.fsync = settle  # type: ignore[assignment]


def full_at(size: int) -> None:
    """No file grows beyond that."""
    written = writing.write_version

    def write(*args: object, **named: object) -> object:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        return written(*args, **named)  # type: ignore[arg-type]

    keeping.write_version = write  # type: ignore[assignment, attr-defined]


if __name__ == "__main__":
    {"kill": killed_at, "full": full_at}[sys.argv[1]](int(sys.argv[2]))
    if len(sys.argv) > ALONE:
        sys.argv[1:] = sys.argv[ALONE:]
        main()
    else:
        sys.exit(worker.main())
