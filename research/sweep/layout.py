"""Sets of many parameters on two sides of a sheet: some parameters across, the others down."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import prod

import numpy as np

from bot.strategy import Array, Value
from research.sweep.figures import SetFigures
from research.sweep.grid import Axis, Grid

MOST_ACROSS, MOST_DOWN = 16, 60


@dataclass(frozen=True, slots=True)
class Sheet:
    """Cells of shape (down, across): profit factors, NaN where no set of the cell has enough trades.

    Parameters in `folded` have no side of their own: a cell shows the median over their values. `places` gives the
    (row, column) of each set, row -1 where it is left out; `rows` are those that are there.
    """

    across: tuple[Axis, ...]
    down: tuple[Axis, ...]
    folded: tuple[Axis, ...]
    cells: Array
    places: tuple[tuple[int, int], ...]
    rows: tuple[int, ...]

    @property
    def across_words(self) -> list[str]:
        """What stands at the foot of each column."""
        return _words(self.across)

    @property
    def down_words(self) -> list[str]:
        """What stands beside each row."""
        words = _words(self.down)
        return [words[row] for row in self.rows]

    @property
    def left_out(self) -> int:
        """Rows that are not there."""
        return _size(self.down) - len(self.rows)

    def without_empty(self, kept: Sequence[int]) -> "Sheet":
        """The same without rows in which no cell has a factor, but for those of the sets `kept`."""
        wanted = {self.places[index][0] for index in kept}
        left = [at for at in range(len(self.rows)) if at in wanted or np.isfinite(self.cells[at]).any()]
        moved = {before: now for now, before in enumerate(left)}
        places = tuple((moved.get(row, -1), column) for row, column in self.places)
        rows = tuple(self.rows[at] for at in left)
        return replace(self, cells=self.cells[left], places=places, rows=rows)


def sheet(grid: Grid, rows: Sequence[SetFigures], least: int, most: float) -> Sheet:
    """Lay all sets out; factors above `most` count as that."""
    varied = [axis for axis in grid.axes if len(axis.values) > 1]
    across = _fitting(varied[: max(1, len(varied) - 1)], MOST_ACROSS)
    down = _fitting([axis for axis in varied if axis not in across], MOST_DOWN)
    folded = tuple(axis for axis in varied if axis not in across and axis not in down)
    places = tuple(_place(grid, index, across, down) for index in range(len(rows)))
    found: dict[tuple[int, int], list[float]] = {}
    for row, place in zip(rows, places, strict=True):
        if row.trades >= least:
            found.setdefault(place, []).append(min(row.factor, most))
    cells = np.full((_size(down), _size(across)), np.nan)
    for place, factors in found.items():
        cells[place] = np.median(factors)
    return Sheet(across, down, folded, cells, places, tuple(range(len(cells))))


def _fitting(axes: Sequence[Axis], most: int) -> tuple[Axis, ...]:
    """As many of the axes, in their order, as fit on one side."""
    found: list[Axis] = []
    for axis in axes:
        if _size(found) * len(axis.values) > most:
            break
        found.append(axis)
    return tuple(found)


def _size(axes: Sequence[Axis]) -> int:
    return prod(len(axis.values) for axis in axes)


def _place(grid: Grid, index: int, across: Sequence[Axis], down: Sequence[Axis]) -> tuple[int, int]:
    values = dict(zip(grid.axes, grid.places(index), strict=True))
    return _along(values, down), _along(values, across)


def _along(values: dict[Axis, int], axes: Sequence[Axis]) -> int:
    found = 0
    for axis in axes:
        found = found * len(axis.values) + values[axis]
    return found


def _words(axes: Sequence[Axis]) -> list[str]:
    return [" · ".join(map(_value, values)) for values in product(*(axis.values for axis in axes))]


def _value(value: Value) -> str:
    return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
