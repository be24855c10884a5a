"""One word to one typed value, or one clear line that says what is allowed."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from bot.runtime.desk import Desk
from handlers.parameter import Kind, Parameter, either
from handlers.symbols import find_symbol, near_symbols, offered_symbols
from handlers.text import echo, nearest

MOST_LETTERS = 300
_NUMBER = re.compile(r"[+-]?([0-9]{1,20}(\.[0-9]{0,20})?|\.[0-9]{1,20})")
_LARGEST = Decimal(10) ** 15
_SWITCH = {
    "on": True,
    "true": True,
    "yes": True,
    "1": True,
    "off": False,
    "false": False,
    "no": False,
    "0": False,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a word cannot be used. `near` are words that may have been meant."""

    text: str
    near: tuple[str, ...] = ()
    out_of_range: bool = False


def convert(parameter: Parameter, word: str, desk: Desk) -> object:
    """The value of a word for a parameter, or a Fault."""
    choice = next((known for known in parameter.choices if known.casefold() == word.casefold()), None)
    if choice is not None:
        return parameter.enum(choice) if parameter.enum else choice
    return _CONVERTERS[parameter.kind](parameter, word, desk)


def written(value: object) -> str:
    """A value as it would be typed."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def offered_values(parameter: Parameter, desk: Desk) -> tuple[str, ...]:
    """Values to choose from, as completion, autocomplete and buttons offer them, likely ones first."""
    found: tuple[str, ...] = ()
    if parameter.kind is Kind.SYMBOL:
        found = offered_symbols(desk, parameter.open_first)
    elif parameter.kind is Kind.SWITCH:
        found = ("on", "off")
    if parameter.suggest is not None:
        values = parameter.suggest.values
        found += tuple(values(desk)) if callable(values) else values
    return tuple(dict.fromkeys(found + parameter.choices))


def _fault(parameter: Parameter, word: str, near: tuple[str, ...] = (), out_of_range: bool = False) -> Fault:
    meant = f" Did you mean {', '.join(near)}?" if near else ""
    text = f"{parameter.name} must be {parameter.allowed}, not “{echo(word)}”.{meant}"
    return Fault(text, near, out_of_range)


def _choice(parameter: Parameter, word: str, desk: Desk) -> object:
    return _fault(parameter, word, tuple(nearest(word.casefold(), list(parameter.choices))))


def _switch(parameter: Parameter, word: str, desk: Desk) -> object:
    value = _SWITCH.get(word.casefold())
    return _fault(parameter, word) if value is None else value


def _text(parameter: Parameter, word: str, desk: Desk) -> object:
    if len(word) > MOST_LETTERS:
        return Fault(
            f"{parameter.name} may have {MOST_LETTERS} characters, not {len(word):,}.", out_of_range=True
        )
    return word


def _symbol(parameter: Parameter, word: str, desk: Desk) -> object:
    symbol = find_symbol(word, desk)
    if symbol is not None:
        return symbol
    near = tuple(near_symbols(word, desk)) + tuple(nearest(word.casefold(), list(parameter.choices)))
    words = f" {parameter.name} may also be {either(parameter.choices)}." if parameter.choices else ""
    meant = f"Did you mean {', '.join(near)}?" if near else "/symbols lists them."
    return Fault(f"“{echo(word)}” is no traded symbol. {meant}{words}", near)


def _number(parameter: Parameter, word: str, desk: Desk) -> object:
    bare = _without_unit(word, parameter.unit)
    if not _NUMBER.fullmatch(bare):
        hint = " Write numbers like 1250.5, without thousands commas." if "," in bare else ""
        fault = _fault(parameter, word)
        return Fault(fault.text + hint, out_of_range=bool(re.match(r"[+-]?\.?[0-9]", bare)))
    number = Decimal(bare)
    if parameter.kind is Kind.WHOLE and number != number.to_integral_value():
        return _fault(parameter, word, out_of_range=True)
    if not _within(parameter, number):
        return _fault(parameter, word, out_of_range=True)
    return {Kind.WHOLE: int, Kind.FLOAT: float}.get(parameter.kind, Decimal)(number)


def _without_unit(word: str, unit: str) -> str:
    bare = word.removeprefix("$") if unit.upper() in ("USDT", "USDC", "USD") else word
    return bare[: -len(unit)].strip() if unit and bare.casefold().endswith(unit.casefold()) else bare


def _within(parameter: Parameter, number: Decimal) -> bool:
    low = -_LARGEST if parameter.low is None else parameter.low
    high = _LARGEST if parameter.high is None else parameter.high
    return low <= number <= high


_CONVERTERS: dict[Kind, Callable[[Parameter, str, Desk], object]] = {
    Kind.TEXT: _text,
    Kind.WHOLE: _number,
    Kind.DECIMAL: _number,
    Kind.FLOAT: _number,
    Kind.SWITCH: _switch,
    Kind.CHOICE: _choice,
    Kind.SYMBOL: _symbol,
}
