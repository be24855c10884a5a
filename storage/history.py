"""What happened, for those who ask: trades, decisions, equity, money, changes, differences."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, String, select, type_coerce

from bot.domain.account import Book, Entry, EquityPoint, Posting
from bot.domain.action import RecordDifference, RecordNote, RecordSetting
from bot.domain.decision import Decision
from bot.domain.errors import StorageError
from bot.domain.guard import KillReset
from bot.domain.trade import Trade
from bot.runtime.codec import decode
from bot.runtime.ports import TradeQuery
from storage.rows import DIFFERENCES, KILL_RESETS, SETTING_CHANGES, TRADE_NOTES, TRADES
from storage.schema import (
    DifferenceRow,
    EntryRow,
    EquityRow,
    KillResetRow,
    PostingRow,
    SettingChangeRow,
    SignalRow,
    TradeNoteRow,
    TradeRow,
)


def trades(connection: Connection, account: str, query: TradeQuery) -> tuple[Trade, ...]:
    """Closed trades, oldest first."""
    rows = select(TradeRow.__table__).where(TradeRow.account == account)
    if query.symbol:
        rows = rows.where(TradeRow.symbol == query.symbol)
    if query.since_ms:
        rows = rows.where(TradeRow.closed_at >= query.since_ms)
    newest = rows.order_by(TradeRow.place.desc()).limit(query.limit or None)
    return tuple(TRADES.value(row) for row in reversed(connection.execute(newest).mappings().all()))


def decisions(connection: Connection, account: str, limit: int, symbol: str) -> tuple[Decision, ...]:
    """The newest decisions, newest first."""
    rows = select(SignalRow.id, SignalRow.body).where(SignalRow.account == account)
    if symbol:
        rows = rows.where(SignalRow.symbol == symbol)
    newest = connection.execute(rows.order_by(SignalRow.place.desc()).limit(limit))
    return tuple(read_decision(*row) for row in newest)


def read_decision(name: str, body: str) -> Decision:
    """The decision of a row."""
    try:
        return decode(body, Decision)
    except ValueError as error:
        raise StorageError(f"decision {name}: {error}") from error


def equity(connection: Connection, account: str, since_ms: int, most: int) -> tuple[EquityPoint, ...]:
    """The equity series, oldest first, thinned to at most `most` points."""
    raw = type_coerce(EquityRow.equity, String), type_coerce(EquityRow.wallet, String)
    rows = select(EquityRow.at, *raw, EquityRow.open_positions)
    since = rows.where(EquityRow.account == account, EquityRow.at >= since_ms).order_by(EquityRow.at)
    points = connection.execute(since).all()
    if len(points) > most:
        curve = np.array([float(point[1]) for point in points])
        points = [points[i] for i in thinned(curve, most)]
    return tuple(EquityPoint(at, Decimal(worth), Decimal(wallet), n) for at, worth, wallet, n in points)


def thinned(curve: NDArray[np.float64], most: int) -> Sequence[int]:
    """Which points of a curve to keep: both ends, and the lowest and highest of even stretches between."""
    last, stretches = len(curve) - 1, (most - 2) // 2
    kept = {0, last} if most > 1 else {last}
    edges = np.linspace(1, last, max(stretches, 0) + 1).astype(int)
    for begin, end in pairwise(edges):
        if begin < end:
            stretch = curve[begin:end]
            kept |= {int(begin + stretch.argmin()), int(begin + stretch.argmax())}
    return sorted(kept)


def entries(connection: Connection, account: str, since_ms: int) -> tuple[Entry, ...]:
    """Ledger entries, oldest first."""
    mine = EntryRow.account == account, EntryRow.at >= since_ms
    joined = (PostingRow.account == EntryRow.account) & (PostingRow.place == EntryRow.place)
    sides = select(PostingRow.place, PostingRow.book, PostingRow.amount).join(EntryRow, joined).where(*mine)
    postings: dict[int, list[Posting]] = {}
    for place, book, amount in connection.execute(sides.order_by(PostingRow.place, PostingRow.line)):
        postings.setdefault(place, []).append(Posting(Book(book), amount))
    heads = select(EntryRow.place, EntryRow.at, EntryRow.kind, EntryRow.symbol, EntryRow.reference).where(
        *mine
    )
    return tuple(
        Entry(at, kind, symbol, reference, tuple(postings.get(place, ())))
        for place, at, kind, symbol, reference in connection.execute(heads.order_by(EntryRow.place))
    )


def setting_changes(connection: Connection, account: str, limit: int) -> tuple[RecordSetting, ...]:
    """The newest run-time changes, newest first."""
    rows = select(SettingChangeRow.__table__).where(SettingChangeRow.account == account)
    newest = rows.order_by(SettingChangeRow.place.desc()).limit(limit)
    return tuple(SETTING_CHANGES.value(row) for row in connection.execute(newest).mappings())


def kill_resets(connection: Connection, account: str, limit: int) -> tuple[KillReset, ...]:
    """The newest kill resets, newest first."""
    rows = select(KillResetRow.__table__).where(KillResetRow.account == account)
    newest = rows.order_by(KillResetRow.place.desc()).limit(limit)
    return tuple(KILL_RESETS.value(row) for row in connection.execute(newest).mappings())


def differences(connection: Connection, account: str, limit: int) -> tuple[RecordDifference, ...]:
    """The newest reconciliation differences, newest first."""
    rows = select(DifferenceRow.__table__).where(DifferenceRow.account == account)
    newest = rows.order_by(DifferenceRow.place.desc()).limit(limit)
    return tuple(DIFFERENCES.value(row) for row in connection.execute(newest).mappings())


def notes(connection: Connection, account: str, limit: int, symbol: str) -> tuple[RecordNote, ...]:
    """The newest notes on trades, newest first."""
    rows = select(TradeNoteRow.__table__).where(TradeNoteRow.account == account)
    if symbol:
        rows = rows.where(TradeNoteRow.symbol == symbol)
    newest = rows.order_by(TradeNoteRow.place.desc()).limit(limit)
    return tuple(TRADE_NOTES.value(row) for row in connection.execute(newest).mappings())
