"""`quarterdeck run`: what config.yaml says, on every platform that has a token, until it is told to stop."""

import os
import sys
from pathlib import Path

from bot.config import LoadedConfig
from bot.config.settings import Mode
from bot.domain.errors import ConfigError
from bot.domain.market import timeframe_ms
from bot.domain.notice import Notice, NoticeKind, Severity
from bot.runtime.clock import WallClock
from bot.runtime.log import close_logging
from cli.homes import load, resolve_home
from cli.jobs import build_jobs, raise_notice
from cli.live import LateClock, Running, begin_log, ended_by_signals, run_to_end, talk
from cli.markets import configured_market
from cli.platforms import begin_platforms
from cli.venues import PaperOn
from cli.wiring import Blueprint, House, open_house
from handlers.cards import trading_words
from handlers.format import count, money


def run_configured(home: Path | None, config: Path | None) -> int:
    """Check the configuration, then run."""
    found = resolve_home(home, os.environ)
    loaded = load(found, config, os.environ)
    mode = loaded.settings.mode
    if mode not in {Mode.PAPER, Mode.DEMO}:
        raise ConfigError(
            f"mode: {mode} needs a venue driver, which this version has not; allowed: paper, demo"
        )
    begin_log(loaded, console=True)
    try:
        return run_to_end(_run(loaded, found))
    finally:
        close_logging()


async def _run(loaded: LoadedConfig, home: Path) -> int:
    market = configured_market(loaded.settings)
    settings = loaded.settings
    seconds = timeframe_ms(market.feed.timeframe) / 1000
    if settings.mode is Mode.DEMO:
        seconds = float(settings.demo.seconds_per_bar)
    late = LateClock(seconds, market.feed.timeframe)
    now = WallClock().now_ms
    plan = Blueprint(
        home=home,
        loaded=loaded,
        mode=settings.mode,
        account=f"{settings.venue.name}:{settings.mode}:{settings.name}",
        timeframe=market.feed.timeframe,
        symbols=market.feed.symbols,
        make_venue=PaperOn(market.feed, market.instruments, market.starts_at_ms),
        start_at_ms=market.starts_at_ms,
        wall_ms=now,
        synchronous=settings.storage.synchronous,
        context=(late.control(),),
        started_at_ms=now(),
    )
    with ended_by_signals() as ending:
        async with open_house(plan) as house:
            running = Running(house, late.begin(house.now_ms()))
            ending.ends(running)
            jobs = build_jobs(house, running.clock)
            await jobs.start()
            await raise_notice(house, started(house))
            begin_tasks(house, running)
            await running.until_stopped()
            await jobs.stop()
    return 0


def started(house: House) -> Notice:
    """That the desk runs again, for those who are far away."""
    about, status = house.desk.about, house.desk.status()
    fields = (
        ("Account", about.account),
        ("Trading", trading_words(status)),
        ("Equity", money(status.balance.equity, about.quote, signed=False)),
        ("Open", count(len(status.positions), "position")),
    )
    title = f"Quarterdeck {about.version} has started, mode {about.mode}"
    return Notice(NoticeKind.VERSION, Severity.INFO, house.now_ms(), title, fields)


def begin_tasks(house: House, running: Running) -> None:
    """The market, the timers, every platform with a token, and the console when somebody sits at it."""
    running.begin("market", running.pace())
    running.begin("timers", running.fire_timers())
    names = begin_platforms(house, running)
    if sys.stdin.isatty():
        words = f"Quarterdeck, mode {house.plan.mode}. /help lists all commands, Ctrl-C leaves."
        running.begin("console", talk(house, running, words))
    elif not names:
        sys.stderr.write("No chat platform has a token and there is no terminal: stop with SIGTERM.\n")
