"""How figures are written for people: money, prices, quantities, times, durations. Never an exponent, never a NaN.

Prices and quantities carry the instrument's own precision and no thousands mark, so that they can be copied into a
command. What is not known is written as a dash.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from math import isfinite
from zoneinfo import ZoneInfo

from bot.domain.instrument import Instrument
from bot.domain.market import DAY_MS, HOUR_MS, MINUTE_MS

UNKNOWN = "–"
"""Stands where there is no figure."""

GROUPED_FROM = 100_000
"""Money from here on is written with thousands marks: 123,456.70."""

EPOCH = datetime.fromtimestamp(0, UTC)

type Number = Decimal | float | int


def number(value: Number | None, digits: int = 2, *, signed: bool = False, grouped: bool = False) -> str:
    """A figure with a fixed number of digits; a rounded zero has no sign."""
    if value is None or not isfinite(value):
        return UNKNOWN
    marks = "," if grouped and not -GROUPED_FROM < value < GROUPED_FROM else ""
    text = f"{value:{marks}.{digits}f}"
    if not text.strip("-0.,"):
        return text.removeprefix("-")
    return f"+{text}" if signed and not text.startswith("-") else text


def amount(value: Number | None, *, signed: bool = True) -> str:
    """Money without its currency, for columns that name it."""
    return number(value, 2, signed=signed, grouped=True)


def money(value: Number | None, quote: str, *, signed: bool = True) -> str:
    """Money with sign and currency: +12.30 USDT. Balances and limits go without the sign."""
    text = amount(value, signed=signed)
    return text if text == UNKNOWN else f"{text} {quote}"


def percent(value: Number | None, digits: int = 2, *, signed: bool = False) -> str:
    """Per cent, given as such: 2.5 is written 2.50%."""
    text = number(value, digits, signed=signed)
    return text if text == UNKNOWN else f"{text}%"


def share(value: float | None, digits: int = 1) -> str:
    """A fraction as per cent: 0.625 is written 62.5%."""
    return percent(None if value is None else 100.0 * value, digits)


def plain(value: Number | None) -> str:
    """A figure with the digits it has, without trailing zeros and without an exponent."""
    if value is None or not isfinite(value):
        return UNKNOWN
    text = f"{Decimal(repr(float(value))) if isinstance(value, float) else Decimal(value):f}"
    short = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if short in {"", "-", "-0"} else short


def digits_of(step: Decimal) -> int:
    """How many digits behind the point a tick or step has."""
    exponent = step.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def price(value: Number | None, instrument: Instrument | None) -> str:
    """A price with the digits of the instrument's tick."""
    return plain(value) if instrument is None else number(value, digits_of(instrument.price_tick))


def quantity(value: Number | None, instrument: Instrument | None) -> str:
    """A quantity with the digits of the instrument's step."""
    return plain(value) if instrument is None else number(value, digits_of(instrument.quantity_step))


def size(value: Number | None, instrument: Instrument | None) -> str:
    """A quantity with the name of what is counted: 0.250 BTC."""
    text = quantity(value, instrument)
    return text if instrument is None or text == UNKNOWN else f"{text} {instrument.base}"


def duration(span_ms: int) -> str:
    """A span of time in its two largest units: 45s, 12m, 2h 15m, 3d 4h."""
    seconds = max(0, span_ms) // 1000
    if seconds < 60:
        return f"{seconds}s"
    if span_ms < HOUR_MS:
        return f"{span_ms // MINUTE_MS}m"
    if span_ms < DAY_MS:
        return _two(span_ms // HOUR_MS, "h", span_ms % HOUR_MS // MINUTE_MS, "m")
    return _two(span_ms // DAY_MS, "d", span_ms % DAY_MS // HOUR_MS, "h")


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large}{large_unit} {small}{small_unit}" if small else f"{large}{large_unit}"


def milliseconds(value: float) -> str:
    """A latency: 0.85 ms, 12 ms, 1.4 s."""
    if not isfinite(value):
        return UNKNOWN
    if value >= 1000:
        return f"{value / 1000:.1f} s"
    return f"{value:.0f} ms" if value >= 10 or not value else f"{value:.2f} ms"


def count(number_of: int, one: str, many: str = "") -> str:
    """A counted noun: 1 trade, 2 trades, 3 entries."""
    return f"{number_of} {one if number_of == 1 else many or one + 's'}"


def local(at_ms: int, zone: tzinfo) -> datetime:
    """A moment as calendar time in a zone."""
    return (EPOCH + timedelta(milliseconds=at_ms)).astimezone(zone)


def offset(moment: datetime) -> str:
    """The UTC offset of a moment: UTC, UTC+01:00, UTC-03:30."""
    text = f"{moment:%:z}"[:6]
    return "UTC" if text == "+00:00" else f"UTC{text}"


@dataclass(frozen=True, slots=True)
class Clock:
    """The operator's time zone and the desk's present, for writing moments."""

    zone: ZoneInfo
    now_ms: int

    def full(self, at_ms: int) -> str:
        """A moment with date and offset: 2026-11-21 04:15 UTC+01:00; a dash for never."""
        if at_ms <= 0:
            return UNKNOWN
        moment = local(at_ms, self.zone)
        return f"{moment:%Y-%m-%d %H:%M} {offset(moment)}"

    def short(self, at_ms: int) -> str:
        """A moment for tables: 21 Nov 04:15 +01:00, with the year when it is another one."""
        if at_ms <= 0:
            return UNKNOWN
        moment = local(at_ms, self.zone)
        this_year = moment.year == local(self.now_ms, self.zone).year
        return f"{moment:%d %b %H:%M}{'' if this_year else f' {moment.year}'} {moment:%:z}"

    def age(self, at_ms: int) -> str:
        """How long ago a moment was: 2h 15m."""
        return UNKNOWN if at_ms <= 0 else duration(self.now_ms - at_ms)

    def ago(self, at_ms: int) -> str:
        """How long ago a moment was, as an answer: 2h 15m ago, never."""
        return "never" if at_ms <= 0 else f"{self.age(at_ms)} ago"

    def until(self, at_ms: int) -> str:
        """How long until a moment: in 2h 15m, now."""
        if at_ms <= 0:
            return UNKNOWN
        return f"in {duration(at_ms - self.now_ms)}" if at_ms > self.now_ms else "now"
