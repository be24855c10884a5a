"""Grouping on a whole house: a real worker, a file with its date, limits and features that know of it, who moved."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from whole_house import BAR_MS, START_MS, Desk, market, said, whole_house

from bot.domain.errors import StorageError
from bot.domain.market import DAY_MS
from bot.domain.refusal import Refused
from bot.ml.grouping import FOLDER, Grouping, kept_groupings
from bot.runtime.clock import MarketClock
from bot.strategy import Frame
from bot.venues.port import VenueUnavailable
from cli.grouping import DAYS, GroupingService
from cli.jobs import build_jobs
from cli.lab import WorkerLab
from cli.workshop.crew import STOPPED
from handlers.grouper import Groups, Regrouped
from handlers.lab import unheard
from research.store.files import FileStore

HISTORY = DAYS * DAY_MS // BAR_MS + 20
BARS = HISTORY + 40
CONFIG = "buffers: {bars: 400}\n"
USER = "console:operator"


def walk(number: int, symbol: str, wild: float, volume: float) -> Frame:
    chance = np.random.default_rng(number)
    common = np.random.default_rng(99).normal(0, 0.002, BARS)
    closes = 50 * np.exp(np.cumsum(common / wild + chance.normal(0, 0.001 * wild, BARS)))
    made = market([round(float(one), 5) for one in closes], symbol, wick=0.0003 * wild)
    return Frame(
        symbol, BAR_MS, made.open_at_ms, made.open, made.high, made.low, made.close, np.full(BARS, volume)
    )


NAMES = ("AAAUSDT", "BBBUSDT", "CCCUSDT", "DDDUSDT", "EEEUSDT", "FFFUSDT", "GGGUSDT")
FRAMES = tuple(walk(at, name, (1.0, 2.5, 6.0)[at % 3], 10.0 ** (6 - at % 3)) for at, name in enumerate(NAMES))
BTC = walk(50, "BTCUSDT", 1.0, 1e8)


@asynccontextmanager
async def house(home: Path, *frames: Frame, history: int = HISTORY) -> AsyncIterator[Desk]:
    """BTC is not traded: the store has it."""
    FileStore(home / "history", "generated market").upsert("15m", BTC)
    async with whole_house(home, frames or FRAMES, CONFIG, history=history) as desk:
        yield desk


def service_of(desk: Desk) -> GroupingService:
    seat = desk.house.front.seats[desk.house.name]
    [found] = [thing.grouper for thing in seat.context if isinstance(thing, Groups)]
    assert isinstance(found, GroupingService)
    return found


def kept(home: Path) -> tuple[Grouping, ...]:
    return kept_groupings(home / "models")


async def test_grouped_from_the_chat_kept_used_and_shown(tmp_path: Path) -> None:
    async with house(tmp_path) as desk:
        assert "not been grouped yet" in await said(desk, "/clusters")
        now_ms = desk.house.now_ms()
        shown = await said(desk, "/retrain clusters", "Confirm")
        assert "Grouped · 3 clusters" in shown
        [found] = kept(tmp_path)
        assert (found.at_ms, found.days, found.timeframe_ms) == (now_ms, DAYS, BAR_MS)
        numbers = found.numbers()
        assert set(numbers) == {*NAMES, "BTCUSDT"}, "BTC is in the store only, and is grouped too"
        assert numbers["AAAUSDT"] == numbers["DDDUSDT"] == numbers["GGGUSDT"] < numbers["CCCUSDT"]
        assert all(one.measures.correlation is not None for one in found.members)
        await desk.bars()
        assert desk.house.engine.state.clusters == {name: numbers[name] for name in NAMES}
        assert "Symbols are grouped: 3 clusters" in desk.screen.getvalue()
        listed = await said(desk, "/clusters", f"/clusters {numbers['CCCUSDT']}")
        assert "1 grouping, the first of 20" in listed
        assert "CCCUSDT" in listed
        again = await said(desk, "/retrain clusters", "Confirm")
        assert "In another cluster now" in again
        assert len(kept(tmp_path)) == 2
    async with house(tmp_path, history=HISTORY + 1) as desk:
        assert desk.house.engine.state.clusters == {name: numbers[name] for name in NAMES}


async def test_the_week_s_job_groups_too_and_waits_for_people(tmp_path: Path) -> None:
    async with house(tmp_path) as desk:
        jobs = build_jobs(desk.house, MarketClock.for_bars(desk.house.now_ms(), BAR_MS, 1, paused=True))
        crew = service_of(desk).lab.crew
        await jobs.start()
        with crew.place("somebody", "a sweep"):
            running = asyncio.create_task(jobs.run_now("clusters"))
            await asyncio.sleep(0.2)
            assert not kept(tmp_path)
        answer = await running
        await jobs.stop()
        assert not isinstance(answer, Refused)
        assert answer.last_result == "3 clusters, 7 symbols moved"
        assert len(kept(tmp_path)) == 1


async def test_too_few_symbols_are_one_line_and_have_no_job(tmp_path: Path) -> None:
    async with house(tmp_path, *FRAMES[:3]) as desk:
        assert "clusters" not in {rule.id for rule in desk.house.job_rules}
        shown = await said(desk, "/retrain clusters", "Confirm")
        assert "4 of 4 symbols have the candles of 30 days; at least 6 are grouped." in shown
        assert not kept(tmp_path)
        assert "not grouped: 4 of 4 symbols" in await service_of(desk).weekly()
        await desk.bars()
        assert "Symbols were not grouped" in desk.screen.getvalue()


async def test_a_young_symbol_is_left_out_and_said(tmp_path: Path) -> None:
    young = FRAMES[6].part(HISTORY - 700)
    async with house(tmp_path, *FRAMES[:6], young) as desk:
        assert "Too few candles for a cluster: GGGUSDT." in await said(desk, "/retrain clusters", "Confirm")
        assert kept(tmp_path)[0].numbers().get("GGGUSDT") is None


async def test_it_can_be_stopped_and_one_person_does_one_thing(tmp_path: Path) -> None:
    async with house(tmp_path) as desk:
        service, seen = service_of(desk), asyncio.Event()

        async def follow(part: float, at: str) -> None:
            if part > 0.0:
                seen.set()

        running = asyncio.create_task(service.regroup(USER, follow))
        await asyncio.wait({running, asyncio.create_task(seen.wait())}, return_when=asyncio.FIRST_COMPLETED)
        refused = await service.regroup(USER, unheard)
        assert isinstance(refused, Refused)
        assert refused.rule == "running"
        assert "A grouping stopped" in await said(desk, "/retrain stop")
        assert await running == STOPPED
        assert not kept(tmp_path)


async def test_a_full_disk_is_one_line_and_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / FOLDER).write_text("in the way")
    async with house(tmp_path) as desk:
        shown = await said(desk, "/retrain clusters", "Confirm")
        assert "_clusters: cannot be written" in shown
        await desk.bars()
        assert desk.house.engine.state.clusters == {}


async def test_candles_are_the_desk_s_where_they_are_enough_else_whoever_has_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The weekly report asks for them in the same place; who is silent three times is not asked again."""
    asked: list[str] = []

    async def history(symbols: Sequence[str], timeframe: str, bars: int) -> dict[str, Frame]:
        [symbol] = symbols
        asked.append(symbol)
        if symbol in silent:
            raise VenueUnavailable("planted")
        return {symbol: BTC.part(0, bars)} if symbol == "BTCUSDT" else {}

    async def live(lab: WorkerLab, symbol: str, days: int, warmup: int) -> Frame:
        if not known:
            raise StorageError("planted")
        return known[symbol]

    silent, known = set(NAMES[1:3]), {one.symbol: one for one in FRAMES}
    monkeypatch.setattr(WorkerLab, "live", live)
    async with house(tmp_path, *FRAMES[:4], history=60) as desk:
        service = service_of(desk)
        service.lab.history = history
        assert [len(one) for one in await service._frames(unheard)] == [BARS] * 4 + [DAYS * 96]
        assert asked == ["BTCUSDT"], "the desk has enough of what it trades"
        known.clear()
        assert [len(one) for one in await service._frames(unheard)] == [0] * 4 + [DAYS * 96]
        assert asked[1:] == [*NAMES[:4], "BTCUSDT"], "no candles are an answer, too"
        silent = {*NAMES, "BTCUSDT"}
        assert [len(one) for one in await service._frames(unheard)] == [0] * 5
        assert asked[6:] == [*NAMES[:3]]
        service.lab.history = None
        assert [one.symbol for one in await service._frames(unheard)] == [*NAMES[:4], "BTCUSDT"]


@pytest.mark.parametrize("late", [0, 1])
async def test_a_grouping_counts_from_the_bar_after_it_was_made(late: int, tmp_path: Path) -> None:
    async with house(tmp_path) as desk:
        await desk.bars(late)
        found = await service_of(desk).regroup(USER, unheard)
        assert isinstance(found, Regrouped)
        assert found.grouping.at_ms == desk.house.now_ms() == START_MS + (HISTORY + late) * BAR_MS
