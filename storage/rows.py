"""Domain values to rows and back: columns are named as fields, times without the `_ms` that the type says anyway."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from enum import StrEnum
from types import NoneType
from typing import Any, get_args, get_type_hints

from sqlalchemy import RowMapping

from bot.domain.account import EquityPoint
from bot.domain.action import RecordDifference, RecordNote, RecordSetting
from bot.domain.fill import Fill
from bot.domain.guard import Halt, Kill, KillReset
from bot.domain.market import FundingRate
from bot.domain.order import Intent, Order
from bot.domain.position import Position
from bot.domain.snapshot import DayFigures
from bot.domain.trade import Trade

type Values = dict[str, Any]


class Flat[T]:
    """A dataclass whose fields are columns of one table; `left_out` ones are somebody else's."""

    def __init__(self, cls: Callable[..., T], *left_out: str) -> None:
        """Read the fields of the class."""
        hints = get_type_hints(cls)
        self._cls = cls
        self._columns = {
            field.name: field.name.removesuffix("_ms")
            for field in fields(cls)  # type: ignore[arg-type]
            if field.name not in left_out
        }
        self._enums = {name: _enum(hints[name]) for name in self._columns if _enum(hints[name])}

    def row(self, account: str, value: T) -> Values:
        """The row of a value."""
        row = {column: getattr(value, name) for name, column in self._columns.items()}
        row["account"] = account
        return row

    def arguments(self, row: RowMapping | Mapping[str, Any]) -> Values:
        """The fields that a row holds, as constructor arguments."""
        arguments = {name: row[column] for name, column in self._columns.items()}
        for name, enum in self._enums.items():
            if enum and arguments[name] is not None:
                arguments[name] = enum(arguments[name])
        return arguments

    def value(self, row: RowMapping | Mapping[str, Any]) -> T:
        """The value of a row."""
        return self._cls(**self.arguments(row))


def _enum(hint: Any) -> type[StrEnum] | None:
    for kind in get_args(hint) or (hint,):
        if kind is not NoneType and isinstance(kind, type) and issubclass(kind, StrEnum):
            return kind
    return None


DAYS = Flat(DayFigures)
DIFFERENCES = Flat(RecordDifference)
EQUITY = Flat(EquityPoint)
FILLS = Flat(Fill, "leg")
FUNDING = Flat(FundingRate)
HALTS = Flat(Halt)
KILLS = Flat(Kill)
KILL_RESETS = Flat(KillReset)
POSITIONS = Flat(Position)
SETTING_CHANGES = Flat(RecordSetting)
TRADES = Flat(Trade)
TRADE_NOTES = Flat(RecordNote)
_INTENTS = Flat(Intent)
_ORDERS = Flat(Order, "intent")


def order_row(account: str, order: Order) -> Values:
    """An order and its intent in one row."""
    return _INTENTS.row(account, order.intent) | _ORDERS.row(account, order)


def order(row: RowMapping) -> Order:
    """The order of a row."""
    return Order(intent=_INTENTS.value(row), **_ORDERS.arguments(row))
