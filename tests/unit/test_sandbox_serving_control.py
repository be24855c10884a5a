"""The control endpoint and the files of fault rules: what they take, and one line for what they do not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from toy_exchange import START_MS, toy_stage

from sandbox.exchange.serving.clocked import Clocked
from sandbox.exchange.serving.control import ControlServer
from sandbox.exchange.serving.errors import Refusal
from sandbox.exchange.serving.fault_file import load_faults, read_plan
from sandbox.exchange.serving.faults import Place, RequestEffect, Rule, in_world, on_request
from sandbox.exchange.serving.pace import Pace
from sandbox.exchange.serving.stage import Stage

TOKEN = "token-of-a-test"


@asynccontextmanager
async def controlled(stage: Stage) -> AsyncIterator[Any]:
    """A caller of the control endpoint: (method, path, body) -> (status, JSON)."""
    server = ControlServer([stage], Pace([stage], lambda: 0.0, speed=0), TOKEN)
    async with server, aiohttp.ClientSession() as session:

        async def call(method: str, path: str, body: object = None) -> tuple[int, Any]:
            async with session.request(method, f"{server.address}{path}", json=body) as response:
                return response.status, await response.json()

        yield call


async def test_what_is_done_to_the_world_reaches_the_exchange() -> None:
    stage = toy_stage()
    async with controlled(stage) as call:
        assert (await call("POST", "/toy/price", {"symbol": "BTCUSDT", "price": "101.5"}))[0] == 200
        assert await call("POST", "/toy/gap", {"symbol": "BTCUSDT", "fraction": 0.1}) == (
            200,
            {"price": "110.0"},
        )
        assert (await call("POST", "/toy/hold", {}))[0] == 200
        assert (await call("POST", "/toy/deleverage", {"symbol": "BTCUSDT", "quantity": 2}))[0] == 200
        deeds = [(deed[0], *map(str, deed[1:])) for deed in stage.exchange.deeds]  # type: ignore[attr-defined]
        assert deeds == [
            ("set_price", "BTCUSDT", "101.5", "None"),
            ("set_price", "BTCUSDT", "110.0"),
            ("hold", "", "True"),
            ("deleverage", "main", "BTCUSDT", "2", "BOTH"),
        ]


async def test_time_passes_at_once_and_faults_come_and_go() -> None:
    stage = toy_stage()
    async with controlled(stage) as call:
        assert await call("POST", "/advance", {"ms": 5000}) == (200, {"now_ms": START_MS + 5000})
        assert (await call("GET", "/toy/time"))[1]["now_ms"] == START_MS + 5000
        rules = [
            {"request": "POST *", "effect": "cut after", "nth": 2},
            {"at": 1, "effect": "settle", "symbol": "BTCUSDT"},
        ]
        assert await call("POST", "/toy/faults", {"rules": rules}) == (200, {"armed": 2})
        await call("POST", "/advance", {"ms": 1000})
        told = (await call("GET", "/toy/faults"))[1]
        assert [(row["rule"]["effect"], row["applied"]) for row in told["armed"]] == [
            ("cut after", 0),
            ("settle", 1),
        ]
        assert stage.exchange.deeds == [("settle_funding", "BTCUSDT")]  # type: ignore[attr-defined]
        await call("POST", "/toy/calm")
        assert (await call("GET", "/toy/faults"))[1]["armed"] == []


@pytest.mark.parametrize(
    "method,path,body,status,said",
    [
        ("GET", "/toy/nothing", None, 404, "nothing to read called 'nothing'; allowed: time, accounts"),
        ("GET", "/bybit/time", None, 404, "no venue 'bybit'; allowed: toy"),
        ("GET", "/toy/orders?limit=0", None, 400, "limit '0' is not allowed"),
        ("GET", "/toy/market?symbol=X", None, 404, "no symbol 'X'"),
        ("POST", "/toy/nothing", {}, 404, "nothing to do called 'nothing'; allowed: calm, cancel"),
        ("POST", "/toy/price", {"symbol": "BTCUSDT"}, 400, "price: price is missing"),
        (
            "POST",
            "/toy/price",
            {"symbol": "BTCUSDT", "price": "NaN"},
            400,
            "'NaN' is not allowed; allowed: a number",
        ),
        ("POST", "/toy/price", {"symbol": "X", "price": 1}, 404, "no symbol 'X'"),
        (
            "POST",
            "/toy/price",
            {"symbol": "BTCUSDT", "prize": 1},
            400,
            "no field 'prize'; allowed: symbol, price, mark",
        ),
        ("POST", "/toy/liquidate", {"symbol": "BTCUSDT", "leg": "up"}, 400, "allowed: BOTH, LONG, SHORT"),
        (
            "POST",
            "/toy/liquidate",
            {"symbol": "BTCUSDT", "account": "x"},
            404,
            "no account 'x'; allowed: main",
        ),
        (
            "POST",
            "/toy/filters",
            {"symbol": "BTCUSDT", "changes": {"x": 1}},
            400,
            "no filter 'x'; allowed: maker_fee",
        ),
        ("POST", "/toy/faults", {"rules": [{"request": "*", "effect": "x"}]}, 400, "rules[0].effect: 'x'"),
        (
            "POST",
            "/toy/faults",
            {"rules": [{"request": "GET *", "effect": "lag"}, {"request": "post /order", "effect": "lag"}]},
            400,
            "rules[1].request: 'post /order' fits no endpoint of toy; nearest: POST order",
        ),
        ("POST", "/toy/hold", [1], 400, "no JSON object"),
        ("POST", "/advance", {"ms": 1.5}, 400, "ms 1.5 is not allowed; allowed: a whole number"),
    ],
)
async def test_slips_are_one_line(method: str, path: str, body: object, status: int, said: str) -> None:
    async with controlled(toy_stage()) as call:
        answer = await call(method, path, body)
        assert answer[0] == status
        assert said in answer[1]["error"]
        assert "\n" not in answer[1]["error"]


async def test_without_the_token_there_is_nothing() -> None:
    stage = toy_stage()
    async with ControlServer([stage], Pace([stage], lambda: 0.0), TOKEN) as server:
        address = server.address.replace(TOKEN, "guess")
        async with aiohttp.ClientSession() as session, session.get(f"{address}/toy/time") as response:
            assert response.status == 404


def test_a_file_of_faults_is_read(tmp_path: Path) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text(
        "seed: 7\nrules:\n"
        "  - {request: POST order, symbol: BTC*, nth: 3, effect: cut after}\n"
        '  - {request: "*", from: 600, until: 660, effect: maintenance, venue: binance}\n'
        "  - {request: GET order, effect: lag, ms: 3000, chance: 0.5, seed: 2}\n"
        "  - {frame: ORDER_*, socket: /private/*, every: 2, times: 3, effect: close, code: 1012}\n"
        "  - {at: 3600, every: 600, times: 2, effect: gap, symbol: BTCUSDT, fraction: -0.05}\n"
    )
    plan = load_faults(path)
    assert plan.seed == 7
    assert plan.rules[0] == on_request(RequestEffect.CUT_AFTER, "POST order", symbol="BTC*", nth=3)
    assert plan.rules[1] == Rule(
        Place.REQUEST, "maintenance", "*", venue="binance", from_s=600.0, until_s=660.0
    )
    assert plan.rules[2].number("ms") == 3000
    assert plan.rules[3].number("code") == 1012
    gap = in_world("gap", 3600, symbol="BTCUSDT", fraction=Decimal("-0.05"))
    assert (plan.rules[4].effect, plan.rules[4].from_s, plan.rules[4].every) == (gap.effect, gap.from_s, 600)
    assert plan.rules[4].parameters == gap.parameters


@pytest.mark.parametrize(
    "rules,said",
    [
        ("x", "no list of rules"),
        ({"rules": [], "sead": 1}, "no key 'sead'; allowed: seed, rules"),
        ({"rules": [], "seed": "x"}, "f.seed: 'x' is not allowed"),
        ([3], "f: rules[0]: 3 is no rule"),
        ([{"effect": "drop"}], "rules[0]: a rule has exactly one of request, frame, at"),
        ([{"request": "*", "frame": "*", "effect": "drop"}], "exactly one of"),
        (
            [{"request": "*", "effect": "drop"}],
            "rules[0].effect: 'drop' is not allowed; allowed: answer after, answer before, ban",
        ),
        ([{"frame": "*", "effect": "lag"}], "allowed: close, delay, drop"),
        (
            [{"request": "*", "effect": "lag", "form": 1}],
            "no key 'form' for 'lag'; allowed: request, effect, symbol",
        ),
        (
            [{"request": "*", "effect": "lag", "ms": -1}],
            "rules[0].ms: -1 is not allowed; allowed: a number from 0 on",
        ),
        (
            [{"request": "*", "effect": "lag", "chance": 2}],
            "rules[0].chance: 2 is not allowed; allowed: 0 to 1",
        ),
        (
            [{"request": "*", "effect": "garbage", "form": "pdf"}],
            "'pdf' is not allowed; allowed: html, truncated, empty",
        ),
        ([{"at": 1, "effect": "price", "symbol": "X"}], "rules[0]: price: price is missing"),
        ([{"at": "soon", "effect": "settle", "symbol": "X"}], "rules[0].at: 'soon' is not allowed"),
    ],
)
def test_rules_that_cannot_be_are_one_line(rules: object, said: str) -> None:
    with pytest.raises(Refusal, match=r".+") as refused:
        read_plan(rules, "f")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"none\.yaml: cannot be read: No such file"):
        load_faults(tmp_path / "none.yaml")
    broken = tmp_path / "broken.yaml"
    broken.write_text("rules:\n - {request: [\n")
    with pytest.raises(Refusal, match=r"broken\.yaml: no YAML or JSON: line 3"):
        load_faults(broken)


async def test_the_pace_follows_the_clock_that_it_is_given() -> None:
    stage, now = toy_stage(), 100.0
    pace = Pace([stage], lambda: now, speed=60, step_s=0.001)
    running = asyncio.ensure_future(pace.run())
    now += 2.0
    async with asyncio.timeout(60):
        while stage.exchange.now_ms == START_MS:  # noqa: ASYNC110 - the pace has no bell
            await asyncio.sleep(0.001)
    running.cancel()
    assert stage.exchange.now_ms == START_MS + 120_000
    pace.skip(1000)
    assert stage.exchange.now_ms == START_MS + 121_000


def test_at_another_speed_a_timestamp_is_good_between_the_two_clocks() -> None:
    stage = toy_stage()
    exchange = stage.exchange
    wall = START_MS
    fast = Clocked(exchange, lambda: wall, speed=60)
    exchange.advance(START_MS + 600_000)
    assert fast.on_time(wall, 5000)
    assert fast.on_time(START_MS + 300_000, 5000)
    assert fast.on_time(START_MS + 600_000 + 59_000, 5000)
    assert not fast.on_time(START_MS - 5_001, 5000)
    assert not fast.on_time(START_MS + 600_000 + 61_000, 5000)
    even = Clocked(exchange, lambda: START_MS + 600_000, speed=1)
    assert even.on_time(START_MS + 600_000 - 5000, 5000)
    assert not even.on_time(START_MS + 600_000 - 5001, 5000)
    assert not even.on_time(START_MS + 600_000 + 1000, 5000)
