"""The control endpoint: ground truth and the hand of fate, for tests and drills. Never a part of the venue's protocol.

    GET  BASE/VENUE/NAME?account=&symbol=&limit=     names: sandbox.exchange.serving.truth.READINGS
    POST BASE/VENUE/NAME  {fields}                   names: sandbox.exchange.serving.world.ACTIONS, and
    POST BASE/VENUE/faults  {seed, rules: [...]}     arm rules; their times count from now
    POST BASE/VENUE/calm                             no faults any more
    POST BASE/advance  {ms}                          let so much time pass at once

BASE ends with a random token. Answers are JSON; a refused call says {error: one line}.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Self

import orjson
from aiohttp import web

from sandbox.exchange.serving.asked import brief, need, read_fields, whole
from sandbox.exchange.serving.errors import Refusal
from sandbox.exchange.serving.fault_file import read_plan
from sandbox.exchange.serving.pace import Pace
from sandbox.exchange.serving.stage import Stage
from sandbox.exchange.serving.truth import NEWEST, READINGS, plain, read
from sandbox.exchange.serving.world import ACTIONS, do
from sandbox.listening import Listener

LONGEST_SKIP_MS = 31 * 86_400_000
MOST_ROWS_DIGITS = 9

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ControlServer:
    """The control endpoint of some stages on a port of its own."""

    def __init__(self, stages: Sequence[Stage], pace: Pace, token: str, port: int = 0) -> None:
        """`token` is a part of every address; without it there is nothing here."""
        self._stages: Mapping[str, Stage] = {stage.name: stage for stage in stages}
        self._pace = pace
        self._token = token
        app = web.Application(middlewares=[_told])
        app.router.add_post(f"/{token}/advance", self._advance)
        app.router.add_get(f"/{token}/{{venue}}/{{name}}", self._read)
        app.router.add_post(f"/{token}/{{venue}}/{{name}}", self._do)
        self._listener = Listener(app, port)

    @property
    def address(self) -> str:
        """Its base address, token and all."""
        return f"http://{self._listener.address}/{self._token}"

    async def __aenter__(self) -> Self:
        """Listen."""
        await self._listener.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        await self._listener.stop()

    def _stage(self, request: web.Request) -> Stage:
        venue = request.match_info["venue"]
        if venue not in self._stages:
            raise Refusal(f"no venue {venue!r}; allowed: {', '.join(self._stages)}", 404)
        return self._stages[venue]

    async def _advance(self, request: web.Request) -> web.Response:
        self._pace.skip(int(str(read_fields("advance", {"ms": need(_skip)}, await _body(request))["ms"])))
        return _json({"now_ms": self._pace.now_ms})

    async def _read(self, request: web.Request) -> web.Response:
        stage, name = self._stage(request), request.match_info["name"]
        if name not in READINGS:
            raise Refusal(f"nothing to read called {name!r}; allowed: {', '.join(READINGS)}", 404)
        values = {
            "account": request.query.get("account"),
            "symbol": request.query.get("symbol", ""),
            "limit": _limit(request.query.get("limit", str(NEWEST))),
        }
        if name == "market" and values["symbol"] not in stage.exchange.instruments:
            raise Refusal(f"market: no symbol {values['symbol']!r} at this exchange", 404)
        return _json(read(stage, name, values))

    async def _do(self, request: web.Request) -> web.Response:
        stage, name = self._stage(request), request.match_info["name"]
        body = await _body(request)
        match name:
            case "faults":
                plan = read_plan(body, "faults")
                stage.arm(plan.rules)
                return _json({"armed": len(plan.rules)})
            case "calm":
                stage.disarm()
                return _json({})
            case _ if name in ACTIONS:
                return _json(do(stage, name, body) or {})
            case _:
                allowed = ", ".join(sorted({*ACTIONS, "faults", "calm"}))
                raise Refusal(f"nothing to do called {name!r}; allowed: {allowed}", 404)


async def _body(request: web.Request) -> dict[str, object]:
    raw = await request.read()
    try:
        found = orjson.loads(raw or b"{}")
    except orjson.JSONDecodeError:
        raise Refusal("the body is no JSON") from None
    if not isinstance(found, dict):
        raise Refusal('the body is no JSON object; wanted: {"symbol": "BTCUSDT"}')
    return found


def _skip(value: object) -> int:
    """Time that passes forwards, and not so much of it that nobody lives to see the end."""
    found = whole(value)
    if not 0 <= found <= LONGEST_SKIP_MS:
        raise ValueError(f"0 to {LONGEST_SKIP_MS}")
    return found


def _limit(text: str) -> int:
    if not text.isdecimal() or len(text) > MOST_ROWS_DIGITS or not int(text):
        raise Refusal(f"limit {brief(text)} is not allowed; allowed: a whole number from 1 on")
    return int(text)


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(plain(value)), status=status, content_type="application/json")


@web.middleware
async def _told(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A refusal is an answer."""
    try:
        return await handler(request)
    except Refusal as error:
        return _json({"error": str(error)}, error.status)
