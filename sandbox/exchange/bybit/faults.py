"""Bybit's own wording of trouble."""

from collections.abc import Iterable

import orjson

from sandbox.exchange.bybit.problems import MESSAGES, Problem
from sandbox.exchange.bybit.serve import Outcome, failed
from sandbox.exchange.wire import JSON, Response, Socket

LISTS = ("GET order/realtime", "GET order/history", "GET execution/list", "GET position/list")
HTML = "text/html"
TROUBLES = {"overloaded": 10016, "unknown": 10000, "too many": 10006}
PAGES = {
    "banned": (403, b"<html><body>403 Forbidden: access too frequent.</body></html>"),
    "maintenance": (503, b"<html><body>503 Service Temporarily Unavailable</body></html>"),
    "unavailable": (503, b"<html><body>503 Service Temporarily Unavailable</body></html>"),
}


def answered(outcome: Outcome, now_ms: int) -> Response:
    """An answer of Bybit's: HTTP 200 for errors too."""
    body = {
        "retCode": outcome.code,
        "retMsg": outcome.message,
        "result": outcome.result,
        "retExtInfo": outcome.extra,
        "time": now_ms,
    }
    headers = {"Content-Type": JSON, "Timenow": str(now_ms), **outcome.headers}
    if outcome.code:
        headers["Ret_code"] = str(outcome.code)
    return Response(200, orjson.dumps(body), headers)


def trouble(what: str, endpoint: str, now_ms: int) -> Response:
    """A fault as Bybit would word it; also any documented code as its digits (`10019`), and `429` as a status."""
    if what in PAGES:
        status, page = PAGES[what]
        return Response(status, page, {"Content-Type": HTML})
    if what == "not found":
        empty: dict[str, object] = {"list": [], "nextPageCursor": "", "category": "linear"}
        outcome = Outcome(0, "OK", empty, {}) if endpoint in LISTS else failed(Problem(110001))
        return answered(outcome, now_ms)
    code = TROUBLES.get(what) or (int(what) if what.isdecimal() else 0)
    if code not in MESSAGES:
        raise ValueError(f"{what!r} is no trouble of Bybit's")
    response = answered(failed(Problem(code)), now_ms)
    return Response(429, response.body, response.headers) if code == 429 else response


def expire(sockets: Iterable[Socket]) -> None:
    """Their key is not valid any more: the connections that were opened with it are closed."""
    for socket in sockets:
        if "/public/" not in socket.path:
            socket.close(1001, "api key expired")
