"""Phantoms in the books: the contract that storage fulfils, and what people ask about them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.domain.decision import Decision
from bot.ml.phantom import Ending, Followed, Phantom, Vector


@dataclass(frozen=True, slots=True)
class PhantomTally:
    """Signals of one symbol that met the same fate: refused by this gate, or (empty) taken.

    `waiting` are still followed; of those `finished` so many `won` after fees; `net` is what all of them came to in
    quote asset, at the sizes they had.
    """

    symbol: str
    refused_by: str
    waiting: int
    finished: int
    won: int
    net: float


@dataclass(frozen=True, slots=True)
class ModelTally:
    """Signals of a symbol that one version of a model (XRPUSDT/v0003) scored.

    `passed` of `scored` reached what was asked of them. Of those that passed and have ended, `targets` reached their
    target and `stops` their stop. `refused` have ended that the model kept from being traded, or (in shadow) would
    have; `refused_net` is what they came to in quote asset.
    """

    strategy: str
    symbol: str
    model: str
    scored: int
    passed: int
    targets: int
    stops: int
    refused: int
    refused_net: float


@dataclass(frozen=True, slots=True)
class LateSignal:
    """A signal's features, as they were when it came."""

    strategy: str
    symbol: str
    bar_at_ms: int
    vector: Vector


@dataclass(frozen=True, slots=True)
class Since:
    """A symbol's signals on bars that closed after a time."""

    strategy: str
    symbol: str
    after_ms: int


class PhantomRecords(Protocol):
    """What is known of the phantoms of one account. Raises StorageError."""

    async def tallies(self, since_ms: int = 0) -> tuple[PhantomTally, ...]:
        """By symbol and gate, of signals on bars that closed at or after a time."""
        ...

    async def found(self, strategy: str, symbol: str, bar_at_ms: int) -> Followed | None:
        """The phantom of one signal by the closing time of its bar; None when it was not followed."""
        ...


class PhantomStore(PhantomRecords, Protocol):
    """The phantoms of one account. Everything is durable before it returns; raises StorageError."""

    async def missed(self, since_ms: int) -> tuple[Decision, ...]:
        """Decisions that may have no phantom yet, in order; where there is no phantom at all, those since a time."""
        ...

    async def waiting(self) -> tuple[Phantom, ...]:
        """Those that have not ended, oldest first."""
        ...

    async def write(self, begun: Sequence[Phantom], ended: Sequence[tuple[Phantom, Ending]]) -> None:
        """Add and end some in one go. One that is there is not added again, one that has ended not ended again."""
        ...

    async def finished(
        self, since_ms: int = 0, strategy: str = "", symbol: str = "", newest: int = 0
    ) -> tuple[Followed, ...]:
        """Those whose end came at or after a time, in the order of their ends, then of symbols.

        Only so many of the `newest` (0: all).
        """
        ...

    async def model_tallies(self, models: Sequence[str]) -> tuple[ModelTally, ...]:
        """By strategy, symbol and model, of the versions named."""
        ...

    async def outcomes(self, asked: Sequence[Since]) -> tuple[int, ...]:
        """How many signals have ended, for each asked."""
        ...

    async def late_signals(self, since_ms: int, most: int) -> tuple[LateSignal, ...]:
        """The newest of those decided at or after a time whose features are known, newest first."""
        ...
