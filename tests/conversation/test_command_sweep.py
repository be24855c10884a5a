"""A sweep from the chat: ranked, doubted, proposed, approved; stopped; what is too short or gone is said."""

import asyncio
import os
import signal
from collections.abc import Coroutine
from pathlib import Path

import numpy as np
from whole_house import BAR_MS, Desk, market, whole_house

from bot.domain.refusal import Refused
from bot.strategy import Frame
from cli.lab import WorkerLab
from cli.workshop.asking import kept
from cli.workshop.sources import GENERATED
from handlers.lab import Research, SweepOrder, SweepResult
from research.store.files import FileStore

BARS = 96 * 40
XRP = "XRPUSDT"


def waves(bars: int = BARS, seed: int = 3) -> Frame:
    """A market in which the composite strategy finds something to trade."""
    rng = np.random.default_rng(seed)
    drift = 0.0025 * np.sin(np.arange(bars) / 45.0)
    closes = 0.6 * np.exp(np.cumsum(drift + rng.normal(0, 0.004, bars)))
    found = market(closes.tolist(), XRP, wick=0.002)
    volume = 1000 * np.exp(rng.normal(0, 0.8, bars))
    return Frame(XRP, BAR_MS, found.open_at_ms, found.open, found.high, found.low, found.close, volume)


async def stored(home: Path, frame: Frame, source: str = GENERATED) -> None:
    FileStore(home / "history", source).upsert("15m", frame)


def lab_of(desk: Desk) -> WorkerLab:
    seat = desk.house.front.seats[desk.house.name]
    [found] = [thing.lab for thing in seat.context if isinstance(thing, Research)]
    assert isinstance(found, WorkerLab)
    return found


def ids(home: Path) -> list[str]:
    return sorted(path.stem for path in (home / "results" / "sweeps").glob("*.json"))


async def test_a_sweep_is_ranked_doubted_proposed_and_applied(tmp_path: Path) -> None:
    frame = waves()
    await stored(tmp_path, frame)
    async with whole_house(tmp_path, [frame], history=BARS - 20) as desk:
        said = await desk.say("/sweep xrp 60")
        assert "Sweep · XRPUSDT · metronome · 3 sets" in said
        assert "days are known" in said
        assert "rank" in said
        [name] = ids(tmp_path)
        assert (tmp_path / "results" / "sweeps" / f"{name}.png").read_bytes()[:4] == b"\x89PNG"
        found = kept(tmp_path / "results", name)
        assert found is not None
        result = found.result
        assert result.production.values == (("distance", 0.01),)
        assert result.bars > 96 * 30, "the store's candles, not only the last thousand of the desk"
        assert result.words
        [first, *_] = result.proposable
        chosen = next(one for one in result.best if one.rank == first)
        assert chosen.values != result.production.values
        filed = await desk.say(f"/propose {name} {first}")
        assert "Proposal p1" in filed
        assert "Profit factor" in filed
        same = result.production.rank
        assert "cannot be proposed" in await desk.say(f"/propose {name} {same}")
        assert "no sweep ABC" in await desk.say("/propose ABC-20200101T000000 1")
        await desk.say("/approve p1")
        await desk.say("1")
        [row] = [one for one in desk.house.desk.parameters(XRP) if one.parameter.name == "distance"]
        assert row.value == dict(chosen.values)["distance"]
        assert "is " in await desk.say(f"/propose {name} {first}"), "what has changed since is named"


async def test_what_is_too_short_or_of_another_exchange_is_said(tmp_path: Path) -> None:
    frame = waves()
    await stored(tmp_path, frame, "bybit")
    async with whole_house(tmp_path, [frame], history=BARS - 20) as desk:
        said = (await desk.say("/sweep xrp 60")).replace("\n", " ")
        assert "a sweep of fewer than 28 would mean nothing" in said
        assert "candles of bybit are left out" in said


async def test_it_is_stopped_and_one_at_a_time_and_the_desk_lives_on(tmp_path: Path) -> None:
    frame = waves()
    await stored(tmp_path, frame)
    async with whole_house(tmp_path, [frame], history=BARS - 20) as desk:
        lab, begun = lab_of(desk), asyncio.Event()

        async def told(part: float, at: str) -> None:
            begun.set()

        order = SweepOrder(XRP, 60, "console:operator")
        running = asyncio.create_task(lab.sweep(order, told))
        await asyncio.wait_for(begun.wait(), 60)
        assert "you have a sweep running; one at a time" in await desk.say("/backtest xrp 5")
        assert "A sweep stopped" in await desk.say("/sweep stop")
        assert await asyncio.wait_for(running, 60) == Refused("stopped", "it was stopped")
        assert ids(tmp_path) == []
        await desk.bars(1)
        assert "nothing running" in await desk.say("/sweep stop")


async def test_a_killed_worker_is_told_and_the_loop_is_never_held(tmp_path: Path) -> None:
    frame = waves()
    await stored(tmp_path, frame)
    async with whole_house(tmp_path, [frame], history=BARS - 20) as desk:
        lab = lab_of(desk)

        async def told(part: float, at: str) -> None:
            process = lab.crew._running["console:operator"].process
            if process is not None:
                os.kill(process.pid, signal.SIGKILL)

        found = await lab.sweep(SweepOrder(XRP, 60, "console:operator"), told)
        assert found == Refused("died", "a sweep failed before its end; nothing of it is kept")
        assert await turns(lab.sweep(SweepOrder(XRP, 60, "console:operator"), ignored)) > 20


async def ignored(part: float, at: str) -> None:
    """Nobody looks."""


async def turns(work: Coroutine[object, object, object]) -> int:
    """How often the loop came to something else while a sweep ran; two or three times if it were held."""
    task, count = asyncio.create_task(work), 0
    while not task.done():
        await asyncio.sleep(0.005)
        count += 1
    assert isinstance(task.result(), SweepResult)
    return count
