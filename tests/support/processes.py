"""The `quarterdeck` command in a process of its own, as an operator or a script starts it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def environ(**more: str) -> dict[str, str]:
    """The environment without settings of ours that a developer may have."""
    return {k: v for k, v in os.environ.items() if not k.startswith("QUARTERDECK_")} | more


def command(*arguments: str, home: Path | None = None) -> list[str]:
    """The words to start it with."""
    return [sys.executable, "-m", "cli.main", *arguments, *(("--home", str(home)) if home else ())]


def quarterdeck(
    *arguments: str, home: Path | None = None, typed: str = "", **more: str
) -> subprocess.CompletedProcess[str]:
    """Run to the end; `typed` goes in at standard input, `more` into the environment."""
    return subprocess.run(
        command(*arguments, home=home),
        cwd=ROOT,
        env=environ(**more),
        input=typed,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@contextmanager
def running(home: Path, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    """`quarterdeck run` as a service does it, without terminal and chat platforms; it must end in order."""
    words = command("run", home=home)
    with subprocess.Popen(words, cwd=ROOT, env=environ(**more), stderr=subprocess.DEVNULL) as process:
        for _ in range(600):
            if (home / "console.sock").exists() or process.poll() is not None:
                break
            time.sleep(0.1)
        try:
            assert (home / "console.sock").exists(), "the desk did not start"
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            ended = process.wait(100)
        assert ended == 0


def ask(home: Path, *lines: str) -> list[dict[str, Any]]:
    """Say lines at the desk's own door, as `quarterdeck console` does, and hear each answer."""
    with socket.socket(socket.AF_UNIX) as wire:
        wire.settimeout(60)
        wire.connect(os.fspath(home / "console.sock"))
        stream = wire.makefile("rwb")
        found = []
        for line in lines:
            stream.write(json.dumps({"line": line}).encode() + b"\n")
            stream.flush()
            found.append(json.loads(stream.readline())["reply"])
    return found


def slip(done: subprocess.CompletedProcess[str]) -> str:
    """The one line that a refused command said; nothing else was said, and the exit code is 2."""
    assert "Traceback" not in done.stderr + done.stdout
    assert done.returncode == 2, (done.returncode, done.stderr[-500:])
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]
