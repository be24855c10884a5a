"""Taking a change of settings back: only where what it set is still in force, and as a change of its own."""

import json
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from typing import Any, cast

from bot.domain.command import Change, Done, SettingChange, UndoSetting, UseModel
from bot.domain.event import CommandIssued
from bot.domain.guard import Limits, Sizing, SizingMode
from bot.domain.refusal import Refused
from bot.engine import flattening, guards, leverage, placing, scoring, tuning
from bot.engine.answers import flag_text, setting
from bot.engine.state import LeverageWish, SymbolState
from bot.engine.strategies import Strategies
from bot.engine.turn import Turn

type Plain = Any  # a setting's JSON as Python holds it


@dataclass(frozen=True, slots=True)
class Case:
    """One change to take back, in its turn. `before` None: the configuration's value was in force."""

    turn: Turn
    event: CommandIssued
    strategies: Strategies
    change: SettingChange
    before: Plain
    after: Plain

    @property
    def rest(self) -> str:
        """The key behind its kind: a symbol, or symbol:parameter."""
        return self.change.key.partition(":")[2]

    @property
    def symbol(self) -> SymbolState | None:
        """The symbol it is about."""
        return self.turn.symbol(self.rest.partition(":")[0])

    @property
    def is_gone(self) -> bool:
        """It is about a symbol that is not traded any more; places of models are looked at by their own check."""
        kind, colon, _ = self.change.key.partition(":")
        return bool(colon) and kind != placing.KIND and self.symbol is None

    def moved(self, name: str, now: object) -> Refused:
        """The value is another one by now."""
        return Refused(
            "undo", f"{name} is {now} now, no longer what change {_id(self)} made it: nothing is taken back"
        )


def undo(
    turn: Turn, event: CommandIssued, command: UndoSetting, strategies: Strategies
) -> Done | Refused | None:
    """Take a change back, all of what it changed or nothing; a leverage is answered by the venue.

    A model is answered by its place: what is in use is seen there.
    """
    if not command.changes:
        return Refused("undo", f"there is no change {command.id} of settings")
    cases = [_case(turn, event, strategies, change) for change in command.changes]
    for case in cases:
        refused = _gone(case) if case.is_gone else _kind(case)[0](case)
        if refused is not None:
            return refused
    _parameters_together(cases, strategies)
    answers = [_kind(case)[1](case) for case in cases]
    found = [answer for answer in answers if isinstance(answer, Done)]
    refusals = [answer for answer in answers if isinstance(answer, Refused)]
    if refusals or not found:
        return refusals[0] if refusals else None
    return Done(changes=tuple(change for done in found for change in done.changes))


def _case(turn: Turn, event: CommandIssued, strategies: Strategies, change: SettingChange) -> Case:
    before = json.loads(change.before) if change.before else None
    return Case(turn, event, strategies, change, before, json.loads(change.after))


def _id(case: Case) -> int:
    command = case.event.command
    return command.id if isinstance(command, UndoSetting) else 0


def _gone(case: Case) -> Refused:
    return Refused("undo", f"{case.rest.partition(':')[0]} is not traded any more")


def _never(case: Case) -> Refused:
    return Refused("undo", f"{case.change.key} cannot be taken back")


# --- sizing, limits, base balance -----------------------------------------------------------------------------------


def _check_sizing(case: Case) -> Refused | None:
    state = case.turn.state
    now = tuning.sizing_text(state.sizing, state.settings.quote)
    return None if state.sizing == _sizing(case.after) else case.moved("sizing", now)


def _sizing(plain: Plain) -> Sizing:
    figures = {name: Decimal(value) for name, value in plain.items() if name != "mode"}
    return Sizing(SizingMode(plain["mode"]), **figures)


def _undo_sizing(case: Case) -> Done:
    state, quote = case.turn.state, case.turn.state.settings.quote
    before = state.sizing
    state.sizing = _sizing(case.before) if case.before else state.settings.sizing
    change = Change("sizing", tuning.sizing_text(before, quote), tuning.sizing_text(state.sizing, quote))
    return setting(case.turn, case.event, "sizing", tuning.object_text(state.sizing), change)


def _limits(plain: Plain) -> Limits:
    known = {f.name: type(getattr(Limits(), f.name)) for f in fields(Limits)}
    return Limits(**{name: known[name](value) for name, value in plain.items() if name in known})


def _changed_limits(case: Case) -> dict[str, tuple[object, object]]:
    """What the change changed: before and after by name."""
    before = _limits(case.before) if case.before else case.turn.state.settings.limits
    after = _limits(case.after)
    pairs = {f.name: (getattr(before, f.name), getattr(after, f.name)) for f in fields(Limits)}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _check_limits(case: Case) -> Refused | None:
    now = case.turn.state.limits
    moved = [name for name, pair in _changed_limits(case).items() if getattr(now, name) != pair[1]]
    return case.moved(moved[0], getattr(now, moved[0])) if moved else None


def _undo_limits(case: Case) -> Done:
    state, changed = case.turn.state, _changed_limits(case)
    values = {name: before for name, (before, _) in changed.items()}
    state.limits = replace(state.limits, **cast("dict[str, Any]", values))
    guards.watch_account(case.turn)
    changes = tuple(Change(name, str(after), str(before)) for name, (before, after) in changed.items())
    if changes:
        setting(case.turn, case.event, "limits", tuning.object_text(state.limits), changes[0])
    return Done(changes=changes)


def _check_base(case: Case) -> Refused | None:
    now = case.turn.state.base_balance
    return None if now == Decimal(case.after) else case.moved("base_balance", f"{now:.2f}")


def _undo_base(case: Case) -> Done | Refused:
    if case.before is None:
        return Refused(
            "undo", "the first base balance is the wallet of the first start: set another one instead"
        )
    state, value = case.turn.state, Decimal(case.before)
    before, state.base_balance = state.base_balance, value
    change = Change("base_balance", f"{before:.2f}", f"{value:.2f}")
    return setting(case.turn, case.event, "base_balance", f'"{value:f}"', change)


# --- of one symbol --------------------------------------------------------------------------------------------------


def _check_pause(case: Case) -> Refused | None:
    now = _held(case).paused
    return None if now is case.after else case.moved(f"{case.rest}", "paused" if now else "not paused")


def _undo_pause(case: Case) -> Done | Refused:
    symbol, wanted = _held(case), bool(case.before)
    given_up = () if wanted else flattening.ended(case.turn, case.rest)
    if isinstance(given_up, Refused):
        return given_up
    words = {True: "paused", False: "allowed"}
    change = Change(f"entries on {case.rest}", words[symbol.paused], words[wanted])
    symbol.paused = wanted
    return setting(case.turn, case.event, case.change.key, flag_text(wanted), change)


def _check_reentry(case: Case) -> Refused | None:
    now = _held(case).reentry
    return None if now is case.after else case.moved(f"re-entry of {case.rest}", "on" if now else "off")


def _undo_reentry(case: Case) -> Done:
    symbol, wanted = _held(case), case.before is None or bool(case.before)
    words = {True: "on", False: "off"}
    change = Change(f"re-entry of {case.rest}", words[symbol.reentry], words[wanted])
    symbol.reentry = wanted
    return setting(case.turn, case.event, case.change.key, flag_text(wanted), change)


def _check_model(case: Case) -> Refused | None:
    now = _held(case).model
    is_now = now == scoring.read_use(case.after)
    return None if is_now else case.moved(f"model of {case.rest}", scoring.use_text(now))


def _undo_model(case: Case) -> Done:
    symbol = _held(case)
    before = symbol.settings.model if case.before is None else scoring.read_use(case.before)
    return scoring.change_use(case.turn, case.event, symbol, before)


def _check_parameter(case: Case) -> Refused | None:
    symbol, _, name = case.rest.partition(":")
    now = case.strategies.parameter(symbol, name)
    if now != case.after:
        return case.moved(f"{name} of {symbol}", now)
    known = case.before is not None or name in dict(_held(case).settings.parameters)
    return None if known else Refused("undo", f"the configuration has no {name} for {symbol}")


def _parameters_together(cases: list[Case], strategies: Strategies) -> None:
    """What was changed together goes back together: no strategy is ever made of half a set."""
    values: dict[str, dict[str, Plain]] = {}
    for case in cases:
        if case.change.key.startswith("parameter:"):
            symbol, _, name = case.rest.partition(":")
            values.setdefault(symbol, {})[name] = _parameter_before(case)
    for symbol, those in values.items():
        strategies.set_together(symbol, those)


def _parameter_before(case: Case) -> Plain:
    name = case.rest.partition(":")[2]
    return case.before if case.before is not None else dict(_held(case).settings.parameters)[name]


def _undo_parameter(case: Case) -> Done:
    symbol, _, name = case.rest.partition(":")
    value = _parameter_before(case)
    change = Change(f"{name} of {symbol}", f"{case.after}", f"{value}")
    return setting(case.turn, case.event, case.change.key, json.dumps(value), change)


def _check_leverage(case: Case) -> Refused | None:
    symbol = _held(case)
    after = symbol.settings.leverage if case.after is None else case.after
    if symbol.leverage != after:
        return case.moved(f"leverage of {symbol.symbol}", f"{symbol.leverage}x")
    if symbol.leverage_wish is not None:
        return Refused("leverage", f"{symbol.leverage_wish.leverage}x is asked of the venue already")
    return leverage.refusal(case.turn.state, symbol, _leverage_before(case))


def _leverage_before(case: Case) -> int:
    return _held(case).settings.leverage if case.before is None else int(case.before)


def _undo_leverage(case: Case) -> None:
    event = case.event
    wish = LeverageWish(_leverage_before(case), event.command_id, event.actor, case.turn.at_ms)
    leverage.want(case.turn, _held(case), replace(wish, to_config=case.before is None))


# --- the model in use -----------------------------------------------------------------------------------------------


def _check_placed(case: Case) -> Refused | None:
    """What the files say is seen later; of what is not there any more by the books alone nothing is asked of them."""
    now = case.change.newest
    if now and now != case.change.after:
        return case.moved(f"the model in use of {case.rest}", placing.word(json.loads(now)))
    return placing.refusal(case.turn.state, _back(case))


def _undo_placed(case: Case) -> None:
    placing.begin(case.turn, case.event, _back(case))


def _back(case: Case) -> UseModel:
    """The version before instead of the one that the change put in use."""
    strategy, _, symbol = case.rest.partition("/")
    return UseModel(strategy, symbol, case.before or "", case.after)


# --------------------------------------------------------------------------------------------------------------------


def _held(case: Case) -> SymbolState:
    return case.turn.state.symbols[case.rest.partition(":")[0]]


type _Check = Callable[[Case], Refused | None]
type _Undo = Callable[[Case], Done | Refused | None]
_KINDS: dict[str, tuple[_Check, _Undo]] = {
    "sizing": (_check_sizing, _undo_sizing),
    "limits": (_check_limits, _undo_limits),
    "base_balance": (_check_base, _undo_base),
    "paused": (_check_pause, _undo_pause),
    "reentry": (_check_reentry, _undo_reentry),
    "model": (_check_model, _undo_model),
    placing.KIND: (_check_placed, _undo_placed),
    "parameter": (_check_parameter, _undo_parameter),
    "leverage": (_check_leverage, _undo_leverage),
}


def _kind(case: Case) -> tuple[_Check, _Undo]:
    return _KINDS.get(case.change.key.partition(":")[0], (_never, _never))
