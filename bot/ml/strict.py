"""JSON read strictly into frozen dataclasses: unknown, missing, doubled and ill-typed keys are refused by name."""

import json
from dataclasses import fields, is_dataclass
from functools import cache
from math import isfinite
from types import NoneType, UnionType
from typing import Literal, TypeAliasType, Union, cast, get_args, get_origin, get_type_hints

from bot.ml.model import ModelError

_PLAIN: dict[object, str] = {
    bool: "true or false",
    int: "a whole number of at most 63 bits",
    float: "a finite number",
    str: "text",
    NoneType: "null",
}

LARGEST = (1 << 63) - 1


class _NotAllowedError(ValueError):
    """What is wrong, with the way to it; becomes a ModelError that names the file."""


def read_as[T](kind: type[T], text: bytes, file: str) -> T:
    """The dataclass that a file's JSON describes. Raises ModelError: one line with file, key and what is allowed."""
    try:
        return cast(T, _taken(kind, _parsed(text), ""))
    except _NotAllowedError as error:
        raise ModelError(f"{file}: {error}") from None


def _parsed(text: bytes) -> object:
    try:
        return json.loads(text.decode(), object_pairs_hook=_once, parse_constant=_no_number)
    except UnicodeDecodeError:
        raise _NotAllowedError("is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise _NotAllowedError(f"is no JSON, line {error.lineno} column {error.colno}") from None
    except RecursionError:
        raise _NotAllowedError("is nested too deeply") from None
    except _NotAllowedError:
        raise
    except ValueError:  # a whole number of thousands of digits
        raise _NotAllowedError("holds a number that is too long") from None


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise _NotAllowedError(f"{key[:40]!r} stands there twice; once is allowed")
        found[key] = value
    return found


def _no_number(word: str) -> object:
    raise _NotAllowedError(f"{word} is no number of JSON; a finite number is allowed")


def _taken(kind: object, value: object, at: str) -> object:
    if isinstance(kind, TypeAliasType):
        return _taken(kind.__value__, value, at)
    if is_dataclass(kind):
        return _record(cast(type, kind), value, at)
    origin = get_origin(kind)
    if origin is tuple:
        return _list(get_args(kind)[0], value, at)
    if origin is dict:
        return _mapping(get_args(kind)[1], value, at)
    if origin is Literal:
        return _choice(get_args(kind), value, at)
    if origin in {Union, UnionType}:
        return _any_of(get_args(kind), value, at)
    return _plain(kind, value, at)


@cache
def _hints(kind: type) -> dict[str, object]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _record(kind: type, value: object, at: str) -> object:
    hints = _hints(kind)
    if not isinstance(value, dict):
        raise _refused(value, at, f"an object with {', '.join(hints)}")
    for key in value:
        if key not in hints:
            raise _NotAllowedError(f"{_under(at, str(key))} is not known; allowed: {', '.join(hints)}")
    for key, hint in hints.items():
        if key not in value:
            raise _NotAllowedError(f"{_under(at, key)} is missing; {_allowed(hint)}")
    return kind(**{key: _taken(hint, value[key], _under(at, key)) for key, hint in hints.items()})


def _list(kind: object, value: object, at: str) -> tuple[object, ...]:
    if not isinstance(value, list):
        raise _refused(value, at, "a list")
    return tuple(_taken(kind, one, f"{at}[{index}]") for index, one in enumerate(value))


def _mapping(kind: object, value: object, at: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise _refused(value, at, "an object")
    return {key: _taken(kind, one, _under(at, key)) for key, one in value.items()}


def _choice(allowed: tuple[object, ...], value: object, at: str) -> object:
    if not isinstance(value, str) or value not in allowed:
        raise _refused(value, at, " or ".join(map(str, allowed)))
    return value


def _any_of(kinds: tuple[object, ...], value: object, at: str) -> object:
    if value is None and NoneType in kinds:
        return None
    others = [kind for kind in kinds if kind is not NoneType]
    if len(others) == 1:
        return _taken(others[0], value, at)
    for kind in (bool, int, float, str):
        if kind in others and type(value) is kind:
            return _plain(kind, value, at)
    raise _refused(value, at, " or ".join(_allowed(kind) for kind in kinds))


def _plain(kind: object, value: object, at: str) -> object:
    if kind is float and type(value) is int and abs(value) < 1 << 53:
        return float(value)
    if type(value) is not kind or (isinstance(value, float) and not isfinite(value)) or _is_huge(value):
        raise _refused(value, at, _allowed(kind))
    return value


def _is_huge(value: object) -> bool:
    """A whole number that no book could hold."""
    return type(value) is int and not -LARGEST <= value <= LARGEST


def _allowed(kind: object) -> str:
    if isinstance(kind, TypeAliasType):
        return _allowed(kind.__value__)
    if get_origin(kind) is Literal:
        return " or ".join(map(str, get_args(kind)))
    if get_origin(kind) in {Union, UnionType}:
        return " or ".join(_allowed(one) for one in get_args(kind))
    return _PLAIN.get(kind, "a list" if get_origin(kind) is tuple else "an object")


def _refused(value: object, at: str, allowed: str) -> _NotAllowedError:
    return _NotAllowedError(f"{at or 'the whole'}: {_shown(value)} is not allowed; {allowed}")


def _shown(value: object) -> str:
    match value:
        case dict():
            return "an object"
        case list():
            return "a list"
        case None | bool():
            return json.dumps(value)
        case _:
            text = repr(value)
            return text if len(text) <= 40 else f"{text[:37]}..."


def _under(at: str, key: str) -> str:
    """The way to a key; one that is no plain word is quoted, so that it stays on its line."""
    word = key if key.isascii() and key.isidentifier() else repr(key[:40])
    return f"{at}.{word}" if at else word
