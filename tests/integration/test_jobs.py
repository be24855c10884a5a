"""Jobs on a real APScheduler with a real SQLite store, on clocks that the test moves."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.domain.errors import StorageError
from bot.domain.notice import Notice, Severity
from bot.domain.refusal import Refused
from bot.runtime.clock import ManualClock, MarketClock
from bot.runtime.desk import JobView
from bot.runtime.job_rules import Cron, Every, JobRule
from bot.runtime.jobs import Jobs

ACCOUNT = "paper:demo:main"
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


START = at("2026-03-02T06:00")


@dataclass(slots=True)
class Bench:
    """One process after another on the same store: what ran when, and what was told."""

    store: Path
    clock: ManualClock = field(default_factory=lambda: ManualClock(START))
    ran: list[tuple[str, int]] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)

    def rule(self, job_id: str, when: Every | Cron, *, wall: bool = False) -> JobRule:
        async def work() -> str:
            self.ran.append((job_id, self.clock.now_ms()))
            return f"run {len(self.ran)}"

        return JobRule(job_id, job_id.title(), when, work, wall)

    async def told(self, notice: Notice) -> None:
        self.notices.append(notice)

    @asynccontextmanager
    async def running(self, *rules: JobRule, patience_s: float = 1) -> AsyncIterator[Jobs]:
        jobs = Jobs(ACCOUNT, self.clock, rules, store=self.store, notify=self.told, wall=ManualClock(START))
        await jobs.start()
        try:
            await self.clock.run_to(self.clock.now_ms())
            yield jobs
        finally:
            await jobs.stop(patience_s)

    def times(self, job_id: str) -> list[int]:
        return [at_ms for ran, at_ms in self.ran if ran == job_id]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "jobs.db")


def view(jobs: Jobs, job_id: str) -> JobView:
    return next(view for view in jobs.views() if view.id == job_id)


DAILY = Cron("0 8 * * *", "UTC")


async def test_jobs_run_at_their_times(bench: Bench) -> None:
    rules = (
        bench.rule("bar", Every(15 * MINUTE_MS, 2000)),
        bench.rule("day", Every(DAY_MS)),
        bench.rule("eight", DAILY),
    )
    async with bench.running(*rules):
        await bench.clock.run_to(START + DAY_MS)
    assert len(bench.times("bar")) == 96
    assert bench.times("bar")[:2] == [START + 2000, START + 15 * MINUTE_MS + 2000]
    assert bench.times("day") == [at("2026-03-03T00:00")]
    assert bench.times("eight") == [at("2026-03-02T08:00")]


async def test_what_was_missed_runs_once_at_the_restart(bench: Bench) -> None:
    async with bench.running(bench.rule("eight", DAILY), bench.rule("bar", Every(MINUTE_MS))):
        await bench.clock.run_to(at("2026-03-02T09:00:30"))
    bench.ran.clear()
    bench.clock.advance_to(at("2026-03-12T10:00:30"))
    async with bench.running(bench.rule("eight", DAILY), bench.rule("bar", Every(MINUTE_MS))) as jobs:
        assert bench.ran == [("bar", bench.clock.now_ms()), ("eight", bench.clock.now_ms())] or bench.ran == [
            ("eight", bench.clock.now_ms()),
            ("bar", bench.clock.now_ms()),
        ]
        assert view(jobs, "eight").next_run_at_ms == at("2026-03-13T08:00")
        assert view(jobs, "bar").next_run_at_ms == at("2026-03-12T10:01")


async def test_a_restart_neither_skips_nor_repeats(bench: Bench) -> None:
    for hour in range(6, 24):
        bench.clock.advance_to(max(bench.clock.now_ms(), at(f"2026-03-02T{hour:02}:00") + 1))
        async with bench.running(bench.rule("eight", DAILY)) as jobs:
            assert view(jobs, "eight").next_run_at_ms in (at("2026-03-02T08:00"), at("2026-03-03T08:00"))
            await bench.clock.run_to(bench.clock.now_ms() + MINUTE_MS)
    assert len(bench.times("eight")) == 1


async def test_an_unchanged_rule_keeps_its_next_run(bench: Bench) -> None:
    async with bench.running(bench.rule("slow", Every(DAY_MS, 7 * HOUR_MS))) as jobs:
        planned = view(jobs, "slow").next_run_at_ms
    bench.clock.advance_to(START + 30 * MINUTE_MS)
    async with bench.running(bench.rule("slow", Every(DAY_MS, 7 * HOUR_MS))) as jobs:
        assert view(jobs, "slow").next_run_at_ms == planned == at("2026-03-02T07:00")


async def test_a_changed_rule_is_planned_anew_and_a_dropped_job_is_forgotten(bench: Bench) -> None:
    async with bench.running(bench.rule("eight", DAILY), bench.rule("gone", Every(MINUTE_MS, 1))):
        pass
    bench.clock.advance_to(at("2026-03-02T12:00"))
    async with bench.running(bench.rule("eight", Cron("0 9 * * *", "UTC"))) as jobs:
        assert bench.ran == []
        assert [view.id for view in jobs.views()] == ["eight"]
        assert view(jobs, "eight").next_run_at_ms == at("2026-03-03T09:00")


async def test_a_market_that_starts_anew_is_not_held_back_by_the_old_one(bench: Bench) -> None:
    async with bench.running(bench.rule("day", Every(DAY_MS))):
        await bench.clock.run_to(START + 40 * DAY_MS)
    bench.clock, bench.ran = ManualClock(START), []
    async with bench.running(bench.rule("day", Every(DAY_MS))):
        await bench.clock.run_to(START + DAY_MS)
    assert bench.times("day") == [at("2026-03-03T00:00")]


async def test_the_last_run_is_remembered_over_a_restart(bench: Bench) -> None:
    async with bench.running(bench.rule("eight", DAILY)) as jobs:
        assert (view(jobs, "eight").last_run_at_ms, view(jobs, "eight").last_result) == (0, "")
        await bench.clock.run_to(at("2026-03-02T08:30"))
    async with bench.running(bench.rule("eight", DAILY)) as jobs:
        seen = view(jobs, "eight")
    assert (seen.title, seen.rule) == ("Eight", "0 8 * * * (UTC)")
    assert (seen.last_run_at_ms, seen.last_result) == (at("2026-03-02T08:00"), "run 1")
    assert 0 <= seen.last_took_ms < 1000


async def test_accounts_keep_their_jobs_apart(bench: Bench) -> None:
    other = Jobs("paper:paper:main", ManualClock(START), [bench.rule("day", Every(DAY_MS))], store=bench.store,
                 notify=bench.told)  # fmt: skip
    await other.start()
    async with bench.running(bench.rule("eight", DAILY)) as jobs:
        assert [view.id for view in jobs.views()] == ["eight"]
        assert [view.id for view in other.views()] == ["day"]
        with pytest.raises(RuntimeError, match="running already"):
            await Jobs(ACCOUNT, bench.clock, (), store=None, notify=bench.told).start()
    await other.stop()


def failing(error: Exception) -> Callable[[], Awaitable[str]]:
    async def work() -> str:
        raise error

    return work


async def test_a_failing_job_is_told_once_and_ends_nothing(bench: Bench) -> None:
    faults: list[Exception] = [ValueError("secret text"), StorageError("disk is full"), ValueError("again")]

    async def work() -> str:
        if faults:
            raise faults.pop(0)
        return ""

    bad, good = JobRule("bad", "Bad job", Every(MINUTE_MS), work), bench.rule("good", Every(MINUTE_MS))
    async with bench.running(bad, good) as jobs:
        results = []
        for minute in range(1, 5):
            await bench.clock.run_to(START + minute * MINUTE_MS)
            results.append(view(jobs, "bad").last_result)
    assert results == [
        "failed: disk is full",
        "failed: ValueError",
        "done",
        "done",
    ]
    assert len(bench.times("good")) == 5
    assert [(n.severity, n.title) for n in bench.notices] == [
        (Severity.CRITICAL, "Job failed: Bad job"),
        (Severity.INFO, "Job runs again: Bad job"),
    ]
    assert "secret" not in str(bench.notices)


async def test_a_job_that_cannot_be_told_about_ends_nothing(bench: Bench) -> None:
    async def deaf(_: Notice) -> None:
        raise StorageError("locked")

    jobs = Jobs(ACCOUNT, bench.clock, [JobRule("bad", "Bad", Every(MINUTE_MS), failing(ValueError()))], store=None,
                notify=deaf)  # fmt: skip
    await jobs.start()
    await bench.clock.run_to(START + 3 * MINUTE_MS)
    assert view(jobs, "bad").last_run_at_ms == START + 3 * MINUTE_MS
    await jobs.stop()


async def test_a_slow_job_is_not_run_twice_at_a_time(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    begun, go_on = 0, asyncio.Event()

    async def work() -> str:
        nonlocal begun
        begun += 1
        await go_on.wait()
        return ""

    async with bench.running(JobRule("slow", "Slow", Every(MINUTE_MS), work)) as jobs:
        await bench.clock.run_to(START + 3 * MINUTE_MS)
        assert begun == 1
        assert view(jobs, "slow").last_result == "running"
        assert isinstance(await jobs.run_now("slow"), Refused)
        go_on.set()
        await bench.clock.run_to(START + 4 * MINUTE_MS)
        assert begun == 2
    assert "its last run has not ended" in caplog.text


async def test_stopping_waits_for_a_job_and_an_interrupted_one_runs_again(bench: Bench) -> None:
    begun = 0

    async def work() -> str:
        nonlocal begun
        begun += 1
        await asyncio.sleep(0.02 if begun > 1 else 60)
        return "through"

    rule = JobRule("slow", "Slow", Every(DAY_MS, 6 * HOUR_MS), work)
    async with bench.running(rule, patience_s=0.01):
        pass
    async with bench.running(rule) as jobs:
        assert begun == 2
    async with bench.running(rule) as jobs:
        assert view(jobs, "slow").last_result == "through"
    assert begun == 2


async def test_running_a_job_now(bench: Bench) -> None:
    async with bench.running(bench.rule("eight", DAILY)) as jobs:
        seen = await jobs.run_now("eight")
        assert isinstance(seen, JobView)
        assert (seen.last_run_at_ms, seen.next_run_at_ms) == (START, at("2026-03-02T08:00"))
        assert await jobs.run_now("eigth") == Refused("job", "no job 'eigth'; did you mean eight?")


async def test_cron_lines_follow_the_operators_summer_time(bench: Bench) -> None:
    bench.clock = ManualClock(at("2026-03-28T00:00"))
    async with bench.running(bench.rule("eight", Cron("0 8 * * *", "Europe/Berlin")),
                             bench.rule("gap", Cron("30 2 * * *", "Europe/Berlin"))):  # fmt: skip
        await bench.clock.run_to(at("2026-03-30T12:00"))
    assert bench.times("eight") == [at("2026-03-28T07:00"), at("2026-03-29T06:00"), at("2026-03-30T06:00")]
    assert len(bench.times("gap")) == 3  # 02:30 does not exist on the 29th; it runs all the same


async def test_an_hour_that_comes_twice_counts_once(bench: Bench) -> None:
    bench.clock = ManualClock(at("2026-10-24T12:00"))
    async with bench.running(bench.rule("night", Cron("30 2 * * *", "Europe/Berlin"))):
        await bench.clock.run_to(at("2026-10-26T12:00"))
    assert len(bench.times("night")) == 2


async def test_wall_jobs_follow_the_wall(bench: Bench) -> None:
    wall = ManualClock(START)
    jobs = Jobs(ACCOUNT, bench.clock, [bench.rule("beat", Every(10_000), wall=True)], store=bench.store,
                notify=bench.told, wall=wall)  # fmt: skip
    await jobs.start()
    await bench.clock.run_to(START + DAY_MS)
    assert len(bench.times("beat")) == 1
    await wall.run_to(START + 30_000)
    assert len(bench.times("beat")) == 4
    await jobs.stop()


async def test_an_accelerated_market_runs_every_job(tmp_path: Path) -> None:
    """An hour of market in about a second: quarters and minutes, none lost, none early."""
    clock = MarketClock(START + 1, speed=3600, paused=True)
    early: list[int] = []
    ran: dict[str, list[int]] = {"quarter": [], "minute": []}

    def rule(job_id: str, period_ms: int) -> JobRule:
        async def work() -> str:
            due_ms = len(ran[job_id]) * period_ms + START + period_ms
            ran[job_id].append(clock.now_ms())
            early.extend([due_ms] if clock.now_ms() < due_ms else [])
            return ""

        return JobRule(job_id, job_id, Every(period_ms), work)

    async def told(_: Notice) -> None:
        raise AssertionError

    rules = [rule("quarter", 15 * MINUTE_MS), rule("minute", 5 * MINUTE_MS)]
    jobs = Jobs(ACCOUNT, clock, rules, store=tmp_path / "jobs.db", notify=told)
    await jobs.start()
    clock.resume()
    await clock.sleep_until(START + HOUR_MS + 2 * MINUTE_MS)
    clock.pause()
    await jobs.stop()
    assert early == []
    assert (len(ran["quarter"]), len(ran["minute"])) == (4, 12)


async def test_a_damaged_store_is_put_aside(bench: Bench) -> None:
    bench.store.write_bytes(b"this is no database" * 100)
    async with bench.running(bench.rule("eight", DAILY)) as jobs:
        assert view(jobs, "eight").next_run_at_ms == at("2026-03-02T08:00")
    assert bench.store.with_suffix(".damaged").exists()


async def test_a_store_that_fails_for_a_while_does_not_end_the_timetable(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.runtime.scheduler.RETRY_S", 0.01)
    async with bench.running(bench.rule("bar", Every(MINUTE_MS))) as jobs:
        store = jobs._tables[False]._store
        with monkeypatch.context() as broken:
            broken.setattr(store, "update_job", failing_call)
            await bench.clock.run_to(START + MINUTE_MS)
        await asyncio.sleep(0.05)
        await bench.clock.run_to(START + 3 * MINUTE_MS)
    assert {START + 2 * MINUTE_MS, START + 3 * MINUTE_MS} <= set(bench.times("bar"))


def failing_call(*_: object) -> None:
    raise OSError("disk full")


async def test_apscheduler_itself_keeps_its_time(bench: Bench) -> None:
    """Chat libraries have schedulers of their own in this process; they must not see our clock."""
    from apscheduler.schedulers import base

    async with bench.running(bench.rule("day", Every(DAY_MS))):
        assert base.datetime is datetime
