"""Trying things out: what a command would do at the venue, and how fast the way out is."""

from typing import Annotated

from bot.domain.refusal import Refused
from bot.engine.views import SymbolView
from bot.runtime.desk import Desk, VenueCall
from handlers.cards import clock, no, receipt_table, refused, table
from handlers.command import Actor, Command, Confirm, Example, Help, Rest, Risk, Role, SymbolName, command
from handlers.format import UNKNOWN, count, milliseconds, money
from handlers.parse import Arguments, Bad, Missing, bind_line
from handlers.registry import Registry
from handlers.rehearsal import rehearsable, rehearse
from handlers.reply import Button, Reply
from handlers.text import echo

Line = Annotated[str, Rest(), Help("a command with its arguments"), Example("/close BTC 50")]

NO_CALLS = "No venue call: nothing would be asked of the venue."
AS_OF_NOW = "As of now; what really happens depends on the market and the venue."
REAL_MONEY = frozenset({"live"})
"""Modes in which a position costs more than time; the desk refuses a drill there by itself."""


@command(area="system", role=Role.TRADER, risk=Risk.READ)
async def dry(desk: Desk, actor: Actor, registry: Registry, line: Line) -> Reply:
    """List every venue call that a command would make, in order, making none."""
    word, _, rest = line.strip().removeprefix("/").partition(" ")
    found = registry.find(word.casefold())
    if found is None or found.role > actor.role:
        near = registry.nearest(word.casefold(), actor.role)
        meant = (Button(f"/dry /{one.name}", f"/dry /{one.name} {rest}".rstrip()) for one in near)
        return no(f"There is no command /{echo(word)} for you: no venue call.", *meant)
    bound = bind_line(found, rest, desk)
    if isinstance(bound, Missing):
        return no(f"/{found.name}: which {bound.parameter.name}? Usage: {found.usage}")
    if isinstance(bound, Bad):
        return no(bound.text)
    return await _rehearsed(desk, actor, found, bound)


async def _rehearsed(desk: Desk, actor: Actor, found: Command, bound: Arguments) -> Reply:
    """What comes of the command on a stage."""
    if found.risk is Risk.READ or not rehearsable(found):
        return _listing(bound.line, (), NO_CALLS)
    asked, reply = await rehearse(desk, found, bound, actor)
    if not reply.ok:
        return _listing(bound.line, (), f"It would be refused, without any venue call: {reply.text}")
    calls = tuple([call for one in asked for call in await desk.dry(one, actor.id)])
    return _listing(
        bound.line,
        calls,
        AS_OF_NOW if calls else NO_CALLS,
    )


def _listing(line: str, calls: tuple[VenueCall, ...], text: str) -> Reply:
    rows = (
        (str(place), call.what.replace("_", " "), call.symbol or UNKNOWN, call.words)
        for place, call in enumerate(calls, start=1)
    )
    return Reply(
        title=f"Dry run of {line} · {count(len(calls), 'venue call')}",
        table=table(">No | Call | Symbol | What", rows),
        text=f"{text} Nothing was done.",
        buttons=(Button("Again", f"/dry {line}"), Button("Do it", line)),
    )


# --- the drill ------------------------------------------------------------------------------------------------------


def _flat(desk: Desk) -> list[SymbolView]:
    held = {view.symbol for view in desk.status().positions}
    return [view for view in desk.symbols() if view.symbol not in held]


def _chosen(desk: Desk, symbol: str | None) -> str | Reply:
    """The symbol to drill on: the one named, else the first that is flat and trades."""
    flat = _flat(desk)
    if symbol is not None:
        if symbol not in {view.symbol for view in flat}:
            return no(f"{symbol} has an open position; a drill needs a flat symbol.")
        return symbol
    ready = [view.symbol for view in flat if view.state == "trading"] or [view.symbol for view in flat]
    return ready[0] if ready else no("Every symbol has an open position; a drill needs a flat one.")


async def preview_drill(desk: Desk, symbol: str | None = None) -> Reply:
    """The card before /drill."""
    if desk.about.mode in REAL_MONEY:
        return no("A drill is refused with real money: it opens and panic-closes a position.")
    chosen = _chosen(desk, symbol)
    if isinstance(chosen, Reply):
        return chosen
    steps = (
        f"1. The smallest position of {chosen} is opened at market, through every gate.",
        "2. When its stop is confirmed, the panic path closes it and verifies flat with the venue.",
        "3. You get the times of every step. Other positions are not touched; trading is as before.",
    )
    return Reply(f"Drill the panic path on {chosen}?", text="\n".join(steps))


@command(area="system", role=Role.TRADER, confirm=Confirm.BUTTON, preview=preview_drill)
async def drill(desk: Desk, actor: Actor, symbol: SymbolName | None = None) -> Reply:
    """Exercise the panic path on one smallest position and report the time to flat; never with real money."""
    return await drilled(desk, actor.id, symbol)


async def drilled(desk: Desk, actor: str, symbol: str | None = None) -> Reply:
    """Run a drill for somebody, or for the weekly job."""
    chosen = _chosen(desk, symbol)
    if isinstance(chosen, Reply):
        return chosen
    found = await desk.drill(chosen, actor)
    if isinstance(found, Refused):
        return refused(found)
    return Reply(
        title=f"Drill on {found.symbol}: flat after {milliseconds(found.flat_ms)}",
        fields=(
            ("Order to fill", milliseconds(found.filled_ms)),
            ("Fill to confirmed stop", milliseconds(found.covered_ms)),
            ("Panic to flat, verified", milliseconds(found.flat_ms)),
            ("Fees", money(-found.fees, desk.about.quote)),
            ("Trading after", found.trading.value.lower()),
            ("When", clock(desk).full(desk.now_ms())),
        ),
        table=receipt_table(desk, found.receipts, proven=True),
        text="Other positions were not touched.",
        buttons=(Button("Status", "/status"), Button("Again", f"/drill {found.symbol}")),
    )
