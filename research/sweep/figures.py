"""What parameter sets came to, as columns that are added up over symbols and windows, and as rows that people read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, isnan

import numpy as np
from numpy.typing import NDArray

from bot.strategy import Array, Value
from research.arrays.tallies import Tallies


@dataclass(frozen=True, slots=True)
class Sums:
    """Columns, one figure a set, as in `Tallies`. `drawdown` is NaN where sums of several symbols cannot tell it."""

    trades: NDArray[np.int64]
    wins: NDArray[np.int64]
    net: Array
    gross_profit: Array
    gross_loss: Array
    drawdown: Array
    held: NDArray[np.int64]

    def __len__(self) -> int:
        """Number of sets."""
        return len(self.trades)

    @property
    def profit_factor(self) -> Array:
        """Gross profit over gross loss: infinite without a loss, NaN without a trade that won or lost."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self.gross_profit / self.gross_loss, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class SetFigures:
    """One set's figures. Money is in units of the notional of a trade: 0.02 is two per cent of it.

    `drawdown` is the deepest fall of the running sum; None where it is not known. `held` are bars in a position.
    """

    index: int
    parameters: Mapping[str, Value]
    trades: int
    wins: int
    net: float
    gross_profit: float
    gross_loss: float
    drawdown: float | None
    held: int

    @property
    def profit_factor(self) -> float | None:
        """Gross profit over gross loss; None without a loss."""
        return self.gross_profit / self.gross_loss if self.gross_loss > 0 else None

    @property
    def factor(self) -> float:
        """The same for comparing: infinite without a loss, 0 without a profit."""
        found = self.profit_factor
        return found if found is not None else (inf if self.gross_profit > 0 else 0.0)

    @property
    def win_rate(self) -> float | None:
        """Winners over all trades."""
        return self.wins / self.trades if self.trades else None

    @property
    def expectancy(self) -> float | None:
        """Mean net return of a trade."""
        return self.net / self.trades if self.trades else None


def sums_of(tallies: Tallies, span: int) -> Sums:
    """The sets' figures of one span of one symbol."""
    return Sums(
        trades=tallies.trades[span].astype(np.int64),
        wins=tallies.wins[span].astype(np.int64),
        net=tallies.net[span],
        gross_profit=tallies.gross_profit[span],
        gross_loss=tallies.gross_loss[span],
        drawdown=tallies.drawdown[span],
        held=tallies.held[span].astype(np.int64),
    )


def added(parts: Sequence[Sums]) -> Sums:
    """Sums over symbols or windows: every trade counts once, nothing is averaged."""
    if len(parts) == 1:
        return parts[0]
    unknown = np.full(len(parts[0]), np.nan)
    return Sums(
        trades=np.sum([part.trades for part in parts], axis=0),
        wins=np.sum([part.wins for part in parts], axis=0),
        net=np.sum([part.net for part in parts], axis=0),
        gross_profit=np.sum([part.gross_profit for part in parts], axis=0),
        gross_loss=np.sum([part.gross_loss for part in parts], axis=0),
        drawdown=unknown,
        held=np.sum([part.held for part in parts], axis=0),
    )


def ranking(sums: Sums, least: int) -> NDArray[np.int64]:
    """Sets, the best first: those with enough trades, by profit factor, then net, then their own order."""
    factor = np.nan_to_num(sums.profit_factor, nan=-1.0, posinf=np.inf)
    order: NDArray[np.int64] = np.lexsort((np.arange(len(sums)), -sums.net, -factor, sums.trades < least))
    return order


def best_of(sums: Sums, sets: int, least: int) -> int | None:
    """The best of the first `sets` with enough trades; None when none has."""
    if not (sums.trades[:sets] >= least).any():
        return None
    return next(int(index) for index in ranking(sums, least) if index < sets)


def rows_of(sums: Sums, sets: Sequence[Mapping[str, Value]]) -> tuple[SetFigures, ...]:
    """All sets as rows."""
    columns = (sums.trades, sums.wins, sums.net, sums.gross_profit, sums.gross_loss)
    falls = [None if isnan(fall) else fall for fall in sums.drawdown.tolist()]
    rows = zip(*(column.tolist() for column in columns), falls, sums.held.tolist(), strict=True)
    return tuple(
        SetFigures(index, one, *row) for index, (one, row) in enumerate(zip(sets, rows, strict=False))
    )


def figures_at(sums: Sums, index: int, parameters: Mapping[str, Value]) -> SetFigures:
    """One set's figures as a row."""
    drawdown = float(sums.drawdown[index])
    return SetFigures(
        index=index,
        parameters=parameters,
        trades=int(sums.trades[index]),
        wins=int(sums.wins[index]),
        net=float(sums.net[index]),
        gross_profit=float(sums.gross_profit[index]),
        gross_loss=float(sums.gross_loss[index]),
        drawdown=None if np.isnan(drawdown) else drawdown,
        held=int(sums.held[index]),
    )
