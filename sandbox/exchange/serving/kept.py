"""A record that stays small: the newest rows, limited in number and in bytes."""

from collections import deque
from collections.abc import Callable

MOST_BYTES = 64 * 1024 * 1024


class Kept[T](deque[T]):
    """The newest `rows`, fewer when they would weigh more than `most_bytes`; the newest one always."""

    def __init__(self, rows: int, weigh: Callable[[T], int], most_bytes: int = MOST_BYTES) -> None:
        """`weigh` says about how many bytes a row holds."""
        super().__init__(maxlen=rows)
        self._weigh = weigh
        self._most_bytes = most_bytes
        self._held = 0

    def append(self, row: T, /) -> None:
        """One row more."""
        if len(self) == self.maxlen:
            self._held -= self._weigh(self[0])
        super().append(row)
        self._held += self._weigh(row)
        while self._held > self._most_bytes and len(self) > 1:
            self._held -= self._weigh(self.popleft())
