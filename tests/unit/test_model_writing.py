"""Versions are written whole or not at all: kills, full disks, two writers, strange names, what the dead leave."""

import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import model_kit
import model_writer
import pytest

from bot.ml import files, writing
from bot.ml.card import Card
from bot.ml.loaded import load_model
from bot.ml.model import ModelError

SUPPORT = Path(model_writer.__file__).parent


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "models"


def write(root: Path, seed: int = 1, *, current: bool = True, **changes: object) -> Card:
    card = replace(model_kit.card(seed=seed), **changes)  # type: ignore[arg-type]
    return writing.write_version(root, card, model_kit.text(seed), "<p>report</p>", current=current)


def place(root: Path) -> Path:
    return files.place(root, "composite", "XRPUSDT")


def in_use(root: Path) -> Card:
    version = files.current_version(place(root))
    assert version
    return load_model(place(root) / version, model_kit.hasher).card


def writer(way: str, root: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-W", "ignore", str(SUPPORT / "model_writer.py"), way, str(root)]
    # children are forked there, and a pool of OpenMP's threads would not come along
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=SUPPORT.parents[1],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def lines(way: str, root: Path) -> list[str]:
    with writer(way, root) as running:
        try:
            out, err = running.communicate(timeout=100)
        finally:
            running.kill()
    assert running.returncode == 0, err
    return out.splitlines()


def test_a_version_is_a_folder_with_model_card_and_report(root: Path) -> None:
    card = write(root)
    assert card.version == "v0001"
    folder = place(root) / "v0001"
    assert sorted(path.name for path in folder.iterdir()) == ["card.json", "model.txt", "report.html"]
    assert (folder / "model.txt").read_bytes() == model_kit.text()
    assert (folder / "report.html").read_text() == "<p>report</p>"
    assert files.read_card(folder) == card == in_use(root)
    assert (place(root) / "current").read_text() == "v0001\n"


def test_versions_are_numbered_and_the_old_one_stays_in_use_until_told(root: Path) -> None:
    write(root)
    assert write(root, 2, current=False).version == "v0002"
    assert in_use(root).version == "v0001"
    writing.make_current(root, "composite", "XRPUSDT", "v0002")
    assert in_use(root).version == "v0002"
    assert files.versions(place(root)) == ("v0001", "v0002")
    assert writing.withdraw(root, "composite", "XRPUSDT") == "v0002"
    assert files.current_version(place(root)) is None
    assert files.versions(place(root)) == ("v0001", "v0002")
    assert writing.withdraw(root, "composite", "XRPUSDT") is None
    assert writing.withdraw(root, "composite", "ADAUSDT") is None


def test_a_version_is_never_written_twice(root: Path) -> None:
    first = write(root, version="challenger-1")
    with pytest.raises(ModelError, match="composite/XRPUSDT/challenger-1: exists already"):
        write(root, 2, version="challenger-1")
    assert in_use(root) == first
    assert sorted(path.name for path in place(root).iterdir()) == [
        ".lock",
        "challenger-1",
        "current",
        "first",
    ]


def test_only_what_could_be_used_is_written(root: Path) -> None:
    wrong = replace(model_kit.card(), canary=model_kit.canary(seed=2))
    for card, content, said in (
        (wrong, model_kit.text(), "for canary row 0, its trainer saw"),
        (model_kit.card(), model_kit.text()[:-9000], "is cut off"),
        (model_kit.card(), b"\x80\x04\x95pickle", "not plain text"),
        (replace(model_kit.card(), threshold=2.0), model_kit.text(), "threshold: 2.0 is not allowed"),
    ):
        with pytest.raises(ModelError, match=said):
            writing.write_version(root, card, content, "")
    assert not root.exists()


@pytest.mark.parametrize("version", ["v0002", "../XRPUSDT/v0001", ".new", "", "v0001/", "V0001", "a" * 41])
def test_only_a_version_that_is_there_becomes_current(root: Path, version: str) -> None:
    write(root)
    with pytest.raises(ModelError):
        writing.make_current(root, "composite", "XRPUSDT", version)
    assert in_use(root).version == "v0001"


@pytest.mark.parametrize(
    "changes",
    [
        {"symbol": "../../../tmp/x"},
        {"symbol": ".."},
        {"symbol": "XRP/USDT"},
        {"symbol": "xrpusdt"},
        {"symbol": ""},
        {"symbol": "_cluster-x"},
        {"symbol": "XRPUSDT\n"},
        {"symbol": "XRP\0USDT"},
        {"strategy": "../composite"},
        {"strategy": "/etc"},
        {"strategy": ""},
        {"strategy": ".hidden"},
        {"version": "../v0001"},
        {"version": ".new"},
        {"version": "a/b"},
    ],
    ids=str,
)
def test_names_that_lead_elsewhere_are_refused(root: Path, changes: dict[str, str]) -> None:
    with pytest.raises(ModelError, match="is not allowed"):
        write(root, **changes)
    assert not root.exists()


def test_a_version_may_not_be_called_current(root: Path) -> None:
    write(root)
    with pytest.raises(ModelError, match="exists already"):
        write(root, 2, version="current")
    assert in_use(root).version == "v0001"


def test_old_versions_are_pruned_but_never_the_current_one(root: Path) -> None:
    for seed in (1, 2, 3, 1, 2):
        write(root, seed, created_at_ms=len(files.versions(place(root))), current=seed == 3)
    assert in_use(root).version == "v0003"
    assert writing.prune(root, "composite", "XRPUSDT", 2) == ("v0001", "v0002", "v0004")
    assert files.versions(place(root)) == ("v0003", "v0005")
    assert writing.prune(root, "composite", "XRPUSDT", 0) == ("v0005",)
    assert in_use(root).version == "v0003"
    assert writing.prune(root, "composite", "ADAUSDT", 0) == ()
    assert write(root).version == "v0006", "a number is given once"


def test_versions_that_are_to_be_spared_stay_and_names_of_none_take_no_room(root: Path) -> None:
    for at_ms in range(1, 6):
        write(root, created_at_ms=at_ms, current=at_ms == 5)
    assert writing.prune(root, "composite", "XRPUSDT", 3, "v0001", "v0099", "") == ("v0002", "v0003")
    assert writing.prune(root, "composite", "XRPUSDT", 1, "v0001", "v0004") == ()
    assert files.versions(place(root)) == ("v0001", "v0004", "v0005")


def test_a_folder_with_a_number_and_no_card_does_not_end_the_numbers(root: Path) -> None:
    write(root)
    for name in ("v999999999", "v999999", "v0003", "v0004"):
        (place(root) / name).mkdir()
    shutil.copytree(place(root) / "v0001", place(root) / "v0088")
    assert write(root).version == "v0002"
    assert write(root).version == "v0005", "what is there is passed by"
    (place(root) / ".last").write_text("v999999999\n")
    assert write(root).version == "v0006", "nothing here was ever given such a number"
    assert (place(root) / ".last").read_text() == "v0006\n"
    (place(root) / "v0006" / "card.json").unlink()
    (place(root) / ".last").unlink()
    assert write(root).version == "v0007"


def test_numbers_that_are_used_up_are_one_line(root: Path) -> None:
    write(root, version="v999999")
    said = "composite/XRPUSDT: v999999 is the highest number there is; remove what bears it, and .last if it says so"
    for _ in range(2):
        with pytest.raises(ModelError, match=f"^{re.escape(said)}$"):
            write(root)
    assert files.versions(place(root)) == ("v999999",)
    shutil.rmtree(place(root) / "v999999")
    with pytest.raises(ModelError, match="is the highest number there is"):
        write(root)
    (place(root) / ".last").unlink()
    assert write(root).version == "v0001"


def test_a_version_that_cannot_be_put_in_use_is_named(root: Path) -> None:
    write(root)
    (place(root) / "current").unlink()
    (place(root) / "current").mkdir()
    said = "v0002 is written, but cannot be put in use: composite/XRPUSDT/current: is a folder; remove it"
    with pytest.raises(ModelError, match=f"^{re.escape(said)}$"):
        write(root, 2)
    assert files.versions(place(root)) == ("v0001", "v0002")
    (place(root) / "current").rmdir()
    (place(root) / "current").write_bytes(b"\xff" * 99)
    assert write(root, 3) == in_use(root), "a file that names nothing is replaced"


def test_a_writer_killed_at_any_step_leaves_nothing_that_is_used(root: Path) -> None:
    found = [line.split() for line in lines("steps", root)]
    assert len(found) > 10
    assert [dead for _, dead, _ in found] == ["True"] * (len(found) - 1) + ["False"]
    names = [current for _, _, current in found]
    assert names[0] == "None"
    assert names[-1] != "None"
    assert sorted(names, key=lambda name: (name != "None", name)) == names, "what is in use never goes back"
    assert not [path for path in place(root).iterdir() if path.name in {".new", ".current.new"}]


def test_writers_killed_at_forty_moments_leave_nothing_that_is_used(root: Path) -> None:
    found = [line.split()[2] for line in lines("times", root)]
    assert len(found) == 40
    assert found[-1] > "v0005", "they were killed while they wrote, not before"
    write(root)
    assert not [path for path in place(root).iterdir() if path.name in {".new", ".current.new"}]


def test_a_full_disk_leaves_the_old_version_in_use(root: Path) -> None:
    found = lines("full", root)
    assert len(found) == 10
    for told, after in zip(found[::2], found[1::2], strict=True):
        assert (
            "composite/XRPUSDT: cannot be written: File too large ['.last', '.lock', 'current', 'first', 'v0001']"
            in told
        )
        assert after.endswith("True v0001")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 kB; where nobody may mount one, there is no such test."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("no right to mount a small disk")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_disk_that_fills_up_keeps_what_was_in_use(small_disk: Path) -> None:
    root = small_disk / "models"
    written = []
    with pytest.raises(ModelError, match="composite/XRPUSDT: cannot be written: No space left on device"):
        written.extend(write(root, 1 + number % 3).version for number in range(100))
    number = len(files.versions(place(root)))
    assert number > 3
    assert in_use(root).version == f"v{number:04d}"
    assert not (place(root) / ".new").exists()
    writing.prune(root, "composite", "XRPUSDT", 2)
    write(root, 2)
    assert in_use(root).seed == 2


def test_two_writers_at_once_take_turns(root: Path) -> None:
    both = [writer("many", root), writer("many", root)]
    for one in both:
        _, err = one.communicate(timeout=100)
        assert one.returncode == 0, err
    assert sorted(files.versions(place(root))) == [f"v{number:04d}" for number in range(1, 13)]
    for version in files.versions(place(root)):
        load_model(place(root) / version, model_kit.hasher)
    assert in_use(root).version == "v0012"


def test_a_writer_does_not_wait_for_ever(root: Path) -> None:
    write(root)
    with (place(root) / ".lock").open("r+") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with (
            pytest.raises(ModelError, match="composite/XRPUSDT: another training is writing there"),
            writing.held(place(root), patience_s=0.05),
        ):
            pass
    with writing.held(place(root), patience_s=0.05):
        pass


def test_every_change_of_current_changes_its_time(root: Path) -> None:
    for seed in (1, 2, 3):
        write(root, seed)
    path, seen = place(root) / "current", set()
    for number in range(60):
        writing.make_current(root, "composite", "XRPUSDT", f"v000{1 + number % 3}")
        seen.add(path.stat().st_mtime_ns)
    assert len(seen) == 60


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file where a folder belongs")
    with pytest.raises(ModelError, match="composite/XRPUSDT: cannot be written: Not a directory"):
        write(tmp_path / "models")


def test_links_in_the_way_are_not_followed(root: Path, tmp_path: Path) -> None:
    write(root)
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "kept").write_text("kept")
    (place(root) / ".new").symlink_to(victim)
    assert write(root, 2).version == "v0002"
    assert [path.name for path in victim.iterdir()] == ["kept"]
    assert in_use(root).version == "v0002"
    (place(root) / ".current.new").symlink_to(victim / "kept")
    write(root, 2)
    assert (victim / "kept").read_text() == "kept"
