"""What a person decides about a position that is not ours: take it over, give it a stop, or leave it alone."""

from dataclasses import replace
from decimal import Decimal

from bot.domain.action import RecordDifference, RecordSetting
from bot.domain.command import Adopt, AttachStop, Change, Done, Ignore, MoveStop
from bot.domain.event import CommandIssued
from bot.domain.guard import HaltKind
from bot.domain.instrument import to_decimal
from bot.domain.notice import NoticeKind, Severity
from bot.domain.position import Plan
from bot.domain.refusal import Refused
from bot.engine import accounting, guards, manual, moving, tell
from bot.engine.answers import no_position, not_traded, setting
from bot.engine.state import EngineState, SymbolState
from bot.engine.strategies import Strategies
from bot.engine.turn import Turn
from bot.engine.views import DifferenceView
from bot.strategy import Levels

CHOICES = ("adopt", "close", "stop", "ignore")


def key(symbol: str) -> str:
    """The setting that keeps what is left alone."""
    return f"ignored:{symbol}"


def attach_stop(
    turn: Turn, event: CommandIssued, command: AttachStop, strategies: Strategies
) -> Done | Refused:
    """A stop at a price, or at the strategy's distance; with it the position is ours to protect."""
    found = _position(turn, command.symbol)
    if isinstance(found, Refused):
        return found
    symbol, plan = found
    if command.price is None and not plan.foreign:
        return Refused(
            "stop", f"{symbol.symbol} has a stop at {_stop(symbol, plan)} already: /stoploss moves it"
        )
    return _protect(turn, event, symbol, _levels(turn, symbol, strategies), command.price)


def adopt(turn: Turn, event: CommandIssued, command: Adopt, strategies: Strategies) -> Done | Refused:
    """Take it over: a stop at the strategy's distance, and entries on its symbol are allowed again."""
    found = _position(turn, command.symbol)
    if isinstance(found, Refused):
        return found
    symbol, plan = found
    if not plan.foreign:
        return Refused("adopt", f"{symbol.symbol} is ours already, with its stop at {_stop(symbol, plan)}")
    done = _protect(turn, event, symbol, _levels(turn, symbol, strategies), None)
    if isinstance(done, Refused):
        return done
    changes = (
        Change(f"position {symbol.symbol}", "not ours", "adopted"),
        *done.changes,
        *_lifted(turn, symbol),
    )
    return Done(changes=changes, remarks=_still_off(turn.state))


def ignore(turn: Turn, event: CommandIssued, command: Ignore) -> Done | Refused:
    """Leave it alone until its size is another one; entries on its symbol stay off."""
    found = _position(turn, command.symbol)
    if isinstance(found, Refused):
        return found
    symbol, plan = found
    if not plan.foreign:
        return Refused("ignore", f"{symbol.symbol} is ours, with its stop at {_stop(symbol, plan)}")
    name, quantity = symbol.symbol, symbol.position.quantity
    turn.state.ignored[name] = quantity
    guards.halt(turn, name, HaltKind.FOREIGN, 0, f"a position that is left alone: {held_words(symbol)}")
    change = Change(f"position {name}", "undecided", f"left alone at {quantity:f}")
    return setting(turn, event, key(name), f'"{quantity:f}"', change)


def review(turn: Turn) -> None:
    """After every event: what was left alone at another size is to be decided again."""
    if turn.state.recovering:
        return
    for name, before in list(turn.state.ignored.items()):
        now = turn.state.symbols[name].position.quantity
        if before != now:
            _decided(turn, name, "engine")
            title = f"{name}: the position that was left alone has changed from {before:f} to {now:f}"
            turn.tell(NoticeKind.DIFFERENCE, Severity.CRITICAL, title, (), name)


def _decided(turn: Turn, name: str, actor: str) -> None:
    """It is left alone no longer."""
    if name in turn.state.ignored:
        before = f"left alone at {turn.state.ignored.pop(name):f}"
        turn.act(RecordSetting(turn.at_ms, key(name), "null", actor, before, "to be decided"))


def _position(turn: Turn, name: str) -> tuple[SymbolState, Plan] | Refused:
    symbol = turn.symbol(name)
    if symbol is None:
        return not_traded(turn, name)
    plan = symbol.plan
    return no_position(name) if symbol.position.flat or plan is None else (symbol, plan)


def _protect(
    turn: Turn, event: CommandIssued, symbol: SymbolState, levels: Levels, price: Decimal | None
) -> Done | Refused:
    """Give it the stop, with the risk and the ATR that go with it."""
    away = to_decimal(levels.stop_distance) * symbol.position.side.sign
    wanted = price if price is not None else symbol.mark_price - away
    done = moving.move_stop(turn, event, MoveStop(symbol.symbol, wanted))
    if isinstance(done, Refused) or symbol.open_trade is None:
        return done
    plan, position = symbol.open_trade.plan, symbol.position
    risk = abs(position.entry_price - plan.stop_price) * position.size
    symbol.open_trade = replace(
        symbol.open_trade, plan=replace(plan, risk=risk, atr=plan.atr or to_decimal(levels.atr))
    )
    accounting.record_position(turn, symbol)
    _decided(turn, symbol.symbol, event.actor)
    return done


def _levels(turn: Turn, symbol: SymbolState, strategies: Strategies) -> Levels:
    """The strategy's distances; where it has none of use, a fixed part of the price."""
    found = manual.distances(symbol, strategies.signals, symbol.position.side)
    mark = float(symbol.mark_price)
    if found is not None and 0 < found.stop_distance < mark:
        return found
    return Levels(mark * float(turn.state.settings.adopted_stop))


def _stop(symbol: SymbolState, plan: Plan) -> str:
    return tell.price(symbol.instrument, plan.stop_price)


def _lifted(turn: Turn, symbol: SymbolState) -> tuple[Change, ...]:
    """Entries are allowed again, unless another leg is still somebody else's."""
    if symbol.symbol in turn.state.foreign_legs:
        return ()
    found = [h for h in turn.state.halts if (h.symbol, h.kind) == (symbol.symbol, HaltKind.FOREIGN)]
    for halt in found:
        guards.lift(turn, halt)
    return tuple(Change(f"halt of {h.symbol}", f"{h.kind}: {h.figures}", "lifted") for h in found)


def _still_off(state: EngineState) -> tuple[str, ...]:
    return ("no entries until /start_trading",) if state.protect or state.stopped else ()


def held_words(symbol: SymbolState) -> str:
    """`LONG 5 at 100.00`."""
    held = symbol.position
    return f"{held.side} {held.size.normalize():f} at {tell.price(symbol.instrument, held.entry_price)}"


def views(state: EngineState) -> tuple[DifferenceView, ...]:
    """What the last comparison found, and every position that a person has to decide about."""
    foreign = [s for s in state.open_symbols if s.plan is not None and s.plan.foreign]
    undecided = [symbol for symbol in foreign if symbol.symbol not in state.ignored]
    names = {symbol.symbol for symbol in undecided}
    found = [_view(one) for one in state.found if one.kind != "position" or one.symbol not in names]
    return (*found, *(_undecided(symbol) for symbol in undecided))


def _view(one: RecordDifference) -> DifferenceView:
    return DifferenceView(one.at_ms, one.symbol, one.kind, one.ours, one.theirs, one.done)


def _undecided(symbol: SymbolState) -> DifferenceView:
    at_ms = symbol.open_trade.opened_at_ms if symbol.open_trade is not None else 0
    done = "left without a stop of ours, no entries here"
    return DifferenceView(
        at_ms, symbol.symbol, "position not ours", "none", held_words(symbol), done, CHOICES
    )
