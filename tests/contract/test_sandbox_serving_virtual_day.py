"""Hours of ccxt.pro on the sandbox exchange in virtual time: candles, orders, the user stream; no sockets."""

import asyncio
import random
from collections import Counter
from typing import Any

import ccxt.pro
from foreign_clients import ccxt_config
from sandbox_house import Sandbox, sandbox_in_process
from virtual_loop import run_virtually

from bot.runtime.clock import WallClock

START_MS = 1_800_000_000_000
HOURS = 3
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
PAIRS = ("BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT")


async def _candles(exchange: Any, pair: str, seen: dict[str, set[int]]) -> None:
    while True:
        for row in await exchange.watch_ohlcv(pair, "1m"):
            seen.setdefault(pair, set()).add(row[0])


async def _orders(exchange: Any, seen: Counter[str]) -> None:
    while True:
        for order in await exchange.watch_orders():
            seen[order["status"]] += 1


async def _live(house: Sandbox, candles: dict[str, set[int]], orders: Counter[str]) -> None:
    exchange = ccxt.pro.binanceusdm(ccxt_config(house.place, session=house.session))
    await exchange.load_markets()
    tasks = [asyncio.ensure_future(_candles(exchange, pair, candles)) for pair in PAIRS]
    tasks.append(asyncio.ensure_future(_orders(exchange, orders)))
    for turn in range(HOURS * 4):
        await asyncio.sleep(900)
        side = "sell" if turn % 2 else "buy"
        await exchange.create_order(PAIRS[0], "market", side, 0.01, params={"clientOrderId": f"turn-{turn}"})
    await asyncio.sleep(1)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await exchange.close()


def _hours() -> tuple[dict[str, set[int]], Counter[str], list[str]]:
    candles: dict[str, set[int]] = {}
    orders: Counter[str] = Counter()
    frames: list[str] = []

    async def work() -> None:
        now_ms = WallClock().now_ms()
        async with sandbox_in_process(
            "binance", step_s=1.0, held=False, symbols=SYMBOLS, start_at_ms=now_ms
        ) as house:
            await _live(house, candles, orders)
            frames.extend(f"{frame.at_ms} {frame.text}" for frame in house.stage.frames)

    random.seed(1)
    run_virtually(work, START_MS)
    return candles, orders, frames


def test_three_hours_of_candles_and_orders_lose_nothing_and_repeat_exactly() -> None:
    candles, orders, frames = _hours()
    opens = set(range(START_MS, START_MS + HOURS * 3_600_000, 60_000))
    assert set(candles) == set(PAIRS)
    for pair in PAIRS:
        assert opens - candles[pair] <= {START_MS}
    assert orders["closed"] == HOURS * 4
    again = _hours()
    assert (candles, orders) == again[:2]
    assert frames == again[2]
