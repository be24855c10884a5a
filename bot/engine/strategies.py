"""The strategies in use and their run-time parameters: what commands may ask of them and change."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite

from bot.domain.action import RecordSetting
from bot.domain.command import Change, Done, ParameterStep, SetParameter, SetParameters
from bot.domain.errors import ConfigError
from bot.domain.event import CommandIssued
from bot.domain.refusal import Refused
from bot.engine.turn import Turn
from bot.market.signals import SignalSource
from bot.strategy import Strategy, Value

type BuildStrategy = Callable[[str, dict[str, Value]], Strategy]


@dataclass(frozen=True, slots=True)
class Strategies:
    """Signals of all symbols, run-time parameters by symbol, and how a strategy is made from those."""

    signals: SignalSource
    overrides: dict[str, dict[str, Value]]
    build: BuildStrategy

    def parameter(self, symbol: str, name: str) -> Value | None:
        """The value in use."""
        return self.signals.strategy(symbol).parameters.get(name)

    def set(self, symbol: str, name: str, value: Value) -> None:
        """Strategies are pure functions of their parameters, so a change is a new strategy from the next bar on."""
        self.overrides[symbol][name] = value
        self.rebuild(symbol)

    def set_together(self, symbol: str, values: dict[str, Value]) -> None:
        """Several at once: no strategy is ever made of half of them."""
        self.overrides[symbol].update(values)
        self.rebuild(symbol)

    def reset(self, symbol: str, name: str) -> None:
        """Back to the value of the configuration."""
        self.overrides[symbol].pop(name, None)
        self.rebuild(symbol)

    def rebuild(self, symbol: str) -> None:
        """A strategy with the parameters as they now are."""
        self.signals.reconfigure(symbol, self.build(symbol, self.overrides[symbol]))


def set_parameter(
    turn: Turn, event: CommandIssued, command: SetParameter, strategies: Strategies
) -> Done | Refused:
    """Change one parameter of one symbol or of all."""
    if command.symbol and command.symbol not in strategies.overrides:
        return Refused("symbol", f"{command.symbol} is not traded")
    if isinstance(command.value, float) and not isfinite(command.value):
        return Refused("value", f"{command.value} is no figure")
    changes = []
    for symbol in [command.symbol] if command.symbol else list(strategies.overrides):
        before = strategies.parameter(symbol, command.name)
        strategies.set(symbol, command.name, command.value)
        changes.append(Change(f"{command.name} of {symbol}", f"{before}", f"{command.value}"))
        key, text = f"parameter:{symbol}:{command.name}", json.dumps(command.value)
        turn.act(RecordSetting(turn.at_ms, key, text, event.actor, f"{before}", f"{command.value}"))
    return Done(changes=tuple(changes))


def set_parameters(
    turn: Turn, event: CommandIssued, command: SetParameters, strategies: Strategies
) -> Done | Refused:
    """Change a set of parameters, all of it or nothing; it counts from the next bar on."""
    for step in command.steps:
        refused = _step_refused(step, strategies)
        if refused is not None:
            return refused
    together: dict[str, dict[str, Value]] = {}
    for step in command.steps:
        together.setdefault(step.symbol, {})[step.name] = step.after
    unfit = _unfit(strategies, together)
    if unfit is not None:
        return unfit
    for symbol, values in together.items():
        strategies.set_together(symbol, values)
    changes = []
    for step in command.steps:
        changes.append(Change(f"{step.name} of {step.symbol}", f"{step.before}", f"{step.after}"))
        key, text = f"parameter:{step.symbol}:{step.name}", json.dumps(step.after)
        turn.act(RecordSetting(turn.at_ms, key, text, event.actor, f"{step.before}", f"{step.after}"))
    return Done(changes=tuple(changes))


def _step_refused(step: ParameterStep, strategies: Strategies) -> Refused | None:
    """What is in the way of one step."""
    if step.symbol not in strategies.overrides:
        return Refused("symbol", f"{step.symbol} is not traded; nothing was changed")
    if isinstance(step.after, float) and not isfinite(step.after):
        return Refused("value", f"{step.after} is no figure; nothing was changed")
    now = strategies.parameter(step.symbol, step.name)
    if now != step.before:
        figures = f"{step.name} of {step.symbol} is {now} now, not {step.before}; nothing was changed"
        return Refused("parameter", figures)
    return None


def _unfit(strategies: Strategies, together: dict[str, dict[str, Value]]) -> Refused | None:
    """A set that no strategy can be made of; found before anything is changed."""
    try:
        for symbol, values in together.items():
            strategies.build(symbol, strategies.overrides[symbol] | values)
    except ConfigError as error:
        return Refused("parameter", f"{error}; nothing was changed")
    return None
