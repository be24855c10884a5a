"""A rehearsal: a command's own handler runs over a desk that notes what it is asked for and does nothing of it."""

from collections.abc import Awaitable, Callable
from inspect import signature
from typing import cast

from bot.domain.command import Command as EngineCommand
from bot.domain.command import Done
from bot.domain.refusal import Refused
from bot.runtime.desk import Desk, DrillReport
from bot.runtime.ports import Preference
from handlers.command import Actor, Command, Injected
from handlers.parse import Arguments
from handlers.reply import Reply

SAFE: tuple[type[Injected], ...] = (Actor,)
"""What a rehearsed handler may be handed beside the desk: nothing that could do anything by itself."""


class Rehearsal:
    """The desk as it is for whoever reads; whoever commands it is noted in `asked` and told that it is done."""

    def __init__(self, desk: Desk) -> None:
        """Reads go to the real desk."""
        self._desk = desk
        self.asked: list[EngineCommand] = []

    def __getattr__(self, name: str) -> object:
        """Whatever only reads."""
        return getattr(self._desk, name)

    async def execute(self, command: EngineCommand, actor: str, origin: str = "") -> Done | Refused:
        """Note the command."""
        self.asked.append(command)
        return Done()

    async def drill(self, symbol: str, actor: str) -> DrillReport | Refused:
        """A drill is no rehearsal: it really trades."""
        return Refused("dry", "a drill places real orders; nothing was done")

    async def set_preference(self, preference: Preference) -> None:
        """Nothing is stored."""


def rehearsable(command: Command) -> bool:
    """True when all that a command does goes through the desk."""
    return all(kind in SAFE for _, kind in command.injected)


async def rehearse(
    desk: Desk, command: Command, arguments: Arguments, actor: Actor
) -> tuple[tuple[EngineCommand, ...], Reply]:
    """What a command would ask of the engine, and how it would answer; a refusing card is the answer too."""
    stage = Rehearsal(desk)
    played = cast(Desk, stage)
    if command.preview is not None:
        card = await _call(command.preview, played, arguments, actor)
        if card is not None and not card.ok:
            return (), card
    reply = await _call(command.handler, played, arguments, actor)
    if reply is None:
        raise AssertionError("a handler always answers")
    return tuple(stage.asked), reply


async def _call[R: Reply | None](
    function: Callable[..., Awaitable[R]], desk: Desk, arguments: Arguments, actor: Actor
) -> R:
    """Call with what the function names; injected objects other than the actor keep their defaults."""
    wanted = list(signature(function).parameters)[1:]
    given = {**arguments.values, "actor": actor}
    return await function(desk, **{name: given[name] for name in wanted if name in given})
