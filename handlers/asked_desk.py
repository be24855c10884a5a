"""The desk as one request sees it: whatever it commands carries the request's origin."""

from typing import cast

from bot.domain.command import Command, Done
from bot.domain.refusal import Refused
from bot.runtime.desk import Desk


class AskedDesk:
    """Everything of a desk; `execute` names the update that asked, so that its effect is noted in the same commit."""

    __slots__ = ("_origin", "whole")

    def __init__(self, whole: Desk, origin: str) -> None:
        """`origin` is platform:update_id."""
        self.whole = whole
        self._origin = origin

    async def execute(self, command: Command, actor: str, origin: str = "") -> Done | Refused:
        """Hand a command to the engine with the request's origin."""
        return await self.whole.execute(command, actor, origin or self._origin)

    def __getattr__(self, name: str) -> object:
        """All else is the desk's own."""
        return getattr(self.whole, name)


def asked_desk(whole: Desk, origin: str) -> Desk:
    """The desk for one request; an update that cannot come twice needs no note."""
    return cast(Desk, AskedDesk(whole, origin)) if origin else whole
