"""A model's folder with things in it that no writer leaves: the next writer goes on, and touches nothing elsewhere."""

import errno
import os
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from test_trials_house import PLACE, install
from training_house import folder

from bot.ml import files
from bot.ml.grouping import Cluster, Grouping, Groupings, Measures, Member, keep_grouping
from bot.ml.writing import prune, replace_current

NAMES = ("AAUSDT", "BBUSDT")

type Prepare = Callable[[Path, Path], object]

STRANGE: dict[str, Prepare] = {
    "a draft that is a link": lambda where, other: (where / ".new").symlink_to(other),
    "a draft that is a file": lambda where, other: (where / ".new").write_text("x"),
    "a draft that is a pipe": lambda where, other: os.mkfifo(where / ".new"),
    "a rest that is a link": lambda where, other: (where / ".old").symlink_to(other),
    "a rest that is a file": lambda where, other: (where / ".old").write_text("x"),
    "a name that is a folder": lambda where, other: (where / ".current.new" / "x").mkdir(parents=True),
    "a name that is a link": lambda where, other: (where / ".current.new").symlink_to(other / "precious"),
    "a number that is a link": lambda where, other: _instead(
        where / ".last", lambda path: path.symlink_to(other)
    ),
    "a number that is a folder": lambda where, other: _instead(where / ".last", Path.mkdir),
    "a beginning that is a folder": lambda where, other: _instead(where / "first", Path.mkdir),
    "a lock that is a pipe": lambda where, other: _instead(where / ".lock", os.mkfifo),
    "a version that is a link": lambda where, other: (where / "v0009").symlink_to(other),
}


def _instead(path: Path, make: Callable[[Path], object]) -> None:
    path.unlink()
    make(path)


@pytest.mark.parametrize("prepare", STRANGE.values(), ids=STRANGE)
def test_the_next_writer_goes_on(tmp_path: Path, prepare: Prepare) -> None:
    where, other, models = folder(tmp_path), tmp_path / "other", tmp_path / "models"
    other.mkdir()
    (other / "precious").write_text("mine")
    install(tmp_path, 0.5, 1, current=True)
    install(tmp_path, 0.5, 2)
    prepare(where, other)
    newest = install(tmp_path, 0.5, 3, current=True)
    assert files.current_version(where) == newest
    assert prune(models, *PLACE, 2) == ("v0001",)
    replace_current(models, *PLACE, "v0002", newest)
    assert files.versions(where) == ("v0002", newest)
    assert {path.name for path in other.iterdir()} == {"precious"}
    assert (other / "precious").read_text() == "mine"


def test_a_grouping_that_the_disk_withheld_once_is_read_at_the_next_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measures = Measures(*(0.1,) * len(fields(Measures)))
    members = tuple(Member(name, 0, measures) for name in NAMES)
    one = Grouping(
        1_700_000_100_000, 30, 900_000, 1, 0.5, (Cluster(0, ("AAUSDT", "BBUSDT"), measures, "calm"),), members
    )
    kept = keep_grouping(tmp_path, one)
    (kept.parent / "20240101T000000.json").write_text("{}")
    groupings, opened = Groupings(tmp_path, 900_000), os.open
    asked: list[str] = []

    def withheld(path: Any, *given: Any) -> int:
        asked.append(Path(path).name)
        if len(asked) <= 2:
            raise OSError(errno.EMFILE, "Too many open files")
        return opened(path, *given)

    monkeypatch.setattr(files.os, "open", withheld)
    assert groupings.known_at(1_800_000_000_000) is None
    assert groupings.known_at(1_800_000_000_000) == one
    assert groupings.known_at(1_800_000_000_000) == one
    assert asked == [*2 * ["20240101T000000.json", kept.name]], (
        "what is read, and what is broken, is read once"
    )
