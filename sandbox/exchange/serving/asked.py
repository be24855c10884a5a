"""What a control call or a rule of the world was asked with: named fields, converted and checked, one line per slip."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from reprlib import Repr

from bot.domain.order import OrderSide
from sandbox.exchange.nouns import Kind, Leg, MarginMode, PositionMode
from sandbox.exchange.serving.errors import Refusal

LARGEST_POWER = 30
"""Numbers from 1e-30 to 1e30, which is more than any market has."""
_BRIEF = Repr(maxstring=80, maxlong=80, maxother=80)


def brief(value: object) -> str:
    """What was given, for a message of one line, however much it is."""
    return _BRIEF.repr1(str(value), 1)[1:-1] if isinstance(value, Decimal) else _BRIEF.repr(value)


def text(value: object) -> str:
    """As it is."""
    return str(value)


def amount(value: object) -> Decimal:
    """A finite decimal of a size that makes sense; floats by their shortest text."""
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        raise ValueError("a number") from None
    if not found.is_finite() or isinstance(value, bool) or abs(found.adjusted()) > LARGEST_POWER:
        raise ValueError("a number")
    return found


def whole(value: object) -> int:
    """A whole number."""
    found = amount(value)
    if found != int(found):
        raise ValueError("a whole number")
    return int(found)


def close_code(value: object) -> int:
    """A code that a websocket may be closed with; 1006 is a cut."""
    found = whole(value)
    if not 1000 <= found <= 4999:
        raise ValueError("1000 to 4999")
    return found


def flag(value: object) -> bool:
    """Yes or no."""
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def amounts(value: object) -> dict[str, Decimal]:
    """Names and numbers."""
    if not isinstance(value, Mapping) or not value:
        raise ValueError("names with numbers, for example {min_notional: 100}")
    return {str(name): amount(item) for name, item in value.items()}


def one_of(kind: type[StrEnum]) -> Callable[[object], StrEnum]:
    """A word of an enumeration, in any case."""

    def convert(value: object) -> StrEnum:
        words = {str(item.value).lower(): item for item in kind}
        if str(value).lower() not in words:
            raise ValueError(", ".join(str(item.value) for item in kind))
        return words[str(value).lower()]

    return convert


leg = one_of(Leg)
side = one_of(OrderSide)
kind = one_of(Kind)
margin_mode = one_of(MarginMode)
position_mode = one_of(PositionMode)


@dataclass(frozen=True, slots=True)
class Field:
    """One field: how it is read, and its default; `needed` without one."""

    read: Callable[[object], object]
    default: object = None
    needed: bool = False


def need(read: Callable[[object], object]) -> Field:
    """A field that must be there."""
    return Field(read, needed=True)


def read_fields(action: str, fields: Mapping[str, Field], given: Mapping[str, object]) -> dict[str, object]:
    """Every field of the action, converted; raises Refusal for what is unknown, missing or wrong."""
    unknown = sorted(set(given) - set(fields))
    if unknown:
        allowed = ", ".join(fields) or "none"
        raise Refusal(f"{action}: no field {brief(unknown[0])}; allowed: {allowed}")
    return {name: _read(action, name, field, given) for name, field in fields.items()}


def _read(action: str, name: str, field: Field, given: Mapping[str, object]) -> object:
    if given.get(name) is None:
        if field.needed:
            raise Refusal(f"{action}: {name} is missing")
        return field.default
    try:
        return field.read(given[name])
    except ValueError as error:
        raise Refusal(f"{action}: {name} {brief(given[name])} is not allowed; allowed: {error}") from None
