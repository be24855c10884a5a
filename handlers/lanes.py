"""Lanes: the way of one person's notices of one severity, in order, at their own pace, never giving up.

A lane reads the outbox under the person's own name, so that a blocked or slow chat is nobody else's business, and that
a message counts as sent the moment this person has it. A crash between sending and marking sends that one twice.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo

from bot.domain.notice import Notice, Severity
from bot.runtime.ports import Outbox, Preferences, QueuedNotice
from handlers.command import Role
from handlers.escalation import OnCall
from handlers.folding import FoldRules, Parcel, fold
from handlers.manner import Sound, is_short, sound_of
from handlers.pace import Urgency, spoken_as
from handlers.persons import Persons
from handlers.reply import Attachment, Plot, Reply
from handlers.showing import (
    Attach,
    Draw,
    Dress,
    file_name,
    no_file,
    no_picture,
    picture_line,
    shown,
    undressed,
)
from handlers.speaker import PlatformDown, Speaker

log = logging.getLogger(__name__)
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who gets notices on a platform: whose preferences count ("platform:user_id"), in which chat, in what role."""

    user_id: str
    chat_id: str
    role: Role = Role.VIEWER


@dataclass(frozen=True, slots=True)
class LaneRules:
    """How a lane behaves. `attempts` is how often a notice may break a platform before it is given up, loudly."""

    folding: FoldRules = field(default_factory=FoldRules)
    attempts: int = 5
    poll_s: float = 5.0
    first_retry_s: float = 1.0
    longest_retry_s: float = 60.0


@dataclass(slots=True)
class Office:
    """What the lanes of all platforms share.

    `wall_clock` is people's time, `now_ms` business time, both in ms. Who is new gets what was raised at or after
    `since_ms` (business time). `on_call` says who hears of critical notices at once.
    """

    outbox: Outbox
    preferences: Preferences
    wall_clock: Callable[[], int]
    now_ms: Callable[[], int]
    rules: LaneRules = field(default_factory=LaneRules)
    zone: tzinfo = UTC
    since_ms: int = 0
    persons: Persons = field(default_factory=Persons)
    dress: Dress = undressed
    draw: Draw = no_picture
    attach: Attach = no_file
    on_call: OnCall | None = None
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class Lane:
    """One person's notices of one severity. `told` says whether a notice got there as an alarm already."""

    def __init__(
        self,
        severity: Severity,
        recipient: Recipient,
        speaker: Speaker,
        office: Office,
        told: Callable[[Notice], bool],
    ) -> None:
        """Nothing has been sent yet."""
        self._severity = severity
        self._recipient = recipient
        self._speaker = speaker
        self._office = office
        self._told = told
        self._wake = asyncio.Event()
        self._is_known = False
        self._said: list[int] = []
        self._failing: tuple[int, ...] = ()
        self._failures = 0

    def wake(self) -> None:
        """There may be something new."""
        self._wake.set()

    async def run(self) -> None:
        """Deliver for ever, with growing pauses while the platform or the database is down."""
        rules = self._office.rules
        retry_s = rules.first_retry_s
        while True:
            try:
                await self.deliver()
            except PlatformDown as down:
                log.warning("%s takes no notices: %s", self._recipient.user_id, down)
                await self._office.sleep(max(down.retry_after_s, retry_s))
            except Exception:
                log.exception("notices for %s failed", self._recipient.user_id)
                await self._office.sleep(retry_s)
            else:
                retry_s = rules.first_retry_s
                await self._rest()
                continue
            retry_s = min(retry_s * 2, rules.longest_retry_s)

    async def deliver(self) -> int:
        """Send everything that waits; returns how many messages went out."""
        count, outbox = 0, self._office.outbox
        await self._begin()
        while waiting := await outbox.waiting(self._recipient.user_id, _BATCH, self._severity):
            count += await self._batch(waiting)
        return count

    async def _begin(self) -> None:
        """Who is new starts with what is new; what was said but could not be marked is marked before anything else."""
        if not self._is_known:
            await self._office.outbox.join(self._recipient.user_id, self._office.since_ms)
            self._is_known = True
        await self._mark(())

    async def _batch(self, waiting: Sequence[QueuedNotice]) -> int:
        wishes = await self._office.preferences.get(self._recipient.user_id)
        wanted = [queued for queued in waiting if self._is_wanted(queued.notice, wishes)]
        kept = {queued.id for queued in wanted}
        await self._mark([queued.id for queued in waiting if queued.id not in kept])
        count = 0
        for parcel in fold(wanted, self._office.rules.folding, self._office.now_ms()):
            if not self._told(parcel.notice):
                await self._send(parcel, wishes)
                count += 1
            await self._mark(parcel.ids)
        return count

    def _is_wanted(self, notice: Notice, wishes: Mapping[str, str]) -> bool:
        """False for what another person is meant by, what this one does not wish, and what is another's turn first."""
        office, user = self._office, self._recipient.user_id
        if notice.to:
            return office.persons.same(user, notice.to)
        if notice.severity is Severity.CRITICAL and office.on_call is not None:
            return office.on_call.hears_at_once(user)
        return sound_of(notice, wishes, office.wall_clock(), office.zone) is not Sound.OFF

    async def _send(self, parcel: Parcel, wishes: Mapping[str, str]) -> None:
        """Say it; what the platform cannot take at all is at last tried as its bare headline, then given up."""
        silent = sound_of(parcel.notice, wishes, self._office.wall_clock(), self._office.zone) is not Sound.ON
        try:
            message_id = await self._say(await self._reply(parcel, wishes), silent)
        except PlatformDown:
            self._reached(False)
            raise
        except Exception as error:  # noqa: BLE001 (a notice that breaks a platform must not block the next ones)
            self._tried(parcel, error)
        else:
            self._reached(bool(message_id))  # none: this chat refuses for good
            if self._office.on_call is not None and self._severity is Severity.CRITICAL:
                self._office.on_call.placed(
                    self._speaker.platform, self._recipient.chat_id, message_id, parcel.ids
                )

    async def _say(self, reply: Reply, silent: bool) -> str:
        with spoken_as(Urgency.of(self._severity)):
            return await self._speaker.say(self._recipient.chat_id, reply, silent)

    async def _reply(self, parcel: Parcel, wishes: Mapping[str, str]) -> Reply:
        notice, office, to = parcel.notice, self._office, self._recipient
        if parcel.ids == self._failing and self._failures == office.rules.attempts - 1:
            return Reply(notice.title, severity=notice.severity)
        notice_id = 0 if parcel.is_sum else parcel.ids[0]
        plot, file = await self._plot(notice), await self._file(notice)
        reply = shown(notice, notice_id, short=is_short(notice, wishes), plot=plot, file=file)
        return office.dress(self._speaker.platform, to.chat_id, to.role, reply)

    async def _plot(self, notice: Notice) -> Plot | None:
        """The picture that belongs to a notice; one that cannot be had keeps no notice back."""
        line = picture_line(notice)
        try:
            return await self._office.draw(line) if line else None
        except Exception:
            log.exception("no picture by %s", line)
            return None

    async def _file(self, notice: Notice) -> Attachment | None:
        """The file that goes with a notice; one that cannot be had keeps no notice back."""
        name = file_name(notice)
        try:
            return await self._office.attach(name) if name else None
        except Exception:
            log.exception("no file %s", name)
            return None

    def _tried(self, parcel: Parcel, error: Exception) -> None:
        """Count a failure that is not an outage; after some the notice is given up."""
        self._failures = self._failures + 1 if parcel.ids == self._failing else 1
        self._failing = parcel.ids
        log.error("%s failed on a notice: %s", self._recipient.user_id, parcel.notice.title, exc_info=error)
        if self._failures < self._office.rules.attempts:
            raise PlatformDown("a notice failed") from error
        log.error("given up after %d attempts: %s", self._failures, parcel.notice)

    async def _mark(self, ids: Sequence[int]) -> None:
        """Note that these are done with; while that fails they are remembered, and not said again."""
        self._said += ids
        if self._said:
            await self._office.outbox.sent(self._recipient.user_id, self._said, self._office.wall_clock())
            self._said = []

    def _reached(self, through: bool) -> None:
        if self._office.on_call is not None and self._severity is Severity.CRITICAL:
            self._office.on_call.reached(self._recipient.user_id, through)

    async def _rest(self) -> None:
        """Wait for a wake-up, or look again after a while."""
        try:
            async with asyncio.timeout(self._office.rules.poll_s):
                await self._wake.wait()
        except TimeoutError:
            return
        finally:
            self._wake.clear()
