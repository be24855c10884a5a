"""The process under the desk, as far as a chat may end it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from handlers.command import Injected


@dataclass(frozen=True, slots=True)
class Process(Injected):
    """`ending` begins the end in order and returns at once, so that the answer still gets out; True: start again after.

    None where a chat may not end the process (a script, a test).
    """

    ending: Callable[[bool], Awaitable[None]] | None = None

    @property
    def can_end(self) -> bool:
        """True when somebody carries out what is asked."""
        return self.ending is not None

    async def end(self, again: bool) -> None:
        """Begin to end, and to start again when `again`; nothing where that is not possible."""
        if self.ending is not None:
            await self.ending(again)
