"""What a backtest came to: every figure from its trades and its equity, none from averages of averages.

Money is in quote asset, shares are fractions (0.12 = 12 %). A figure that cannot be told is None, never NaN: no profit
factor without a loss, no Sharpe without two bars of different returns, no Calmar without a drawdown.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import exp, fsum, isfinite, log, sqrt

import numpy as np
from numpy.typing import NDArray

from bot.domain.market import DAY_MS, timeframe_ms
from bot.domain.order import CloseReason
from bot.strategy import Array
from research.results.outcome import EquitySeries, Outcome, SimulatedTrade

DAYS_A_YEAR = 365
SHORTEST_YEARLY_DAYS = 7
"""A shorter run says nothing about a year: neither yearly growth nor Calmar."""
BIGGEST_EXPONENT = 500.0


@dataclass(frozen=True, slots=True)
class Figures:
    """What a group of trades came to. `gross_profit` and `gross_loss` (positive) add the nets of winners and losers.

    A net of exactly zero neither wins nor loses. `turnover` is the value bought and sold. `adverse` and `favourable`
    are means of the farthest prices against and for the position, as fractions of the entry price. Times held are
    between the openings of the bars of entry and exit.
    """

    trades: int
    wins: int
    losses: int
    net: float
    gross_profit: float
    gross_loss: float
    fees: float
    funding: float
    turnover: float
    best: float | None
    worst: float | None
    longest_losing_run: int
    average_held_ms: int | None
    longest_held_ms: int | None
    average_return: float | None
    adverse: float | None
    favourable: float | None

    @property
    def win_rate(self) -> float | None:
        """Winners over all trades."""
        return self.wins / self.trades if self.trades else None

    @property
    def profit_factor(self) -> float | None:
        """Gross profit over gross loss; None without a loss."""
        return self.gross_profit / self.gross_loss if self.gross_loss > 0 else None

    @property
    def expectancy(self) -> float | None:
        """Mean net of a trade."""
        return self.net / self.trades if self.trades else None

    @property
    def average_win(self) -> float | None:
        """Mean net of a winner."""
        return self.gross_profit / self.wins if self.wins else None

    @property
    def average_loss(self) -> float | None:
        """Mean loss of a loser, positive."""
        return self.gross_loss / self.losses if self.losses else None

    @property
    def payoff(self) -> float | None:
        """Average winner over average loser; None without both."""
        win, loss = self.average_win, self.average_loss
        return win / loss if win is not None and loss else None


@dataclass(frozen=True, slots=True)
class Fall:
    """The deepest fall of equity from a high, open positions marked at every bar.

    `share` is of the high. `recovered_at_ms` is None while the high has not been seen again.
    """

    share: float
    amount: float
    peak_at_ms: int
    trough_at_ms: int
    recovered_at_ms: int | None


@dataclass(frozen=True, slots=True)
class Month:
    """One calendar month (UTC): the trades closed in it, and the growth of the marked equity over it."""

    label: str
    figures: Figures
    growth: float | None


@dataclass(frozen=True, slots=True)
class Ratios:
    """Growth over what it took. Bar returns, annualised by 365 days; no interest is taken off."""

    yearly_growth: float | None
    sharpe: float | None
    sortino: float | None
    calmar: float | None


@dataclass(frozen=True, slots=True)
class Summary:
    """A whole backtest in figures. `exposure` is the share of bars in which any position was open."""

    wallet: float
    end_equity: float
    from_ms: int
    to_ms: int
    bars: int
    total: Figures
    fall: Fall | None
    ratios: Ratios
    exposure: float | None
    per_reason: Mapping[str, Figures]
    per_symbol: Mapping[str, Figures]
    per_strategy: Mapping[str, Figures]
    per_side: Mapping[str, Figures]
    per_month: tuple[Month, ...]

    @property
    def growth(self) -> float:
        """Net over the wallet at the start."""
        return self.total.net / self.wallet


def figures_of(trades: Sequence[SimulatedTrade]) -> Figures:
    """The sums over `trades`, in the order of their exits."""
    nets = [trade.net for trade in trades]
    held = [trade.exit_at_ms - trade.entry_at_ms for trade in trades]
    wins, losses = [net for net in nets if net > 0], [net for net in nets if net < 0]
    return Figures(
        trades=len(nets),
        wins=len(wins),
        losses=len(losses),
        net=fsum(nets),
        gross_profit=fsum(wins),
        gross_loss=-fsum(losses) if losses else 0.0,
        fees=fsum(trade.fees for trade in trades),
        funding=fsum(trade.funding for trade in trades),
        turnover=fsum(trade.quantity * (trade.entry_price + trade.exit_price) for trade in trades),
        best=max(nets, default=None),
        worst=min(nets, default=None),
        longest_losing_run=longest_losing_run(nets),
        average_held_ms=round(sum(held) / len(held)) if held else None,
        longest_held_ms=max(held, default=None),
        average_return=_mean([trade.net_return for trade in trades]),
        adverse=_mean([trade.adverse for trade in trades]),
        favourable=_mean([trade.favourable for trade in trades]),
    )


def longest_losing_run(nets: Sequence[float]) -> int:
    """The longest unbroken run of losses."""
    longest = running = 0
    for net in nets:
        running = running + 1 if net < 0 else 0
        longest = max(longest, running)
    return longest


def summary_of(outcome: Outcome) -> Summary:
    """All figures of a backtest."""
    trades, series = outcome.trades, outcome.equity
    wallet = float(outcome.plan.wallet)
    levels = np.concatenate(([wallet], series.equity))
    first_ms, last_ms = _span(outcome)
    fall = deepest_fall(levels, np.concatenate((np.array([first_ms], dtype=np.int64), series.at_ms)))
    return Summary(
        wallet=wallet,
        end_equity=float(levels[-1]),
        from_ms=first_ms,
        to_ms=last_ms,
        bars=len(series.equity),
        total=figures_of(trades),
        fall=fall,
        ratios=ratios_of(
            levels, bar_ms=timeframe_ms(outcome.timeframe), span_ms=last_ms - first_ms, fall=fall
        ),
        exposure=exposure_of(trades, series),
        per_reason=_grouped(trades, lambda trade: trade.reason.value),
        per_symbol=_grouped(trades, lambda trade: trade.symbol),
        per_strategy=_grouped(trades, lambda trade: trade.strategy),
        per_side=_grouped(trades, lambda trade: trade.side.value),
        per_month=months_of(trades, series, wallet),
    )


def deepest_fall(levels: Array, at_ms: NDArray[np.int64]) -> Fall | None:
    """The deepest fall by its share of the high; None when equity never fell. Highs are above zero."""
    high = np.maximum.accumulate(levels)
    depth = (high - levels) / high
    trough = int(np.argmax(depth))
    if not depth[trough] > 0:
        return None
    peak = int(np.argmax(levels[: trough + 1] == high[trough]))
    again = np.flatnonzero(levels[trough:] >= high[trough])
    return Fall(
        share=float(depth[trough]),
        amount=float(high[trough] - levels[trough]),
        peak_at_ms=int(at_ms[peak]),
        trough_at_ms=int(at_ms[trough]),
        recovered_at_ms=int(at_ms[trough + int(again[0])]) if len(again) else None,
    )


def ratios_of(levels: Array, *, bar_ms: int, span_ms: int, fall: Fall | None) -> Ratios:
    """Ratios of equity at the start and at every bar's close; None for all when it was ever zero or less."""
    if len(levels) < 3 or levels.min() <= 0:
        return Ratios(None, None, None, None)
    returns = levels[1:] / levels[:-1] - 1.0
    a_year = sqrt(DAYS_A_YEAR * DAY_MS / bar_ms)
    spread = float(returns.std(ddof=1))
    downside = sqrt(float(np.mean(np.minimum(returns, 0.0) ** 2)))
    mean = float(returns.mean())
    growth = _yearly(levels, span_ms)
    return Ratios(
        yearly_growth=growth,
        sharpe=mean / spread * a_year if spread > 0 else None,
        sortino=mean / downside * a_year if downside > 0 else None,
        calmar=growth / fall.share if growth is not None and fall else None,
    )


def exposure_of(trades: Sequence[SimulatedTrade], series: EquitySeries) -> float | None:
    """Share of bars in which any position was open; the bar of a reversal belongs to the new position."""
    bars = len(series.at_ms)
    if not bars:
        return None
    entries = np.array([trade.entry_at_ms for trade in trades], dtype=np.int64)
    exits = np.array([trade.exit_at_ms for trade in trades], dtype=np.int64)
    stays = np.array([trade.reason is not CloseReason.REVERSE for trade in trades], dtype=np.int64)
    steps = np.zeros(bars + 2, dtype=np.int64)
    np.add.at(steps, np.searchsorted(series.at_ms, entries, side="right"), 1)
    np.add.at(steps, np.searchsorted(series.at_ms, exits, side="right") + stays, -1)
    return float(np.count_nonzero(np.cumsum(steps)[:bars] > 0)) / bars


def months_of(trades: Sequence[SimulatedTrade], series: EquitySeries, wallet: float) -> tuple[Month, ...]:
    """Every calendar month (UTC) that has bars, quiet ones too; a trade counts where it closed."""
    members: dict[str, list[SimulatedTrade]] = {}
    for trade in trades:
        members.setdefault(_month(trade.exit_at_ms), []).append(trade)
    ends = _month_ends(series)
    begun = [wallet, *ends.values()]
    growths = {
        label: end / begin - 1.0 if begin > 0 else None
        for (label, end), begin in zip(ends.items(), begun, strict=False)
    }
    labels = sorted({*members, *growths})
    return tuple(Month(label, figures_of(members.get(label, ())), growths.get(label)) for label in labels)


def _month_ends(series: EquitySeries) -> dict[str, float]:
    """The last equity of every month, by label; a bar belongs to the month in which it closes its last moment."""
    if not len(series.at_ms):
        return {}
    days = ((series.at_ms - 1) // DAY_MS).astype("datetime64[D]").astype("datetime64[M]")
    last = np.flatnonzero(np.append(days[1:] != days[:-1], True))
    return {str(days[place]): float(series.equity[place]) for place in last}


def _month(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m}"


def _yearly(levels: Array, span_ms: int) -> float | None:
    if span_ms < SHORTEST_YEARLY_DAYS * DAY_MS:
        return None
    exponent = log(levels[-1] / levels[0]) * DAYS_A_YEAR * DAY_MS / span_ms
    return exp(exponent) - 1.0 if exponent < BIGGEST_EXPONENT else None


def _span(outcome: Outcome) -> tuple[int, int]:
    """From the opening of the first bar in the equity series to the closing of the last."""
    series = outcome.equity
    if not len(series.at_ms):
        return 0, 0
    return int(series.at_ms[0]) - timeframe_ms(outcome.timeframe), int(series.at_ms[-1])


def _grouped(trades: Sequence[SimulatedTrade], key: Callable[[SimulatedTrade], str]) -> dict[str, Figures]:
    """Figures per group, the most profitable first, equal ones by name."""
    members: dict[str, list[SimulatedTrade]] = {}
    for trade in trades:
        members.setdefault(key(trade), []).append(trade)
    found = {name: figures_of(some) for name, some in members.items()}
    return dict(sorted(found.items(), key=lambda item: (-item[1].net, item[0])))


def _mean(values: Sequence[float]) -> float | None:
    told = [value for value in values if isfinite(value)]
    return fsum(told) / len(told) if told else None
