"""Our books against the venue's: compare now, and decide about what is not ours."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Annotated

from bot.domain import command as ask
from bot.domain.command import Adopt, AttachStop, Change, Ignore, Reconcile
from bot.domain.notice import Severity
from bot.domain.refusal import Refused
from bot.engine.views import DifferenceView
from bot.runtime.desk import Desk
from handlers.cards import answered, clock, no, proposed, table
from handlers.command import Actor, Confirm, Example, Help, Range, Risk, Role, Suggest, command
from handlers.format import UNKNOWN, count, plain
from handlers.format import price as written
from handlers.reply import Button, ButtonStyle, Reply
from handlers.symbols import find_symbol
from handlers.text import clip

BUTTONS_FOR = 3
"""With more open differences than this, each is asked for by its symbol."""


@command(area="system", role=Role.TRADER, risk=Risk.LOWERS)
async def reconcile(desk: Desk, actor: Actor) -> Reply:
    """Compare our books with the venue now; every difference, what was done about it, what you may do."""
    answer = await desk.execute(Reconcile(), actor.id)
    looks = (Button("Status", "/status"), Button("Orders", "/orders"))
    reply = answered("Reconciled with the venue", answer, buttons=looks)
    if isinstance(answer, Refused):
        return reply
    found = desk.differences()
    waiting = [one for one in found if one.choices]
    return replace(
        reply,
        title=f"Reconciled · {count(len(found), 'difference')}",
        table=table("Symbol | What | Ours | Venue's | Done | You may", (_row(one) for one in found))
        or reply.table,
        text="\n".join([*([reply.text] if reply.text else []), *_lines(desk, waiting)]),
        buttons=(Button("Compare again", "/reconcile"), *_buttons(waiting), *looks),
        severity=Severity.CRITICAL if waiting else reply.severity,
    )


def _row(one: DifferenceView) -> tuple[str, ...]:
    may = ", ".join(CHOICES[choice][0].lower() for choice in one.choices if choice in CHOICES)
    done = one.done or UNKNOWN
    return (
        one.symbol or UNKNOWN,
        one.kind.replace("_", " ").lower(),
        one.ours,
        one.theirs,
        done,
        may or "settled",
    )


CHOICES = {
    "adopt": ("Adopt", "/adopt"),
    "close": ("Close", "/close"),
    "stop": ("Attach stop", "/attach_stop"),
    "ignore": ("Ignore", "/ignore"),
}
"""What a person may do about a difference: label and command."""


def _lines(desk: Desk, waiting: list[DifferenceView]) -> Iterator[str]:
    """What waits for a person, one a line."""
    for one in waiting:
        since = clock(desk).ago(one.at_ms)
        yield f"{one.symbol}: waits for you since {since}; no new entries there meanwhile."
    if len(waiting) > BUTTONS_FOR:
        yield "Decide about the others with /adopt, /close, /attach_stop or /ignore SYMBOL."


def _buttons(waiting: list[DifferenceView]) -> Iterator[Button]:
    for one in waiting[:BUTTONS_FOR]:
        for choice in one.choices:
            if choice in CHOICES:
                label, name = CHOICES[choice]
                style = ButtonStyle.DANGER if choice == "close" else ButtonStyle.SECONDARY
                yield Button(f"{label} {one.symbol}", f"{name} {one.symbol}", style)


# --- what a person decides ------------------------------------------------------------------------------------------


def _waiting_symbols(desk: Desk) -> Iterator[str]:
    yield from dict.fromkeys(one.symbol for one in desk.differences() if one.choices)


Foreign = Annotated[str, Suggest(_waiting_symbols), Help("a symbol of /reconcile"), Example("XRPUSDT")]
StopPrice = Annotated[
    Decimal | None,
    Range("0.00000001"),
    Help("where; without it, at the strategy's distance"),
    Example("0.52"),
]


def _difference(desk: Desk, symbol: str, choice: str) -> DifferenceView | Reply:
    """The difference that waits for this choice, or why there is none."""
    name = find_symbol(symbol, desk) or symbol.upper()
    found = [one for one in desk.differences() if one.symbol == name]
    waiting = next((one for one in found if choice in one.choices), None)
    if waiting is not None:
        return waiting
    others = [one for one in _waiting_symbols(desk) if one != name]
    rest = f" Waiting: {', '.join(others)}." if others else " /reconcile compares again."
    if found:
        return no(f"{name} is settled, or that cannot be done there.{rest}")
    return no(f"There is no difference on {clip(name)}.{rest}", Button("Compare", "/reconcile"))


async def preview_adopt(desk: Desk, symbol: str) -> Reply:
    """The card before /adopt."""
    found = _difference(desk, symbol, "adopt")
    if isinstance(found, Reply):
        return found
    change = Change(f"{found.symbol} at the venue", f"{found.theirs}, not ours", "managed like our own")
    text = "It gets a stop at the strategy's distance from the mark price, counts in all limits, and may be closed."
    return proposed(f"Adopt {found.symbol}?", (change,), text)


@command(area="system", role=Role.TRADER, confirm=Confirm.BUTTON, preview=preview_adopt)
async def adopt(desk: Desk, actor: Actor, symbol: Foreign) -> Reply:
    """Take over a position that is not ours: it gets a stop and is managed from here on."""
    found = _difference(desk, symbol, "adopt")
    return found if isinstance(found, Reply) else await _decided(desk, actor, Adopt(found.symbol), "Adopted")


async def preview_attach_stop(desk: Desk, symbol: str, price: Decimal | None = None) -> Reply:
    """The card before /attach_stop."""
    found = _difference(desk, symbol, "stop")
    if isinstance(found, Reply):
        return found
    rules = desk.instruments.get(found.symbol)
    where = (
        "at the strategy's distance from the mark price" if price is None else f"at {written(price, rules)}"
    )
    change = Change(f"stop of {found.symbol}", "none of ours", where)
    return proposed(f"Attach a stop to {found.symbol}?", (change,), f"The position: {found.theirs}.")


@command(
    area="system", role=Role.TRADER, confirm=Confirm.BUTTON, risk=Risk.LOWERS, preview=preview_attach_stop
)
async def attach_stop(desk: Desk, actor: Actor, symbol: Foreign, price: StopPrice = None) -> Reply:
    """Give a position that is not ours a stop: at a price, or at the strategy's distance."""
    found = _difference(desk, symbol, "stop")
    if isinstance(found, Reply):
        return found
    at = "" if price is None else f" at {plain(price)}"
    return await _decided(desk, actor, AttachStop(found.symbol, price), f"Stop attached{at}")


async def preview_ignore(desk: Desk, symbol: str) -> Reply:
    """The card before /ignore."""
    found = _difference(desk, symbol, "ignore")
    if isinstance(found, Reply):
        return found
    change = Change(f"{found.symbol} at the venue", f"{found.theirs}, waits for you", "left alone")
    text = "It is left as it is until it changes; it has NO stop of ours, and entries there stay off."
    return proposed(f"Ignore {found.symbol}?", (change,), text)


@command(area="system", role=Role.TRADER, confirm=Confirm.BUTTON, preview=preview_ignore)
async def ignore(desk: Desk, actor: Actor, symbol: Foreign) -> Reply:
    """Leave a position that is not ours alone until it changes; entries there stay off."""
    found = _difference(desk, symbol, "ignore")
    return (
        found if isinstance(found, Reply) else await _decided(desk, actor, Ignore(found.symbol), "Left alone")
    )


async def _decided(desk: Desk, actor: Actor, wanted: ask.Command, title: str) -> Reply:
    answer = await desk.execute(wanted, actor.id)
    return answered(
        title, answer, buttons=(Button("Compare again", "/reconcile"), Button("Status", "/status"))
    )
