"""`quarterdeck bench venue`: the whole desk on a sandbox exchange in another process, over loopback sockets."""

import asyncio
import contextlib
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

from bot.config import load_text
from bot.domain.errors import ConfigError
from bot.domain.event import Outcome
from bot.domain.instrument import to_decimal
from bot.domain.order import Intent, Order, OrderSide, OrderStatus, OrderType, Purpose
from bot.runtime.health import memory_mb
from bot.runtime.perform import LanedPerformer
from bot.venues.ccxt_venue.venue import CcxtVenue
from bot.venues.ccxt_venue.wire import Access, Environment
from cli.homes import HISTORY
from cli.shelf import StoreShelf
from cli.venues import READ_LAG_MS, ExchangeAt
from cli.wiring import Blueprint, House, open_house
from sandbox.market import GeneratedMarket

EXCHANGES = ("binance", "bybit")
TIMEFRAME = "15m"
FRAMES_SPEED = 60
"""At this speed of the sandbox each symbol's candle moves four times a second, as it does on a busy exchange."""
PAUSE_S = 0.16
"""Between orders, so that no venue's order rate is part of the figure."""
START_S = 120.0

type Seconds = tuple[float, float]
"""By the clock, and of processor time."""


@dataclass(frozen=True, slots=True)
class VenueFigures:
    """What was measured; times in milliseconds, memory in MiB of this process alone (the exchange runs in another).

    `ready_s`: from nothing to streams up, candles loaded and the account reconciled. `exchange_start`: the same again
    in a warm process, candles from the exchange; `store_start`: candles from the store; each by the clock and of
    processor time. `orders`: market orders, sent one after the other. `streams_cpu_percent`: of one core, with
    `frames_per_s` frames arriving.
    """

    venue: str
    symbols: int
    ready_s: float
    exchange_start_s: float
    exchange_start_cpu_s: float
    store_start_s: float
    store_start_cpu_s: float
    orders: int
    order_p50_ms: float
    order_p99_ms: float
    frames_per_s: float
    streams_cpu_percent: float
    seconds: float
    memory_mb: float


def run_venue_bench(venue: str, symbols: int, orders: int, seconds: float, as_json: bool) -> int:
    """Measure and print."""
    if venue not in EXCHANGES:
        raise ConfigError(f"--venue {venue}: is not allowed; allowed: {', '.join(EXCHANGES)}")
    for name, given, low, high in (
        ("symbols", symbols, 1, 600),
        ("orders", orders, 1, 100_000),
        ("seconds", seconds, 1, 3600),
    ):
        if not low <= given <= high:
            raise ConfigError(f"--{name} {given}: is not allowed; a number from {low} to {high:_}")
    figures = asyncio.run(_measure(venue, symbols, orders, seconds))
    if as_json:
        sys.stdout.write(json.dumps(asdict(figures)) + "\n")
        return 0
    sys.stdout.write(
        f"{figures.symbols} symbols on {figures.venue}, spoken by a sandbox in another process\n"
        f"  ready after {figures.ready_s:.1f} s\n"
        f"  started again: {figures.exchange_start_s:.1f} s, {figures.exchange_start_cpu_s:.1f} s of processor time; "
        f"with candles at home {figures.store_start_s:.1f} s, {figures.store_start_cpu_s:.1f} s\n"
        f"  order round trip {figures.order_p50_ms:.1f} ms median, {figures.order_p99_ms:.1f} ms p99 "
        f"of {figures.orders}\n"
        f"  streams {figures.streams_cpu_percent:.0f} % of a core at {figures.frames_per_s:,.0f} frames/s\n"
        f"  memory {figures.memory_mb:.0f} MiB\n"
    )
    return 0


async def _measure(venue: str, symbols: int, orders: int, seconds: float) -> VenueFigures:
    *listed, extra = GeneratedMarket(0, symbols + 1, "1m").symbols
    async with _desk(venue, listed, 1) as (house, ready_s):
        round_trips = sorted(await _round_trips(_exchange(house), extra, orders))
    from_exchange, from_store = await _starts(venue, listed)
    async with _desk(venue, listed, FRAMES_SPEED) as (house, _):
        frames_per_s, cpu = await _streams(_exchange(house), seconds)
    return VenueFigures(
        venue=venue,
        symbols=symbols,
        ready_s=ready_s,
        exchange_start_s=from_exchange[0],
        exchange_start_cpu_s=from_exchange[1],
        store_start_s=from_store[0],
        store_start_cpu_s=from_store[1],
        orders=orders,
        order_p50_ms=statistics.median(round_trips),
        order_p99_ms=round_trips[min(orders - 1, int(orders * 0.99))],
        frames_per_s=frames_per_s,
        streams_cpu_percent=cpu,
        seconds=seconds,
        memory_mb=memory_mb(),
    )


@asynccontextmanager
async def _desk(venue: str, listed: Sequence[str], speed: int) -> AsyncIterator[tuple[House, float]]:
    """A desk on its first start at a sandbox that runs so fast, and how many seconds it took to be ready."""
    with tempfile.TemporaryDirectory(prefix="quarterdeck-bench-") as folder:
        async with _sandbox(venue, len(listed) + 1, speed) as line:
            began = time.perf_counter()
            async with open_house(_plan(venue, line, listed, Path(folder))) as house:
                await _ready(house)
                yield house, time.perf_counter() - began


async def _starts(venue: str, listed: Sequence[str]) -> tuple[Seconds, Seconds]:
    """What a start takes without and with candles at home; everything else is known to both."""
    with tempfile.TemporaryDirectory(prefix="quarterdeck-bench-") as folder:
        home = Path(folder)
        async with _sandbox(venue, len(listed) + 1, 1) as line:
            await _started(venue, line, listed, home)
            shutil.rmtree(home / HISTORY)
            from_exchange = await _started(venue, line, listed, home)
            return from_exchange, await _started(venue, line, listed, home)


async def _started(venue: str, line: dict[str, Any], listed: Sequence[str], home: Path) -> Seconds:
    """One start, until the desk is ready, and its end when its candles are stored."""
    began, busy = time.perf_counter(), time.process_time()
    async with open_house(_plan(venue, line, listed, home)) as house:
        await _ready(house)
        taken = time.perf_counter() - began, time.process_time() - busy
        shelf = _exchange(house).shelf
        if isinstance(shelf, StoreShelf):
            await shelf.settled()
    return taken


def _exchange(house: House) -> CcxtVenue:
    if not isinstance(house.venue, CcxtVenue):
        raise TypeError(f"{house.venue.name} is no exchange")
    return house.venue


@asynccontextmanager
async def _sandbox(venue: str, symbols: int, speed: int) -> AsyncIterator[dict[str, Any]]:
    """A sandbox in a process of its own, as long as it is wanted."""
    command = [sys.executable, "-m", "cli.main", "sandbox", "--venue", venue, "--symbols", str(symbols)]
    running = await asyncio.create_subprocess_exec(
        *command, "--speed", str(speed), stdout=subprocess.PIPE, limit=1 << 20
    )
    try:
        if running.stdout is None:
            raise RuntimeError("the sandbox has no output")
        async with asyncio.timeout(START_S):
            line = await running.stdout.readline()
        yield json.loads(line)
    finally:
        with contextlib.suppress(ProcessLookupError):
            running.terminate()
        await running.wait()


def _clock(now_ms: int, speed: float) -> Callable[[], int]:
    """The sandbox's clock, which may run fast, from here: it said `now_ms` a moment ago."""
    began = time.monotonic()
    return lambda: now_ms + int((time.monotonic() - began) * 1000 * speed)


def _plan(venue: str, line: dict[str, Any], listed: Sequence[str], home: Path) -> Blueprint:
    place = line["venues"][venue]
    access = Access(Environment.SANDBOX, place["api_key"], place["secret"], place["rest"], place["stream"])
    return Blueprint(
        home=home,
        loaded=load_text("{}", home, {}),
        mode="testnet",
        account=f"{venue}:testnet:bench",
        timeframe=TIMEFRAME,
        symbols=listed,
        make_venue=ExchangeAt(venue, access, _clock(line["now_ms"], line["speed"]), Random(1)),
        performer=LanedPerformer,
        read_lag_ms=READ_LAG_MS,
        haste=line["speed"],
    )


async def _ready(house: House) -> None:
    """Reconciled with the exchange."""
    async with asyncio.timeout(START_S):
        while house.engine.state.recovering:  # noqa: ASYNC110 - the engine tells nobody
            await asyncio.sleep(0.01)


async def _round_trips(venue: CcxtVenue, symbol: str, orders: int) -> list[float]:
    """Market orders of the least size there and back, on a symbol that the desk does not trade; milliseconds each."""
    frame = (await venue.history((symbol,), TIMEFRAME, 2))[symbol]
    rules, price = venue.instruments[symbol], to_decimal(float(frame.close[-1]))
    quantity = max(
        rules.min_quantity, rules.quantity_down(2 * rules.min_notional / price) + rules.quantity_step
    )
    taken = []
    for number in range(orders):
        side = OrderSide.SELL if number % 2 else OrderSide.BUY
        intent = Intent(symbol, side, Purpose.ENTRY, OrderType.MARKET, quantity, f"bench/{number}")
        order = Order(f"bench-{number}", intent, "bench", OrderStatus.INTENDED, venue.now_ms, venue.now_ms)
        began = time.perf_counter()
        answer = await venue.submit(order)
        taken.append((time.perf_counter() - began) * 1000)
        if answer.outcome is not Outcome.DONE:
            raise ConfigError(f"bench venue: an order was not taken: {answer.outcome} {answer.code}")
        await asyncio.sleep(PAUSE_S)
    return taken


async def _streams(venue: CcxtVenue, seconds: float) -> tuple[float, float]:
    """Frames a second of the market streams, and what share of a core (percent) this process spends meanwhile."""
    frames, spent, began = venue.health().market_frames, time.process_time(), time.perf_counter()
    await asyncio.sleep(seconds)
    passed = time.perf_counter() - began
    cpu = (time.process_time() - spent) / passed * 100
    return (venue.health().market_frames - frames) / passed, cpu
