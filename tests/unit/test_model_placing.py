"""Another version in use: only where the one that was seen is still there, only what loads, as often as asked."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import model_kit
import pytest

from bot.domain.action import PlaceModel
from bot.domain.event import Event, ModelPlaced
from bot.ml import files, writing
from bot.ml.model import ModelError
from bot.ml.writing import replace_current, write_version
from bot.runtime.perform import LanedPerformer, Performer
from bot.runtime.timers import Timers
from cli.model_placing import FilePlacer

NOW = 1_700_000_000_000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three versions, the first of them in use."""
    for seed in (1, 2, 3):
        write_version(
            tmp_path / "models", model_kit.card(seed=seed), model_kit.text(seed), "<p>", current=seed == 1
        )
    return tmp_path / "models"


def folder(root: Path) -> Path:
    return files.place(root, "composite", "XRPUSDT")


def put(root: Path, version: str, before: str) -> str | None:
    """Answers what is in use then; raises ModelError as it does."""
    replace_current(root, "composite", "XRPUSDT", version, before, model_kit.hasher)
    return files.current_version(folder(root))


def test_it_goes_from_one_to_the_other_and_to_none_and_back(root: Path) -> None:
    assert put(root, "v0002", "v0001") == "v0002"
    assert put(root, "", "v0002") is None
    assert put(root, "v0003", "") == "v0003"


def test_it_may_be_asked_again(root: Path) -> None:
    put(root, "v0002", "v0001")
    mark = (folder(root) / "current").stat()
    assert put(root, "v0002", "v0001") == "v0002"
    assert (folder(root) / "current").stat() == mark, "who looks at its time sees no change"
    put(root, "", "v0002")
    assert put(root, "", "v0002") is None


@pytest.mark.parametrize("version, before", [("v0003", "v0002"), ("", "v0002"), ("v0002", "")])
def test_another_one_in_use_stays(root: Path, version: str, before: str) -> None:
    said = f"composite/XRPUSDT: v0001 is in use now, no longer {before or 'none'}"
    with pytest.raises(ModelError, match=rf"^{said}$"):
        put(root, version, before)
    assert files.current_version(folder(root)) == "v0001"
    put(root, "", "v0001")
    with pytest.raises(ModelError, match=r"^composite/XRPUSDT: none is in use now, no longer v0001$"):
        put(root, "v0002", "v0001")


def test_what_is_gone_or_cannot_be_loaded_is_not_put_in_use(root: Path) -> None:
    with pytest.raises(ModelError, match=r"v0009/card.json: is missing"):
        put(root, "v0009", "v0001")
    model = folder(root) / "v0002" / "model.txt"
    model.write_bytes(model.read_bytes()[:-100])
    with pytest.raises(ModelError, match="SHA-256 differs"):
        put(root, "v0002", "v0001")
    with pytest.raises(ModelError, match="trained for features that are computed differently now"):
        replace_current(root, "composite", "XRPUSDT", "v0003", "v0001")
    with pytest.raises(ModelError, match="is not allowed"):
        put(root, "../XRPUSDT/v0003", "v0001")
    assert files.current_version(folder(root)) == "v0001"


def test_a_current_that_names_nothing_is_said(root: Path) -> None:
    (folder(root) / "current").write_text("../v0001")
    with pytest.raises(ModelError, match=r"composite/XRPUSDT/current: does not name a version"):
        put(root, "v0002", "v0001")


def test_of_a_place_without_a_folder_there_is_none(tmp_path: Path) -> None:
    replace_current(tmp_path, "composite", "ADAUSDT", "", "v0001")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ModelError, match=r"card.json: is missing"):
        replace_current(tmp_path, "composite", "ADAUSDT", "v0001", "")


def test_a_disk_that_fails_leaves_the_old_one_in_use(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing, "put", full)
    with pytest.raises(ModelError, match="composite/XRPUSDT: cannot be written: No space left"):
        put(root, "v0002", "v0001")
    assert files.current_version(folder(root)) == "v0001"


def test_two_at_once_one_of_them_is_too_late(root: Path) -> None:
    said: list[object] = []

    def work(version: str) -> None:
        try:
            said.append(put(root, version, "v0001"))
        except ModelError as error:
            said.append(str(error))

    both = [threading.Thread(target=work, args=(version,)) for version in ("v0002", "v0003")]
    for one in both:
        one.start()
    for one in both:
        one.join()
    (winner,) = {"v0002", "v0003"} & set(map(str, said))
    assert files.current_version(folder(root)) == winner
    assert f"composite/XRPUSDT: {winner} is in use now, no longer v0001" in said


# --- the hands ------------------------------------------------------------------------------------------------------


class Hands:
    """A performer of each kind, with a placer that answers when it is let."""

    def __init__(self, kind: type[Performer]) -> None:
        self.events: list[Event] = []
        self.asked: list[tuple[str, ...]] = []
        self.open = asyncio.Event()
        self.answer: str | Exception = ""
        self.performer = kind(
            None,  # type: ignore[arg-type]
            Timers(self.events.append),
            self.events.append,
            lambda: NOW,
        )
        self.performer.placer = self

    async def place(self, *deed: str) -> str:
        self.asked.append(deed)
        await self.open.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


DEED = PlaceModel(7, "composite", "XRPUSDT", "v0002", "v0001")


@pytest.fixture(params=[Performer, LanedPerformer])
async def hands(request: Any) -> AsyncIterator[Hands]:
    found = Hands(request.param)
    yield found
    await found.performer.close()


async def test_nothing_waits_for_a_file(hands: Hands) -> None:
    await hands.performer.perform(DEED)
    await asyncio.sleep(0)
    assert (hands.events, hands.performer.busy) == ([], 1)
    assert hands.asked == [("composite", "XRPUSDT", "v0002", "v0001")]
    hands.open.set()
    await hands.performer.idle()
    assert (hands.events, hands.performer.busy) == ([ModelPlaced(NOW, 7)], 0)


async def test_faults_come_back_in_words_and_errors_without_them(hands: Hands) -> None:
    hands.open.set()
    hands.answer = "composite/XRPUSDT: v0009 is in use now, no longer v0001"
    await hands.performer.perform(DEED)
    await hands.performer.idle()
    hands.answer = KeyError("made-up-secret")
    await hands.performer.perform(replace(DEED, number=8))
    await hands.performer.idle()
    hands.performer.placer = None
    await hands.performer.perform(replace(DEED, number=9))
    await hands.performer.idle()
    assert hands.events == [
        ModelPlaced(NOW, 7, "composite/XRPUSDT: v0009 is in use now, no longer v0001"),
        ModelPlaced(NOW, 8, "composite/XRPUSDT: not put in use (fault)"),
        ModelPlaced(NOW, 9, "there are no models here"),
    ]


async def test_what_is_not_in_the_books_is_not_done(hands: Hands) -> None:
    hands.performer.refuse(DEED)
    assert hands.events == [ModelPlaced(NOW, 7, "the database cannot be written; nothing is changed")]
    assert hands.asked == []


async def test_the_end_gives_it_up(hands: Hands) -> None:
    await hands.performer.perform(DEED)
    await asyncio.sleep(0)
    await hands.performer.close()
    assert (hands.events, hands.performer.busy) == ([], 0)


# --- files ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The features of these small models are known to the registry."""
    monkeypatch.setattr("bot.ml.loaded.feature_set", lambda names: _Set(model_kit.hasher(names)))
    return


class _Set:
    def __init__(self, hash_: str) -> None:
        self.hash = hash_


async def test_the_placer_says_why_in_one_line(root: Path, known: None) -> None:
    placer = FilePlacer(root)
    assert await placer.place("composite", "XRPUSDT", "v0002", "v0001") == ""
    assert files.current_version(folder(root)) == "v0002"
    said = await placer.place("composite", "XRPUSDT", "v0003", "v0001")
    assert said == "composite/XRPUSDT: v0002 is in use now, no longer v0001"
    assert "is not allowed" in await placer.place("..", "XRPUSDT", "v0003", "v0001")


async def test_a_folder_that_is_none_is_said(root: Path, known: None) -> None:
    folder(root).rename(root / "elsewhere")
    folder(root).write_text("")
    for version, before in (("v0002", "v0001"), ("", "v0001")):
        assert "cannot be" in await FilePlacer(root).place("composite", "XRPUSDT", version, before)
