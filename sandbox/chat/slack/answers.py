"""Answers of the web methods; errors are told by name with HTTP status 200, except for limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

type Json = dict[str, Any]
"""An object as it goes over the wire."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response: an object, or plain text."""

    body: Json | str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class Refused(Exception):
    """The method answers `ok: false` with this error; `told` are the messages that explain it."""

    def __init__(self, error: str, told: Sequence[str] = (), status: int = 200, retry_s: float = 0.0) -> None:
        """`retry_s` becomes Retry-After."""
        super().__init__(error)
        self.error = error
        self.told = tuple(told)
        self.status = status
        self.retry_s = retry_s

    def answer(self) -> Answer:
        """As a response of a web method."""
        body: Json = {"ok": False, "error": self.error}
        if self.told:
            body |= {"errors": list(self.told), "response_metadata": {"messages": list(self.told)}}
        return Answer(body, self.status, self._headers())

    def plain(self) -> Answer:
        """As a response of a webhook: the name of the error as text."""
        return Answer(self.error, 400 if self.status == 200 else self.status, self._headers())

    def _headers(self) -> Mapping[str, str]:
        return {"Retry-After": str(max(1, int(self.retry_s + 0.999)))} if self.retry_s else {}


def limited(retry_s: float) -> Refused:
    """429 with the seconds to wait."""
    return Refused("ratelimited", status=429, retry_s=retry_s)
