"""The tree of settings seen from outside: every key by its path, and what each one may hold, in words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from enum import EnumType
from typing import Annotated, TypeAliasType, get_args, get_origin

from annotated_types import Ge, Le
from pydantic.fields import FieldInfo

from bot.config.settings import Settings
from bot.config.trading import Symbol
from bot.config.values import Number, Section, Switch, Whole, note, text_of

type Path = tuple[str | int, ...]

_KINDS: dict[object, str] = {Whole: "whole number", Number: "number", Switch: "true or false"}


@dataclass(frozen=True, slots=True)
class Key:
    """One setting: its dotted name, default, what is allowed, unit and meaning, all as text."""

    name: str
    default: str
    allowed: str
    unit: str
    meaning: str
    required: bool = False


def section_of(field: FieldInfo) -> type[Section] | None:
    """The section that a field is; None when it is a single setting."""
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, Section) else None


def leaves(section: type[Section] = Settings, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Paths of all single settings, in the order in which they are declared."""
    for name, field in section.model_fields.items():
        inner = section_of(field)
        if inner is None:
            yield (*above, name)
        else:
            yield from leaves(inner, (*above, name))


def field_at(path: Sequence[str | int]) -> FieldInfo | None:
    """The declaration that a path leads to (of a list or map: of the whole), None when it leads nowhere."""
    section: type[Section] = Settings
    field: FieldInfo | None = None
    for step in path:
        if isinstance(step, int):
            if field is not None and field is Settings.model_fields["symbols"]:
                section = Symbol
            continue
        if step not in section.model_fields:
            return field if field is not None and section_of(field) is None else None
        field = section.model_fields[step]
        section = section_of(field) or section
    return field


def siblings(path: Sequence[str | int]) -> tuple[str, ...]:
    """Names that could stand where the last step of a path stands."""
    if path[0] == "symbols" and len(path) > 1:
        return tuple(Symbol.model_fields)
    section: type[Section] = Settings
    for step in path[:-1]:
        section = section_of(section.model_fields[str(step)]) or section
    return tuple(section.model_fields)


def allowed(field: FieldInfo) -> str:
    """What a setting may hold: `whole number from 1 to 500`, `one of demo, paper, testnet, live`."""
    if isinstance(field.annotation, EnumType):
        return "one of " + ", ".join(text_of(choice) for choice in field.annotation)
    words = note(field, "allowed") or _KINDS.get(field.annotation, "text")
    low = next((_grouped(limit.ge) for limit in field.metadata if isinstance(limit, Ge)), "")
    high = next((_grouped(limit.le) for limit in field.metadata if isinstance(limit, Le)), "")
    return f"{words} from {low} to {high}" if low and high else words


def _grouped(limit: object) -> str:
    """A limit as text; long ones with _ between the thousands, which YAML reads too."""
    return (
        f"{limit:,f}".replace(",", "_") if isinstance(limit, Decimal) and limit >= 10_000 else text_of(limit)
    )


def takes_text(field: FieldInfo) -> bool:
    """True when a setting holds text, so that a word is no YAML to be read."""
    kind: object = field.annotation
    while isinstance(kind, TypeAliasType) and get_origin(kind.__value__) is Annotated:
        kind = get_args(kind.__value__)[0]
    return kind is str or isinstance(kind, EnumType)


def describe(name: str, field: FieldInfo) -> Key:
    """What there is to say about one setting."""
    required = field.is_required()
    default = "" if required or field.default in ((), {}) else text_of(field.default)
    return Key(name, default, allowed(field), note(field, "unit"), field.description or "", required)


def nearest(word: str, known: Sequence[str]) -> str:
    """`; did you mean max_positions?`, or nothing."""
    near = get_close_matches(word, known, n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""
