"""Live beside the backtest: which trades both made, what was missed, what came besides, what slippage cost."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from bot.domain.instrument import ZERO
from bot.domain.signal import Side
from bot.domain.trade import Trade
from research.results.outcome import SimulatedTrade
from research.weekly.facts import WeekFacts

CENT = Decimal("0.01")
OPEN = "open"
KEPT_POINTS = 1_000
"""Of a longer series the ledger keeps the lowest and the highest of so many stretches."""


@dataclass(frozen=True, slots=True)
class Entered:
    """An entry that one side alone made: when, how it ended (`open`: it has not), its net in quote asset.

    `gate` is what kept the desk from a missed one, empty where it did not come to that.
    """

    symbol: str
    side: Side
    at_ms: int
    reason: str
    net: Decimal
    gate: str = ""


@dataclass(frozen=True, slots=True)
class Beside:
    """`missed` were entered by the backtest alone, `extra` live alone; slippage in quote asset, positive: it cost.

    `expected` is the configured slippage on what was traded live, `realised` what the ledger says. `uncompared` live
    entries were made where no candles are known, so that the backtest could not make them; `asleep` entries of the
    backtest fell into a time when the desk did not run: neither are among the others.
    """

    both: int
    missed: tuple[Entered, ...]
    extra: tuple[Entered, ...]
    expected: Decimal
    realised: Decimal
    uncompared: int = 0
    asleep: int = 0


def beside(
    facts: WeekFacts, tested: Sequence[SimulatedTrade], spans: Mapping[str, tuple[int, int]], bar_ms: int
) -> Beside:
    """Entries of the week where candles are known (`spans`, by symbol); the same bar and side are the same entry.

    A position that is still open was entered like any other. Raises StorageError where the ledger could not be read.
    """
    closed = facts.closed(facts.week)
    entered = [one for one in _entered(facts) if facts.week.holds(one.at_ms)]
    live = [one for one in entered if _within(one, spans)]
    left = [_simulated(one) for one in tested if facts.week.holds(one.entry_at_ms)]
    extra: list[Entered] = []
    for one in live:
        same = next((other for other in left if _same(one, other, bar_ms)), None)
        if same is None:
            extra.append(one)
        else:
            left.remove(same)
    gates = {(one.symbol, one.at_ms): one.gate for one in facts.refusals}
    ran = (one for one in left if _ran(facts, one.at_ms, bar_ms))
    missed = [replace(one, gate=gates.get((one.symbol, one.at_ms), "")) for one in ran]
    return Beside(
        both=len(live) - len(extra),
        missed=tuple(missed),
        extra=tuple(extra),
        expected=_expected(facts, closed),
        realised=sum((one.slippage for one in closed), ZERO),
        uncompared=len(entered) - len(live),
        asleep=len(left) - len(missed),
    )


def _ran(facts: WeekFacts, at_ms: int, bar_ms: int) -> bool:
    """Whether the desk ran: it notes its equity at every bar's close, of which a long series keeps every few."""
    if facts.points is None:
        return True
    bars = (facts.week.ends_at_ms - facts.week.begins_at_ms) // bar_ms
    near_ms = 2 * bar_ms * -(-bars // KEPT_POINTS)
    times = [one.at_ms for one in facts.points]
    place = bisect_left(times, at_ms)
    return any(abs(time - at_ms) <= near_ms for time in times[max(0, place - 1) : place + 1])


def _within(one: Entered, spans: Mapping[str, tuple[int, int]]) -> bool:
    begin_ms, end_ms = spans.get(one.symbol, (0, 0))
    return begin_ms <= one.at_ms < end_ms


def _entered(facts: WeekFacts) -> list[Entered]:
    """Every entry made live, in order of time."""
    closed = [
        Entered(one.symbol, one.side, one.opened_at_ms, one.reason.value, one.net)
        for one in facts.trades or ()
    ]
    held = [Entered(one.symbol, one.side, one.opened_at_ms, OPEN, ZERO) for one in facts.held]
    return sorted([*closed, *held], key=lambda one: (one.at_ms, one.symbol))


def _simulated(one: SimulatedTrade) -> Entered:
    net = Decimal(repr(one.net)).quantize(CENT)
    return Entered(one.symbol, one.side, one.entry_at_ms, one.reason.value, net)


def _same(live: Entered, tested: Entered, bar_ms: int) -> bool:
    """Live opens within the bar at whose open the backtest does."""
    alike = live.symbol == tested.symbol and live.side is tested.side
    return alike and 0 <= live.at_ms - tested.at_ms < bar_ms


def _expected(facts: WeekFacts, closed: Sequence[Trade]) -> Decimal:
    rates = {one.symbol: one.plan.rules.slippage for one in facts.symbols}
    traded = (
        (rates.get(one.symbol, ZERO), one.quantity * (one.entry_price + one.exit_price)) for one in closed
    )
    return sum((rate * value for rate, value in traded), ZERO)
