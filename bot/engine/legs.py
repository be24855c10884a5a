"""Legs of hedge mode: the engine holds one position per symbol; another leg beside it is somebody else's.

The other leg is shown and stops entries of the symbol. It is never netted against ours; once ours is gone, what is left
is adopted like any position that a person made.
"""

from bot.domain.action import RecordDifference
from bot.domain.fill import Fill
from bot.domain.guard import HaltKind
from bot.domain.notice import NoticeKind, Severity
from bot.domain.order import closing
from bot.domain.position import Position
from bot.domain.signal import Side
from bot.engine import guards
from bot.engine.state import SymbolState
from bot.engine.turn import Turn


def ours(turn: Turn, symbol: SymbolState, found: list[Position]) -> Position:
    """The one of a symbol's positions at the venue that is ours to hold; the other is told once."""
    held = [position for position in found if position.quantity]
    if len(held) < 2:
        turn.state.foreign_legs.discard(symbol.symbol)
        return held[0] if held else next(iter(found), Position(symbol.symbol))
    side = _side(symbol, held)
    own = next((position for position in held if position.side is side), held[0])
    _tell(turn, symbol, next(position for position in held if position is not own))
    return own


def _side(symbol: SymbolState, held: list[Position]) -> Side:
    """Our side: of our position, else of the entry on its way, else the larger one's."""
    if not symbol.position.flat:
        return symbol.position.side
    if symbol.pending is not None and symbol.pending.signal.side is not None:
        return symbol.pending.signal.side
    return max(held, key=lambda position: position.size).side


def _tell(turn: Turn, symbol: SymbolState, leg: Position) -> None:
    if symbol.symbol in turn.state.foreign_legs:
        return
    turn.state.foreign_legs.add(symbol.symbol)
    theirs, name = f"{leg.side} {leg.size:f}", symbol.symbol
    found = RecordDifference(turn.at_ms, name, "foreign leg", "none", theirs, "left alone")
    turn.state.found.append(found)
    turn.act(found)
    guards.halt(turn, name, HaltKind.FOREIGN, 0, f"a second leg that is not ours: {theirs}")
    title = f"{name}: a second leg that is not ours, {theirs}; left alone, no entries here"
    turn.tell(NoticeKind.DIFFERENCE, Severity.CRITICAL, title, (), name)


def elsewhere(symbol: SymbolState, fill: Fill) -> bool:
    """True for a fill of the leg that is not ours: its money shows in the wallet, its quantity is not our position."""
    if fill.leg is None:
        return False
    if symbol.position.flat:
        return fill.side is closing(fill.leg)
    return fill.leg is not symbol.position.side
