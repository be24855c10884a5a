"""Cells as figures and times: one unit per file; what is no number is told with its line."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from research.history.report import CandleFileError, Faults, Mask
from research.history.tables import Table

type Floats = NDArray[np.float64]
type Integers = NDArray[np.int64]

NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
NOT_FINITE = r"^(?i:[+-]?(nan|inf|infinity))$"
UNITS = ("seconds", "milliseconds", "microseconds", "nanoseconds")
"""Units of a time as a number, each a thousand times finer than the one before."""
DAY = r"\d{4}(?P<dash>[-/]?)\d{2}(?P=dash)\d{2}"
CLOCK = r"[T ]\d{2}(:?\d{2}(:?\d{2}(\.\d{1,9})?)?)?"
ISO = re.compile(rf"{DAY}({CLOCK}( ?[+-]\d{{2}}(:?\d{{2}})?|[Zz])?)?", re.ASCII)
"""The ISO-8601 that is read; no weeks, no days of the year, no 24:00, and no zones by name."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
SUNDAY = 3
"""Of days since 1970, which began on a Thursday."""
EARLIEST_S, LATEST_S = 946_684_800, 4_102_444_800
"""From 2000 to 2100: the range in which a number of one unit cannot be mistaken for another."""
ONE_KIND = "allowed: one kind of time per file"


def figures(table: Table, name: str, faults: Faults) -> Floats:
    """One column as floats; a cell that is no finite number is a fault (and NaN)."""
    column = table.columns[name]
    if _is_text(column):
        numbers, bad = _numbers(column)
        faults.add(bad, lambda i: f"{name} {_shown(column[i])} is no number; allowed: 123 or 123.45")
    elif _is_numeric(column):
        numbers = column
    else:
        raise CandleFileError(f"{table.path}: column {name} holds {column.type}; allowed: numbers")
    values = _floats(numbers)
    faults.add(~np.isfinite(values), lambda i: f"{name} is {values[i]}; allowed: finite numbers")
    return values


def times_ms(table: Table, faults: Faults) -> Integers:
    """The times in UTC milliseconds: numbers in s, ms, us or ns, timestamps, or ISO-8601 text (UTC if unsaid)."""
    column = table.columns["timestamp"]
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        return _timestamps(column, faults)
    if _is_text(column):
        return _text_times(column, faults)
    if not _is_numeric(column):
        raise CandleFileError(
            f"{table.path}: column timestamp holds {column.type}; allowed: numbers or ISO-8601"
        )
    return _number_times(_floats(column), faults)


def symbols(table: Table) -> NDArray[np.str_] | None:
    """The symbol of every record where the file says so, in capitals without separators."""
    if "symbol" not in table.columns:
        return None
    column = table.columns["symbol"].cast(pa.string()).fill_null("").combine_chunks().dictionary_encode()
    names = [_symbol(name) for name in column.dictionary.to_pylist()]
    return np.asarray(np.array(names, dtype=np.str_)[column.indices.to_numpy()])


def _symbol(name: str) -> str:
    """`btc/usdt:usdt` and `BTC-USDT` are BTCUSDT."""
    return "".join(part for part in name.upper().split(":")[0] if part.isalnum())


def _is_text(column: Any) -> bool:
    return bool(pa.types.is_string(column.type) or pa.types.is_large_string(column.type))


def _is_numeric(column: Any) -> bool:
    kind = column.type
    return any(
        test(kind)
        for test in (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)
    )


def _floats(column: Any) -> Floats:
    """A numeric column as an own array; nulls become NaN."""
    cast = column.cast(pa.float64(), safe=False)
    return np.asarray(cast.to_numpy(zero_copy_only=False), dtype=np.float64)


def _numbers(column: Any) -> tuple[Any, Mask]:
    """A text column as numbers, and which cells are none."""
    import pyarrow.compute as pc  # takes longer to read than a file without a fault

    plain = pc.utf8_trim_whitespace(column.fill_null(""))
    try:
        return plain.cast(pa.float64()), np.zeros(len(column), dtype=np.bool_)
    except pa.ArrowInvalid:
        good = pc.or_(pc.match_substring_regex(plain, NUMBER), pc.match_substring_regex(plain, NOT_FINITE))
        return pc.if_else(good, plain, "nan").cast(pa.float64()), ~good.to_numpy(zero_copy_only=False)


def _shown(cell: Any) -> str:
    """A cell as it stands in the file, short and printable."""
    text = str(cell.as_py() or "").strip()
    return repr(text[:24]) if text else "(empty)"


def _timestamps(column: Any, faults: Faults) -> Integers:
    """Arrow timestamps and dates."""
    empty = column.is_null().to_numpy(zero_copy_only=False)
    faults.add(empty, lambda _: "time is empty; allowed: one time for each candle")
    times = column.cast(pa.timestamp("ms"), safe=False).cast(pa.int64()).fill_null(EARLIEST_S * 1000)
    return _within_reason(times.to_numpy(zero_copy_only=False), faults)


def _text_times(column: Any, faults: Faults) -> Integers:
    """Text: all cells numbers or all ISO-8601, whatever most of them are."""
    numbers, is_text = _numbers(column)
    if is_text.sum() * 2 <= len(is_text):
        faults.add(is_text, lambda i: f"time {_shown(column[i])} is no number as in other rows; {ONE_KIND}")
        return _number_times(_floats(numbers), faults)
    faults.add(~is_text, lambda i: f"time {_shown(column[i])} is a number, other rows have text; {ONE_KIND}")
    return _iso_times(column, faults)


def _iso_times(column: Any, faults: Faults) -> Integers:
    moments = [_moment(cell) for cell in column.to_pylist()]
    bad = np.array([moment is None for moment in moments], dtype=np.bool_)
    faults.add(
        bad, lambda i: f"time {_shown(column[i])} is no time; allowed: ISO-8601 or s, ms, us, ns since 1970"
    )
    times = np.array([_ms_of(moment) if moment else EARLIEST_S * 1000 for moment in moments], np.int64)
    bare = np.array([moment is not None and moment.tzinfo is None for moment in moments], dtype=np.bool_)
    if not bad.any():
        _refuse_local_times(times, bare, faults)
    return _within_reason(times, faults)


def _moment(cell: str | None) -> datetime | None:
    """One time; without a zone where the text has none, None where it is no time.

    The standard library reads it, for commands that start quickly have no pandas.
    """
    text = (cell or "").strip()
    if ISO.fullmatch(text) is None:
        return None
    try:
        return datetime.fromisoformat(
            text.replace("/", "-").replace(" +", "+").replace(" -", "-").replace("z", "Z")
        )
    except ValueError:
        return None


def _ms_of(moment: datetime) -> int:
    """Milliseconds since 1970; UTC where no zone is said."""
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH) // MILLISECOND


def _refuse_local_times(times: Integers, bare: Mask, faults: Faults) -> None:
    """Times without an offset that jump back by an hour, or leave one out in a night in which clocks change.

    Both say that they are local times of a place with daylight saving: an hour stands there twice, and all others may
    be anywhere. The same hour twice in hourly candles is two candles of one time, which is refused anyway.
    """
    steps = np.diff(times)
    if not len(steps):
        return
    usual = int(np.median(steps))
    forward = 1 if usual > 0 else -1
    later = np.where(forward > 0, times[1:], times[:-1])
    hour = later // HOUR_MS % 24
    night = (later // DAY_MS % 7 == SUNDAY) & (hour <= 3) & _clocks_change(later)
    back = (steps == usual - forward * HOUR_MS) & night
    ahead = (steps == usual + forward * HOUR_MS) & night
    if (steps * forward <= 0).sum() != back.sum():
        return  # in no order at all: nothing can be told
    both = bare[1:] & bare[:-1] & (abs(usual) < HOUR_MS)
    for found, words in ((back, "goes back by an hour"), (ahead, "leaves out an hour")):
        faults.add(
            np.concatenate(([False], found & both)),
            lambda i, words=words: (  # type: ignore[misc]
                f"time {words} in a night in which clocks change: local time? allowed: UTC, or an offset such as +02:00"
            ),
        )


def _clocks_change(times: Integers) -> Mask:
    """Days of March, April, September, October and November, in which clocks are changed somewhere."""
    months = times.astype("datetime64[ms]").astype("datetime64[M]").astype(np.int64) % 12 + 1
    return np.isin(months, (3, 4, 9, 10, 11))


def _number_times(numbers: Floats, faults: Faults) -> Integers:
    """Numbers of one unit, which their size tells."""
    faults.add(np.isnan(numbers), lambda _: "time is empty; allowed: one time for each candle")
    unit = _units(numbers)
    faults.add(unit < 0, lambda i: f"time {numbers[i]:.16g} is no time from 2000 to 2100 in s, ms, us or ns")
    usual = int(np.argmax(np.bincount(unit[unit >= 0], minlength=len(UNITS))))
    other = (unit >= 0) & (unit != usual)
    faults.add(
        other,
        lambda i: (
            f"time {numbers[i]:.16g} is in {UNITS[unit[i]]}, most rows in {UNITS[usual]}; allowed: one unit per file"
        ),
    )
    known = np.where(unit == usual, numbers, EARLIEST_S * 1000.0**usual)
    return np.rint(known * 1000.0 ** (1 - usual)).astype(np.int64)


def _units(numbers: Floats) -> NDArray[np.int64]:
    """Index into UNITS by size, -1 where it fits none."""
    found = np.full(len(numbers), -1, dtype=np.int64)
    for unit in range(len(UNITS)):
        scale = 1000.0**unit
        found[(numbers >= EARLIEST_S * scale) & (numbers < LATEST_S * scale)] = unit
    return found


def _within_reason(times: Integers, faults: Faults) -> Integers:
    out = (times < EARLIEST_S * 1000) | (times >= LATEST_S * 1000)
    faults.add(out, lambda _: "time lies outside the years 2000 to 2100")
    return times
