"""Texts that are waited for: the rest of a line, or a code, from one person in one chat, for a minute."""

from dataclasses import dataclass, field

from handlers.buttons import GiveAnswer, RunLine
from handlers.request import Request

VALID_MS = 60_000
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Expectation:
    """The next text of a person is taken for this: the end of a line, or the code for an answer."""

    held: RunLine | GiveAnswer
    prompt: str
    until_ms: int


@dataclass(slots=True)
class Expectations:
    """At most one per person and chat; the newest counts."""

    _open: dict[tuple[str, str, str], Expectation] = field(init=False, default_factory=dict)

    def expect(self, request: Request, held: RunLine | GiveAnswer, prompt: str, until_ms: int) -> None:
        """Take the asker's next text in this chat for the answer."""
        if len(self._open) >= _MOST:
            del self._open[next(iter(self._open))]
        self._open[_who(request)] = Expectation(held, prompt, until_ms)

    def waiting(self, request: Request, at_ms: int) -> Expectation | None:
        """What this very person's text in this very chat would be taken for."""
        found = self._open.get(_who(request))
        return found if found is not None and at_ms <= found.until_ms else None

    def take(self, request: Request, expectation: Expectation) -> bool:
        """True the first time: the text is used up."""
        if self._open.get(_who(request)) is not expectation:
            return False
        del self._open[_who(request)]
        return True

    def drop(self, request: Request) -> None:
        """The person asked for something else."""
        self._open.pop(_who(request), None)


def _who(request: Request) -> tuple[str, str, str]:
    return request.platform, request.user_id, request.chat_id
