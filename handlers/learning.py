"""What models, phantoms and proposals answer to a chat. Where there are none, `Nothing` says so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from bot.domain.command import Done
from bot.domain.errors import StorageError
from bot.domain.model import ModelMode
from bot.domain.refusal import Refused
from bot.ml.card import Card
from bot.ml.phantom import Followed
from bot.runtime.phantoms import PhantomRecords, PhantomTally
from bot.runtime.proposals import Draft
from handlers.command import Injected
from handlers.text import clip

NO_MODEL = "no model is installed; signals pass unfiltered"
UNFILTERED = "No model is installed: signals pass unfiltered, and decisions carry no model score."


@dataclass(frozen=True, slots=True)
class ModelView:
    """The model of one symbol. Ratios are 0 to 1; None where nothing was measured yet.

    `precision` and `recall` are at the threshold. `young` not empty: why its scores do not count yet, whatever the mode
    ("83 of 150 outcomes").
    """

    symbol: str
    mode: ModelMode
    threshold: float
    trained_at_ms: int
    features: int
    auc: float | None
    precision: float | None
    recall: float | None
    queued: bool
    young: str = ""

    @property
    def judges(self) -> bool:
        """True when its scores refuse signals."""
        return self.mode is ModelMode.ON and not self.young


@dataclass(frozen=True, slots=True)
class ModelFigures:
    """How the model of one symbol does live. None where there is nothing to measure yet.

    `scored` signals of the symbol by this version (`model`, XRPUSDT/v0003), of which `passed` reached its threshold;
    `ended` of these reached a level, `hit_rate` is the share that reached the target. `refused` have ended that it kept
    from being traded, or in shadow would have; `uplift` is what these did not lose, in quote asset. `late` signals of
    the last days are held against the training: `drift` of their scores, `worst` the feature that moved farthest with
    its figure, `warned` what is warned of, by name ("score" for the scores).
    """

    symbol: str
    model: str
    scored: int
    passed: int
    ended: int
    hit_rate: float | None
    refused: int
    uplift: Decimal | None
    late: int
    drift: float | None
    worst: tuple[str, float] | None
    warned: tuple[str, ...]


class ModelShelf(Protocol):
    """The models in use."""

    def models(self) -> Sequence[ModelView]:
        """The installed models by symbol."""
        ...

    def card(self, symbol: str) -> Card | None:
        """The card of the model that speaks for a symbol; None: nobody's does."""
        ...

    async def figures(self) -> Sequence[ModelFigures]:
        """How the models in use do live, by symbol. Raises StorageError."""
        ...

    async def uplifts(self) -> Mapping[str, Decimal | None]:
        """Of these figures the uplift alone, by symbol: drift is not looked at. Raises StorageError."""
        ...

    async def switch(self, symbol: str, mode: ModelMode, actor: str) -> Done | Refused:
        """Let models judge signals (symbol empty: all), only score them beside, or rest."""
        ...

    async def set_threshold(self, symbol: str, threshold: Decimal, actor: str) -> Done | Refused:
        """The score from which a signal passes (symbol empty: all)."""
        ...


class Nothing:
    """No model: a ModelShelf."""

    def models(self) -> Sequence[ModelView]:
        """None."""
        return ()

    def card(self, symbol: str) -> Card | None:
        """None."""
        return None

    async def figures(self) -> Sequence[ModelFigures]:
        """None."""
        return ()

    async def uplifts(self) -> Mapping[str, Decimal | None]:
        """None."""
        return {}

    async def switch(self, symbol: str, mode: ModelMode, actor: str) -> Done | Refused:
        """There is nothing to switch."""
        return Refused("ml", NO_MODEL)

    async def set_threshold(self, symbol: str, threshold: Decimal, actor: str) -> Done | Refused:
        """There is nothing that would ask for it."""
        return Refused("ml", NO_MODEL)


@dataclass(frozen=True, slots=True)
class Models(Injected):
    """The shelf, as a handler asks for it."""

    shelf: ModelShelf = field(default_factory=Nothing)


class NoPhantoms:
    """PhantomRecords of a desk that follows no signals."""

    async def tallies(self, since_ms: int = 0) -> tuple[PhantomTally, ...]:
        """None."""
        return ()

    async def found(self, strategy: str, symbol: str, bar_at_ms: int) -> Followed | None:
        """None."""
        return None


@dataclass(frozen=True, slots=True)
class Phantoms(Injected):
    """The signals that are followed beside the trades, as a handler asks for them."""

    records: PhantomRecords = field(default_factory=NoPhantoms)


@dataclass(frozen=True, slots=True)
class Proposal:
    """Something that waits for a person. `changes` would change, `figures` are what it comes to: name, before, after.

    `outcome` says what became of one that does not wait any more; `change_id` is the change of settings it led to;
    `source` says who proposed it.
    """

    id: str
    at_ms: int
    kind: str
    title: str
    figures: tuple[tuple[str, str, str], ...] = ()
    changes: tuple[tuple[str, str, str], ...] = ()
    expires_at_ms: int = 0
    outcome: str = ""
    change_id: int = 0
    source: str = ""


@dataclass(frozen=True, slots=True)
class Applied:
    """What applying a proposal did; `change_id` is what /undo takes, 0 where that is not known."""

    done: Done
    change_id: int = 0


class ProposalBook(Protocol):
    """Parameter sets, models and sweep results that wait for approval. Raises StorageError."""

    async def waiting(self) -> Sequence[Proposal]:
        """Those that nobody has decided about, oldest first."""
        ...

    async def decided(self, limit: int) -> Sequence[Proposal]:
        """The newest ones that do not wait any more, newest first."""
        ...

    async def bodies(self, kind: str) -> Sequence[str]:
        """What those of a kind hold that wait or are being applied, for whoever knows the kind."""
        ...

    async def found(self, proposal_id: str, to_apply: bool = False) -> Proposal | Refused:
        """One that can be decided about (`to_apply`: that could be applied now); Refused says why there is none."""
        ...

    async def file(self, draft: Draft) -> Proposal:
        """Let it wait; the same again is the one that waits, with newer figures."""
        ...

    async def approve(self, proposal_id: str, actor: str, origin: str = "") -> Applied | Refused:
        """Apply one. `origin` is the update that asks, noted with the effect."""
        ...

    async def reject(self, proposal_id: str, actor: str, reason: str) -> Done | Refused:
        """Drop one."""
        ...


class NoProposals:
    """A ProposalBook in which nothing waits and nothing can be filed."""

    async def waiting(self) -> Sequence[Proposal]:
        """None."""
        return ()

    async def decided(self, limit: int) -> Sequence[Proposal]:
        """None."""
        return ()

    async def bodies(self, kind: str) -> Sequence[str]:
        """None."""
        return ()

    async def found(self, proposal_id: str, to_apply: bool = False) -> Proposal | Refused:
        """There is none of that name."""
        return Refused("proposal", f"there is no proposal {clip(proposal_id)}; nothing waits")

    async def file(self, draft: Draft) -> Proposal:
        """There is no book to file it in."""
        raise StorageError("proposals need a database")

    async def approve(self, proposal_id: str, actor: str, origin: str = "") -> Applied | Refused:
        """There is none of that name."""
        return Refused("proposal", f"there is no proposal {clip(proposal_id)}; nothing waits")

    async def reject(self, proposal_id: str, actor: str, reason: str) -> Done | Refused:
        """There is none of that name."""
        return Refused("proposal", f"there is no proposal {clip(proposal_id)}; nothing waits")


@dataclass(frozen=True, slots=True)
class Proposals(Injected):
    """The book, as a handler asks for it."""

    book: ProposalBook = field(default_factory=NoProposals)
