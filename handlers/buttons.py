"""Buttons: what an opaque id stands for. Kept in memory: after a restart old buttons do nothing and say so."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from handlers.confirm import Pending, Question
from handlers.reply import Button, Reply


@dataclass(frozen=True, slots=True)
class RunLine:
    """Runs a command line as the one who presses. `shown_by` is the command whose reply holds the button.

    With a `prompt` the line is ended by a text that is asked for first.
    """

    chat_id: str
    line: str
    shown_by: str
    prompt: str = ""


@dataclass(frozen=True, slots=True)
class TurnPage:
    """Shows another page of a long table."""

    chat_id: str
    reply: Reply
    first: int


@dataclass(frozen=True, slots=True)
class GiveAnswer:
    """Answers a question: confirm or cancel."""

    chat_id: str
    question: Question
    yes: bool


@dataclass(frozen=True, slots=True)
class SecondAnswer:
    """A second person's answer to what another one asked and confirmed."""

    chat_id: str
    pending: Pending
    yes: bool


type Held = RunLine | TurnPage | GiveAnswer | SecondAnswer


class ButtonBook:
    """Ids of the newest `most` buttons; older ones are forgotten.

    An id is a digest of a counter and of what the button does: an id of an earlier process is unknown today, or does
    what it did. It need not be secret, since a press is checked like any other request; a `salt` makes it so.
    """

    def __init__(self, salt: bytes, most: int) -> None:
        """Nothing issued yet."""
        self._salt = salt
        self._most = most
        self._count = 0
        self._held: dict[str, Held] = {}

    def issue(self, held: Held) -> str:
        """An id of 32 letters for a button."""
        self._count += 1
        seed = self._salt + f"{self._count} {held.chat_id} {_meaning(held)}".encode()
        key = sha256(seed).hexdigest()[:32]
        self._held[key] = held
        while len(self._held) > self._most:
            del self._held[next(iter(self._held))]
        return key

    def find(self, key: str, chat_id: str) -> Held | None:
        """What a button of this chat stands for."""
        held = self._held.get(key)
        return held if held is not None and held.chat_id == chat_id else None


def _meaning(held: Held) -> str:
    """What a button does, in words that differ for whatever is different."""
    match held:
        case RunLine(line=line, shown_by=shown_by):
            return f"run {shown_by} {line}"
        case TurnPage(reply=reply, first=first):
            return f"page {reply.name} {reply.title} {first}"
        case GiveAnswer(question=question, yes=yes):
            return f"answer {question.digest} {question.expires_at_ms} {yes}"
        case SecondAnswer(pending=pending, yes=yes):
            return f"second {pending.question.digest} {pending.expires_at_ms} {yes}"


def chosen_button(text: str, buttons: Sequence[Button]) -> Button | None:
    """The button meant by a typed number (1 is the first) or label, for faces where nobody can tap."""
    word = text.strip().casefold()
    if word.isascii() and word.isdigit() and 1 <= int(word[:4]) <= len(buttons):
        return buttons[int(word[:4]) - 1]
    return next((button for button in buttons if button.label.casefold() == word), None)
