"""What people write behind options of research, as values: dates, money, shares, parameters. One clear line else."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from bot.domain.errors import ConfigError
from bot.strategy import Value
from strategies.registry import Registry

MOST_MONEY = Decimal(10) ** 12
MOST_SHARE = Decimal("0.01")
_DATES = ("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%MZ")


def moment_of(option: str, text: str) -> int:
    """`2024-01-31` or `2024-01-31 12:30` (UTC) in milliseconds."""
    for form in _DATES:
        try:
            at = datetime.strptime(text.strip(), form).replace(tzinfo=UTC)
        except ValueError:
            continue
        return round(at.timestamp() * 1000)
    raise ConfigError(
        f"{option} {text[:40]!r} is not allowed; allowed: a day like 2024-01-31, UTC, also with 12:30"
    )


def money_of(option: str, text: str) -> Decimal:
    """An amount above zero."""
    amount = _number(text)
    if amount is None or not 0 < amount <= MOST_MONEY:
        raise ConfigError(
            f"{option} {text[:40]!r} is not allowed; allowed: an amount above 0, at most {MOST_MONEY:,}"
        )
    return amount


def share_of(option: str, text: str) -> Decimal:
    """`0.04%` or `0.0004`; more than 1 % is a slip."""
    written = text.strip()
    number = _number(written.removesuffix("%"))
    share = number / 100 if number is not None and written.endswith("%") else number
    if share is None or not 0 <= share <= MOST_SHARE:
        raise ConfigError(f"{option} {text[:40]!r} is not allowed; allowed: 0% to 1%, like 0.04% or 0.0004")
    return share


def parameters_of(registry: Registry, strategy: str, pairs: Sequence[str]) -> dict[str, Value]:
    """`k=v` pairs, each checked against the strategy's declaration, no key twice."""
    found: dict[str, Value] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals:
            raise ConfigError(
                f"--set {pair[:60]!r} is not allowed; allowed: parameter=value, like adx_threshold=20"
            )
        if key.strip() in found:
            raise ConfigError(f"--set {key.strip()[:60]}: is given twice; allowed: one value for a parameter")
        found[key.strip()] = registry.parsed(strategy, key.strip(), text)
    return found


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
