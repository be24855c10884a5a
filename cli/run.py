"""`quarterdeck run`: what config.yaml says, on every platform that has a token, until it is told to stop."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bot.domain.notice import Notice, NoticeKind, Severity
from bot.runtime.clock import WallClock
from bot.runtime.heartbeat import mark_stopped, read_heartbeat
from bot.runtime.log import close_logging
from bot.venues.ccxt_venue.venue import CcxtVenue
from cli.comeback import comeback
from cli.further import begin_further, further_stages, names_of
from cli.homes import load, resolve_home
from cli.jobs import build_jobs, raise_notice
from cli.live import (
    Running,
    begin_log,
    ended_by_signals,
    open_front,
    open_local_door,
    run_to_end,
    talk,
)
from cli.platforms import begin_platforms, half_given
from cli.pulse import Pulse, checked_address
from cli.stages import Stage, choose_stage
from cli.upkeep import APPLIED, Upkeep, start_again
from cli.wiring import House, open_house
from handlers.cards import trading_words
from handlers.format import count, money

MOST_TOLD = 8


def run_configured(home: Path | None, config: Path | None) -> int:
    """Check the configuration, then run."""
    found = resolve_home(home, os.environ)
    loaded = load(found, config, os.environ)
    if loaded.secrets.heartbeat_url:
        checked_address(loaded.secrets.heartbeat_url)
    wall, upkeep = WallClock(), Upkeep(loaded, APPLIED)
    stage, others = choose_stage(found, loaded, wall), further_stages(loaded, os.environ, wall)
    context = (*stage.plan.context, *upkeep.context())
    stage = replace(stage, plan=replace(stage.plan, context=context, guests=names_of(others)))
    begin_log(loaded, console=True)
    try:
        ended = run_to_end(_run(stage, others, upkeep))
    finally:
        close_logging()
    if upkeep.again:
        start_again()
    return ended


async def _run(stage: Stage, others: Sequence[Stage], upkeep: Upkeep) -> int:
    last_beat = read_heartbeat(stage.plan.home)
    with ended_by_signals() as ending:
        async with open_house(stage.plan) as house:
            running = Running(house, stage.clock(house))
            ending.ends(running)
            jobs = build_jobs(house, running.clock)
            await jobs.start()
            upkeep.join(running, jobs)
            await raise_notice(house, started(house))
            await tell_comeback(house, last_beat)
            await tell_gate(house)
            stage.begin(running)
            begin_tasks(house, running)
            begin_further(others, running)
            await running.until_stopped()
            await jobs.stop()
    mark_stopped(stage.plan.home, WallClock().wall_ms())
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


async def tell_comeback(house: House, last_beat: Mapping[str, object] | None) -> None:
    """That the run before did not end in order, when it did not."""
    notice = await comeback(house, last_beat)
    if notice is not None:
        await raise_notice(house, notice)


async def tell_gate(house: House) -> None:
    """What the exchange's start-up gate set, and what it warns of."""
    if not isinstance(house.venue, CcxtVenue):
        return
    report = house.venue.report
    lines = [("Set", words) for words in report.changed[:MOST_TOLD]]
    more = len(report.changed) - MOST_TOLD
    lines += [("Set", f"and {more} more")] if more > 0 else []
    lines += [("Mind", words) for words in report.warnings]
    lines += [(symbol, words) for symbol, words in sorted(report.halts.items())][:MOST_TOLD]
    if lines:
        severity = Severity.CRITICAL if report.warnings or report.halts else Severity.INFO
        title = f"{house.desk.about.venue}: the account as it was found"
        await raise_notice(house, Notice(NoticeKind.VERSION, severity, house.now_ms(), title, tuple(lines)))


def begin_pulse(house: House, running: Running) -> None:
    """Let the heartbeat's address hear every beat, when there is one."""
    if address := house.plan.loaded.secrets.heartbeat_url:
        pulse = Pulse(address, lambda: house.is_alive)
        house.beat_listeners.append(pulse.beat)
        running.begin("pulse", pulse.run())


def begin_tasks(house: House, running: Running) -> None:
    """The timers, every platform with a token, and the console when somebody sits at it."""
    running.begin("timers", running.fire_timers())
    running.begin("engine", house.until_dead())
    begin_pulse(house, running)
    open_local_door(running)
    open_front(running)
    names = begin_platforms(running)
    if words := half_given(house.plan.loaded.secrets):
        sys.stderr.write(f"{words}\n")
    if sys.stdin.isatty():
        words = f"Quarterdeck, mode {house.plan.mode}. /help lists all commands, Ctrl-C leaves."
        running.begin("console", talk(house, running, words))
    elif not names:
        sys.stderr.write("No chat platform has a token and there is no terminal: stop with SIGTERM.\n")
