"""What kept entries of the exact way from being traded, in sentences beside its result."""

from collections.abc import Iterable, Iterator, Mapping

from bot.domain.guard import Limits
from bot.domain.market import MINUTE_MS
from research.backtest.ground import Ground
from research.backtest.trading import Traded
from research.history.report import moment

NO_INSTRUMENTS = "Without instruments: nothing is rounded, no margin is needed, nothing is liquidated."
SAME_SYMBOL = "same symbol"
"""The gate that refuses signals on the side of an open position: the rules want it so."""

SHOWN = 5


def gate_notes(traded: Traded) -> Iterator[str]:
    """Entries refused or made smaller, by what did it; kill switches and halts that nobody lifted."""
    kept_out = {name: count for name, count in traded.refused.items() if name != SAME_SYMBOL}
    if kept_out:
        yield f"{_listed(kept_out)}: entries that a gate refused."
    if traded.smaller:
        yield f"{_listed(traded.smaller)}: entries made smaller by a bound."
    if traded.kills:
        told = (f"{one.symbol} {one.kind} {_minute(one.at_ms)} ({one.figures})" for one in traded.kills)
        yield f"Killed, and no entries from then on: {_first(told)}."
    if traded.halts:
        told = (
            f"{one.symbol or 'all symbols'} {one.kind} {_minute(one.at_ms)} ({one.figures})"
            for one in traded.halts
        )
        yield f"Halted, and lifted by nobody: {_first(told)}."


def limit_notes(limits: Limits, ground: Ground) -> Iterator[str]:
    """Limits that are set and cannot count here, and why."""
    yield from _without("Candles hold no quotes", limits, "max_spread_percent", "volatility_percent")
    yield from _without(
        "Symbols of a backtest are in no clusters", limits, "max_same_cluster", "exposure_per_cluster"
    )
    if limits.funding_window_minutes and not ground.funding:
        yield "No funding times were given: funding_window_minutes does not count."
    if limits.auto_reduce and not ground.instruments:
        yield "Without instruments nothing comes near its liquidation: auto_reduce does not count."


def _without(why: str, limits: Limits, *names: str) -> Iterator[str]:
    """Which of these limits are set, in one sentence."""
    unknown = [name for name in names if getattr(limits, name)]
    if unknown:
        count = "does not count" if len(unknown) == 1 else "do not count"
        yield f"{why}: {' and '.join(unknown)} {count}."


def _minute(at_ms: int) -> str:
    """What happened within a bar is known at its close: a millisecond after its stamp."""
    return moment(-(-at_ms // MINUTE_MS) * MINUTE_MS)


def _listed(found: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(found.items()))


def _first(told: Iterable[str]) -> str:
    """The first few, and how many more."""
    lines = list(told)
    more = [f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return "; ".join([*lines[:SHOWN], *more])
