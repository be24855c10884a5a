"""What a call to a venue came to, as the answer the runtime understands."""

from bot.domain.event import Call, CallEnded, Outcome

NOT_FOUND = "not found"


def done(
    at_ms: int, call: Call, client_id: str, symbol: str, code: str = "", venue_id: str = ""
) -> CallEnded:
    """It took effect, or there was nothing left to do (`code` then says which)."""
    return CallEnded(at_ms, client_id, symbol, call, Outcome.DONE, code, venue_id)


def not_done(at_ms: int, call: Call, client_id: str, symbol: str, code: str) -> CallEnded:
    """It certainly had no effect."""
    return CallEnded(at_ms, client_id, symbol, call, Outcome.NOT_DONE, code)


def unknown(at_ms: int, call: Call, client_id: str, symbol: str, code: str) -> CallEnded:
    """It may or may not have had an effect: ask, never send again."""
    return CallEnded(at_ms, client_id, symbol, call, Outcome.UNKNOWN, code)
