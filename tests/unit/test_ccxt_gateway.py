"""The gateway over real ccxt and real sockets: every way in which an ask can end, bans, the clock, secrets."""

import asyncio
import socket
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from ccxt_kit import ORDER, READ, T0, Notes, Server, Time, Words, access, gateway, serving, urls
from virtual_loop import virtually

from bot.domain.errors import ConfigError
from bot.venues.ccxt_venue.client import Clients
from bot.venues.ccxt_venue.dialect import Client
from bot.venues.ccxt_venue.gateway import BAN_UNTIL, CcxtGateway
from bot.venues.ccxt_venue.wire import Access, Ask, Environment, Lane
from bot.venues.outcome import Verdict

POST = ("POST", "/fapi/v1/order")
GET = ("GET", "/fapi/v1/openOrders")


def says(body: Any, status: int = 200, **headers: str) -> Any:
    async def answer(_: web.Request) -> web.Response:
        if isinstance(body, str):
            return web.Response(text=body, status=status, headers=headers)
        return web.json_response(body, status=status, headers=headers)

    return answer


async def hangs(_: web.Request) -> web.Response:
    await asyncio.sleep(5)
    return web.Response()


async def hangs_up(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


@virtually
async def test_a_good_answer_comes_back_parsed_and_signed_with_the_venues_time() -> None:
    async with serving() as server, gateway(server, Time(T0 + 250)) as wire:
        server.on(*POST, says({"orderId": 12345678901234567, "status": "NEW"}))
        answer = await wire.ask(ORDER)
        assert (answer.verdict, answer.status, answer.code) == (Verdict.DONE, 200, "")
        assert answer.body == {"orderId": 12345678901234567, "status": "NEW"}
        _, _, params = server.asked[-1]
        assert params["timestamp"] == str(T0 + 250)
        assert len(params["signature"]) == 64


@pytest.mark.parametrize(
    "handler, code, status",
    [
        (hangs, "timeout", 0),
        (hangs_up, "cut", 0),
        (says("<html>hello</html>"), "garbage", 200),
        (says(""), "garbage", 200),
        (says('{"orderId": 1'), "garbage", 200),
    ],
    ids=["timeout", "cut", "html", "empty", "truncated"],
)
@virtually
async def test_what_was_sent_and_not_answered_is_unknown_only_where_it_may_have_changed_something(
    handler: Any, code: str, status: int
) -> None:
    async with serving() as server, gateway(server, timeout_s=0.3) as wire:
        server.on(*POST, handler)
        server.on(*GET, handler)
        changing, reading = await wire.ask(ORDER), await wire.ask(READ)
        assert (changing.verdict, changing.code, changing.status) == (Verdict.UNKNOWN, code, status)
        assert (reading.verdict, reading.code) == (Verdict.NOT_DONE, code)


@virtually
async def test_a_refused_connection_left_nothing_behind() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))  # held, so that nobody else listens there meanwhile
        port = deaf.getsockname()[1]
        server = Server(f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}")
        async with gateway(server) as wire:
            answer = await wire.ask(ORDER)
            assert (answer.verdict, answer.code, answer.status) == (Verdict.NOT_DONE, "refused", 0)


@pytest.mark.parametrize(
    "handler, verdict, code",
    [
        (says({"code": -2019, "msg": "Margin is insufficient."}, 400), Verdict.NOT_DONE, "-2019"),
        (says({"code": -4046, "msg": "No need to change margin type."}, 200), Verdict.NOT_DONE, "-4046"),
        (says("<html>bad gateway</html>", 502), Verdict.UNKNOWN, "HTTP 502"),
        (says({"code": -1007, "msg": "Timeout"}, 408), Verdict.NOT_DONE, "-1007"),
        (says("nope", 401), Verdict.AUTH, "HTTP 401"),
    ],
)
@virtually
async def test_the_dialect_alone_says_what_an_answer_means(handler: Any, verdict: Verdict, code: str) -> None:
    async with serving() as server, gateway(server) as wire:
        server.on(*POST, handler)
        answer = await wire.ask(ORDER)
        assert (answer.verdict, answer.code) == (verdict, code)
        assert server.count(*POST) == 1


@virtually
async def test_a_clock_that_is_off_is_measured_and_the_ask_repeated_once() -> None:
    clock = Time(T0 - 5000)

    async def strict(request: web.Request) -> web.Response:
        stamp = int((await request.post())["timestamp"])  # type: ignore[arg-type]
        if abs(stamp - T0) > 1000:
            return web.json_response({"code": -1021, "msg": "Timestamp"}, status=400)
        return web.json_response({"orderId": 1})

    async with serving() as server, gateway(server, clock) as wire:
        offsets: list[int] = []
        wire.on_offset = offsets.append
        server.on(*POST, strict)
        answers = await asyncio.gather(*(wire.ask(ORDER) for _ in range(5)))
        assert {answer.verdict for answer in answers} == {Verdict.DONE}
        assert offsets == [5000]
        assert (wire.now_ms, wire.offset_ms) == (T0, 5000)
        assert server.count(*POST) == 10


@virtually
async def test_a_venue_that_never_likes_the_clock_is_asked_twice_and_no_more() -> None:
    async with serving() as server, gateway(server) as wire:
        server.on(*POST, says({"code": -1021, "msg": "Timestamp"}, 400))
        assert (await wire.ask(ORDER)).verdict is Verdict.CLOCK
        assert server.count(*POST) == 2


@virtually
async def test_a_ban_stops_every_call_and_outlives_the_process() -> None:
    memory, clock = Notes(), Time()
    words = f"Way too many requests; IP banned until {T0 + 300_000}."
    async with serving() as server:
        async with gateway(server, clock, memory=memory) as wire:
            server.on(*GET, says({"code": -1003, "msg": words}, 418))
            assert (await wire.ask(READ)).retry_after_ms == 300_000
            close = await wire.ask(Ask("fapiPrivatePostOrder", {}, Lane.PROTECT, changes=True))
            assert (close.verdict, close.code, close.retry_after_ms) == (Verdict.BANNED, "ban", 300_000)
        asked = len(server.asked)
        assert memory.kept == {BAN_UNTIL: str(T0 + 300_000)}
        async with gateway(server, clock, memory=memory) as wire:
            clock.ms = T0 + 299_999
            assert (await wire.ask(READ)).code == "ban"
            assert len(server.asked) == asked
            clock.ms = T0 + 300_000
            server.on(*GET, says([]))
            assert (await wire.ask(READ)).good


@virtually
async def test_a_ban_without_an_end_lasts_as_long_as_the_shortest() -> None:
    async with serving() as server, gateway(server) as wire:
        server.on(*GET, says("", 418, **{"Retry-After": "30"}))
        assert (await wire.ask(READ)).retry_after_ms == 120_000


@virtually
async def test_throttling_rests_data_and_entries_but_not_protection() -> None:
    async with serving() as server, gateway(server) as wire:
        server.on(*GET, says("", 429, **{"retry-after": "60"}))
        server.on(*POST, says({"orderId": 1}))
        assert (await wire.ask(READ)).verdict is Verdict.THROTTLED
        entry = await wire.ask(ORDER)
        assert (entry.verdict, entry.code) == (Verdict.NOT_DONE, "slow")
        protect = Ask("fapiPrivatePostOrder", {}, Lane.PROTECT, changes=True)
        assert (await wire.ask(protect)).good
        assert server.count(*POST) == 1


@virtually
async def test_an_endpoints_own_limit_is_learnt_from_its_first_answer_and_kept() -> None:
    async with serving() as server, gateway(server) as wire:
        times: list[float] = []

        async def limited(_: web.Request) -> web.Response:
            times.append(asyncio.get_running_loop().time())
            return web.json_response([], headers={"X-Bapi-Limit": "10"})

        server.on(*GET, limited)
        answers = await asyncio.gather(*(wire.ask(READ) for _ in range(20)))
        assert all(answer.good for answer in answers)
        # The first is not counted: nobody knew of a limit then.
        assert max(sum(at <= other < at + 1 for other in times[1:]) for at in times[1:]) <= 10


@virtually
async def test_data_that_came_too_fast_by_a_moment_is_asked_for_again() -> None:
    async with serving() as server, gateway(server) as wire:

        async def once(_: web.Request) -> web.Response:
            if server.count(*GET) == 1:
                reset = {"X-Bapi-Limit": "10", "X-Bapi-Limit-Reset-Timestamp": str(T0 + 300)}
                return web.json_response({"code": -1, "msg": "too fast"}, status=429, headers=reset)
            return web.json_response([])

        server.on(*GET, once)
        assert (await wire.ask(READ)).good
        assert server.count(*GET) == 2


@virtually
async def test_what_needs_a_key_is_not_sent_without_one() -> None:
    async with serving() as server:
        wire = CcxtGateway(replace(access(server), key="", secret=""), Notes(), Time())
        wire.join(Words(wire))
        answer = await wire.ask(ORDER)
        assert (answer.verdict, answer.status, answer.code) == (Verdict.AUTH, 0, "no key")
        assert server.asked == []
        await wire.close()


@virtually
async def test_the_venues_own_count_of_weight_is_believed() -> None:
    async with serving() as server, gateway(server) as wire:
        server.on(*GET, says([], **{"x-mbx-used-weight-1m": "2200"}))
        await wire.ask(READ)
        assert wire.health().weight_used == 2200
        assert (await wire.ask(ORDER)).code == "slow"


@virtually
async def test_neither_key_nor_secret_is_ever_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(10)
    async with serving() as server, gateway(server) as wire:
        server.on(*POST, hangs_up)
        answer = await wire.ask(ORDER)
        told = f"{answer!r} {wire!r} {wire.clients.rest()!r} {wire.clients.rest()} {access(server)!r}"
        assert "the-secret" not in told + caplog.text
        assert "the-key" not in told + caplog.text


def test_a_sandbox_leads_nowhere_else() -> None:
    inside = Access(Environment.SANDBOX, rest="http://127.0.0.1:9", stream="ws://127.0.0.1:9")
    api = urls(inside.rest, inside.stream)
    del api["sapi"]

    def rest(given: Access, settings: dict[str, Any]) -> Any:
        return Clients(Client("binanceusdm", settings), given, lambda: T0, lambda body: ("", "")).rest()

    with pytest.raises(
        ConfigError, match="sandbox: 1 addresses of binanceusdm lead outside, first https://api"
    ):
        rest(inside, {"urls": {"api": api}})
    with pytest.raises(ConfigError, match="for the sandbox only"):
        rest(Access(Environment.LIVE, rest="http://127.0.0.1:9"), {})
    with pytest.raises(ConfigError, match="'nowhere' is not an exchange"):
        Clients(Client("nowhere", {}), inside, lambda: T0, lambda body: ("", "")).rest()
    assert rest(Access(Environment.LIVE), {}).urls["api"]["fapiPublic"].startswith("https://fapi.binance.com")


@virtually
async def test_markets_come_through_the_same_wire() -> None:
    async with serving() as server, gateway(server) as wire:
        await wire.clients.load()
        assert wire.clients.rest().market("AAA/USDT:USDT")["id"] == "AAAUSDT"
