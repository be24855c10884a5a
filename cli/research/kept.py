"""A command's end: what it found is shown or printed as JSON, whatever becomes of the files it writes."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from bot.domain.errors import ConfigError
from research.results.files import ResultFileError, keep, packed, write_whole

UNKEPT = 1


class Keeping:
    """The files of a command: one that cannot be written takes nothing from what was found, and is told at the end."""

    def __init__(self) -> None:
        self._failed: list[str] = []

    def file(self, unkept: str, write: Callable[[], Path]) -> Path | None:
        """Where it was written; None where it was not: `unkept` begins the line that says so."""
        try:
            return write()
        except (ConfigError, ResultFileError) as error:
            self._failed.append(f"{unkept}: {error}")
            return None

    def result(self, write: Callable[[], Path]) -> Path | None:
        """The result file itself."""
        return self.file("the result was not kept", write)

    def end(self, code: int = 0) -> int:
        """Say what was not written; the exit code, which is never 0 then."""
        for line in self._failed:
            print(line, file=sys.stderr)
        return code or (UNKEPT if self._failed else 0)


def written(path: Path, content: bytes) -> Path:
    """Write a file as a whole; answers where. Raises ResultFileError."""
    write_whole(path, content)
    return path


def named(path: Path | None) -> str | None:
    """A file as JSON says it; null where there is none."""
    return str(path) if path else None


def put_json(content: Mapping[str, object]) -> None:
    """One document on standard output."""
    sys.stdout.buffer.write(packed(content) + b"\n")
    sys.stdout.flush()


def kept_and_told(
    content: Mapping[str, object], folder: Path, title: str, json: bool, show: Callable[[], None]
) -> int:
    """Keep the result and say where; one that cannot be kept is told all the same. The exit code."""
    keeping = Keeping()
    path = keeping.result(lambda: keep(content, folder, title))
    told(content, path, json, show)
    return keeping.end()


def told(content: Mapping[str, object], path: Path | None, json: bool, show: Callable[[], None]) -> None:
    """The document with its file, or what people read and where it lies."""
    if json:
        put_json({**content, "file": named(path)})
        return
    show()
    if path:
        print(f"Result: {path}")
