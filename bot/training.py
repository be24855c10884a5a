"""Whether models should be trained: three signs from the weeks past; two of them advise it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf

ENOUGH_TRADES = 150
FALLING_WEEKS = 3
ADVISED_FROM = 2
UNKNOWN = "–"


@dataclass(frozen=True, slots=True)
class Week:
    """What was traded in one week; `profit_factor` None without a loss."""

    trades: int
    wins: int
    profit_factor: float | None

    @property
    def factor(self) -> float | None:
        """The profit factor, without end where nothing but wins was made; None where there is none to tell."""
        if self.profit_factor is None:
            return inf if self.wins else None
        return self.profit_factor


@dataclass(frozen=True, slots=True)
class Sign:
    """One sign: what it is, the figure found, whether it speaks for training."""

    name: str
    figure: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Checklist:
    """The signs. `held` are the names of those that hold."""

    signs: tuple[Sign, ...]

    @property
    def held(self) -> tuple[str, ...]:
        """Signs that hold."""
        return tuple(sign.name for sign in self.signs if sign.holds)

    @property
    def advised(self) -> bool:
        """Training is advised."""
        return len(self.held) >= ADVISED_FROM


def checklist(weeks: Sequence[Week]) -> Checklist:
    """The signs of weeks, oldest first, the judged one last.

    Trades add up over all of them. A profit factor falls for three weeks when each of the last three has one, and it is
    smaller than the one before.
    """
    total = sum(week.trades for week in weeks)
    factors = [week.factor for week in weeks[-FALLING_WEEKS:]]
    last = factors[-1] if factors else None
    known = [factor for factor in factors if factor is not None]
    falling = len(known) == FALLING_WEEKS and all(before > after for before, after in pairwise(known))
    return Checklist(
        (
            Sign(
                f"{ENOUGH_TRADES} trades or more",
                f"{total} in {len(weeks)} weeks",
                total >= ENOUGH_TRADES,
            ),
            Sign("profit factor below 1", _figure(last), last is not None and last < 1),
            Sign("profit factor falling for three weeks", " ".join(map(_figure, factors)), falling),
        )
    )


def _figure(factor: float | None) -> str:
    if factor is None:
        return UNKNOWN
    return "no loss" if factor == inf else f"{factor:.2f}"
