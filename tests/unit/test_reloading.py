"""Models are loaded beside trading: those that are waited for first, the old ones answer meanwhile."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import model_kit
import pytest

from bot.domain.event import CandlesClosed
from bot.ml import writing
from bot.ml.shelf import COMING, Change, Found, Job, Kept, Mark, ModelShelf, Place, Swapped, Unusable, Wanted
from bot.runtime.ports import Step
from bot.runtime.reloading import FAULT, Reloads

SYMBOLS = ("ADAUSDT", "SOLUSDT", "XRPUSDT")
XRP = ("composite", "XRPUSDT")
BAR = Step(1, CandlesClosed(1, "15m", ()), ())


class Held(ModelShelf):
    """A shelf whose disk answers when it is told to."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, model_kit.hasher)
        self.want(Wanted("composite", symbol) for symbol in SYMBOLS)
        self.may_load, self.may_look = threading.Event(), threading.Event()
        self.may_look.set()
        self.loaded: list[str] = []
        self.looks = 0
        self.broken = ""

    def marks(self) -> dict[Place, Mark]:
        self.looks += 1
        self.may_look.wait()
        return super().marks()

    def load(self, job: Job) -> Found:
        self.may_load.wait()
        self.loaded.append(job.place[1])
        if job.place[1] == self.broken:
            raise MemoryError
        return super().load(job)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for symbol in SYMBOLS:
        write(tmp_path, symbol)
    return tmp_path


def write(root: Path, symbol: str = "XRPUSDT", seed: int = 1) -> None:
    writing.write_version(root, model_kit.card(symbol, seed=seed), model_kit.text(seed), "", current=True)


def version(shelf: ModelShelf, symbol: str = "XRPUSDT") -> str:
    found = shelf.chosen("composite", symbol)
    return found.reason if isinstance(found, Unusable) else found.card.version if found else ""


async def until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110 - what happens in threads sets no event
        await asyncio.sleep(0.005)


async def test_what_is_waited_for_is_loaded_first_and_the_rest_goes_on_by_itself(root: Path) -> None:
    shelf, told = Held(root), list[Change]()
    reloads = Reloads(shelf, told.append)
    begin = asyncio.create_task(reloads.whole())
    await until(lambda: shelf.looks == 1)
    wanted = asyncio.create_task(reloads.fresh([XRP], None))
    await until(lambda: version(shelf) == COMING)
    await asyncio.sleep(0.02)
    shelf.may_load.set()
    await wanted
    assert version(shelf) == "v0001"
    await begin
    assert shelf.loaded == ["ADAUSDT", "XRPUSDT", "SOLUSDT"], "the first was under way"
    assert [type(one) for one in told] == [Swapped] * 3


async def test_the_old_one_answers_when_patience_ends_and_the_new_one_comes_all_the_same(root: Path) -> None:
    shelf, told = Held(root), list[Change]()
    reloads = Reloads(shelf, told.append)
    shelf.may_load.set()
    await reloads.whole()
    shelf.may_load.clear()
    write(root, seed=2)
    await reloads.fresh([XRP], 0.05)
    assert version(shelf) == "v0001"
    shelf.may_load.set()
    await until(lambda: version(shelf) == "v0002")
    assert shelf.loaded.count("XRPUSDT") == 2, "what was given up is not loaded again"
    assert told[-1] == Swapped(XRP, "v0002", "v0001")


async def test_nobody_waits_for_models_of_others(root: Path) -> None:
    shelf = Held(root)
    reloads = Reloads(shelf, lambda _: None)
    shelf.may_load.set()
    await reloads.whole()
    shelf.may_load.clear()
    write(root, "ADAUSDT", 2)
    await reloads.fresh([XRP], None)
    assert version(shelf, "ADAUSDT") == "v0001"
    shelf.may_load.set()
    await until(lambda: version(shelf, "ADAUSDT") == "v0002")


async def test_a_disk_that_hangs_is_asked_by_one_thread_only(root: Path) -> None:
    shelf = Held(root)
    reloads = Reloads(shelf, lambda _: None)
    shelf.may_load.set()
    await reloads.whole()
    shelf.may_look.clear()
    write(root, seed=2)
    await asyncio.gather(*(reloads.fresh([XRP], 0.02) for _ in range(20)))
    await until(lambda: shelf.looks > 1)
    assert (shelf.looks, version(shelf)) == (2, "v0001")
    shelf.may_look.set()
    await until(lambda: version(shelf) == "v0002")


async def test_a_load_that_fails_keeps_nobody_else_away(root: Path) -> None:
    shelf, told = Held(root), list[Change]()
    shelf.broken = "ADAUSDT"
    shelf.may_load.set()
    await Reloads(shelf, told.append).whole()
    assert told[0] == Kept(("composite", "ADAUSDT"), "", f"composite/ADAUSDT: {FAULT}", "")
    assert [version(shelf, symbol) for symbol in SYMBOLS] == [told[0].reason, "v0001", "v0001"]


async def test_every_closed_bar_is_a_look_and_a_look_that_fails_is_not_the_last(root: Path) -> None:
    shelf = Held(root)
    shelf.may_load.set()
    reloads = Reloads(shelf, lambda _: None)
    watch = asyncio.create_task(reloads.run())
    reloads.bell.hear([BAR])
    await until(lambda: version(shelf) == "v0001")
    sound, failed = shelf.changed, list[int]()

    def broken(*_: object) -> NoReturn:
        failed.append(1)
        raise TypeError

    shelf.changed = broken  # type: ignore[method-assign,assignment]
    reloads.bell.hear([BAR])
    await until(lambda: failed == [1])
    shelf.changed = sound  # type: ignore[method-assign]
    write(root, seed=2)
    reloads.bell.hear([])
    await asyncio.sleep(0.02)
    assert (shelf.looks, version(shelf)) == (2, "v0001")
    reloads.bell.hear([BAR])
    await until(lambda: version(shelf) == "v0002")
    assert not watch.done()
    watch.cancel()
