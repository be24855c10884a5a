"""Calls previews and handlers with what they ask for; what breaks is logged, and told without its text."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from inspect import signature
from typing import get_type_hints

from bot.domain.errors import StorageError
from handlers import outcome
from handlers.asked_desk import asked_desk
from handlers.codes import Codes
from handlers.command import Command, Injected
from handlers.confirm import Errand
from handlers.desks import Desks
from handlers.dress import Dresser
from handlers.outcome import Ending, Outcome
from handlers.progress import Progress, undressed
from handlers.reply import Reply
from handlers.voice import Voice

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Runner:
    """Runs errands. `shared` are objects that handlers of every account may ask for by type.

    `wall_clock` and `salt` only make the numbers of faults hard to guess.
    """

    desks: Desks
    shared: tuple[Injected, ...]
    codes: Codes
    voice: Voice
    wall_clock: Callable[[], int]
    salt: bytes = field(repr=False)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    dresser: Dresser | None = None
    _faults: int = field(init=False, default=0)

    async def preview(self, errand: Errand) -> Reply | Ending | None:
        """The card, None when nothing has to be confirmed, or how it ended."""
        command = errand.command
        if command.preview is None:
            return Reply(f"/{command.name}?", (("Command", errand.arguments.line),), text=command.help)
        try:
            card = await self._call(command.preview, errand)
        except Exception as error:  # noqa: BLE001 (whatever broke is logged, and told without its text)
            return self._fault(command, error)
        return card if card is None or card.ok else Ending(Outcome.REFUSED, card)

    async def run(self, errand: Errand) -> Ending:
        """Do it."""
        try:
            reply = await self._call(errand.command.handler, errand)
        except Exception as error:  # noqa: BLE001 (whatever broke is logged, and told without its text)
            return self._fault(errand.command, error)
        return Ending(Outcome.OK if reply.ok else Outcome.REFUSED, reply)

    async def _call[R](self, function: Callable[..., Awaitable[R]], errand: Errand) -> R:
        """Call with the arguments and injected objects that the function names."""
        wanted = list(signature(function).parameters)[1:]
        given = {**errand.arguments.values, **self._injected(function, errand)}
        desk = asked_desk(self.desks.seats[errand.account].desk, errand.actor.origin)
        return await function(desk, **{name: given[name] for name in wanted if name in given})

    def _injected(self, function: Callable[..., object], errand: Errand) -> dict[str, Injected]:
        actor, dress = errand.actor, partial(self._dressed, errand)
        progress = Progress(self.voice, actor.platform, errand.chat_id, self.sleep, dress, actor.id)
        offered = (errand.actor, progress, *self.shared, *self.desks.seats[errand.account].context)
        hints = get_type_hints(function)
        return {name: one for name, hint in hints.items() for one in offered if type(one) is hint}

    def _dressed(self, errand: Errand, reply: Reply) -> Reply:
        """What is said while a command runs, with buttons that work."""
        if self.dresser is None:
            return undressed(reply)
        return self.dresser.dress_for(errand.chat_id, errand.actor.role, reply, errand.account, True)

    def _fault(self, command: Command, error: Exception) -> Ending:
        """Log what broke under a trace id; the asker gets the id and nothing of the exception."""
        self._faults += 1
        seed = self.salt + f"{self._faults} {self.wall_clock()}".encode()
        trace = sha256(seed).hexdigest()[:8]
        log.error("internal fault %s in /%s", trace, command.name, exc_info=error)
        if isinstance(error, StorageError):
            return Ending(Outcome.FAILED, outcome.no_database(command))
        return Ending(Outcome.FAILED, outcome.fault(command, trace))
