"""Where a time axis gets its labels: round moments of the operator's own clock, at most a handful."""

from datetime import datetime, time, timedelta, tzinfo

from bot.domain.market import DAY_MS, HOUR_MS, MINUTE_MS
from handlers.format import local

STEPS_MS = tuple(minutes * MINUTE_MS for minutes in (1, 2, 5, 10, 15, 30)) + tuple(
    hours * HOUR_MS for hours in (1, 2, 3, 4, 6, 8, 12)
)
STEPS_DAYS = (1, 2, 3, 7, 14, 28, 56, 91, 182, 365)

type Ticks = list[tuple[int, str]]


def time_ticks(first_ms: int, last_ms: int, zone: tzinfo, most: int = 7) -> Ticks:
    """Round moments between two times with their labels; the first label of a day carries the date."""
    span = max(1, last_ms - first_ms)
    step = next((step for step in STEPS_MS if span / step <= most), 0)
    if step:
        return _clock_ticks(first_ms, last_ms, zone, step)
    days = next((days for days in STEPS_DAYS if span / (days * DAY_MS) <= most), 730)
    return _day_ticks(first_ms, last_ms, zone, days)


def _clock_ticks(first_ms: int, last_ms: int, zone: tzinfo, step: int) -> Ticks:
    ticks: Ticks = []
    seen = ""
    at_ms = _midnight_ms(local(first_ms, zone))
    while at_ms <= last_ms:
        if at_ms >= first_ms:
            moment = local(at_ms, zone)
            day = f"{moment:%d %b}"
            ticks.append((at_ms, f"{moment:%H:%M}" if day == seen else f"{moment:%H:%M}\n{day}"))
            seen = day
        at_ms += step
    return ticks


def _day_ticks(first_ms: int, last_ms: int, zone: tzinfo, days: int) -> Ticks:
    moments: list[datetime] = []
    moment = datetime.combine(local(first_ms, zone).date() + timedelta(days=1), time(), zone)
    while moment.timestamp() * 1000 <= last_ms:
        moments.append(moment)
        # Calendar days, not 24 hours: a day of the clock change is longer or shorter.
        moment = datetime.combine(moment.date() + timedelta(days=days), time(), zone)
    several_years = len({moment.year for moment in moments}) > 1
    pattern = "%d %b\n%Y" if several_years else "%d %b"
    return [(round(moment.timestamp() * 1000), f"{moment:{pattern}}") for moment in moments]


def _midnight_ms(moment: datetime) -> int:
    return round(datetime.combine(moment.date(), time(), moment.tzinfo).timestamp() * 1000)


def zone_label(at_ms: int, zone: tzinfo) -> str:
    """What the time axis is called: time, UTC+01:00."""
    return f"time, UTC{local(at_ms, zone):%:z}"
