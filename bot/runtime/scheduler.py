"""APScheduler on our clock. Imported only when jobs start: APScheduler and its job store are heavy.

APScheduler asks `datetime.now` for the time and has no place for another clock. Only one of its methods asks while it
runs, `_process_jobs`; each of our schedulers has a copy of that method whose `datetime` is its own clock. No module is
patched, so several clocks live in one process, and chat libraries keep their own schedulers as they are.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from math import ceil
from pathlib import Path
from types import FunctionType, SimpleNamespace

from apscheduler.events import EVENT_JOB_MAX_INSTANCES, JobSubmissionEvent
from apscheduler.job import Job
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.schedulers.base import STATE_STOPPED, BaseScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger

from bot.runtime.clock import Clock
from bot.runtime.job_rules import Cron, Every, JobRule, JobRun

RETRY_S = 10.0

type Call = Callable[..., object]

log = logging.getLogger(__name__)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(at_ms: int) -> datetime:
    """Milliseconds as APScheduler's kind of time."""
    return _EPOCH + timedelta(milliseconds=at_ms)


def milliseconds(at: datetime) -> int:
    """APScheduler's kind of time as milliseconds."""
    return (at - _EPOCH) // timedelta(milliseconds=1)


class EveryTrigger(BaseTrigger):  # type: ignore[misc] # APScheduler has no types
    """Fires at every boundary of a period; of missed ones only the last, however many they are."""

    __slots__ = ("rule",)

    def __init__(self, rule: Every) -> None:
        self.rule = rule

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """The next boundary, as APScheduler asks for it."""
        now_ms = milliseconds(now)
        if previous_fire_time is None:
            return moment(self.rule.first_ms(now_ms))
        return moment(self.rule.next_ms(milliseconds(previous_fire_time), now_ms))


class OnceTrigger(CronTrigger):  # type: ignore[misc] # APScheduler has no types
    """A cron trigger that counts an hour once which the clocks, set back, show twice."""

    __slots__ = ()

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """The next time that is not the second showing of its hour."""
        found: datetime | None = super().get_next_fire_time(previous_fire_time, now)
        while found is not None and found.fold:
            found = super().get_next_fire_time(found, found)
        return found


def trigger_of(rule: Every | Cron) -> BaseTrigger:
    """APScheduler's trigger for a rule."""
    if isinstance(rule, Every):
        return EveryTrigger(rule)
    line = rule.line
    kind = CronTrigger if len(line.hours) == 24 else OnceTrigger
    return kind(
        minute=_list(line.minutes),
        hour=_list(line.hours),
        day=_list(line.days),
        month=_list(line.months),
        day_of_week=_list(line.weekdays),
        timezone=rule.timezone,
    )


def _list(values: tuple[object, ...]) -> str:
    return ",".join(map(str, values))


class _ClockScheduler(AsyncIOScheduler):  # type: ignore[misc] # APScheduler has no types
    """A scheduler that sees and sleeps by a Clock, and goes on when its store fails for a while."""

    def __init__(self, clock: Clock, store: SQLAlchemyJobStore) -> None:
        self._clock = clock
        self._seen_ms = clock.now_ms()
        self._sleep: asyncio.Task[None] | None = None
        self._retry: asyncio.TimerHandle | None = None
        super().__init__(
            timezone=UTC,
            jobstores={"default": store},
            job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 1},
        )
        self._process_jobs = partial(_with_time(BaseScheduler._process_jobs, self._now), self)

    def close(self) -> None:
        """Stop at once; the loop is ours, so there is no need to wait for its next turn."""
        self._stop_timer()
        super(AsyncIOScheduler, self).shutdown(wait=False)

    def wakeup(self) -> None:
        """Look for due jobs in the next turn of the loop."""
        self._eventloop.call_soon_threadsafe(self._look)

    def _look(self) -> None:
        self._stop_timer()
        if self.state == STATE_STOPPED:
            return
        self._seen_ms = self._clock.now_ms()
        try:
            wait_s = self._process_jobs()
        except Exception:  # whatever the store failed of, the timetable goes on
            log.exception("the job store failed; trying again in %s s", RETRY_S)
            self._retry = self._eventloop.call_later(RETRY_S, self.wakeup)
        else:
            self._start_timer(wait_s)

    def _now(self, zone: tzinfo) -> datetime:
        return moment(self._seen_ms).astimezone(zone)

    def _start_timer(self, wait_seconds: float | None) -> None:
        if wait_seconds is not None:
            at_ms = self._seen_ms + ceil(wait_seconds * 1000)
            self._sleep = self._eventloop.create_task(self._sleep_until(at_ms))

    async def _sleep_until(self, at_ms: int) -> None:
        await self._clock.sleep_until(at_ms)
        self.wakeup()

    def _stop_timer(self) -> None:
        for waiting in (self._sleep, self._retry):
            if waiting:
                waiting.cancel()
        self._sleep = self._retry = None


def _with_time(method: FunctionType, now: Callable[[tzinfo], datetime]) -> FunctionType:
    """A copy of a method that takes `datetime.now` from us."""
    names = {**method.__globals__, "datetime": SimpleNamespace(now=now)}
    return FunctionType(method.__code__, names, method.__name__, method.__defaults__, method.__closure__)


class Timetable:
    """Jobs with their rules, next and last runs, kept in a database over restarts.

    `file` is an SQLite database (None: in memory), in which each account has a table of its own.
    `call` is a module-level function of the account and a job's id. `skipped` is told the id of a job that was due
    while its last run had not ended.
    """

    def __init__(
        self, clock: Clock, file: Path | None, account: str, call: Call, skipped: Callable[[str], None]
    ) -> None:
        self._clock = clock
        self._account = account
        self._call = call
        self._store = SQLAlchemyJobStore(
            url=f"sqlite:///{file}" if file else "sqlite://",
            tablename=f"jobs:{account}",
            engine_options={"pool_size": 1},  # pragmas belong to a connection
        )
        self._scheduler = _ClockScheduler(clock, self._store)
        self._scheduler.add_listener(partial(_tell, skipped), EVENT_JOB_MAX_INSTANCES)

    def open(self, rules: Sequence[JobRule]) -> None:
        """Open the store and bring it in line with the rules; nothing runs before `go`."""
        with self._store.engine.connect() as connection:
            # each run is three commits; a power cut may take the last ones back, a crash of ours may not
            for pragma in ("journal_mode=WAL", "synchronous=NORMAL"):
                connection.exec_driver_sql(f"PRAGMA {pragma}")
        self._scheduler.start(paused=True)
        for rule in rules:
            self._keep(rule)
        for stale in sorted(self._jobs().keys() - {rule.id for rule in rules}):
            self._scheduler.remove_job(stale)

    def _keep(self, rule: JobRule) -> None:
        """Add or replace a job; one whose rule is unchanged keeps its next run, so none is lost or repeated."""
        trigger, now_ms = trigger_of(rule.when), self._clock.now_ms()
        next_run = trigger.get_next_fire_time(None, moment(now_ms))
        kept = self._scheduler.get_job(rule.id)
        last = kept.kwargs.get("last") if kept else None
        args = (self._account, rule.id, str(rule.when))
        if kept and tuple(kept.args) == args and kept.next_run_time:
            # later than the rule allows means that the clock went back: a market that was started anew
            latest = trigger.get_next_fire_time(None, moment(now_ms + 1))
            next_run = min(kept.next_run_time, latest)
        if last and not last[2]:
            next_run = moment(now_ms)  # it was interrupted
        self._scheduler.add_job(
            self._call,
            trigger,
            args=args,
            kwargs={"last": last},
            id=rule.id,
            name=rule.title,
            next_run_time=next_run,
            replace_existing=True,
        )

    def go(self) -> None:
        """Run what is due from now on."""
        self._scheduler.resume()

    def rest(self) -> None:
        """Run nothing new."""
        self._scheduler.pause()

    def close(self) -> None:
        """Stop and close the store."""
        self._scheduler.close()

    def remember(self, job_id: str, run: JobRun) -> None:
        """Keep how a run went."""
        job = self._store.lookup_job(job_id)
        if job is not None:
            job._modify(kwargs={"last": (run.at_ms, run.took_ms, run.result)})
            self._store.update_job(job)

    def next_runs(self) -> Mapping[str, int]:
        """When each job runs next, on the timetable's clock."""
        jobs = self._jobs().items()
        return {job_id: milliseconds(job.next_run_time) if job.next_run_time else 0 for job_id, job in jobs}

    def last_runs(self) -> Mapping[str, JobRun]:
        """How each job's last run went, of those that have run."""
        jobs = self._jobs().items()
        return {job_id: JobRun(*job.kwargs["last"]) for job_id, job in jobs if job.kwargs.get("last")}

    def _jobs(self) -> Mapping[str, Job]:
        return {job.id: job for job in self._scheduler.get_jobs()}


def _tell(skipped: Callable[[str], None], event: JobSubmissionEvent) -> None:
    skipped(event.job_id)


def is_damage(error: Exception) -> bool:
    """True when an error says that the file is no sound database, rather than busy or full."""
    return any(words in str(error) for words in ("file is not a database", "malformed"))
