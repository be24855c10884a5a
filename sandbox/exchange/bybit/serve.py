"""One call from its route to its result, limits counted."""

from dataclasses import dataclass

from sandbox.exchange.bybit import orders
from sandbox.exchange.bybit.asking import Call, Floor, Parameters
from sandbox.exchange.bybit.limits import Grant, Limits
from sandbox.exchange.bybit.problems import Problem
from sandbox.exchange.bybit.routes import ROUTES
from sandbox.exchange.core import ExchangeAccount


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a call, as answers and frames say it."""

    code: int
    message: str
    result: dict[str, object]
    extra: dict[str, object]
    grant: Grant | None = None

    @property
    def headers(self) -> dict[str, str]:
        """Rate limit headers, where the call has a limit."""
        return self.grant.headers if self.grant else {}


def failed(problem: Problem, grant: Grant | None = None) -> Outcome:
    """The outcome that a problem is."""
    return Outcome(problem.code, problem.message, problem.result, {}, grant)


def run(
    floor: Floor, limits: Limits, endpoint: str, parameters: Parameters, owner: ExchangeAccount | None
) -> Outcome:
    """Do what was asked for; the caller has checked whose request it is."""
    route = ROUTES[endpoint]
    call = Call(floor, parameters, owner)
    requests = parameters.get("request")
    count = max(1, len(requests)) if route.many and isinstance(requests, list) else 1
    grant = limits.take(endpoint, owner.key.key, floor.now_ms, count) if owner is not None else None
    granted = grant.granted if grant is not None else count
    try:
        if not granted:
            raise Problem(10006)
        if route.many:
            result, extra = orders.batch(call, route.answer, granted)
            return Outcome(0, "OK", result, extra, grant)
        if route.lists and (category := call.elsewhere()):
            return Outcome(0, "OK", {"list": [], "nextPageCursor": "", "category": category}, {}, grant)
        return Outcome(0, "OK", route.answer(call), {}, grant)
    except Problem as problem:
        return failed(problem, grant)
