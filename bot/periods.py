"""Calendar periods of an operator's time zone, and what the trades closed in each of them came to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum

from bot.domain.trade import Trade
from bot.performance import Tally, tally


class Period(StrEnum):
    """Calendar periods of an operator's time zone; weeks begin on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    def begin(self, day: date) -> date:
        """The first day of the period that `day` falls into."""
        if self is Period.WEEK:
            return day - timedelta(days=day.weekday())
        return day.replace(day=1) if self is Period.MONTH else day

    def following(self, begin: date) -> date:
        """The first day of the next period."""
        if self is Period.MONTH:
            return (begin.replace(day=28) + timedelta(days=4)).replace(day=1)
        return begin + timedelta(days=7 if self is Period.WEEK else 1)

    def label(self, begin: date) -> str:
        """How the period is called: 2026-11-21, 2026-W47, 2026-11."""
        if self is Period.WEEK:
            return f"{begin:%G-W%V}"
        return f"{begin:%Y-%m}" if self is Period.MONTH else f"{begin:%Y-%m-%d}"


@dataclass(frozen=True, slots=True)
class PeriodResult:
    """What the trades closed within one period came to; `begins_at_ms` is its first moment."""

    label: str
    begins_at_ms: int
    tally: Tally


def per_period(
    trades: Sequence[Trade], period: Period, zone: tzinfo, now_ms: int, count: int
) -> tuple[PeriodResult, ...]:
    """The last `count` periods up to now, oldest first, quiet ones too; a trade counts where it closed."""
    members: dict[date, list[Trade]] = {}
    for trade in trades:
        members.setdefault(period.begin(local_day(trade.closed_at_ms, zone)), []).append(trade)
    begins = _last_begins(period, local_day(now_ms, zone), count)
    return tuple(
        PeriodResult(period.label(day), day_begins_at_ms(day, zone), tally(members.get(day, ())))
        for day in begins
    )


def periods_begin_at_ms(period: Period, zone: tzinfo, now_ms: int, count: int) -> int:
    """The first moment of the last `count` periods: how far back trades are needed."""
    return day_begins_at_ms(_last_begins(period, local_day(now_ms, zone), count)[0], zone)


def _last_begins(period: Period, today: date, count: int) -> list[date]:
    begins = [period.begin(today)]
    while len(begins) < count:
        begins.append(period.begin(begins[-1] - timedelta(days=1)))
    return begins[::-1]


def local_day(at_ms: int, zone: tzinfo) -> date:
    """The calendar day of a moment in a time zone."""
    return (datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=at_ms)).astimezone(zone).date()


def day_begins_at_ms(day: date, zone: tzinfo) -> int:
    """The first moment of a calendar day in a time zone."""
    return round(datetime.combine(day, time(), zone).timestamp() * 1000)
