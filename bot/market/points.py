"""A series of single figures: funding rates, open interest, long/short ratios."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.strategy import Array


@dataclass(frozen=True, slots=True)
class Points:
    """A series of single figures: `at_ms` int64 UTC milliseconds, sorted, each once; `value` float64."""

    at_ms: NDArray[np.int64]
    value: Array
