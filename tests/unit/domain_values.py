"""Hypothesis strategies for domain values, built from their type hints; figures finite, times in this century."""

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from decimal import Decimal
from enum import Enum
from typing import Any, TypeAliasType, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from bot.runtime.codec import is_union

CENTURY_MS = 4_102_444_800_000

texts = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00"), max_size=12)
symbols = st.sampled_from(["BTCUSDT", "ETHUSDT", "1000PEPEUSDT", "币安人生USDT"])
decimals = st.builds(
    lambda digits, places: Decimal(digits).scaleb(-places),
    st.integers(-(10**20), 10**20),
    st.integers(-4, 12),
)
times = st.integers(0, CENTURY_MS)
floats = st.floats(allow_nan=False, allow_infinity=False)

PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    int: st.integers(-(2**31), 2**31 - 1),
    float: floats,
    bool: st.booleans(),
    str: texts,
    Decimal: decimals,
    type(None): st.none(),
}


def of(annotation: Any, **given: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Values of a type hint; `given` fixes single fields of a dataclass."""
    if isinstance(annotation, TypeAliasType):
        return of(annotation.__value__)
    if annotation in PLAIN:
        return PLAIN[annotation]
    if is_union(annotation):
        return st.one_of([of(part) for part in get_args(annotation)])
    if get_origin(annotation) is tuple:
        return _tuples(get_args(annotation))
    if get_origin(annotation) is Mapping:
        return st.dictionaries(symbols, of(get_args(annotation)[1]), max_size=3)
    if issubclass(annotation, Enum):
        return st.sampled_from(list(annotation))
    assert is_dataclass(annotation), annotation
    return _instances(annotation, given)


def _tuples(parts: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    if parts[-1] is Ellipsis:
        return st.lists(of(parts[0]), max_size=3).map(tuple)
    return st.tuples(*map(of, parts))


def _instances(cls: type, given: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    hints = get_type_hints(cls)
    arguments = {name: given[name] if name in given else _field(name, hint) for name, hint in hints.items()}
    required = {f.name for f in fields(cls) if f.default is MISSING and f.default_factory is MISSING}
    sparse = {name: value for name, value in arguments.items() if name in required or name in given}
    return st.builds(cls, **sparse) | st.builds(cls, **arguments)


def _field(name: str, hint: Any) -> st.SearchStrategy[Any]:
    if name == "symbol":
        return symbols
    return times if name.endswith("_ms") and hint is int else of(hint)
