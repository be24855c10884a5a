"""Who we are: version and commit."""

import subprocess
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def version() -> str:
    """The installed version."""
    try:
        return installed_version("quarterdeck")
    except PackageNotFoundError:
        return "0 (not installed)"


def commit() -> str:
    """The checkout's commit, shortened; empty outside a checkout."""
    if not (ROOT / ".git").exists():
        return ""
    command = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


def version_line() -> str:
    """Name, version, commit."""
    found = commit()
    return f"quarterdeck {version()}" + (f" ({found})" if found else "")
