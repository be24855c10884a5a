"""Strangers: one fixed refusal in private, once in a while, with one button that asks the admins for access.

What a stranger is told never depends on what the desk knows: it is the same before and after the request, when it was
refused, and when nobody would be asked at all.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from bot.domain.errors import StorageError
from bot.domain.market import HOUR_MS
from bot.domain.notice import Severity
from handlers import outcome
from handlers.access import CrewAccess
from handlers.away import Push
from handlers.command import Role
from handlers.format import count
from handlers.limiter import OncePer
from handlers.outcome import Ending, Outcome
from handlers.reply import Button, ButtonStyle, Reply
from handlers.request import ChatKind, Request, RequestKind
from handlers.speaker import PlatformDown, private_chat
from handlers.text import clean, clip, mask

log = logging.getLogger(__name__)
ASK_ID = "ask-for-access"
"""The id of the only button that works for strangers. It holds no secret: who presses is who asks."""

MOST_OPEN = 20
MOST_AN_HOUR = 5
NAME_LENGTH = 40
RETRY_S = 30.0
EVERYBODY = ""
"""In place of a user: all whose requests are open."""

REFUSAL = replace(outcome.STRANGER, buttons=(Button("Ask for access", "", id=ASK_ID),))
ASKED = replace(outcome.STRANGER, text="If you are expected, somebody will answer your request.")


def request_card(user: str, name: str) -> Reply:
    """What admins see when a stranger asks."""
    give = f"/grant {user}"
    return Reply(
        title="Access asked for",
        fields=(("User", user), ("Calls himself", name or "nothing")),
        text="Only the user id counts: names can be anybody's. Each button asks again before it does anything.",
        buttons=(
            Button("Viewer 7 days", f"{give} viewer 7d", ButtonStyle.PRIMARY),
            Button("Viewer", f"{give} viewer"),
            Button("Trader 7 days", f"{give} trader 7d"),
            Button("Trader", f"{give} trader"),
            Button("Refuse", f"/refuse {user}", ButtonStyle.DANGER),
        ),
        severity=Severity.TRADE,
    )


def waiting_card(requests: int) -> Reply:
    """What admins see after a start, while requests are open."""
    said = f"{count(requests, 'request')} for access {'is' if requests == 1 else 'are'} open since before the start."
    return Reply("Access asked for", text=said, buttons=(Button("Who", "/who"),), severity=Severity.TRADE)


@dataclass(frozen=True, slots=True)
class _Errand:
    """One admin to be told of one request."""

    admin: str
    user: str
    name: str


@dataclass(slots=True)
class Doorstep:
    """Answers strangers, takes their requests and tells the admins. `push` None: nobody is told unasked."""

    access: CrewAccess
    wall_clock: Callable[[], int]
    push: Push | None = None
    refusal_every_ms: int = HOUR_MS
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _refused: OncePer = field(init=False)
    _answered: OncePer = field(init=False)
    _taken: deque[int] = field(init=False, default_factory=deque)
    _errands: deque[_Errand] = field(init=False, default_factory=deque)
    _waiting: asyncio.Event = field(init=False, default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        """Nobody was told anything yet."""
        self._refused = OncePer(self.refusal_every_ms)
        self._answered = OncePer(self.refusal_every_ms)

    async def answer(self, request: Request) -> Ending:
        """What a stranger gets: nothing outside a private chat, else fixed words once in a while."""
        if request.chat_kind is not ChatKind.PRIVATE:
            return Ending(Outcome.DENIED)
        user, now_ms = f"{request.platform}:{request.user_id}", self.wall_clock()
        if request.kind is RequestKind.BUTTON and request.button == ASK_ID:
            if not self._answered.due(user, now_ms):
                return Ending(Outcome.DENIED)
            await self._ask(user, shown_name(request.user_name))
            return Ending(Outcome.DENIED, ASKED)
        return Ending(Outcome.DENIED, REFUSAL if self._refused.due(user, now_ms) else None)

    async def run(self) -> None:
        """Tell admins of requests, for ever; one who cannot be reached keeps no other waiting.

        Those that an earlier run may not have told any more are named once, as a number.
        """
        if not self._errands and await self._asking():
            self._tell_admins(EVERYBODY, "")
        while True:
            await self._waiting.wait()
            self._waiting.clear()
            left: list[_Errand] = []
            while self._errands:
                errand = self._errands.popleft()
                left += [] if await self._told(errand) else [errand]
            if left:
                await self.sleep(RETRY_S)
                self._errands.extendleft(reversed(left))
                self._waiting.set()

    async def _ask(self, user: str, name: str) -> None:
        """Store a request if there is room for one; what comes of it is told to admins only."""
        now_ms = self.wall_clock()
        while self._taken and now_ms - self._taken[0] >= HOUR_MS:
            self._taken.popleft()
        if len(self._taken) >= MOST_AN_HOUR:
            return
        try:
            if len(await self.access.store.asking()) >= MOST_OPEN:
                return
            fresh = await self.access.store.ask(user, name, now_ms)
        except StorageError:
            log.exception("a request for access could not be stored")
            return
        if fresh:
            self._taken.append(now_ms)
            self._tell_admins(user, name)

    def _tell_admins(self, user: str, name: str) -> None:
        crew = self.access.crew(self.wall_clock())
        self._errands.extend(_Errand(one, user, name) for one, role in crew.items() if role is Role.ADMIN)
        self._waiting.set()

    async def _told(self, errand: _Errand) -> bool:
        """False when it has to be tried again; decided requests and former admins are told nothing."""
        open_ones = {user for user, _, _ in await self._asking()}
        now_admin = self.access.role(errand.admin, self.wall_clock()) is Role.ADMIN
        concerns = bool(open_ones) if errand.user == EVERYBODY else errand.user in open_ones
        if self.push is None or not now_admin or not concerns:
            return True
        card = request_card(errand.user, errand.name) if errand.user else waiting_card(len(open_ones))
        platform = errand.admin.partition(":")[0]
        try:
            await self.push(platform, private_chat(errand.admin), Role.ADMIN, card)
        except PlatformDown as error:
            log.warning("an admin on %s cannot be told of a request yet: %s", platform, error)
            return False
        return True

    async def _asking(self) -> tuple[tuple[str, str, int], ...]:
        try:
            return await self.access.store.asking()
        except StorageError:
            log.exception("requests for access could not be read")
            return ()


def shown_name(name: str) -> str:
    """A stranger's name as admins may see it: one short line, no marks that could pass for something else."""
    plain = "".join(letter for letter in mask(clean(name)) if letter.isalnum() or letter in " .'-_")
    return clip(" ".join(plain.split()), NAME_LENGTH)
