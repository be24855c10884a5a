"""Which code made a result: version, commit, and a hash over every source file that has a say in figures."""

from hashlib import sha256
from pathlib import Path

from cli.about import ROOT, commit, version

ROOMS = ("bot", "research", "strategies")


def code_mark() -> dict[str, str]:
    """Version, commit (empty outside a checkout) and sha256 over the sources, changed ones included."""
    return {"version": version(), "commit": commit(), "sources": sources_hash(ROOT)}


def sources_hash(root: Path) -> str:
    """Over names and contents of Python and YAML files of the rooms, in name order."""
    digest = sha256()
    for room in ROOMS:
        files = (path for path in (root / room).rglob("*") if path.suffix in {".py", ".yaml"})
        for path in sorted(files):
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
