"""What lies around models goes wrong while a desk runs: folders, links, clocks, collectors that write meanwhile."""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import model_kit
import numpy as np
import pytest
from whole_house import market

from bot.domain.market import HOUR_MS
from bot.domain.model import ModelScore, ScoreAsk
from bot.domain.signal import Side
from bot.market.points import Points
from bot.ml import files, writing
from bot.ml.align import Sources
from bot.ml.compute import history_matrix, live_rows
from bot.ml.registry import feature_set
from bot.ml.shelf import Change, Kept, Loaded, Missing, ModelShelf, Swapped, Unusable, Wanted, Withdrawn
from bot.runtime.reloading import Reloads
from bot.runtime.scoring import Known, ModelScorer, Told
from research.store.files import FileStore
from research.store.port import KINDS

NAME = ("composite", "XRPUSDT")
XRP = market(np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.003, 620))).round(5).tolist(), wick=0.002)
OTHERS = tuple(f"S{number}USDT" for number in range(20))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Models of 21 symbols in use."""
    found = tmp_path / "models"
    for symbol in ("XRPUSDT", *OTHERS):
        writing.write_version(found, model_kit.card(symbol), model_kit.text(), "", current=True)
    return found


class Watched:
    """A shelf, and all that people were told of it."""

    def __init__(self, root: Path) -> None:
        self.shelf = ModelShelf(root, model_kit.hasher)
        self.shelf.want(Wanted("composite", symbol) for symbol in ("XRPUSDT", *OTHERS))
        self.told: list[Change] = []
        self.reloads = Reloads(self.shelf, self.told.append)

    async def bars(self, count: int = 3) -> list[Change]:
        """Bars close; what was told meanwhile."""
        before = len(self.told)
        for _ in range(count):
            await self.reloads.whole()
        return self.told[before:]

    def version(self, symbol: str = "XRPUSDT") -> str:
        found = self.shelf.chosen("composite", symbol)
        assert isinstance(found, Loaded)
        assert found.model.scores(model_kit.rows(2)).shape == (2,)
        return found.card.version


@pytest.fixture
async def desk(root: Path) -> Watched:
    found = Watched(root)
    assert len(await found.bars(1)) == 21
    return found


def _emptied(root: Path) -> None:
    """A disk that is gone leaves the empty folder it was hung into."""
    root.rename(root.with_name("elsewhere"))
    root.mkdir()


def _a_file(root: Path) -> None:
    root.rename(root.with_name("elsewhere"))
    root.write_text("no folder")


def _linked_to_itself(root: Path) -> None:
    root.rename(root.with_name("elsewhere"))
    root.symlink_to(root.name)


def _linked_to_nowhere(root: Path) -> None:
    root.rename(root.with_name("elsewhere"))
    root.symlink_to(root.with_name("nowhere"))


def put_back(root: Path) -> None:
    """What took the folder's place goes, and it is there again."""
    if root.is_dir() and not root.is_symlink():
        root.rmdir()
    else:
        root.unlink(missing_ok=True)
    root.with_name("elsewhere").rename(root)


WAYS: dict[str, Callable[[Path], object]] = {
    "gone": lambda root: root.rename(root.with_name("elsewhere")),
    "empty": _emptied,
    "a file": _a_file,
    "linked to itself": _linked_to_itself,
    "linked to nowhere": _linked_to_nowhere,
}


@pytest.mark.parametrize("way", WAYS)
async def test_a_folder_that_is_gone_keeps_all_models_and_is_told_once(
    root: Path, desk: Watched, way: str
) -> None:
    WAYS[way](root)
    (told,) = await desk.bars()
    assert isinstance(told, Missing)
    assert (told.kept, desk.version(), desk.version("S7USDT")) == (21, "v0001", "v0001")
    put_back(root)
    assert await desk.bars() == []
    writing.write_version(root, model_kit.card(seed=2), model_kit.text(2), "", current=True)
    assert await desk.bars() == [Swapped(NAME, "v0002", "v0001")]
    WAYS[way](root)
    assert [type(one) for one in await desk.bars()] == [Missing], "another time is other news"


async def test_a_symbols_folder_that_is_gone_takes_no_model_out_of_use(root: Path, desk: Watched) -> None:
    shutil.rmtree(files.place(root, *NAME))
    (told,) = await desk.bars()
    assert isinstance(told, Kept)
    assert (told.place, told.kept, desk.version()) == (NAME, "v0001", "v0001")
    assert "its folder is gone" in told.reason
    writing.write_version(root, model_kit.card(seed=2), model_kit.text(2), "", current=True)
    await desk.bars()
    assert desk.version() == "v0001", "the same number again, another model"
    found = desk.shelf.chosen(*NAME)
    assert isinstance(found, Loaded)
    assert (found.model.scores(model_kit.rows(5)) == model_kit.booster(2).predict(model_kit.rows(5))).all()


async def test_taking_one_out_of_use_stays_what_it_is(root: Path, desk: Watched) -> None:
    writing.withdraw(root, *NAME)
    assert await desk.bars() == [Withdrawn(NAME, "v0001")]
    assert desk.shelf.chosen(*NAME) is None
    shutil.rmtree(files.place(root, *NAME))
    assert await desk.bars() == []


def turned(link: Path, root: Path) -> None:
    """Let a link lead there, at once."""
    fresh = link.with_name("fresh")
    fresh.symlink_to(root)
    fresh.replace(link)


async def test_a_folder_may_be_a_link_and_be_turned_to_another_at_once(root: Path, tmp_path: Path) -> None:
    other, link = tmp_path / "other", tmp_path / "link"
    for symbol in ("XRPUSDT", *OTHERS):
        writing.write_version(other, model_kit.card(symbol, seed=2), model_kit.text(2), "", current=True)
    turned(link, root)
    desk = Watched(link)
    await desk.bars(1)
    turned(link, other)
    await desk.bars()
    rows = model_kit.rows(5)
    for symbol in ("XRPUSDT", *OTHERS):
        found = desk.shelf.chosen("composite", symbol)
        assert isinstance(found, Loaded)
        assert (found.model.scores(rows) == model_kit.booster(2).predict(rows)).all()


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.ESTALE])
async def test_a_folder_that_cannot_be_read_keeps_all_models(
    desk: Watched, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By hand: root may read everything."""

    def refused(path: object) -> object:
        raise OSError(number, os.strerror(number), path)

    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", refused)
        patched.setattr(os, "lstat", refused)
        assert await desk.bars() == [Missing(os.strerror(number), 21)]
    assert await desk.bars() == []
    assert desk.version() == "v0001"


async def test_files_from_before_are_changes_too(root: Path, desk: Watched) -> None:
    """A clock was put back, or a folder came out of a backup: `current` is older than the one that was seen."""
    writing.write_version(root, model_kit.card(seed=2), model_kit.text(2), "", current=True)
    os.utime(files.place(root, *NAME) / files.CURRENT, ns=(1, 1))
    assert await desk.bars() == [Swapped(NAME, "v0002", "v0001")]


async def test_a_clock_that_is_put_back_silences_no_failure(root: Path) -> None:
    """Told once an hour; a clock that was ahead by a year is no reason to say nothing for a year."""
    (files.place(root, *NAME) / "v0001" / "card.json").write_text("{}")
    now_ms, told = 365 * 24 * HOUR_MS, []
    shelf = ModelShelf(root, model_kit.hasher)
    shelf.want([Wanted(*NAME)])
    known = Known(lambda _: None, lambda _: {}, {})
    scorer = ModelScorer(shelf, known, Told(lambda _: None, lambda *one: told.append(one), lambda: now_ms))
    ask = ScoreAsk("XRPUSDT", "composite", 0, Side.LONG, 3.0)
    for passed_ms, so_far in ((0, 1), (HOUR_MS // 2, 1), (HOUR_MS // 2, 2), (-200 * 24 * HOUR_MS, 3), (1, 3)):
        now_ms += passed_ms
        (said,) = await scorer.scores([ask])
        assert isinstance(said, ModelScore)
        assert said.fault
        assert len(told) == so_far


def test_there_is_no_model_where_none_ever_was(tmp_path: Path) -> None:
    shelf = ModelShelf(tmp_path / "never", model_kit.hasher)
    shelf.want([Wanted(*NAME)])
    assert shelf.look() == []
    assert not isinstance(shelf.chosen(*NAME), Unusable)
    assert shelf.changes() == []


# --- collectors ------------------------------------------------------------------------------------------------------

STEP_MS = 900_000
WRITER = """
import sys
import numpy as np
from pathlib import Path
from bot.market.points import Points
from research.store.files import FileStore

root, begin, symbol, *kinds = Path(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]
store = FileStore(root, "binance")
for number in range(1, 1_000_000):
    at_ms = begin + np.arange(number * 7, dtype=np.int64) * 900_000
    for kind in kinds:
        store.add(kind, symbol, Points(at_ms[-14:], np.sqrt(at_ms[-14:].astype(float))))
"""


def test_features_are_sound_while_collectors_write_the_same_files(tmp_path: Path) -> None:
    """Every read is a whole state that once was; rows of features come of it as in training, none fails."""
    begin_ms = XRP.open_at_ms.item(0)
    words = [sys.executable, "-c", WRITER, str(tmp_path), str(begin_ms), "XRPUSDT", *KINDS.values()]
    store, features = FileStore(tmp_path), feature_set(["oi_change", "funding_rate", "rsi"])
    lengths: list[int] = []
    with subprocess.Popen(words, stderr=subprocess.PIPE) as writer:
        try:
            while len(set(lengths)) < 25:
                assert writer.poll() is None, writer.stderr.read() if writer.stderr else ""
                points = {name: store.points(kind, "XRPUSDT", begin_ms) for name, kind in KINDS.items()}
                lengths.append(_sound(points["open_interest"], begin_ms))
                for one in points.values():
                    _sound(one, begin_ms)
                live = live_rows(features, [Sources(XRP, points=points)])
                assert np.array_equal(
                    live[0], history_matrix(features, Sources(XRP, points=points))[-1], equal_nan=True
                )
        finally:
            writer.kill()
    assert lengths == sorted(lengths), "what was there stays"


def _sound(points: Points, begin_ms: int) -> int:
    """How many there are, from the first on without a hole, each with its own figure."""
    number = len(points.at_ms)
    assert np.array_equal(points.at_ms, begin_ms + np.arange(number, dtype=np.int64) * STEP_MS)
    assert np.array_equal(points.value, np.sqrt(points.at_ms.astype(float)))
    return number
