"""Which code made a result: version, commit, and a hash over every source file that has a say in figures."""

import os
from hashlib import sha256
from pathlib import Path

from cli.about import ROOT, commit, version

ROOMS = ("bot", "research", "strategies")


def code_mark() -> dict[str, str]:
    """Version, commit (empty outside a checkout) and sha256 over the sources, changed ones included."""
    return {"version": version(), "commit": commit(), "sources": sources_hash(ROOT)}


def sources_hash(root: Path) -> str:
    """Over names and contents of Python and YAML files of the rooms, in name order."""
    digest, begin = sha256(), len(root.parts)
    for room in ROOMS:
        found = [Path(folder, name) for folder, _, names in os.walk(root / room) for name in names]
        for path in sorted(path for path in found if path.suffix in {".py", ".yaml"}):
            digest.update("/".join(path.parts[begin:]).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
