"""Houses that die while another model is put in use: `python placing_house.py WAY ROOT`.

A house of its own is forked for every moment: before and after each commit, each call of the placer that reaches the
disk, and the placer as a whole. It dies there by SIGKILL; another start follows on the same home, and every third
time one more. A line of JSON per start says what it found. Ways: `use` puts v0002 in the place of v0001, `undo` takes
that back.
"""

import asyncio
import json
import os
import shutil
import signal
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import model_kit
from model_writer import STEPS, forked, say
from whole_house import Desk, market, whole_house

from bot.domain.command import Done, UndoSetting, UseModel
from bot.ml import files
from bot.ml.registry import feature_set
from bot.ml.writing import write_version
from bot.runtime.ports import Step
from cli import model_placing
from cli.replay import Player, Verdict
from strategies.registry import Registry

FRAME = market([1.0 + 0.001 * (n % 7) for n in range(40)])
UPDATE = UseModel("metronome", "XRPUSDT", "v0002", "v0001")
ACTOR = "console:1"
BARS = 20


class Moments:
    """Counts the moments at which a process may die, once it is armed."""

    def __init__(self, fatal: int) -> None:
        self.fatal = fatal
        self.passed = 0
        self.armed = False

    def one(self) -> None:
        if self.armed:
            if self.passed == self.fatal:
                os.kill(os.getpid(), signal.SIGKILL)
            self.passed += 1

    def around[**P, R](self, call: Callable[P, R]) -> Callable[P, R]:
        def watched(*args: P.args, **named: P.kwargs) -> R:
            self.one()
            found = call(*args, **named)
            self.one()
            return found

        return watched


class Ledger:
    """The house's ledger, with a moment before and after each commit."""

    def __init__(self, real: Any, moments: Moments) -> None:
        self._real, self._moments = real, moments

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def commit(self, steps: Sequence[Step]) -> None:
        self._moments.one()
        await self._real.commit(steps)
        self._moments.one()


def install(home: Path) -> None:
    """Two versions, the first in use."""
    for seed in (1, 2):
        card = replace(
            model_kit.card(seed=seed),
            strategy="metronome",
            feature_hash=feature_set(model_kit.FEATURES).hash,
        )
        write_version(home / "models", card, model_kit.text(seed), "", current=seed == 1)


async def live(home: Path, work: Callable[[Desk], Awaitable[None]]) -> None:
    """A house on this home, everything of its start done, then `work`."""
    async with whole_house(home, (FRAME,), history=BARS) as desk:
        await desk.house.loop.settled()
        await work(desk)


async def rest(desk: Desk) -> None:
    """Nothing."""


async def use(desk: Desk) -> None:
    answer = await desk.house.desk.execute(UPDATE, ACTOR)
    assert isinstance(answer, Done), answer


async def undo(desk: Desk) -> None:
    (row,) = [one for one in await desk.house.desk.settings(9) if one.key.startswith("current_model:")]
    answer = await desk.house.desk.execute(UndoSetting(row.id), ACTOR)
    assert isinstance(answer, Done), answer


async def die(desk: Desk, work: Callable[[Desk], Awaitable[None]], moments: Moments) -> None:
    loop = desk.house.loop
    loop._ledger = Ledger(loop._ledger, moments)  # type: ignore[assignment]
    for owner, name in (*STEPS, (Path, "unlink")):
        setattr(owner, name, moments.around(getattr(owner, name)))
    model_placing.replace_current = moments.around(model_placing.replace_current)
    moments.armed = True
    await work(desk)
    moments.armed = False


async def look(desk: Desk) -> None:
    """What a start has found and finished."""
    house = desk.house
    rows = [one for one in await house.desk.settings(50) if one.key.startswith("current_model:")]
    ledger = house.database.ledger(house.plan.account)
    kept = dict((await ledger.recover()).kept)
    await desk.carry()
    verdict = Verdict(house.plan.account)
    paths = [Path(path) for path in house.plan.loaded.settings.strategy_paths]
    player = Player(ledger, Registry(paths), house.plan.loaded.settings.buffers.bars, verdict)
    async for row in ledger.journal(1, 0):
        await player.play(row)
    found = {
        "current": files.current_version(files.place(house.plan.home / "models", "metronome", "XRPUSDT")),
        "rows": [[one.value, one.actor, one.before, one.after] for one in rows],
        "kept": kept.get("placings", "[]"),
        "under way": len(house.engine.state.placings),
        "told": desk.screen.getvalue().count("asked by console:1 earlier, is done"),
        "equal": verdict.equal,
    }
    say(json.dumps(found))


def say_moment(fatal: int, status: int) -> None:
    """A line before those of the starts."""
    say(json.dumps({"moment": fatal, "died": os.WIFSIGNALED(status)}))


def child(home: Path, work: Callable[[Desk], Awaitable[None]]) -> int:
    """The wait status of a house of its own."""

    def run() -> None:
        try:
            asyncio.run(live(home, work))
        except BaseException:
            traceback.print_exc()
            raise

    _, status = os.waitpid(forked(run), 0)
    return status


def every_moment(root: Path, work: Callable[[Desk], Awaitable[None]], *, first: bool) -> None:
    ready = root / "ready"
    ready.mkdir()
    install(ready)
    asyncio.run(live(ready, use if first else rest))  # and whatever is imported late is there for every child
    assert threading.active_count() == 1
    for fatal in range(0, 100, 2 if first else 1):  # after one call is before the next
        home = root / "home"
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(ready, home, symlinks=True)
        moments = Moments(fatal)

        def dying(desk: Desk, moments: Moments = moments) -> Awaitable[None]:
            return die(desk, work, moments)

        status = child(home, dying)
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, status
        say_moment(fatal, status)
        assert child(home, look) == 0
        if fatal % 3 == 0:
            assert child(home, look) == 0
        if os.WIFEXITED(status):
            return


if __name__ == "__main__":
    way, place = sys.argv[1], Path(sys.argv[2])
    every_moment(place, {"use": use, "undo": undo}[way], first=way == "undo")
