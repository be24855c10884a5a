"""Another model in use: first a file is changed, then it is in the books; the next start finishes what a death left."""

import json
from dataclasses import replace

from bot.domain.action import PlaceModel, RecordSetting, StartTimer
from bot.domain.command import Change, Done, UseModel
from bot.domain.event import CommandIssued, ModelPlaced
from bot.domain.model import is_pooled
from bot.domain.notice import NoticeKind, Severity
from bot.domain.refusal import Refused
from bot.engine.answers import not_traded
from bot.engine.keeping import Plain, text
from bot.engine.state import EngineState, Placing
from bot.engine.turn import Turn

KIND = "current_model"
PLACING_TIMER = "placing"
LATE_MS = 60_000
"""So long the one who asked waits: longer than other writers are waited for and a strange model is tried."""
NONE = "none"


def key(strategy: str, symbol: str) -> str:
    """The setting that tells which version was put in use."""
    return f"{KIND}:{strategy}/{symbol}"


def word(version: str) -> str:
    """A version for people."""
    return version or NONE


def before_of(row: RecordSetting) -> str:
    """JSON text of the version that was in use before a recorded change, whoever had put it there."""
    return json.dumps("" if row.before == NONE else row.before)


def use(turn: Turn, event: CommandIssued, command: UseModel) -> Refused | None:
    """Have the version put in its place; the answer comes when it is there."""
    refused = refusal(turn.state, command)
    if refused is None:
        begin(turn, event, command)
    return refused


def refusal(state: EngineState, command: UseModel) -> Refused | None:
    """Why a version cannot be put in use now; None when it can be tried."""
    unknown = _unknown_place(state, command)
    if unknown is not None:
        return unknown
    place = f"{command.strategy}/{command.symbol}"
    if command.version == command.before:
        return Refused("model", f"{place}: {word(command.version)} is in use already")
    other = _under_way(state, command)
    if other is not None:
        return Refused("model", f"{place}: {word(other.version)} is being put in use; try again later")
    if not state.storage_ok:
        return Refused("model", f"{place}: the database cannot be written; nothing is changed")
    return None


def _unknown_place(state: EngineState, command: UseModel) -> Refused | None:
    strategy, name = command.strategy, command.symbol
    if is_pooled(name):
        known = {symbol.settings.strategy for symbol in state.symbols.values()}
        return None if strategy in known else Refused("strategy", f"{strategy} trades no symbol here")
    symbol = state.symbols.get(name)
    if symbol is None:
        return not_traded(Turn(state, state.at_ms), name)
    own = symbol.settings.strategy
    return None if own == strategy else Refused("strategy", f"{name} is traded by {own}, not by {strategy}")


def _under_way(state: EngineState, command: UseModel) -> Placing | None:
    place = (command.strategy, command.symbol)
    return next((one for one in state.placings.values() if (one.strategy, one.symbol) == place), None)


def begin(turn: Turn, event: CommandIssued, command: UseModel) -> None:
    """Ask for it, and remember that it was asked."""
    state = turn.state
    state.placing_count += 1
    one = Placing(
        number=state.placing_count,
        strategy=command.strategy,
        symbol=command.symbol,
        version=command.version,
        before=command.before,
        command_id=event.command_id,
        actor=event.actor,
    )
    state.placings[one.number] = one
    due_at_ms = turn.at_ms + LATE_MS
    turn.act(_deed(one), StartTimer(PLACING_TIMER, str(one.number), due_at_ms))


def due(turn: Turn, number: str) -> None:
    """The disk takes its time: who asked waits no longer, and is told of the end by a notice."""
    one = turn.state.placings.get(int(number)) if number.isdecimal() else None
    if one is None or one.unawaited:
        return
    turn.state.placings[one.number] = replace(one, unawaited=True)
    said = f"{one.strategy}/{one.symbol}: the disk does not answer; {word(one.version)} follows when it does"
    turn.answer(one.command_id, Refused("model", said))


def _deed(one: Placing) -> PlaceModel:
    return PlaceModel(one.number, one.strategy, one.symbol, one.version, one.before)


def resume(turn: Turn, found: Plain) -> None:
    """What the last run did not hear the end of is done again: where it was done already, nothing changes."""
    state = turn.state
    state.kept_placings = text(found)
    for plain in found:
        one = replace(Placing(**plain), unawaited=True)
        state.placings[one.number] = one
        turn.act(_deed(one))
    state.placing_count = max(state.placings, default=0)


def again(turn: Turn) -> None:
    """The books can be written again: what nobody waits for any more is asked again."""
    turn.act(*(_deed(one) for one in turn.state.placings.values() if one.unawaited))


def on_placed(turn: Turn, event: ModelPlaced) -> None:
    """The file says so now, and the books follow; or nothing has changed, and this is why."""
    one = turn.state.placings.get(event.number)
    if one is None or (event.fault and one.unawaited and not turn.state.storage_ok):
        return  # of the second the file may be changed already: it is asked again when the books can be written
    del turn.state.placings[event.number]
    change = Change(f"model in use of {one.strategy}/{one.symbol}", word(one.before), word(one.version))
    if not event.fault:
        name, value = key(one.strategy, one.symbol), json.dumps(one.version)
        turn.act(RecordSetting(turn.at_ms, name, value, one.actor, change.before, change.after))
    if one.unawaited:
        _tell(turn, one, change, event.fault)
    else:
        turn.answer(one.command_id, Refused("model", event.fault) if event.fault else Done((change,)))


def _tell(turn: Turn, one: Placing, change: Change, fault: str) -> None:
    """Who asked was not answered any more."""
    asked = f"asked by {one.actor} earlier"
    said = f"Model {one.strategy}/{one.symbol}: {change.before} -> {change.after}, {asked}, "
    severity = Severity.CRITICAL if fault else Severity.INFO
    name = one.symbol if one.symbol in turn.state.symbols else ""
    turn.tell(
        NoticeKind.MODEL, severity, said + (f"was not done: {fault}" if fault else "is done"), symbol=name
    )
