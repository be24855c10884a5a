"""Live beside the backtest: which trades both made, what was missed, what came besides, what slippage cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from bot.domain.trade import Trade
from research.results.outcome import SimulatedTrade
from research.weekly.facts import WeekFacts


@dataclass(frozen=True, slots=True)
class Beside:
    """`missed` were entered by the backtest alone, `extra` live alone; slippage in quote asset, positive: it cost.

    `expected` is the configured slippage on what was traded live, `realised` what the ledger says.
    """

    both: int
    missed: tuple[str, ...]
    extra: tuple[str, ...]
    expected: Decimal
    realised: Decimal


def beside(facts: WeekFacts, tested: Sequence[SimulatedTrade], bar_ms: int, until_ms: int) -> Beside:
    """Trades entered in the week, up to `until_ms`, where the candles end; the same bar and side are the same trade."""
    week = facts.week
    end_ms = min(week.ends_at_ms, until_ms)
    live = [one for one in facts.trades if week.begins_at_ms <= one.opened_at_ms < end_ms]
    left = [one for one in tested if week.begins_at_ms <= one.entry_at_ms < end_ms]
    extra = []
    for one in live:
        same = next((other for other in left if _same(one, other, bar_ms)), None)
        if same is None:
            extra.append(f"{one.symbol} {one.side.value} {one.reason.value}")
        else:
            left.remove(same)
    closed = [one for one in facts.trades if week.begins_at_ms <= one.closed_at_ms < week.ends_at_ms]
    return Beside(
        both=len(live) - len(extra),
        missed=tuple(f"{one.symbol} {one.side.value} {one.reason.value}" for one in left),
        extra=tuple(extra),
        expected=_expected(facts, closed),
        realised=sum((one.slippage for one in closed), Decimal(0)),
    )


def _same(live: Trade, tested: SimulatedTrade, bar_ms: int) -> bool:
    """Live opens within the bar at whose open the backtest does."""
    alike = live.symbol == tested.symbol and live.side is tested.side
    return alike and 0 <= live.opened_at_ms - tested.entry_at_ms < bar_ms


def _expected(facts: WeekFacts, closed: Sequence[Trade]) -> Decimal:
    rates = {one.symbol: one.plan.rules.slippage for one in facts.symbols}
    traded = (
        (rates.get(one.symbol, Decimal(0)), one.quantity * (one.entry_price + one.exit_price))
        for one in closed
    )
    return sum((rate * value for rate, value in traded), Decimal(0))
