"""What comparing with the venue found: recorded and told, never absorbed."""

from bot.domain.action import RecordDifference
from bot.domain.notice import NoticeKind, Severity
from bot.engine.turn import Turn


def record(turn: Turn, symbol: str, kind: str, ours: str, theirs: str, done: str) -> None:
    """A difference: what we had, what the venue has, what was done about it."""
    found = RecordDifference(turn.at_ms, symbol, kind, ours, theirs, done)
    turn.state.found.append(found)
    turn.act(found)
    if done == "REJECTED":
        return  # an intent that never left: nobody needs to be woken for it
    title = f"{symbol or 'Wallet'}: {kind} differs: ours {ours}, venue {theirs}; {done}"
    turn.tell(NoticeKind.DIFFERENCE, Severity.TRADE, title, (), symbol)
