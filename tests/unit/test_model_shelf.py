"""Models in use: who speaks for a symbol, swaps when `current` changes, the old one kept when anything is wrong."""

import gc
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import model_kit
import pytest

from bot.domain.errors import QuarterdeckError
from bot.ml import files, writing
from bot.ml.choice import candidates
from bot.ml.loaded import Loaded
from bot.ml.model import ModelError
from bot.ml.shelf import COMING, Kept, ModelShelf, Swapped, Unusable, Wanted, Withdrawn

XRP = ("composite", "XRPUSDT")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def shelf(root: Path) -> ModelShelf:
    found = ModelShelf(root, model_kit.hasher)
    found.want([Wanted("composite", "XRPUSDT", 3), Wanted("composite", "ADAUSDT")])
    return found


def write(root: Path, symbol: str = "XRPUSDT", seed: int = 1) -> str:
    return writing.write_version(
        root, model_kit.card(symbol, seed=seed), model_kit.text(seed), "", current=True
    ).version


def spoil(root: Path, seed: int = 2) -> Path:
    """A next version in use whose model file is damaged afterwards."""
    version = write(root, seed=seed)
    path = files.version_folder(root, *XRP, version) / "model.txt"
    path.write_bytes(path.read_bytes()[:-1000])
    return path


def version_of(shelf: ModelShelf, symbol: str = "XRPUSDT") -> str:
    found = shelf.chosen("composite", symbol)
    assert isinstance(found, Loaded)
    return f"{found.card.symbol}/{found.card.version}"


def test_its_own_model_then_its_clusters_then_the_general_one() -> None:
    assert candidates("XRPUSDT", 3) == ("XRPUSDT", "_cluster-3", "_general")
    assert candidates("XRPUSDT", None) == ("XRPUSDT", "_general")


def test_the_nearest_model_speaks(root: Path, shelf: ModelShelf) -> None:
    assert shelf.look() == []
    assert shelf.chosen("composite", "XRPUSDT") is None
    write(root, "_general")
    assert shelf.look() == [Swapped(("composite", "_general"), "v0001", "")]
    assert version_of(shelf) == version_of(shelf, "ADAUSDT") == "_general/v0001"
    write(root, "_cluster-3")
    write(root, "_cluster-4")
    shelf.look()
    assert (version_of(shelf), version_of(shelf, "ADAUSDT")) == ("_cluster-3/v0001", "_general/v0001")
    write(root)
    shelf.look()
    assert (version_of(shelf), version_of(shelf, "ADAUSDT")) == ("XRPUSDT/v0001", "_general/v0001")
    writing.withdraw(root, *XRP)
    assert shelf.look() == [Withdrawn(XRP, "v0001")]
    assert version_of(shelf) == "_cluster-3/v0001"
    assert shelf.chosen("pullback", "XRPUSDT") is None
    assert shelf.chosen("composite", "BTCUSDT") is None


def test_while_a_first_version_is_loaded_whoever_spoke_before_does(root: Path, shelf: ModelShelf) -> None:
    write(root)
    (job,) = shelf.changes()
    assert shelf.chosen(*XRP) == Unusable(COMING)
    write(root, "_general")
    (general,) = shelf.changes()
    assert shelf.swap(shelf.load(general)) is not None
    assert version_of(shelf) == "_general/v0001"
    assert shelf.swap(shelf.load(job)) is not None
    assert version_of(shelf) == "XRPUSDT/v0001"


def test_what_was_coming_and_is_gone_again_is_waited_for_no_more(root: Path, shelf: ModelShelf) -> None:
    write(root)
    (job,) = shelf.changes()
    writing.withdraw(root, *XRP)
    assert shelf.swap(shelf.load(job)) is None
    assert shelf.chosen(*XRP) is None
    assert [one.mark for one in shelf.changes()] == [None]


def test_a_symbol_that_moves_to_another_cluster_is_spoken_for_there(root: Path, shelf: ModelShelf) -> None:
    write(root, "_cluster-3")
    write(root, "_cluster-4", 2)
    shelf.look()
    assert version_of(shelf) == "_cluster-3/v0001"
    shelf.want([Wanted("composite", "XRPUSDT", 4)])
    assert shelf.chosen("composite", "XRPUSDT") is None
    assert shelf.look() == [Swapped(("composite", "_cluster-4"), "v0001", "")]
    assert version_of(shelf) == "_cluster-4/v0001"


def test_a_change_is_seen_once_and_swapped_in(root: Path, shelf: ModelShelf) -> None:
    write(root)
    assert [job.place for job in shelf.changes()] == [XRP]
    assert shelf.changes() == []
    write(root, seed=2)
    (job,) = shelf.changes()
    found = shelf.load(job)
    assert shelf.chosen("composite", "XRPUSDT") == Unusable(COMING), "loading changes nothing"
    assert shelf.swap(found) == Swapped(XRP, "v0002", "")
    assert shelf.changes() == []
    old = shelf.chosen("composite", "XRPUSDT")
    writing.make_current(root, *XRP, "v0001")
    assert shelf.look() == [Swapped(XRP, "v0001", "v0002")]
    assert isinstance(old, Loaded)
    assert old.model.scores(model_kit.rows(1)).shape == (1,), "who still holds the old one may ask it"


def test_a_slow_load_does_not_undo_a_newer_one(root: Path, shelf: ModelShelf) -> None:
    write(root)
    (first,) = shelf.changes()
    slow = shelf.load(first)
    write(root, seed=2)
    (second,) = shelf.changes()
    assert shelf.swap(shelf.load(second)) == Swapped(XRP, "v0002", "")
    assert shelf.swap(slow) is None
    assert version_of(shelf) == "XRPUSDT/v0002"


def test_a_broken_version_leaves_the_old_one_and_is_told_once(root: Path, shelf: ModelShelf) -> None:
    write(root)
    shelf.look()
    path = spoil(root)
    reason = "composite/XRPUSDT/v0002/model.txt: is not the file its card was written for: SHA-256 differs"
    assert shelf.look() == [Kept(XRP, "v0002", reason, "v0001")]
    for _ in range(50):
        assert shelf.look() == []
    assert version_of(shelf) == "XRPUSDT/v0001"
    writing.make_current(root, *XRP, "v0002")
    assert shelf.look() == [], "the same version, bad in the same way: no second word"
    path.write_bytes(model_kit.text(2))
    writing.make_current(root, *XRP, "v0002")
    assert shelf.look() == [Swapped(XRP, "v0002", "v0001")]


def test_without_an_old_one_a_broken_model_is_not_passed_over(root: Path, shelf: ModelShelf) -> None:
    write(root, "_general")
    spoil(root, 1)
    told = shelf.look()
    assert [type(one) for one in told] == [Kept, Swapped]
    found = shelf.chosen("composite", "XRPUSDT")
    assert isinstance(found, Unusable)
    assert found.reason.endswith("SHA-256 differs")
    assert version_of(shelf, "ADAUSDT") == "_general/v0001"
    writing.withdraw(root, *XRP)
    assert shelf.look() == []
    assert version_of(shelf) == "_general/v0001"


def _card(root: Path, **changes: object) -> None:
    path = files.version_folder(root, *XRP, "v0002") / "card.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def _content(root: Path, content: bytes) -> None:
    """Another model file, its card told the right hash."""
    (files.version_folder(root, *XRP, "v0002") / "model.txt").write_bytes(content)
    _card(root, model_sha256=model_kit.with_hash(model_kit.card(), content).model_sha256)


WAYS = {
    "current names nothing": lambda root: (files.place(root, *XRP) / "current").write_text("../../x\n"),
    "current is binary": lambda root: (files.place(root, *XRP) / "current").write_bytes(b"\xff\x00"),
    "current is empty": lambda root: (files.place(root, *XRP) / "current").write_text(""),
    "current names what is not there": lambda root: (files.place(root, *XRP) / "current").write_text(
        "v9999\n"
    ),
    "current is long": lambda root: (files.place(root, *XRP) / "current").write_text("v0002\n" * 1000),
    "the version is gone": lambda root: shutil.rmtree(files.version_folder(root, *XRP, "v0002")),
    "no card": lambda root: (files.version_folder(root, *XRP, "v0002") / "card.json").unlink(),
    "no model": lambda root: (files.version_folder(root, *XRP, "v0002") / "model.txt").unlink(),
    "the card of another": lambda root: _card(root, symbol="ADAUSDT"),
    "the card of another version": lambda root: _card(root, version="v0001"),
    "a wrong hash": lambda root: _card(root, model_sha256="0" * 64),
    "features computed differently": lambda root: _card(root, feature_hash="0" * 64),
    "other features": lambda root: _content(root, model_kit.booster(1, 5, 3).model_to_string().encode()),
    "another model with a right hash": lambda root: _content(root, model_kit.text(3)),
    "scores of nothing": lambda root: _content(
        root, model_kit.text(2).replace(b"leaf_value=", b"leaf_value=nan ")
    ),
    "half a model with a right hash": lambda root: _content(root, model_kit.text(2)[:6000]),
    "a pickle": lambda root: _content(root, b"\x80\x04\x95\x1d\x00\x00\x00\x00\x00\x00\x00."),
    "a card of nonsense": lambda root: _card(root, canary=[]),
}


@pytest.mark.parametrize("way", WAYS)
def test_whatever_is_wrong_the_old_one_stays_and_one_word_is_said(
    root: Path, shelf: ModelShelf, way: str
) -> None:
    write(root)
    shelf.look()
    before = shelf.chosen("composite", "XRPUSDT")
    write(root, seed=2)
    WAYS[way](root)
    (told,) = shelf.look()
    assert isinstance(told, Kept)
    assert (told.place, told.kept) == (XRP, "v0001")
    assert "\n" not in told.reason
    assert str(root) not in told.reason
    assert shelf.look() == []
    assert shelf.chosen("composite", "XRPUSDT") is before
    write(root, seed=3)
    assert [type(one) for one in shelf.look()] == [Swapped]


def test_a_registry_that_lost_a_feature_refuses_the_model(root: Path) -> None:
    def poorer(names: Sequence[str]) -> str:
        raise QuarterdeckError("no feature or group 'oi_change'")

    write(root)
    shelf = ModelShelf(root, poorer)
    shelf.want([Wanted(*XRP)])
    (told,) = shelf.look()
    assert isinstance(told, Kept)
    assert told.reason == "composite/XRPUSDT/v0001/model.txt: no feature or group 'oi_change'"


def test_the_real_registry_is_asked_when_nobody_else_is_named(root: Path) -> None:
    from bot.ml.registry import feature_set

    known = feature_set(model_kit.FEATURES)
    card = replace(model_kit.card(), feature_hash=known.hash)
    writing.write_version(root, card, model_kit.text(), "", current=True)
    shelf = ModelShelf(root)
    shelf.want([Wanted(*XRP)])
    assert shelf.look() == [Swapped(XRP, "v0001", "")]


def test_a_folder_that_may_not_be_read_keeps_the_model(root: Path, shelf: ModelShelf) -> None:
    write(root)
    shelf.look()
    folder = files.place(root, *XRP)
    folder.rename(folder.with_name("elsewhere"))
    folder.write_text("a file where a folder was")
    (told,) = shelf.look()
    assert isinstance(told, Kept)
    assert shelf.look() == []
    assert version_of(shelf) == "XRPUSDT/v0001"


def test_names_that_lead_elsewhere_are_not_looked_after(root: Path) -> None:
    with pytest.raises(ModelError, match="is not allowed"):
        ModelShelf(root, model_kit.hasher).want([Wanted("composite", "../../etc")])


def test_of_263_symbols_only_what_changed_is_told(root: Path) -> None:
    shelf = ModelShelf(root, model_kit.hasher)
    shelf.want(Wanted("composite", f"S{number}USDT", number % 5) for number in range(263))
    for number in range(0, 263, 3):
        folder = files.place(root, "composite", f"S{number}USDT")
        folder.mkdir(parents=True)
        (folder / "current").write_text("v0001\n")
    assert len(shelf.changes()) == 88
    assert shelf.changes() == []


def _memory() -> int:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.slow
def test_a_thousand_swaps_leave_memory_as_it_was(root: Path, shelf: ModelShelf) -> None:
    for seed in (1, 2):
        card = replace(model_kit.card(seed=seed), canary=model_kit.canary(model_kit.booster(seed, 150), seed))
        writing.write_version(root, card, model_kit.text(seed, 150), "")
    pointer = files.place(root, *XRP) / "current"
    after: list[int] = []
    for number in range(1_000):
        pointer.write_text(f"v000{1 + number % 2}\n")
        os.utime(pointer, ns=(number, number))
        assert [type(one) for one in shelf.look()] == [Swapped]
        if number % 100 == 99:
            after.append(_memory())
    assert max(after[2:]) - after[1] < 8 << 20, after
