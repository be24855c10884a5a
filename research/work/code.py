"""Which code this is: results counted by other code are not mixed with ours, whoever counted them."""

from collections.abc import Sequence
from functools import cache
from hashlib import blake2b
from pathlib import Path

from research.work.port import WorkError

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("bot", "research", "strategies")


@cache
def sources_digest(folders: tuple[str, ...] = ()) -> str:
    """A fingerprint of all that figures hang on: our sources and parameter files, and a user's in `folders`."""
    found = blake2b(digest_size=16)
    for path in _files([*(ROOT / room for room in ROOMS), *map(Path, folders)]):
        found.update(f"{path.name} {path.stat().st_size}\n".encode())
        found.update(path.read_bytes())
    return found.hexdigest()


def check_code(expected: str, folders: tuple[str, ...] = ()) -> None:
    """Raise WorkError when this process runs other code than whoever gave it work; empty: whatever it runs."""
    if expected and sources_digest(folders) != expected:
        raise WorkError("a worker runs other code than this machine; install the same version on all workers")


def _files(folders: Sequence[Path]) -> list[Path]:
    found = [path for folder in folders for path in folder.rglob("*") if path.suffix in {".py", ".yaml"}]
    return sorted(path for path in found if path.is_file())
