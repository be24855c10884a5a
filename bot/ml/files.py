"""Where models lie, and reading what lies there: `<root>/<strategy>/<SYMBOL>/<version>/`, `current` names one version.

Whatever stands in a folder is taken for hostile: names are checked before they become paths, files are opened without
following links, and their size is asked before a byte is read.
"""

import os
import stat
from pathlib import Path

from bot.ml.card import Card, Kind, card_of, check_strategy, check_symbol, check_version
from bot.ml.model import ModelError

CARD, REPORT, CURRENT, CHALLENGER = "card.json", "report.html", "current", "challenger"
FIRST = "first"
"""When the first version was made, in ms: versions that old may be gone by now."""
MODEL_FILE: dict[Kind, str] = {"lightgbm": "model.txt", "onnx": "model.onnx"}

LARGEST_MODEL = 64 << 20
LARGEST_CARD = 4 << 20
LARGEST_REPORT = 32 << 20
_LARGEST_NAME = 64


def place(root: Path, strategy: str, symbol: str) -> Path:
    """The folder of one symbol's versions. Raises ModelError for names that are not allowed."""
    return root / check_strategy(strategy) / check_symbol(symbol)


def version_folder(root: Path, strategy: str, symbol: str, version: str) -> Path:
    """The folder of one version. Raises ModelError for names that are not allowed."""
    return place(root, strategy, symbol) / check_version(version)


def shown(path: Path) -> str:
    """A path as people are told of it: from the strategy on."""
    depth = 3 if path.name in {CURRENT, CHALLENGER, FIRST} else 4
    return "/".join(path.parts[-depth:])


def versions(folder: Path) -> tuple[str, ...]:
    """Whole versions of a symbol's folder, oldest card first; what is half-written or strange is left out."""
    found: list[tuple[int, str]] = []
    for path in folder.iterdir() if folder.is_dir() else ():
        try:
            found.append((read_card(path).created_at_ms, path.name))
        except ModelError:
            continue
    return tuple(name for _, name in sorted(found))


def first_made_ms(folder: Path) -> int | None:
    """When a symbol's first version was made, also when that is gone by now; None where there never was one.

    As the file beside the versions says; without it the oldest card does. Raises ModelError where it is broken.
    """
    try:
        text = read_file(folder / FIRST, _LARGEST_NAME).decode("ascii", "replace").strip()
    except FileNotFoundError:
        oldest = versions(folder)[:1]
        return read_card(folder / oldest[0]).created_at_ms if oldest else None
    if not text.isdecimal() or len(text) > 18:
        raise ModelError(f"{shown(folder / FIRST)}: does not say when")
    return int(text)


def current_version(folder: Path) -> str | None:
    """The version in use; None when none is. Raises ModelError when `current` cannot be read or names none."""
    return named_version(folder / CURRENT)


def named_version(path: Path) -> str | None:
    """The version that a file names (`current`, `challenger`); None without the file. Raises ModelError."""
    try:
        text = read_file(path, _LARGEST_NAME)
    except FileNotFoundError:
        return None
    try:
        return check_version(text.decode("ascii").strip())
    except (UnicodeDecodeError, ModelError):
        raise ModelError(f"{shown(path)}: does not name a version") from None


def read_card(folder: Path) -> Card:
    """The card of a version's folder. Raises ModelError, also where it tells of another place than it lies in."""
    path = folder / CARD
    card = card_of(read_whole(path, LARGEST_CARD), shown(path))
    told = (card.strategy, card.symbol, card.version)
    if told != folder.parts[-3:]:
        raise ModelError(f"{shown(path)}: is the card of {'/'.join(told)}, not of this folder")
    return card


def read_whole(path: Path, largest: int) -> bytes:
    """All bytes of a file, ModelError also where it is missing."""
    try:
        return read_file(path, largest)
    except FileNotFoundError:
        raise ModelError(f"{shown(path)}: is missing") from None


def read_file(path: Path, largest: int) -> bytes:
    """All bytes of a plain file no larger than `largest`.

    Raises FileNotFoundError where there is none, ModelError for links, pipes, folders, and files too large: these
    before anything of them is read.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode):
                raise ModelError(f"{shown(path)}: is no plain file")
            if found.st_size > largest:
                raise ModelError(f"{shown(path)}: {found.st_size} bytes; at most {largest} are allowed")
            return file.read(largest)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ModelError(f"{shown(path)}: cannot be read: {error.strerror or type(error).__name__}") from None
