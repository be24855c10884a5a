"""One file's candles, checked cell by cell before anything is done with them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from research.history.headers import FIGURES
from research.history.report import Faults, Mask, moment
from research.history.tables import Table
from research.history.values import Floats, Integers, figures, symbols, times_ms

PRICES = FIGURES[:4]
PRICE_RANGE = (1e-12, 1e12)
VOLUME_RANGE = (0.0, 1e18)
"""Nothing is quoted or traded beyond; figures beyond are of another column or unit."""


@dataclass(frozen=True, slots=True)
class Candles:
    """Candles of one symbol from one file, in the file's order; `rows` are their row or line numbers.

    `figures` has a column for each of open, high, low, close, volume.
    """

    path: Path
    word: str
    symbol: str
    rows: Integers
    open_at_ms: Integers
    figures: NDArray[np.float64]


def checked(table: Table, default_symbol: str) -> list[Candles]:
    """The candles of a table, one entry for each symbol in it; CandleFileError tells the first faulty row."""
    faults = Faults(table.path, table.word, table.rows)
    open_at_ms = times_ms(table, faults)
    columns = {name: figures(table, name, faults) for name in FIGURES}
    _check_prices(columns, faults)
    names = symbols(table)
    if names is not None:
        faults.add(names == "", lambda _: "symbol is empty")
    faults.settle()
    values = np.column_stack([columns[name] for name in FIGURES])
    return [
        Candles(table.path, table.word, symbol, table.rows[chosen], open_at_ms[chosen], values[chosen])
        for symbol, chosen in _by_symbol(names, default_symbol, len(values))
    ]


def _by_symbol(names: NDArray[np.str_] | None, default: str, count: int) -> list[tuple[str, Mask]]:
    if names is None:
        return [(default, np.ones(count, dtype=np.bool_))]
    return [(str(name), names == name) for name in np.unique(names)]


def _check_prices(columns: dict[str, Floats], faults: Faults) -> None:
    """Prices are positive and within reason, high and low enclose the others, volume is not negative."""
    for name in PRICES:
        _check_range(name, columns[name], PRICE_RANGE, faults)
    _check_range("volume", columns["volume"], VOLUME_RANGE, faults)
    high, low = columns["high"], columns["low"]
    faults.add(high < low, lambda i: f"high {high[i]:.10g} is below low {low[i]:.10g}; allowed: low <= high")
    for name in ("open", "close"):
        _check_enclosed(name, columns[name], high, low, faults)


def _check_range(name: str, values: Floats, allowed: tuple[float, float], faults: Faults) -> None:
    least, most = allowed
    faults.add(
        (values < least) | (values > most),
        lambda i: f"{name} is {values[i]:g}; allowed: {least:g} to {most:g}",
    )


def _check_enclosed(name: str, prices: Floats, high: Floats, low: Floats, faults: Faults) -> None:
    outside = (prices > high) | (prices < low)
    faults.add(
        outside,
        lambda i: f"{name} {prices[i]:.10g} is outside low {low[i]:.10g} to high {high[i]:.10g}",
    )


def check_grid(candles: Candles, timeframe_ms: int, timeframe: str) -> None:
    """Candles open on whole multiples of their timeframe since 1970 (UTC)."""
    opens = candles.open_at_ms
    faults = Faults(candles.path, candles.word, candles.rows)
    faults.add(
        opens % timeframe_ms != 0,
        lambda i: (
            f"opens at {moment(int(opens[i]))}, between {timeframe} bars; allowed: whole {timeframe} since 00:00 UTC"
        ),
    )
    faults.settle()
