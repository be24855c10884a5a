"""Several orders in one call: each by itself, a refused one is an error among the answers."""

from collections.abc import Callable
from typing import cast

import orjson

from sandbox.exchange.binance.call import Call
from sandbox.exchange.binance.orders import amend, cancel, place
from sandbox.exchange.binance.problems import Json, Problem, bad_value, problem_of
from sandbox.exchange.nouns import Refused


def _batch(call: Call, work: Callable[[Call], Json]) -> list[Json]:
    """Each order of `batchOrders` by itself; a refused one is an error among the answers."""
    return [_each(call.with_parameters(one), work) for one in _listed(call)]


def _each(call: Call, work: Callable[[Call], Json]) -> Json:
    try:
        return work(call)
    except Refused as refused:
        return problem_of(refused).body
    except Problem as problem:
        return problem.body


def _listed(call: Call) -> list[dict[str, str]]:
    rows = _json_list(call, "batchOrders")
    if not 1 <= len(rows) <= 5 or not all(isinstance(row, dict) for row in rows):
        raise Problem(-4082)
    return [{key: as_text(value) for key, value in cast(Json, row).items()} for row in rows]


def as_text(value: object) -> str:
    """A JSON value as it would stand in a query."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _json_list(call: Call, name: str) -> list[object]:
    try:
        found = orjson.loads(call.text(name))
    except orjson.JSONDecodeError:
        raise bad_value(name) from None
    if not isinstance(found, list):
        raise bad_value(name)
    return found


def place_batch(call: Call) -> list[Json]:
    """POST batchOrders: at most five."""
    return _batch(call, place)


def amend_batch(call: Call) -> list[Json]:
    """PUT batchOrders: at most five."""
    return _batch(call, amend)


def cancel_batch(call: Call) -> list[Json]:
    """DELETE batchOrders: at most ten of one symbol, by `orderIdList` or `origClientOrderIdList`."""
    name, key = ("orderIdList", "orderId")
    if not call.has(name):
        name, key = ("origClientOrderIdList", "origClientOrderId")
    ids = _json_list(call, name)
    if not 1 <= len(ids) <= 10:
        raise Problem(-4082)
    symbol = call.symbol()
    return [_each(call.with_parameters({"symbol": symbol, key: as_text(one)}), cancel) for one in ids]
