"""How commands answer: from -> to, recorded where it must last; refusals with what is allowed."""

from bot.domain.action import RecordSetting
from bot.domain.command import Change, Done
from bot.domain.event import CommandIssued
from bot.domain.refusal import Refused
from bot.engine.turn import Turn


def changed(name: str, before: str, after: str) -> Done:
    """One thing changed."""
    return Done(changes=(Change(name, before, after),))


def setting(turn: Turn, event: CommandIssued, key: str, value: str, change: Change) -> Done:
    """One thing changed that a restart must remember; `value` is its JSON text."""
    turn.act(RecordSetting(turn.at_ms, key, value, event.actor, change.before, change.after))
    return Done(changes=(change,))


def flag_text(flag: bool) -> str:
    """A flag as JSON."""
    return "true" if flag else "false"


def not_traded(turn: Turn, name: str) -> Refused:
    """The symbol is none of ours."""
    return Refused("symbol", f"{name} is not traded; traded: {', '.join(turn.state.symbols)}")


def no_position(symbol: str) -> Refused:
    """There is nothing to close or protect."""
    return Refused("position", f"{symbol} has no open position")
