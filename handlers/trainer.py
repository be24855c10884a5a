"""Training as a chat may ask for it: one model at a time in a house, what comes of it waits for approval."""

from dataclasses import dataclass, field
from typing import Protocol

from bot.domain.refusal import Refused
from handlers.command import Injected
from handlers.lab import Told
from handlers.learning import Proposal

NOT_INSTALLED = "Training is not installed on this desk: there is nothing to train."


@dataclass(frozen=True, slots=True)
class TrainOrder:
    """Models of these symbols are to be trained, in this order; `user` is who asked."""

    symbols: tuple[str, ...]
    user: str


@dataclass(frozen=True, slots=True)
class Trained:
    """What a symbol's training came to: a version that waits as a proposal, or (`fault`) why there is none.

    `words` are sentences that must be read with it.
    """

    symbol: str
    version: str = ""
    proposal: Proposal | None = None
    words: tuple[str, ...] = ()
    fault: str = ""


class Trainer(Protocol):
    """Where models are trained: in a process of its own, the requests of people first."""

    @property
    def installed(self) -> bool:
        """False where nothing can be trained."""
        ...

    def queued(self, symbol: str) -> bool:
        """True while a training of a symbol's own model waits or runs."""
        ...

    async def train(self, order: TrainOrder, told: Told) -> tuple[Trained, ...] | Refused:
        """Train, and file what comes of it; what was trained before somebody stopped it stays.

        Refused when the person has something running, or when it was stopped before the first one was done.
        """
        ...

    async def stop(self, user: str) -> str:
        """Stop what a person has running or waiting; answers what that was, empty when there was nothing."""
        ...


class NoTrainer:
    """A Trainer that cannot train."""

    installed = False

    def queued(self, symbol: str) -> bool:
        """Nothing waits."""
        return False

    async def train(self, order: TrainOrder, told: Told) -> tuple[Trained, ...] | Refused:
        """There is nobody to do it."""
        return Refused("ml", NOT_INSTALLED)

    async def stop(self, user: str) -> str:
        """Nothing runs."""
        return ""


@dataclass(frozen=True, slots=True)
class Training(Injected):
    """The trainer, as a handler asks for it."""

    trainer: Trainer = field(default_factory=NoTrainer)
