"""What a strategy says about one symbol on one closed bar."""

from dataclasses import dataclass
from enum import StrEnum


class Side(StrEnum):
    """Direction of a position or signal."""

    LONG = "LONG"
    SHORT = "SHORT"

    @property
    def sign(self) -> int:
        """+1 for LONG, -1 for SHORT."""
        return 1 if self is Side.LONG else -1

    @property
    def opposite(self) -> "Side":
        """The other direction."""
        return Side.SHORT if self is Side.LONG else Side.LONG


class Anchor(StrEnum):
    """What stop and target hang on: FILL keeps their distances from the fill, LEVEL keeps their prices."""

    FILL = "FILL"
    LEVEL = "LEVEL"


def figure(value: float) -> str:
    """A figure for people: four significant digits, thousands grouped, never an exponent."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    if not value or abs(value) >= 0.001:
        return f"{value:.4g}"
    return f"{value:.12f}".rstrip("0").rstrip(".")


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that scored, with its points: `EMA9 > EMA21 > EMA50: 1`."""

    name: str
    points: float


@dataclass(frozen=True, slots=True)
class Hold:
    """The first gate that failed: `ADX 18.3 < 25`. `text` is built only when somebody reads it."""

    gate: str
    value: float
    relation: str
    limit: float

    @property
    def text(self) -> str:
        """The gate with its figures, as an operator reads it."""
        return f"{self.gate} {figure(self.value)} {self.relation} {figure(self.limit)}"


@dataclass(frozen=True, slots=True)
class GateCheck:
    """One gate of a decision with its figures; `passed` None means it was not reached."""

    gate: str
    passed: bool | None
    figures: str = ""


@dataclass(frozen=True, slots=True)
class Signal:
    """A strategy's answer for one closed bar; `side` None means hold, then `hold` says why.

    `bar_at_ms` is the close time of the bar. Prices are floats in quote asset. `atr` is the ATR of the bar (0 when
    the strategy has none) and serves trailing and break-even moves.
    """

    symbol: str
    strategy: str
    bar_at_ms: int
    side: Side | None
    score: float
    reference_price: float = 0.0
    stop_price: float = 0.0
    target_price: float = 0.0
    atr: float = 0.0
    anchor: Anchor = Anchor.FILL
    reasons: tuple[Reason, ...] = ()
    hold: Hold | None = None
