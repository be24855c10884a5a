"""Notices of the whole house: what the configuration says of them counts, and the digest is the same page."""

from pathlib import Path

from whole_house import market, whole_house

from cli.demo_desk import resumed
from cli.jobs import build_jobs, send_digest
from cli.run import started

CALM = [0.6012 + 0.0001 * (i % 2) for i in range(8)]


async def test_kinds_that_are_off_do_not_come_until_somebody_asks(tmp_path: Path) -> None:
    async with whole_house(tmp_path, [market(CALM)], "notices: {off: [entry]}\n") as desk:
        assert "opened" not in await desk.bars(2)
        assert len(desk.house.desk.status().positions) == 1
        assert "entry off" in " ".join((await desk.say("/notify")).split())
        await desk.say("/notify entry on")
    async with whole_house(tmp_path, [market(CALM)], "notices: {off: [exit]}\n") as desk:
        assert "entry notices are on" in await desk.say("/notify entry")
        assert "exit notices are off" in await desk.say("/notify exit")


async def test_a_later_start_says_where_it_goes_on(tmp_path: Path) -> None:
    async with whole_house(tmp_path, [market(CALM)]) as desk:
        assert resumed(desk.house) == ""
        await desk.bars(3)
    async with whole_house(tmp_path, [market(CALM)]) as desk:
        said = resumed(desk.house)
        assert said.startswith("It goes on where it was left, on 2023-11-14")
        assert "1 open position, compared with the venue" in said


async def test_the_scheduled_digest_is_the_page_of_the_command(tmp_path: Path) -> None:
    async with whole_house(tmp_path, [market(CALM)]) as desk:
        await desk.bars(3)
        page = await desk.say("/digest week")
        assert await send_digest(desk.house, "weekly") == "sent"
        await desk.house.settled()
        before = len(desk.screen.getvalue())
        await desk.carry()
        told = " ".join(desk.screen.getvalue()[before:].split())
    assert told.startswith("· Digest of the week · demo")
    fields = [line.split("  ") for line in page.splitlines()[1:10]]
    assert all(" ".join((field[0] + " " + field[-1]).split()) in told for field in fields)


async def test_a_start_is_told_to_those_who_are_far_away(tmp_path: Path) -> None:
    async with whole_house(tmp_path, [market(CALM)]) as desk:
        notice = started(desk.house)
    assert notice.title.endswith("has started, mode demo")
    assert ("Open", "0 positions") in notice.fields
    assert ("Trading", "trading") in notice.fields


async def test_the_jobs_are_there_to_be_asked_for(tmp_path: Path) -> None:
    async with whole_house(tmp_path, [market(CALM)]) as desk:
        build_jobs(desk.house, desk.running.clock)
        assert "Digest, daily" in await desk.say("/schedule")
