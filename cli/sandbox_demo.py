"""`quarterdeck demo --venue sandbox`: the demo's market served by an exchange on loopback, traded through ccxt."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random

from bot.domain.market import MINUTE_MS, timeframe_ms
from bot.venues.ccxt_venue.wire import Access, Environment
from cli.house import House
from cli.markets import Market, generated_market
from cli.venues import ExchangeAt
from sandbox.exchange.serving.pace import Pace
from sandbox.exchange.serving.server import StageServer
from sandbox.exchange.serving.stage import Stage
from sandbox.exchange.serving.venues import Setting, key_of, open_stage

TIMEFRAME = "15m"
PAST_MINUTES = 24_000
ARRIVAL_S = 0.004
PATIENCE_S = 20.0

type Seconds = Callable[[], float]


@dataclass(frozen=True, slots=True)
class SandboxMarket:
    """An exchange that is up, and how the desk gets there."""

    market: Market
    stage: Stage
    pace: Pace
    exchange: ExchangeAt

    @property
    def now_ms(self) -> int:
        """The exchange's clock."""
        return self.stage.exchange.now_ms

    async def step(self, house: House) -> bool:
        """One bar: the exchange lives it minute by minute, the desk answers in between; then the bar's own turn."""
        bar_ms = timeframe_ms(house.plan.timeframe)
        closes_ms = (self.now_ms // bar_ms + 1) * bar_ms
        while self.now_ms < closes_ms:
            self.pace.skip(min(MINUTE_MS, closes_ms - self.now_ms))
            await _answered(house)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                while house.engine.state.last_bar_at_ms < closes_ms:  # noqa: ASYNC110 - it comes over the wire
                    await asyncio.sleep(ARRIVAL_S)
        await _answered(house)
        return house.engine.state.last_bar_at_ms >= closes_ms


async def _answered(house: House) -> None:
    """What the exchange says has arrived, and the desk has done what it leads to."""
    for _ in range(2):
        await asyncio.sleep(ARRIVAL_S)
        house.timers.fire(house.now_ms())
        await house.settled()


def past_market(seed: int, symbols: int) -> Market:
    """The demo's market in minutes, with enough of them behind to warm up on."""
    return generated_market(seed, symbols, PAST_MINUTES, "1m")


@asynccontextmanager
async def sandbox_market(
    venue: str, market: Market, seed: int, clock: Callable[[], Seconds] | None = None
) -> AsyncIterator[SandboxMarket]:
    """Serve `market` on loopback. `clock` makes the clock that moves it, in seconds; without one only steps move it."""
    setting = Setting(
        feed=market.feed,
        instruments=market.instruments,
        start_at_ms=market.starts_at_ms,
        seed=seed,
        speed=900.0,
    )
    stage = open_stage(venue, setting)
    loop_time = asyncio.get_running_loop().time
    pace = Pace([stage], clock() if clock else loop_time, 1.0 if clock else 0.0)
    async with StageServer(stage) as server:
        key = key_of(venue, seed)
        access = Access(Environment.SANDBOX, key.key, key.secret, server.rest, server.stream)
        exchange = ExchangeAt(venue, access, lambda: stage.exchange.now_ms, Random(seed))
        moving = asyncio.create_task(pace.run(), name="sandbox exchange")
        try:
            yield SandboxMarket(market, stage, pace, exchange)
        finally:
            moving.cancel()
            await asyncio.gather(moving, return_exceptions=True)
