"""The book of proposals over a desk: filed, shown, applied by whoever knows the kind, decided once, kept over restarts.

Approving is three steps: note that it is being applied, apply it, note that it was. A crash between them is settled at
the next look, by asking the kind whether its effect is in the books.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from bot.domain.command import Done
from bot.domain.errors import StorageError
from bot.domain.market import DAY_MS
from bot.domain.refusal import Refused
from bot.runtime.proposals import Draft, Filed, ProposalState, ProposalStore, Verdict
from handlers.format import Clock
from handlers.learning import Applied, Proposal
from handlers.text import clip, stored

MOST_WAITING = 200
"""So many are shown."""
MOST_OPEN = 10_000
DECIDED = (ProposalState.APPROVED, ProposalState.REJECTED, ProposalState.EXPIRED)
OPEN = (ProposalState.WAITING, ProposalState.APPLYING)
UNNOTED = "the book of proposals could not be written: it finds out by itself that this one was applied"

log = logging.getLogger(__name__)


class Kind(Protocol):
    """Whoever can apply proposals of one kind."""

    async def refusal(self, body: str) -> Refused | None:
        """What is in the way of applying it now, None when nothing."""
        ...

    async def apply(self, body: str, actor: str, origin: str) -> Done | Refused:
        """Apply it, all of it or nothing."""
        ...

    async def applied(self, body: str, verdict: Verdict) -> int | None:
        """The change of settings by which it was applied since the verdict; 0 when it was not. Raises StorageError.

        None while that cannot be told yet.
        """
        ...


@dataclass(slots=True)
class Book:
    """A ProposalBook. `kinds` say who applies what; `clock` is the operator's, at the desk's present."""

    store: ProposalStore
    kinds: Mapping[str, Kind]
    clock: Callable[[], Clock]
    keep_days: int = 14
    _under_way: set[int] = field(init=False, default_factory=set)

    @property
    def _now_ms(self) -> int:
        return self.clock().now_ms

    async def waiting(self) -> Sequence[Proposal]:
        """Those that nobody has decided about, oldest first."""
        await self.store.expire(self._now_ms)
        found = [await self._settled(one) for one in await self.store.listed(OPEN, MOST_WAITING)]
        return tuple(self._shown(one) for one in reversed(found) if one.state is ProposalState.WAITING)

    async def decided(self, limit: int) -> Sequence[Proposal]:
        """The newest ones that do not wait any more, newest first."""
        await self.store.expire(self._now_ms)
        return tuple(self._shown(one) for one in await self.store.listed(DECIDED, limit))

    async def bodies(self, kind: str) -> Sequence[str]:
        """What those of a kind hold that wait or are being applied, for whoever knows the kind."""
        await self.store.expire(self._now_ms)
        found = await self.store.listed(OPEN, MOST_OPEN)
        return tuple(one.draft.body for one in found if one.draft.kind == kind)

    async def file(self, draft: Draft) -> Proposal:
        """Let it wait; the same again is the one that waits, with newer figures."""
        now_ms = self._now_ms
        await self.store.expire(now_ms)
        return self._shown(await self.store.add(draft, now_ms, now_ms + self.keep_days * DAY_MS))

    async def found(self, proposal_id: str, to_apply: bool = False) -> Proposal | Refused:
        """One that can be decided about (`to_apply`: that could be applied now); Refused says why there is none."""
        one = await self._open(proposal_id)
        if isinstance(one, Refused):
            return one
        refused = await self._in_the_way(one) if to_apply else None
        return refused or self._shown(one)

    async def approve(self, proposal_id: str, actor: str, origin: str = "") -> Applied | Refused:
        """Apply one. `origin` is the update that asks, noted with the effect."""
        one = await self._open(proposal_id)
        refused = one if isinstance(one, Refused) else await self._in_the_way(one)
        if isinstance(one, Refused) or refused is not None:
            return refused or Refused("proposal", "")
        verdict = Verdict(actor, self._now_ms)
        if not await self.store.move(one.number, ProposalState.WAITING, ProposalState.APPLYING, verdict):
            return await self._too_late(one.number)
        self._under_way.add(one.number)
        try:
            return await self._apply(one, verdict, origin)
        finally:
            self._under_way.discard(one.number)

    async def reject(self, proposal_id: str, actor: str, reason: str) -> Done | Refused:
        """Drop one."""
        one = await self._open(proposal_id)
        if isinstance(one, Refused):
            return one
        verdict = Verdict(actor, self._now_ms, stored(reason))
        if not await self.store.move(one.number, ProposalState.WAITING, ProposalState.REJECTED, verdict):
            return await self._too_late(one.number)
        return Done(remarks=(f"{one.id} ({one.draft.title}) does not wait any more",))

    async def _apply(self, one: Filed, verdict: Verdict, origin: str) -> Applied | Refused:
        """The effect, and the note of it."""
        kind, body = self.kinds[one.draft.kind], one.draft.body
        answer = await kind.apply(body, verdict.by, origin)
        change_id = 0
        try:
            if isinstance(answer, Refused):
                await self.store.move(one.number, ProposalState.APPLYING, ProposalState.WAITING, Verdict())
                return answer
            change_id = await kind.applied(body, verdict) or 0
            if change_id:
                approved = replace(verdict, change_id=change_id)
                await self.store.move(one.number, ProposalState.APPLYING, ProposalState.APPROVED, approved)
        except StorageError as error:
            log.error("what became of proposal %s could not be noted: %s", one.id, error)
        if isinstance(answer, Refused):
            return answer
        undo = f"it is change {change_id}: /undo {change_id} takes all of it back" if change_id else UNNOTED
        return Applied(replace(answer, remarks=(*answer.remarks, undo)), change_id)

    async def _open(self, proposal_id: str) -> Filed | Refused:
        """One that waits."""
        await self.store.expire(self._now_ms)
        digits = proposal_id.strip().lower().removeprefix("p")
        one = (
            await self.store.get(int(digits))
            if digits.isascii() and digits.isdigit() and len(digits) < 16
            else None
        )
        if one is None:
            waiting = [found.id for found in await self.waiting()]
            rest = f"there are {', '.join(waiting)}" if waiting else "nothing waits"
            return Refused("proposal", f"there is no proposal {clip(proposal_id)}; {rest}")
        one = await self._settled(one)
        return (
            one
            if one.state is ProposalState.WAITING
            else Refused("proposal", f"{one.id} {self._outcome(one)}")
        )

    async def _too_late(self, number: int) -> Refused:
        """Somebody else was faster."""
        one = await self.store.get(number)
        outcome = self._outcome(one) if one is not None else "is gone"
        return Refused("proposal", f"p{number} {outcome}")

    async def _in_the_way(self, one: Filed) -> Refused | None:
        kind = self.kinds.get(one.draft.kind)
        if kind is None:
            return Refused(
                "proposal", f"{one.id} is of the kind {one.draft.kind}, which nothing here can apply"
            )
        return await kind.refusal(one.draft.body)

    async def _settled(self, one: Filed) -> Filed:
        """One that a run was applying when it ended: it was applied, or it waits again."""
        kind = self.kinds.get(one.draft.kind)
        if one.state is not ProposalState.APPLYING or one.number in self._under_way or kind is None:
            return one
        change_id = await kind.applied(one.draft.body, one.verdict)
        if change_id is None:
            return one
        state = ProposalState.APPROVED if change_id else ProposalState.WAITING
        verdict = replace(one.verdict, change_id=change_id) if change_id else Verdict()
        log.info("proposal %s was being applied when the desk ended: it is %s now", one.id, state.value)
        await self.store.move(one.number, ProposalState.APPLYING, state, verdict)
        return replace(one, state=state, verdict=verdict)

    def _shown(self, one: Filed) -> Proposal:
        draft = one.draft
        outcome = "" if one.state is ProposalState.WAITING else self._outcome(one)
        return Proposal(
            id=one.id,
            at_ms=one.at_ms,
            kind=draft.kind,
            title=draft.title,
            figures=draft.figures,
            changes=draft.changes,
            expires_at_ms=one.expires_at_ms,
            outcome=outcome,
            change_id=one.verdict.change_id,
            source=draft.source,
        )

    def _outcome(self, one: Filed) -> str:
        """What became of it, in words."""
        verdict, at = one.verdict, self.clock()
        when = at.full(verdict.at_ms) if verdict.at_ms else "at an unknown time"
        match one.state:
            case ProposalState.WAITING:
                return "waits"
            case ProposalState.APPLYING:
                return f"is being applied for {verdict.by} since {when}"
            case ProposalState.APPROVED:
                return f"was approved by {verdict.by} at {when}; /undo {verdict.change_id} takes it back"
            case ProposalState.REJECTED:
                return f"was rejected by {verdict.by} at {when}: {verdict.reason}"
            case ProposalState.EXPIRED:
                return f"has expired at {when}: nobody decided in {self.keep_days} days"
