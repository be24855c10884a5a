"""What long work stands on: candles of the store and of the desk joined, funding, and where things are kept."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import numpy as np

from bot.domain.errors import ConfigError
from bot.domain.instrument import Instrument
from bot.domain.market import timeframe_ms
from bot.ml.card import check_symbol
from bot.ml.model import ModelError
from bot.strategy import Frame
from cli.workshop.asking import Place, merged
from cli.workshop.parcel import FIGURES
from research.backtest.ground import Ground
from research.store.files import FileStore
from research.store.places import CANDLES, stored_files
from research.store.port import Points

HISTORY = "history"
IMPORTED = "import"
NO_POINTS = Points(np.zeros(0, dtype=np.int64), np.zeros(0))


@dataclass(frozen=True, slots=True)
class Known:
    """A symbol's candles as far as they are known, unbroken; funding; sentences about where they come from."""

    frame: Frame
    funding: Points
    words: tuple[str, ...]


def known(place: Place, live: Frame, from_ms: int, to_ms: int) -> Known:
    """The newest unbroken stretch of what the store and the desk (`live`) have in from_ms <= open < to_ms."""
    found = joined(place, live, from_ms, to_ms)
    return replace(found, frame=unbroken(found.frame))


def joined(place: Place, live: Frame, from_ms: int, to_ms: int) -> Known:
    """All that the store and the desk have of that time, holes left open."""
    store = FileStore(Path(place.home) / HISTORY)
    origin = store.source_of(live.symbol, place.timeframe)
    usable = origin in (place.source, IMPORTED)
    stored = store.load(live.symbol, place.timeframe, from_ms, to_ms) if usable else within(live, 0, 0)
    funding = store.points("funding", live.symbol, from_ms, to_ms)
    words = []
    if len(stored) and origin == IMPORTED:
        words.append("Candles: imported ones and the desk's own.")
    if origin and not usable:
        words.append(f"Stored candles of {origin} are left out: the desk trades on {place.source}.")
    return Known(merged(stored, within(live, from_ms, to_ms)), funding, tuple(words))


def stored_symbols(home: Path, timeframe: str) -> Iterator[str]:
    """Symbols with candles in the store, in order of their names; files of other names are passed over."""
    for path in stored_files(home / HISTORY / CANDLES / timeframe):
        try:
            yield check_symbol(path.stem)
        except ModelError:
            continue


def too_short(found: Known, have: str, need: str) -> ConfigError:
    """Why there is nothing to run, and what would help."""
    rest = "".join(f" {words}" for words in found.words)
    return ConfigError(f"{have}; {need} (quarterdeck fetch brings more).{rest}")


def ground_of(place: Place, found: Known, instrument: Instrument | None = None, tail_ms: int = 0) -> Ground:
    """One symbol's ground; without funding where none is stored in the stretch that is traded."""
    symbol = found.frame.symbol
    first = max(int(found.frame.open_at_ms[0]), tail_ms) if len(found.frame) else 0
    points = found.funding
    funding = {symbol: points} if len(points.at_ms) and int(points.at_ms[-1]) >= first else {}
    instruments = {symbol: instrument} if instrument is not None else {}
    return Ground(
        place.timeframe,
        {symbol: found.frame},
        funding=funding,
        instruments=instruments,
        strategy_paths=place.paths,
    )


def within(frame: Frame, from_ms: int, to_ms: int) -> Frame:
    """The bars that open in from_ms <= open < to_ms."""
    inside = (frame.open_at_ms >= from_ms) & (frame.open_at_ms < to_ms)
    columns = (getattr(frame, name)[inside] for name in FIGURES)
    return Frame(frame.symbol, frame.timeframe_ms, frame.open_at_ms[inside], *columns)


def unbroken(frame: Frame) -> Frame:
    """The newest stretch of candles without a hole: indicators over a hole would tell of a market that never was."""
    holes = np.flatnonzero(np.diff(frame.open_at_ms) != frame.timeframe_ms)
    first = int(holes[-1]) + 1 if len(holes) else 0
    columns = (getattr(frame, name)[first:] for name in FIGURES)
    return Frame(frame.symbol, frame.timeframe_ms, frame.open_at_ms[first:], *columns)


def bar_ms(place: Place) -> int:
    """The length of a bar."""
    return timeframe_ms(place.timeframe)


def cents(value: float) -> Decimal:
    """A simulation's money for people: to the cent."""
    return Decimal(repr(value)).quantize(Decimal("0.01"))
