"""How figures are written for people."""

from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.instrument import Bracket, Instrument
from bot.domain.market import DAY_MS, HOUR_MS, MINUTE_MS
from handlers import format as written

BRACKETS = (Bracket(Decimal(50_000), 125, Decimal("0.004"), Decimal(0)),)


def instrument(tick: str, step: str = "0.001") -> Instrument:
    return Instrument(
        symbol="BTCUSDT",
        base="BTC",
        quote="USDT",
        price_tick=Decimal(tick),
        quantity_step=Decimal(step),
        min_quantity=Decimal(step),
        max_quantity=Decimal(1000),
        max_market_quantity=Decimal(100),
        min_notional=Decimal(5),
        brackets=BRACKETS,
    )


@pytest.mark.parametrize(
    "value,text",
    [
        ("12.3", "+12.30 USDT"),
        ("-0.004", "0.00 USDT"),
        ("0", "0.00 USDT"),
        ("-7", "-7.00 USDT"),
        ("99999.994", "+99999.99 USDT"),
        ("-123456.7", "-123,456.70 USDT"),
        ("1E+30", "+1,000,000,000,000,000,000,000,000,000,000.00 USDT"),
        ("NaN", "–"),
    ],
)
def test_money(value: str, text: str) -> None:
    assert written.money(Decimal(value), "USDT") == text


def test_balances_have_no_sign() -> None:
    assert written.money(Decimal(1000), "USDT", signed=False) == "1000.00 USDT"
    assert written.money(Decimal(-5), "USDT", signed=False) == "-5.00 USDT"


@pytest.mark.parametrize(
    "tick,value,text",
    [
        ("0.10", "64250.5", "64250.5"),
        ("0.1", "1E+2", "100.0"),
        ("0.0001", "0.53", "0.5300"),
        ("0.00000001", "1E-8", "0.00000001"),
        ("1E+1", "64250", "64250"),
        ("1", "120000", "120000"),
    ],
)
def test_prices_carry_the_tick_of_the_instrument(tick: str, value: str, text: str) -> None:
    assert written.price(Decimal(value), instrument(tick)) == text


def test_floats_are_prices_too() -> None:
    assert written.price(0.1 + 0.2, instrument("0.01")) == "0.30"
    assert written.price(float("nan"), instrument("0.01")) == "–"
    assert written.price(1e-7, None) == "0.0000001"


def test_sizes_name_what_is_counted() -> None:
    assert written.size(Decimal("0.25"), instrument("0.1")) == "0.250 BTC"
    assert written.size(Decimal("0.25"), None) == "0.25"
    assert written.quantity(None, instrument("0.1")) == "–"


@pytest.mark.parametrize(
    "value,text",
    [
        (Decimal("5.00"), "5"),
        (Decimal("1E+3"), "1000"),
        (0.5, "0.5"),
        (Decimal("0E-8"), "0"),
        (1e22, "1" + "0" * 22),
    ],
)
def test_plain_figures(value: Decimal | float, text: str) -> None:
    assert written.plain(value) == text


@pytest.mark.parametrize(
    "span,text",
    [
        (-5, "0s"),
        (45_999, "45s"),
        (MINUTE_MS, "1m"),
        (2 * HOUR_MS + 15 * MINUTE_MS, "2h 15m"),
        (2 * HOUR_MS, "2h"),
        (3 * DAY_MS + 4 * HOUR_MS + 59 * MINUTE_MS, "3d 4h"),
    ],
)
def test_durations(span: int, text: str) -> None:
    assert written.duration(span) == text


def test_latencies() -> None:
    assert [written.milliseconds(value) for value in (0.853, 12.2, 1400.0)] == ["0.85 ms", "12 ms", "1.4 s"]
    assert written.milliseconds(float("nan")) == "–"


def test_percent_and_share() -> None:
    assert written.percent(2.5) == "2.50%"
    assert written.percent(Decimal("2.5"), signed=True) == "+2.50%"
    assert written.share(0.625) == "62.5%"
    assert written.share(None) == "–"


def test_counted_nouns() -> None:
    assert written.count(1, "trade") == "1 trade"
    assert written.count(2, "entry", "entries") == "2 entries"


@pytest.mark.parametrize(
    "zone,full,short",
    [
        ("UTC", "2025-10-09 08:53 UTC", "09 Oct 08:53 +00:00"),
        ("Europe/Berlin", "2025-10-09 10:53 UTC+02:00", "09 Oct 10:53 +02:00"),
        ("America/St_Johns", "2025-10-09 06:23 UTC-02:30", "09 Oct 06:23 -02:30"),
    ],
)
def test_moments_carry_the_offset_of_the_operators_zone(zone: str, full: str, short: str) -> None:
    clock = written.Clock(ZoneInfo(zone), now_ms=1_760_000_000_000)
    assert clock.full(1_760_000_000_000) == full
    assert clock.short(1_760_000_000_000) == short


def test_moments_against_now() -> None:
    clock = written.Clock(ZoneInfo("UTC"), now_ms=1_760_000_000_000)
    assert clock.ago(0) == "never"
    assert clock.ago(clock.now_ms - HOUR_MS) == "1h ago"
    assert clock.until(clock.now_ms + MINUTE_MS) == "in 1m"
    assert clock.until(clock.now_ms - MINUTE_MS) == "now"
    assert clock.full(0) == clock.short(0) == clock.age(0) == clock.until(0) == "–"
    assert clock.short(clock.now_ms - 400 * DAY_MS) == "04 Sep 08:53 2024 +00:00"


@given(st.decimals(allow_nan=False) | st.floats())
def test_nothing_is_ever_written_with_an_exponent(value: Decimal | float) -> None:
    texts = (
        written.money(value, "USDT"),
        written.percent(value),
        written.plain(value),
        written.price(value, instrument("0.01")),
        written.quantity(value, instrument("0.01")),
    )
    assert not any(
        "E" in text or "e" in text or "nan" in text.lower() for text in (t.replace("USDT", "") for t in texts)
    )
    assert not any(text in ("-0", "-0.00") for text in texts)
