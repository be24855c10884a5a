"""The challenger's file: read as strictly as `current`, replaced as a whole, never pruned away."""

import os
from dataclasses import replace
from pathlib import Path

import model_kit
import pytest

from bot.ml import files
from bot.ml.challenger import challenger_version, drop_challenger, make_challenger
from bot.ml.model import ModelError
from bot.ml.writing import prune, write_version

PLACE = ("composite", "XRPUSDT")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "models"


def write(root: Path, at_ms: int = 1, *, current: bool = False) -> str:
    card = replace(model_kit.card(), created_at_ms=at_ms)
    return write_version(root, card, model_kit.text(), "<p></p>", current=current).version


def folder(root: Path) -> Path:
    return files.place(root, *PLACE)


def test_a_version_is_named_instead_of_another_and_dropped(root: Path) -> None:
    write(root, current=True)
    second, third = write(root, 2), write(root, 3)
    assert challenger_version(folder(root)) is None
    make_challenger(root, *PLACE, second)
    make_challenger(root, *PLACE, third)
    assert challenger_version(folder(root)) == third
    assert files.current_version(folder(root)) == "v0001"
    assert (folder(root) / files.CHALLENGER).read_bytes() == b"v0003\n"
    assert not drop_challenger(root, *PLACE, second), "another one is tried by now"
    assert challenger_version(folder(root)) == third
    assert drop_challenger(root, *PLACE, third)
    assert not drop_challenger(root, *PLACE)
    assert challenger_version(folder(root)) is None


def test_what_is_not_there_is_never_named(root: Path) -> None:
    assert not drop_challenger(root, *PLACE)
    assert not folder(root).exists(), "asking leaves nothing behind"
    write(root)
    for version, said in (("v0009", "is missing"), ("../x", "is not allowed"), ("", "is not allowed")):
        with pytest.raises(ModelError, match=said):
            make_challenger(root, *PLACE, version)
    assert not (folder(root) / files.CHALLENGER).exists()


@pytest.mark.parametrize("content", [b"", b"../v0001\n", b"v0001\nv0002\n", b"\xff\xfe", b"v" * 65, b"V0001"])
def test_a_file_that_names_no_version_is_an_error_and_can_be_dropped(root: Path, content: bytes) -> None:
    write(root)
    (folder(root) / files.CHALLENGER).write_bytes(content)
    with pytest.raises(ModelError, match="composite/XRPUSDT/challenger: "):
        challenger_version(folder(root))
    assert drop_challenger(root, *PLACE)
    assert challenger_version(folder(root)) is None


def test_links_and_pipes_are_not_followed(root: Path, tmp_path: Path) -> None:
    write(root)
    other = tmp_path / "elsewhere"
    other.write_text("v0001\n")
    path = folder(root) / files.CHALLENGER
    path.symlink_to(other)
    with pytest.raises(ModelError, match="cannot be read"):
        challenger_version(folder(root))
    assert drop_challenger(root, *PLACE)
    assert other.exists()
    os.mkfifo(path)
    with pytest.raises(ModelError, match="is no plain file"):
        challenger_version(folder(root))


def test_a_folder_of_that_name_is_told_and_left_alone(root: Path) -> None:
    version = write(root, current=True)
    (folder(root) / files.CHALLENGER).mkdir()
    assert not drop_challenger(root, *PLACE)
    with pytest.raises(ModelError, match=r"^composite/XRPUSDT/challenger: is a folder; remove it$"):
        make_challenger(root, *PLACE, version)
    assert (folder(root) / files.CHALLENGER).is_dir()


def test_the_one_that_is_tried_is_not_pruned(root: Path) -> None:
    write(root, 1, current=True)
    make_challenger(root, *PLACE, write(root, 2))
    for at_ms in range(3, 9):
        write(root, at_ms)
    assert prune(root, *PLACE, 4) == ("v0003", "v0004", "v0005", "v0006")
    assert files.versions(folder(root)) == ("v0001", "v0002", "v0007", "v0008")
