"""A sandbox exchange for tests, over sockets or in process; its market stands still until it is told to move."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bot.runtime.clock import WallClock
from bot.venues.instruments import Extras, read_instruments
from sandbox.exchange.core import ExchangeAccount
from sandbox.exchange.serving.fault_file import FaultPlan
from sandbox.exchange.serving.faults import Rule
from sandbox.exchange.serving.in_process import InProcessSession
from sandbox.exchange.serving.pace import Pace
from sandbox.exchange.serving.server import StageServer
from sandbox.exchange.serving.stage import Stage
from sandbox.exchange.serving.venues import Setting, key_of, open_stage
from sandbox.market import GeneratedMarket, exchange_info, funding_info, leverage_brackets

SEED = 11
HOUR_MS = 3_600_000
PHASE_MS = 1_210_000  # 20 minutes and 10 seconds past the hour: no candle of any length is about to close


@dataclass(frozen=True, slots=True)
class Sandbox:
    """One exchange that is up: where it is, and the hand of fate."""

    stage: Stage
    pace: Pace
    place: dict[str, str]
    session: InProcessSession | None = None

    @property
    def account(self) -> ExchangeAccount:
        """The one account."""
        return self.stage.exchange.accounts()[0]

    def price(self, symbol: str) -> Decimal:
        """What it costs now."""
        return self.stage.exchange.view(symbol).last


class Notebook:
    """A Memory that lasts as long as the test."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    async def load(self) -> dict[str, str]:
        return self.kept

    async def save(self, key: str, value: str) -> None:
        self.kept[key] = value


def open_venue(
    venue: str, *rules: Rule, symbols: int | Sequence[str] = 3, held: bool = True, **parts: Any
) -> Stage:
    """A stage on a generated market of 1m candles; `held`: prices move by control calls only.

    It lives in this hour, but at its own minute unless told `start_at_ms` (see `machine_time`).
    """
    feed = GeneratedMarket(SEED, symbols, "1m")
    more = Extras(brackets=leverage_brackets(feed.symbols), funding=funding_info(feed.symbols))
    parts.setdefault("start_at_ms", WallClock().now_ms() // HOUR_MS * HOUR_MS + PHASE_MS)
    setting = Setting(
        feed=feed, instruments=read_instruments(exchange_info(feed.symbols), more), seed=SEED, **parts
    )
    stage = open_stage(venue, setting, FaultPlan(rules, SEED))
    stage.exchange.hold("", held=held)
    return stage


def machine_time() -> dict[str, Any]:
    """Parts of an exchange whose clients stamp their questions by the machine's clock, not by the exchange's.

    Between the reading of its start and its first move lies what building took: on a busy machine more than the second
    that a stamp may be ahead.
    """
    wall_ms = WallClock().now_ms
    return {"start_at_ms": wall_ms(), "wall_ms": wall_ms}


def place_of(stage: Stage, rest: str, stream: str) -> dict[str, str]:
    """As `quarterdeck sandbox` prints it."""
    key = key_of(stage.name, SEED)
    return {"rest": rest, "stream": stream, "api_key": key.key, "secret": key.secret}


@asynccontextmanager
async def living(stage: Stage, step_s: float = 0.02, speed: float = 1.0) -> AsyncIterator[Pace]:
    """Time passes at the exchange."""
    pace = Pace([stage], asyncio.get_running_loop().time, speed, step_s)
    task = asyncio.ensure_future(pace.run())
    try:
        yield pace
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def sandbox(venue: str, *rules: Rule, **parts: Any) -> AsyncIterator[Sandbox]:
    """An exchange on loopback."""
    parts.setdefault("wall_ms", lambda: pace.now_ms)  # clients read it between two moves
    stage = open_venue(venue, *rules, **parts)
    async with StageServer(stage) as server, living(stage) as pace:
        yield Sandbox(stage, pace, place_of(stage, server.rest, server.stream))


@asynccontextmanager
async def sandbox_in_process(
    venue: str, *rules: Rule, step_s: float = 0.02, **parts: Any
) -> AsyncIterator[Sandbox]:
    """An exchange without sockets: hand `session` to ccxt."""
    parts.setdefault("wall_ms", lambda: pace.now_ms)
    stage = open_venue(venue, *rules, **parts)
    host = f"{venue}.test"
    async with living(stage, step_s) as pace:
        place = place_of(stage, f"http://{host}", f"ws://{host}")
        yield Sandbox(stage, pace, place, InProcessSession({host: stage}))


async def until(wanted: Any, seconds: float = 60.0) -> None:
    """Wait until a condition holds; fails with what it was."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not wanted():
        assert loop.time() < end, "what was waited for never came"
        await asyncio.sleep(0.01)
