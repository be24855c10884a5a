"""The demo over a sandbox exchange: the same desk, its orders through ccxt and real sockets."""

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from bot.config import load_text
from bot.domain.market import timeframe_ms
from bot.runtime.clock import MarketClock, WallClock
from bot.runtime.perform import LanedPerformer
from cli.demo_desk import DemoOptions, converse, goodbye, run_script, welcome
from cli.homes import load
from cli.live import Running, begin_log, ended_by_signals
from cli.sandbox_demo import TIMEFRAME, SandboxMarket, past_market, sandbox_market
from cli.venues import READ_LAG_MS
from cli.wiring import Blueprint, open_house
from handlers.market_clock import ClockControl

SECONDS_PER_BAR = 5.0
RECONCILE_MINUTES = 5
BARS = 100
GONE = "\nThe sandbox exchange is gone, and everything on it.\n"
FILLED = "orders go through ccxt to {} spoken on this machine by `quarterdeck sandbox`"
SPOKEN = {"binance": "Binance USDⓈ-M as", "bybit": "Bybit v5 as"}


def plan_exchange(options: DemoOptions, home: Path, served: SandboxMarket, haste: float = 1.0) -> Blueprint:
    """What the desk is built from."""
    # A comparison with the venue every few minutes of the market would be one every moment of a fast sandbox.
    minutes = min(1440, int(RECONCILE_MINUTES * haste))
    text = f"reconcile_minutes: {minutes}"
    loaded = load(home, options.config, os.environ) if options.config else load_text(text, home, os.environ)
    return Blueprint(
        home=home,
        loaded=loaded,
        mode="demo",
        account=f"{served.exchange.name}:sandbox:{served.market.name}",
        timeframe=TIMEFRAME,
        symbols=served.market.feed.symbols,
        make_venue=served.exchange,
        performer=LanedPerformer,
        step=served.step,
        read_lag_ms=READ_LAG_MS,
        haste=haste,
        place=f"{served.exchange.name} sandbox",
        synchronous="NORMAL",
    )


def _seed_and_symbols(options: DemoOptions, home: Path) -> tuple[int, int]:
    demo = load_text("{}", home, os.environ).settings.demo
    return demo.seed if options.seed is None else options.seed, options.symbols or demo.symbols


async def run_headless_exchange(options: DemoOptions, home: Path) -> int:
    """Run a script, the exchange moved bar by bar; exit code 1 when one of its commands was refused."""
    seed, symbols = _seed_and_symbols(options, home)
    with ended_by_signals():
        async with sandbox_market(options.exchange, past_market(seed, symbols), seed) as served:
            plan = replace(plan_exchange(options, home, served), context=(ClockControl(),))
            async with open_house(plan) as house:
                return await run_script(house, options, BARS if options.bars is None else options.bars)


async def run_interactive_exchange(options: DemoOptions, home: Path) -> int:
    """Run with a console until the person leaves."""
    seed, symbols = _seed_and_symbols(options, home)
    market = past_market(seed, symbols)
    seconds = options.seconds_per_bar or SECONDS_PER_BAR
    bar_ms = timeframe_ms(TIMEFRAME)
    clock = MarketClock.for_bars(market.starts_at_ms, bar_ms, seconds)
    now = WallClock().now_ms
    with ended_by_signals() as ending:
        async with sandbox_market(options.exchange, market, seed, lambda: _seconds(clock)) as served:
            plan = plan_exchange(options, home, served, max(1.0, clock.speed))
            begin_log(plan.loaded, console=False)
            control = ClockControl(lambda: clock, bar_ms / 1000)
            plan = replace(plan, wall_ms=now, started_at_ms=now(), context=(control,))
            async with open_house(plan) as house:
                running = Running(house, clock)
                ending.ends(running)
                words = welcome(market, seconds, FILLED.format(SPOKEN[options.exchange]))
                open_positions = await converse(house, running, words)
    sys.stdout.write(goodbye(open_positions, home) if options.keeps_home else GONE)
    return 0


def _seconds(clock: MarketClock) -> Callable[[], float]:
    return lambda: clock.now_ms() / 1000
