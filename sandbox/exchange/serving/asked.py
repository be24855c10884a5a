"""What a control call or a rule of the world was asked with: named fields, converted and checked, one line per slip."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from bot.domain.order import OrderSide
from sandbox.exchange.nouns import Kind, Leg, MarginMode, PositionMode
from sandbox.exchange.serving.errors import Refusal


def text(value: object) -> str:
    """As it is."""
    return str(value)


def amount(value: object) -> Decimal:
    """A finite decimal; floats by their shortest text."""
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        raise ValueError("a number") from None
    if not found.is_finite() or isinstance(value, bool):
        raise ValueError("a number")
    return found


def whole(value: object) -> int:
    """A whole number."""
    found = amount(value)
    if found != int(found):
        raise ValueError("a whole number")
    return int(found)


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
        raise Refusal(f"{action}: no field {unknown[0]!r}; allowed: {allowed}")
    return {name: _read(action, name, field, given) for name, field in fields.items()}


def _read(action: str, name: str, field: Field, given: Mapping[str, object]) -> object:
    if given.get(name) is None:
        if field.needed:
            raise Refusal(f"{action}: {name} is missing")
        return field.default
    try:
        return field.read(given[name])
    except ValueError as error:
        raise Refusal(f"{action}: {name} {given[name]!r} is not allowed; allowed: {error}") from None
