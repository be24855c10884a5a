"""Hostile clients, hostile files and hostile hands on the sandbox exchange: one clear refusal, and it lives on."""

import asyncio
import hmac
from hashlib import sha256
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from desk_story import LONG, Desk
from recovered import Memory
from sandbox_house import open_venue, place_of
from toy_exchange import START_MS, toy_stage

from bot.domain.event import OrderUpdated
from bot.domain.order import OrderStatus
from sandbox.exchange.serving.control import ControlServer
from sandbox.exchange.serving.errors import Refusal
from sandbox.exchange.serving.fault_file import load_faults, read_plan
from sandbox.exchange.serving.kept import Kept
from sandbox.exchange.serving.pace import Pace
from sandbox.exchange.serving.server import StageServer
from sandbox.exchange.serving.stage import Stage
from sandbox.exchange.wire import Request

TOKEN = "token-of-a-test"
DIGITS = "9" * 5000


async def asked(method: str, path: str, body: bytes = b"") -> tuple[int, Any]:
    """One call of the control endpoint of a toy."""
    stage = toy_stage()
    server = ControlServer([stage], Pace([stage], lambda: 0.0, speed=0), TOKEN)
    async with server, aiohttp.ClientSession() as session:
        async with session.request(method, f"{server.address}{path}", data=body) as response:
            answer = response.status, await response.json()
        async with session.get(f"{server.address}/toy/time") as response:
            assert (await response.json())["now_ms"] == START_MS, "the exchange lives on, where it was"
    return answer


@pytest.mark.parametrize(
    "body",
    [
        b'{"ms": 1e30}',
        b'{"ms": "1e999999"}',
        b'{"ms": -1}',
        b'{"ms": "' + DIGITS.encode() + b'"}',
        b'{"ms": "NaN"}',
        b'{"ms": true}',
        b'{"ms": [1]}',
        b'{"ms": ' + b"[" * 5000,
        b"\xff",
    ],
)
async def test_time_does_not_jump_where_nobody_would_see_its_end(body: bytes) -> None:
    status, answer = await asked("POST", "/advance", body)
    assert status == 400
    assert "\n" not in answer["error"]
    assert len(answer["error"]) < 300


@pytest.mark.parametrize("limit", [DIGITS, "-1", "0", "%C2%B2", "1e3", ""])
async def test_a_limit_that_is_none(limit: str) -> None:
    status, answer = await asked("GET", f"/toy/requests?limit={limit}")
    assert status == 400
    assert "allowed: a whole number from 1 on" in answer["error"]
    assert len(answer["error"]) < 300


@pytest.mark.parametrize("price", ["1e400", "1e-400", "Infinity", "NaN", "", DIGITS, [], {}, True])
async def test_a_price_that_is_none(price: object) -> None:
    body = orjson.dumps({"symbol": "BTCUSDT", "price": price})
    status, answer = await asked("POST", "/toy/price", body)
    assert status == 400
    assert "price" in answer["error"]
    assert len(answer["error"]) < 300


async def test_a_socket_is_closed_with_a_code_that_there_is() -> None:
    status, answer = await asked("POST", "/toy/cut", b'{"code": 99999}')
    assert (status, "allowed: 1000 to 4999" in answer["error"]) == (400, True)


def anchors(last: str) -> str:
    """Nine times nine times nine: a small file that is a thousand million values when it is written out."""
    rows = "".join(f"  a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 10))
    return f"  a0: &a0 [x, x, x, x, x, x, x, x, x]\n{rows}  {last}: *a9\n"


@pytest.mark.parametrize(
    "text,said",
    [
        ("rules:\n- request: x\n" + anchors("effect"), "holds more than"),
        ("rules: " + "[" * 5000 + "]" * 5000, "nested too deeply"),
        ("rules: &r [*r]", "nested too deeply"),
        ("rules:\n - {request: '*', effect: lag, nth: " + "9" * 400 + "}", "rules[0].nth"),
        ("rules:\n - {request: '*', effect: lag, nth: " + DIGITS + "}", "cannot be read"),
        ("rules:\n - {request: '*', effect: lag, nth: 1.5}", "allowed: a whole number"),
        ("rules:\n - {request: '*', effect: lag, every: 0.5}", "allowed: a whole number"),
        ("rules:\n - {request: '*', effect: lag, ms: .nan}", "rules[0].ms: NaN is not allowed"),
        ("rules:\n - {request: '*', effect: lag, ms: .inf}", "rules[0].ms"),
        ("rules:\n - {request: '*', effect: lag, request: x}", "a second time"),
        ("rules:\n - {request: '*', effect: answer before, status: 99999}", "allowed: 200 to 599"),
        ("rules:\n - {frame: '*', effect: close, code: 99999}", "allowed: 1000 to 4999"),
        ("rules: [!!python/object/apply:os.getcwd []]", "no YAML or JSON"),
        ("rules:\n - {request: 2020-99-99, effect: " + "x" * 100_000 + "}", "is not allowed"),
        ("seed: " + "9" * 400 + "\nrules: []", "seed"),
        ("#" * 1_000_001, "larger than"),
    ],
)
def test_a_hostile_file_of_faults_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text(text)
    with pytest.raises(Refusal) as refused:
        load_faults(path)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 600


def test_a_file_without_an_end_is_not_read_to_its_end() -> None:
    with pytest.raises(Refusal, match="larger than"):
        load_faults(Path("/dev/zero"))


def test_numbers_of_the_control_endpoint_are_looked_at_too() -> None:
    with pytest.raises(Refusal, match=r"rules\[0\]\.nth"):
        read_plan([{"request": "*", "effect": "lag", "nth": 10**400}], "f")


def test_a_record_is_bounded_in_bytes_not_only_in_rows() -> None:
    kept = Kept[str](100, len, most_bytes=1000)
    for number in range(200):
        kept.append(f"{number:010}")
    assert (len(kept), kept[-1]) == (100, "0000000199")
    kept.append("x" * 995)
    assert (len(kept), kept[0][0]) == (1, "x")
    kept.append("y" * 5000)
    assert [row[0] for row in kept] == ["y"], "the newest row always"
    for _ in range(1000):
        kept.append("z" * 400)
    assert len(kept) == 2


async def test_a_client_that_never_reads_is_cut_off_in_the_end() -> None:
    """Its frames would wait in memory for as long as it likes."""
    stage = toy_stage()
    async with StageServer(stage, patience_s=0.2) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(server.rest.rpartition(":")[2]))
        writer.write(
            b"GET /stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: MDAwMDAwMDAwMDAwMDAwMA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        assert b"101" in await reader.readline()
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        async with asyncio.timeout(60):
            while not stage.sockets:  # noqa: ASYNC110 - the other side of a wire
                await asyncio.sleep(0.01)
            (socket,) = stage.sockets.values()
            for _ in range(400):
                socket.send("x" * 100_000)
            while stage.sockets:  # noqa: ASYNC110 - the other side of a wire
                await asyncio.sleep(0.01)
        writer.transport.abort()


def signed(stage: Stage, **changed: str) -> dict[str, str]:
    """Headers of a signed Bybit call without parameters, some of them changed before it is signed."""
    key = place_of(stage, "", "")
    given = {"x-bapi-timestamp": str(stage.exchange.now_ms), "x-bapi-recv-window": "5000"} | changed
    text = given["x-bapi-timestamp"] + key["api_key"] + given["x-bapi-recv-window"]
    sign = hmac.new(key["secret"].encode(), text.encode(), sha256).hexdigest()
    return given | {"x-bapi-api-key": key["api_key"], "x-bapi-sign": sign}


@pytest.mark.parametrize("header,code", [("x-bapi-timestamp", 10002), ("x-bapi-recv-window", 0), ("none", 0)])
async def test_a_time_of_five_thousand_digits_is_answered(header: str, code: int) -> None:
    stage = open_venue("bybit")
    headers = signed(stage, **{header: DIGITS})
    answer = await stage.request(Request("GET", "/v5/user/query-api", headers=headers))
    assert orjson.loads(answer.body)["retCode"] == code
    assert len(answer.body) < 2000


@pytest.mark.parametrize("limit", ["%C2%B2", DIGITS])
async def test_a_limit_that_is_no_number_is_answered(limit: str) -> None:
    query = f"symbol=BTCUSDT&interval=1m&limit={limit}"
    answer = await open_venue("binance").request(Request("GET", "/fapi/v1/klines", query))
    assert (answer.status, orjson.loads(answer.body)["code"]) == (400, -1100)


def test_killed_between_filled_and_its_fill_a_position_keeps_its_plan_and_gets_its_stop() -> None:
    """Bybit tells the order's end on one topic and the execution on another; a kill -9 fits in between."""
    desk = Desk()
    desk.sane = False
    desk.venue.held_back = 99
    desk.enter("XYZ", LONG, stop=95, target=110)
    ended = [event for event in desk.venue.late if isinstance(event, OrderUpdated)]
    assert [event.status for event in ended][-1:] == [OrderStatus.FILLED]
    desk.feed(*ended)
    assert not desk.covered("XYZ")
    desk.restart(Memory(desk.venue.steps).recovered())
    assert desk.size() == 10
    assert desk.covered("XYZ")
    assert (desk.state.halts, desk.of().plan and desk.of().plan.foreign) == ([], False)
    assert set(desk.resting()) == {"stop", "target"}
