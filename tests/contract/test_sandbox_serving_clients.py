"""Clients that others wrote trade on the sandbox exchange over real sockets, unchanged but for their addresses."""

import asyncio
from decimal import Decimal
from typing import Any

import ccxt.pro
import pytest
from foreign_clients import (
    ccxt_bybit_config,
    ccxt_config,
    official_sdk,
    pybit_http,
    pybit_private_stream,
    python_binance,
    python_binance_sockets,
)
from sandbox_house import Sandbox, machine_time, sandbox, until

SYMBOL = "BTCUSDT"
PAIR = "BTC/USDT:USDT"
QUANTITY = Decimal("0.01")


def below(house: Sandbox, part: str) -> Decimal:
    """A price so far below the market, on the tick."""
    tick = house.stage.exchange.instruments[SYMBOL].price_tick
    return (house.price(SYMBOL) * Decimal(part) // tick * tick).normalize()


async def test_python_binance_places_queries_cancels_and_hears_of_it() -> None:
    async with sandbox("binance", **machine_time()) as house:
        client = await python_binance(house.place).create(house.place["api_key"], house.place["secret"])
        heard: list[dict[str, Any]] = []
        async with python_binance_sockets(client, house.place).futures_user_socket() as socket:
            socket.TIMEOUT = 0.2  # how long its end waits for one more frame
            listening = asyncio.ensure_future(_hear(socket, heard))
            price = f"{below(house, '0.97'):f}"
            resting = await client.futures_create_order(
                symbol=SYMBOL, side="BUY", type="LIMIT", quantity="0.01", price=price, timeInForce="GTC"
            )
            found = await client.futures_get_order(symbol=SYMBOL, orderId=resting["orderId"])
            assert (found["status"], Decimal(found["price"])) == ("NEW", Decimal(price))
            opened = await client.futures_get_open_orders(symbol=SYMBOL)
            assert [row["orderId"] for row in opened] == [resting["orderId"]]
            gone = await client.futures_cancel_order(symbol=SYMBOL, orderId=resting["orderId"])
            assert gone["status"] == "CANCELED"
            await client.futures_create_order(symbol=SYMBOL, side="BUY", type="MARKET", quantity="0.01")
            stop = await client.futures_create_order(
                symbol=SYMBOL,
                side="SELL",
                type="STOP_MARKET",
                stopPrice=f"{below(house, '0.95'):f}",
                closePosition="true",
            )
            waiting = await client.futures_get_open_algo_orders(symbol=SYMBOL)
            assert [row["algoId"] for row in waiting] == [stop["algoId"]]
            await client.futures_cancel_algo_order(algoId=stop["algoId"])
            positions = await client.futures_position_information(symbol=SYMBOL)
            assert [Decimal(row["positionAmt"]) for row in positions] == [QUANTITY]
            await until(lambda: ("ALGO_UPDATE", "CANCELED") in _told(heard))
            listening.cancel()
        await client.close_connection()
    told = _told(heard)
    assert [row for row in told if row[0] == "ORDER_TRADE_UPDATE"] == [
        ("ORDER_TRADE_UPDATE", status) for status in ("NEW", "CANCELED", "NEW", "FILLED")
    ]
    assert ("ACCOUNT_UPDATE", "") in told
    assert [row[1] for row in told if row[0] == "ALGO_UPDATE"] == ["NEW", "CANCELED"]


async def _hear(socket: Any, heard: list[dict[str, Any]]) -> None:
    while True:
        heard.append(await socket.recv())


def _told(heard: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Event type and status."""
    return [(str(frame.get("e", "")), str(frame.get("o", {}).get("X", ""))) for frame in heard]


async def test_the_official_sdk_places_queries_cancels_and_hears_of_it() -> None:
    async with sandbox("binance", **machine_time()) as house:
        client = official_sdk(house.place)
        rest = client.rest_api
        key = (await asyncio.to_thread(rest.start_user_data_stream)).data().listen_key
        connection = await client.websocket_streams.create_connection()
        heard: list[Any] = []
        stream = await client.websocket_streams.user_data(key)
        stream.on("message", heard.append)
        await until(lambda: len(house.stage.sockets) == 3)
        price = float(below(house, "0.97"))
        resting = await asyncio.to_thread(
            rest.new_order, SYMBOL, "BUY", "LIMIT", quantity=0.01, price=price, time_in_force="GTC"
        )
        number = resting.data().order_id
        found = await asyncio.to_thread(rest.query_order, SYMBOL, order_id=number)
        assert (found.data().status, float(found.data().price)) == ("NEW", price)
        opened = await asyncio.to_thread(rest.current_all_open_orders, SYMBOL)
        assert [row.order_id for row in opened.data()] == [number]
        gone = await asyncio.to_thread(rest.cancel_order, SYMBOL, order_id=number)
        assert gone.data().status == "CANCELED"
        await asyncio.to_thread(rest.new_order, SYMBOL, "BUY", "MARKET", quantity=0.01)
        stop = await asyncio.to_thread(
            rest.new_algo_order,
            "CONDITIONAL",
            SYMBOL,
            "SELL",
            "STOP_MARKET",
            trigger_price=float(below(house, "0.95")),
            close_position="true",
        )
        algo = stop.data().algo_id
        waiting = await asyncio.to_thread(rest.current_all_algo_open_orders, symbol=SYMBOL)
        assert [row.algo_id for row in waiting.data()] == [algo]
        await asyncio.to_thread(rest.cancel_algo_order, algo_id=algo)
        positions = await asyncio.to_thread(rest.position_information_v3, SYMBOL)
        assert [float(row.position_amt) for row in positions.data()] == [0.01]
        await until(lambda: ("AlgoUpdate", "CANCELED") in _models(heard))
        await connection.close_connection(close_session=True)
    told = _models(heard)
    assert [row for row in told if row[0] == "OrderTradeUpdate"] == [
        ("OrderTradeUpdate", status) for status in ("NEW", "CANCELED", "NEW", "FILLED")
    ]
    assert ("AccountUpdate", "") in told
    assert [row[1] for row in told if row[0] == "AlgoUpdate"] == ["NEW", "CANCELED"]


def _models(heard: list[Any]) -> list[tuple[str, str]]:
    """The SDK's own name of each event, and the status."""
    events = [event.actual_instance for event in heard]
    return [(type(one).__name__, str(getattr(getattr(one, "o", None), "X", ""))) for one in events]


async def test_pybit_places_queries_cancels_and_hears_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async with sandbox("bybit", **machine_time()) as house:
        heard: list[dict[str, Any]] = []
        session = pybit_http(house.place)
        stream = await asyncio.to_thread(pybit_private_stream, house.place, monkeypatch)
        try:
            for subscribe in (stream.order_stream, stream.execution_stream, stream.position_stream):
                await asyncio.to_thread(subscribe, heard.append)
            await asyncio.to_thread(_trade_with_pybit, session, house)
            await until(lambda: "Deactivated" in _statuses(heard) or _statuses(heard).count("Cancelled") == 2)
        finally:
            await asyncio.to_thread(stream.exit)
    topics = {frame["topic"] for frame in heard}
    assert topics == {"order", "execution", "position"}
    assert {"New", "Cancelled", "Filled", "Untriggered"} <= set(_statuses(heard))


def _trade_with_pybit(session: Any, house: Sandbox) -> None:
    about: dict[str, Any] = {"category": "linear", "symbol": SYMBOL}
    price = f"{below(house, '0.97'):f}"
    placed = session.place_order(
        **about, side="Buy", orderType="Limit", qty="0.01", price=price, orderLinkId="pybit-1"
    )["result"]
    assert placed["orderLinkId"] == "pybit-1"
    opened = session.get_open_orders(**about)["result"]["list"]
    assert [(row["orderId"], row["orderStatus"]) for row in opened] == [(placed["orderId"], "New")]
    session.cancel_order(**about, orderId=placed["orderId"])
    session.place_order(**about, side="Buy", orderType="Market", qty="0.01")
    stop = session.place_order(
        **about,
        side="Sell",
        orderType="Market",
        qty="0.01",
        triggerPrice=f"{below(house, '0.95'):f}",
        triggerDirection=2,
        reduceOnly=True,
    )["result"]
    waiting = session.get_open_orders(**about, orderFilter="StopOrder")["result"]["list"]
    assert [row["orderId"] for row in waiting] == [stop["orderId"]]
    session.cancel_order(**about, orderId=stop["orderId"])
    positions = session.get_positions(**about)["result"]["list"]
    assert [Decimal(row["size"]) for row in positions] == [QUANTITY]


def _statuses(heard: list[dict[str, Any]]) -> list[str]:
    return [row["orderStatus"] for frame in heard if frame["topic"] == "order" for row in frame["data"]]


async def test_ccxt_pro_trades_on_binance_over_a_socket() -> None:
    async with sandbox("binance", **machine_time()) as house:
        exchange = ccxt.pro.binanceusdm(ccxt_config(house.place))
        try:
            await _trade_with_ccxt(exchange, house)
        finally:
            await exchange.close()


async def test_ccxt_pro_trades_on_bybit_over_a_socket() -> None:
    async with sandbox("bybit", **machine_time()) as house:
        exchange = ccxt.pro.bybit(ccxt_bybit_config(house.place))
        try:
            await _trade_with_ccxt(exchange, house)
        finally:
            await exchange.close()


async def _trade_with_ccxt(exchange: Any, house: Sandbox) -> None:
    """Place, query, cancel; a filled order is told by the user stream."""
    await exchange.load_markets()
    told = asyncio.ensure_future(exchange.watch_orders(PAIR))
    await until(lambda: any("private" in socket.path for socket in house.stage.sockets.values()))
    await asyncio.sleep(0.2)
    resting = await exchange.create_order(PAIR, "limit", "buy", 0.01, float(below(house, "0.97")))
    opened = await exchange.fetch_open_orders(PAIR)
    assert [row["id"] for row in opened] == [resting["id"]]
    assert (await asyncio.wait_for(told, 60))[-1]["id"] == resting["id"]
    await exchange.cancel_order(resting["id"], PAIR)
    assert await exchange.fetch_open_orders(PAIR) == []
    await exchange.create_order(PAIR, "market", "buy", 0.01)
    positions = await exchange.fetch_positions([PAIR])
    assert [row["contracts"] for row in positions] == [0.01]
    trades = await exchange.fetch_my_trades(PAIR)
    assert [row["amount"] for row in trades] == [0.01]
