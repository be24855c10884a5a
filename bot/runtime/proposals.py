"""Proposals: what waits for a person's word before it counts; the values, and the contract that storage fulfils."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

type Figures = tuple[tuple[str, str, str], ...]
"""Name, before, after, as text for people."""


class ProposalState(StrEnum):
    """What became of a proposal.

    WAITING: nobody has decided. APPLYING: approved, its effect is not known to be in the books yet (a crash here is
    settled by looking whether it is). APPROVED, REJECTED, EXPIRED: over.
    """

    WAITING = "waiting"
    APPLYING = "applying"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Draft:
    """What is proposed. `kind` says who can apply it, `body` is for that one alone (JSON text).

    `changes` are what would change, `figures` what it would come to; `source` is what proposed it.
    """

    kind: str
    title: str
    changes: Figures
    figures: Figures
    body: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision: who, when, why; `change_id` is the change of settings that it led to, 0 when none."""

    by: str = ""
    at_ms: int = 0
    reason: str = ""
    change_id: int = 0


@dataclass(frozen=True, slots=True)
class Filed:
    """A proposal in the book. `number` counts from 1 per account; times are business time."""

    number: int
    at_ms: int
    expires_at_ms: int
    draft: Draft
    state: ProposalState = ProposalState.WAITING
    verdict: Verdict = Verdict()

    @property
    def id(self) -> str:
        """How people call it."""
        return f"p{self.number}"


class ProposalStore(Protocol):
    """The proposals of one account. Everything is durable before it returns; raises StorageError."""

    async def add(self, draft: Draft, at_ms: int, expires_at_ms: int) -> Filed:
        """File one. Where one of the same kind and body waits already, that one is answered, with the new figures."""
        ...

    async def get(self, number: int) -> Filed | None:
        """One by its number."""
        ...

    async def listed(self, states: Sequence[ProposalState], limit: int) -> tuple[Filed, ...]:
        """The newest ones in these states, newest first."""
        ...

    async def move(self, number: int, before: ProposalState, after: ProposalState, verdict: Verdict) -> bool:
        """Bring one from a state to another; False when it is in another one by now, and nothing is changed."""
        ...

    async def expire(self, now_ms: int) -> int:
        """Those whose time is over while they waited are EXPIRED; answers how many."""
        ...
