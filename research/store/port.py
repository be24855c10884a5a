"""What research, start-up and models ask of stored history."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.domain.errors import QuarterdeckError
from bot.market.points import Points as Points
from bot.ml.feature import FUNDING_RATE, OPEN_INTEREST, RATIO_GLOBAL, RATIO_TOP
from bot.strategy import Frame

KINDS = {
    FUNDING_RATE: "funding",
    OPEN_INTEREST: "open_interest",
    RATIO_GLOBAL: "ls_ratio",
    RATIO_TOP: "ls_ratio_top",
}
"""What a PointStore calls the figures that features need, by their names there."""


class StoreError(QuarterdeckError):
    """Stored history cannot be read or written; one line says which file, where in it, and what is allowed."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One stored series: opening time of the first and of the last bar, bars, and bars missing between them.

    `source` says where it comes from ("binance", "import").
    """

    symbol: str
    timeframe: str
    first_open_at_ms: int
    last_open_at_ms: int
    bars: int
    missing: int
    source: str = ""


@dataclass(frozen=True, slots=True)
class Upserted:
    """What an upsert did: bars added, bars corrected, bars that were there already."""

    added: int
    corrected: int
    same: int


class CandleStore(Protocol):
    """Candles by symbol and timeframe, each opening time once, in order of time."""

    def load(self, symbol: str, timeframe: str, from_ms: int = 0, to_ms: int = 1 << 62) -> Frame:
        """Bars that open in from_ms <= open < to_ms, holes left open; empty frame when there are none."""
        ...

    def upsert(self, timeframe: str, frame: Frame) -> Upserted:
        """Add or correct bars, durably and whole: a crash leaves the old file or the new one."""
        ...

    def inventory(self) -> Sequence[Stored]:
        """Everything stored, by timeframe and symbol."""
        ...


class PointStore(Protocol):
    """Funding rates, open interest, ratios: `kind` is funding, open_interest, ls_ratio or ls_ratio_top."""

    def points(self, kind: str, symbol: str, from_ms: int = 0, to_ms: int = 1 << 62) -> Points:
        """Points in from_ms <= at < to_ms; empty when there are none."""
        ...

    def add(self, kind: str, symbol: str, points: Points) -> int:
        """Add or correct points, durably; answers how many are new."""
        ...
