"""What the engine alone writes and reads back over a restart, as JSON under a setting's key."""

import json
from dataclasses import fields
from decimal import Decimal
from typing import Any

from bot.domain.action import RecordSetting
from bot.domain.alert import Alert
from bot.domain.command import Receipt
from bot.domain.instrument import ZERO
from bot.domain.order import CloseReason
from bot.engine.state import Closing, EngineState, Flatten, Placing
from bot.engine.turn import Turn

FLATTENS = "flattens"
ALERTS = "alerts"
PLACINGS = "placings"
_CLOSING = ("asked", "left", "expected_price", "value", "net")
type Plain = Any  # JSON as Python holds it; written by this file alone


def text(value: Plain) -> str:
    """Canonical JSON; decimals as their exact text."""
    return json.dumps(value, default=str, sort_keys=True, separators=(",", ":"))


def kept(pairs: tuple[tuple[str, str], ...]) -> dict[str, Plain]:
    """Kept settings by key; what was taken back is left out."""
    read = {key: json.loads(value) for key, value in pairs}
    return {key: value for key, value in read.items() if value is not None}


def flattens(turn: Turn) -> None:
    """Record the closes of whole positions that are on their way, when they have changed since the last time."""
    state = turn.state
    if not state.flattens and state.kept_flattens == "[]":
        return
    progress = tuple(_progress(state, task) for task in state.flattens)
    if progress == state.flattens_progress:
        return
    state.flattens_progress = progress
    now = text([_flatten(state, task) for task in state.flattens])
    if now != state.kept_flattens:
        state.kept_flattens = now
        turn.act(RecordSetting(turn.at_ms, FLATTENS, now, "engine", "", ""))


def _progress(state: EngineState, task: Flatten) -> tuple[object, ...]:
    """What changes of a flatten, for a look that costs little: most events move nothing of it."""
    closings = (state.symbols[name].closing for name in task.symbols)
    running = ((c.started_at_ms, c.reason, c.asked, c.left, c.net) for c in closings if c is not None)
    return (task.command_id, task.answered, len(task.receipts), *running)


def alerts(turn: Turn) -> None:
    """Record the price alerts that wait, when they have changed since the last time."""
    state = turn.state
    if not state.alert_count:
        return
    waiting = [{f.name: getattr(one, f.name) for f in fields(Alert)} for one in state.alerts.values()]
    now = text({"count": state.alert_count, "alerts": waiting})
    if now != state.kept_alerts:
        state.kept_alerts = now
        turn.act(RecordSetting(turn.at_ms, ALERTS, now, "engine", "", ""))


def placings(turn: Turn) -> None:
    """Record the versions of models on their way into use, when they have changed since the last time."""
    state = turn.state
    if not state.placings and state.kept_placings == "[]":
        return
    waiting = [{f.name: getattr(one, f.name) for f in fields(Placing)} for one in state.placings.values()]
    now = text(waiting)
    if now != state.kept_placings:
        state.kept_placings = now
        turn.act(RecordSetting(turn.at_ms, PLACINGS, now, "engine", "", ""))


def take_alerts(state: EngineState, found: Plain) -> None:
    """Alerts that waited when the last run ended; those of symbols not traded any more are dropped."""
    if not found:
        return
    state.kept_alerts, state.alert_count = text(found), found["count"]
    for plain in found["alerts"]:
        alert = Alert(**plain | {"price": Decimal(plain["price"])})
        if alert.symbol in state.symbols:
            state.alerts[alert.id] = alert


def _flatten(state: EngineState, task: Flatten) -> Plain:
    running = [(name, state.symbols[name].closing) for name in task.symbols]
    return {
        "id": task.command_id,
        "symbols": task.symbols,
        "reason": task.reason.value,
        "at_ms": task.started_at_ms,
        "actor": task.actor,
        "answered": task.answered,
        "receipts": [{f.name: getattr(r, f.name) for f in fields(Receipt)} for r in task.receipts],
        "closing": {name: _closing(closing) for name, closing in running if closing is not None},
    }


def _closing(task: Closing) -> Plain:
    return {name: getattr(task, name) for name in _CLOSING} | {
        "at_ms": task.started_at_ms,
        "reason": task.reason.value,
    }


def take_flattens(state: EngineState, found: Plain) -> None:
    """Closes that the last run did not finish: carried on once the books agree with the venue."""
    state.kept_flattens = text(found)
    for plain in found:
        known = tuple(name for name in plain["symbols"] if name in state.symbols)
        reason, answered = CloseReason(plain["reason"]), plain["answered"]
        task = Flatten(
            plain["id"], known, reason, plain["at_ms"], plain["actor"], answered=answered, resumed=True
        )
        task.receipts = [_receipt(receipt) for receipt in plain["receipts"] if receipt["symbol"] in known]
        state.flattens.append(task)
        for name, closing in plain["closing"].items():
            if name in known:
                _take_closing(state, name, closing)


def _take_closing(state: EngineState, name: str, plain: Plain) -> None:
    symbol, reason = state.symbols[name], CloseReason(plain["reason"])
    if symbol.position.flat:
        return
    asked, left, expected, value, net = (Decimal(plain[key]) for key in _CLOSING)
    symbol.closing = Closing(
        reason, symbol.position.side, asked, left, plain["at_ms"], expected, value=value, net=net
    )


def _receipt(plain: Plain) -> Receipt:
    whole = ("took_ms", "verified_ms")
    figures = {k: v if k in whole or k == "symbol" else Decimal(v) for k, v in plain.items()}
    return Receipt(**{"verified_ms": 0, "net": ZERO} | figures)
