"""The trading books: journal, orders, fills, positions, trades, decisions, money."""

from decimal import Decimal

from sqlalchemy import ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from storage.schema.base import CLUSTERED, Base, Count, Key, Moment, MomentKey, NumberKey, OfAccount, Placed


class JournalLine(OfAccount, Base):
    """An event as the engine got it; `digest` is that of its actions, NULL when there were none."""

    __tablename__ = "journal"
    __table_args__ = (Index(None, "account", "at"),)

    number: Mapped[NumberKey]
    at: Mapped[Moment]
    kind: Mapped[str]
    body: Mapped[bytes]
    digest: Mapped[bytes | None]


class OrderRow(OfAccount, Base):
    """An order as we know it, recorded before it is sent."""

    __tablename__ = "orders"
    __table_args__ = (Index(None, "account", "status"), CLUSTERED)

    client_id: Mapped[Key]
    symbol: Mapped[str]
    side: Mapped[str]
    purpose: Mapped[str]
    type: Mapped[str]
    quantity: Mapped[Decimal]
    decision_id: Mapped[str]
    attempt: Mapped[Count]
    limit_price: Mapped[Decimal | None]
    trigger_price: Mapped[Decimal | None]
    reduce_only: Mapped[bool]
    close_position: Mapped[bool]
    expected_price: Mapped[Decimal]
    reason: Mapped[str | None]
    rule_set: Mapped[str]
    status: Mapped[str]
    created_at: Mapped[Moment]
    updated_at: Mapped[Moment]
    filled: Mapped[Decimal]
    average_price: Mapped[Decimal]
    venue_id: Mapped[str]
    note: Mapped[str]
    time_in_force: Mapped[str] = mapped_column(server_default="GTC")


class FillRow(OfAccount, Base):
    """One execution, booked once by the venue's trade id."""

    __tablename__ = "fills"
    __table_args__ = (Index(None, "account", "at"), CLUSTERED)

    symbol: Mapped[Key]
    trade_id: Mapped[Key]
    side: Mapped[str]
    quantity: Mapped[Decimal]
    price: Mapped[Decimal]
    fee: Mapped[Decimal]
    at: Mapped[Moment]
    client_id: Mapped[str]
    venue_order_id: Mapped[str]
    fee_asset: Mapped[str]
    maker: Mapped[bool]
    liquidation: Mapped[bool]


class PositionRow(OfAccount, Base):
    """A position as it is now, flat ones too; `open_trade` is JSON, NULL when flat."""

    __tablename__ = "positions"
    __table_args__ = CLUSTERED

    symbol: Mapped[Key]
    quantity: Mapped[Decimal]
    entry_price: Mapped[Decimal]
    leverage: Mapped[Count]
    isolated_margin: Mapped[Decimal]
    open_trade: Mapped[str | None]


class TradeRow(Placed, Base):
    """A closed trade."""

    __tablename__ = "trades"
    __table_args__ = (
        Index(None, "account", "closed_at"),
        Index(None, "account", "symbol", "place"),
        CLUSTERED,
    )

    id: Mapped[str]
    symbol: Mapped[str]
    side: Mapped[str]
    strategy: Mapped[str]
    quantity: Mapped[Decimal]
    entry_price: Mapped[Decimal]
    exit_price: Mapped[Decimal]
    opened_at: Mapped[Moment]
    closed_at: Mapped[Moment]
    reason: Mapped[str]
    gross: Mapped[Decimal]
    fees: Mapped[Decimal]
    funding: Mapped[Decimal]
    net: Mapped[Decimal]
    slippage: Mapped[Decimal]
    risk: Mapped[Decimal]
    r_multiple: Mapped[Decimal]
    score: Mapped[float]
    stop_price: Mapped[Decimal]
    target_price: Mapped[Decimal | None]
    leverage: Mapped[Count]


class TradeNoteRow(Placed, Base):
    """A person's note on the trade of `symbol` that was opened at `opened_at`; only ever added."""

    __tablename__ = "trade_notes"
    __table_args__ = (Index(None, "account", "symbol", "place"), CLUSTERED)

    at: Mapped[Moment]
    symbol: Mapped[str]
    opened_at: Mapped[Moment]
    text: Mapped[str]
    author: Mapped[str]


class SignalRow(Placed, Base):
    """A decision on a signal: figures for queries, the whole with its gates as JSON in `body`."""

    __tablename__ = "signals"
    __table_args__ = (Index(None, "account", "symbol", "place"), CLUSTERED)

    id: Mapped[str]
    at: Mapped[Moment]
    symbol: Mapped[str]
    strategy: Mapped[str]
    side: Mapped[str | None]
    score: Mapped[float]
    refused_by: Mapped[str]
    quantity: Mapped[Decimal]
    notional: Mapped[Decimal]
    client_id: Mapped[str]
    model_score: Mapped[float | None]
    body: Mapped[str]


class EntryRow(Placed, Base):
    """A ledger entry; its postings sum to zero."""

    __tablename__ = "ledger_entries"
    __table_args__ = (Index(None, "account", "at"), CLUSTERED)

    at: Mapped[Moment]
    kind: Mapped[str]
    symbol: Mapped[str]
    reference: Mapped[str]


class PostingRow(Placed, Base):
    """One side of a ledger entry."""

    __tablename__ = "postings"
    __table_args__ = (
        ForeignKeyConstraint(["account", "place"], ["ledger_entries.account", "ledger_entries.place"]),
        CLUSTERED,
    )

    line: Mapped[Count] = mapped_column(primary_key=True, autoincrement=False)
    book: Mapped[str]
    amount: Mapped[Decimal]


class EquityRow(OfAccount, Base):
    """One point of the equity series."""

    __tablename__ = "account_stats"
    __table_args__ = CLUSTERED

    at: Mapped[MomentKey]
    equity: Mapped[Decimal]
    wallet: Mapped[Decimal]
    open_positions: Mapped[Count]


class DayRow(OfAccount, Base):
    """A day's counters; `day` is its number since the epoch."""

    __tablename__ = "day_figures"
    __table_args__ = CLUSTERED

    day: Mapped[NumberKey]
    at: Mapped[Moment]
    start_equity: Mapped[Decimal]
    realised: Mapped[Decimal]
    trades: Mapped[Count]
    breached: Mapped[bool]


class DifferenceRow(Placed, Base):
    """A difference that reconciliation found."""

    __tablename__ = "differences"
    __table_args__ = CLUSTERED

    at: Mapped[Moment]
    symbol: Mapped[str]
    kind: Mapped[str]
    ours: Mapped[str]
    theirs: Mapped[str]
    done: Mapped[str]


class RunRow(OfAccount, Base):
    """A run of the program; `ended_at` stays NULL when it did not end in order."""

    __tablename__ = "runs"
    __table_args__ = CLUSTERED

    number: Mapped[NumberKey]
    started_at: Mapped[Moment]
    ended_at: Mapped[Moment | None]
