"""Sets of a sweep as proposals: what would change, and what both sets came to, side by side."""

from bot.domain.command import ParameterStep
from bot.runtime.proposals import Draft, Figures
from cli.workshop.asking import Kept
from handlers import parameter_sets
from handlers.format import number, share
from handlers.lab import RankedSet


def proposed(found: Kept, chosen: RankedSet) -> Draft:
    """A set of a sweep as a proposal: what would change, and the figures of the set in use beside its own."""
    result, before = found.result, found.result.production
    steps = tuple(
        ParameterStep(result.symbol, name, found.values[name], value)
        for name, value in chosen.values
        if found.values[name] != value
    )
    words = ", ".join(f"{step.name} {step.after}" for step in steps)
    return parameter_sets.draft_of(
        f"{result.symbol}: {words}", steps, compared(before, chosen), f"sweep {result.id}, rank {chosen.rank}"
    )


def compared(before: RankedSet, after: RankedSet) -> Figures:
    """Two sets side by side."""
    pairs = {
        "Profit factor": (number(before.profit_factor), number(after.profit_factor)),
        "Trades": (str(before.trades), str(after.trades)),
        "Won": (share(before.win_rate, 0), share(after.win_rate, 0)),
        "Net, % of notional": (_hundred(before.net, signed=True), _hundred(after.net, signed=True)),
        "Max drawdown, % of notional": (_hundred(before.fall), _hundred(after.fall)),
    }
    return tuple((name, *pair) for name, pair in pairs.items())


def _hundred(part: float | None, *, signed: bool = False) -> str:
    return number(None if part is None else 100 * part, signed=signed)
