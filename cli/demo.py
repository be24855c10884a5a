"""`quarterdeck demo`: the whole bot on a generated market or on real candles, with a console or for scripts."""

import os
import sys
import tempfile
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from bot.config import load_text
from bot.runtime.clock import WallClock
from cli.demo_desk import DemoOptions, check_options, converse, goodbye, resumed, run_script, welcome
from cli.homes import load, resolve_home
from cli.live import LateClock, Running, begin_log, ended_by_signals, run_to_end
from cli.markets import Market, choose_market
from cli.venues import PaperOn
from cli.wiring import Blueprint, open_house
from handlers.market_clock import ClockControl

BATCH = 256
CUT_SHORT = 130


def run_demo(options: DemoOptions) -> int:
    """Run until the market, the script or the person ends it."""
    check_options(options)
    scratch = nullcontext("") if options.keeps_home else tempfile.TemporaryDirectory(prefix="quarterdeck-")
    with scratch as folder:
        home = resolve_home(Path(folder) if folder else options.home, os.environ)
        work = run_headless if options.headless else run_interactive
        if options.exchange:
            from cli.demo_exchange import run_headless_exchange, run_interactive_exchange

            work = run_headless_exchange if options.headless else run_interactive_exchange
        return run_to_end(work(options, home), CUT_SHORT if options.headless else 0)


async def run_interactive(options: DemoOptions, home: Path) -> int:
    """Run with a console until the person leaves."""
    plan, market = plan_demo(options, home)
    begin_log(plan.loaded, console=False)
    seconds = options.seconds_per_bar or float(plan.loaded.settings.demo.seconds_per_bar)
    late = LateClock(seconds, plan.timeframe)
    now = WallClock().now_ms
    plan = replace(plan, wall_ms=now, started_at_ms=now(), context=(late.control(),))
    with ended_by_signals() as ending:
        async with open_house(plan) as house:
            running = Running(house, late.begin(house.now_ms()))
            ending.ends(running)
            running.begin("market", running.pace())
            open_positions = await converse(house, running, welcome(market, seconds) + resumed(house))
    sys.stdout.write(goodbye(open_positions, home))
    return 0


async def run_headless(options: DemoOptions, home: Path) -> int:
    """Run a script; exit code 1 when one of its commands was refused."""
    plan, market = plan_demo(options, home)
    for note in market.notes:
        sys.stderr.write(f"{note}\n")
    with ended_by_signals():
        async with open_house(replace(plan, commit_batch=BATCH, context=(ClockControl(),))) as house:
            bars = market.bars_ahead(house.now_ms()) if options.bars is None else options.bars
            return await run_script(house, options, bars)


def plan_demo(options: DemoOptions, home: Path) -> tuple[Blueprint, Market]:
    """What a demo is built from: the defaults, or the configuration that was named."""
    loaded = load(home, options.config, os.environ) if options.config else load_text("{}", home, os.environ)
    demo = loaded.settings.demo
    market = choose_market(
        options.candles,
        options.rules,
        seed=demo.seed if options.seed is None else options.seed,
        symbols=options.symbols or demo.symbols,
        history=demo.history_bars,
    )
    plan = Blueprint(
        home=home,
        loaded=loaded,
        mode="demo",
        account=f"paper:demo:{market.name}",
        timeframe=market.feed.timeframe,
        symbols=market.feed.symbols,
        make_venue=PaperOn(market.feed, market.instruments, market.starts_at_ms),
        start_at_ms=market.starts_at_ms,
        synchronous="NORMAL",
    )
    return plan, market
