"""Binance's own wording of trouble."""

from collections.abc import Mapping

import orjson

from sandbox.exchange.binance.limits import banned
from sandbox.exchange.binance.problems import Problem
from sandbox.exchange.wire import JSON, Request, Response

BAN_MS = 120_000
HTML = (
    b"<html><head><title>503 Service Temporarily Unavailable</title></head>"
    b"<body><h1>503 Service Temporarily Unavailable</h1></body></html>"
)
FORBIDDEN = b"<html><head><title>403 Forbidden</title></head><body><h1>403 Forbidden</h1></body></html>"
UNKNOWN = b'{"msg":"Unknown error, please check your request or try again later."}'
UNAVAILABLE = b'{"msg":"Service Unavailable."}'
PROBLEMS = {
    "overloaded": Problem(-1008, status=503),
    "timeout": Problem(-1007, status=408),
    "disconnected": Problem(-1001, status=500),
    "unexpected": Problem(-1006, status=500),
    "too many": Problem(
        -1003,
        "Too many requests; current limit of IP(127.0.0.1) is 2400 requests per minute. "
        "Please use the websocket for live updates to avoid polling the API.",
        429,
        {"Retry-After": "30"},
    ),
    "too many orders": Problem(
        -1015, "Too many new orders; current limit is 300 orders per TEN_SECONDS.", 429, {"Retry-After": "10"}
    ),
    "shutting down": Problem(-1016, status=503),
    "clock": Problem(-1021),
}
PAGES = {
    "unknown": (503, UNKNOWN, JSON),
    "unavailable": (503, UNAVAILABLE, JSON),
    "maintenance": (503, HTML, "text/html"),
    "forbidden": (403, FORBIDDEN, "text/html"),
}
NAMES = (*PROBLEMS, *PAGES, "banned", "not found")


def answer_of(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """A problem as it goes over the wire."""
    told = {"Content-Type": JSON, **(headers or {}), **problem.headers}
    return Response(problem.status, orjson.dumps(problem.body), told)


def trouble(what: str, request: Request, now_ms: int) -> Response:
    """The answer of this kind of trouble, or of a code (`-2028`). Raises ValueError for another kind."""
    if what in PAGES:
        status, body, kind = PAGES[what]
        return Response(status, body, {"Content-Type": kind})
    if what == "banned":
        return answer_of(banned(now_ms + BAN_MS, now_ms))
    if what == "not found":
        return _not_found(request)
    if what.startswith("-") and what[1:].isdigit():
        return answer_of(Problem(int(what)))
    if what not in PROBLEMS:
        raise ValueError(f"no trouble called {what!r}; there is {', '.join(NAMES)}")
    return answer_of(PROBLEMS[what])


def _not_found(request: Request) -> Response:
    """No such order: a list is empty, a query and a cancel have their codes."""
    name = request.path.rpartition("/")[2]
    if request.method == "GET" and name not in {"order", "openOrder", "algoOrder"}:
        return Response(200, b"[]")
    return answer_of(Problem(-2011 if request.method == "DELETE" else -2013))
