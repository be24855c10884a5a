"""The courier: takes notices from the outbox to one platform's people, in order, folding storms, never giving up.

Nothing waits for it: the outbox is filled by the ledger's commit, and a platform that is down only makes the outbox
longer. Critical notices are never folded, and come with a sound whatever somebody has set. A notice is marked as sent
when every recipient has it; a crash in between may send it twice, never not at all. One that breaks the platform every
time is given up after some attempts.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from bot.domain.notice import Notice, NoticeKind, Severity
from bot.runtime.ports import Outbox, Preferences, QueuedNotice
from handlers.alarms import Alarms
from handlers.speaker import PlatformDown as PlatformDown

log = logging.getLogger(__name__)
_BATCH = 200
_LISTED = 10


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who gets notices on a platform: whose preferences count ("platform:user_id"), and in which chat."""

    user_id: str
    chat_id: str


class Receiver(Protocol):
    """The side of a platform that the courier needs."""

    @property
    def platform(self) -> str:
        """The platform's name, as the outbox knows it."""
        ...

    async def send_notice(self, chat_id: str, notice: Notice, silent: bool) -> None:
        """Deliver one notice; raises PlatformDown when it cannot be delivered now."""
        ...


@dataclass(frozen=True, slots=True)
class CourierRules:
    """How a courier behaves. `keep` notices of a kind in a batch are sent before the rest is folded into one.

    `expire_ms` is how old (in business time) a notice that is not critical may get before it is only summed up.
    """

    keep: int = 5
    expire_ms: int = 3_600_000
    attempts: int = 5
    poll_s: float = 1.0
    pause_s: float = 0.0
    first_retry_s: float = 1.0
    longest_retry_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message to send, and the queued notices that are done with it."""

    notice: Notice
    ids: tuple[int, ...]


@dataclass(slots=True)
class Courier:
    """Carries the notices of one platform. `run` goes on until it is cancelled."""

    receiver: Receiver
    recipients: Callable[[], Sequence[Recipient]]
    outbox: Outbox
    preferences: Preferences
    wall_clock: Callable[[], int]
    now_ms: Callable[[], int]
    rules: CourierRules = field(default_factory=CourierRules)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _held: Parcel | None = field(init=False, default=None)
    _given: set[str] = field(init=False, default_factory=set)
    _attempts: int = field(init=False, default=0)
    _wake: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    _alarms: Alarms = field(init=False)

    def __post_init__(self) -> None:
        """Alarms go to the same people."""
        self._alarms = Alarms(self.receiver.send_notice, self._chats, self.sleep)

    def _chats(self) -> list[str]:
        return [recipient.chat_id for recipient in self.recipients()]

    def alarm(self, notice: Notice) -> None:
        """Tell this at once, past outbox and database."""
        self._alarms.ring(notice)

    def wake(self) -> None:
        """There is something new in the outbox."""
        self._wake.set()

    async def run(self) -> None:
        """Deliver for ever: what comes out of the outbox, and alarms beside it."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._alarms.run())
            tasks.create_task(self._carry())

    async def _carry(self) -> None:
        """Deliver with growing pauses while the platform or the database is down."""
        retry_s = self.rules.first_retry_s
        while True:
            try:
                await self.deliver()
            except PlatformDown as down:
                log.warning("%s takes no notices: %s", self.receiver.platform, down)
                await self.sleep(max(down.retry_after_s, retry_s))
                retry_s = min(retry_s * 2, self.rules.longest_retry_s)
            except Exception:
                log.exception("notices for %s failed", self.receiver.platform)
                await self.sleep(retry_s)
                retry_s = min(retry_s * 2, self.rules.longest_retry_s)
            else:
                retry_s = self.rules.first_retry_s
                await self._rest()

    async def deliver(self) -> int:
        """Send everything that waits; returns how many messages went out."""
        count = await self._send(self._held) if self._held else 0
        while waiting := await self.outbox.waiting(self.receiver.platform, _BATCH):
            for parcel in fold(waiting, self.rules, self.now_ms()):
                count += await self._send(parcel)
        return count

    async def _send(self, parcel: Parcel) -> int:
        """To everybody who wants it; a parcel that fails half way is held, with who has it, and goes first."""
        self._given = self._given if parcel is self._held else set()
        self._held = parcel
        before = len(self._given)
        if self._alarms.told(parcel.notice):
            self._given.update(self._chats())
            before = len(self._given)
        for recipient in self.recipients():
            if recipient.chat_id not in self._given:
                await self._hand_over(parcel.notice, recipient)
        await self.outbox.sent(self.receiver.platform, list(parcel.ids), self.wall_clock())
        self._held = None
        self._attempts = 0
        return len(self._given) - before

    async def _hand_over(self, notice: Notice, recipient: Recipient) -> None:
        wish = (await self.preferences.get(recipient.user_id)).get(notice.kind.value, "on")
        setting = "on" if notice.severity is Severity.CRITICAL else wish
        if setting == "off":
            return
        try:
            await self.receiver.send_notice(recipient.chat_id, notice, setting == "quiet")
        except PlatformDown:
            raise
        except Exception as error:  # noqa: BLE001 (a notice that breaks a platform must not block the next ones)
            self._tried(notice, error)
        self._given.add(recipient.chat_id)
        if self.rules.pause_s:
            await self.sleep(self.rules.pause_s)

    def _tried(self, notice: Notice, error: Exception) -> None:
        """Count a failure that is not an outage; after some the notice is given up, loudly."""
        self._attempts += 1
        log.error("%s failed on a notice: %s", self.receiver.platform, notice.title, exc_info=error)
        if self._attempts < self.rules.attempts:
            raise PlatformDown("a notice failed") from error
        log.error("given up after %d attempts: %s", self._attempts, notice)

    async def _rest(self) -> None:
        """Wait for a wake-up, or look again after a while."""
        try:
            async with asyncio.timeout(self.rules.poll_s):
                await self._wake.wait()
        except TimeoutError:
            return
        finally:
            self._wake.clear()


def fold(waiting: Sequence[QueuedNotice], rules: CourierRules, now_ms: int) -> Iterator[Parcel]:
    """Parcels in order: what is critical and the first of each kind alone, expired ones and storms summed up."""
    critical = [queued for queued in waiting if queued.notice.severity is Severity.CRITICAL]
    others = [queued for queued in waiting if queued.notice.severity is not Severity.CRITICAL]
    old = [queued for queued in others if now_ms - queued.notice.at_ms > rules.expire_ms]
    expired = old if len(old) > rules.keep else []  # a few are told as they are
    fresh = [queued for queued in others if queued not in expired]
    yield from (_single(queued) for queued in critical)
    if expired:
        yield _sum(expired, f"While this chat was away: {len(expired)} older notices")
    yield from _storms(fresh, rules.keep)


def _storms(fresh: Sequence[QueuedNotice], keep: int) -> Iterator[Parcel]:
    """The first `keep` of each kind in order; what is more of a kind in one message where its first would stand."""
    count: dict[NoticeKind, int] = {}
    extra: dict[NoticeKind, list[QueuedNotice]] = {}
    for queued in fresh:
        kind = queued.notice.kind
        count[kind] = count.get(kind, 0) + 1
        if count[kind] > keep:
            extra.setdefault(kind, []).append(queued)
    folded = {kind: more for kind, more in extra.items() if len(more) > 1}
    first = {more[0].id: more for more in folded.values()}
    hidden = {queued.id for more in folded.values() for queued in more}
    for queued in fresh:
        if queued.id in first:
            more = first[queued.id]
            yield _sum(more, f"{len(more)} more like this: {queued.notice.kind.value.replace('_', ' ')}")
        elif queued.id not in hidden:
            yield _single(queued)


def _single(queued: QueuedNotice) -> Parcel:
    return Parcel(queued.notice, (queued.id,))


def _sum(queued: Sequence[QueuedNotice], title: str) -> Parcel:
    """One notice for many: how many of each kind when they differ, and the newest headlines."""
    kinds: dict[str, int] = {}
    for one in queued:
        kinds[one.notice.kind.value] = kinds.get(one.notice.kind.value, 0) + 1
    counts = tuple((kind, str(number)) for kind, number in kinds.items()) if len(kinds) > 1 else ()
    lines = tuple((one.notice.symbol or one.notice.kind.value, one.notice.title) for one in queued[-_LISTED:])
    rest = len(queued) - len(lines)
    more = (("and", f"{rest} before these"),) if rest else ()
    newest = queued[-1].notice
    summed = replace(newest, title=title, fields=counts + more + lines, symbol="")
    return Parcel(summed, tuple(one.id for one in queued))
