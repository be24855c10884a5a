"""Ending the process: shut down or restart, in order; what is open stays protected at the venue."""

from bot.domain.command import Change
from bot.domain.order import Purpose
from bot.runtime.desk import Desk
from handlers.cards import holding, listed, no, table
from handlers.command import Actor, Confirm, Role, command
from handlers.format import count, price
from handlers.process import Process
from handlers.reply import Reply, Snapshot, Table

FROM_HERE = "This desk cannot be ended from a chat: stop it where it runs (Ctrl-C, or stop the service)."
NOBODY = Process()


def _card(desk: Desk, process: Process, title: str, then: str) -> Reply:
    """What the end means for what is open."""
    if not process.can_end:
        return no(FROM_HERE)
    view = desk.status()
    entries = [order for order in desk.orders() if order.purpose is Purpose.ENTRY]
    bare = [one.symbol for one in view.positions if one.stop_price is None or not one.covered]
    naked = f"WITHOUT A CONFIRMED STOP: {listed(bare, '/orders')}. " if bare else ""
    held = count(len(view.positions), "position")
    return Reply(
        title=title,
        fields=(
            (
                "Stays at the venue",
                f"{held} with their stops and targets" if view.positions else "nothing is open",
            ),
            ("Cancelled", f"{count(len(entries), 'entry order')} still working" if entries else "nothing"),
        ),
        table=_protection(desk),
        text=f"{naked}State is saved. {then}",
        snapshot=Snapshot(", ".join(f"{one.symbol} {holding(desk, one)}" for one in view.positions)),
    )


def _protection(desk: Desk) -> Table | None:
    """What guards each position while nobody watches."""
    rows = (
        (
            one.symbol,
            holding(desk, one),
            price(one.stop_price, desk.instruments.get(one.symbol)),
            "yes" if one.covered and one.stop_price is not None else "NO",
            price(one.target_price, desk.instruments.get(one.symbol)),
        )
        for one in desk.status().positions
    )
    return table("Symbol | Position | >Stop | Confirmed | >Target", rows)


async def preview_shutdown(desk: Desk, process: Process = NOBODY) -> Reply:
    """The card before /shutdown."""
    then = "Nobody trails stops, takes signals or answers here until somebody starts the desk where it runs."
    return _card(desk, process, "Shut the desk down?", then)


@command(area="system", role=Role.ADMIN, confirm=Confirm.CODE, preview=preview_shutdown)
async def shutdown(desk: Desk, actor: Actor, process: Process = NOBODY) -> Reply:
    """End the process in order: state is saved, open positions keep their stops at the venue."""
    text = "It starts again only where it runs. Positions keep their stops and targets at the venue."
    return await _end(process, "Shutting down", text, again=False)


async def preview_restart(desk: Desk, process: Process = NOBODY) -> Reply:
    """The card before /restart."""
    then = "It starts again at once, compares its books with the venue, and goes on as it was."
    return _card(desk, process, "Restart the desk?", then)


@command(area="system", role=Role.ADMIN, confirm=Confirm.CODE, preview=preview_restart)
async def restart(desk: Desk, actor: Actor, process: Process = NOBODY) -> Reply:
    """Restart the process in order: state is saved, open positions stay protected at the venue."""
    text = "It will say here when it is back. Positions keep their stops and targets at the venue."
    return await _end(process, "Restarting", text, again=True)


async def _end(process: Process, title: str, text: str, *, again: bool) -> Reply:
    if not process.can_end:
        return no(FROM_HERE)
    await process.end(again)
    after = "restarting" if again else "shutting down"
    return Reply(title, text=text, changes=(Change("process", "running", after),))
