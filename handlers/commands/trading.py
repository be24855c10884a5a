"""Whether new entries are made: pause, resume, stop and start trading, and the question what /stop means."""

from typing import Literal

from bot.domain.command import Change, Pause, Resume, StartTrading, StopTrading
from bot.engine.views import StatusView
from bot.runtime.desk import Desk
from handlers.cards import answered, clock, halt_words, kill_words, listed, proposed
from handlers.command import Actor, Confirm, Risk, Role, SymbolName, command
from handlers.format import count
from handlers.reply import Button, ButtonStyle, Reply
from handlers.standing import USUAL, Standing, header

ALL = "all"
GOES_ON = "Exits and protection go on."
FREE = "Nothing else keeps entries away."


@command(area="trading", role=Role.TRADER, risk=Risk.LOWERS)
async def pause(desk: Desk, actor: Actor, symbol: SymbolName | Literal["all"] = ALL) -> Reply:
    """Stop new entries of one symbol or of all until resumed; exits and protection go on."""
    answer = await desk.execute(Pause(_chosen(symbol)), actor.id)
    back = Button(f"Resume {symbol}", f"/resume {symbol}")
    return answered("Paused", answer, f"{GOES_ON} {_open_words(desk)}", (back, Button("Status", "/status")))


def _chosen(symbol: str) -> str:
    return "" if symbol == ALL else symbol


def _open_words(desk: Desk) -> str:
    held = len(desk.status().positions)
    return (
        f"{count(held, 'open position')} {'stays' if held == 1 else 'stay'} protected."
        if held
        else "Nothing is open."
    )


async def preview_resume(desk: Desk, symbol: str = ALL) -> Reply:
    """The card before /resume."""
    paused = symbol in desk.status().paused if symbol != ALL else desk.status().paused_all
    name = f"entries on {symbol}" if symbol != ALL else "entries for all"
    change = Change(name, "paused" if paused else "allowed", "allowed")
    return proposed("Resume?", (change,), _still(desk, symbol))


def _still(desk: Desk, symbol: str) -> str:
    """What keeps entries away all the same."""
    view = desk.status()
    stopped = ["Trading is stopped as well: /start_trading."] if view.stopped else []
    return "\n".join([*stopped, *_guards(desk, view, symbol)]) or FREE


def _guards(desk: Desk, view: StatusView, symbol: str) -> list[str]:
    """Halts, kill switches and pauses that concern a symbol, or all of them."""
    at = clock(desk)
    halts = [halt_words(halt, at) for halt in view.halts if symbol in (ALL, halt.symbol) or not halt.symbol]
    kills = [kill_words(kill, at) for kill in view.kills if symbol in (ALL, kill.symbol)]
    paused = view.paused if symbol == ALL else ()
    lines = [f"Halts that go on: {listed(halts, '/halts')}."] if halts else []
    lines += [f"Kill switches that stay: {listed(kills, '/kill')}."] if kills else []
    lines += [f"Still paused on their own: {listed(paused, '/symbols')}."] if paused else []
    return lines


@command(area="trading", role=Role.TRADER, confirm=Confirm.BUTTON, preview=preview_resume)
async def resume(desk: Desk, actor: Actor, symbol: SymbolName | Literal["all"] = ALL) -> Reply:
    """Allow new entries again for one symbol or for all."""
    answer = await desk.execute(Resume(_chosen(symbol)), actor.id)
    return answered("Resumed", answer, _still(desk, symbol), (Button("Status", "/status"),))


async def preview_stop_trading(desk: Desk) -> Reply:
    """The card before /stop_trading."""
    text = (
        f"No new entries on any symbol until /start_trading, over restarts too. {GOES_ON} {_open_words(desk)}"
    )
    return proposed("Stop trading?", (_state_change(desk.status(), "stopped"),), text)


def _state_change(view: StatusView, after: str) -> Change:
    return Change("trading", view.trading.value.lower(), after)


@command(
    area="trading", role=Role.TRADER, confirm=Confirm.BUTTON, risk=Risk.LOWERS, preview=preview_stop_trading
)
async def stop_trading(desk: Desk, actor: Actor) -> Reply:
    """Stop new entries on all symbols; kept over restarts; open positions stay protected."""
    answer = await desk.execute(StopTrading(), actor.id)
    back = Button("Start trading", "/start_trading")
    return answered(
        "Trading stopped", answer, f"{GOES_ON} {_open_words(desk)}", (back, Button("Status", "/status"))
    )


async def preview_start_trading(desk: Desk) -> Reply:
    """The card before /start_trading."""
    view = desk.status()
    lines = [
        "This lifts a stop, a pause for all and the protect state.",
        *(_guards(desk, view, ALL) or [FREE]),
    ]
    return proposed("Start trading?", (_state_change(view, "active"),), "\n".join(lines))


@command(area="trading", role=Role.TRADER, confirm=Confirm.BUTTON, preview=preview_start_trading)
async def start_trading(desk: Desk, actor: Actor) -> Reply:
    """Allow new entries again after a stop, a pause for all or the protect state."""
    answer = await desk.execute(StartTrading(), actor.id)
    return answered("Trading started", answer, _still(desk, ALL), (Button("Status", "/status"),))


MEANINGS = (
    ("Pause", "no new entries until /resume; positions stay open and protected"),
    ("Stop trading", "the same, kept over restarts, until /start_trading"),
    ("Flatten", "closes every position at market and goes on trading"),
    ("Shut down", "ends the process; stops and targets stay at the venue (an admin's)"),
    ("Panic", "stops trading, flattens everything, verifies it with the venue"),
)


@command(area="trading", role=Role.VIEWER)
async def stop(desk: Desk, standing: Standing = USUAL) -> Reply:
    """Ask what is meant: pause entries, stop trading, flatten, or shut down. Does nothing by itself."""
    return Reply(
        title="Stop what? Nothing has been stopped.",
        fields=(*header(desk, standing), *MEANINGS),
        text=_open_words(desk),
        buttons=(
            Button("Pause", "/pause all", ButtonStyle.PRIMARY),
            Button("Stop trading", "/stop_trading"),
            Button("Flatten", "/flatten", ButtonStyle.DANGER),
            Button("Shut down", "/shutdown", ButtonStyle.DANGER),
            Button("Panic", "/panic_close", ButtonStyle.DANGER),
        ),
    )
