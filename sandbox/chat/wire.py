"""A socket as a platform needs it: frames are queued, nothing waits."""

from collections.abc import Mapping
from typing import Protocol


class Wire(Protocol):
    """The way out to one bot or app."""

    def send(self, frame: Mapping[str, object]) -> None:
        """Queue a frame."""
        ...

    def close(self, code: int) -> None:
        """Close it with this code once what is queued has gone out."""
        ...
