"""Parameters of chat commands, read from a handler's signature: the only place where they are defined.

    async def set_risk(desk: Desk, amount: Annotated[Decimal, Range("0.1", 1000), Unit("USDT"), Help("loss at stop")])

Types: str, int, Decimal, float, bool (on/off), Literal of words, StrEnum, SymbolName, OpenSymbol; a union of a number
or a symbol with a Literal accepts the words as well (`Decimal | Literal["be"]`, `SymbolName | Literal["all"]`).
A default makes a parameter optional. Parameters whose type derives from `Injected` are handed in by the dispatcher.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from inspect import Parameter as PythonParameter
from inspect import signature
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from bot.domain.errors import ConfigError
from bot.runtime.desk import Desk


class Injected:
    """Base of what the dispatcher hands to a handler that asks for it by type (Actor, Registry)."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Help:
    """What a parameter is, in a few words."""

    text: str


@dataclass(frozen=True, slots=True)
class Range:
    """Allowed numbers, both ends included; None leaves an end open."""

    low: int | str | Decimal | None = None
    high: int | str | Decimal | None = None


class Choice:
    """Words that are allowed: alone on a str, besides the number or symbol on other types."""

    def __init__(self, *words: str) -> None:
        """Words in the order in which they are offered."""
        self.words = words


@dataclass(frozen=True, slots=True)
class Suggest:
    """Values offered by completion and buttons, others are accepted too: fixed texts or a question to the desk."""

    values: tuple[str, ...] | Callable[[Desk], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Example:
    """A good value, shown when somebody sends a bad one."""

    text: str


@dataclass(frozen=True, slots=True)
class Unit:
    """The unit of a number: shown in help, accepted as an ending (5 USDT, 2%)."""

    text: str


@dataclass(frozen=True, slots=True)
class Rest:
    """The parameter takes the rest of the line."""


@dataclass(frozen=True, slots=True)
class Masked:
    """The parameter's value is never kept: audit and lists show ****** unless it is one of the offered words."""


@dataclass(frozen=True, slots=True)
class SymbolMark:
    """A traded symbol; `open_first` offers those with positions first and alone."""

    open_first: bool


SymbolName = Annotated[str, SymbolMark(open_first=False)]
OpenSymbol = Annotated[str, SymbolMark(open_first=True)]


class Kind(StrEnum):
    """What a parameter's text must be."""

    TEXT = "text"
    WHOLE = "whole number"
    DECIMAL = "number"
    FLOAT = "float"
    SWITCH = "on or off"
    CHOICE = "choice"
    SYMBOL = "symbol"


NUMBERS = frozenset({Kind.WHOLE, Kind.DECIMAL, Kind.FLOAT})
_KINDS: dict[type, Kind] = {
    str: Kind.TEXT,
    int: Kind.WHOLE,
    Decimal: Kind.DECIMAL,
    float: Kind.FLOAT,
    bool: Kind.SWITCH,
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a command. `choices` are the only values of a CHOICE, and extra words of other kinds."""

    name: str
    kind: Kind
    required: bool
    default: Any = None
    help: str = ""
    choices: tuple[str, ...] = ()
    low: Decimal | None = None
    high: Decimal | None = None
    unit: str = ""
    example: str = ""
    rest: bool = False
    open_first: bool = False
    suggest: Suggest | None = None
    enum: type[StrEnum] | None = None
    masked: bool = False

    @property
    def offered(self) -> tuple[str, ...]:
        """The words that are offered whatever the desk holds."""
        fixed = self.suggest.values if self.suggest is not None and not callable(self.suggest.values) else ()
        return (*self.choices, *fixed)

    @property
    def allowed(self) -> str:
        """What may be sent, for people: a range, the choices, a kind."""
        words = either(self.choices)
        if self.kind is Kind.CHOICE:
            return words
        named = {Kind.SYMBOL: "a traded symbol", Kind.TEXT: "text", Kind.SWITCH: "on or off"}
        return either((named.get(self.kind) or self._span, *self.choices))

    @property
    def _span(self) -> str:
        noun = "a whole number" if self.kind is Kind.WHOLE else "a number"
        low = f" from {self.low:f}" if self.low is not None else ""
        high = f"{' to' if low else ' up to'} {self.high:f}" if self.high is not None else ""
        return f"{noun}{low}{high} {self.unit}".rstrip()

    @property
    def sample(self) -> str:
        """A good value, as far as one is known."""
        first = self.choices[0] if self.choices else ""
        return self.example or ("BTCUSDT" if self.kind is Kind.SYMBOL else first)

    @property
    def usage(self) -> str:
        """How the parameter is written in a usage line: SYMBOL, [days]."""
        word = "/".join(self.choices) if self.kind is Kind.CHOICE else self.name.upper()
        word = f"{word}/{'/'.join(self.choices)}" if self.choices and self.kind is not Kind.CHOICE else word
        word = f"{word}..." if self.rest else word
        return word if self.required else f"[{word}]"


def either(words: Sequence[str]) -> str:
    """Words to choose from: a, b or c."""
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


@dataclass(frozen=True, slots=True)
class Signature:
    """A handler's parameters, and what it wants handed in: name and type."""

    parameters: tuple[Parameter, ...]
    injected: tuple[tuple[str, type[Injected]], ...]


def read_signature(handler: Callable[..., object]) -> Signature:
    """Read a handler's parameters after the desk; raises ConfigError for what cannot be offered in a chat."""
    hints = get_type_hints(handler, include_extras=True)
    parameters: list[Parameter] = []
    injected: list[tuple[str, type[Injected]]] = []
    for given in list(signature(handler).parameters.values())[1:]:
        annotation = hints.get(given.name, NoneType)
        if isinstance(annotation, type) and issubclass(annotation, Injected):
            injected.append((given.name, annotation))
        else:
            parameters.append(_parameter(handler.__name__, given, annotation))
    _check_order(handler.__name__, parameters)
    return Signature(tuple(parameters), tuple(injected))


def _check_order(command: str, parameters: list[Parameter]) -> None:
    """Required before optional, and only the last one takes the rest of the line."""
    optional = False
    for parameter in parameters:
        if parameter.required and optional:
            raise ConfigError(f"/{command}: {parameter.name} is required but follows an optional parameter")
        optional = optional or not parameter.required
    if any(parameter.rest for parameter in parameters[:-1]):
        raise ConfigError(f"/{command}: only the last parameter may take the rest of the line")


def _parameter(command: str, given: PythonParameter, annotation: object) -> Parameter:
    types: list[object] = []
    marks: list[object] = []
    _flatten(annotation, types, marks)
    words = [word for kind in types if get_origin(kind) is Literal for word in get_args(kind)]
    enums = [kind for kind in types if isinstance(kind, type) and issubclass(kind, StrEnum)]
    bases = [kind for kind in types if isinstance(kind, type) and kind in _KINDS]
    if (
        len(bases) + len(enums) > 1
        or len(types) != len(bases) + len(enums) + sum(map(_is_literal, types))
        or not types
    ):
        raise ConfigError(f"/{command}: {given.name} has a type that a chat cannot send: {annotation}")
    words += [member.value for enum in enums for member in enum]
    words += [word for mark in marks if isinstance(mark, Choice) for word in mark.words]
    base = bases[0] if bases else None
    required = given.default is PythonParameter.empty
    default = None if required else given.default
    enum = enums[0] if enums else None
    return _marked(given.name, _kind(base, words, marks), required, default, tuple(words), marks, enum)


def _marked(
    name: str,
    kind: Kind,
    required: bool,
    default: Any,
    words: tuple[str, ...],
    marks: list[object],
    enum: type[StrEnum] | None,
) -> Parameter:
    span = _mark(marks, Range) or Range()
    text = _mark(marks, Help)
    unit = _mark(marks, Unit)
    example = _mark(marks, Example)
    symbol = _mark(marks, SymbolMark)
    return Parameter(
        name=name,
        kind=kind,
        required=required,
        default=default,
        help=text.text if text else "",
        choices=words,
        low=_bound(span.low),
        high=_bound(span.high),
        unit=unit.text if unit else "",
        example=example.text if example else "",
        rest=_mark(marks, Rest) is not None,
        open_first=symbol.open_first if symbol else False,
        suggest=_mark(marks, Suggest),
        enum=enum,
        masked=_mark(marks, Masked) is not None,
    )


def _mark[M](marks: list[object], kind: type[M]) -> M | None:
    return next((mark for mark in marks if isinstance(mark, kind)), None)


def _bound(value: int | str | Decimal | None) -> Decimal | None:
    return None if value is None else Decimal(value)


def _is_literal(kind: object) -> bool:
    return get_origin(kind) is Literal


def _kind(base: type | None, words: list[str], marks: list[object]) -> Kind:
    if _mark(marks, SymbolMark):
        return Kind.SYMBOL
    if base is None or (base is str and words):
        return Kind.CHOICE
    return _KINDS[base]


def _flatten(annotation: object, types: list[object], marks: list[object]) -> None:
    """Take Annotated and unions apart; None (an optional value) falls away."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *found = get_args(annotation)
        marks.extend(found)
        _flatten(inner, types, marks)
    elif origin in (Union, UnionType):
        for member in get_args(annotation):
            _flatten(member, types, marks)
    elif annotation is not NoneType:
        types.append(annotation)
