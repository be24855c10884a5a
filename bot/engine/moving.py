"""Operators' commands on the stop and the target of a position."""

from dataclasses import replace
from decimal import Decimal

from bot.domain import command as ask
from bot.domain.command import Done
from bot.domain.event import CommandIssued
from bot.domain.instrument import ZERO
from bot.domain.order import Purpose
from bot.domain.position import Plan
from bot.domain.refusal import Refused
from bot.engine import accounting, protection, tell
from bot.engine.answers import changed, no_position, not_traded
from bot.engine.state import SymbolState
from bot.engine.turn import Turn


def move_stop(turn: Turn, event: CommandIssued, command: ask.MoveStop) -> Done | Refused:
    """Move the stop to a price, to break-even, or let it trail: the new one is placed before the old one goes."""
    symbol = turn.symbol(command.symbol)
    if symbol is None:
        return not_traded(turn, command.symbol)
    plan = symbol.plan
    if plan is None:
        return no_position(command.symbol)
    before = tell.price(symbol.instrument, plan.stop_price)
    wanted = _wanted_stop(symbol, plan, command)
    refused = _stop_allowed(symbol, wanted)
    if refused is not None:
        return refused
    _take_over(symbol, plan)
    distance = command.trail_atr * plan.atr if command.trail_atr else ZERO
    symbol.stop_failures = 0
    symbol.fought.discard(Purpose.STOP)
    protection.move_stop(symbol, wanted)
    if symbol.open_trade is not None:
        moved = replace(symbol.open_trade.plan, trail_distance=distance)
        symbol.open_trade = replace(symbol.open_trade, plan=moved)
    accounting.record_position(turn, symbol)
    protection.ensure(turn, symbol)
    after = tell.price(symbol.instrument, wanted)
    trailing = f", trailing by {tell.price(symbol.instrument, distance)}" if distance else ""
    return changed(f"stop of {symbol.symbol}", before, after + trailing)


def _take_over(symbol: SymbolState, plan: Plan) -> None:
    """An operator who gives a foreign position a stop makes it ours to protect."""
    if plan.foreign and symbol.open_trade is not None:
        symbol.open_trade = replace(symbol.open_trade, plan=replace(plan, foreign=False))


def _wanted_stop(symbol: SymbolState, plan: Plan, command: ask.MoveStop) -> Decimal:
    if command.break_even:
        wanted = _break_even(symbol.position.entry_price, symbol.instrument.taker_fee * plan.side.sign)
    elif command.trail_atr is not None:
        trailed = symbol.mark_price - command.trail_atr * plan.atr * plan.side.sign
        wanted = trailed if protection.better_stop(plan.side, plan.stop_price, trailed) else plan.stop_price
    else:
        wanted = command.price or ZERO
    return symbol.instrument.stop_price(plan.side, wanted)


def _break_even(entry: Decimal, fee: Decimal) -> Decimal:
    """The exit price at which profit covers both fees; `fee` is signed with the side."""
    return entry * (1 + fee) / (1 - fee)


def _stop_allowed(symbol: SymbolState, wanted: Decimal) -> Refused | None:
    mark, side = symbol.mark_price, symbol.position.side
    if wanted <= ZERO:
        return Refused("stop", f"{wanted:f} is no price")
    if (mark - wanted) * side.sign <= 0:
        where = "below" if side.sign > 0 else "above"
        text = f"a {side} stop must be {where} the mark price {tell.price(symbol.instrument, mark)}"
        return Refused("stop", f"{tell.price(symbol.instrument, wanted)}: {text}")
    return None


def move_target(turn: Turn, event: CommandIssued, command: ask.MoveTarget) -> Done | Refused:
    """Move the target, or take it away."""
    symbol = turn.symbol(command.symbol)
    if symbol is None:
        return not_traded(turn, command.symbol)
    plan = symbol.plan
    if plan is None:
        return no_position(command.symbol)
    if plan.foreign:
        return Refused("target", f"{symbol.symbol} is not ours to protect: give it a stop first")
    wanted = command.price
    if wanted is not None:
        wanted = symbol.instrument.target_price(plan.side, wanted)
        if wanted <= ZERO or (wanted - symbol.mark_price) * plan.side.sign <= 0:
            where = "above" if plan.side.sign > 0 else "below"
            mark = tell.price(symbol.instrument, symbol.mark_price)
            return Refused(
                "target", f"{wanted:f}: a {plan.side} target must be {where} the mark price {mark}"
            )
    before = tell.price(symbol.instrument, plan.target_price)
    symbol.fought.discard(Purpose.TARGET)
    protection.move_target(symbol, wanted)
    accounting.record_position(turn, symbol)
    protection.ensure(turn, symbol)
    return changed(f"target of {symbol.symbol}", before, tell.price(symbol.instrument, wanted))
