"""An environment for every peer, made when it is first asked for and kept outside the repository."""

import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = (ROOT / ".python-version").read_text(encoding="utf-8").strip()
INDICATORS = "TA-Lib==0.8.2"
"""The same library for everybody."""


class NoEnvironment(Exception):
    """A peer cannot be installed here; what the installer said went to stderr."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A package to compare with; its script beside this file runs in its own environment, once for each option."""

    name: str
    requirement: str
    script: str
    options: tuple[str, ...] = ("",)


PEERS = (
    Peer("vectorbt", "vectorbt[rust]==1.2.0", "peer_vectorbt.py", ("rust", "numba")),
    Peer("backtesting.py", "backtesting==0.6.6", "peer_backtesting.py"),
    Peer("nautilus_trader", "nautilus_trader==1.231.0", "peer_nautilus.py"),
)


def cache_folder() -> Path:
    """Where environments are kept when nobody says where."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "quarterdeck-peers"


def python_of(peer: Peer, cache: Path) -> Path:
    """The Python of the peer's environment, which is made where it is not there. Raises NoEnvironment."""
    wanted = (peer.requirement, INDICATORS)
    digest = hashlib.sha256("\n".join((PYTHON, *wanted)).encode()).hexdigest()[:8]
    folder = cache.resolve() / f"{peer.name}-{digest}"
    ready, python = folder / "ready", folder / "bin" / "python"
    if not ready.exists():
        say(f"installing {peer.requirement}")
        cache.mkdir(parents=True, exist_ok=True)
        uv("venv", "--quiet", "--clear", "--python", PYTHON, str(folder))
        uv("pip", "install", "--quiet", "--python", str(python), *wanted)
        ready.touch()
    return python


def uv(*arguments: str) -> None:
    """The project's own installer, told nothing of where packages come from."""
    if subprocess.run([str(ROOT / "scripts" / "uv"), *arguments], stdout=sys.stderr, check=False).returncode:  # noqa: S603
        raise NoEnvironment


def say(text: str) -> None:
    """A line for whoever waits."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
