"""Whose turn it is: one training at a time in a house, people before jobs, nobody beside too much other work."""

import contextlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

from bot.domain.refusal import Refused
from bot.ml.shelf import Place
from cli.workshop.crew import STOPPED, Crew

NAME = "a training"

type Waits = Callable[[str], Awaitable[None]]
"""Told what is in the way, in words."""


@dataclass(slots=True, eq=False)
class Ticket:
    """Somebody who waits to train a model; a `job` lets people go first."""

    user: str
    place: Place
    job: bool = False
    stopped: bool = False


@dataclass(slots=True)
class Turns:
    """The queue. The crew's places are asked for at the moment of the turn."""

    crew: Crew
    _waiting: list[Ticket] = field(init=False, default_factory=list)
    _active: Ticket | None = field(init=False, default=None)

    def queued(self, place: Place) -> bool:
        """True while a training of this model waits or runs."""
        active = [self._active] if self._active is not None else []
        return any(one.place == place for one in (*self._waiting, *active))

    async def wait(self, ticket: Ticket, waits: Waits) -> Refused | None:
        """Until it is the ticket's turn: `hold` it at once then. Refused when it was stopped meanwhile."""
        self._waiting.append(ticket)
        self._waiting.sort(key=lambda one: one.job)  # of equal rank who came first
        try:
            told = ""
            while not ticket.stopped and (reason := self._in_the_way(ticket)):
                if reason != told:
                    told = reason
                    await waits(reason)
                    continue  # it may have become free meanwhile
                await self.crew.news()
        finally:
            self._waiting.remove(ticket)
            self.crew.stir()
        return STOPPED if ticket.stopped else None

    @contextlib.contextmanager
    def hold(self, ticket: Ticket) -> Iterator[None]:
        """Have the turn, and a place in the crew."""
        self._active = ticket
        try:
            with self.crew.place(ticket.user, NAME):
                yield
        finally:
            self._active = None
            self.crew.stir()

    def stop(self, user: str) -> str:
        """End what a person has waiting or running; answers what it was, empty when there was nothing."""
        mine = [one for one in self._waiting if one.user == user]
        for one in mine:
            one.stopped = True
        self.crew.stir()
        return NAME if mine else self.crew.stop(user)

    def _in_the_way(self, ticket: Ticket) -> str:
        """Why it is not the ticket's turn, empty when it is."""
        ahead = self._waiting.index(ticket)
        if self._active is not None:
            return f"waits for the training of {'/'.join(self._active.place)}{_more(ahead)}"
        if ahead:
            return f"waits{_more(ahead)}"
        if ticket.job and not self.crew.idle:
            return "waits until nobody's work is running"
        refused = self.crew.refusal(ticket.user)
        return "" if refused is None else f"waits: {refused.figures}"


def _more(ahead: int) -> str:
    return f", {ahead} in the queue before it" if ahead else ""
