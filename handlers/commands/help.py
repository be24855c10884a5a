"""The way in: what this is, and what there is to ask."""

from functools import cache
from typing import Annotated

from bot.runtime.desk import Desk
from handlers.cards import no, table
from handlers.command import Actor, Command, Confirm, Help, Parameter, Role, Suggest, command
from handlers.format import UNKNOWN
from handlers.registry import Registry, load_registry
from handlers.reply import Button, ButtonStyle, Reply
from handlers.standing import USUAL, Standing, header

AREAS = (
    "overview",
    "performance",
    "market",
    "signals",
    "positions",
    "trading",
    "risk",
    "guards",
    "system",
    "help",
)
"""The order in which help shows the areas; unknown ones follow."""

FIRST_FIVE = (
    ("/status", "what is open and how the desk stands"),
    ("/why SYMBOL", "why a symbol trades or does not, gate by gate"),
    ("/chart SYMBOL", "candles with entries, stop and target"),
    ("/equity", "the equity curve with its drawdown"),
    ("/risk", "how much is risked, and the limits"),
)
WAYS = {
    Confirm.NONE: "runs at once",
    Confirm.BUTTON: "shows what it will do and asks",
    Confirm.CODE: "shows what it will do and asks, with your code when you have set one",
}


@command(area="help", role=Role.VIEWER)
async def start(desk: Desk, actor: Actor, standing: Standing = USUAL) -> Reply:
    """What this is, five commands to try, and a menu."""
    about = desk.about
    symbol = next(iter(desk.instruments), "")
    fields = tuple(
        (line.replace("SYMBOL", symbol), text) for line, text in FIRST_FIVE if symbol or "SYMBOL" not in line
    )
    words = f"{len(desk.instruments)} perpetuals on {about.venue} in {about.timeframe} bars"
    return Reply(
        title=f"Quarterdeck · {about.mode}",
        fields=(*header(desk, standing), *fields),
        text=(
            f"A trading desk you command from this chat. It trades {words}; every entry gets a stop and a target,"
            f" and every refusal its reason. You are {actor.role.word} here."
        ),
        buttons=(
            Button("Status", "/status", ButtonStyle.PRIMARY),
            Button("Equity", "/equity"),
            Button("Signals", "/signals"),
            *((Button(f"Chart {symbol}", f"/chart {symbol}"),) if symbol else ()),
            Button("Risk", "/risk"),
            Button("All commands", "/help"),
        ),
    )


@cache
def _every_name() -> tuple[str, ...]:
    return tuple(found.name for found in load_registry())


def _names(desk: Desk) -> tuple[str, ...]:
    return _every_name()


@command(area="help", role=Role.VIEWER)
async def help(  # noqa: A001 (people type /help)
    desk: Desk,
    actor: Actor,
    registry: Registry,
    command: Annotated[str, Suggest(_names), Help("one of them, for its parameters and an example")] = "",
) -> Reply:
    """Commands by area, only what your role may do; with a name, its parameters, ranges and an example."""
    name = command.removeprefix("/").casefold()
    if name:
        found = registry.find(name)
        if found is None or found.role > actor.role:
            near = registry.nearest(name, actor.role)
            meant = (
                f"Did you mean {' or '.join(f'/{one.name}' for one in near)}?"
                if near
                else "/help lists them."
            )
            return no(f"There is no such command for you. {meant}", *(_help_button(one) for one in near))
        return _one(found)
    allowed = registry.allowed(actor.role)
    areas = [*AREAS, *sorted({one.area for one in allowed} - {*AREAS})]
    rows = ((_called(one), area, one.help) for area in areas for one in allowed if one.area == area)
    return Reply(
        title=f"Commands · {actor.role.word}",
        table=table("Command | Area | What it does", rows),
        text="/help COMMAND explains one of them: how it is written, what is allowed, an example.",
        buttons=(Button("Status", "/status"), Button("Start", "/start")),
    )


def _called(found: Command) -> str:
    """Its name and its other names."""
    return ", ".join(f"/{name}" for name in (found.name, *found.aliases))


def _help_button(found: Command) -> Button:
    return Button(f"/{found.name}", f"/help {found.name}")


def _one(found: Command) -> Reply:
    """One command in full."""
    also = ", ".join(f"/{alias}" for alias in found.aliases)
    fields = [
        ("Usage", found.usage),
        ("Example", found.example),
        ("Who", f"{found.role.word} and above" if found.role is not Role.ADMIN else "admin"),
        (
            "When sent",
            WAYS[found.confirm] + (f"; at once with “{found.unconfirmed}”" if found.unconfirmed else ""),
        ),
    ]
    fields += [("Also", also)] if also else []
    rows = (_parameter_row(parameter) for parameter in found.parameters)
    return Reply(
        title=f"/{found.name}",
        fields=tuple(fields),
        table=table("Parameter | What | Allowed | Without it", rows),
        text=f"{found.help}\n{found.details}".strip(),
    )


def _parameter_row(parameter: Parameter) -> tuple[str, ...]:
    default = UNKNOWN if parameter.default in (None, "") else str(parameter.default)
    return (
        parameter.name,
        parameter.help or UNKNOWN,
        parameter.allowed,
        "required" if parameter.required else default,
    )
