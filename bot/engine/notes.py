"""People's notes on trades."""

from bot.domain.action import RecordNote
from bot.domain.command import Done, NoteTrade
from bot.domain.event import CommandIssued
from bot.domain.refusal import Refused
from bot.engine.answers import not_traded
from bot.engine.turn import Turn

LONGEST = 500


def note(turn: Turn, event: CommandIssued, command: NoteTrade) -> Done | Refused:
    """On the open trade of a symbol, else on its last closed one."""
    symbol = turn.symbol(command.symbol)
    if symbol is None:
        return not_traded(turn, command.symbol)
    text, trade = command.text.strip(), symbol.open_trade
    if not text or len(text) > LONGEST:
        return Refused("note", f"{len(text)} characters; 1 to {LONGEST}")
    opened_at_ms = trade.opened_at_ms if trade is not None else symbol.last_opened_at_ms
    if not opened_at_ms:
        return Refused("note", f"{symbol.symbol} has no trade yet")
    turn.act(RecordNote(turn.at_ms, symbol.symbol, opened_at_ms, text, command.author))
    which = "open" if trade is not None else "last closed"
    return Done(remarks=(f"noted on the {which} trade of {symbol.symbol}",))
