"""vectorbt: signals as arrays through Portfolio.from_signals.

An entry stands on its signal's bar with the next bar's open as price, so its stop and target are looked at from the
next bar on, as the rules say. A bar whose stop or target is hit takes no signal of its own: vectorbt fills one order a
bar. That is the difference in trades.
"""

import sys
from itertools import groupby

import numpy as np
import vectorbt as vbt
from peer_rules import (
    FEE,
    GRID,
    NOTIONAL,
    ONE_SET,
    SLIPPAGE,
    Found,
    Market,
    Votes,
    cut,
    measure,
    sides,
    spans,
    together,
    votes,
)

type Tables = list[tuple[tuple[float, float], np.ndarray]]

PACKAGES = ("vectorbt", "vectorbt-rust", "TA-Lib", "numpy", "numba", "pandas")


def portfolio(
    market: Market, said: Votes, levels: tuple[float, float], taken: np.ndarray, engine: str
) -> vbt.Portfolio:
    """Trade the sides (bars, sets), all with one stop and target in ATR."""
    entry = market.following * (1.0 + said.side * SLIPPAGE)
    distance = np.nan_to_num(said.atr / entry)[:, None]
    ending = np.zeros((len(entry), 1), dtype=np.bool_)
    ending[-1] = True
    return vbt.Portfolio.from_signals(
        np.broadcast_to(market.close[:, None], taken.shape),
        entries=taken > 0,
        exits=ending,
        short_entries=taken < 0,
        short_exits=ending,
        size=NOTIONAL,
        size_type="value",
        price=market.following[:, None],
        open=market.open[:, None],
        high=market.high[:, None],
        low=market.low[:, None],
        sl_stop=levels[0] * distance,
        tp_stop=levels[1] * distance,
        stop_entry_price="fillprice",
        stop_exit_price="stopmarket",
        upon_opposite_entry="reverse",
        fees=FEE,
        slippage=SLIPPAGE,
        init_cash=1e9,
        freq="15min",
        engine=engine,
    )


def found(portfolio: vbt.Portfolio) -> Found:
    """Trades and net returns by column."""
    records, columns = portfolio.trades.values, portfolio.wrapper.shape_2d[1]
    net = np.bincount(records["col"], weights=records["return"], minlength=columns)
    return Found(np.bincount(records["col"], minlength=columns), net)


def backtest(market: Market, engine: str) -> Found:
    """One set."""
    said = votes(market)
    taken = sides(market, said, ONE_SET)[:, None]
    return found(portfolio(market, said, ONE_SET[:2], taken, engine))


def sweep(market: Market, engine: str) -> Found:
    """All sets: those with one stop and target are the columns of one call, and lie together in the grid."""
    said = votes(market)
    return swept(market, said, tables_of(market, said), engine)


def folds(market: Market, engine: str) -> Found:
    """All sets in every span of the walk-forward; indicators and signals once for all."""
    said = votes(market)
    tables = tables_of(market, said)
    found = []
    for span in spans(len(market.close)):
        part, own, rows = cut(market, said, span)
        taken = [(pair, table[rows].copy()) for pair, table in tables]
        for _, table in taken:
            table[-1] = 0
        found.append(swept(part, own, taken, engine))
    return together(found)


def tables_of(market: Market, said: Votes) -> Tables:
    """For each stop and target the sides of its sets, a column each."""
    made = {gates: sides(market, said, (0.0, 0.0, *gates)) for gates in {one[2:] for one in GRID}}
    pairs = groupby(GRID, key=lambda one: one[:2])
    return [(pair, np.column_stack([made[one[2:]] for one in sets])) for pair, sets in pairs]


def swept(market: Market, said: Votes, tables: Tables, engine: str) -> Found:
    """One call for each stop and target."""
    return together([found(portfolio(market, said, pair, taken, engine)) for pair, taken in tables])


if __name__ == "__main__":
    engine = sys.argv[6]
    tasks = {
        "backtest": lambda market, _: lambda: backtest(market, engine),
        "sweep": lambda market, _: lambda: sweep(market, engine),
        "folds": lambda market, _: lambda: folds(market, engine),
    }
    measure(PACKAGES, tasks)
