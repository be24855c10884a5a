"""Names that people give to the columns of candle files, and which of them mean what."""

from collections.abc import Sequence
from pathlib import Path

from research.history.report import CandleFileError

FIGURES = ("open", "high", "low", "close", "volume")
NEEDED = ("timestamp", *FIGURES)
HEADERLESS = ("timestamp", *FIGURES)
"""Order of columns in files without a header: that of the exchanges' kline dumps."""

# The first of several that fit is taken.
NAMES: dict[str, tuple[str, ...]] = {
    "timestamp": (
        "timestamp", "timestamp_ms", "open_time", "opentime", "open_at_ms", "open_timestamp", "time", "datetime",
        "date_time", "date", "ts", "t", "start_time", "start", "unix", "unix_time", "time_utc", "date_utc",
        "kline_open_time", "index", "index_level_0",
    ),
    "open": ("open", "o", "open_price", "price_open"),
    "high": ("high", "h", "high_price", "price_high", "max"),
    "low": ("low", "l", "low_price", "price_low", "min"),
    "close": ("close", "c", "close_price", "price_close", "last"),
    "volume": ("volume", "v", "vol", "base_volume", "volume_base", "volume_traded"),
    "symbol": ("symbol", "pair", "ticker", "instrument", "market"),
}  # fmt: skip


def columns_of(path: Path, header: Sequence[str]) -> dict[str, int]:
    """Position of each column of a candle in a header; CandleFileError when one is missing or there twice."""
    found: dict[str, list[int]] = {}
    for position, name in enumerate(header):
        found.setdefault(_plain(name), []).append(position)
    chosen = {ours: _position(path, header, ours, found) for ours in NAMES}
    missing = [ours for ours in NEEDED if chosen[ours] is None]
    if missing:
        listed = ", ".join(name[:24] for name in header[:12])
        raise CandleFileError(
            f"{path}: no column for {', '.join(missing)}; found: {listed}; needed: {', '.join(NEEDED)}"
        )
    return {ours: position for ours, position in chosen.items() if position is not None}


def _position(path: Path, header: Sequence[str], ours: str, found: dict[str, list[int]]) -> int | None:
    fitting = next((found[name] for name in NAMES[ours] if name in found), [])
    if len(fitting) > 1:
        names = " and ".join(repr(header[position]) for position in fitting)
        raise CandleFileError(f"{path}: {len(fitting)} columns for {ours}: {names}; allowed: one")
    return fitting[0] if fitting else None


def _plain(name: str) -> str:
    """A column name in small letters with underscores, so that `Open Time`, `open-time` and `OPEN_TIME` are one."""
    return "_".join(name.lower().replace("-", " ").replace("_", " ").split())
