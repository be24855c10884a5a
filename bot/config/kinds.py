"""Kinds of text that settings hold: names, symbols, time zones, cron lines, addresses; each checks itself."""

import re
from difflib import get_close_matches
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator

from bot.config.cron import parse_cron
from bot.config.values import Text, refused, shown

_PLAIN_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_SYMBOL = re.compile(r"[A-Z0-9]{2,30}")
_HOURS = re.compile(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d")

NAME_RULE = "small letters, digits, - and _, at most 32"
SYMBOL_RULE = "capital letters and digits, for example BTCUSDT"
CRON_RULE = "cron line: minute hour day month weekday, or empty for never"
DATABASE_RULE = "sqlite+aiosqlite:///FILE or postgresql+asyncpg://HOST/NAME, or empty"
LOOPBACK_RULE = "an http address of this machine such as http://127.0.0.1:8765, or empty"
ADDRESS_RULE = "an http or https address, or empty"
HOURS_RULE = "from-to such as 22:00-07:00, or empty"


def is_plain_name(text: str) -> bool:
    """True for names of strategies, accounts, venues."""
    return _PLAIN_NAME.fullmatch(text) is not None


def _plain_name(text: str) -> str:
    if not is_plain_name(text):
        raise ValueError
    return text


def _symbol(text: str) -> str:
    if not _SYMBOL.fullmatch(text):
        raise ValueError
    return text


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # unknown; a folder's name; an absolute path
        near = get_close_matches(name, available_timezones(), n=1)
        hint = f"did you mean {near[0]}?" if near else "a name such as Europe/Berlin"
        raise refused(f"{shown(name)} is no time zone; {hint}") from None
    return name


def _cron(text: str) -> str:
    try:
        return parse_cron(text).text if text.strip() else ""
    except ValueError as error:
        raise refused(f"{shown(text)} is not allowed; {error}") from None


def _quiet_hours(text: str) -> str:
    if text and not _HOURS.fullmatch(text):
        raise ValueError
    return text


def _web_address(text: str) -> str:
    if text and (urlsplit(text).scheme not in {"http", "https"} or not urlsplit(text).netloc):
        raise ValueError
    return text.rstrip("/")


def _loopback(text: str) -> str:
    if not text:
        return text
    parts = urlsplit(text)
    if (
        parts.scheme != "http"
        or not is_loopback(parts.hostname or "")
        or not parts.port
        or parts.path.strip("/")
    ):
        raise ValueError
    return text.rstrip("/")


def is_loopback(host: str) -> bool:
    """True for addresses of this machine written as numbers; names may be made to lead anywhere."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _database(text: str) -> str:
    if urlsplit(text).password is not None:
        raise refused("an address with a password is a secret; put it into DATABASE_URL")
    if not is_database(text):
        raise ValueError
    return text


def is_database(text: str) -> bool:
    """True when a text can be the address of a database, or is empty."""
    return not text or text.startswith(("sqlite+aiosqlite:///", "postgresql+asyncpg://"))


type PlainName = Annotated[Text, AfterValidator(_plain_name)]
type SymbolName = Annotated[Text, AfterValidator(_symbol)]
type TimeZone = Annotated[Text, AfterValidator(_time_zone)]
type Cron = Annotated[Text, AfterValidator(_cron)]
type QuietHours = Annotated[Text, AfterValidator(_quiet_hours)]
type WebAddress = Annotated[Text, AfterValidator(_web_address)]
type LoopbackAddress = Annotated[Text, AfterValidator(_loopback)]
type DatabaseAddress = Annotated[Text, AfterValidator(_database)]
