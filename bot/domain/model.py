"""What the engine knows of machine learning: whom it asks, what it was told, how much that counts, models' names."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from bot.domain.signal import Side

POOLED = "_"
"""What the names of models begin with that speak for several symbols; those of symbols never do."""
GENERAL, CLUSTERED = f"{POOLED}general", f"{POOLED}cluster-"
"""The model of all symbols of a strategy; what the names of clusters' models begin with, before the number."""


class ModelMode(StrEnum):
    """OFF: nobody is asked. SHADOW: scores are noted and count for nothing. ON: they refuse what is below."""

    OFF = "off"
    SHADOW = "shadow"
    ON = "on"


@dataclass(frozen=True, slots=True)
class ModelUse:
    """How a symbol's signals are filtered. `threshold` (0 to 1) None: the model's own."""

    mode: ModelMode = ModelMode.OFF
    threshold: Decimal | None = None


UNFILTERED = ModelUse()


@dataclass(frozen=True, slots=True)
class ScoreAsk:
    """A signal that wants a score."""

    symbol: str
    strategy: str
    bar_at_ms: int
    side: Side
    strength: float


@dataclass(frozen=True, slots=True)
class ModelScore:
    """What the models say of a symbol's signal: `score` is the probability (0 to 1) of target before stop.

    `score` None with an empty `fault`: there is no model. `fault`: why there is no score although there is one.
    `threshold` is the model's own, `model` whose it is and which version (XRPUSDT/v0003), `moved` the features that
    moved the score most, with what they added to its log-odds. `young` not empty: why it does not count yet ("83 of
    150 outcomes"); it is noted only.
    """

    symbol: str
    score: float | None = None
    threshold: float = 0.0
    model: str = ""
    fault: str = ""
    moved: tuple[tuple[str, float], ...] = ()
    young: str = ""


def is_pooled(name: str) -> bool:
    """Whether a model of this name speaks for several symbols: it is the general one, or a cluster's."""
    return name.startswith(POOLED)


def cluster_name(number: int) -> str:
    """The name under which a cluster's models lie."""
    return f"{CLUSTERED}{number}"


def cluster_of(name: str) -> int | None:
    """The number of the cluster whose models lie under this name; None for every other name."""
    number = name.removeprefix(CLUSTERED)
    return int(number) if name.startswith(CLUSTERED) and number.isascii() and number.isdecimal() else None
