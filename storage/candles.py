"""Candles in bulk: a bar of all symbols in, the last bars of all symbols out, one symbol's stretch for a picture."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import batched
from math import isfinite
from typing import Any

import numpy as np
from sqlalchemy import Connection, Select, delete, func, select, tuple_

from bot.domain.market import TIMEFRAMES_MS, timeframe_ms
from bot.strategy import Frame
from storage.rows import Values
from storage.schema import CandleRow
from storage.statements import put

FIGURES = ("open", "high", "low", "close", "volume")
COLUMNS = tuple(getattr(CandleRow, name) for name in ("symbol", "open_at", *FIGURES))
NAMES = ("account", "timeframe", "symbol", "open_at", *FIGURES)
ASKED_AT_ONCE = 2000


def rows(account: str, timeframe: str, frames: Mapping[str, Frame]) -> Iterator[Values]:
    """One row per candle; raises ValueError for NaN and infinities, which the databases treat differently."""
    for symbol, frame in frames.items():
        columns = [frame.open_at_ms.tolist(), *(getattr(frame, name).tolist() for name in FIGURES)]
        for row in zip(*columns, strict=True):
            open_at, *figures = row
            if not isfinite(sum(figures)) and not all(map(isfinite, figures)):
                raise ValueError(f"candle of {symbol} at {open_at} holds {figures}")
            yield dict(zip(NAMES, (account, timeframe, symbol, *row), strict=True))


def save(connection: Connection, some: Sequence[Values]) -> None:
    """Insert or correct candles."""
    put(connection, CandleRow, some)


def of_symbol(
    connection: Connection, account: str, symbol: str, timeframe: str, first: int, last: int
) -> Frame:
    """One symbol's candles between two opening times (inclusive).

    The table is clustered by time, so each bar is asked for by its whole key instead of wading through all symbols.
    """
    length = timeframe_ms(timeframe)
    mine = CandleRow.account == account, CandleRow.timeframe == timeframe
    bounds = (
        select(func.min(CandleRow.open_at)).where(*mine),
        select(func.max(CandleRow.open_at)).where(*mine),
    )
    oldest, newest = (connection.scalar(bound) or 0 for bound in bounds)
    begin = -(-max(first, oldest) // length) * length
    found: list[Sequence[Any]] = []
    for times in batched(range(begin, min(last, newest) + 1, length), ASKED_AT_ONCE):
        bars = select(*COLUMNS).where(*mine, CandleRow.symbol == symbol, CandleRow.open_at.in_(times))
        found += connection.execute(bars.order_by(CandleRow.open_at))
    return _frame(symbol, length, found)


def of_all(connection: Connection, account: str, timeframe: str, first: int, last: int) -> dict[str, Frame]:
    """All symbols' candles between two opening times (inclusive), in one go, for a start."""
    mine = CandleRow.account == account, CandleRow.timeframe == timeframe
    bars = select(*COLUMNS).where(*mine, CandleRow.open_at.between(first, last))
    found: defaultdict[str, list[Sequence[Any]]] = defaultdict(list)
    for row in _fetched(connection, bars.order_by(CandleRow.open_at)):
        found[row[0]].append(row)
    return {symbol: _frame(symbol, timeframe_ms(timeframe), found[symbol]) for symbol in sorted(found)}


def _fetched(connection: Connection, bars: Select[*tuple[Any, ...]]) -> Sequence[Sequence[Any]]:
    """SQLite's tuples need no conversion, and wrapping 79,000 of them costs a tenth of the time of a start."""
    result = connection.execute(bars)
    if connection.dialect.name != "sqlite" or result.cursor is None:
        return result.all()
    found: Sequence[Sequence[Any]] = result.cursor.fetchall()
    result.close()
    return found


def _frame(symbol: str, length_ms: int, found: Sequence[Sequence[Any]]) -> Frame:
    """Rows (symbol, open_at, figures ...) turned into columns."""
    _, times, *figures = zip(*found, strict=True) if found else [()] * 7
    return Frame(
        symbol,
        length_ms,
        np.array(times, dtype=np.int64),
        *(np.array(one, dtype=np.float64) for one in figures),
    )


def prune(connection: Connection, account: str, before_ms: int, most: int) -> int:
    """Delete old candles, the oldest of each timeframe first."""
    key = tuple_(CandleRow.timeframe, CandleRow.open_at, CandleRow.symbol)
    gone = 0
    for timeframe in TIMEFRAMES_MS:
        mine = CandleRow.account == account, CandleRow.timeframe == timeframe, CandleRow.open_at < before_ms
        old = select(CandleRow.timeframe, CandleRow.open_at, CandleRow.symbol).where(*mine)
        oldest = old.order_by(CandleRow.open_at).limit(most - gone)
        gone += connection.execute(
            delete(CandleRow).where(CandleRow.account == account, key.in_(oldest))
        ).rowcount
    return gone
