"""What every request must pass before anything is done, in this order; the first gate that says no ends it.

kind        edited, forwarded, from bots, anonymous, through bots, channels: never
once        an update is taken at most once, across restarts
crew        user id and chat id must both be known
fresh       reads, commands that lower risk and commands that raise it may be differently old
pace        so many a minute; lowering risk has its own allowance, so that reads cannot use it up
known       the command exists
role        and the person may give it
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.domain.errors import StorageError
from bot.runtime.ports import Inbox
from handlers import outcome
from handlers.access import Access
from handlers.asked import Asked
from handlers.command import Actor, Risk
from handlers.limiter import OncePer, Pace, RateLimiter
from handlers.limits import ChatLimits
from handlers.outcome import Ending, Outcome
from handlers.registry import Registry
from handlers.request import ChatKind, Request
from handlers.text import clean, clip

log = logging.getLogger(__name__)
_MOST_CLAIMS = 10_000


@dataclass(slots=True)
class Gates:
    """The gates and what they remember."""

    registry: Registry
    access: Access
    inbox: Inbox
    wall_clock: Callable[[], int]
    limits: ChatLimits
    _pace: RateLimiter = field(init=False)
    _refusals: OncePer = field(init=False)
    _claimed: dict[tuple[str, str], None] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Set up what is remembered."""
        self._pace = RateLimiter(self.limits.per_minute, self.limits.burst)
        self._refusals = OncePer(self.limits.refusal_every_ms)

    async def enter(self, request: Request, asked: Asked) -> Ending | Actor:
        """The one who may go on, or how it ended."""
        if request.never_runs:
            return Ending(Outcome.REFUSED)
        actor = self._actor(request)
        if actor is None or not self.access.allows_chat(request):
            return self._stranger(request, actor)
        if not await self._first_time(request):
            return Ending(Outcome.DUPLICATE)
        refused = self._stale(request, asked) or self._over(request, actor, asked)
        return refused or self._unknown(request, actor, asked) or self._denied(actor, asked) or actor

    async def _first_time(self, request: Request) -> bool:
        """Claim the update. Without a database this process remembers: stopping the desk must stay possible."""
        key = (request.platform, request.update_id)
        if not request.update_id:
            return True
        if key in self._claimed:
            return False
        self._claimed[key] = None
        if len(self._claimed) > _MOST_CLAIMS:
            del self._claimed[next(iter(self._claimed))]
        try:
            return await self.inbox.claim(*key, self.wall_clock())
        except StorageError:
            log.exception("update %s of %s could not be claimed in the database", key[1], key[0])
            return True

    def _actor(self, request: Request) -> Actor | None:
        user = f"{request.platform}:{request.user_id}"
        role = self.access.role(user, self.wall_clock())
        name = clip(clean(request.user_name))
        return None if role is None else Actor(request.platform, request.user_id, name, role)

    def _stranger(self, request: Request, actor: Actor | None) -> Ending:
        """No answer in groups; in private one fixed sentence, once in a while."""
        alone = request.chat_kind is ChatKind.PRIVATE and actor is None
        user = f"{request.platform}:{request.user_id}"
        told = alone and self._refusals.due(user, self.wall_clock())
        return Ending(Outcome.DENIED, outcome.STRANGER if told else None)

    def _stale(self, request: Request, asked: Asked) -> Ending | None:
        risk = asked.command.risk if asked.command else Risk.READ
        age_ms = self.wall_clock() - request.sent_at_ms
        if -self.limits.ahead_ms <= age_ms <= self.limits.oldest_ms(risk):
            return None
        if asked.command is None:
            return Ending(Outcome.STALE)
        return Ending(Outcome.STALE, outcome.stale(asked.command, asked.line, age_ms, self.limits))

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
