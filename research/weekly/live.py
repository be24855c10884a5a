"""The live half of the weekly report, from the ledger alone, exact to the cent: week, trend, checklist."""

from dataclasses import dataclass
from decimal import Decimal

from bot.equity import max_drawdown
from bot.performance import tally
from bot.training import Checklist, Week, checklist
from research.weekly.facts import WeekFacts, WeekSpan


@dataclass(frozen=True, slots=True)
class WeekFigures:
    """One week's closed trades: money as the ledger has it, ratios as floats; `fall` of equity within the week."""

    label: str
    trades: int
    wins: int
    net: Decimal
    fees: Decimal
    funding: Decimal
    slippage: Decimal
    turnover: Decimal
    profit_factor: float | None
    win_rate: float | None
    fall: Decimal | None
    fall_percent: float | None


def week_figures(facts: WeekFacts, week: WeekSpan) -> WeekFigures:
    """A trade counts where it closed; equity from the first to the last point within the week.

    Raises StorageError where the ledger's trades could not be read.
    """
    sums = tally(facts.closed(week))
    points = [one for one in facts.points or () if week.holds(one.at_ms)]
    fall = max_drawdown(points)
    return WeekFigures(
        label=week.label,
        trades=sums.trades,
        wins=sums.wins,
        net=sums.net,
        fees=sums.fees,
        funding=sums.funding,
        slippage=sums.slippage,
        turnover=sums.turnover,
        profit_factor=sums.profit_factor,
        win_rate=sums.win_rate,
        fall=fall.amount if fall else None,
        fall_percent=fall.percent if fall else None,
    )


def trend(facts: WeekFacts) -> tuple[WeekFigures, ...]:
    """Every week, oldest first."""
    return tuple(week_figures(facts, week) for week in facts.weeks)


def signs(facts: WeekFacts) -> Checklist:
    """Whether models should be trained, by the weeks of the trend."""
    return checklist([Week(one.trades, one.wins, one.profit_factor) for one in trend(facts)])
