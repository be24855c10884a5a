"""Foreign text made safe to store and to show: no control characters, no secrets, no floods."""

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from unicodedata import category

ECHO_LENGTH = 80
STORED_LENGTH = 500
_WHITESPACE = re.compile(r"\s+")
_BLANKS = re.compile("[\u115f\u1160\u2800\u3164\uffa0]")  # letters that show nothing: they pass for a space
_UNSEEN = re.compile(
    "[\u034f\u17b4\u17b5\u180b-\u180d\ufe00-\ufe0d\U000e0100-\U000e01ef]"
)  # marks that show nothing
_MOST_MARKS = 4
"""Accents on one letter: every script gets by with fewer, more are there to cover other lines."""

_MENTION = re.compile(r"@(?=\w)")
_SECRETS = re.compile(
    r"(?<![0-9])[0-9]{6,12}:[A-Za-z0-9_-]{30,}"  # a Telegram bot's token
    r"|\bxox[a-z]-[A-Za-z0-9-]{10,}|\bxapp-[A-Za-z0-9-]{10,}"  # Slack's
    r"|\b[A-Za-z0-9_-]{20,28}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{25,}"  # Discord's
    r"|\b(?=[A-Za-z0-9]*[0-9])(?=[A-Za-z0-9]*[A-Za-z])[A-Za-z0-9]{32,}\b"  # an exchange's key or secret
)


def clean(text: str) -> str:
    """One line without control, formatting, invisible, surrogate or unassigned characters, nor heaps of accents."""
    spaced = _WHITESPACE.sub(" ", text)
    if spaced.isascii() and spaced.isprintable():
        return spaced.strip()
    seen = _UNSEEN.sub("", _BLANKS.sub(" ", spaced))
    kept = (letter for letter in seen if not category(letter).startswith("C"))
    return _WHITESPACE.sub(" ", "".join(_few_marks(kept))).strip()


def _few_marks(letters: Iterable[str]) -> Iterator[str]:
    """The letters, each with at most some marks on it."""
    marks = 0
    for letter in letters:
        marks = marks + 1 if category(letter).startswith("M") else 0
        if marks <= _MOST_MARKS:
            yield letter


def clip(text: str, most: int = ECHO_LENGTH) -> str:
    """The text, or its beginning and how much more there was."""
    if len(text) <= most:
        return text
    return f"{text[:most]}… ({len(text) - most:,} more characters)"


def mask(text: str) -> str:
    """The text without what looks like a token or a key: people paste them into the wrong window."""
    return _SECRETS.sub("[secret]", text)


def echo(text: str) -> str:
    """Foreign text as it may be shown."""
    return clip(mask(clean(text)))


def stored(text: str) -> str:
    """Foreign text as it may be kept."""
    return clip(mask(clean(text)), STORED_LENGTH)


def defused(text: str) -> str:
    """Text whose @names mention nobody: a word joiner after the sign keeps the letters readable."""
    return _MENTION.sub("@\u2060", text)


def unlinked(text: str) -> str:
    """Text whose [words](address) lead nowhere: of Discord's own escaping the first link takes all others out."""
    return text.replace("](", "]\u2060(")


def nearest(word: str, known: list[str], most: int = 3) -> list[str]:
    """The known words that look most like a mistyped one, best first."""
    return get_close_matches(word[:ECHO_LENGTH], known, most, 0.6)
