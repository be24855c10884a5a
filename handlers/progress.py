"""Progress of something long: one message that changes in place, at most once a second."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from handlers.command import Injected
from handlers.reply import Reply
from handlers.voice import Voice

EVERY_S = 1.0


def undressed(reply: Reply) -> Reply:
    """The reply without its buttons: nobody gave them an id."""
    return replace(reply, buttons=())


@dataclass(slots=True)
class Progress(Injected):
    """A handler of a long command may ask for it: bound to the request's chat, silent where nobody can be told.

    The newest state always gets shown; those that follow each other faster than a second are left out. `dress` gives
    the buttons their ids. `user` ("platform:user_id") is who asked.
    """

    voice: Voice
    platform: str
    chat_id: str
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    dress: Callable[[Reply], Reply] = undressed
    user: str = ""
    _message_id: str = field(init=False, default="")
    _newest: Reply | None = field(init=False, default=None)
    _shown: Reply | None = field(init=False, default=None)
    _task: asyncio.Task[None] | None = field(init=False, default=None)

    async def show(self, reply: Reply) -> None:
        """Show this state: at once the first time, afterwards when the second is over. Never waits for a platform."""
        self._newest = reply
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._keep_up())
            await asyncio.sleep(0)

    async def finish(self, reply: Reply) -> None:
        """Say how it ended in the message that moved; where nothing was shown there is nothing to end."""
        if self._newest is not None:
            await self.show(reply)

    async def settled(self) -> None:
        """Wait until the newest state is shown."""
        if self._task is not None:
            await self._task

    async def _keep_up(self) -> None:
        """Show the newest state until there is no newer one; a second between two."""
        while (reply := self._newest) is not None and reply is not self._shown:
            self._shown = reply
            said = self.dress(reply)
            if self._message_id:
                await self.voice.try_amend(self.platform, self.chat_id, self._message_id, said)
            else:
                self._message_id = await self.voice.try_say(self.platform, self.chat_id, said)
            await self.sleep(EVERY_S)
