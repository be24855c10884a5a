"""One process per account and home: the second start is refused, loudly, before it reads or writes anything."""

import fcntl
import os
import re
from pathlib import Path
from typing import Self

from bot.domain.errors import ConfigError


class Lease:
    """An exclusive lock on an account in a home; the system frees it when the process ends, however it ends."""

    def __init__(self, home: Path, account: str) -> None:
        """Nothing is taken yet."""
        self._path = home / f"{re.sub(r'[^A-Za-z0-9]+', '-', account)}.lock"
        self._account = account
        self._file: int | None = None

    def __enter__(self) -> Self:
        """Take the lease or say who holds it."""
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise ConfigError(f"--home {self._path.parent}: cannot be written to: {error.strerror}") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._file, 32).decode(errors="replace").strip() or "unknown"
            os.close(self._file)
            raise ConfigError(
                f"{self._account} is run by another process (pid {holder}) in {self._path.parent}: "
                "stop it first, or give this one another --home"
            ) from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)
        return self

    def __exit__(self, *_: object) -> None:
        """Give it back."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
