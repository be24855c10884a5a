"""Figures as pages write them; a dash where there is nothing to tell."""

from datetime import UTC, datetime

NOTHING = "–"


def day(at_ms: int) -> str:
    """A day, UTC."""
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d}"


def money(value: float | None) -> str:
    """Quote asset with its sign."""
    if value is None:
        return NOTHING
    rounded = round(value, 2)
    return f"{_sign(rounded)}{abs(rounded):,.2f}"


def share(value: float | None, *, signed: bool = True, digits: int = 2) -> str:
    """A fraction in per cent."""
    if value is None:
        return NOTHING
    rounded = round(100 * value, digits)
    return f"{_sign(rounded) if signed else ''}{abs(rounded):,.{digits}f} %"


def number(value: float | None) -> str:
    """A ratio; below zero with a minus, never with a plus."""
    return NOTHING if value is None else f"{'−' if value < 0 else ''}{abs(value):,.2f}"


def held(value_ms: int | None) -> str:
    """A time in the unit that fits."""
    if value_ms is None:
        return NOTHING
    minutes = value_ms / 60_000
    if minutes < 120:
        return f"{minutes:.0f} min"
    return f"{minutes / 60:.1f} h" if minutes < 2880 else f"{minutes / 1440:.1f} d"


def _sign(value: float) -> str:
    return "+" if value > 0 else "−" if value < 0 else ""
