"""Files of funding rates, open interest or long/short ratios (CSV, Parquet) as people have them, read strictly."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bot.domain.market import MINUTE_MS
from research.history.files import candle_files, symbol_of
from research.history.headers import figures_layout
from research.history.report import CandleFileError, Faults, Mask, moment
from research.history.tables import Table, read_table, refusing_damage
from research.history.values import Floats, Integers, figures, symbols, times_ms
from research.store.port import Points

RANGES = {
    "funding": (-1.0, 1.0),
    "open_interest": (0.0, 1e18),
    "ls_ratio": (0.0, 1e6),
    "ls_ratio_top": (0.0, 1e6),
}
"""Funding as a fraction of notional, open interest in base asset, long accounts over short ones."""


def read_points(paths: Sequence[Path], kind: str, symbol: str = "") -> dict[str, Points]:
    """Figures by symbol in name order. Raises CandleFileError: one line with file, row and what is allowed.

    The symbol is that of a column `symbol`, else the one given, else that of the file's name. Settlements are some
    milliseconds late: times of funding are rounded to the minute.
    """
    found: dict[str, list[tuple[Table, Mask, Integers, Floats]]] = {}
    for path in candle_files(paths)[0]:
        with refusing_damage(path):
            _add(found, read_table(path, figures_layout(kind)), kind, symbol)
    return {name: _joined(name, parts) for name, parts in sorted(found.items())}


def _add(
    found: dict[str, list[tuple[Table, Mask, Integers, Floats]]], table: Table, kind: str, given: str
) -> None:
    faults = Faults(table.path, table.word, table.rows)
    times = times_ms(table, faults)
    values = figures(table, kind, faults)
    least, most = RANGES[kind]
    faults.add(
        (values < least) | (values > most),
        lambda i: f"{kind} is {values[i]:g}; allowed: {least:g} to {most:g}",
    )
    names = symbols(table)
    if names is not None:
        faults.add(names == "", lambda _: "symbol is empty")
    faults.settle()
    if kind == "funding":
        times = (times + MINUTE_MS // 2) // MINUTE_MS * MINUTE_MS
    said = [given or symbol_of(table.path)] if names is None else [str(name) for name in np.unique(names)]
    for symbol in said:
        chosen = np.ones(len(times), dtype=np.bool_) if names is None else names == symbol
        found.setdefault(symbol, []).append((table, chosen, times, values))


def _joined(symbol: str, parts: Sequence[tuple[Table, Mask, Integers, Floats]]) -> Points:
    times = np.concatenate([at[chosen] for _, chosen, at, _ in parts])
    values = np.concatenate([value[chosen] for _, chosen, _, value in parts])
    order = np.argsort(times, kind="stable")
    times, values = times[order], values[order]
    again = np.concatenate(([False], times[1:] == times[:-1]))
    differs = again & np.concatenate(([False], values[1:] != values[:-1]))
    if differs.any():
        at = int(np.argmax(differs))
        table, row = _place(parts, int(order[at]))
        raise CandleFileError(
            f"{table.path}: {table.word} {row}: another figure of {symbol} {moment(int(times[at]))} than before: "
            f"{values[at]:g} and {values[at - 1]:g}; allowed: one for each time"
        )
    return Points(times[~again], values[~again])


def _place(parts: Sequence[tuple[Table, Mask, Integers, Floats]], index: int) -> tuple[Table, int]:
    for table, chosen, _, _ in parts:
        rows = table.rows[chosen]
        if index < len(rows):
            return table, int(rows[index])
        index -= len(rows)
    raise IndexError(index)
