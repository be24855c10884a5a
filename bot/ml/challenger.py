"""The challenger of a symbol's model: a version that is tried beside the one in use, named by a file like `current`."""

from pathlib import Path

from bot.ml import files
from bot.ml.card import check_version
from bot.ml.writing import held, point, settle, told


def challenger_version(folder: Path) -> str | None:
    """The version that is tried in a symbol's folder; None when none is. Raises ModelError where the file is broken."""
    return files.named_version(folder / files.CHALLENGER)


def make_challenger(root: Path, strategy: str, symbol: str, version: str) -> None:
    """Try a version that is there, instead of the one that was tried before, durably. Raises ModelError."""
    folder = files.place(root, strategy, symbol)
    files.read_card(folder / check_version(version))
    with held(folder):
        point(folder / files.CHALLENGER, version)


def drop_challenger(root: Path, strategy: str, symbol: str, version: str = "") -> bool:
    """Try none any more; with a `version`, only where that one is tried. Answers whether one was dropped.

    A file that names no version goes, too; a folder of that name stays, and says nothing. Raises ModelError when the
    disk refuses.
    """
    folder = files.place(root, strategy, symbol)
    if not folder.is_dir():
        return False
    with held(folder), told(folder):
        path = folder / files.CHALLENGER
        if not path.is_symlink() and (path.is_dir() or not path.exists()):
            return False
        if version and challenger_version(folder) != version:
            return False
        path.unlink(missing_ok=True)
        settle(folder)
    return True
