"""Figures and texts out of answers and frames that may hold anything; what cannot be read is None, never an error."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from math import isfinite

from bot.domain.instrument import ZERO

type Row = Mapping[str, object]

EMPTY: Row = {}
LONGEST = 40  # digits of a figure; what is longer is no price, quantity or id
WIDEST = 30  # powers of ten a figure may span
LARGEST_WHOLE = 2**63


def row(value: object) -> Row:
    """The value when it is an object with keys, else an empty one."""
    return value if isinstance(value, dict) else EMPTY


def rows(value: object) -> Sequence[Row]:
    """The objects in a list; a single object is a list of one."""
    if isinstance(value, dict):
        return (value,)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else ()


def text(source: Row, key: str) -> str:
    """A text or a whole number as text; empty when there is neither."""
    value = source.get(key)
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def figure(source: Row, key: str) -> Decimal | None:
    """A finite figure of sensible size, from text or number."""
    value = source.get(key)
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        return None
    if isinstance(value, int) and abs(value) >= LARGEST_WHOLE:
        return None
    words = value if isinstance(value, str) else str(value)
    if not words or len(words) > LONGEST:
        return None
    try:
        found = Decimal(words)
    except InvalidOperation:
        return None
    return found if found.is_finite() and abs(found.adjusted()) <= WIDEST else None


def amount(source: Row, key: str) -> Decimal:
    """A figure, zero when there is none."""
    found = figure(source, key)
    return ZERO if found is None else found


def price(source: Row, key: str) -> Decimal | None:
    """A figure above zero: exchanges write 0 for `no price`."""
    found = figure(source, key)
    return found if found is not None and found > ZERO else None


def number(source: Row, key: str) -> float | None:
    """A finite float, for what the market says."""
    found = figure(source, key)
    if found is None:
        return None
    value = float(found)
    return value if isfinite(value) else None


def positive(source: Row, key: str) -> float | None:
    """A float above zero."""
    found = number(source, key)
    return found if found is not None and found > 0.0 else None


def whole(source: Row, key: str) -> int | None:
    """A whole number of at most 63 bits, from text or number."""
    found = figure(source, key)
    if found is None or found != found.to_integral_value():
        return None
    value = int(found)
    return value if abs(value) < LARGEST_WHOLE else None


def moment(source: Row, key: str) -> int | None:
    """A time in ms, above zero."""
    found = whole(source, key)
    return found if found is not None and found > 0 else None


def truth(source: Row, key: str) -> bool:
    """A yes, as true or as text."""
    value = source.get(key)
    return value is True or (isinstance(value, str) and value.lower() == "true")


def plain(value: Decimal) -> str:
    """A figure as exchanges want it: no exponent, no trailing zeros."""
    return format(value.normalize(), "f") if value else "0"
