"""Tables as CSV files: exact decimals, times in UTC and in the operator's zone, texts that no spreadsheet runs."""

import csv
from collections.abc import Iterable, Sequence
from decimal import Decimal
from io import StringIO
from zoneinfo import ZoneInfo

from handlers.format import local
from handlers.reply import Attachment
from handlers.text import clean

FORMULA = ("=", "+", "-", "@", "|", "%", "\t", "\r")
"""A text cell that begins so is taken for a formula by spreadsheets: an apostrophe before it makes it text again."""

type Cell = Decimal | int | float | str | None


def csv_file(name: str, head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Attachment:
    """A CSV file in UTF-8 with a line of column names."""
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(head)
    writer.writerows([cell(value) for value in row] for row in rows)
    return Attachment(name, text.getvalue().encode())


def cell(value: Cell) -> str:
    """A value as it stands in the file: numbers with all their digits and no exponent, unknown ones empty."""
    if value is None:
        return ""
    if isinstance(value, str):
        text = clean(value)
        return f"'{text}" if text.startswith(FORMULA) else text
    return format(Decimal(repr(value)) if isinstance(value, float) else Decimal(value), "f")


def moments(at_ms: int, zone: ZoneInfo) -> tuple[str, str]:
    """A moment in UTC and in a zone, ISO 8601 with milliseconds and offset; empty for never."""
    if at_ms <= 0:
        return "", ""
    there = (local(at_ms, of) for of in (ZoneInfo("UTC"), zone))
    utc, own = (moment.isoformat(timespec="milliseconds") for moment in there)
    return utc, own
