"""Fields of rows that may hold anything: what cannot be read is absent, never an exception."""

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from math import isfinite

from bot.domain.instrument import ZERO

_LONGEST = 60
_FURTHEST = 30
_LATEST_MS = 10**14


class Row:
    """One JSON object of Bybit's, read field by field. Numbers are text there; an empty text is no number."""

    __slots__ = ("fields",)

    def __init__(self, fields: Mapping[str, object]) -> None:
        self.fields = fields

    def text(self, key: str) -> str:
        """A text; empty when it is absent or something else."""
        value = self.fields.get(key)
        return value if isinstance(value, str) and len(value) <= _LONGEST else ""

    def number(self, key: str) -> Decimal | None:
        """A finite number of a sane size; None when it is absent or none."""
        return number(self.fields.get(key))

    def amount(self, key: str) -> Decimal:
        """A number; zero when it is absent."""
        found = number(self.fields.get(key))
        return ZERO if found is None else found

    def price(self, key: str) -> Decimal | None:
        """A number above zero; Bybit writes `0` and nothing alike where there is no price."""
        found = number(self.fields.get(key))
        return found if found is not None and found > ZERO else None

    def whole(self, key: str, default: int = 0) -> int:
        """An integer; `default` when it is absent or none."""
        found = number(self.fields.get(key))
        return default if found is None or found != found.to_integral_value() else int(found)

    def ms(self, key: str) -> int:
        """A time in ms; zero when it is absent or none."""
        found = self.whole(key)
        return found if 0 < found < _LATEST_MS else 0

    def flag(self, key: str) -> bool:
        """True only for a JSON true."""
        return self.fields.get(key) is True

    def part(self, key: str) -> "Row":
        """An object inside; an empty one when it is absent."""
        return Row(mapping(self.fields.get(key)))

    def rows(self, key: str) -> list["Row"]:
        """The objects of a list inside."""
        return rows(self.fields.get(key))

    def texts(self, key: str) -> tuple[str, ...]:
        """The texts of a list inside."""
        value = self.fields.get(key)
        return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def mapping(value: object) -> Mapping[str, object]:
    """The value when it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def rows(value: object) -> list[Row]:
    """The JSON objects of a JSON list."""
    found: Iterable[object] = value if isinstance(value, list) else ()
    return [Row(one) for one in found if isinstance(one, dict)]


def result(body: object) -> Row:
    """What an answer's envelope holds."""
    return Row(mapping(mapping(body).get("result")))


def number(value: object) -> Decimal | None:
    """A finite number of a sane size, from text, integer or float."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, float):
        if not isfinite(value):
            return None
        value = repr(value)
    elif isinstance(value, int) and abs(value) >= 10**_FURTHEST:
        return None
    text = str(value)
    if not text or len(text) > _LONGEST or "_" in text:
        return None
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None
    sane = found.is_finite() and (not found or abs(found.adjusted()) <= _FURTHEST)
    return found if sane else None
