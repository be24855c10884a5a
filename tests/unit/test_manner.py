"""How one person gets one notice: quiet hours over midnight and summer time, kinds, detail."""

from zoneinfo import ZoneInfo

import pytest

from bot.domain.notice import Notice, NoticeKind, Severity
from bot.runtime.wishes import DETAIL, HOURS
from handlers.manner import Sound, is_short, read_hours, sound_of

BERLIN = ZoneInfo("Europe/Berlin")
NOON_UTC_MS = 1_700_000_000_000 // 86_400_000 * 86_400_000 + 12 * 3_600_000  # 13:00 in Berlin


def notice(severity: Severity = Severity.TRADE, to: str = "") -> Notice:
    return Notice(NoticeKind.ENTRY, severity, 0, "in", (), "", to)


@pytest.mark.parametrize(
    "hours,at_h,sound",
    [
        ("22:00-07:00", 0, Sound.ON),
        ("22:00-07:00", 9, Sound.QUIET),
        ("22:00-07:00", 17.9, Sound.QUIET),
        ("22:00-07:00", 18, Sound.ON),
        ("13:00-13:01", 0, Sound.QUIET),
        ("13:00-13:00", 0, Sound.ON),
        ("off", 0, Sound.ON),
        ("nonsense", 0, Sound.ON),
    ],
)
def test_quiet_hours_are_those_of_the_operators_clock(hours: str, at_h: float, sound: Sound) -> None:
    at_ms = NOON_UTC_MS + int(at_h * 3_600_000)
    assert sound_of(notice(), {HOURS: hours}, at_ms, BERLIN) is sound
    assert sound_of(notice(Severity.CRITICAL), {HOURS: hours, "entry": "off"}, at_ms, BERLIN) is Sound.ON


def test_the_clock_goes_along_with_summer_time() -> None:
    july_ms = (
        1_689_200_000_000 // 86_400_000 * 86_400_000 + 20 * 3_600_000
    )  # 22:00 in Berlin, 21:00 in winter
    assert sound_of(notice(), {HOURS: "22:00-07:00"}, july_ms, BERLIN) is Sound.QUIET


def test_off_stays_off_at_night_and_one_for_a_person_comes_whatever_the_kind() -> None:
    wishes = {"entry": "off", HOURS: "13:00-14:00"}
    assert sound_of(notice(), wishes, NOON_UTC_MS, BERLIN) is Sound.OFF
    assert sound_of(notice(to="telegram:1"), wishes, NOON_UTC_MS, BERLIN) is Sound.QUIET
    assert sound_of(notice(to="telegram:1"), {"entry": "off"}, NOON_UTC_MS, BERLIN) is Sound.ON


def test_short_is_not_for_critical_ones() -> None:
    assert is_short(notice(), {DETAIL: "short"})
    assert not is_short(notice(), {DETAIL: "full"})
    assert not is_short(notice(Severity.CRITICAL), {DETAIL: "short"})


def test_hours_are_read_strictly() -> None:
    assert read_hours("7:00-22:00") is None
    assert read_hours("24:00-22:00") is None
    assert read_hours("22:00-07:00 ") is None
