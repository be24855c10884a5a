"""Cron lines as crontab(5) reads them: five fields, Sunday is 0 or 7, names of months and days allowed.

One difference: when both a day of the month and a day of the week are given, both must fit.
"""

import re
from calendar import monthrange
from dataclasses import dataclass

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_PART = re.compile(r"(?P<first>\*|\w+)(-(?P<last>\w+))?(/(?P<step>\d+))?")
_LEAP_YEAR = 2024


@dataclass(frozen=True, slots=True)
class _Field:
    """One of the five fields: its name, the numbers it may hold, and names that stand for numbers."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    def number(self, word: str) -> int:
        """A number or a name as a number; ValueError says what is allowed."""
        if word.lower() in self.names:
            return self.low + self.names.index(word.lower())
        if word.isdecimal() and self.low <= int(word) <= self.high:
            return int(word)
        raise ValueError(f"{self.name} {word!r} is not one of {self.low} to {self.high}")

    def numbers(self, text: str) -> tuple[int, ...]:
        """All numbers that the field's text stands for, in order."""
        found: set[int] = set()
        for part in text.split(","):
            found.update(self._part(part))
        return tuple(sorted(found))

    def _part(self, part: str) -> range:
        match = _PART.fullmatch(part)
        if match is None:
            raise ValueError(f"{self.name} {part!r} cannot be read")
        first, last, step = match["first"], match["last"], int(match["step"] or 1)
        if step == 0:
            raise ValueError(f"{self.name} {part!r} has a step of 0")
        if first == "*":
            return range(self.low, self.high + 1, step)
        low = self.number(first)
        high = self.number(last) if last else (self.high if match["step"] else low)
        if high < low:
            raise ValueError(f"{self.name} {part!r} runs backwards")
        return range(low, high + 1, step)


_MINUTE = _Field("minute", 0, 59)
_HOUR = _Field("hour", 0, 23)
_DAY = _Field("day", 1, 31)
_MONTH = _Field("month", 1, 12, _MONTHS)
_WEEKDAY = _Field("weekday", 0, 7, _DAYS)


@dataclass(frozen=True, slots=True)
class CronLine:
    """A cron line taken apart: the numbers of each field; weekdays by name, since counting differs."""

    text: str
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[str, ...]


def parse_cron(text: str) -> CronLine:
    """Take a cron line apart; ValueError says what is wrong and where."""
    fields = text.split()
    if len(fields) != 5:
        raise ValueError("five fields are wanted: minute hour day month weekday")
    minutes, hours, days, months = (
        field.numbers(part) for field, part in zip((_MINUTE, _HOUR, _DAY, _MONTH), fields[:4], strict=True)
    )
    if all(min(days) > monthrange(_LEAP_YEAR, month)[1] for month in months):
        raise ValueError(f"day {min(days)} never comes in these months")
    weekdays = sorted({number % 7 for number in _WEEKDAY.numbers(fields[4])})
    return CronLine(" ".join(fields), minutes, hours, days, months, tuple(_DAYS[n] for n in weekdays))
