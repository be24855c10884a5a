"""The picture that belongs to a notice: the notice names a command that only reads, and its reply is drawn."""

from bot.runtime.desk import Desk
from handlers.command import Risk, Role
from handlers.parse import Arguments, bind_line
from handlers.registry import Registry
from handlers.reply import Plot


async def plot_of(registry: Registry, desk: Desk, line: str) -> Plot | None:
    """The plot of a command line's reply; None when there is none, or when it is more than a viewer's reading."""
    name, _, rest = line.removeprefix("/").partition(" ")
    command = registry.find(name)
    if (
        command is None
        or command.injected
        or command.role is not Role.VIEWER
        or command.risk is not Risk.READ
    ):
        return None
    bound = bind_line(command, rest, desk)
    if not isinstance(bound, Arguments):
        return None
    return (await command.handler(desk, **bound.values)).plot
