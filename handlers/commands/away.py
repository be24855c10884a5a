"""What arrived while the desk was away: the list, and taking lines off it."""

from typing import Annotated, Literal

from bot.runtime.desk import Desk
from handlers.access import ConfiguredAccess
from handlers.away import GONE, Away, NoArrivals
from handlers.command import Actor, Help, Role, command
from handlers.format import count
from handlers.registry import Registry
from handlers.reply import Button, Reply, refusal

NOTHING = Away(NoArrivals(), Registry(()), ConfiguredAccess({}), lambda: 0)

What = Annotated[
    Literal["list", "run", "discard"], Help("run and discard take a code from the list's buttons")
]
Which = Annotated[str, Help("a row of the list, or all")]


@command(area="system", role=Role.VIEWER)
async def away(
    desk: Desk, actor: Actor, what: What = "list", which: Which = "", board: Away = NOTHING
) -> Reply:
    """What came while the desk was away and was not run, with buttons to run or discard it.

    The list is that of the chat in which it is asked for. Lines are forgotten a day after they were sent.
    """
    if what == "run":
        return GONE  # a line that waits never gets here: it is run as itself
    if what == "list":
        return board.listed(actor, int(which) if which.isascii() and which.isdigit() else 1)
    if not which:
        return refusal("Discard which?", "A row of /away, or all.", (Button("All", "/away discard all"),))
    return await _discarded(actor, which, board)


async def _discarded(actor: Actor, which: str, board: Away) -> Reply:
    gone, stayed = await board.discard(actor, which)
    if not gone and not stayed:
        return GONE
    if stayed:
        reason = "Only who sent a line, or whose role could run it, discards it."
        return refusal(f"{count(gone, 'line')} discarded, {stayed} not", reason, (_back(),))
    left = board.listed(actor)
    said = f"{count(gone, 'line')} discarded, nothing of it was run."
    return Reply(left.title, table=left.table, text=f"{said}\n{left.text}", buttons=left.buttons)


def _back() -> Button:
    return Button("What waits", "/away")
