"""The oracle itself: what it must find, it finds."""

from decimal import Decimal

import pytest
from fault_life import Life, Span
from fault_oracle import Books, Bounds, Truth, breaches, quarrels, truth_of, uncovered
from sandbox_house import open_venue

from bot.domain.order import OrderSide, instance_prefix
from sandbox.exchange.nouns import ConditionalAsk, Kind, OrderAsk
from sandbox.exchange.serving.stage import Exchanged, Stage
from sandbox.exchange.wire import Request, Response

D = Decimal
DESK = "oracle:test:main"
SYMBOL = "BTCUSDT"
MINE = instance_prefix(DESK)


@pytest.fixture
async def stage() -> Stage:
    return open_venue("binance")


def market(
    stage: Stage, side: OrderSide, quantity: str, client_id: str, *, reduce_only: bool = False
) -> None:
    ask = OrderAsk(SYMBOL, side, Kind.MARKET, D(quantity), client_id, reduce_only=reduce_only)
    stage.exchange.accounts()[0].place(ask)


def later(stage: Stage, ms: int) -> None:
    stage.advance(stage.exchange.now_ms + ms)


def truth(stage: Stage, *requests: Exchanged) -> Truth:
    return truth_of(stage.exchange.accounts()[0], requests, stage.exchange.now_ms, DESK)


def found(stage: Stage, *requests: Exchanged) -> set[str]:
    seen = truth(stage, *requests)
    lines = [*quarrels(seen, Books()), *breaches(seen, Books(), Bounds())]
    return {line.partition(":")[0] for line in lines}


def stop(stage: Stage, quantity: str) -> None:
    price = stage.exchange.view(SYMBOL).last * D("0.9") // 1
    account = stage.exchange.accounts()[0]
    ask = ConditionalAsk(SYMBOL, OrderSide.SELL, Kind.STOP_MARKET, D(quantity), price, MINE + "sx")
    account.place_conditional(ask)


def asked(endpoint: str, status: int, at_ms: int = 0, query: str = "reduceOnly=true") -> Exchanged:
    return Exchanged(at_ms, endpoint, SYMBOL, Request("POST", "/", query), Response(status, b"{}"), True)


async def test_an_intent_that_arrived_twice(stage: Stage) -> None:
    market(stage, OrderSide.BUY, "0.01", MINE + "e1")
    assert "I1" not in found(stage)
    market(stage, OrderSide.BUY, "0.01", MINE + "e1")
    assert {"I1", "I2", "I4", "I5"} <= found(stage)


async def test_a_position_without_a_stop_of_its_size(stage: Stage) -> None:
    begin_ms = stage.exchange.now_ms
    market(stage, OrderSide.BUY, "0.01", MINE + "e1")
    stop(stage, "0.009")
    later(stage, 4_900)
    assert "I6" not in found(stage)
    later(stage, 600)
    assert "I6" in found(stage)
    assert uncovered(truth(stage), SYMBOL) == [Span(begin_ms, stage.exchange.now_ms)]
    tried = asked("POST order", 400, begin_ms + 5_000)
    assert "I6" not in found(stage, tried), "somebody began to close it in time"


async def test_a_stop_that_outlives_its_position(stage: Stage) -> None:
    market(stage, OrderSide.BUY, "0.01", MINE + "e1")
    stop(stage, "0.01")
    market(stage, OrderSide.SELL, "0.01", MINE + "c1", reduce_only=True)
    later(stage, 9_000)
    assert "I7" not in found(stage)
    later(stage, 2_000)
    assert "I7" in found(stage)


async def test_an_exit_that_opens(stage: Stage) -> None:
    market(stage, OrderSide.SELL, "0.01", MINE + "c1")
    assert "I7" in found(stage)


async def test_four_refusals_without_a_look(stage: Stage) -> None:
    market(stage, OrderSide.BUY, "0.01", MINE + "e1")
    refused, look = asked("POST order", 400), asked("GET account", 200)
    assert "I22" not in found(stage, refused, refused, refused, look, refused)
    assert "I22" in found(stage, refused, refused, refused, refused)


async def test_slowed_down_by_the_exchange_itself(stage: Stage) -> None:
    assert "I23" in found(stage, asked("GET klines", 429, query=""))


def test_how_long_nothing_was_held() -> None:
    life = Life(((0, D(0)), (100, D(1)), (250, D(0)), (300, D(2))))
    assert (life.at(99), life.at(100), life.at(400)) == (D(0), D(1), D(2))
    assert life.longest_flat(0, 1_000) == 100
    assert life.longest_flat(120, 1_000) == 50
    assert life.longest_flat(300, 1_000) == 0
