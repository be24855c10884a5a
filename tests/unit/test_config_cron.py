"""Cron lines as crontab(5) reads them."""

import pytest

from bot.config.cron import parse_cron


def test_a_line_is_taken_apart() -> None:
    line = parse_cron(" 0  8 * *   * ")
    assert line.text == "0 8 * * *"
    assert (line.minutes, line.hours) == ((0,), (8,))
    assert line.days == tuple(range(1, 32))
    assert line.weekdays == ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


@pytest.mark.parametrize(
    "weekdays, names",
    [
        ("0", ("sun",)),
        ("7", ("sun",)),
        ("1", ("mon",)),
        ("1-5", ("mon", "tue", "wed", "thu", "fri")),
        ("5-7", ("sun", "fri", "sat")),
        ("Mon,FRI", ("mon", "fri")),
        ("*/2", ("sun", "tue", "thu", "sat")),
    ],
)
def test_weekdays_count_from_sunday(weekdays: str, names: tuple[str, ...]) -> None:
    assert parse_cron(f"0 8 * * {weekdays}").weekdays == names


def test_lists_ranges_steps_and_names() -> None:
    line = parse_cron("*/20,5 8-10 1,15 jan-mar/2 *")
    assert line.minutes == (0, 5, 20, 40)
    assert line.hours == (8, 9, 10)
    assert line.days == (1, 15)
    assert line.months == (1, 3)


@pytest.mark.parametrize(
    "text, message",
    [
        ("0 8 * *", "five fields are wanted"),
        ("60 8 * * *", "minute '60' is not one of 0 to 59"),
        ("0 24 * * *", "hour '24' is not one of 0 to 23"),
        ("0 8 0 * *", "day '0' is not one of 1 to 31"),
        ("0 8 * foo *", "month 'foo' is not one of 1 to 12"),
        ("0 8 * * 8", "weekday '8' is not one of 0 to 7"),
        ("0 8 * * fri-mon", "weekday 'fri-mon' runs backwards"),
        ("*/0 8 * * *", "minute '*/0' has a step of 0"),
        ("@ 8 * * *", "minute '@' cannot be read"),
        ("0 8, * * *", "hour '' cannot be read"),
        ("0 8 31 4,6 *", "day 31 never comes in these months"),
        ("0 8 30 feb *", "day 30 never comes in these months"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("*", r"\*").replace("/", "/")):
        parse_cron(text)


def test_the_leap_day_is_allowed() -> None:
    assert parse_cron("0 8 29 2 *").days == (29,)
