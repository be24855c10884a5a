"""Walk-forward: a span of time cut into windows to choose parameters on, each followed by one to judge them on."""

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.domain.errors import ConfigError

MOST_FOLDS = 1_000
MOST_LENGTH = {"m": 240, "w": 1_000, "d": 7_000}
ALLOWED = "months, weeks or days like 3m, 6w, 30d"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Fold:
    """One step of a walk-forward, UTC milliseconds: bars that open in from <= open < to belong to a window.

    The test window follows the train window at once: `train_to_ms` = `test_from_ms`.
    """

    train_from_ms: int
    train_to_ms: int
    test_from_ms: int
    test_to_ms: int


@dataclass(frozen=True, slots=True)
class Length:
    """A length of time in calendar months (UTC) and days."""

    months: int = 0
    days: int = 0

    def __mul__(self, count: int) -> "Length":
        """So many of them."""
        return Length(self.months * count, self.days * count)

    def __add__(self, other: "Length") -> "Length":
        """Both together."""
        return Length(self.months + other.months, self.days + other.days)

    def after(self, at_ms: int) -> int:
        """The moment that lies this length later; a day that a month lacks becomes the month's last."""
        at = _EPOCH + timedelta(milliseconds=at_ms)
        year, month = divmod(at.year * 12 + at.month - 1 + self.months, 12)
        day = min(at.day, calendar.monthrange(year, month + 1)[1])
        moved = at.replace(year=year, month=month + 1, day=day) + timedelta(days=self.days)
        return (moved - _EPOCH) // timedelta(milliseconds=1)


def length_of(text: str) -> Length:
    """`3m` (calendar months), `6w` or `30d`; ConfigError for anything else."""
    found = re.fullmatch(r"\s*([0-9]{1,4})\s*([mwd])\s*", text.lower(), re.ASCII)
    if not found or not 1 <= int(found[1]) <= MOST_LENGTH[found[2]]:
        raise ConfigError(f"walk-forward window {text[:40]!r} is not allowed; allowed: {ALLOWED}")
    count, unit = int(found[1]), found[2]
    return Length(months=count) if unit == "m" else Length(days=count * (7 if unit == "w" else 1))


def windows_of(text: str) -> tuple[str, str]:
    """Train and test window of `3m/1m`; ConfigError for anything else."""
    train, slash, test = text.partition("/")
    if not slash:
        raise ConfigError(f"walk-forward {text[:40]!r} is not allowed; allowed: TRAIN/TEST, {ALLOWED}: 3m/1m")
    length_of(train)
    length_of(test)
    return train.strip(), test.strip()


def folds(first_ms: int, end_ms: int, train: str, test: str) -> tuple[Fold, ...]:
    """Folds over first_ms <= t < end_ms, each one test window later than the one before; test windows never overlap.

    Months are counted from `first_ms` on, so a year gives nine folds of 3m/1m whatever day it begins. A last test
    window that is there by more than half is kept and ends at `end_ms`. ConfigError when there is no fold at all.
    """
    training, testing = length_of(train), length_of(test)
    found: list[Fold] = []
    while True:
        fold = _fold(first_ms, testing * len(found), training, testing)
        if (fold.test_from_ms + fold.test_to_ms) / 2 >= end_ms:
            break
        if len(found) == MOST_FOLDS:
            raise ConfigError(
                f"walk-forward {train}/{test}: more than {MOST_FOLDS:,} folds; take longer windows"
            )
        found.append(
            Fold(fold.train_from_ms, fold.train_to_ms, fold.test_from_ms, min(fold.test_to_ms, end_ms))
        )
    if not found:
        days = max(0, end_ms - first_ms) / 86_400_000
        raise ConfigError(
            f"walk-forward {train}/{test}: the candles span {days:.1f} days, too few for one train and test window"
        )
    return tuple(found)


def _fold(first_ms: int, begun: Length, training: Length, testing: Length) -> Fold:
    trained = begun + training
    tested = trained + testing
    from_ms, turn_ms, to_ms = (length.after(first_ms) for length in (begun, trained, tested))
    return Fold(from_ms, turn_ms, turn_ms, to_ms)
