"""Takes secrets out of text, and control characters: the last step before anything is written down."""

import json
import re
from collections.abc import Iterable
from urllib.parse import quote

from bot.config.secrets import token_patterns

HIDDEN = "***"
SHORTEST = 4

# name, separator, value: headers, query strings, JSON and reprs of dictionaries alike
_NAMED = re.compile(
    r"""(?ix)
    ( (?: x-mbx-apikey | x-bapi-api-key | x-bapi-sign | authorization | signature | listen_?key
           | api_?key | api_?secret | secret | passphrase | password | token )
      ["']? \s* [:=] \s* ["']? (?: (?:bot|bearer|basic) \s+ )? )
    [^\s"'&,;}\])]+
    """
)
_TELEGRAM_PATH = re.compile(r"\bbot\d{3,}:[A-Za-z0-9_-]+")
_ADDRESS_PASSWORD = re.compile(r"(://[^/\s:@]*:)[^/\s@]+@")


class Redactor:
    """Hides known secrets in every form they take, and what looks like a secret."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets if len(secret) >= SHORTEST for form in _forms(secret)}
        self._known = sorted(forms, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """The text without secrets."""
        for secret in self._known:
            text = text.replace(secret, HIDDEN)
        text = _TELEGRAM_PATH.sub(f"bot{HIDDEN}", text)
        text = _NAMED.sub(rf"\g<1>{HIDDEN}", text)
        text = _ADDRESS_PASSWORD.sub(rf"\g<1>{HIDDEN}@", text)
        for pattern in token_patterns():
            text = pattern.sub(HIDDEN, text)
        return text


def _forms(secret: str) -> set[str]:
    """A secret as it is, inside an address, inside JSON, inside a repr."""
    return {secret, quote(secret, safe=""), json.dumps(secret)[1:-1], repr(secret)[1:-1]}


def printable(text: str, keep: str = "") -> str:
    r"""The text with control and other unprintable characters as \x1b, except those to keep."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in keep else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode()
