"""Downtime: what was sent while the desk was away is never run by itself, but listed, to be run or discarded.

A line is parked when it was sent before this run's start, or came too late beside others. One quiet second after the
last one its chat gets one list. Lines that an earlier run had taken and died on are in it too. They are kept over
restarts and forgotten after a day.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol
from zoneinfo import ZoneInfo

from bot.domain.errors import StorageError
from bot.domain.market import DAY_MS
from bot.runtime.chat_ports import Arrival, Arrivals, ArrivalState
from handlers.access import Access
from handlers.asked import Asked
from handlers.command import Actor, Injected, Role
from handlers.format import Clock
from handlers.parked import ALL, NO_EFFECT, NOT_KNOWN, Parked, Place, Row, Telling, away_list, rows_of
from handlers.registry import Registry
from handlers.reply import Button, Reply, refusal
from handlers.request import Request
from handlers.speaker import PlatformDown

log = logging.getLogger(__name__)
QUIET_S = 1.0
RETRY_S = 15.0
STORAGE_RETRY_S = 5.0
MOST_PARKED = 500
TOGETHER_MS = 5_000
"""A late line so soon after another one of the same chat came with it, not alone."""

COMMAND = "away"
GONE = refusal(
    "Run or discarded already",
    "This line waits no more: each is run or discarded once. /away lists what is left.",
)


STILL_WAITS = refusal(
    "Too late",
    "The press came late itself, so nothing was done. The line still waits.",
    (Button("Show", "/away"),),
)


class Push(Protocol):
    """How a reply is said unasked, with buttons that work: `Dispatcher.push`. Raises PlatformDown."""

    async def __call__(
        self, platform: str, chat_id: str, role: Role, reply: Reply, silent: bool = False
    ) -> str:
        """Say it; the message's id, "" where nobody can be told."""
        ...


type Split = Callable[[str], tuple[str, str]]


def no_account(text: str) -> tuple[str, str]:
    """A line's words and the account named in it, where there is but one."""
    return text, ""


class NoArrivals:
    """Nothing is kept: where there is no database, nothing waits."""

    async def claim(self, arrival: Arrival) -> bool:
        """Every update is new."""
        return True

    async def settle(self, platform: str, update_id: str, state: ArrivalState) -> None:
        """Nothing is kept."""

    async def open(self, before_ms: int) -> tuple[Arrival, ...]:
        """Nothing waits."""
        return ()


@dataclass(frozen=True, slots=True)
class ParkedAsked(Asked):
    """A parked line that somebody asks to run now; `code` is its row's."""

    code: str = ""


@dataclass(slots=True)
class Away(Injected):
    """The lines that wait, by update. `started_at_ms` is when this run began, people's time; 0: nothing is before it.

    `push` is how a list is said, None where nothing is said unasked (the list can still be asked for with /away);
    `split` takes the account out of a line (see Desks.split), `several` says whether there is more than one.
    """

    arrivals: Arrivals
    registry: Registry
    access: Access
    wall_clock: Callable[[], int]
    started_at_ms: int = 0
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    name_of: Callable[[str], str] = str
    push: Push | None = None
    split: Split = no_account
    several: Callable[[], bool] = bool
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _parked: dict[str, Parked] = field(init=False, default_factory=dict)
    _told_late: dict[Place, int] = field(init=False, default_factory=dict)
    _due: dict[Place, None] = field(init=False, default_factory=dict)
    _came: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    _asked_in: dict[str, Place] = field(init=False, default_factory=dict)

    # What comes in

    def before_start(self, sent_at_ms: int) -> bool:
        """True for what was sent before this run began; platforms may cut times to whole seconds."""
        return sent_at_ms < self.started_at_ms // 1000 * 1000

    def parks(self, request: Request) -> bool:
        """True when a late line goes to the list: it was sent before the start, or others of its chat came late."""
        if self.before_start(request.sent_at_ms):
            return True
        place, now_ms = Place(request.platform, request.chat_id), self.wall_clock()
        together = now_ms - self._told_late.get(place, -DAY_MS) <= TOGETHER_MS
        self._told_late = {
            place: at_ms for place, at_ms in self._told_late.items() if now_ms - at_ms < DAY_MS
        }
        self._told_late[place] = now_ms
        return together or any(one.place == place for one in self._parked.values())

    async def park(self, arrival: Arrival, asked: Asked) -> None:
        """A claimed line waits from now on; its chat gets the list after one quiet second."""
        if asked.command is None:
            raise AssertionError("only known commands are parked")
        if len(self._parked) >= MOST_PARKED:
            await self._forget()
        if len(self._parked) >= MOST_PARKED:
            log.debug("too many lines wait: %s is dropped", arrival.key)
            await self._settle(arrival, ArrivalState.DROPPED)
            return
        one = Parked(arrival, asked.command)
        self._parked[arrival.key] = one
        self._due[one.place] = None
        self._came.set()

    # What is done with it

    def resolve(self, request: Request, asked: Asked) -> Asked:
        """`/away run CODE` is the parked line itself, asked by the presser: its command's role and questions hold."""
        if asked.command is None or asked.command.name != COMMAND:
            return asked
        place = Place(request.platform, request.chat_id)
        self._asked_in = dict(list(self._asked_in.items())[-100:])
        self._asked_in[_asker(request)] = place
        words = asked.rest.split() if asked.form is None else list(asked.form.values())
        if len(words) != 2 or words[0].casefold() != "run":
            return asked
        row = self._row(place, words[1])
        return asked if row is None or not row.runs else _as_asked(row, asked, self.split)

    async def take(self, asked: ParkedAsked, request: Request) -> bool:
        """True once: the line is off the list, durably, before it is run. Nothing else may run it again."""
        row = self._row(Place(request.platform, request.chat_id), asked.code)
        if row is None:
            return False
        await self._drop(row)
        return True

    async def discard(self, actor: Actor, which: str) -> tuple[int, int]:
        """Take a row, all reads or everything off the list of the asker's chat; how many lines went, and stayed.

        One may discard what one said oneself, and what one's role could run.
        """
        rows = [row for row in self.rows(actor) if which in {ALL, row.code}]
        mine = [row for row in rows if all(_may_drop(actor, line) for line in row.lines)]
        for row in mine:
            await self._drop(row)
        return sum(len(row.lines) for row in mine), sum(len(row.lines) for row in rows if row not in mine)

    def rows(self, actor: Actor) -> tuple[Row, ...]:
        """What waits in the chat in which the actor asked."""
        place = self._asked_in.get(actor.origin or actor.id)
        return () if place is None else self._rows(place)

    def listed(self, actor: Actor, first: int = 1) -> Reply:
        """The list of the chat in which the actor asked, from a row on (1 is the first)."""
        rows = self.rows(actor)
        begins = (first - 1) if 0 < first <= len(rows) else 0
        return away_list(rows, self._telling, begins)

    # Telling

    async def run(self) -> None:
        """Take over what earlier runs left, then tell each chat its list, for ever."""
        await self._load()
        while True:
            await self._came.wait()
            while self._came.is_set():
                self._came.clear()
                await self.sleep(QUIET_S)
            await self._tell()

    async def load(self) -> None:
        """Take over what waits and what an earlier run died on; what nobody could run any more is dropped."""
        for arrival in await self.arrivals.open(self.started_at_ms):
            one = self._again(arrival)
            if one is None:
                await self._settle(arrival, ArrivalState.DROPPED)
            elif arrival.key not in self._parked:
                self._parked[arrival.key] = one
                self._due[one.place] = None
                self._came.set()

    async def _load(self) -> None:
        while True:
            try:
                return await self.load()
            except StorageError:
                log.exception("what arrived while away could not be read yet")
                await self.sleep(STORAGE_RETRY_S)

    async def _tell(self) -> None:
        """One list per chat; a platform that is down gets it later, and keeps no other chat waiting."""
        due, self._due = list(self._due), {}
        for place in due:
            rows = self._rows(place)
            if not rows or self.push is None:
                continue
            try:
                reply = away_list(rows, self._telling)
                await self.push(place.platform, place.chat_id, Role.VIEWER, reply)
            except PlatformDown as error:
                log.warning("the list of what arrived meanwhile waits for %s: %s", place.platform, error)
                self._due[place] = None
        if self._due:
            await self.sleep(RETRY_S)
            self._came.set()

    # The lines

    def _rows(self, place: Place) -> tuple[Row, ...]:
        """What waits in a chat; what is a day old is forgotten, and what its sender may no longer say."""
        now_ms = self.wall_clock()
        here = [one for one in self._parked.values() if one.place == place]
        return rows_of(one for one in here if self._counts(one.arrival, now_ms))

    def _row(self, place: Place, code: str) -> Row | None:
        return next((row for row in self._rows(place) if row.code == code), None)

    def _counts(self, arrival: Arrival, now_ms: int) -> bool:
        known = self.access.role(arrival.user, now_ms) is not None
        return known and now_ms - arrival.sent_at_ms < DAY_MS

    async def _forget(self) -> None:
        """Make room: what is a day old, or whose sender is of the crew no more."""
        now_ms = self.wall_clock()
        old = [one for one in self._parked.values() if not self._counts(one.arrival, now_ms)]
        for one in old:
            self._parked.pop(one.arrival.key, None)
            await self._settle(one.arrival, ArrivalState.DROPPED)

    def _again(self, arrival: Arrival) -> Parked | None:
        """A line of an earlier run, None when it is of no use any more."""
        word = arrival.line.removeprefix("/").partition(" ")[0]
        command = self.registry.find(word)
        if command is None or not self._counts(arrival, self.wall_clock()):
            return None
        return Parked(arrival, command, begun=arrival.state is ArrivalState.TAKEN)

    async def _drop(self, row: Row) -> None:
        """Off the list, here before anything is awaited, then in the database."""
        for line in row.lines:
            self._parked.pop(line.arrival.key, None)
        for line in row.lines:
            await self._settle(line.arrival, ArrivalState.DROPPED)

    async def _settle(self, arrival: Arrival, state: ArrivalState) -> None:
        """Without a database this process remembers: stopping the desk must stay possible."""
        try:
            await self.arrivals.settle(arrival.platform, arrival.update_id, state)
        except StorageError:
            log.exception("update %s could not be settled as %s", arrival.key, state)

    @property
    def _telling(self) -> Telling:
        begun = NOT_KNOWN if self.several() else NO_EFFECT
        return Telling(Clock(self.zone, self.wall_clock()), self.name_of, begun)


def _asker(request: Request) -> str:
    """As Actor.origin has it, or Actor.id where updates have no number."""
    update = request.update_id
    return f"{request.platform}:{update}" if update else f"{request.platform}:{request.user_id}"


def _as_asked(row: Row, asked: Asked, split: Split) -> ParkedAsked:
    head, _, rest = row.first.arrival.line.removeprefix("/").partition(" ")
    words, account = split(rest.strip())
    return ParkedAsked(
        head, row.first.command, words, held=asked.held, account=account or asked.account, code=row.code
    )


def _may_drop(actor: Actor, line: Parked) -> bool:
    return actor.id == line.arrival.user or actor.role >= line.command.role
