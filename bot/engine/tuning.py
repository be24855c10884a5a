"""Operators' commands on settings: sizing, limits, base balance, re-entry."""

from dataclasses import fields, replace
from decimal import Decimal
from typing import Any, cast

from bot.domain import command as ask
from bot.domain.command import Change, Done
from bot.domain.event import CommandIssued
from bot.domain.guard import Limits, Sizing
from bot.domain.instrument import ZERO
from bot.domain.refusal import Refused
from bot.engine import guards
from bot.engine.answers import flag_text, not_traded, setting
from bot.engine.state import KEPT_RESULTS
from bot.engine.turn import Turn

HUNDRED = Decimal(100)


def sizing_text(sizing: Sizing, quote: str) -> str:
    """A sizing in words."""
    words = {
        "margin_ratio": f"margin ratio {sizing.ratio_max} to {sizing.ratio_min}, decay {sizing.ratio_decay}",
        "risk_usd": f"risk {sizing.value} {quote} a trade",
        "risk_percent": f"risk {sizing.value} % of the balance a trade",
        "fixed_notional": f"notional {sizing.value} {quote} a trade",
    }
    return words[sizing.mode.value]


def set_sizing(turn: Turn, event: CommandIssued, command: ask.SetSizing) -> Done | Refused:
    """Size the next entries otherwise."""
    quote, before = turn.state.settings.quote, turn.state.sizing
    refused = sizing_refused(command.sizing)
    if refused is not None:
        return refused
    turn.state.sizing = command.sizing
    change = Change("sizing", sizing_text(before, quote), sizing_text(command.sizing, quote))
    return setting(turn, event, "sizing", object_text(command.sizing), change)


def sizing_refused(sizing: Sizing) -> Refused | None:
    """What is wrong with a sizing, None when nothing."""
    if sizing.mode.value == "margin_ratio":
        if not ZERO < sizing.ratio_min <= sizing.ratio_max <= 1 or sizing.ratio_decay < ZERO:
            return Refused("sizing", "ratios must be 0 < minimum <= maximum <= 1 and the decay 0 or more")
        return None
    if not sizing.value > ZERO:
        return Refused("sizing", f"{sizing.value} is not allowed; more than 0")
    if sizing.mode.value == "risk_percent" and sizing.value > HUNDRED:
        return Refused("sizing", f"{sizing.value} % is not allowed; at most 100 %")
    return None


def object_text(value: Sizing | Limits) -> str:
    """JSON text of a flat settings object, decimals as strings, as storage reads it back."""
    parts = [f'"{f.name}": {_literal(getattr(value, f.name))}' for f in fields(value)]
    return "{" + ", ".join(parts) + "}"


def _literal(value: object) -> str:
    if isinstance(value, bool):
        return flag_text(value)
    return str(value) if isinstance(value, int) else f'"{value}"'


def set_limit(turn: Turn, event: CommandIssued, command: ask.SetLimit) -> Done | Refused:
    """Change one limit by its name."""
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
    return setting(turn, event, "limits", object_text(turn.state.limits), change)


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
    return setting(turn, event, "base_balance", f'"{value:f}"', change)


def set_reentry(turn: Turn, event: CommandIssued, command: ask.SetReentry) -> Done | Refused:
    """After an opposite signal enter the other way, or stay flat."""
    symbol = turn.symbol(command.symbol)
    if symbol is None:
        return not_traded(turn, command.symbol)
    before, symbol.reentry = symbol.reentry, command.enabled
    words = {True: "on", False: "off"}
    change = Change(f"re-entry of {command.symbol}", words[before], words[command.enabled])
    return setting(turn, event, f"reentry:{command.symbol}", flag_text(command.enabled), change)
