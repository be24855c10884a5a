"""Compiled array code: one decorator, so that all of it is compiled and kept on disk in the same way.

Only array code imports this (`arrays.py` of a strategy, `research/arrays`): a live desk never pays for the compiler.
"""

from collections.abc import Callable

import numba
import numpy as np
from numpy.typing import NDArray


def compiled[**P, R](function: Callable[P, R]) -> Callable[P, R]:
    """Compile at the first call, without the interpreter's lock and with IEEE arithmetic as written (no fast-math).

    What was compiled is kept beside the source, else in the user's cache folder, so that the next process starts warm;
    where neither can be written it is compiled anew in every process.
    """
    options = {"nogil": True, "error_model": "numpy"}
    try:
        made: Callable[P, R] = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # numba says so when it finds no folder to write to
        made = numba.njit(**options)(function)
    return made


def plain[Kind: np.generic](column: NDArray[Kind]) -> NDArray[Kind]:
    """The column as compiled code takes it, copied only where it is a strided view or may not be written to.

    Numba compiles a function anew for every kind of array; this leaves one kind.
    """
    flags = column.flags
    return column if flags.c_contiguous and flags.writeable and flags.aligned else column.copy(order="C")
