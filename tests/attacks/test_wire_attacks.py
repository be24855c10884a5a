"""Whoever answers in the exchange's place: redirects, endless bodies, headers that are no numbers, bans without end."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from bot.domain.modes import PositionMode
from bot.venues.binance import BinanceDialect
from bot.venues.bybit import BybitDialect
from bot.venues.ccxt_venue.gateway import LONGEST_BAN_MS, CcxtGateway
from bot.venues.ccxt_venue.narrow import LARGEST_ANSWER
from bot.venues.ccxt_venue.wire import Access, Ask, Environment, Lane
from bot.venues.outcome import Verdict

NOW = 1_800_000_000_000
ORDERS = {
    "binance": Ask("fapiPrivatePostOrder", {"symbol": "BTCUSDT"}, Lane.ENTRY, 1, 1, changes=True),
    "bybit": Ask("privatePostV5OrderCreate", {"symbol": "BTCUSDT"}, Lane.ENTRY, 1, 1, changes=True),
}
GOOD = b'{"orderId": 1, "retCode": 0, "result": {}}'
HUGE = b"9" * 5000

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
venues = pytest.mark.parametrize("venue", list(ORDERS))


class Notes:
    """A memory of a venue."""

    def __init__(self, **kept: str) -> None:
        self.kept = dict(kept)

    async def load(self) -> dict[str, str]:
        return self.kept

    async def save(self, key: str, value: str) -> None:
        self.kept[key] = value


@asynccontextmanager
async def served(handler: Handler) -> AsyncIterator[int]:
    """A server of one answer; its port."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield int(runner.addresses[0][1])
    await runner.cleanup()


@asynccontextmanager
async def gateway(venue: str, port: int, notes: Notes | None = None) -> AsyncIterator[CcxtGateway]:
    rest = f"http://127.0.0.1:{port}"
    access = Access(Environment.SANDBOX, "PLANTEDKEY", "PLANTEDSECRET", rest, rest.replace("http", "ws"))
    made = CcxtGateway(access, notes or Notes(), lambda: NOW, timeout_s=60.0)
    dialect = {"binance": BinanceDialect, "bybit": BybitDialect}[venue]
    made.join(dialect(made, Notes(), PositionMode.ONE_WAY))
    await made.start()
    yield made
    await made.close()


def answering(body: bytes = GOOD, status: int = 200, **headers: str) -> Handler:
    async def answer(_: web.Request) -> web.Response:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, body=body, headers={"Content-Type": "application/json"} | given)

    return answer


@venues
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed_and_what_it_says_is_not_believed(venue: str, status: int) -> None:
    """Key, signature and order would be another host's, and its 200 an order that was never placed."""
    seen: list[str] = []

    async def thief(request: web.Request) -> web.Response:
        seen.append(f"{request.method} {request.path}")
        return web.Response(body=GOOD, content_type="application/json")

    async with served(thief) as elsewhere:
        location = f"http://127.0.0.1:{elsewhere}/stolen"
        async with served(answering(GOOD, status, Location=location)) as port, gateway(venue, port) as way:
            answer = await way.ask(ORDERS[venue])
    assert (answer.verdict, answer.code, seen) == (Verdict.UNKNOWN, "redirect", [])


@venues
@pytest.mark.parametrize("packed", [False, True])
async def test_an_answer_without_an_end_is_not_kept(venue: str, packed: bool) -> None:
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        if packed:
            body = gzip.compress(b'{"a":"' + b"x" * (LARGEST_ANSWER + 2**20) + b'"}')
            return web.Response(body=body, headers={"Content-Encoding": "gzip"})
        answer = web.StreamResponse()
        await answer.prepare(request)
        while sent < 10 * LARGEST_ANSWER:
            await answer.write(b"x" * 2**20)
            sent += 2**20
        return answer

    async with served(endless) as port, gateway(venue, port) as way:
        answer = await asyncio.wait_for(way.ask(ORDERS[venue]), 100)
    assert (answer.verdict, answer.code) == (Verdict.UNKNOWN, "cut")
    assert sent < 2 * LARGEST_ANSWER


@venues
@pytest.mark.parametrize("figure", ["²", HUGE.decode(), "-1", "NaN", "1e9", ""])
async def test_headers_that_are_no_numbers_are_no_fault_of_ours(venue: str, figure: str) -> None:
    names = ("X-MBX-USED-WEIGHT-1M", "X-Bapi-Limit", "X-Bapi-Limit-Reset-Timestamp", "Retry-After")
    async with (
        served(answering(GOOD, **{name.replace("-", "_"): figure for name in names})) as port,
        gateway(venue, port) as way,
    ):
        assert (await way.ask(ORDERS[venue])).verdict is Verdict.DONE


async def test_a_ban_ends() -> None:
    """Said to last until the year 2286, remembered over every restart: nobody could lift it."""
    body = b'{"code": -1003, "msg": "Way too many requests; IP banned until 9999999999999."}'
    notes = Notes()
    async with served(answering(body, 418)) as port, gateway("binance", port, notes) as way:
        assert (await way.ask(ORDERS["binance"])).verdict is Verdict.BANNED
        assert way.ban_left_ms == LONGEST_BAN_MS
    assert int(notes.kept["ban_until_ms"]) == NOW + LONGEST_BAN_MS
    async with gateway("binance", 1, Notes(ban_until_ms="9999999999999")) as way:
        assert way.ban_left_ms == LONGEST_BAN_MS
