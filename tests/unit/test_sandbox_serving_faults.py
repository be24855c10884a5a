"""Every fault of the sandbox exchange, over both shells: a real socket on loopback, and plain calls in the process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson
import pytest
from toy_exchange import KEY, START_MS, toy_stage
from virtual_loop import virtually

from sandbox.exchange.serving.faults import FrameEffect, RequestEffect, Rule, in_world, on_frame, on_request
from sandbox.exchange.serving.in_process import InProcessSession
from sandbox.exchange.serving.server import StageServer
from sandbox.exchange.serving.stage import Stage

QUIET_S = 0.15


class Client:
    """A client of the toy over one of the shells."""

    def __init__(self, stage: Stage, session: Any, rest: str, stream: str) -> None:
        self.stage, self.session, self.rest, self.stream = stage, session, rest, stream
        self.toy: Any = stage.protocol

    async def call(
        self, method: str, path: str, query: str = "", timeout_s: float = 60.0
    ) -> tuple[int, bytes]:
        timeout = aiohttp.ClientTimeout(total=timeout_s)
        url = f"{self.rest}{path}{'?' + query if query else ''}"
        headers = {"X-MBX-APIKEY": KEY}
        async with self.session.request(method, url, headers=headers, timeout=timeout) as response:
            return response.status, await response.read()

    async def order(self) -> tuple[int, bytes]:
        return await self.call("POST", "/order", "symbol=BTCUSDT")

    async def dial(self, path: str = "/stream") -> Any:
        return await self.session.ws_connect(self.stream + path, autoping=False, autoclose=False)


@asynccontextmanager
async def over_socket(stage: Stage) -> AsyncIterator[Client]:
    async with StageServer(stage) as server, aiohttp.ClientSession() as session:
        yield Client(stage, session, server.rest, server.stream)


@asynccontextmanager
async def in_process(stage: Stage) -> AsyncIterator[Client]:
    yield Client(stage, InProcessSession({"toy.test": stage}), "http://toy.test", "ws://toy.test")


SHELLS = [pytest.param(over_socket, id="socket"), pytest.param(in_process, id="in_process")]
shells = pytest.mark.parametrize("shell", SHELLS)


async def frames(socket: Any, count: int) -> list[dict[str, Any]]:
    """The next `count` frames."""
    return [orjson.loads((await socket.receive(timeout=60)).data) for _ in range(count)]


async def quiet(socket: Any) -> bool:
    """Nothing comes for a while."""
    try:
        await socket.receive(timeout=QUIET_S)
    except TimeoutError:
        return True
    return False


@shells
@virtually
async def test_without_faults_requests_and_frames_pass(shell: Any) -> None:
    async with shell(toy_stage()) as client:
        socket = await client.dial()
        assert await client.order() == (200, b'{"orderId":1,"time":%d}' % START_MS)
        assert await frames(socket, 1) == [{"e": "ORDER", "n": 1, "s": "BTCUSDT"}]
        await socket.send_str("hello")
        assert await frames(socket, 1) == [{"result": "hello"}]
        await socket.ping(b"x")
        pong = await socket.receive(timeout=60)
        assert (pong.type, bytes(pong.data)) == (aiohttp.WSMsgType.PONG, b"x")
        await socket.close()
        await asyncio.sleep(0.01)
        assert client.toy.closed_sockets == 1
        assert client.stage.requests[0].executed
        assert client.stage.requests[0].request.headers["x-mbx-apikey"] == KEY


@shells
@pytest.mark.parametrize(
    "effect,status,executed",
    [
        (RequestEffect.OVERLOADED_BEFORE, 503, 0),
        (RequestEffect.OVERLOADED_AFTER, 503, 1),
        (RequestEffect.UNKNOWN_BEFORE, 503, 0),
        (RequestEffect.UNKNOWN_AFTER, 503, 1),
        (RequestEffect.TOO_MANY, 429, 0),
        (RequestEffect.MAINTENANCE, 503, 0),
        (RequestEffect.BAN, 418, 0),
    ],
)
@virtually
async def test_answers_that_are_wrong(shell: Any, effect: RequestEffect, status: int, executed: int) -> None:
    async with shell(toy_stage(on_request(effect, "POST order"))) as client:
        assert (await client.order())[0] == status
        assert len(client.toy.orders) == executed
        assert client.stage.requests[-1].executed == bool(executed)
        assert client.stage.requests[-1].faults == (effect,)


@shells
@pytest.mark.parametrize(
    "effect,executed",
    [(RequestEffect.CUT_BEFORE, 0), (RequestEffect.CUT_AFTER, 1), (RequestEffect.REFUSE, 0)],
)
@virtually
async def test_connections_that_are_cut(shell: Any, effect: RequestEffect, executed: int) -> None:
    async with shell(toy_stage(on_request(effect, "POST order"))) as client:
        with pytest.raises(aiohttp.ClientConnectionError):
            await client.order()
        assert len(client.toy.orders) == executed
        assert client.stage.requests[-1].response is None
        assert (await client.call("GET", "/orders"))[0] == 200


@shells
@virtually
async def test_a_cut_is_healed_by_the_client_itself_where_http_calls_it_idempotent(shell: Any) -> None:
    """aiohttp sends GET, PUT and DELETE once more by itself, in both shells; never POST."""
    rules = [on_request(RequestEffect.CUT_AFTER, glob, times=1) for glob in ("GET orders", "POST order")]
    async with shell(toy_stage(*rules)) as client:
        assert (await client.call("GET", "/orders"))[0] == 200
        assert [row.endpoint for row in client.stage.requests] == ["GET orders", "GET orders"]
        with pytest.raises(aiohttp.ClientConnectionError):
            await client.order()
        assert len(client.toy.orders) == 1


@shells
@virtually
async def test_a_request_that_hangs_runs_into_the_clients_patience(shell: Any) -> None:
    async with shell(toy_stage(on_request(RequestEffect.HANG, "GET orders"))) as client:
        with pytest.raises(TimeoutError):
            await client.call("GET", "/orders", timeout_s=QUIET_S)


@shells
@pytest.mark.parametrize("effect,executed", [(RequestEffect.DELAY_BEFORE, 0), (RequestEffect.DELAY_AFTER, 1)])
@virtually
async def test_delays_stand_before_or_behind_the_execution(
    shell: Any, effect: RequestEffect, executed: int
) -> None:
    async with shell(toy_stage(on_request(effect, "POST order", ms=60_000))) as client:
        with pytest.raises(TimeoutError):
            await client.call("POST", "/order", timeout_s=QUIET_S)
        assert len(client.toy.orders) == executed


@shells
@pytest.mark.parametrize(
    "form,status,body", [("html", 502, b"<!DOCTYPE"), ("truncated", 200, b'{"orderId"'), ("empty", 200, b"")]
)
@virtually
async def test_garbage(shell: Any, form: str, status: int, body: bytes) -> None:
    async with shell(toy_stage(on_request(RequestEffect.GARBAGE, "POST order", form=form))) as client:
        got = await client.order()
        assert got[0] == status
        assert got[1].startswith(body)
        with pytest.raises(orjson.JSONDecodeError):
            orjson.loads(got[1])
        assert len(client.toy.orders) == 1


@shells
@virtually
async def test_a_lagging_query_does_not_know_young_orders(shell: Any) -> None:
    async with shell(toy_stage(on_request(RequestEffect.LAG, "GET order*", ms=3000))) as client:
        await client.order()
        assert (await client.call("GET", "/order"))[0] == 400
        assert await client.call("GET", "/orders") == (200, b"[]")
        client.stage.advance(START_MS + 3000)
        assert (await client.call("GET", "/order"))[0] == 200
        assert len(orjson.loads((await client.call("GET", "/orders"))[1])) == 1


@shells
@virtually
async def test_a_rejection_after_the_answer_is_left_to_the_exchange(shell: Any) -> None:
    async with shell(toy_stage(on_request(RequestEffect.REJECT_LATER, "POST order"))) as client:
        assert (await client.order())[0] == 200
        assert client.stage.exchange.deeds == [("reject_next", "main", "BTCUSDT")]


@shells
@virtually
async def test_every_call_during_a_ban_makes_it_longer(shell: Any) -> None:
    rule = on_request(RequestEffect.BAN, "POST order", nth=2, seconds=10)
    async with shell(toy_stage(rule)) as client:
        statuses = [(await client.order())[0] for _ in range(2)]
        client.stage.advance(START_MS + 9_000)
        statuses.append((await client.call("GET", "/time"))[0])
        client.stage.advance(START_MS + 18_000)
        statuses.append((await client.call("GET", "/time"))[0])
        client.stage.advance(START_MS + 28_000)
        statuses.append((await client.call("GET", "/time"))[0])
        assert statuses == [200, 418, 418, 418, 200]
        await client.order()
        client.stage.arm([on_request(RequestEffect.BAN, times=1)])
        assert (await client.order())[0] == 418
        client.stage.disarm()
        assert (await client.order())[0] == 200


@shells
@virtually
async def test_a_maintenance_window_closes_sockets_and_refuses_new_ones(shell: Any) -> None:
    async with shell(toy_stage(on_request(RequestEffect.MAINTENANCE, from_s=10, until_s=20))) as client:
        socket = await client.dial()
        client.stage.advance(START_MS + 10_000)
        ending = await socket.receive(timeout=60)
        assert (ending.type, ending.data) == (aiohttp.WSMsgType.CLOSE, 1001)
        assert (await client.order())[0] == 503
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await client.dial()
        client.stage.advance(START_MS + 20_000)
        assert (await client.order())[0] == 200
        await (await client.dial()).close()


@shells
@virtually
async def test_a_skewed_clock_is_wrong_in_what_it_tells_and_in_what_it_checks(shell: Any) -> None:
    async with shell(toy_stage(on_request(RequestEffect.SKEW, ms=9000, from_s=1, until_s=2))) as client:
        before = orjson.loads((await client.call("GET", "/time"))[1])
        client.stage.advance(START_MS + 1_000)
        during = orjson.loads((await client.call("GET", "/time"))[1])
        client.stage.advance(START_MS + 2_000)
        after = orjson.loads((await client.call("GET", "/time"))[1])
        assert before == {"serverTime": START_MS, "onTime": True}
        assert during == {"serverTime": START_MS + 10_000, "onTime": False}
        assert after == {"serverTime": START_MS + 2_000, "onTime": True}


# Frames

FRAME_CASES: list[tuple[Rule, list[int]]] = [
    (on_frame(FrameEffect.DROP, "ORDER", nth=2), [1, 3, 4]),
    (on_frame(FrameEffect.DUPLICATE, "ORDER", nth=2), [1, 2, 2, 3, 4]),
    (on_frame(FrameEffect.SWAP, "ORDER", nth=2), [1, 3, 2, 4]),
    (on_frame(FrameEffect.SWAP, "ORDER", nth=4, ms=20), [1, 2, 3, 4]),
    (on_frame(FrameEffect.DELAY, "ORDER", nth=2, ms=20), [1, 3, 4, 2]),
    (on_frame(FrameEffect.DROP, "NOTHING_*"), [1, 2, 3, 4]),
    (on_frame(FrameEffect.DROP, symbol="ETH*"), [1, 2, 3, 4]),
    (on_frame(FrameEffect.DROP, symbol="BTC*", every=2), [1, 3]),
    (on_frame(FrameEffect.DROP, socket="/private*"), [1, 2, 3, 4]),
    (on_frame(FrameEffect.DROP, socket="/str*", times=3), [4]),
]


@shells
@pytest.mark.parametrize("rule,seen", FRAME_CASES)
@virtually
async def test_frames_that_do_not_come_as_they_were_sent(shell: Any, rule: Rule, seen: list[int]) -> None:
    async with shell(toy_stage(rule)) as client:
        socket = await client.dial()
        for number in range(1, 5):
            client.toy.tell("ORDER", number)
        assert [frame["n"] for frame in await frames(socket, len(seen))] == seen
        assert await quiet(socket)


@shells
@virtually
async def test_frames_change_places_across_types(shell: Any) -> None:
    async with shell(toy_stage(on_frame(FrameEffect.SWAP, "ACCOUNT"))) as client:
        socket = await client.dial()
        client.toy.tell("ACCOUNT", 1)
        client.toy.tell("ORDER", 2)
        assert [frame["e"] for frame in await frames(socket, 2)] == ["ORDER", "ACCOUNT"]


@shells
@virtually
async def test_silence_keeps_the_socket_open(shell: Any) -> None:
    async with shell(toy_stage(on_frame(FrameEffect.SILENCE, nth=2, seconds=0.3))) as client:
        socket = await client.dial()
        client.toy.tell("ORDER", 1)
        client.toy.tell("ORDER", 2)
        client.toy.tell("ORDER", 3)
        assert [frame["n"] for frame in await frames(socket, 1)] == [1]
        await socket.ping(b"?")
        assert (await socket.receive(timeout=60)).type is aiohttp.WSMsgType.PONG
        await asyncio.sleep(0.35)
        client.toy.tell("ORDER", 4)
        assert [frame["n"] for frame in await frames(socket, 1)] == [4]


@shells
@virtually
async def test_a_half_open_socket_neither_reads_nor_writes(shell: Any) -> None:
    async with shell(toy_stage(on_frame(FrameEffect.HALF_OPEN, nth=2))) as client:
        socket = await client.dial()
        client.toy.tell("ORDER", 1)
        client.toy.tell("ORDER", 2)
        assert [frame["n"] for frame in await frames(socket, 1)] == [1]
        await socket.ping(b"?")
        await socket.send_str("anybody?")
        assert await quiet(socket)
        assert client.toy.heard == []
        assert not socket.closed


@shells
@pytest.mark.parametrize("code", [1001, 1012])
@virtually
async def test_a_close_with_a_code(shell: Any, code: int) -> None:
    async with shell(toy_stage(on_frame(FrameEffect.CLOSE, nth=2, code=code))) as client:
        socket = await client.dial()
        client.toy.tell("ORDER", 1)
        client.toy.tell("ORDER", 2)
        assert [frame["n"] for frame in await frames(socket, 1)] == [1]
        ending = await socket.receive(timeout=60)
        assert (ending.type, ending.data) == (aiohttp.WSMsgType.CLOSE, code)
        await socket.close()
        await asyncio.sleep(0.01)
        assert client.toy.closed_sockets == 1


@shells
@virtually
async def test_a_close_without_a_word(shell: Any) -> None:
    async with shell(toy_stage(on_frame(FrameEffect.CLOSE, code=1006))) as client:
        socket = await client.dial()
        client.toy.tell("ORDER", 1)
        assert (await socket.receive(timeout=60)).type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}
        assert socket.closed


@shells
@virtually
async def test_an_expired_key_is_worded_by_the_protocol_and_the_socket_stays(shell: Any) -> None:
    async with shell(toy_stage(on_frame(FrameEffect.EXPIRE_KEY, "ORDER", nth=1))) as client:
        socket = await client.dial()
        client.toy.tell("ORDER", 1)
        assert [frame["e"] for frame in await frames(socket, 2)] == ["keyExpired", "ORDER"]
        assert not socket.closed


@shells
@virtually
async def test_a_garbled_frame(shell: Any) -> None:
    async with shell(toy_stage(on_frame(FrameEffect.GARBAGE))) as client:
        socket = await client.dial()
        client.toy.tell("ORDER", 1)
        with pytest.raises(orjson.JSONDecodeError):
            orjson.loads((await socket.receive(timeout=60)).data)


@shells
@virtually
async def test_a_dial_that_is_refused(shell: Any) -> None:
    async with shell(toy_stage(on_request(RequestEffect.REFUSE, "WS /stream*", times=2))) as client:
        with pytest.raises(aiohttp.ClientConnectionError):
            await client.dial()
        await (await client.dial()).close()


@shells
@virtually
async def test_there_is_nothing_at_other_paths(shell: Any) -> None:
    async with shell(toy_stage()) as client:
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await client.dial("/elsewhere")
        assert not client.stage.sockets


# The world


def test_the_world_changes_by_time_and_says_what_it_could_not_do() -> None:
    stage = toy_stage(
        in_world("gap", 10, symbol="BTCUSDT", fraction="-0.05"),
        in_world("filters", 20, symbol="BTCUSDT", changes={"min_notional": 100}),
        in_world("liquidate", 20, symbol="BTCUSDT"),
        in_world("price", 30, symbol="DOGEUSDT", price=1),
    )
    stage.advance(START_MS + 9_999)
    assert stage.exchange.deeds == []
    stage.advance(START_MS + 10_000)
    stage.advance(START_MS + 60_000)
    assert [deed[0] for deed in stage.exchange.deeds] == ["set_price", "change_filters", "liquidate"]
    assert str(stage.exchange.deeds[0][2]) == "95.0"
    assert list(stage.troubles) == ["price at 60 s: price: no symbol 'DOGEUSDT' at this exchange"]


def test_the_same_seed_draws_the_same_lots() -> None:
    def drawn(seed: int) -> list[bool]:
        stage = toy_stage(on_request(RequestEffect.TOO_MANY, chance=0.5), seed=seed)
        return [bool(stage.book.for_request("GET x", "", 0)) for _ in range(64)]

    assert drawn(1) == drawn(1) != drawn(2)
    assert 16 < sum(drawn(1)) < 48
