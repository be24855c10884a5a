"""The jobs of a running house: what APScheduler starts, and what each does here."""

import asyncio
from functools import partial
from pathlib import Path

from bot.config.settings import Settings
from bot.domain.event import NoticeRaised
from bot.domain.market import DAY_MS
from bot.domain.notice import Notice, NoticeKind, Severity
from bot.domain.refusal import Refused
from bot.runtime.clock import Clock
from bot.runtime.heartbeat import Heartbeat
from bot.runtime.job_plan import JobPorts, standard_jobs
from bot.runtime.jobs import Jobs
from cli.collecting import collecting
from cli.model_figures import LiveFigures
from cli.vitals import VitalSigns
from cli.wiring import House
from handlers.commands.digest import Period, page
from handlers.commands.drills import drilled
from handlers.lab import Research, WeeklyOrder, WeeklyResult, unheard
from handlers.showing import FILE, PICTURE, WAITING

JOBS_FILE = "jobs.db"
PRUNED_AT_ONCE = 20_000
PRUNE_PAUSE_S = 0.5
DRILLED = frozenset({"paper", "testnet"})
"""Modes with a weekly drill: not with real money; in a demo people drill when they like."""
PERIODS: dict[str, Period] = {"daily": "day", "weekly": "week", "monthly": "month"}


def build_jobs(house: House, clock: Clock) -> Jobs:
    """The standard jobs over a house, kept in its home."""
    settings = house.plan.loaded.settings
    signs = VitalSigns(house, clock.wall_ms)
    heartbeat = Heartbeat(house.plan.home, clock, signs, partial(_beaten, house))
    collectors = collecting(house)
    ports = JobPorts(
        put=house.loop.put,
        digest=partial(send_digest, house),
        prune=partial(prune, house, settings),
        heartbeat=heartbeat.write,
        weekly=partial(send_weekly, house),
        drill=partial(run_drill, house) if house.plan.mode in DRILLED else None,
        collect=collectors.round if collectors is not None else None,
        drift=LiveFigures(house, house.scorer.shelf).check_drift if house.scorer is not None else None,
    )
    rules = (*standard_jobs(settings, [house.plan.timeframe], clock, ports), *house.job_rules)
    store: Path = house.plan.home / JOBS_FILE
    jobs = Jobs(house.plan.account, clock, rules, store=store, notify=partial(raise_notice, house))
    house.health.jobs = jobs.views
    return jobs


def _beaten(house: House) -> None:
    for listener in house.beat_listeners:
        listener()


async def raise_notice(house: House, notice: Notice) -> None:
    """Tell people, through the engine's inbox and the outbox as everything else."""
    house.loop.put(NoticeRaised(house.now_ms(), notice))


async def send_digest(house: House, period: str) -> str:
    """The page of /digest as a notice; its picture comes with the command."""
    told = PERIODS[period]
    reply = await page(house.desk, told)
    picture = ((PICTURE, f"/digest {told}"),) if reply.plot else ()
    fields = (("In short", reply.text), *reply.fields, *picture)
    notice = Notice(NoticeKind.DIGEST, Severity.INFO, house.now_ms(), reply.title, fields)
    await raise_notice(house, notice)
    return "sent"


async def send_weekly(house: House) -> str:
    """The report of the week that has ended, as a notice with picture and page; it is drawn when it is delivered."""
    lab = next(one.lab for one in house.front.seats[house.name].context if isinstance(one, Research))
    found = await lab.weekly(WeeklyOrder(1, "job:weekly"), unheard)
    if isinstance(found, Refused):
        notice = Notice(
            NoticeKind.JOB,
            Severity.TRADE,
            house.now_ms(),
            "There is no weekly report",
            (("Why", found.figures),),
        )
        await raise_notice(house, notice)
        return f"not made: {found.figures}"
    await raise_notice(house, weekly_notice(found, house.now_ms()))
    return "sent"


def weekly_notice(found: WeeklyResult, at_ms: int) -> Notice:
    """The lines that matter; picture and page are named, and fetched by whoever delivers it."""
    picture = ((PICTURE, found.picture),) if len(found.points) > 1 else ()
    waiting = ((WAITING, ", ".join(found.proposals)),) if found.proposals else ()
    fields = (*found.lines, *waiting, *picture, (FILE, found.page))
    return Notice(NoticeKind.DIGEST, Severity.INFO, at_ms, found.title, fields)


async def run_drill(house: House) -> str:
    """The panic path tried on one smallest position, and how it went as a notice. A drill that cannot run says why."""
    reply = await drilled(house.desk, "job:drill", house.plan.loaded.settings.drill.symbol or None)
    severity = Severity.INFO if reply.ok else Severity.TRADE
    fields = (*reply.fields, ("In short", reply.text))
    await raise_notice(house, Notice(NoticeKind.JOB, severity, house.now_ms(), reply.title, fields))
    return reply.title if reply.ok else f"not run: {reply.text}"


async def prune(house: House, settings: Settings) -> str:
    """Drop journal lines and candles beyond their retention, batch by batch: the books are written in between."""
    storage, now_ms = settings.storage, house.now_ms()
    ledger = house.database.ledger(house.plan.account)
    limits = _before(now_ms, storage.journal_days), _before(now_ms, storage.candles_days)
    total = gone = await ledger.prune(*limits, PRUNED_AT_ONCE)
    while gone == PRUNED_AT_ONCE:
        await asyncio.sleep(PRUNE_PAUSE_S)
        total += (gone := await ledger.prune(*limits, PRUNED_AT_ONCE))
    return f"{total} rows"


def _before(now_ms: int, days: int) -> int:
    return now_ms - days * DAY_MS if days else 0
