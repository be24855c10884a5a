"""The live half of the weekly report, from the ledger alone, exact to the cent: week, trend, checklist."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from bot.equity import max_drawdown
from bot.performance import tally
from research.weekly.facts import WeekFacts, WeekSpan

ENOUGH_TRADES = 150
FALLING_WEEKS = 3
ADVISED_FROM = 2


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


@dataclass(frozen=True, slots=True)
class Checklist:
    """Whether models should be trained: two of three signs. `held` are those that hold, in words."""

    total_trades: int
    signs: tuple[tuple[str, bool], ...]

    @property
    def held(self) -> tuple[str, ...]:
        """Signs that hold."""
        return tuple(words for words, holds in self.signs if holds)

    @property
    def advised(self) -> bool:
        """Training is advised."""
        return len(self.held) >= ADVISED_FROM


def week_figures(facts: WeekFacts, week: WeekSpan) -> WeekFigures:
    """A trade counts where it closed; equity from the first to the last point within the week."""
    sums = tally([one for one in facts.trades if week.begins_at_ms <= one.closed_at_ms < week.ends_at_ms])
    points = [one for one in facts.points if week.begins_at_ms <= one.at_ms < week.ends_at_ms]
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


def checklist(weeks: Sequence[WeekFigures]) -> Checklist:
    """Trades add up over the weeks; a profit factor falls for three weeks when each is below the one before."""
    total = sum(week.trades for week in weeks)
    last = weeks[-1].profit_factor if weeks else None
    factors = [week.profit_factor for week in weeks[-FALLING_WEEKS:]]
    known = [factor for factor in factors if factor is not None]
    falling = len(known) == FALLING_WEEKS and known[0] > known[1] > known[2]
    signs = (
        (f"{total} trades in {len(weeks)} weeks, {ENOUGH_TRADES} wanted", total >= ENOUGH_TRADES),
        ("profit factor of the week below 1", last is not None and last < 1),
        ("profit factor falling for three weeks", falling),
    )
    return Checklist(total, signs)
