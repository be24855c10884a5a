"""The anchor of the audit trail: how many entries there were and the last digest, in a file beside the database.

A chain proves that nothing in it was changed; only somebody who remembers its end can tell that the end was cut off.
"""

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from bot.runtime.ports import AuditEntry

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Mark:
    """The newest entry that was there: its number and its digest."""

    number: int
    digest: str


class Anchor:
    """One small text file: number, a space, digest. Written anew after every entry."""

    def __init__(self, path: Path) -> None:
        """Nothing is read or written yet."""
        self._path = path
        self._written = 0
        self._trusted: bool | None = None
        self._writing = Lock()

    @property
    def compared(self) -> bool:
        """True when the trail was held against what is remembered, once per process."""
        return self._trusted is not None

    def compare(self, mark: Mark | None, digest_there: str) -> None:
        """Hold the trail's digest at the remembered number against ours: where they differ nothing is overwritten.

        The first comparison counts: those that were asked for beside it remember what has been written over since.
        """
        if self.compared:
            return
        self._trusted = mark is None or mark.digest == digest_there
        if not self._trusted:
            log.error("the audit trail is not the one that %s remembers: see `audit verify`", self._path)

    def read(self) -> Mark | None:
        """What it remembers; None when there is none or it cannot be read."""
        try:
            number, digest = self._path.read_text(encoding="ascii").split()
            return Mark(int(number), digest)
        except (OSError, ValueError):
            return None

    def write(self, entry: AuditEntry) -> None:
        """Remember the newest entry; a file that cannot be written is logged, the entry itself is in the books."""
        with self._writing:  # threads of commands that end together: the newest entry is the last one written
            if self._trusted and entry.number > self._written:
                self._write(entry)

    def _write(self, entry: AuditEntry) -> None:
        self._written = entry.number
        beside = self._path.with_name(f"{self._path.name}.new")
        try:
            beside.write_text(f"{entry.number} {entry.digest}\n", encoding="ascii")
            os.replace(beside, self._path)
        except OSError as error:
            log.error("the audit's anchor %s cannot be written: %s", self._path, error.strerror)
