"""Which files hold candles, and of which symbol."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from research.history.report import CandleFileError, counted

SUFFIXES = (".parquet", ".pq", ".csv")
QUOTES = ("USDT", "USDC", "FDUSD", "BUSD", "USD", "BTC", "ETH", "EUR")
MOST_SHOWN = 300
_ALLOWED = ", ".join(f"*{suffix}" for suffix in SUFFIXES)


def candle_files(paths: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """Every candle file of the given files and folders in name order, and notes about what was passed over."""
    found: list[Path] = []
    notes: list[str] = []
    for path in paths:
        if os.path.isdir(path):  # a name too long is none, not a fault
            files, note = _in_folder(path)
            found += files
            notes += note
        else:
            found.append(_usable(path))
    if not found:
        raise CandleFileError(f"no candle file was given; allowed: files or folders of {_ALLOWED}")
    return list(dict.fromkeys(found)), notes


def symbol_of(path: Path) -> str:
    """The symbol that a file's name says: `BTCUSDT.csv`, `btc-usdt-15m.parquet`, `Binance_BTCUSDT_1h.csv`."""
    parts = [part for part in re.split(r"[^0-9A-Za-z\u0080-\uffff]+", path.stem.upper()) if part]
    for part, following in zip(parts, [*parts[1:], ""], strict=True):
        if following in QUOTES:
            return part + following
        if any(part.endswith(quote) and part != quote for quote in QUOTES):
            return part
    if not parts:
        raise CandleFileError(f"{path}: its name says no symbol; expected a name like BTCUSDT.csv")
    return parts[0]


def _in_folder(folder: Path) -> tuple[list[Path], list[str]]:
    entries = sorted(entry for entry in _listed(folder) if entry.is_file() and not entry.name.startswith("."))
    files = [entry for entry in entries if entry.suffix.lower() in SUFFIXES]
    if not files:
        raise CandleFileError(f"{folder}: holds no candle file; allowed: {_ALLOWED}")
    others = [entry.name for entry in entries if entry not in set(files)]
    shown = ", ".join(others[:3]) + (", ..." if len(others) > 3 else "")
    return files, [f"{folder}: {counted(len(others), 'other file')} not read: {shown}"] if others else []


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise CandleFileError(f"{folder}: cannot be read: {error.strerror}") from None


def _usable(path: Path) -> Path:
    if not os.path.exists(path):
        raise CandleFileError(f"{str(path)[:MOST_SHOWN]}: there is no such file or folder")
    if path.suffix.lower() not in SUFFIXES:
        raise CandleFileError(f"{path}: is no candle file by its name; allowed: {_ALLOWED}")
    if not os.path.isfile(path):
        raise CandleFileError(f"{path}: is no plain file; allowed: {_ALLOWED}")
    return path
