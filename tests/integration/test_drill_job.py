"""The weekly drill: the job tries the panic path, tells how it went, and is planned only where money is not real."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection
from whole_house import BAR_MS, Desk, market, whole_house

from bot.domain.command import PanicClose, Resume
from bot.domain.market import DAY_MS, HOUR_MS
from bot.domain.notice import Notice, NoticeKind, Severity
from bot.runtime.clock import MarketClock
from bot.runtime.desk import JobView
from bot.runtime.ports import TradeQuery
from cli.jobs import build_jobs, run_drill

CALM = [1.0 + 0.001 * (i % 3) for i in range(40)]
READER = "console:operator"
WEEK_MS = 7 * DAY_MS


async def told(desk: Desk) -> list[Notice]:
    """What the drill has told: notices of its kind that wait for the operator."""
    await desk.house.settled()
    outbox = desk.house.database.outbox(desk.house.plan.account)
    await outbox.join(READER, 0)
    waiting = [queued.notice for queued in await outbox.waiting(READER, 100)]
    return [notice for notice in waiting if notice.kind is NoticeKind.JOB]


async def test_a_drill_that_runs_is_told_with_its_times_and_leaves_nothing_behind(tmp_path: Path) -> None:
    async with whole_house(tmp_path, [market(CALM)], "drill: {symbol: XRPUSDT}\n") as desk:
        await with_a_price_and_flat(desk)
        said = await run_drill(desk.house)
        assert said == "Drill on XRPUSDT: flat after 0 ms"
        [notice] = await told(desk)
        assert (notice.title, notice.severity) == (said, Severity.INFO)
        assert {"Order to fill", "Fill to confirmed stop", "Panic to flat, verified", "Fees"} <= {
            label for label, _ in notice.fields
        }
        assert desk.house.desk.status().positions == ()
        assert desk.house.desk.orders() == ()
        trades = await desk.house.desk.trades(TradeQuery(9))
        assert sorted(trade.strategy for trade in trades) == ["drill", "metronome"]
        assert (await actors(desk))[2:] == ["job:drill"] * 3, "open, panic, resume"


async def with_a_price_and_flat(desk: Desk) -> None:
    """A price is known after a bar, and with the metronome a position is open then: it is closed again."""
    await desk.bars(2)
    await desk.house.desk.execute(PanicClose("XRPUSDT"), READER)
    await desk.house.desk.execute(Resume("XRPUSDT"), READER)
    await desk.house.settled()


async def actors(desk: Desk) -> list[str]:
    """Who gave the commands that are in the journal."""

    def read(connection: Connection) -> list[str]:
        rows = connection.exec_driver_sql(
            "SELECT body FROM journal WHERE kind = 'CommandIssued' ORDER BY number"
        )
        return [json.loads(body)["actor"] for (body,) in rows]

    return await desk.house.database._connections.read(read)


async def test_a_drill_that_cannot_run_says_why_and_is_heard(tmp_path: Path) -> None:
    async with whole_house(tmp_path, [market(CALM)], "drill: {symbol: XRPUSDT}\n") as desk:
        await desk.bars(2)
        before = desk.house.desk.status().positions
        assert [position.symbol for position in before] == ["XRPUSDT"]
        said = await run_drill(desk.house)
        assert said == "not run: XRPUSDT has an open position; a drill needs a flat symbol."
        [notice] = await told(desk)
        assert notice.severity is Severity.TRADE
        assert ("In short", "XRPUSDT has an open position; a drill needs a flat symbol.") in notice.fields
        assert desk.house.desk.status().positions == before


@pytest.mark.parametrize(
    "mode, planned", [("paper", True), ("testnet", True), ("demo", False), ("live", False)]
)
async def test_it_is_planned_weekly_but_never_with_real_money(
    tmp_path: Path, mode: str, planned: bool
) -> None:
    async with whole_house(tmp_path, [market(CALM)]) as desk:
        desk.house.plan = replace(desk.house.plan, mode=mode)
        jobs = build_jobs(desk.house, desk.running.clock)
        await jobs.start()
        try:
            drills = [view for view in jobs.views() if view.id == "drill"]
            assert bool(drills) is planned
            for view in drills:
                sunday_ms = 3 * DAY_MS + 7 * HOUR_MS  # 1970 began on a Thursday
                assert (view.next_run_at_ms - sunday_ms) % WEEK_MS == 0
        finally:
            await jobs.stop()


async def first_run(views: Callable[[], Sequence[JobView]]) -> JobView:
    """The drill, as soon as it has ended once."""
    async with asyncio.timeout(60):
        while True:
            [view] = [view for view in views() if view.id == "drill"]
            if view.last_result not in ("", "running"):
                return view
            await asyncio.sleep(0.05)


async def test_the_scheduler_runs_it_when_its_time_has_come(tmp_path: Path) -> None:
    async with whole_house(tmp_path, [market(CALM)], "drill: {cron: '* * * * *'}\n") as desk:
        desk.house.plan = replace(desk.house.plan, mode="paper")
        await with_a_price_and_flat(desk)
        clock = MarketClock.for_bars(desk.house.now_ms(), BAR_MS, 15.0)  # a minute of the market in a second
        jobs = build_jobs(desk.house, clock)
        await jobs.start()
        try:
            view = await first_run(jobs.views)
        finally:
            await jobs.stop()
        assert view.last_result == "Drill on XRPUSDT: flat after 0 ms"
        assert [notice.title for notice in await told(desk)][:1] == [view.last_result]
