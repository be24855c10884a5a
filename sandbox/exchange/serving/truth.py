"""Ground truth as JSON: values of the core with decimals as texts, for the control endpoint."""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum
from typing import Any

from sandbox.exchange.nouns import ApiKey
from sandbox.exchange.serving.stage import Exchanged, Framed, Stage
from sandbox.exchange.serving.world import Values, account_of

NEWEST = 1000


def plain(value: object) -> Any:
    """As JSON knows it. Keys of accounts and bodies of requests are texts; secrets are left out."""
    match value:
        case Enum():
            return value.value
        case None | bool() | int() | float() | str():
            return value
        case Decimal():
            return format(value, "f")
        case bytes():
            return value.decode("utf-8", "replace")
        case ApiKey():
            return value.key
        case Mapping():
            return {str(plain(key)): plain(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(item) for item in value]
        case _ if is_dataclass(value):
            return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
        case _:
            return str(value)


def _accounts(stage: Stage, _: Values) -> object:
    return [
        {"name": a.name, "key": a.key, "position_mode": a.position_mode} for a in stage.exchange.accounts()
    ]


def _requests(stage: Stage, values: Values) -> object:
    return [_request(row) for row in list(stage.requests)[-values["limit"] :]]


def _request(row: Exchanged) -> dict[str, object]:
    return {
        "at_ms": row.at_ms,
        "endpoint": row.endpoint,
        "symbol": row.symbol,
        "method": row.request.method,
        "path": row.request.path,
        "query": row.request.query,
        "body": row.request.body,
        "status": row.response.status if row.response else 0,
        "answer": row.response.body if row.response else b"",
        "executed": row.executed,
        "faults": row.faults,
    }


def _frames(stage: Stage, values: Values) -> list[Framed]:
    return list(stage.frames)[-values["limit"] :]


def _faults(stage: Stage, _: Values) -> object:
    rows = [{"rule": a.rule, "met": a.met, "applied": a.applied} for a in stage.book.armed]
    return {"armed": rows, "troubles": list(stage.troubles)}


def _sockets(stage: Stage, _: Values) -> object:
    rows = [{"number": s.number, "path": s.path, "query": s.query} for s in stage.sockets.values()]
    return {"open": rows, "opened": stage.opened, "frames_sent": stage.frames_sent}


def _time(stage: Stage, _: Values) -> object:
    return {"now_ms": stage.exchange.now_ms, "started_at_ms": stage.started_at_ms}


READINGS: Mapping[str, Callable[[Stage, Values], object]] = {
    "time": _time,
    "accounts": _accounts,
    "instruments": lambda stage, _: stage.exchange.instruments,
    "market": lambda stage, values: stage.exchange.view(values["symbol"]),
    "positions": lambda stage, values: account_of(stage, values).legs(values["symbol"]),
    "orders": lambda stage, values: account_of(stage, values).orders,
    "conditionals": lambda stage, values: account_of(stage, values).conditionals,
    "trades": lambda stage, values: account_of(stage, values).trades,
    "income": lambda stage, values: account_of(stage, values).income,
    "funds": lambda stage, values: account_of(stage, values).funds(),
    "ledger": lambda stage, _: stage.postings(),
    "requests": _requests,
    "frames": _frames,
    "faults": _faults,
    "sockets": _sockets,
}
"""What can be read: `GET .../NAME?account=&symbol=&limit=`; lists oldest first, the newest `limit`."""


def read(stage: Stage, name: str, values: Values) -> Any:
    """One reading as JSON. `values`: account, symbol (empty: all), limit."""
    found = plain(READINGS[name](stage, values))
    if isinstance(found, list):
        if values["symbol"]:
            found = [row for row in found if _symbol_of(row) in {"", values["symbol"]}]
        return found[-values["limit"] :]
    return found


def _symbol_of(row: Any) -> str:
    asked = row.get("ask")
    return str((asked if isinstance(asked, dict) else row).get("symbol", ""))
