"""Fault rules of requests that there are not: refused with the nearest name, and no rule that can strike is."""

from typing import Any

import pytest
from sandbox_house import sandbox_in_process

from sandbox.exchange.binance.routes import ROUTES as BINANCE
from sandbox.exchange.bybit.routes import ROUTES as BYBIT
from sandbox.exchange.serving.endpoints import check_requests
from sandbox.exchange.serving.errors import Refusal
from sandbox.exchange.serving.faults import FrameEffect, RequestEffect, in_world, on_frame, on_request
from sandbox.exchange.wire import Protocol, Request

CUT = RequestEffect.CUT_AFTER


async def protocol(venue: str) -> Protocol:
    async with sandbox_in_process(venue) as house:
        return house.stage.protocol


@pytest.mark.parametrize(
    "venue,glob,near",
    [
        ("binance", "GET fapi/v*/account", "GET account"),
        ("binance", "POST fapi/v1/order", "POST order"),
        ("binance", "post order", "POST order"),
        ("binance", "POST order ", "POST order"),
        ("binance", "POST order/create", "POST order"),
        ("binance", "GET listenKey", "PUT listenKey"),
        ("binance", "WS /privat/ws", "WS /private/ws"),
        ("binance", "WS ws", "WS /ws"),
        ("binance", "", "GET ping"),
        ("bybit", "POST /v5/order/create", "POST order/create"),
        ("bybit", "POST order", "POST order/amend"),
        ("bybit", "WS /v5/privat", "WS /v5/private"),
    ],
)
async def test_a_name_that_is_none_is_refused_with_the_nearest(venue: str, glob: str, near: str) -> None:
    rules = [on_request(CUT), on_request(CUT, glob)]
    with pytest.raises(Refusal) as refused:
        check_requests(rules, [await protocol(venue)])
    said = str(refused.value)
    assert said == f"rules[1].request: {glob!r} fits no endpoint of {venue}; nearest: {near}"


@pytest.mark.parametrize(
    "venue,glob",
    [
        ("binance", "*"),
        ("binance", "DELETE *rder"),
        ("binance", "GET [ab]*"),
        ("binance", "WS *"),
        ("binance", "WS /ws/btcusdt@kline_1m"),
        ("binance", "WS */private/*"),
        ("binance", "WS /stream*"),
        ("binance", "*@kline_1m"),
        ("bybit", "POST order/*"),
        ("bybit", "*private"),
        ("bybit", "?S /v5/trade"),
    ],
)
async def test_a_rule_that_can_strike_is_taken(venue: str, glob: str) -> None:
    check_requests([on_request(CUT, glob)], [await protocol(venue)])


async def test_one_file_may_hold_the_rules_of_both() -> None:
    both = [await protocol("binance"), await protocol("bybit")]
    mixed = [on_request(CUT, "POST order"), on_request(CUT, "POST order/create")]
    check_requests(mixed, both)
    with pytest.raises(Refusal, match=r"rules\[1\].*of binance; nearest: POST order$"):
        check_requests(mixed, both[:1])
    check_requests([on_request(CUT, "POST order/create", venue="bybit")], both[:1])
    with pytest.raises(Refusal, match=r"of binance or bybit; nearest: POST order$"):
        check_requests([on_request(CUT, "POST ordr")], both)


async def test_frames_and_the_world_have_other_names() -> None:
    rules = [on_frame(FrameEffect.DROP, "ORDER_TRADE_UPDATE"), in_world("settle", symbol="BTCUSDT")]
    check_requests(rules, [await protocol("binance")])


async def test_nothing_is_armed_of_rules_with_a_slip() -> None:
    async with sandbox_in_process("binance") as house:
        with pytest.raises(Refusal, match="POST ordr"):
            house.stage.arm([on_request(CUT, "POST order"), on_request(CUT, "POST ordr")])
        assert house.stage.book.armed == []


@pytest.mark.parametrize("venue,routes,root", [("binance", BINANCE, "/"), ("bybit", BYBIT, "/v5/")])
async def test_every_call_and_socket_is_listed_as_requests_are_named(
    venue: str, routes: dict[str, Any], root: str
) -> None:
    spoken = await protocol(venue)
    named = {spoken.endpoint(Request(*_parts(route, root)))[0] for route in routes}
    listed = spoken.endpoints()
    assert named == {name for name in listed if not name.startswith("WS ")}
    assert len(listed) == len(set(listed))


@pytest.mark.parametrize("venue", ["binance", "bybit"])
async def test_where_sockets_are_said_to_be_they_are(venue: str) -> None:
    async with sandbox_in_process(venue) as house:
        paths = [name.removeprefix("WS ") for name in house.stage.protocol.endpoints() if "WS " in name]
        assert paths
        for path in paths:
            socket = await house.stage.open(Request("GET", path.replace("*", "btcusdt@kline_1m")))
            assert getattr(socket, "number", 0), path


def _parts(route: str, root: str) -> tuple[str, str]:
    method, path = route.split(" ", 1)
    return method, root + path
