"""Where stored history lies, how one file takes the place of another, and who may write.

<root>/candles/<timeframe>/<SYMBOL>.parquet
<root>/{funding,open_interest,ls_ratio,ls_ratio_top}/<SYMBOL>.parquet
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.domain.market import TIMEFRAMES_MS
from research.history.report import printable
from research.store.port import StoreError

CANDLES = "candles"
KINDS = ("funding", "open_interest", "ls_ratio", "ls_ratio_top")
SUFFIX = ".parquet"
LOCK = ".lock"
PATIENCE_S = 30.0
LOOK_S = 0.01
LONGEST_NAME = 40


def candle_file(root: Path, timeframe: str, symbol: str) -> Path:
    """The file of a symbol's candles. Raises StoreError for a timeframe or a symbol that there cannot be."""
    if timeframe not in TIMEFRAMES_MS:
        raise StoreError(f"timeframe {timeframe!r} unknown; allowed: {', '.join(TIMEFRAMES_MS)}")
    return root.joinpath(CANDLES, timeframe, checked(symbol) + SUFFIX)


def point_file(root: Path, kind: str, symbol: str) -> Path:
    """The file of a symbol's figures. Raises StoreError for a kind or a symbol that there cannot be."""
    if kind not in KINDS:
        raise StoreError(f"{kind!r} is not stored; allowed: {', '.join(KINDS)}")
    return root.joinpath(kind, checked(symbol) + SUFFIX)


def checked(symbol: str) -> str:
    """A symbol that may be stored. Raises StoreError for any other."""
    if not (symbol.isalnum() and symbol == symbol.upper() and len(symbol) <= LONGEST_NAME):
        raise StoreError(f"{printable(symbol[:LONGEST_NAME])!r} is no symbol; allowed: capitals and digits")
    return symbol


def stored_files(folder: Path) -> list[Path]:
    """The files of a folder of the store in name order; none where there is no such folder."""
    if not folder.is_dir():
        return []
    return sorted(entry for entry in folder.iterdir() if entry.suffix == SUFFIX and entry.name[0] != ".")


@contextmanager
def held(path: Path, patience_s: float = PATIENCE_S) -> Iterator[None]:
    """Nobody else writes into the file's folder meanwhile. Raises StoreError when another process does not end."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path.parent / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror}") from None
    try:
        _wait_for(handle, path, time.monotonic() + patience_s)
        yield
    finally:
        os.close(handle)


def _wait_for(handle: int, path: Path, until_s: float) -> None:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until_s:
                raise StoreError(f"{path}: another process is writing there; try again later") from None
            time.sleep(LOOK_S)
        else:
            return


def replace_file(path: Path, write: Callable[[Path], None]) -> None:
    """Whatever happens, the file holds what it held before or all of what `write` wrote. Call it within `held`."""
    fresh = path.with_name(f".{path.name}.new")
    try:
        write(fresh)
        _settle(fresh)
        fresh.replace(path)
        _settle(path.parent)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise StoreError(f"{path}: cannot be written: {error.strerror or type(error).__name__}") from None


def _settle(path: Path) -> None:
    """Wait until the disk has it."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
