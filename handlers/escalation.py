"""Escalation: a critical notice goes on to the next person and platform until somebody says that he sees to it.

With people on call the first of them hears it at once (by the lanes); then, step by step, the next one and the other
platforms of the one before, at the end everybody who may trade, again and again for an hour. Without them everybody
hears it at once and once more later. Who cannot be reached is skipped. All of it is kept over restarts.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot.domain.notice import Notice, Severity
from bot.runtime.chat_ports import Escalation, Escalations
from bot.runtime.ports import Outbox
from handlers.command import Actor, Injected, Role
from handlers.format import duration
from handlers.pace import Urgency, spoken_as
from handlers.persons import Persons
from handlers.reply import Reply
from handlers.request import Request, RequestKind
from handlers.showing import Dress, acknowledge_button, number_of, undressed
from handlers.speaker import PlatformDown, Speaker, private_chat

log = logging.getLogger(__name__)
READER = "escalation"
_BATCH = 200
_PLACED = 2_000
_LISTED = 15


@dataclass(frozen=True, slots=True)
class EscalationRules:
    """When an escalation goes on. `unreachable_ms` is how long a first person's platform may be away before that."""

    acknowledge_ms: int = 120_000
    repeat_ms: int = 600_000
    repeats: int = 6
    unreachable_ms: int = 5_000
    say_s: float = 20.0
    look_s: float = 1.0
    idle_look_s: float = 15.0


@dataclass(frozen=True, slots=True)
class Crew:
    """Who is on call, who is one person, and who has which role now (by "platform:user_id")."""

    on_call: Sequence[str] = ()
    persons: Persons = field(default_factory=Persons)
    roles: Callable[[], Mapping[str, Role]] = dict

    def ladder(self) -> tuple[tuple[str, ...], ...]:
        """Whom each step tells; step 0 is told by the lanes. Who has no role (any more) is not told."""
        roles = self.roles()
        on_call = [user for user in self.on_call if user in roles]
        if not on_call:
            return tuple(roles), tuple(roles)
        steps: list[tuple[str, ...]] = [(on_call[0],)]
        for before, user in zip(on_call, [*on_call[1:], ""], strict=True):
            others = (one for one in self.persons.users_of(before) if one != before and one in roles)
            steps.append(tuple(dict.fromkeys((*others, *([user] if user else ())))))
        everybody = tuple(user for user, role in roles.items() if role >= Role.TRADER or user in on_call)
        return (*(step for step in steps if step), everybody)

    @property
    def is_called(self) -> bool:
        """True when somebody is on call."""
        return any(user in self.roles() for user in self.on_call)


@dataclass(frozen=True, slots=True)
class Voice:
    """How an escalation reaches people: mouths by platform, ids for buttons, notices for those who need not act."""

    speakers: Mapping[str, Speaker]
    wall_clock: Callable[[], int]
    now_ms: Callable[[], int]
    tell: Callable[[Notice], None]
    dress: Dress = undressed


class OnCall(Injected):
    """Critical notices that wait for somebody's word."""

    def __init__(
        self,
        crew: Crew,
        book: Escalations,
        outbox: Outbox,
        voice: Voice,
        rules: EscalationRules | None = None,
    ) -> None:
        """Nothing waits yet."""
        self._crew = crew
        self._book = book
        self._outbox = outbox
        self._voice = voice
        self._rules = rules or EscalationRules()
        self._lost_since_ms: dict[str, int] = {}
        self._placed: OrderedDict[tuple[str, str, str], tuple[int, ...]] = OrderedDict()
        self._woken = asyncio.Event()
        self.unanswered: tuple[str, ...] = ()

    # what the lanes ask and tell

    def hears_at_once(self, user: str) -> bool:
        """True for those who get critical notices without waiting for their turn; terminals and webhooks always do."""
        first = self._crew.ladder()[0]
        return user in first or user not in self._crew.roles()

    def reached(self, user: str, through: bool) -> None:
        """A critical notice got through to somebody, or did not."""
        if through:
            self._lost_since_ms.pop(user, None)
        else:
            self._lost_since_ms.setdefault(user, self._voice.wall_clock())

    def placed(self, platform: str, chat_id: str, message_id: str, notice_ids: Sequence[int]) -> None:
        """Remember which message tells which notices, so that pressing any of its buttons counts as an answer."""
        if message_id:
            self._placed[platform, chat_id, message_id] = tuple(notice_ids)
            while len(self._placed) > _PLACED:
                self._placed.popitem(last=False)

    # what people do

    async def open(self) -> tuple[tuple[Escalation, Notice], ...]:
        """What nobody has acknowledged yet, oldest first."""
        return await self._book.open()

    async def acknowledge(self, actor: Actor, number: int = 0) -> tuple[tuple[Escalation, Notice], ...]:
        """Somebody sees to the notices of a number (0: all of them): what was open and is so no longer."""
        found = [
            one for one in await self._book.open() if not number or number_of(one[0].notice_id) == number
        ]
        return await self._answer(found, actor.id, actor.name)

    async def answered(self, request: Request) -> None:
        """A button of a message was pressed and its command answered: what the message told is acknowledged."""
        if request.kind is not RequestKind.BUTTON or not request.message_id:
            return
        ids = self._placed.pop((request.platform, request.chat_id, request.message_id), ())
        found = [one for one in await self._book.open() if one[0].notice_id in ids] if ids else []
        await self._answer(found, f"{request.platform}:{request.user_id}", request.user_name)

    async def _answer(
        self, found: Sequence[tuple[Escalation, Notice]], user: str, name: str
    ) -> tuple[tuple[Escalation, Notice], ...]:
        now_ms, done = self._voice.wall_clock(), []
        for escalation, notice in found:
            if await self._book.acknowledge(escalation.notice_id, user, now_ms):
                done.append((escalation, notice))
        await self._remember()
        if done:
            self._tell_others(done, user, name)
        return tuple(done)

    def _tell_others(self, done: Sequence[tuple[Escalation, Notice]], user: str, name: str) -> None:
        """Those who were told hear who sees to it; each person once."""
        persons, told = self._crew.persons, self._told(max(one.step for one, _ in done))
        mine, heard = set(persons.users_of(user)), set[str]()
        notice = done[-1][1]
        what = notice.title if len(done) == 1 else f"{len(done)} critical notices, the last: {notice.title}"
        who = f"{name} ({user})" if name else user
        for other in told:
            if other not in mine and other not in heard:
                heard.update(persons.users_of(other))
                title = f"Acknowledged by {who}: {what}"
                self._voice.tell(
                    Notice(notice.kind, Severity.INFO, self._voice.now_ms(), title, (), notice.symbol, other)
                )

    def _told(self, step: int) -> tuple[str, ...]:
        """Whom the steps so far have told."""
        return tuple(dict.fromkeys(user for users in self._crew.ladder()[: step + 1] for user in users))

    # what time does

    def wake(self) -> None:
        """There may be a new critical notice."""
        self._woken.set()

    async def run(self, since_ms: int) -> None:
        """Look after critical notices for ever; `since_ms` (business time) is where a first run begins."""
        while True:
            try:
                await self._outbox.join(READER, since_ms)
                while True:
                    await self.look()
                    await self._rest()
            except Exception:
                log.exception(
                    "the escalation failed"
                )  # the database may be away: it is tried again, for ever
                await asyncio.sleep(self._rules.look_s)

    async def look(self) -> None:
        """Begin with what is new, go on with what nobody has acknowledged in time."""
        await self._begin()
        now_ms = self._voice.wall_clock()
        due: dict[int, list[tuple[Escalation, Notice]]] = {}
        waiting = await self._remember()
        for one in waiting:
            if self._is_due(one[0], now_ms):
                due.setdefault(one[0].step, []).append(one)
        for step, late in due.items():
            await self._go_on(step, late)

    async def _remember(self) -> tuple[tuple[Escalation, Notice], ...]:
        """What nobody has answered; its titles are kept for those who cannot wait for the database."""
        found = await self._book.open()
        self.unanswered = tuple(notice.title for _, notice in found)
        return found

    async def _begin(self) -> None:
        """The lanes are telling these: from now on somebody has to answer."""
        while waiting := await self._outbox.waiting(READER, _BATCH, Severity.CRITICAL):
            now_ms = self._voice.wall_clock()
            for queued in waiting:
                if not queued.notice.to:
                    await self._book.put(Escalation(queued.id, now_ms, 0, now_ms))
            await self._outbox.sent(READER, [queued.id for queued in waiting], now_ms)

    def _is_due(self, escalation: Escalation, now_ms: int) -> bool:
        last = len(self._crew.ladder()) - 1
        step, waited_ms = escalation.step, now_ms - escalation.told_at_ms
        if step > last:
            return (
                self._crew.is_called
                and step < last + self._rules.repeats
                and waited_ms >= self._rules.repeat_ms
            )
        if step == last:
            return self._crew.is_called and waited_ms >= self._rules.repeat_ms
        return waited_ms >= self._rules.acknowledge_ms or (step == 0 and self._first_is_lost(now_ms))

    def _first_is_lost(self, now_ms: int) -> bool:
        """True when none of those who hear first can be reached, for longer than a hiccup."""
        first = self._crew.ladder()[0]
        lost = [self._lost_since_ms.get(user, now_ms) for user in first]
        return bool(first) and all(now_ms - since_ms >= self._rules.unreachable_ms for since_ms in lost)

    async def _go_on(self, step: int, waiting: Sequence[tuple[Escalation, Notice]]) -> None:
        """Tell the next step; when it reaches nobody, the one after it at once. All that is due shares a message."""
        ladder = self._crew.ladder()
        last = len(ladder) - 1
        step += 1
        while not await self._tell(ladder[min(step, last)], waiting) and step < last:
            step += 1
        now_ms = self._voice.wall_clock()
        for escalation, _ in waiting:
            await self._book.put(replace(escalation, step=step, told_at_ms=now_ms))

    async def _tell(self, users: Sequence[str], waiting: Sequence[tuple[Escalation, Notice]]) -> bool:
        """True when it reached at least one of them."""
        reply, ids = self._reply(waiting), [escalation.notice_id for escalation, _ in waiting]
        ends = await asyncio.gather(*(self._say(user, reply, ids) for user in users))
        return any(ends)

    async def _say(self, user: str, reply: Reply, ids: Sequence[int]) -> bool:
        platform, chat_id = user.partition(":")[0], private_chat(user)
        speaker, role = self._voice.speakers.get(platform), self._crew.roles().get(user)
        if speaker is None or role is None:
            return False
        dressed = self._voice.dress(platform, chat_id, role, reply)
        try:
            async with asyncio.timeout(self._rules.say_s):
                with spoken_as(Urgency.CRITICAL):
                    message_id = await speaker.say(chat_id, dressed, False)
        except (PlatformDown, TimeoutError) as error:
            log.warning("%s cannot be reached: %s", user, str(error) or "no answer in time")
            return False
        except Exception:
            log.exception(
                "%s cannot be told", user
            )  # one platform's fault must not keep the others from hearing
            return False
        self.placed(platform, chat_id, message_id, ids)
        return bool(message_id)  # none: this chat refuses for good

    def _reply(self, waiting: Sequence[tuple[Escalation, Notice]]) -> Reply:
        now_ms = self._voice.wall_clock()
        age = duration(now_ms - min(escalation.at_ms for escalation, _ in waiting))
        if len(waiting) == 1:
            escalation, notice = waiting[0]
            button = acknowledge_button(number_of(escalation.notice_id))
            title = f"Not acknowledged for {age}: {notice.title}"
            return Reply(title, notice.fields, severity=Severity.CRITICAL, buttons=(button,))
        lines = [(f"No. {number_of(one.notice_id)}", notice.title) for one, notice in waiting[-_LISTED:]]
        rest = len(waiting) - len(lines)
        more = [("and", f"{rest} before these")] if rest else []
        title = f"{len(waiting)} critical notices, not acknowledged for up to {age}"
        buttons = (acknowledge_button("all"),)
        return Reply(title, (*more, *lines), severity=Severity.CRITICAL, buttons=buttons)

    async def _rest(self) -> None:
        """Until there is news, or the next look: a late one when nothing waits for an answer."""
        look_s = self._rules.look_s if self.unanswered else self._rules.idle_look_s
        try:
            async with asyncio.timeout(look_s):
                await self._woken.wait()
        except TimeoutError:
            return
        finally:
            self._woken.clear()


type Handle = Callable[[Request], Awaitable[Reply | None]]


def listening(handle: Handle, on_call: OnCall) -> Handle:
    """The way in for a platform's requests that also hears answers to critical notices; refused presses are none."""

    async def heard(request: Request) -> Reply | None:
        reply = await handle(request)
        if reply is not None and reply.ok:
            try:
                await on_call.answered(request)
            except Exception:
                log.exception(
                    "an answer to a critical notice was not noted"
                )  # the command itself was carried out
        return reply

    return heard
