"""status/heartbeat.json: the sign of life that other programs read. Written whole or not at all."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from bot.runtime.clock import Clock

HEARTBEAT_FILE = Path("status", "heartbeat.json")
WRITTEN_AT = "written_at_ms"
STOPPED = "stopped"
"""True in the last heartbeat of a run that ended in order."""


class Heartbeat:
    """Writes what `read` answers, with the wall's time beside it, into the home; `beaten` hears of each beat."""

    def __init__(
        self,
        home: Path,
        clock: Clock,
        read: Callable[[], Mapping[str, object]],
        beaten: Callable[[], None] = lambda: None,
    ) -> None:
        self._path = home / HEARTBEAT_FILE
        self._clock = clock
        self._read = read
        self._beaten = beaten

    async def write(self) -> str:
        """Write one heartbeat; the work of the heartbeat job."""
        beat = {WRITTEN_AT: self._clock.wall_ms(), "business_at_ms": self._clock.now_ms(), **self._read()}
        write_whole(self._path, json.dumps(beat, indent=2, default=str) + "\n")
        self._beaten()
        return ""


def mark_stopped(home: Path, wall_ms: int) -> None:
    """The last heartbeat of a run that ends in order says so."""
    beat = {**(read_heartbeat(home) or {}), WRITTEN_AT: wall_ms, STOPPED: True}
    write_whole(home / HEARTBEAT_FILE, json.dumps(beat, indent=2, default=str) + "\n")


def write_whole(path: Path, text: str) -> None:
    """Replace a file at once, so that a reader sees the old text or the new one and nothing between."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def read_heartbeat(home: Path) -> Mapping[str, object] | None:
    """The last heartbeat, None when there is none that can be read."""
    try:
        beat = json.loads((home / HEARTBEAT_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return beat if isinstance(beat, dict) else None


def heartbeat_age_ms(home: Path, wall_ms: int) -> int | None:
    """How old the last heartbeat is, None when there is none: what a health check asks."""
    written_at_ms = (read_heartbeat(home) or {}).get(WRITTEN_AT)
    return wall_ms - written_at_ms if isinstance(written_at_ms, int) else None
