"""backtesting.py: one strategy object, asked bar by bar; orders at the next open with stop and target attached.

It knows no slippage of exits, so fee and slippage are both paid as commission, and net returns are computed from its
fills by the rules. Stop and target are given with the order, measured from the next open, where the entry will be.
"""

import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
from backtesting import Backtest, Strategy
from peer_rules import (
    FEE,
    NOTIONAL,
    ONE_SET,
    SLIPPAGE,
    Found,
    Market,
    Set,
    measure,
    returns,
    sides,
    some_sets,
    together,
    votes,
)

PACKAGES = ("backtesting", "TA-Lib", "numpy", "pandas")
CASH = 1e9


class Traded(Strategy):
    """Trades one set's signals over a market; both are handed in as its parameters."""

    market: Market | None = None
    one: Set = ONE_SET

    def init(self) -> None:
        """Indicators and signals over the whole history."""
        said = votes(self.market)
        taken = sides(self.market, said, self.one)
        self.taken = taken.tolist()
        self.entry = (self.market.following * (1.0 + taken * SLIPPAGE)).tolist()
        self.atr = said.atr.tolist()

    def next(self) -> None:
        """A side opposite to the position turns it, the same does nothing."""
        i = len(self.data) - 1
        side = self.taken[i]
        if not side or (self.position and self.position.is_long == (side > 0)):
            return
        if self.position:
            self.position.close()
        entry, atr = self.entry[i], self.atr[i]
        order = self.buy if side > 0 else self.sell
        order(
            size=max(1, round(NOTIONAL / entry)),
            sl=entry - side * self.one[0] * atr,
            tp=entry + side * self.one[1] * atr,
        )


def run_set(table: pd.DataFrame, market: Market, one: Set) -> Found:
    """One whole run."""
    test = Backtest(table, Traded, cash=CASH, commission=FEE + SLIPPAGE, finalize_trades=True)
    trades = test.run(market=market, one=one)["_trades"]
    side = np.sign(trades["Size"].to_numpy()).astype(np.float64)
    net = returns(side, trades["EntryPrice"].to_numpy(), trades["ExitPrice"].to_numpy())
    return Found([len(trades)], [float(net.sum())])


def table_of(market: Market) -> pd.DataFrame:
    """Candles as it wants them."""
    columns = {"Open": market.open, "High": market.high, "Low": market.low, "Close": market.close}
    return pd.DataFrame(columns | {"Volume": market.volume}, index=pd.to_datetime(market.at_ms, unit="ms"))


def backtest(market: Market, _: int) -> Callable[[], Found]:
    """One set."""
    table = table_of(market)
    return lambda: run_set(table, market, ONE_SET)


def sweep(market: Market, count: int) -> Callable[[], Found]:
    """So many sets, one after the other, in one process."""
    table, sets = table_of(market), some_sets(count)

    return lambda: together([run_set(table, market, one) for one in sets])


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    measure(PACKAGES, {"backtest": backtest, "sweep": sweep})
