"""The websocket API: one JSON frame per call, answered by the same handlers as REST."""

from typing import cast

import orjson

from sandbox.exchange.binance.access import Lock, check_signed, check_time, owner_of
from sandbox.exchange.binance.batches import as_text
from sandbox.exchange.binance.call import Call, Floor
from sandbox.exchange.binance.limits import Limits
from sandbox.exchange.binance.problems import Json, Problem, missing, problem_of
from sandbox.exchange.binance.routes import ROUTES, Route
from sandbox.exchange.nouns import Refused

METHODS = {
    "ping": "GET fapi/v1/ping",
    "time": "GET fapi/v1/time",
    "exchangeInfo": "GET fapi/v1/exchangeInfo",
    "depth": "GET fapi/v1/depth",
    "klines": "GET fapi/v1/klines",
    "ticker.price": "GET fapi/v1/ticker/price",
    "ticker.book": "GET fapi/v1/ticker/bookTicker",
    "order.place": "POST fapi/v1/order",
    "order.test": "POST fapi/v1/order/test",
    "order.modify": "PUT fapi/v1/order",
    "order.cancel": "DELETE fapi/v1/order",
    "order.status": "GET fapi/v1/order",
    "openOrders.status": "GET fapi/v1/openOrders",
    "openOrders.cancelAll": "DELETE fapi/v1/allOpenOrders",
    "algoOrder.place": "POST fapi/v1/algoOrder",
    "algoOrder.cancel": "DELETE fapi/v1/algoOrder",
    "algoOrder.status": "GET fapi/v1/algoOrder",
    "account.status": "GET fapi/v2/account",
    "v2/account.status": "GET fapi/v3/account",
    "account.balance": "GET fapi/v2/balance",
    "v2/account.balance": "GET fapi/v3/balance",
    "account.position": "GET fapi/v2/positionRisk",
    "v2/account.position": "GET fapi/v3/positionRisk",
    "userDataStream.start": "POST fapi/v1/listenKey",
    "userDataStream.ping": "PUT fapi/v1/listenKey",
    "userDataStream.stop": "DELETE fapi/v1/listenKey",
}


def answer(floor: Floor, limits: Limits, text: str) -> str:
    """Answer one frame."""
    try:
        frame = orjson.loads(text)
    except orjson.JSONDecodeError:
        frame = None
    if not isinstance(frame, dict):
        problem = Problem(
            -1135, "This error code will occur if a parameter requiring a JSON object is invalid."
        )
        return orjson.dumps({"id": None, "status": 400, "error": problem.body}).decode()
    return orjson.dumps(_answered(floor, limits, cast(Json, frame))).decode()


def _answered(floor: Floor, limits: Limits, frame: Json) -> Json:
    name = ""
    reply: Json = {"id": frame.get("id")}
    try:
        route, parameters = _route(frame), _parameters(frame)
        call = _call(floor, route, parameters)
        name = call.owner.name if call.owner else ""
        limits.charge(route.cost(call), floor.now_ms)
        limits.charge_orders(name, route.orders, floor.now_ms)
        reply |= {"status": 200, "result": route.answer(call)}
    except Problem as problem:
        reply |= {"status": problem.status, "error": problem.body}
    except Refused as refused:
        reply |= {"status": 400, "error": problem_of(refused).body}
    parameters = _parameters(frame)
    if parameters.get("returnRateLimits") != "false":
        reply["rateLimits"] = limits.rows(name, floor.now_ms)
    return reply


def _route(frame: Json) -> Route:
    path = METHODS.get(str(frame.get("method", "")))
    if path is None:
        raise Problem(-1020, "This operation is not supported.")
    return ROUTES[path]


def _parameters(frame: Json) -> dict[str, str]:
    found = frame.get("params")
    if not isinstance(found, dict):
        return {}
    return {str(key): as_text(value) for key, value in found.items()}


def _call(floor: Floor, route: Route, parameters: dict[str, str]) -> Call:
    if route.lock is Lock.PUBLIC:
        return Call(floor, parameters)
    call = Call(floor, parameters, owner_of(floor, parameters.get("apiKey", ""), route.lock))
    if not route.unsigned:
        given = parameters.get("signature")
        if not given:
            raise missing("signature")
        check_time(call)
        payload = "&".join(
            f"{key}={value}" for key, value in sorted(parameters.items()) if key != "signature"
        )
        check_signed(call.account, payload, given)
    return call
