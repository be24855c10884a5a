"""Writing versions and choosing the current one, so that a kill or a full disk leaves nothing that is ever used.

A version is written beside, settled on the disk, and renamed to its name as a whole; `current` is replaced the same
way. One writer at a time holds a symbol's folder; what a dead one left is removed by the next.
"""

import fcntl
import logging
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from bot.ml import files
from bot.ml.card import Card, card_text, check_version
from bot.ml.loaded import Hasher, load_model, model_of, registered
from bot.ml.model import ModelError

log = logging.getLogger(__name__)

PATIENCE_S = 30.0
_LOOK_S = 0.02
_LOCK, _DRAFT, _NEXT, _OLD = ".lock", ".new", ".current.new", ".old"
_LAST = ".last"
"""The highest number that was ever given: a name that people know must not come to mean another model."""
LAST_NUMBER = 999_999
_NUMBERED = re.compile(r"v([0-9]{4,6})")
"""What is named with a higher number was not written here."""


def write_version(root: Path, card: Card, model: bytes, report: str, *, current: bool = False) -> Card:
    """Write a version and answer its card; `current`: and use it from the next bar on.

    Name and hash are filled in: without a version the card gets the next number. The model is loaded and asked its
    canary rows first: what could not be used is not written. Raises ModelError, and then nothing is in use that was not
    before; where the version is there all the same, it says so.
    """
    card = replace(card, model_sha256=sha256(model).hexdigest())
    folder = files.place(root, card.strategy, card.symbol)
    _check_sizes(folder, card, model, report)
    model_of(model, card, f"{_label(folder)}: the new {card.kind} model")
    with held(folder):
        card = replace(card, version=card.version or _next_number(folder))
        _write(folder, card, model, report)
        _note_first(folder)
        if current:
            try:
                point(folder / files.CURRENT, card.version)
            except ModelError as error:
                raise ModelError(f"{card.version} is written, but cannot be put in use: {error}") from None
    return card


def make_current(root: Path, strategy: str, symbol: str, version: str) -> None:
    """Use a version that is there from the next bar on, durably. Raises ModelError."""
    folder = files.place(root, strategy, symbol)
    files.read_card(folder / check_version(version))
    with held(folder):
        point(folder / files.CURRENT, version)


def replace_current(
    root: Path, strategy: str, symbol: str, version: str, before: str, hasher: Hasher = registered
) -> None:
    """Let `version` ("" none) be in use where `before` ("" none) is, durably; nothing where it is in use already.

    The version is loaded first: what could not be used is not put in use. Raises ModelError, and then nothing changed;
    where another one is in use by now, it names it.
    """
    folder = files.place(root, strategy, symbol)
    if not (version or os.path.lexists(folder)):
        return
    if version and files.current_version(folder) != version:
        load_model(folder / check_version(version), hasher)
    with held(folder), told(folder):
        now = files.current_version(folder) or ""
        if now == version:  # as a writer left it that may have died before the disk had it
            settle(folder)
            return
        if now != before:
            said = f"{now or 'none'} is in use now, no longer {before or 'none'}"
            raise ModelError(f"{_label(folder)}: {said}")
        if version:
            files.read_card(folder / version)
            point(folder / files.CURRENT, version)
        else:
            (folder / files.CURRENT).unlink()
            settle(folder)


def withdraw(root: Path, strategy: str, symbol: str) -> str | None:
    """Use no version of a symbol any more; answers the one that was in use. The versions stay."""
    folder = files.place(root, strategy, symbol)
    if not folder.is_dir():
        return None
    with held(folder), told(folder):
        before = _named(folder)
        (folder / files.CURRENT).unlink(missing_ok=True)
        settle(folder)
    return before


def prune(root: Path, strategy: str, symbol: str, keep: int, *spare: str) -> tuple[str, ...]:
    """Remove the oldest versions until `keep` are left; answers what went.

    Never the current one, its challenger, or those to `spare`: where a clock was put back the newest looks oldest.
    """
    folder = files.place(root, strategy, symbol)
    if not folder.is_dir():
        return ()
    with held(folder), told(folder):
        found = files.versions(folder)
        spared = {_named(folder), _named(folder, files.CHALLENGER), *spare}.intersection(found)
        others = [version for version in found if version not in spared]
        room = keep - len(spared)
        gone = tuple(others[: max(0, len(others) - max(room, 0))])
        for version in gone:
            (folder / version).rename(folder / _OLD)
            _clear(folder)
    return gone


@contextmanager
def held(folder: Path, patience_s: float = PATIENCE_S) -> Iterator[None]:
    """Be the only writer of a symbol's folder; what a dead writer left is gone. The kernel frees what the dead hold."""
    with told(folder):
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    try:
        _wait_for(handle, folder, time.monotonic() + patience_s)
        with told(folder):
            _clear(folder)
        yield
    finally:
        os.close(handle)


def _wait_for(handle: int, folder: Path, until_s: float) -> None:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until_s:
                raise ModelError(
                    f"{_label(folder)}: another training is writing there; try again later"
                ) from None
            time.sleep(_LOOK_S)
        else:
            return


@contextmanager
def told(folder: Path) -> Iterator[None]:
    """Errors of the disk become one line."""
    try:
        yield
    except OSError as error:
        raise ModelError(
            f"{_label(folder)}: cannot be written: {error.strerror or type(error).__name__}"
        ) from None


def _label(folder: Path) -> str:
    return "/".join(folder.parts[-2:])


def _check_sizes(folder: Path, card: Card, model: bytes, report: str) -> None:
    for name, size, largest in (
        (files.MODEL_FILE[card.kind], len(model), files.LARGEST_MODEL),
        (files.REPORT, len(report.encode()), files.LARGEST_REPORT),
        (files.CARD, len(card_text(card)), files.LARGEST_CARD),
    ):
        if size > largest:
            raise ModelError(
                f"{_label(folder)}: {name} would have {size} bytes; at most {largest} are allowed"
            )


def _write(folder: Path, card: Card, model: bytes, report: str) -> None:
    final, draft = folder / card.version, folder / _DRAFT
    if final.exists():
        raise ModelError(
            f"{_label(final.parent)}/{final.name}: exists already; a version is never written twice"
        )
    with told(folder):
        try:
            draft.mkdir()
            put(draft / files.MODEL_FILE[card.kind], model)
            put(draft / files.REPORT, report.encode())
            put(draft / files.CARD, card_text(card))
            settle(draft)
            _note_number(folder, card.version)
            draft.rename(final)
            settle(folder)
        except OSError:
            _clear(folder)
            raise


def _note_first(folder: Path) -> None:
    """Keep when the first version was made. What fails here is made good by the next: the oldest card says the same."""
    try:
        if os.path.lexists(folder / files.FIRST):
            return
        made = files.first_made_ms(folder)
        put(folder / _NEXT, f"{made}\n".encode())
        (folder / _NEXT).replace(folder / files.FIRST)
        settle(folder)
    except (ModelError, OSError) as error:
        log.warning("%s: when its first version was made is not kept: %s", _label(folder), error)


def point(path: Path, version: str) -> None:
    """Let a file (`current`, `challenger`) name a version; only for who holds the folder. Raises ModelError.

    Its time always moves on, so that whoever looks at that alone sees every change.
    """
    folder = path.parent
    draft = folder / _NEXT
    with told(folder):
        put(draft, f"{version}\n".encode())
        now_ns = draft.stat().st_mtime_ns
        before_ns = path.lstat().st_mtime_ns if os.path.lexists(path) else 0
        if now_ns <= before_ns:
            os.utime(draft, ns=(before_ns + 1, before_ns + 1))
        try:
            draft.replace(path)
        except IsADirectoryError:
            raise ModelError(f"{files.shown(path)}: is a folder; remove it") from None
        settle(folder)


def _named(folder: Path, name: str = files.CURRENT) -> str | None:
    """The version that a file of the folder names; None also where it names none."""
    try:
        return files.named_version(folder / name)
    except ModelError:
        return None


def _clear(folder: Path) -> None:
    """Remove what a dead writer left; whatever bears these names is in the way of the next, of what kind it ever is."""
    for name in (_DRAFT, _OLD, _NEXT):
        path = folder / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _next_number(folder: Path) -> str:
    """After the highest that was given; what bears a number and no card does not count, and is passed by.

    Raises ModelError where there is none left.
    """
    number = max([*map(_number, files.versions(folder)), _last_number(folder)]) + 1
    while os.path.lexists(folder / f"v{number:04d}"):
        number += 1
    if number > LAST_NUMBER:
        said = f"v{LAST_NUMBER} is the highest number there is; remove what bears it, and .last if it says so"
        raise ModelError(f"{_label(folder)}: {said}")
    return f"v{number:04d}"


def _number(version: str) -> int:
    """The number in the name of a version; 0 where it has none that was given here."""
    match = _NUMBERED.fullmatch(version)
    return int(match[1]) if match else 0


def _last_number(folder: Path) -> int:
    """What `.last` says, 0 where it says nothing: then the versions that are there count alone."""
    try:
        return _number(files.named_version(folder / _LAST) or "")
    except ModelError as error:
        log.warning("%s: the highest number so far is not known: %s", _label(folder), error)
        return 0


def _note_number(folder: Path, version: str) -> None:
    if _number(version) <= _last_number(folder):
        return
    put(folder / _NEXT, f"{version}\n".encode())
    try:
        (folder / _NEXT).replace(folder / _LAST)
    except IsADirectoryError:  # strange, and no reason to lose a model
        log.warning("%s: %s is a folder; a number may be given twice", _label(folder), _LAST)
        (folder / _NEXT).unlink()


def put(path: Path, content: bytes) -> None:
    """A new file with this content, on the disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def settle(folder: Path) -> None:
    """Wait until the disk has the names of a folder."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
