"""Operators' commands: each checks, changes, records from -> to, and answers."""

from collections.abc import Callable
from dataclasses import fields, replace
from decimal import Decimal
from typing import Any, cast

from bot.domain import command as ask
from bot.domain.action import RecordSetting, RecordTrading
from bot.domain.command import Change, Command, Done
from bot.domain.event import CommandIssued
from bot.domain.guard import HaltKind, KillKind, Sizing
from bot.domain.instrument import ZERO
from bot.domain.notice import NoticeKind, Severity
from bot.domain.order import CloseReason
from bot.domain.refusal import Refused
from bot.engine import (
    alerts,
    closing,
    flattening,
    guards,
    hands,
    leverage,
    manual,
    moving,
    notes,
    placing,
    scoring,
    tuning,
    undo,
)
from bot.engine.answers import changed, flag_text, no_position, not_traded, setting
from bot.engine.state import SymbolState
from bot.engine.strategies import Strategies, set_parameter, set_parameters
from bot.engine.turn import Turn

HUNDRED = Decimal(100)
ALL = "all symbols"


def on_command(turn: Turn, event: CommandIssued, strategies: Strategies) -> None:
    """Carry out one command; closes answer later, when the venue has confirmed."""
    result = _unfinite(event.command) or _handled(turn, event, strategies)
    if result is not None:
        turn.answer(event.command_id, result)


def _handled(turn: Turn, event: CommandIssued, strategies: Strategies) -> Done | Refused | None:
    kind = type(event.command)
    if kind in _WITH_STRATEGIES:
        return _WITH_STRATEGIES[kind](turn, event, event.command, strategies)
    return _HANDLERS[kind](turn, event, event.command)


def _unfinite(value: object) -> Refused | None:
    """What is wrong with a figure anywhere in a command: NaN and infinities never enter the engine."""
    for field in fields(cast("Any", value)):
        figure = getattr(value, field.name)
        if isinstance(figure, Decimal) and not figure.is_finite():
            return Refused(field.name, f"{figure} is no figure")
        if isinstance(figure, Sizing):
            return _unfinite(figure)
    return None


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
        return not_traded(turn, name)
    given_up = () if paused else flattening.ended(turn, name)
    if isinstance(given_up, Refused):
        return given_up
    before, symbol.paused = symbol.paused, paused
    change = Change(f"entries on {name}", _pause_word(before), _pause_word(paused))
    return replace(setting(turn, event, f"paused:{name}", flag_text(paused), change), remarks=given_up)


def _pause_word(paused: bool) -> str:
    return "paused" if paused else "allowed"


def _record_state(turn: Turn, name: str, before: str, after: str) -> Done:
    turn.act(RecordTrading(turn.at_ms, turn.state.lasting))
    return changed(name, before, after)


def _stop_trading(turn: Turn, event: CommandIssued, command: ask.StopTrading) -> Done:
    before = turn.state.trading
    turn.state.stopped = True
    return _record_state(turn, "trading", before, turn.state.trading)


def _start_trading(turn: Turn, event: CommandIssued, command: ask.StartTrading) -> Done | Refused:
    state = turn.state
    if state.recovering:
        return Refused("trading", "the books are not reconciled with the venue yet")
    given_up = flattening.ended(turn, "")
    if isinstance(given_up, Refused):
        return given_up
    before = state.trading
    state.stopped = state.paused = state.protect = False
    return replace(_record_state(turn, "trading", before, state.trading), remarks=given_up)


# --- closing --------------------------------------------------------------------------------------------------------


def _close(turn: Turn, event: CommandIssued, command: ask.ClosePosition) -> Refused | None:
    symbol = turn.symbol(command.symbol)
    if symbol is None:
        return not_traded(turn, command.symbol)
    if symbol.position.flat:
        return no_position(command.symbol)
    if not ZERO < command.percent <= HUNDRED:
        return Refused("percent", f"{command.percent} is not allowed; more than 0 up to 100")
    size, least = symbol.position.size, symbol.instrument.min_quantity
    part = symbol.instrument.quantity_down(size * command.percent / HUNDRED)
    if command.percent == HUNDRED or size - part < least:  # what would be left could not be closed any more
        flattening.start(turn, [symbol], CloseReason.MANUAL, event.command_id, event.actor)
        return None
    if part < least or part <= ZERO:
        figures = f"{command.percent} % of {size:f} is {part:f}; an order takes at least {least:f}"
        return Refused("percent", figures)
    closing.start(turn, symbol, part, CloseReason.MANUAL, event.command_id)
    return None


def _close_all(turn: Turn, event: CommandIssued, command: ask.CloseAll) -> None:
    flattening.start(turn, turn.state.open_symbols, CloseReason.MANUAL, event.command_id, event.actor)


def _panic(turn: Turn, event: CommandIssued, command: ask.PanicClose) -> Refused | None:
    """Entries stop first and durably, then everything is flattened; it works in every state."""
    if command.symbol and turn.symbol(command.symbol) is None:
        return not_traded(turn, command.symbol)
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
    flattening.start(turn, chosen, CloseReason.PANIC, event.command_id, event.actor)
    return None


# --- guards ---------------------------------------------------------------------------------------------------------


def _kill_now(turn: Turn, event: CommandIssued, command: ask.KillNow) -> Done | Refused:
    chosen = _chosen(turn, command.symbol)
    if not chosen:
        return not_traded(turn, command.symbol)
    changes = []
    for symbol in chosen:
        if symbol.kill is None:
            guards.kill(turn, symbol, KillKind.MANUAL, f"by {event.actor}")
            changes.append(Change(f"kill switch of {symbol.symbol}", "not set", "set (MANUAL)"))
    return Done(changes=tuple(changes), remarks=() if changes else ("already killed",))


def _reset_kill(turn: Turn, event: CommandIssued, command: ask.ResetKill) -> Done | Refused:
    chosen = _chosen(turn, command.symbol)
    if not chosen:
        return not_traded(turn, command.symbol)
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
        return not_traded(turn, command.symbol)
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
    ask.MoveStop: moving.move_stop,
    ask.MoveTarget: moving.move_target,
    ask.SetSizing: tuning.set_sizing,
    ask.SetLimit: tuning.set_limit,
    ask.SetReentry: tuning.set_reentry,
    ask.SwitchModel: scoring.switch,
    ask.SetModelThreshold: scoring.set_threshold,
    ask.UseModel: placing.use,
    ask.KillNow: _kill_now,
    ask.ResetKill: _reset_kill,
    ask.Unhalt: _unhalt,
    ask.Reconcile: _reconcile,
    ask.ChangeLeverage: leverage.change,
    ask.Ignore: hands.ignore,
    ask.SetAlert: alerts.set_alert,
    ask.DropAlert: alerts.drop,
    ask.NoteTrade: notes.note,
}

type _Asking = Callable[[Turn, CommandIssued, Any, Strategies], Done | Refused | None]

_WITH_STRATEGIES: dict[type[Command], _Asking] = {
    ask.SetParameter: set_parameter,
    ask.SetParameters: set_parameters,
    ask.OpenPosition: manual.open_position,
    ask.UndoSetting: undo.undo,
    ask.Adopt: hands.adopt,
    ask.AttachStop: hands.attach_stop,
}
