"""How one person gets one notice: whether at all, with or without a sound, short or in full."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum

from bot.domain.notice import Notice, Severity
from bot.runtime.wishes import DETAIL, HOURS

_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
_EPOCH = datetime.fromtimestamp(0, UTC)


class Sound(StrEnum):
    """OFF is not delivered, QUIET without a sound."""

    ON = "on"
    QUIET = "quiet"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Hours:
    """A part of the day, in minutes since midnight; it may reach over midnight."""

    first: int
    last: int

    def __contains__(self, minute: int) -> bool:
        """True for minutes from `first` on and before `last`."""
        if self.first <= self.last:
            return self.first <= minute < self.last
        return minute >= self.first or minute < self.last


def read_hours(text: str) -> Hours | None:
    """The hours written as 22:00-07:00; None for anything else."""
    found = _HOURS.fullmatch(text)
    if found is None:
        return None
    first_hour, first_minute, last_hour, last_minute = (int(part) for part in found.groups())
    return Hours(60 * first_hour + first_minute, 60 * last_hour + last_minute)


def minute_of_day(at_ms: int, zone: tzinfo) -> int:
    """Minutes since midnight in a time zone."""
    local = (_EPOCH + timedelta(milliseconds=at_ms)).astimezone(zone)
    return 60 * local.hour + local.minute


def sound_of(notice: Notice, wishes: Mapping[str, str], wall_ms: int, zone: tzinfo) -> Sound:
    """Critical ones and those for one person alone always come, critical ones with a sound whatever the hour."""
    if notice.severity is Severity.CRITICAL:
        return Sound.ON
    wish = Sound.ON if notice.to else Sound(wishes.get(notice.kind.value, Sound.ON))
    hours = read_hours(wishes.get(HOURS, ""))
    is_night = hours is not None and minute_of_day(wall_ms, zone) in hours
    return Sound.QUIET if is_night and wish is Sound.ON else wish


def is_short(notice: Notice, wishes: Mapping[str, str]) -> bool:
    """True when only the headline is wanted; critical ones are always told in full."""
    return notice.severity is not Severity.CRITICAL and wishes.get(DETAIL) == "short"
