"""Standard streams as they come: missing, of another encoding, or ending early. None of it may stop the desk."""

import os
import sys
from io import FileIO, TextIOWrapper
from pathlib import Path
from typing import TextIO, cast


def steady_streams() -> None:
    """Put something in the place of closed streams; what an encoding cannot hold is replaced, never raised."""
    sys.stdin = _steady(sys.stdin, "r")
    sys.stdout = _steady(sys.stdout, "w")
    sys.stderr = _steady(sys.stderr, "w")


def _steady(stream: TextIO | None, mode: str) -> TextIO:
    if stream is None:  # closed by whoever started us
        return cast("TextIO", Path(os.devnull).open(mode, encoding="utf-8"))
    if isinstance(stream, TextIOWrapper) and isinstance(stream.buffer, FileIO):
        return _whole(stream, mode)
    if isinstance(stream, TextIOWrapper):
        stream.reconfigure(errors="replace")
    return stream


def _whole(stream: TextIO, mode: str) -> TextIO:
    """Buffered by lines. Without (PYTHONUNBUFFERED) a full disk takes half a document, and nobody hears of it."""
    whole = os.fdopen(
        stream.fileno(), mode, buffering=1, encoding=stream.encoding, errors="replace", closefd=False
    )
    return cast("TextIO", whole)


def holds_any_character(stream: TextIO) -> bool:
    """True when every character can be written to the stream as it is."""
    return (stream.encoding or "").lower().replace("-", "").startswith("utf")


def give_up_output() -> None:
    """Nobody reads what is written: say no more, not even when the interpreter empties its buffers at the end."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            os.dup2(nothing, stream.fileno())
    os.close(nothing)
