"""A process that tries an ONNX model before the bot does: what ends this process, or takes too much, is refused.

`python -m bot.ml.kinds.trial WIDTH` reads the model from its standard input and prints `ok`, or why not in one line
and then what the runtime says to it.
"""

import logging
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import bot
from bot.ml.kinds.session import MISSING, Session
from bot.ml.model import ModelError

ROOM = 512 << 20
"""Bytes of memory that a model may take beyond what the runtime itself does."""
SECONDS = 10
ROW_MS = 20.0
"""The longest that a row may take on average; a bar may ask for hundreds."""
_PATIENCE_S = 60.0
_PASSED_ON = ("PATH", "LD_LIBRARY_PATH")
_ROWS = 32
FINE = "ok"

log = logging.getLogger(__name__)


def stands(content: bytes, width: int) -> None:
    """Try a model in a process of its own. Raises ModelError in one line when that goes wrong in whatever way."""
    command = [sys.executable, "-m", "bot.ml.kinds.trial", str(width)]
    home = Path(bot.__file__).resolve().parents[1]
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            command,
            input=content,
            capture_output=True,
            cwd=home,
            env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            timeout=_PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ModelError("takes too long") from None
    answer = done.stdout.decode("utf-8", "replace").strip()
    if done.returncode != 0:
        raise ModelError(
            f"ended the process that tried it (code {done.returncode}), or took over {SECONDS} s"
        )
    if answer != FINE:
        reason, _, detail = answer.partition("\n")
        log.warning("ONNX model refused: %s: %s", reason, detail[:1000])
        raise ModelError(reason[:240])


def _tried(content: bytes, width: int) -> str:
    rng = np.random.default_rng(0)
    rows = np.vstack([np.zeros((1, width)), np.full((1, width), 1e6), rng.normal(size=(_ROWS, width)) * 3])
    try:
        session = Session(content, width)
        began_s = time.process_time()
        session.scores(rows)
    except ModelError as error:
        return f"{error}\n{error.__cause__ or ''}"
    except MemoryError:
        return f"takes more than {ROOM >> 20} MB"
    row_ms = (time.process_time() - began_s) / len(rows) * 1000
    return FINE if row_ms <= ROW_MS else f"takes {row_ms:.0f} ms for a row; at most {ROW_MS:.0f} are allowed"


def _bound() -> None:
    """Allow the rest of this process so much time and memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    room = pages * resource.getpagesize() + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (room, room))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _main() -> None:
    content = sys.stdin.buffer.read()
    with os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace") as answer:
        os.dup2(2, 1)  # what the runtime says by itself is no answer
        try:
            import onnxruntime  # noqa: F401 - its own room is not the model's
        except ImportError:
            answer.write(MISSING)
            return
        _bound()
        answer.write(_tried(content, int(sys.argv[1])))


if __name__ == "__main__":
    _main()
