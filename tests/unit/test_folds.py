"""Walk-forward folds: calendar months, nine to a year, no overlap of what is tested."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from bot.domain.errors import ConfigError
from research.backtest.folds import Fold, folds, length_of, windows_of


def ms(year: int, month: int, day: int, hour: int = 0) -> int:
    """UTC milliseconds."""
    return round(datetime(year, month, day, hour, tzinfo=UTC).timestamp() * 1000)


def test_a_year_gives_nine_folds() -> None:
    """3m/1m over a year: the first month tested is April, the last December."""
    found = folds(ms(2023, 1, 1), ms(2024, 1, 1), "3m", "1m")
    assert len(found) == 9
    assert found[0] == Fold(ms(2023, 1, 1), ms(2023, 4, 1), ms(2023, 4, 1), ms(2023, 5, 1))
    assert found[-1] == Fold(ms(2023, 9, 1), ms(2023, 12, 1), ms(2023, 12, 1), ms(2024, 1, 1))


@pytest.mark.parametrize(
    "first", [ms(2023, 1, 17, 5), ms(2023, 1, 31), ms(2024, 2, 29), ms(2023, 12, 31, 23)]
)
def test_a_year_gives_nine_folds_whatever_day_it_begins(first: int) -> None:
    """365 days of bars; months are counted from the first bar, a missing day is the month's last."""
    found = folds(first, first + 365 * 86_400_000, "3m", "1m")
    assert len(found) == 9
    assert all(fold.train_to_ms == fold.test_from_ms < fold.test_to_ms for fold in found)
    for before, after in pairwise(found):
        assert before.test_to_ms == after.test_from_ms
    assert found[-1].test_to_ms <= first + 365 * 86_400_000


def test_month_ends_do_not_drift() -> None:
    """From the 31st: 28 February, 31 March - counted from the start, not from the short month."""
    found = folds(ms(2023, 1, 31), ms(2023, 7, 1), "1m", "1m")
    assert [fold.test_from_ms for fold in found[:3]] == [ms(2023, 2, 28), ms(2023, 3, 31), ms(2023, 4, 30)]


def test_a_last_window_is_cut_or_left_out() -> None:
    """More than half of it there: kept and cut at the end; less: left out."""
    kept = folds(ms(2023, 1, 1), ms(2023, 5, 20), "3m", "1m")
    assert [fold.test_to_ms for fold in kept] == [ms(2023, 5, 1), ms(2023, 5, 20)]
    assert len(folds(ms(2023, 1, 1), ms(2023, 5, 10), "3m", "1m")) == 1


def test_weeks_and_days() -> None:
    """Other units, mixed."""
    assert folds(0, 21 * 86_400_000, "2w", "7d") == (
        Fold(0, 14 * 86_400_000, 14 * 86_400_000, 21 * 86_400_000),
    )
    assert length_of("6w").days == 42
    assert windows_of(" 3m/1m ") == ("3m", "1m")


@pytest.mark.parametrize(
    "text", ["3m", "3m/", "/1m", "0m/1m", "3y/1m", "3m/1m/1m", "-3m/1m", "٣m/1m", "1e3d/1m"]
)
def test_what_is_no_window_is_refused_in_one_line(text: str) -> None:
    """What was given, and what is allowed."""
    with pytest.raises(ConfigError, match=r"walk-forward .* is not allowed; allowed: .*3m") as refusal:
        windows_of(text)
    assert "\n" not in str(refusal.value)


def test_too_short_a_span_is_refused() -> None:
    """No fold at all is no walk-forward."""
    with pytest.raises(ConfigError, match=r"walk-forward 3m/1m: the candles span 30\.0 days"):
        folds(0, 30 * 86_400_000, "3m", "1m")


def test_a_thousand_folds_are_the_most() -> None:
    """A window that was mistyped does not fill the memory."""
    with pytest.raises(ConfigError, match="more than 1,000 folds"):
        folds(0, 5_000 * 86_400_000, "1d", "1d")
