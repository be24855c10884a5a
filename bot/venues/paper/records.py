"""Which row of the paper books says what. Money is written as exact decimal text.

account   main         owner, wallet, counters
clock     main         the bar that comes next
position  symbol       quantity, entry, leverage, isolated margin (flat ones too, for their leverage)
order     venue id     a working order
ended     venue id     the last word on an order that is over
fill      trade id
funding   payment id
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

import orjson
from cattrs import BaseValidationError, Converter

from bot.domain.errors import StorageError
from bot.domain.event import FundingPaid, OrderUpdated
from bot.domain.fill import Fill
from bot.domain.position import Position
from bot.venues.books import PaperRow
from bot.venues.matching import BookedOrder

MAIN = "main"


class Kind(StrEnum):
    """Kinds of rows."""

    ACCOUNT = "account"
    CLOCK = "clock"
    POSITION = "position"
    ORDER = "order"
    ENDED = "ended"
    FILL = "fill"
    FUNDING = "funding"


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """Whose books these are, and what belongs to no symbol."""

    account: str
    wallet: Decimal
    next_order: int
    next_trade: int


@dataclass(frozen=True, slots=True)
class ClockRecord:
    """The bar that comes next, by its opening time."""

    next_open_at_ms: int


type Record = AccountRecord | ClockRecord | Position | BookedOrder | OrderUpdated | Fill | FundingPaid

_converter = Converter()
_converter.register_unstructure_hook(Decimal, str)
_converter.register_structure_hook(Decimal, lambda text, _: Decimal(text))


def write(kind: Kind, key: str, record: Record) -> PaperRow:
    """The row of a record."""
    return PaperRow(kind.value, key, orjson.dumps(_converter.unstructure(record)).decode())


def removed(kind: Kind, key: str) -> PaperRow:
    """The row that removes one."""
    return PaperRow(kind.value, key, "")


def clock(next_open_at_ms: int) -> PaperRow:
    """The clock's row; written every bar, so without a detour."""
    return PaperRow(Kind.CLOCK.value, MAIN, f'{{"next_open_at_ms":{next_open_at_ms}}}')


def read[R: Record](row: PaperRow, cls: type[R]) -> R:
    """The record of a row; raises StorageError when it cannot be one."""
    try:
        return _converter.structure(orjson.loads(row.body), cls)
    except (BaseValidationError, ArithmeticError, ValueError, TypeError, KeyError):
        raise StorageError(f"paper books: row {row.kind} {row.key} cannot be read") from None


def resumes_at_ms(rows: Iterable[PaperRow]) -> int:
    """Opening time of the bar at which saved books go on; 0 for books that have not begun."""
    return next((read(row, ClockRecord).next_open_at_ms for row in rows if row.kind == Kind.CLOCK), 0)


def number(venue_id: str) -> int:
    """The counter inside `p12` or `t7`, for rows in the order in which they came."""
    return int(venue_id[1:])
