"""What every request must pass before anything is done, in this order; the first gate that says no ends it.

kind        edited, forwarded, from bots, anonymous, through bots, channels: never
crew        user id and chat id must both be known
once        an update is taken at most once, across restarts; the claim holds the line, so that none is lost unseen
fresh       what was sent before the start is parked; reads and commands that lower or raise risk may be differently old
pace        so many a minute; lowering risk has its own allowance, so that reads cannot use it up
known       the command exists
role        and the person may give it
waiting     a parked line that is asked to run is still on the list; it is off from here on
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from bot.domain.errors import StorageError
from bot.runtime.chat_ports import Arrival, Arrivals, ArrivalState
from handlers import outcome
from handlers.access import Access
from handlers.asked import Asked
from handlers.away import GONE, STILL_WAITS, Away, ParkedAsked
from handlers.buttons import GiveAnswer, RunLine, SecondAnswer
from handlers.command import Actor, Risk
from handlers.doorstep import Doorstep
from handlers.limiter import OncePer, Pace, RateLimiter
from handlers.limits import ChatLimits
from handlers.outcome import Ending, Outcome
from handlers.registry import Registry
from handlers.request import ChatKind, Request
from handlers.tally import RefusalTally
from handlers.text import clean, clip, mask

log = logging.getLogger(__name__)
_MOST_CLAIMS = 10_000


@dataclass(slots=True)
class Gates:
    """The gates and what they remember.

    `arrivals` keep each line that was claimed and what became of it. `away` parks what came too late; without it each
    late line is answered by itself. `doorstep` answers strangers.
    """

    registry: Registry
    access: Access
    arrivals: Arrivals
    wall_clock: Callable[[], int]
    limits: ChatLimits
    away: Away | None = None
    doorstep: Doorstep | None = None
    _pace: RateLimiter = field(init=False)
    _refusals: OncePer = field(init=False)
    _tally: RefusalTally = field(init=False, default_factory=RefusalTally)
    _claimed: dict[tuple[str, str], None] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Set up what is remembered."""
        self._pace = RateLimiter(self.limits.per_minute, self.limits.burst)
        self._refusals = OncePer(self.limits.refusal_every_ms)

    def resolve(self, request: Request, asked: Asked) -> Asked:
        """What is asked for in the end: `/away run CODE` means the line that waits under that code."""
        return asked if self.away is None else self.away.resolve(request, asked)

    async def enter(self, request: Request, asked: Asked) -> Ending | Actor:
        """The one who may go on, or how it ended."""
        actor = self._actor(request)
        if request.never_runs:
            return self._noted(request, actor, Ending(Outcome.REFUSED, remark=request.never_runs))
        if actor is None or not self.access.allows_chat(request):
            return self._noted(request, actor, await self._stranger(request, actor))
        late = self._parks(request, asked, actor)
        arrival = self._arrival(request, asked, ArrivalState.PARKED if late else ArrivalState.TAKEN)
        first = await self._first_time(arrival)
        request.taken()
        if not first:
            return Ending(Outcome.DUPLICATE)
        await self.access.heard(actor.id, actor.name)
        if late and self.away is not None:
            await self.away.park(arrival, asked)
            return Ending(Outcome.STALE, remark="parked")
        refused = await self._stale(request, asked, actor, arrival) or self._over(request, actor, asked)
        refused = refused or self._unknown(request, actor, asked) or self._denied(actor, asked)
        return refused or await self._gone(request, asked, arrival) or actor

    # kind, crew

    def _actor(self, request: Request) -> Actor | None:
        user = f"{request.platform}:{request.user_id}"
        role = self.access.role(user, self.wall_clock())
        name = clip(clean(request.user_name))
        return None if role is None else Actor(request.platform, request.user_id, name, role)

    async def _stranger(self, request: Request, actor: Actor | None) -> Ending:
        """No answer in groups; in private one fixed sentence, once in a while."""
        if actor is not None:
            return Ending(Outcome.DENIED, remark="this chat is not allowed")
        if self.doorstep is not None:
            return replace(await self.doorstep.answer(request), remark="not of the crew")
        user = f"{request.platform}:{request.user_id}"
        alone = request.chat_kind is ChatKind.PRIVATE
        told = alone and self._refusals.due(user, self.wall_clock())
        return Ending(Outcome.DENIED, outcome.STRANGER if told else None, remark="not of the crew")

    def _noted(self, request: Request, actor: Actor | None, ending: Ending) -> Ending:
        """A stranger's refusals get one line a minute in the audit, with a count: nobody fills the disk with them."""
        if actor is not None:
            return ending
        more = self._tally.count(f"{request.platform}:{request.user_id}", self.wall_clock())
        if more is None:
            return replace(ending, recorded=False)
        return replace(ending, remark=f"{ending.remark}; {more} more before" if more else ending.remark)

    # once

    def _arrival(self, request: Request, asked: Asked, state: ArrivalState) -> Arrival:
        return Arrival(
            platform=request.platform,
            update_id=request.update_id,
            user=f"{request.platform}:{request.user_id}",
            chat_id=request.chat_id,
            line=mask(asked.line) if _runnable(asked) or _says_yes(asked) else "",
            sent_at_ms=request.sent_at_ms,
            at_ms=self.wall_clock(),
            state=state,
        )

    async def _first_time(self, arrival: Arrival) -> bool:
        """Claim the update. Without a database this process remembers: stopping the desk must stay possible."""
        key = (arrival.platform, arrival.update_id)
        if not arrival.update_id:
            return True
        if key in self._claimed:
            return False
        self._claimed[key] = None
        if len(self._claimed) > _MOST_CLAIMS:
            del self._claimed[next(iter(self._claimed))]
        try:
            return await self.arrivals.claim(arrival)
        except StorageError:
            log.exception("update %s of %s could not be claimed in the database", key[1], key[0])
            return True

    # fresh

    def _age_ms(self, request: Request) -> int:
        return self.wall_clock() - request.sent_at_ms

    def _in_time(self, request: Request, asked: Asked) -> bool:
        risk = asked.command.risk if asked.command else Risk.READ
        return -self.limits.ahead_ms <= self._age_ms(request) <= self.limits.oldest_ms(risk)

    def _parks(self, request: Request, asked: Asked, actor: Actor) -> bool:
        """True for a line that waits for run or discard. Nobody's line waits who might not give it."""
        if self.away is None or not request.update_id or not _runnable(asked):
            return False
        if isinstance(asked, ParkedAsked):  # it waits already
            return False
        if asked.command is None or asked.command.role > actor.role or self._age_ms(request) < 0:
            return False
        late = self.away.before_start(request.sent_at_ms) or not self._in_time(request, asked)
        return late and self.away.parks(request)

    async def _stale(self, request: Request, asked: Asked, actor: Actor, arrival: Arrival) -> Ending | None:
        before = self.away is not None and self.away.before_start(request.sent_at_ms)
        if (self._in_time(request, asked) and not before) or self._denied(actor, asked):
            return None
        await self._over_with(arrival)
        if asked.command is None:
            return Ending(Outcome.STALE, outcome.UNKNOWN_BUTTON if request.button else None)
        if isinstance(asked, ParkedAsked):
            return Ending(Outcome.STALE, STILL_WAITS)
        return Ending(
            Outcome.STALE, outcome.stale(asked.command, asked.line, self._age_ms(request), self.limits)
        )

    async def _over_with(self, arrival: Arrival) -> None:
        """It was answered; it is no line that a crash has swallowed."""
        if not arrival.update_id:
            return
        try:
            await self.arrivals.settle(arrival.platform, arrival.update_id, ArrivalState.ENDED)
        except StorageError:
            log.exception("update %s could not be settled", arrival.key)

    # pace

    def _over(self, request: Request, actor: Actor, asked: Asked) -> Ending | None:
        if request.platform in self.limits.unlimited:
            return None
        lowers = asked.command is not None and asked.command.risk is Risk.LOWERS
        key = f"{actor.id} {'lowers' if lowers else ''}"
        match self._pace.pace(key, self.wall_clock()):
            case Pace.WITHIN:
                return None
            case Pace.OVER:
                wait_ms = self._pace.wait_ms(key, self.wall_clock())
                return Ending(Outcome.LIMITED, outcome.too_fast(wait_ms, self.limits))
            case Pace.STILL_OVER:
                return Ending(Outcome.LIMITED)

    # known, role

    def _unknown(self, request: Request, actor: Actor, asked: Asked) -> Ending | None:
        if asked.command is not None:
            return None
        if asked.named:
            near = self.registry.nearest(asked.word, actor.role)
            return Ending(Outcome.UNKNOWN_COMMAND, outcome.unknown(asked.word, asked.rest, near))
        if request.button:
            return Ending(Outcome.EXPIRED, outcome.UNKNOWN_BUTTON)
        near = self.registry.nearest(asked.rest.strip().casefold(), actor.role)
        return Ending(Outcome.UNKNOWN_COMMAND, outcome.no_command(near))

    def _denied(self, actor: Actor, asked: Asked) -> Ending | None:
        if asked.command is None or asked.command.role <= actor.role:
            return None
        return Ending(Outcome.DENIED, outcome.denied(asked.command, actor.role.word))

    # waiting

    async def _gone(self, request: Request, asked: Asked, arrival: Arrival) -> Ending | None:
        """A parked line is run once: whoever comes first takes it off the list."""
        if not isinstance(asked, ParkedAsked) or self.away is None:
            return None
        if await self.away.take(asked, request):
            return None
        await self._over_with(arrival)
        return Ending(Outcome.REFUSED, GONE)


def _says_yes(asked: Asked) -> bool:
    """A confirmation that is taken is kept with its line: who dies on it must show that nothing came of it."""
    return isinstance(asked.held, GiveAnswer | SecondAnswer) and asked.held.yes


def _runnable(asked: Asked) -> bool:
    """False for what makes no sense later: answers to questions, turned pages, what names no command."""
    return asked.command is not None and (asked.held is None or isinstance(asked.held, RunLine))
