"""The courier: takes notices from the outbox to the people of one platform.

Nothing waits for it: the outbox is filled by the ledger's commit, and a platform that is down only makes the outbox
longer. Every person has three lanes (critical, trade, info) and an ear for alarms, each a task of its own: a critical
notice waits for nothing but its turn in the platform's pace.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from bot.domain.errors import StorageError
from bot.domain.notice import Notice, Severity
from handlers.alarms import Alarms
from handlers.folding import FoldRules as FoldRules
from handlers.folding import Parcel as Parcel
from handlers.folding import fold as fold
from handlers.lanes import Lane, Office
from handlers.lanes import LaneRules as LaneRules
from handlers.lanes import Recipient as Recipient
from handlers.speaker import PlatformDown as PlatformDown
from handlers.speaker import Speaker

log = logging.getLogger(__name__)
LOOK_AGAIN_S = 5.0
"""How often the list of people is read."""


class Mailbox:
    """One person's lanes and alarms."""

    def __init__(self, recipient: Recipient, speaker: Speaker, office: Office) -> None:
        """Nothing runs yet."""
        dress = partial(office.dress, speaker.platform, recipient.chat_id, recipient.role)
        self.alarms = Alarms(speaker, recipient.chat_id, office.sleep, dress)
        self.lanes = [
            Lane(severity, recipient, speaker, office, self.alarms.told)
            for severity in (Severity.CRITICAL, Severity.TRADE, Severity.INFO)
        ]

    async def run(self) -> None:
        """Deliver for ever, each lane for itself."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.alarms.run())
            for lane in self.lanes:
                tasks.create_task(lane.run())

    async def deliver(self) -> int:
        """Send everything that waits, one lane after the other; returns how many messages went out."""
        return sum([await lane.deliver() for lane in self.lanes])


@dataclass(slots=True)
class Courier:
    """Carries the notices of one platform to whoever `recipients` names. `run` goes on until it is cancelled."""

    speaker: Speaker
    recipients: Callable[[], Sequence[Recipient]]
    office: Office
    _boxes: dict[Recipient, Mailbox] = field(init=False, default_factory=dict)
    _tasks: dict[Recipient, asyncio.Task[None]] = field(init=False, default_factory=dict)
    _listed: frozenset[str] | None = field(init=False, default=None)

    def alarm(self, notice: Notice) -> None:
        """Tell this at once, past outbox and database; what is meant for one person goes to that one."""
        self._keep_boxes()
        for recipient, box in self._boxes.items():
            if not notice.to or self.office.persons.same(recipient.user_id, notice.to):
                box.alarms.ring(notice)

    def wake(self) -> None:
        """There is something new in the outbox."""
        for box in self._boxes.values():
            for lane in box.lanes:
                lane.wake()

    async def run(self) -> None:
        """Deliver for ever to everybody who is on the list, whoever comes and goes."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._keep_boxes()
                await self._end_tasks()
                await self._forget_others()
                self._begin_tasks(tasks)
                await asyncio.sleep(LOOK_AGAIN_S)

    async def deliver(self) -> int:
        """Send everything that waits; returns how many messages went out. Raises what kept one of them, at the end."""
        self._keep_boxes()
        ends = await asyncio.gather(*(box.deliver() for box in self._boxes.values()), return_exceptions=True)
        for end in ends:
            if isinstance(end, BaseException):
                raise end
        return sum(end for end in ends if isinstance(end, int))

    def _keep_boxes(self) -> None:
        """A mailbox for everybody on the list, none for others."""
        listed = dict.fromkeys(self.recipients())
        kept = {recipient: box for recipient, box in self._boxes.items() if recipient in listed}
        fresh = {one: Mailbox(one, self.speaker, self.office) for one in listed if one not in kept}
        self._boxes = {**kept, **fresh}

    async def _end_tasks(self) -> None:
        """End the lanes of those who are no longer on the list: only then may their places be forgotten."""
        gone = [self._tasks.pop(one) for one in list(self._tasks) if one not in self._boxes]
        for task in gone:
            task.cancel()
        await asyncio.gather(*gone, return_exceptions=True)

    def _begin_tasks(self, tasks: asyncio.TaskGroup) -> None:
        for recipient, box in self._boxes.items():
            if recipient not in self._tasks:
                self._tasks[recipient] = tasks.create_task(box.run())

    async def _forget_others(self) -> None:
        """What waits for people who are no longer on the list waits for nobody."""
        users = frozenset(recipient.user_id for recipient in self._boxes)
        if users == self._listed:
            return
        with contextlib.suppress(StorageError):
            await self.office.outbox.keep_only(self.speaker.platform, sorted(users))
            self._listed = users
