"""Names that people give to the columns of candle files, and which of them mean what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from research.history.report import CandleFileError

FIGURES = ("open", "high", "low", "close", "volume")
NEEDED = ("timestamp", *FIGURES)
HEADERLESS = ("timestamp", *FIGURES)
"""Order of columns in files without a header: that of the exchanges' kline dumps."""

# The first of several that fit is taken.
_TIMES = (
    "timestamp", "timestamp_ms", "open_time", "opentime", "open_at_ms", "open_timestamp", "time", "datetime",
    "date_time", "date", "ts", "t", "start_time", "start", "unix", "unix_time", "time_utc", "date_utc",
    "kline_open_time", "index", "index_level_0",
)  # fmt: skip
_SYMBOLS = ("symbol", "pair", "ticker", "instrument", "market")
NAMES: dict[str, tuple[str, ...]] = {
    "timestamp": _TIMES,
    "open": ("open", "o", "open_price", "price_open"),
    "high": ("high", "h", "high_price", "price_high", "max"),
    "low": ("low", "l", "low_price", "price_low", "min"),
    "close": ("close", "c", "close_price", "price_close", "last"),
    "volume": ("volume", "v", "vol", "base_volume", "volume_base", "volume_traded"),
    "symbol": _SYMBOLS,
}

_FIGURE_TIMES = ("funding_time", "fundingtime", "calc_time", "create_time", "funding_rate_timestamp", "at_ms")
_FIGURE_NAMES: dict[str, tuple[str, ...]] = {
    "funding": ("funding_rate", "fundingrate", "last_funding_rate", "rate", "funding"),
    "open_interest": ("open_interest", "openinterest", "sum_open_interest", "sumopeninterest", "oi"),
    "ls_ratio": ("ls_ratio", "long_short_ratio", "longshortratio", "count_long_short_ratio", "ratio"),
    "ls_ratio_top": ("ls_ratio_top", "count_toptrader_long_short_ratio", "longshortratio", "ratio"),
}


@dataclass(frozen=True, slots=True)
class Layout:
    """What columns a file has to have: `names` people give to each of ours, which are `needed`, and `headerless`:
    the order of columns in files without a header (empty: a header must be there)."""

    names: Mapping[str, tuple[str, ...]]
    needed: tuple[str, ...]
    headerless: tuple[str, ...] = ()


CANDLES = Layout(NAMES, NEEDED, HEADERLESS)


def figures_layout(kind: str) -> Layout:
    """Files of single figures: funding, open_interest, ls_ratio or ls_ratio_top."""
    names = {
        "timestamp": (*_TIMES, *_FIGURE_TIMES),
        kind: (*_FIGURE_NAMES[kind], "value"),
        "symbol": _SYMBOLS,
    }
    return Layout(names, ("timestamp", kind))


def columns_of(path: Path, header: Sequence[str], layout: Layout = CANDLES) -> dict[str, int]:
    """Position of each column of a layout in a header; CandleFileError when one is missing or there twice."""
    found: dict[str, list[int]] = {}
    for position, name in enumerate(header):
        found.setdefault(_plain(name), []).append(position)
    chosen = {ours: _position(path, header, ours, layout.names[ours], found) for ours in layout.names}
    missing = [ours for ours in layout.needed if chosen[ours] is None]
    if missing:
        listed = ", ".join(name[:24] for name in header[:12])
        raise CandleFileError(
            f"{path}: no column for {', '.join(missing)}; found: {listed}; needed: {', '.join(layout.needed)}"
        )
    return {ours: position for ours, position in chosen.items() if position is not None}


def _position(
    path: Path, header: Sequence[str], ours: str, names: Sequence[str], found: Mapping[str, list[int]]
) -> int | None:
    fitting = next((found[name] for name in names if name in found), [])
    if len(fitting) > 1:
        names = " and ".join(repr(header[position]) for position in fitting)
        raise CandleFileError(f"{path}: {len(fitting)} columns for {ours}: {names}; allowed: one")
    return fitting[0] if fitting else None


def _plain(name: str) -> str:
    """A column name in small letters with underscores, so that `Open Time`, `open-time` and `OPEN_TIME` are one."""
    return "_".join(name.lower().replace("-", " ").replace("_", " ").split())
