"""Buttons: what an opaque id stands for.

The id of a button that runs a short line carries the line, signed with the house's salt, so that it works after a
restart too. Whatever else a button does (answering a question, turning a page, a long line) is kept in memory: after a
restart such buttons do nothing and say so. A press is checked like any other request.
"""

import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac_digest

from handlers.confirm import Pending, Question
from handlers.reply import Button, Reply

LONGEST_ID = 64  # bytes; Telegram's limit, the smallest of all
_SIGNED = "~"
_FLAGS = "abcd"
_MAC_LETTERS = 12
_PLAIN = re.compile(r"[\w .,:;=%@+#*/-]*")  # what every platform hands back as it was given
_SEPARATOR = "|"


@dataclass(frozen=True, slots=True)
class RunLine:
    """Runs a command line as the one who presses; with a `prompt`, ended by a text that is asked for first.

    `refreshes`: the line is of the command whose reply holds the button, so its answer takes that reply's place.
    `old`: this run of the desk has shown no such button, so that the press may have waited for the start.
    """

    chat_id: str
    line: str
    refreshes: bool = False
    prompt: str = ""
    old: bool = False


@dataclass(frozen=True, slots=True)
class TurnPage:
    """Shows another page of a long table of an account's."""

    chat_id: str
    reply: Reply
    first: int
    account: str = ""


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
    """Ids of buttons: signed lines, and the newest `most` of those kept in memory; older ones are forgotten.

    An id in memory is a digest of a counter and of what the button does: an id of an earlier process is unknown today,
    or does what it did. Without a `salt` nothing is signed.
    """

    def __init__(self, salt: bytes, most: int) -> None:
        """Nothing issued yet."""
        self._salt = salt
        self._most = most
        self._count = 0
        self._held: dict[str, Held] = {}
        self._placed: dict[str, str] = {}
        self._shown: dict[str, None] = {}

    def issue(self, held: Held) -> str:
        """An id of at most 64 bytes for a button."""
        signed = self._signed(held) if isinstance(held, RunLine) and self._salt else ""
        return signed or self._kept(held)

    def find(self, key: str, chat_id: str) -> Held | None:
        """What a button of this chat stands for."""
        held = self._held.get(key) or self._read(key, chat_id)
        return held if held is not None and held.chat_id == chat_id else None

    def place(self, key: str, message_id: str) -> Held | None:
        """A button hangs on this message from now on; an answer to a question is taken from there alone."""
        held = self._held.get(key)
        if message_id and isinstance(held, GiveAnswer | SecondAnswer):
            self._placed[key] = message_id
        return held

    def misplaced(self, key: str, message_id: str) -> bool:
        """True when a button is known to hang on another message."""
        return self._placed.get(key, message_id) != message_id

    def _kept(self, held: Held) -> str:
        self._count += 1
        seed = self._salt + f"{self._count} {held.chat_id} {_meaning(held)}".encode()
        key = sha256(seed).hexdigest()[:32]
        self._held[key] = held
        while len(self._held) > self._most:
            oldest = next(iter(self._held))
            del self._held[oldest]
            self._placed.pop(oldest, None)
        return key

    def _signed(self, held: RunLine) -> str:
        """The line inside its id, "" when it does not fit or holds letters that a platform may change."""
        line = held.line.removeprefix("/")
        if not _PLAIN.fullmatch(line + held.prompt) or line != line.strip():
            return ""
        flag = _FLAGS[held.refreshes + 2 * bool(held.prompt)]
        body = f"{line}{_SEPARATOR}{held.prompt}" if held.prompt else line
        key = f"{_SIGNED}{flag}{self._mac(held.chat_id, flag, body)}{body}"
        if len(key.encode()) > LONGEST_ID:
            return ""
        self._shown[key] = None
        while len(self._shown) > self._most:
            del self._shown[next(iter(self._shown))]
        return key

    def _read(self, key: str, chat_id: str) -> RunLine | None:
        head, mac, body = key[:2], key[2 : 2 + _MAC_LETTERS], key[2 + _MAC_LETTERS :]
        flag = head[1:]
        if not self._salt or len(key) > LONGEST_ID or head[:1] != _SIGNED or flag not in tuple(_FLAGS):
            return None
        if not compare_digest(mac.encode("utf-8", "replace"), self._mac(chat_id, flag, body).encode()):
            return None
        refreshes, prompted = bool(_FLAGS.index(flag) & 1), bool(_FLAGS.index(flag) & 2)
        line, _, prompt = body.rpartition(_SEPARATOR) if prompted else (body, "", "")
        return RunLine(chat_id, f"/{line}", refreshes, prompt, old=key not in self._shown)

    def _mac(self, chat_id: str, flag: str, body: str) -> str:
        said = f"{chat_id}\0{flag}\0{body}".encode("utf-8", "replace")
        return urlsafe_b64encode(hmac_digest(self._salt, said, "sha256")).decode()[:_MAC_LETTERS]


def _meaning(held: Held) -> str:
    """What a button does, in words that differ for whatever is different."""
    match held:
        case RunLine(line=line, refreshes=refreshes, prompt=prompt):
            return f"run {refreshes} {prompt} {line}"
        case TurnPage(reply=reply, first=first):
            return f"page {reply.name} {reply.title} {first}"
        case GiveAnswer(question=question, yes=yes):
            return f"answer {question.digest} {question.expires_at_ms} {yes}"
        case SecondAnswer(pending=pending, yes=yes):
            return f"second {pending.question.digest} {pending.expires_at_ms} {yes}"


def chosen_button(text: str, numbered: Mapping[int, Button]) -> Button | None:
    """The button meant by a typed number or label, for faces where nobody can tap; of one label the newest."""
    word = text.strip().casefold()
    if word.isascii() and word.isdigit() and (found := numbered.get(int(word[:4]))):
        return found
    labelled = (button for _, button in sorted(numbered.items(), reverse=True))
    return next((button for button in labelled if button.label.casefold() == word), None)
