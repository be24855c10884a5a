"""What trading came to: statistics of closed trades, the same for chat, web page and research.

Money is Decimal in quote asset, ratios are floats. A trade wins or loses by its net (gross - fees + funding).
A figure that cannot be told from what is there is None, never NaN, never an error: no profit factor without
a loss, no win rate without a trade, no Sharpe without two days.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from bot.domain.account import EquityPoint
from bot.domain.instrument import ZERO
from bot.domain.trade import Trade
from bot.equity import Drawdown, calmar, daily_returns, equity_from_trades, max_drawdown, sharpe, sortino


@dataclass(frozen=True, slots=True)
class Tally:
    """Sums over closed trades: `gross_profit` and `gross_loss` (positive) add the nets of winners and losers.

    `measured` counts the trades whose planned risk is known and `r_sum` adds their R multiples. `fees` are
    positive when paid, `funding` when received, `slippage` when worse than planned; `turnover` is the value
    bought and sold. A net of exactly zero neither wins nor loses.
    """

    trades: int = 0
    wins: int = 0
    losses: int = 0
    gross_profit: Decimal = ZERO
    gross_loss: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO
    slippage: Decimal = ZERO
    turnover: Decimal = ZERO
    measured: int = 0
    r_sum: Decimal = ZERO
    longest_losing_run: int = 0
    held_ms: int = 0
    best: Trade | None = None
    worst: Trade | None = None

    @property
    def net(self) -> Decimal:
        """What the trades brought after fees and funding."""
        return self.gross_profit - self.gross_loss

    @property
    def win_rate(self) -> float | None:
        """Winners over all trades, 0 to 1."""
        return self.wins / self.trades if self.trades else None

    @property
    def profit_factor(self) -> float | None:
        """Gross profit over gross loss; None without a loss."""
        return float(self.gross_profit / self.gross_loss) if self.gross_loss else None

    @property
    def expectancy(self) -> Decimal | None:
        """Mean net of a trade."""
        return self.net / self.trades if self.trades else None

    @property
    def average_win(self) -> Decimal | None:
        """Mean net of a winner."""
        return self.gross_profit / self.wins if self.wins else None

    @property
    def average_loss(self) -> Decimal | None:
        """Mean loss of a loser, positive."""
        return self.gross_loss / self.losses if self.losses else None

    @property
    def payoff_ratio(self) -> float | None:
        """Average winner over average loser; None without both."""
        win, loss = self.average_win, self.average_loss
        return float(win / loss) if win is not None and loss else None

    @property
    def average_r(self) -> float | None:
        """Mean R multiple of the trades whose risk is known."""
        return float(self.r_sum / self.measured) if self.measured else None

    @property
    def average_held_ms(self) -> int | None:
        """Mean time from entry to flat."""
        return self.held_ms // self.trades if self.trades else None


def tally(trades: Sequence[Trade]) -> Tally:
    """The sums over `trades`; order matters for the losing run only (oldest first)."""
    winners = [trade.net for trade in trades if trade.net > ZERO]
    losers = [trade.net for trade in trades if trade.net < ZERO]
    measured = [trade.r_multiple for trade in trades if trade.risk > ZERO]
    return Tally(
        trades=len(trades),
        wins=len(winners),
        losses=len(losers),
        gross_profit=sum(winners, ZERO),
        gross_loss=-sum(losers, ZERO),
        fees=sum((trade.fees for trade in trades), ZERO),
        funding=sum((trade.funding for trade in trades), ZERO),
        slippage=sum((trade.slippage for trade in trades), ZERO),
        turnover=sum((_turnover(trade) for trade in trades), ZERO),
        measured=len(measured),
        r_sum=sum(measured, ZERO),
        longest_losing_run=longest_losing_run(trades),
        held_ms=sum(trade.closed_at_ms - trade.opened_at_ms for trade in trades),
        best=max(trades, key=_net, default=None),
        worst=min(trades, key=_net, default=None),
    )


def longest_losing_run(trades: Sequence[Trade]) -> int:
    """The longest unbroken run of net losses, trades taken in the order of their closing."""
    longest = running = 0
    for trade in sorted(trades, key=_closed):
        running = running + 1 if trade.net < ZERO else 0
        longest = max(longest, running)
    return longest


@dataclass(frozen=True, slots=True)
class Group:
    """One group of trades and what it came to."""

    name: str
    tally: Tally


def by_symbol(trade: Trade) -> str:
    """Group trades by instrument."""
    return trade.symbol


def by_strategy(trade: Trade) -> str:
    """Group trades by strategy."""
    return trade.strategy


def by_reason(trade: Trade) -> str:
    """Group trades by close reason."""
    return trade.reason.value


def by_side(trade: Trade) -> str:
    """Group trades by direction."""
    return trade.side.value


def grouped(trades: Sequence[Trade], key: Callable[[Trade], str]) -> tuple[Group, ...]:
    """Tallies per group, the most profitable first, equal ones by name."""
    members: dict[str, list[Trade]] = {}
    for trade in trades:
        members.setdefault(key(trade), []).append(trade)
    groups = [Group(name, tally(some)) for name, some in members.items()]
    return tuple(sorted(groups, key=lambda group: (-group.tally.net, group.name)))


@dataclass(frozen=True, slots=True)
class Performance:
    """Everything about a set of trades and the equity they moved. Ratios are annualised by 365 days.

    `from_equity` is False when the drawdown had to be told from closed trades alone.
    """

    tally: Tally
    drawdown: Drawdown | None
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    from_equity: bool


def performance(
    trades: Sequence[Trade], equity: Sequence[EquityPoint] = (), start: Decimal = ZERO
) -> Performance:
    """Figures of trades and equity series (oldest first); without a series, of `start` plus closed trades."""
    from_equity = len(equity) >= 2
    points = equity if from_equity else equity_from_trades(trades, start)
    returns = daily_returns(points)
    return Performance(
        tally=tally(trades),
        drawdown=max_drawdown(points),
        sharpe=sharpe(returns),
        sortino=sortino(returns),
        calmar=calmar(points),
        from_equity=from_equity,
    )


def _net(trade: Trade) -> Decimal:
    return trade.net


def _closed(trade: Trade) -> int:
    return trade.closed_at_ms


def _turnover(trade: Trade) -> Decimal:
    return trade.quantity * (trade.entry_price + trade.exit_price)
