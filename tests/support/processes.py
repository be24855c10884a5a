"""The `quarterdeck` command in a process of its own, as an operator or a script starts it."""

import os
import subprocess
import sys
from pathlib import Path

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


def slip(done: subprocess.CompletedProcess[str]) -> str:
    """The one line that a refused command said; nothing else was said, and the exit code is 2."""
    assert "Traceback" not in done.stderr + done.stdout
    assert done.returncode == 2, (done.returncode, done.stderr[-500:])
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]
