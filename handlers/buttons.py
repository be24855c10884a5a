"""Buttons: what an opaque id stands for. Kept in memory: after a restart old buttons do nothing and say so."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from handlers.confirm import Question
from handlers.reply import Button, Reply


@dataclass(frozen=True, slots=True)
class RunLine:
    """Runs a command line as the one who presses. `shown_by` is the command whose reply holds the button."""

    chat_id: str
    line: str
    shown_by: str


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


type Held = RunLine | TurnPage | GiveAnswer


class ButtonBook:
    """Ids of the newest `most` buttons; older ones are forgotten.

    An id is a digest of the salt (new in every process), a counter and what the button does, so that no id of an
    earlier process can mean something else today.
    """

    def __init__(self, salt: bytes, most: int) -> None:
        """`salt` need not be secret: a press is checked like any other request."""
        self._salt = salt
        self._most = most
        self._count = 0
        self._held: dict[str, Held] = {}

    def issue(self, held: Held) -> str:
        """An id of 32 letters for a button."""
        self._count += 1
        seed = self._salt + f"{self._count} {type(held).__name__} {held.chat_id}".encode()
        key = sha256(seed).hexdigest()[:32]
        self._held[key] = held
        while len(self._held) > self._most:
            del self._held[next(iter(self._held))]
        return key

    def find(self, key: str, chat_id: str) -> Held | None:
        """What a button of this chat stands for."""
        held = self._held.get(key)
        return held if held is not None and held.chat_id == chat_id else None


def chosen_button(text: str, buttons: Sequence[Button]) -> Button | None:
    """The button meant by a typed number (1 is the first) or label, for faces where nobody can tap."""
    word = text.strip().casefold()
    if word.isascii() and word.isdigit() and 1 <= int(word[:4]) <= len(buttons):
        return buttons[int(word[:4]) - 1]
    return next((button for button in buttons if button.label.casefold() == word), None)
