"""Symbols as people write them (XRP, xrp-usdt, XRP/USDT, $xrp), and which of them to offer first."""

import re

from bot.runtime.desk import Desk
from handlers.text import nearest

_SEPARATORS = re.compile(r"[-/_. ]")


def open_symbols(desk: Desk) -> tuple[str, ...]:
    """Symbols with a position."""
    return tuple(position.symbol for position in desk.status().positions)


def offered_symbols(desk: Desk, open_first: bool) -> tuple[str, ...]:
    """Symbols to choose from, those with positions first; only those where `open_first` and there are any."""
    held = open_symbols(desk)
    if open_first and held:
        return held
    return held + tuple(symbol for symbol in desk.instruments if symbol not in held)


def find_symbol(text: str, desk: Desk) -> str | None:
    """The traded symbol (or one with a position) that is meant, None when there is none."""
    word = _SEPARATORS.sub("", text.partition(":")[0].upper().lstrip("$#"))
    known = {*desk.instruments, *open_symbols(desk)}
    return next((symbol for symbol in (word, f"{word}{desk.about.quote}") if symbol in known), None)


def near_symbols(text: str, desk: Desk) -> list[str]:
    """Symbols that look like a mistyped one."""
    word = _SEPARATORS.sub("", text.upper().lstrip("$#"))
    bases = {instrument.base: symbol for symbol, instrument in desk.instruments.items()}
    by_base = [bases[base] for base in nearest(word, list(bases))]
    by_name = [symbol for symbol in nearest(word, list(desk.instruments)) if symbol not in by_base]
    return (by_base + by_name)[:3]
