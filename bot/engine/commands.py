"""Operators' commands: each checks, changes, records from -> to, and answers."""

from collections.abc import Callable
from dataclasses import fields, replace
from decimal import Decimal
from typing import Any, cast

from bot.domain import command as ask
from bot.domain.action import RecordSetting, RecordTrading
from bot.domain.command import Change, Command, Done
from bot.domain.event import CommandIssued
from bot.domain.guard import HaltKind, KillKind, Limits, Sizing
from bot.domain.instrument import ZERO
from bot.domain.notice import NoticeKind, Severity
from bot.domain.order import CloseReason, Purpose
from bot.domain.position import Plan
from bot.domain.refusal import Refused
from bot.engine import accounting, closing, guards, protection, tell
from bot.engine.state import KEPT_RESULTS, SymbolState
from bot.engine.turn import Turn

HUNDRED = Decimal(100)
ALL = "all symbols"


def on_command(turn: Turn, event: CommandIssued) -> None:
    """Carry out one command; closes answer later, when the venue has confirmed."""
    handler = _HANDLERS[type(event.command)]
    result = _unfinite(event.command) or handler(turn, event, event.command)
    if result is not None:
        turn.answer(event.command_id, result)


def _unfinite(value: object) -> Refused | None:
    """What is wrong with a figure anywhere in a command: NaN and infinities never enter the engine."""
    for field in fields(cast("Any", value)):
        figure = getattr(value, field.name)
        if isinstance(figure, Decimal) and not figure.is_finite():
            return Refused(field.name, f"{figure} is no figure")
        if isinstance(figure, Sizing):
            return _unfinite(figure)
    return None


def _changed(name: str, before: str, after: str) -> Done:
    return Done(changes=(Change(name, before, after),))


def _setting(turn: Turn, event: CommandIssued, key: str, value: str, change: Change) -> Done:
    turn.act(RecordSetting(turn.at_ms, key, value, event.actor, change.before, change.after))
    return Done(changes=(change,))


def _json(flag: bool) -> str:
    return "true" if flag else "false"


def _unknown(turn: Turn, name: str) -> Refused:
    return Refused("symbol", f"{name} is not traded; traded: {', '.join(turn.state.symbols)}")


def _no_position(symbol: str) -> Refused:
    return Refused("position", f"{symbol} has no open position")


# --- trading states -------------------------------------------------------------------------------------------------


def _pause(turn: Turn, event: CommandIssued, command: ask.Pause) -> Done | Refused:
    return _set_paused(turn, event, command.symbol, paused=True)


def _resume(turn: Turn, event: CommandIssued, command: ask.Resume) -> Done | Refused:
    return _set_paused(turn, event, command.symbol, paused=False)


def _set_paused(turn: Turn, event: CommandIssued, name: str, paused: bool) -> Done | Refused:
    state = turn.state
    if not name:
        before, state.paused = state.paused, paused
        done = _record_state(turn, "entries for all", _pause_word(before), _pause_word(paused))
        if not paused and state.stopped:
            remark = "trading is still stopped: /start_trading allows entries again"
            done = replace(done, remarks=(remark,))
        return done
    symbol = turn.symbol(name)
    if symbol is None:
        return _unknown(turn, name)
    before, symbol.paused = symbol.paused, paused
    change = Change(f"entries on {name}", _pause_word(before), _pause_word(paused))
    return _setting(turn, event, f"paused:{name}", _json(paused), change)


def _pause_word(paused: bool) -> str:
    return "paused" if paused else "allowed"


def _record_state(turn: Turn, name: str, before: str, after: str) -> Done:
    turn.act(RecordTrading(turn.at_ms, turn.state.lasting))
    return _changed(name, before, after)


def _stop_trading(turn: Turn, event: CommandIssued, command: ask.StopTrading) -> Done:
    before = turn.state.trading
    turn.state.stopped = True
    return _record_state(turn, "trading", before, turn.state.trading)


def _start_trading(turn: Turn, event: CommandIssued, command: ask.StartTrading) -> Done | Refused:
    state = turn.state
    if state.recovering:
        return Refused("trading", "the books are not reconciled with the venue yet")
    before = state.trading
    state.stopped = state.paused = state.protect = False
    return _record_state(turn, "trading", before, state.trading)


# --- closing --------------------------------------------------------------------------------------------------------


def _close(turn: Turn, event: CommandIssued, command: ask.ClosePosition) -> Refused | None:
    symbol = turn.symbol(command.symbol)
    if symbol is None:
        return _unknown(turn, command.symbol)
    if symbol.position.flat:
        return _no_position(command.symbol)
    if not ZERO < command.percent <= HUNDRED:
        return Refused("percent", f"{command.percent} is not allowed; more than 0 up to 100")
    size, least = symbol.position.size, symbol.instrument.min_quantity
    part = symbol.instrument.quantity_down(size * command.percent / HUNDRED)
    if command.percent == HUNDRED or size - part < least:  # what would be left could not be closed any more
        closing.flatten(turn, [symbol], CloseReason.MANUAL, event.command_id)
        return None
    if part < least or part <= ZERO:
        figures = f"{command.percent} % of {size:f} is {part:f}; an order takes at least {least:f}"
        return Refused("percent", figures)
    closing.start(turn, symbol, part, CloseReason.MANUAL, event.command_id)
    return None


def _close_all(turn: Turn, event: CommandIssued, command: ask.CloseAll) -> None:
    closing.flatten(turn, turn.state.open_symbols, CloseReason.MANUAL, event.command_id)


def _panic(turn: Turn, event: CommandIssued, command: ask.PanicClose) -> Refused | None:
    """Entries stop first and durably, then everything is flattened; it works in every state."""
    if command.symbol and turn.symbol(command.symbol) is None:
        return _unknown(turn, command.symbol)
    chosen = [turn.state.symbols[command.symbol]] if command.symbol else list(turn.state.symbols.values())
    if command.symbol:
        chosen[0].paused = True
        turn.act(
            RecordSetting(turn.at_ms, f"paused:{command.symbol}", "true", event.actor, "allowed", "paused")
        )
    else:
        turn.state.stopped = True
        turn.act(RecordTrading(turn.at_ms, turn.state.lasting))
    what = command.symbol or "everything"
    turn.tell(NoticeKind.PANIC, Severity.CRITICAL, f"Panic close of {what}, asked by {event.actor}")
    closing.flatten(turn, chosen, CloseReason.PANIC, event.command_id)
    return None


# --- stop and target ------------------------------------------------------------------------------------------------


def _move_stop(turn: Turn, event: CommandIssued, command: ask.MoveStop) -> Done | Refused:
    symbol = turn.symbol(command.symbol)
    if symbol is None:
        return _unknown(turn, command.symbol)
    plan = symbol.plan
    if plan is None:
        return _no_position(command.symbol)
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
    return _changed(f"stop of {symbol.symbol}", before, after + trailing)


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


def _move_target(turn: Turn, event: CommandIssued, command: ask.MoveTarget) -> Done | Refused:
    symbol = turn.symbol(command.symbol)
    if symbol is None:
        return _unknown(turn, command.symbol)
    plan = symbol.plan
    if plan is None:
        return _no_position(command.symbol)
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
    return _changed(f"target of {symbol.symbol}", before, tell.price(symbol.instrument, wanted))


# --- settings -------------------------------------------------------------------------------------------------------


def sizing_text(sizing: Sizing, quote: str) -> str:
    """A sizing in words."""
    words = {
        "margin_ratio": f"margin ratio {sizing.ratio_max} to {sizing.ratio_min}, decay {sizing.ratio_decay}",
        "risk_usd": f"risk {sizing.value} {quote} a trade",
        "risk_percent": f"risk {sizing.value} % of the balance a trade",
        "fixed_notional": f"notional {sizing.value} {quote} a trade",
    }
    return words[sizing.mode.value]


def _set_sizing(turn: Turn, event: CommandIssued, command: ask.SetSizing) -> Done | Refused:
    quote, before = turn.state.settings.quote, turn.state.sizing
    refused = sizing_refused(command.sizing)
    if refused is not None:
        return refused
    turn.state.sizing = command.sizing
    change = Change("sizing", sizing_text(before, quote), sizing_text(command.sizing, quote))
    return _setting(turn, event, "sizing", _object(command.sizing), change)


def sizing_refused(sizing: Sizing) -> Refused | None:
    """What is wrong with a sizing, None when nothing."""
    if sizing.mode.value == "margin_ratio":
        if not ZERO < sizing.ratio_min <= sizing.ratio_max <= 1 or sizing.ratio_decay < ZERO:
            return Refused("sizing", "ratios must be 0 < minimum <= maximum <= 1 and the decay 0 or more")
        return None
    if not sizing.value > ZERO:
        return Refused("sizing", f"{sizing.value} is not allowed; more than 0")
    return None


def _object(value: Sizing | Limits) -> str:
    """JSON text of a flat settings object, decimals as strings, as storage reads it back."""
    parts = [f'"{f.name}": {_literal(getattr(value, f.name))}' for f in fields(value)]
    return "{" + ", ".join(parts) + "}"


def _literal(value: object) -> str:
    if isinstance(value, bool):
        return _json(value)
    return str(value) if isinstance(value, int) else f'"{value}"'


def _set_limit(turn: Turn, event: CommandIssued, command: ask.SetLimit) -> Done | Refused:
    if command.name == "base_balance":
        return _set_base(turn, event, command.value)
    known = {f.name: getattr(turn.state.limits, f.name) for f in fields(Limits)}
    if command.name not in known:
        names = ", ".join(["base_balance", *known])
        return Refused("limit", f"{command.name} is not a limit; there are {names}")
    before = known[command.name]
    value = type(before)(command.value)
    refused = _limit_refused(command, value)
    if refused is not None:
        return refused
    turn.state.limits = replace(turn.state.limits, **cast("dict[str, Any]", {command.name: value}))
    change = Change(command.name, str(before), str(value))
    guards.watch_account(turn)
    return _setting(turn, event, "limits", _object(turn.state.limits), change)


def _limit_refused(command: ask.SetLimit, value: object) -> Refused | None:
    said = f"{command.name} {command.value} is not allowed"
    if command.value < ZERO:
        return Refused("limit", f"{said}; 0 or more")
    if value != command.value:
        return Refused("limit", f"{said}; {'0 or 1' if isinstance(value, bool) else 'a whole number'}")
    if command.name in ("kill_losing_run", "kill_trades") and command.value > KEPT_RESULTS:
        return Refused("limit", f"{said}; at most {KEPT_RESULTS}, the results that are kept")
    return None


def _set_base(turn: Turn, event: CommandIssued, value: Decimal) -> Done | Refused:
    if value <= ZERO:
        return Refused("limit", f"base_balance {value} is not allowed; more than 0")
    before, turn.state.base_balance = turn.state.base_balance, value
    change = Change("base_balance", f"{before:.2f}", f"{value:.2f}")
    return _setting(turn, event, "base_balance", f'"{value:f}"', change)


def _set_reentry(turn: Turn, event: CommandIssued, command: ask.SetReentry) -> Done | Refused:
    symbol = turn.symbol(command.symbol)
    if symbol is None:
        return _unknown(turn, command.symbol)
    before, symbol.reentry = symbol.reentry, command.enabled
    words = {True: "on", False: "off"}
    change = Change(f"re-entry of {command.symbol}", words[before], words[command.enabled])
    return _setting(turn, event, f"reentry:{command.symbol}", _json(command.enabled), change)


# --- guards ---------------------------------------------------------------------------------------------------------


def _kill_now(turn: Turn, event: CommandIssued, command: ask.KillNow) -> Done | Refused:
    chosen = _chosen(turn, command.symbol)
    if not chosen:
        return _unknown(turn, command.symbol)
    changes = []
    for symbol in chosen:
        if symbol.kill is None:
            guards.kill(turn, symbol, KillKind.MANUAL, f"by {event.actor}")
            changes.append(Change(f"kill switch of {symbol.symbol}", "not set", "set (MANUAL)"))
    return Done(changes=tuple(changes), remarks=() if changes else ("already killed",))


def _reset_kill(turn: Turn, event: CommandIssued, command: ask.ResetKill) -> Done | Refused:
    chosen = _chosen(turn, command.symbol)
    if not chosen:
        return _unknown(turn, command.symbol)
    if not command.reason.strip():
        return Refused("reason", "a reason is required")
    changes = []
    for symbol in chosen:
        before = f"set ({symbol.kill.kind})" if symbol.kill else "not set"
        guards.reset_kill(turn, symbol, event.actor, command.reason)
        changes.append(Change(f"kill switch of {symbol.symbol}", before, "not set, counters start anew"))
    return Done(changes=tuple(changes))


def _chosen(turn: Turn, name: str) -> list[SymbolState]:
    if not name:
        return list(turn.state.symbols.values())
    symbol = turn.symbol(name)
    return [symbol] if symbol is not None else []


def _unhalt(turn: Turn, event: CommandIssued, command: ask.Unhalt) -> Done | Refused:
    if command.symbol and turn.symbol(command.symbol) is None:
        return _unknown(turn, command.symbol)
    found = [h for h in turn.state.halts if not command.symbol or h.symbol == command.symbol]
    changes = []
    for halt in found:
        guards.lift(turn, halt)
        changes.append(Change(f"halt of {halt.symbol or ALL}", f"{halt.kind}: {halt.figures}", "lifted"))
        if halt.kind is HaltKind.DRAWDOWN:
            turn.state.equity_high = turn.state.equity()
            guards.record_high(turn, event.actor)
    return Done(changes=tuple(changes), remarks=() if changes else ("no halts to lift",))


def _reconcile(turn: Turn, event: CommandIssued, command: ask.Reconcile) -> None:
    turn.state.reconcile_waiters.append(event.command_id)
    turn.look()


type _Handler = Callable[[Turn, CommandIssued, Any], Done | Refused | None]

_HANDLERS: dict[type[Command], _Handler] = {
    ask.Pause: _pause,
    ask.Resume: _resume,
    ask.StopTrading: _stop_trading,
    ask.StartTrading: _start_trading,
    ask.ClosePosition: _close,
    ask.CloseAll: _close_all,
    ask.PanicClose: _panic,
    ask.MoveStop: _move_stop,
    ask.MoveTarget: _move_target,
    ask.SetSizing: _set_sizing,
    ask.SetLimit: _set_limit,
    ask.SetReentry: _set_reentry,
    ask.KillNow: _kill_now,
    ask.ResetKill: _reset_kill,
    ask.Unhalt: _unhalt,
    ask.Reconcile: _reconcile,
}
