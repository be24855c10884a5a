"""Notes on trades: what a person wants to remember of one."""

from typing import Annotated

from bot.domain.command import NoteTrade
from bot.domain.refusal import Refused
from bot.runtime.desk import Desk
from handlers.cards import answered, clock, held, holding, refused, table
from handlers.command import Actor, Example, Help, Rest, Risk, Role, SymbolName, command
from handlers.reply import Button, Reply

SHOWN = 10
Words = Annotated[str, Rest(), Help("what to remember"), Example("entered late, news at noon")]


@command(area="performance", role=Role.VIEWER, risk=Risk.READ)
async def note(desk: Desk, actor: Actor, symbol: SymbolName, text: Words) -> Reply:
    """Note something on the open trade of a symbol, or on its last closed one; reports show it."""
    view = held(desk, symbol)
    answer = await desk.execute(NoteTrade(symbol, text, actor.id), actor.id)
    if isinstance(answer, Refused):
        return refused(answer)
    on = f"the open trade, {holding(desk, view)}" if view else "the last closed trade"
    written = await desk.notes(SHOWN, symbol)
    at = clock(desk)
    rows = ((at.short(one.at_ms), at.short(one.opened_at_ms), one.author, one.text) for one in written)
    reply = answered(
        f"Noted on {symbol}", answer, f"It stands on {on}.", (Button("Trades", f"/trades 10 {symbol}"),)
    )
    return Reply(
        title=reply.title,
        fields=reply.fields,
        table=table("Noted | Trade opened | By | Note", rows),
        text=reply.text,
        buttons=reply.buttons,
        changes=reply.changes,
    )
