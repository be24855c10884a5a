"""Hostile files where models lie: nothing is run, nothing crashes or hangs, the model in use stays, it is told once."""

import os
import pickle
import random
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import model_fuzz
import model_kit
import pytest

from bot.ml import files, writing
from bot.ml.card import card_text
from bot.ml.loaded import Loaded
from bot.ml.shelf import Change, Kept, ModelShelf, Swapped, Wanted

XRP = ("composite", "XRPUSDT")
SUPPORT = Path(model_fuzz.__file__).parent


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder of models with one that is sound and in use, and a second, the next one."""
    found = tmp_path / "models"
    for seed in (1, 2):
        writing.write_version(found, model_kit.card(seed=seed), model_kit.text(seed), "", current=seed == 1)
    return found


@pytest.fixture
def shelf(root: Path) -> ModelShelf:
    found = ModelShelf(root, model_kit.hasher)
    found.want([Wanted(*XRP)])
    assert found.look() == [Swapped(XRP, "v0001", "")]
    return found


def next_one(root: Path) -> Path:
    return files.version_folder(root, *XRP, "v0002")


def point(root: Path) -> None:
    """Put the second version in use as an intruder would: by hand."""
    (files.place(root, *XRP) / "current").write_text("v0002\n")


def refused(shelf: ModelShelf) -> str:
    """The one word that is said while the model in use stays and answers."""
    before = shelf.chosen(*XRP)
    told: list[Change] = shelf.look()
    assert [type(one) for one in told] == [Kept]
    assert shelf.look() == []
    assert shelf.chosen(*XRP) is before
    assert isinstance(before, Loaded)
    rows = model_kit.rows(5)
    assert (before.model.scores(rows) == model_kit.booster().predict(rows)).all()
    (one,) = told
    assert isinstance(one, Kept)
    assert "\n" not in one.reason
    return one.reason


class Bomb:
    """Unpickling it leaves a mark."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch {self.mark}",)


@pytest.mark.parametrize("name", ["model.txt", "card.json", "current"])
@pytest.mark.parametrize("protocol", range(6))
def test_a_renamed_pickle_is_not_run(
    root: Path, shelf: ModelShelf, tmp_path: Path, name: str, protocol: int
) -> None:
    mark = tmp_path / "run"
    content = pickle.dumps(Bomb(mark), protocol)
    pickle.loads(content)
    assert mark.exists(), "the bomb is live"
    mark.unlink()
    point(root)
    folder = files.place(root, *XRP) if name == "current" else next_one(root)
    (folder / name).write_bytes(content)
    if name == "model.txt":
        card = model_kit.with_hash(model_kit.card(seed=2, version="v0002"), content)
        (folder / "card.json").write_bytes(card_text(card))
    refused(shelf)
    assert not mark.exists()


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_called_onnx_is_not_run(
    root: Path, shelf: ModelShelf, tmp_path: Path, protocol: int
) -> None:
    mark = tmp_path / "run"
    content = pickle.dumps(Bomb(mark), protocol)
    (next_one(root) / "model.onnx").write_bytes(content)
    card = model_kit.with_hash(model_kit.card(seed=2, version="v0002", kind="onnx"), content)
    (next_one(root) / "card.json").write_bytes(card_text(card))
    point(root)
    assert "is no ONNX model" in refused(shelf)
    assert not mark.exists()


@pytest.mark.parametrize("name, largest", [("model.txt", 64 << 20), ("card.json", 4 << 20), ("current", 64)])
def test_a_gigabyte_is_refused_before_it_is_read(
    root: Path, shelf: ModelShelf, name: str, largest: int
) -> None:
    point(root)
    folder = files.place(root, *XRP) if name == "current" else next_one(root)
    with (folder / name).open("r+b") as file:
        file.truncate(1 << 30)
    tracemalloc.start()
    try:
        assert f"{name}: {1 << 30} bytes; at most {largest} are allowed" in refused(shelf)
        assert tracemalloc.get_traced_memory()[1] < 1 << 23
    finally:
        tracemalloc.stop()


def _link(path: Path) -> None:
    path.symlink_to("/etc/hostname")


def _endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _to_itself(path: Path) -> None:
    path.symlink_to(path.name)


STRANGE = {
    "link": _link,
    "link to /dev/zero": _endless,
    "link to itself": _to_itself,
    "pipe": os.mkfifo,
    "folder": Path.mkdir,
}


@pytest.mark.parametrize("name", ["model.txt", "card.json", "current"])
@pytest.mark.parametrize("way", STRANGE)
def test_what_is_no_plain_file_is_not_opened(root: Path, shelf: ModelShelf, name: str, way: str) -> None:
    point(root)
    path = (files.place(root, *XRP) if name == "current" else next_one(root)) / name
    path.unlink()
    STRANGE[way](path)
    refused(shelf)


def run(*words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-W", "ignore", *words]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=110,
        check=False,
        cwd=SUPPORT.parents[1],
    )


@pytest.mark.parametrize("seed", range(2))
def test_spoiled_texts_end_no_process_and_none_hangs(tmp_path: Path, seed: int) -> None:
    """LightGBM's own reader ends the process on most of them."""
    file = tmp_path / "model.txt"
    file.write_bytes(model_kit.text())
    done = run(str(SUPPORT / "model_fuzz.py"), "lightgbm", str(file), str(seed), "400")
    assert done.returncode == 0, done.stderr[-2000:]
    tried, used = map(int, done.stdout.splitlines()[-1].split())
    assert tried == 400
    assert 0 < used < 160, "some figures may be others; most may not"


def test_the_library_alone_would_not_survive(tmp_path: Path) -> None:
    """Why the text is checked and written anew; when this fails, ask whether that is still needed."""
    file = tmp_path / "model.txt"
    file.write_bytes(model_kit.text()[:-9000])
    code = "import lightgbm, sys; lightgbm.Booster(model_file=sys.argv[1])"
    assert run("-c", code, str(file)).returncode < 0


def test_spoiled_onnx_files_end_no_process_and_none_hangs(tmp_path: Path) -> None:
    """Without the trial process, which would catch it."""
    for seed, content in enumerate((model_kit.onnx_booster(), model_kit.onnx_network())):
        file = tmp_path / "model.onnx"
        file.write_bytes(content)
        done = run(str(SUPPORT / "model_fuzz.py"), "onnx", str(file), str(seed), "300")
        assert done.returncode == 0, done.stderr[-2000:]
        assert done.stdout.splitlines()[-1].startswith("300 ")


def test_spoiled_cards_and_models_leave_the_model_in_use(root: Path, shelf: ModelShelf) -> None:
    rng, path = random.Random(8), next_one(root) / "card.json"
    sound = {name: (next_one(root) / name).read_bytes() for name in ("card.json", "model.txt")}
    outcomes = {Kept: 0, Swapped: 0}
    for number in range(200):
        name = rng.choice(list(sound))
        spoiled = model_fuzz.bytes_spoiled(sound[name], rng)
        (next_one(root) / name).write_bytes(spoiled)
        if name == "model.txt":
            old, new = (sha256(each).hexdigest().encode() for each in (sound[name], spoiled))
            path.write_bytes(sound["card.json"].replace(old, new))
        pointer = files.place(root, *XRP) / "current"
        pointer.write_text("v0002\n")
        os.utime(pointer, ns=(number, number))
        for one in shelf.look():
            outcomes[type(one)] += 1
        found = shelf.chosen(*XRP)
        assert isinstance(found, Loaded)
        assert found.model.scores(model_kit.rows(2)).shape == (2,)
        for each, content in sound.items():
            (next_one(root) / each).write_bytes(content)
    assert outcomes[Kept] > 25
