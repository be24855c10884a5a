"""Kill switches and halts: what keeps a symbol from new entries, and how it is lifted."""

from collections.abc import Sequence
from typing import Annotated, Literal

from bot.domain.command import Change, KillNow, ResetKill, Unhalt
from bot.domain.guard import Halt, HaltKind
from bot.engine.views import KillView
from bot.runtime.desk import Desk
from handlers.cards import answered, clock, listed, no, proposed, table
from handlers.command import Actor, Confirm, Example, Help, Rest, Risk, Role, SymbolName, command
from handlers.format import UNKNOWN, count, number, plain
from handlers.reply import Button, ButtonStyle, Reply

ALL = "all"
EXITS = "Exits and protection go on."


@command(area="guards", role=Role.VIEWER)
async def kill(desk: Desk) -> Reply:
    """Kill switches: losing run, profit factor of the last trades, state, since when."""
    views = desk.kills()
    set_now = [view for view in views if view.kill]
    resets = await desk.kill_resets(3)
    at = clock(desk)
    past = "\n".join(
        f"Lifted {at.short(r.at_ms)}: {r.symbol or 'all'} by {r.actor}, “{r.reason}”" for r in resets
    )
    buttons = tuple(Button(f"Reset {view.symbol}", f"/reset_kill {view.symbol}") for view in set_now[:4])
    return Reply(
        title=f"Kill switches · {len(set_now)} set",
        fields=(("Set", listed([view.symbol for view in set_now], "/symbols")),),
        table=table(
            "Symbol | State | Since | >Losing run | >PF | >Trades | Figures", (_row(desk, v) for v in views)
        ),
        text=past or "No kill switch has been lifted so far.",
        buttons=(Button("Refresh", "/kill"), *buttons),
    )


def _row(desk: Desk, view: KillView) -> tuple[str, ...]:
    """Counters against their limits; a profit factor without a loss has no figure."""
    limit = plain(view.profit_factor_limit)
    factor = "no loss" if view.profit_factor is None and view.trades else number(view.profit_factor)
    return (
        view.symbol,
        f"KILLED {view.kill.kind.value.lower()}" if view.kill else "ok",
        clock(desk).short(view.kill.at_ms) if view.kill else UNKNOWN,
        f"{view.losing_run}/{view.losing_run_limit}" if view.losing_run_limit else f"{view.losing_run}/off",
        f"{factor} (min {limit})",
        f"{view.trades}/{view.trades_needed}",
        view.kill.figures if view.kill else UNKNOWN,
    )


Reason = Annotated[str, Rest(), Help("why it may trade again; kept in the audit"), Example("data gap fixed")]


def _named(desk: Desk, symbol: str) -> list[KillView]:
    return [view for view in desk.kills() if symbol in (ALL, view.symbol)]


def _resets(views: Sequence[KillView]) -> list[Change]:
    return [
        Change(f"kill switch of {view.symbol}", f"set ({view.kill.kind.value})", "not set")
        for view in views
        if view.kill
    ]


async def preview_reset(desk: Desk, symbol: str, reason: str) -> Reply:
    """The card before /reset_kill."""
    if not reason.strip():
        return no("A reason is required: /reset_kill SYMBOL why it may trade again")
    views = _named(desk, symbol)
    changes = _resets(views)
    runs = listed([f"{view.symbol} {view.losing_run}/{view.losing_run_limit}" for view in views], "/kill")
    text = f"Counters start anew from here (losing runs now: {runs}).\nReason: {reason}"
    if not changes:
        text = f"No kill switch is set there. {text}"
    return proposed(f"Reset the kill switch of {symbol}?", changes, text)


@command(area="guards", role=Role.ADMIN, confirm=Confirm.CODE, preview=preview_reset)
async def reset_kill(desk: Desk, actor: Actor, symbol: SymbolName | Literal["all"], reason: Reason) -> Reply:
    """Lift a kill switch, with a reason; its counters start anew from here."""
    answer = await desk.execute(ResetKill("" if symbol == ALL else symbol, reason), actor.id)
    return answered("Kill switch reset", answer, f"Reason: {reason}", (Button("Kills", "/kill"),))


async def preview_kill_now(desk: Desk, symbol: str) -> Reply:
    """The card before /kill_now."""
    changes = [
        Change(f"kill switch of {view.symbol}", "not set", "set (MANUAL)")
        for view in _named(desk, symbol)
        if not view.kill
    ]
    if not changes:
        return no(f"{'Every symbol' if symbol == ALL else symbol} is killed already; /reset_kill lifts it.")
    text = f"No entries there until an admin lifts it with /reset_kill. {EXITS}"
    return proposed(f"Kill {count(len(changes), 'symbol')}?", changes, text)


@command(area="guards", role=Role.TRADER, confirm=Confirm.BUTTON, risk=Risk.LOWERS, preview=preview_kill_now)
async def kill_now(desk: Desk, actor: Actor, symbol: SymbolName | Literal["all"]) -> Reply:
    """Set the kill switch of a symbol, or of all, by hand: no entries until an admin lifts it."""
    answer = await desk.execute(KillNow("" if symbol == ALL else symbol), actor.id)
    return answered("Kill switch set", answer, EXITS, (Button("Kills", "/kill"),))


@command(area="guards", role=Role.TRADER, risk=Risk.READ)
async def halts(desk: Desk) -> Reply:
    """Halts now: volatility, funding, stale data, drawdown and more, with their figures."""
    found = desk.status().halts
    if not found:
        return Reply("Halts · none", text="Nothing is halted.", buttons=(Button("Refresh", "/halts"),))
    symbols = dict.fromkeys(halt.symbol or ALL for halt in found)
    lift = tuple(
        Button(f"Unhalt {symbol}", f"/unhalt {symbol}", ButtonStyle.SECONDARY) for symbol in list(symbols)[:6]
    )
    return Reply(
        title=f"Halts · {len(found)}",
        table=table("Symbol | Kind | Since | Until | Figures", (_halt_row(desk, halt) for halt in found)),
        text=f"Entries rest meanwhile. {EXITS}",
        buttons=(Button("Refresh", "/halts"), *lift),
    )


def _halt_row(desk: Desk, halt: Halt) -> tuple[str, ...]:
    at = clock(desk)
    until = f"{at.short(halt.until_ms)} ({at.until(halt.until_ms)})" if halt.until_ms else "until lifted"
    kind = halt.kind.value.lower().replace("_", " ")
    return halt.symbol or ALL, kind, at.short(halt.at_ms), until, halt.figures or UNKNOWN


async def preview_unhalt(desk: Desk, symbol: str) -> Reply:
    """The card before /unhalt."""
    found = [halt for halt in desk.status().halts if symbol in (ALL, halt.symbol)]
    if not found:
        others = [halt.symbol or ALL for halt in desk.status().halts]
        what = "There is no halt" if symbol == ALL else f"No halt on {symbol}"
        return no(f"{what}. Halted: {listed(others, '/halts')}.")
    changes = [
        Change(
            f"halt of {halt.symbol or 'all symbols'}", f"{halt.kind.value.lower()}: {halt.figures}", "lifted"
        )
        for halt in found
    ]
    high = any(halt.kind is HaltKind.DRAWDOWN for halt in found)
    anew = " The drawdown is counted anew from the present equity." if high else ""
    text = f"Entries are possible again at the next bar.{anew}"
    return proposed(f"Lift {count(len(found), 'halt')}?", changes, text)


@command(area="guards", role=Role.TRADER, confirm=Confirm.BUTTON, preview=preview_unhalt)
async def unhalt(desk: Desk, actor: Actor, symbol: SymbolName | Literal["all"]) -> Reply:
    """Lift the halts of a symbol, or all of them."""
    answer = await desk.execute(Unhalt("" if symbol == ALL else symbol), actor.id)
    return answered("Halts lifted", answer, buttons=(Button("Halts", "/halts"), Button("Status", "/status")))
