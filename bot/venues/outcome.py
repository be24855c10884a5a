"""What a call to a venue came to: the classes of answers, and the outcome as the runtime understands it.

A client library's exception classes are no classification of safety; ours is a table per venue over (HTTP status, code)
that fills an Answer. Whatever a table does not list is UNKNOWN when the call may have changed something.
"""

from dataclasses import dataclass
from enum import StrEnum

from bot.domain.event import Call, CallEnded, Outcome

NOT_FOUND = "not found"


class Verdict(StrEnum):
    """What an answer means for what was asked.

    DONE: it took effect. NOT_DONE: it certainly had no effect. UNKNOWN: it may or may not have had one: ask, never
    send again. BENIGN: it was so already. THROTTLED: refused for its pace, no effect, again later. BANNED: no call at
    all before the ban ends. AUTH: the key is not accepted or lacks the right. CLOCK: our clock is off, no effect.
    """

    DONE = "DONE"
    NOT_DONE = "NOT_DONE"
    UNKNOWN = "UNKNOWN"
    BENIGN = "BENIGN"
    THROTTLED = "THROTTLED"
    BANNED = "BANNED"
    AUTH = "AUTH"
    CLOCK = "CLOCK"


OUTCOMES: dict[Verdict, Outcome] = {
    Verdict.DONE: Outcome.DONE,
    Verdict.BENIGN: Outcome.DONE,
    Verdict.UNKNOWN: Outcome.UNKNOWN,
    Verdict.NOT_DONE: Outcome.NOT_DONE,
    Verdict.THROTTLED: Outcome.NOT_DONE,
    Verdict.BANNED: Outcome.NOT_DONE,
    Verdict.AUTH: Outcome.NOT_DONE,
    Verdict.CLOCK: Outcome.NOT_DONE,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back from a venue. `status` is the HTTP status, 0 when no answer came.

    `code` is the venue's own code as text, or our word: refused (never sent), timeout, cut (line lost), garbage (no
    JSON), ban (not sent: we are banned), slow (not sent: no room in the rate budget in time). `body` is the parsed
    JSON of a good answer. `words` is the venue's message for the log, never for a chat.
    """

    verdict: Verdict
    status: int
    code: str = ""
    body: object = None
    words: str = ""
    retry_after_ms: int = 0

    @property
    def good(self) -> bool:
        """True when what was asked for is so."""
        return self.verdict in (Verdict.DONE, Verdict.BENIGN)


def done(
    at_ms: int, call: Call, client_id: str, symbol: str, code: str = "", venue_id: str = ""
) -> CallEnded:
    """It took effect, or there was nothing left to do (`code` then says which)."""
    return CallEnded(at_ms, client_id, symbol, call, Outcome.DONE, code, venue_id)


def not_done(at_ms: int, call: Call, client_id: str, symbol: str, code: str) -> CallEnded:
    """It certainly had no effect."""
    return CallEnded(at_ms, client_id, symbol, call, Outcome.NOT_DONE, code)


def unknown(at_ms: int, call: Call, client_id: str, symbol: str, code: str) -> CallEnded:
    """It may or may not have had an effect: ask, never send again."""
    return CallEnded(at_ms, client_id, symbol, call, Outcome.UNKNOWN, code)


def ended(
    answer: Answer, at_ms: int, call: Call, client_id: str, symbol: str, venue_id: str = ""
) -> CallEnded:
    """A call's answer as the engine hears it."""
    return CallEnded(at_ms, client_id, symbol, call, OUTCOMES[answer.verdict], answer.code, venue_id)
