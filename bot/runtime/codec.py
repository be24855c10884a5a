"""Canonical JSON of domain values: what the journal keeps, what digests are made of, what settings hold.

One value has one text, in every process: keys sorted, Decimals as their exact text, enums as their value,
floats by their shortest exact text, candles and quotes as short lists. Members of the closed unions (events, actions,
commands, answers) carry their class name in `is`. NaN and infinities are refused, since JSON has none.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, DecimalException
from functools import partial
from hashlib import sha256
from math import isfinite
from operator import index, is_
from types import UnionType
from typing import Any, TypeAliasType, TypeGuard, Union, cast, get_args, get_origin

import orjson
from cattrs import Converter
from cattrs.gen import make_dict_unstructure_fn

from bot.domain.action import Action
from bot.domain.command import Command, Done
from bot.domain.event import Event
from bot.domain.market import Candle, Quote
from bot.domain.refusal import Refused

TAG = "is"
VALUE_TYPES = frozenset({int, float, bool, str})

type Plain = Any  # JSON as Python holds it; its shape is checked where it is read
type Writer = Callable[[Any], Plain]


def members(union: object) -> tuple[type, ...]:
    """Classes of a closed union, aliases resolved, in the order written."""
    if isinstance(union, TypeAliasType):
        return members(union.__value__)
    if is_union(union):
        return tuple(cls for part in get_args(union) for cls in members(part))
    return (cast(type, union),)


def is_union(annotation: object) -> bool:
    """True for `A | B` in either of its two spellings."""
    return get_origin(annotation) in (Union, UnionType)


EVENTS = members(Event)
ACTIONS = members(Action)
COMMANDS = members(Command)
TAGGED: dict[str, type] = {cls.__name__: cls for cls in (*EVENTS, *ACTIONS, *COMMANDS, Done, Refused)}


def encode(value: object) -> bytes:
    """Canonical bytes of a value; raises ValueError for what JSON cannot hold exactly."""
    try:
        return orjson.dumps(_plain(value), option=orjson.OPT_SORT_KEYS)
    except (TypeError, AttributeError, ValueError, LookupError) as error:
        raise ValueError(f"{type(value).__name__} cannot be written down: {error}") from error


def decode[T](data: bytes | str, cls: type[T]) -> T:
    """The value of a class that `encode` wrote; raises ValueError."""
    return cast(T, _read(data, cls, cls.__name__))


def encode_event(event: Event) -> bytes:
    """Canonical bytes of an event."""
    return encode(event)


def decode_event(data: bytes | str) -> Event:
    """The event that `encode_event` wrote; raises ValueError."""
    return cast(Event, _read(data, Event, "event"))


def decode_action(data: bytes | str) -> Action:
    """The action that `encode` wrote; raises ValueError."""
    return cast(Action, _read(data, Action, "action"))


def decode_value(data: bytes | str) -> int | float | bool | str:
    """A parameter value, of exactly the type it was written with; raises ValueError."""
    return cast(int | float | bool | str, _read(data, int | float | bool | str, "value"))


def actions_digest(actions: Sequence[Action]) -> str:
    """SHA-256 (hex) over the canonical bytes of actions in their order: equal digests, equal actions."""
    if not actions:
        return NO_ACTIONS
    digest = sha256()
    for action in actions:
        digest.update(encode(action))
        digest.update(b"\n")
    return digest.hexdigest()


NO_ACTIONS = sha256().hexdigest()


def _plain(value: object) -> Plain:
    writer = _WRITERS.get(type(value))
    return _CONVERTER.unstructure(value) if writer is None else writer(value)


def _read(data: bytes | str, target: object, name: str) -> object:
    try:
        return _CONVERTER.structure(orjson.loads(data), cast(Any, target))
    except KeyError as error:
        raise ValueError(f"{name} cannot be read: {error} is missing or unknown") from error
    except (TypeError, AttributeError, ValueError, DecimalException) as error:
        raise ValueError(f"{name} cannot be read: {error}") from error


def _decimal_text(value: Decimal) -> str:
    if not value.is_finite():
        raise ValueError(f"{value} is no figure")
    return str(value)


def _decimal(value: Plain, _: object) -> Decimal:
    number = Decimal(_text(value))
    if not number.is_finite():
        raise ValueError(f"{value} is no figure")
    return number


def _finite(value: float) -> float:
    number = float(value)
    if not isfinite(number):
        raise ValueError(f"{number} is no figure")
    return number


def _float(value: Plain, _: object = None) -> float:
    if type(value) is float or type(value) is int:
        return float(value)
    raise ValueError(f"{value!r} is no number")


def _int(value: Plain, _: object = None) -> int:
    if type(value) is int:
        return value
    raise ValueError(f"{value!r} is no whole number")


def _bool(value: Plain, _: object = None) -> bool:
    if type(value) is bool:
        return value
    raise ValueError(f"{value!r} is neither true nor false")


def _text(value: Plain, cls: type[str] = str) -> str:
    """A text, or a member of an enum of texts: both come here, since a StrEnum is a str."""
    if type(value) is str:
        return value if cls is str else cls(value)
    raise ValueError(f"{value!r} is no text")


def _string(value: str) -> str:
    if isinstance(value, str):
        return str(value)
    raise ValueError(f"{value!r} is no text")


def _value(value: Plain, _: object = None) -> int | float | bool | str:
    """A parameter value, of exactly the type it has: True is not 1, and 1 is not 1.0."""
    if type(value) in VALUE_TYPES:
        return cast(int | float | bool | str, _finite(value) if type(value) is float else value)
    raise ValueError(f"{value!r} is neither number, flag nor text")


def _candle_list(candle: Candle) -> list[Plain]:
    prices = float(candle.open), float(candle.high), float(candle.low), float(candle.close)
    figures = [*prices, float(candle.volume)]
    if not isfinite(sum(figures)) and not all(map(isfinite, figures)):
        raise ValueError(f"candle of {candle.symbol} at {candle.open_at_ms} holds {figures}")
    return [candle.symbol, index(candle.open_at_ms), *figures]


def _candle(row: Plain, _: object = None) -> Candle:
    symbol, open_at_ms, *figures = row
    if len(figures) != 5:
        raise ValueError(f"candle of {symbol!r} has {len(figures)} figures instead of 5")
    return Candle(_text(symbol), _int(open_at_ms), *map(_float, figures))


def _quote_list(quote: Quote) -> list[Plain]:
    prices = (quote.bid, quote.ask, quote.last, quote.mark)
    return [quote.symbol, index(quote.at_ms), *map(_finite, prices)]


def _quote(row: Plain, _: object = None) -> Quote:
    symbol, at_ms, *figures = row
    if len(figures) != 4:
        raise ValueError(f"quote of {symbol!r} has {len(figures)} figures instead of 4")
    return Quote(_text(symbol), _int(at_ms), *map(_float, figures))


_HOOKS: dict[type, tuple[Writer, Callable[[Plain, Any], object]]] = {
    Decimal: (_decimal_text, _decimal),
    float: (_finite, _float),
    int: (index, _int),
    bool: (bool, _bool),
    str: (_string, _text),
    Candle: (_candle_list, _candle),
    Quote: (_quote_list, _quote),
}


def _is_value_union(annotation: object) -> TypeGuard[Any]:
    return is_union(annotation) and frozenset(get_args(annotation)) == VALUE_TYPES


def _is_tagged_union(annotation: object) -> TypeGuard[Any]:
    return is_union(annotation) and all(TAGGED.get(cls.__name__) is cls for cls in members(annotation))


def _mapping_writer(annotation: object, converter: Converter) -> Writer:
    write = converter.get_unstructure_hook(get_args(annotation)[1])
    return lambda mapping: {_text(key): write(value) for key, value in mapping.items()}


def _mapping_reader(annotation: object, converter: Converter) -> Callable[[Plain, object], Mapping[str, Any]]:
    kind = get_args(annotation)[1]
    read = converter.get_structure_hook(kind)
    return lambda mapping, _: {_text(key): read(value, kind) for key, value in mapping.items()}


def _is_mapping(annotation: object) -> TypeGuard[Any]:
    return get_origin(annotation) is Mapping


def _tagged_writer(cls: type, converter: Converter) -> Writer:
    name = cls.__name__
    write: Writer = make_dict_unstructure_fn(cls, converter)

    def tagged(value: object) -> dict[str, Plain]:
        plain: dict[str, Plain] = write(value)
        plain[TAG] = name
        return plain

    return tagged


def _tagged_reader(union: object, converter: Converter) -> Callable[[Plain, object], object]:
    readers = {cls.__name__: (converter.get_structure_hook(cls), cls) for cls in members(union)}

    def tagged(plain: Plain, _: object) -> object:
        read, cls = readers[plain[TAG]]
        return read(plain, cls)

    return tagged


def _converter() -> Converter:
    converter = Converter(detailed_validation=False, prefer_attrib_converters=False)
    for kind, (write, read) in _HOOKS.items():
        converter.register_structure_hook(kind, read)
        converter.register_unstructure_hook_func(partial(is_, kind), write)
    converter.register_unstructure_hook_func(_is_value_union, _value)
    converter.register_structure_hook_func(_is_value_union, _value)
    converter.register_unstructure_hook_factory(_is_mapping, _mapping_writer)
    converter.register_structure_hook_factory(_is_mapping, _mapping_reader)
    converter.register_unstructure_hook_factory(lambda cls: cls in _TAGGED_CLASSES, _tagged_writer)
    converter.register_structure_hook_factory(_is_tagged_union, _tagged_reader)
    return converter


_TAGGED_CLASSES = frozenset(TAGGED.values())
_CONVERTER = _converter()
_WRITERS: dict[type, Writer] = {cls: _CONVERTER.get_unstructure_hook(cls) for cls in TAGGED.values()}
