"""Scheduled jobs: kept over restarts, run once when missed; failures are told and never fatal.

What is stored of a job must outlive the process: the function `run_job`, the account and the job's id. The work itself
is looked up in the running `Jobs` of that account, to which the composition root gave it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from bot.domain.errors import QuarterdeckError
from bot.domain.notice import Notice, NoticeKind, Severity
from bot.domain.refusal import Refused
from bot.runtime.clock import Clock, WallClock
from bot.runtime.desk import JobView
from bot.runtime.job_rules import JobRule, JobRun

if TYPE_CHECKING:
    from bot.runtime.scheduler import Timetable

type Notify = Callable[[Notice], Awaitable[None]]

DONE = "done"
PATIENCE_S = 5.0

log = logging.getLogger(__name__)

_running: dict[str, "Jobs"] = {}


async def run_job(account: str, job_id: str, rule: str = "", last: object = None) -> None:
    """What the scheduler calls; `rule` and `last` are only kept beside it in the store."""
    jobs = _running.get(account)
    if jobs is not None:
        await jobs.perform(job_id)


class Jobs:
    """The jobs of one account. `store` is the database file that keeps them; None keeps them in memory.

    Jobs follow `clock`, those marked `wall` the wall clock. `notify` is told when a job fails and when it is well
    again. At most one `Jobs` of an account runs in a process.
    """

    def __init__(
        self,
        account: str,
        clock: Clock,
        rules: Sequence[JobRule],
        *,
        store: Path | None,
        notify: Notify,
        wall: Clock | None = None,
    ) -> None:
        self._account = account
        self._clocks = {False: clock, True: wall or WallClock()}
        self._rules = {rule.id: rule for rule in rules}
        self._store = store
        self._notify = notify
        self._tables: dict[bool, Timetable] = {}
        self._active: dict[str, asyncio.Task[object]] = {}
        self._ailing: set[str] = set()

    async def start(self) -> None:
        """Take up the timetable where it was left; what was missed or interrupted runs at once, and once."""
        if self._account in _running:
            raise RuntimeError(f"jobs of {self._account} are running already")
        for wall in self._clocks:
            rules = [rule for rule in self._rules.values() if rule.wall is wall]
            self._tables[wall] = self._open(wall, rules)
        _running[self._account] = self
        for table in self._tables.values():
            table.go()

    def _open(self, wall: bool, rules: Sequence[JobRule]) -> "Timetable":
        """A timetable; a store that is damaged is put aside, since jobs can be planned anew."""
        from bot.runtime.scheduler import is_damage

        file = None if wall else self._store
        try:
            return self._opened(wall, file, rules)
        except Exception as error:
            if file is None or not is_damage(error):
                raise
            log.exception("%s is damaged; it is put aside and jobs are planned anew", file.name)
            _put_aside(file)
            return self._opened(wall, file, rules)

    def _opened(self, wall: bool, file: Path | None, rules: Sequence[JobRule]) -> "Timetable":
        from bot.runtime.scheduler import Timetable

        table = Timetable(self._clocks[wall], file, self._account, run_job, self._skipped)
        table.open(rules)
        return table

    async def stop(self, patience_s: float = PATIENCE_S) -> None:
        """Begin nothing new, wait for what runs, interrupt what takes longer (it runs again at the next start)."""
        for table in self._tables.values():
            table.rest()
        active = set(self._active.values())
        if active:
            _, late = await asyncio.wait(active, timeout=patience_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        for table in self._tables.values():
            table.close()
        self._tables.clear()
        _running.pop(self._account, None)

    def views(self) -> tuple[JobView, ...]:
        """Every job with its next and last run, in the order of the rules; times are those of the job's clock."""
        nexts: dict[str, int] = {}
        lasts: dict[str, JobRun] = {}
        for table in self._tables.values():
            nexts.update(table.next_runs())
            lasts.update(table.last_runs())
        return tuple(_view(rule, nexts.get(rule.id, 0), lasts.get(rule.id)) for rule in self._rules.values())

    async def run_now(self, job_id: str) -> JobView | Refused:
        """Run a job now, besides its timetable."""
        if job_id not in self._rules:
            near = get_close_matches(job_id, self._rules, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(self._rules)}"
            return Refused("job", f"no job {job_id!r}; {hint}")
        if job_id in self._active:
            return Refused("job", f"{job_id} is running right now")
        await asyncio.create_task(self.perform(job_id))
        return next(view for view in self.views() if view.id == job_id)

    async def perform(self, job_id: str) -> None:
        """Run one job, remember how it went, tell when it failed."""
        rule, task = self._rules.get(job_id), asyncio.current_task()
        if rule is None or task is None or job_id in self._active:
            return
        self._active[job_id] = task
        try:
            await self._timed(rule)
        finally:
            del self._active[job_id]

    async def _timed(self, rule: JobRule) -> None:
        at_ms, started_s = self._clocks[rule.wall].now_ms(), asyncio.get_running_loop().time()
        self._remember(rule, JobRun(at_ms))
        result, failed = await self._worked(rule)
        took_ms = round((asyncio.get_running_loop().time() - started_s) * 1000, 3)
        self._remember(rule, JobRun(at_ms, took_ms, result))
        await self._tell(rule, failed, result)

    async def _worked(self, rule: JobRule) -> tuple[str, bool]:
        """What the work answered, and whether it failed; its error goes to the log, only our own texts further."""
        try:
            return await rule.work() or DONE, False
        except QuarterdeckError as error:
            log.exception("job %s failed", rule.id)
            return f"failed: {error}", True
        except Exception as error:  # a job may do anything; none may end the timetable
            log.exception("job %s failed", rule.id)
            return f"failed: {type(error).__name__}", True

    def _remember(self, rule: JobRule, run: JobRun) -> None:
        try:
            self._tables[rule.wall].remember(rule.id, run)
        except Exception:  # the store may be full or locked; the job itself goes on
            log.exception("the run of job %s could not be remembered", rule.id)

    def _skipped(self, job_id: str) -> None:
        log.warning("job %s is due while its last run has not ended; skipped", job_id)

    async def _tell(self, rule: JobRule, failed: bool, result: str) -> None:
        """One notice when a job begins to fail, one when it is well again; not one for every run between."""
        if failed is (rule.id in self._ailing):
            return
        self._ailing ^= {rule.id}
        severity, title = (
            (Severity.CRITICAL, f"Job failed: {rule.title}")
            if failed
            else (Severity.INFO, f"Job runs again: {rule.title}")
        )
        fields = (("Job", rule.id), ("Result", result))
        try:
            await self._notify(Notice(NoticeKind.JOB, severity, self._clocks[False].now_ms(), title, fields))
        except Exception:  # a notice that cannot be stored is no reason to stop
            log.exception("nobody could be told about job %s", rule.id)


def _view(rule: JobRule, next_run_at_ms: int, last: JobRun | None) -> JobView:
    last = last or JobRun(0)
    result = last.result or ("running" if last.at_ms else "")
    return JobView(rule.id, rule.title, str(rule.when), next_run_at_ms, last.at_ms, last.took_ms, result)


def _put_aside(file: Path) -> None:
    """Rename a damaged store; what SQLite keeps beside it belongs to it and goes."""
    file.replace(file.with_suffix(".damaged"))
    for suffix in ("-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)
