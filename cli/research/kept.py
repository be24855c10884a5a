"""A command's end: its result is kept in the home, and shown or printed as JSON."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from research.results.files import ResultFileError, keep, packed


def kept_and_told(
    content: Mapping[str, object], folder: Path, title: str, json: bool, show: Callable[[], None]
) -> None:
    """Keep the result and say where; one that cannot be kept is told all the same."""
    path, unkept = _kept(content, folder, title)
    if json:
        sys.stdout.buffer.write(packed({**content, "file": str(path) if path else None}) + b"\n")
        sys.stdout.flush()
    else:
        show()
        if path:
            print(f"Result: {path}")
    if unkept:
        print(f"the result was not kept: {unkept}", file=sys.stderr)


def _kept(content: Mapping[str, object], folder: Path, title: str) -> tuple[Path | None, str]:
    try:
        return keep(content, folder, title), ""
    except ResultFileError as error:
        return None, str(error)
