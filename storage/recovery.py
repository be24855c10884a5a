"""What the ledger remembers of an account: one picture from all tables, with which every start begins."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from sqlalchemy import Connection, Float, String, cast, func, select, type_coerce

from bot.domain.account import Book
from bot.domain.decision import Decision
from bot.domain.errors import StorageError
from bot.domain.guard import KillReset
from bot.domain.instrument import ZERO
from bot.domain.market import DAY_MS
from bot.domain.order import FINAL, Order, OrderStatus, Purpose
from bot.domain.position import Position
from bot.domain.snapshot import DayFigures, OpenTrade, Recovered
from bot.domain.trade import Trade
from bot.runtime.codec import decode
from storage import guards, journal, settings
from storage.history import read_decision
from storage.rows import DAYS, POSITIONS, TRADES, order
from storage.schema import (
    DayRow,
    EntryRow,
    EquityRow,
    FillRow,
    OrderRow,
    PositionRow,
    PostingRow,
    RunRow,
    SettingRow,
    SignalRow,
    TradeRow,
)

OPEN = tuple(status.value for status in OrderStatus if status not in FINAL)
FUNDING = "funding"  # the kind of entry that books a payment
MOST_TRADE_IDS = 2000
MOST_PAYMENT_IDS = 5000
MOST_ENDED = 200
"""How many of the last ended orders are looked at for fills that are still to come."""


def recover(connection: Connection, account: str, recent: int) -> Recovered:
    """The account as its ledger has it, with the last `recent` trades of each symbol."""
    now = settings.read(connection, account)
    resets = guards.resets(connection, account)
    positions, open_trades = _positions(connection, account)
    orders = _orders(connection, account)
    last_fill_at_ms, trade_ids = _last_fills(connection, account)
    lines, clean = journal.last_number(connection, account), _clean(connection, account)
    return Recovered(
        trading=now.trading,
        positions=positions,
        open_trades=open_trades,
        orders=orders,
        decisions=_decisions(connection, account, orders),
        wallet=_wallet(connection, account),
        base_balance=now.amount("base_balance"),
        equity_high=_equity_high(connection, account, now),
        day=_day(connection, account),
        recent_trades=_recent_trades(connection, account, recent, {reset.symbol: reset for reset in resets}),
        kills=guards.kills(connection, account),
        kill_resets=resets,
        halts=guards.halts(connection, account, journal.last_at(connection, account)),
        paused=now.paused,
        no_reentry=now.no_reentry,
        sizing=now.sizing,
        limits=now.limits,
        parameters=now.parameters,
        last_fill_at_ms=last_fill_at_ms,
        last_trade_ids=trade_ids,
        last_payment_ids=_last_payments(connection, account, last_fill_at_ms - DAY_MS),
        last_bar_at_ms=journal.last_bar(connection, account)[1],
        trade_count=_count(connection, account, TradeRow),
        order_count=_count(connection, account, OrderRow),
        clean=clean is not False,
        first_start=lines == 0 and clean is None,
        kept=now.kept,
    )


def _equity_high(connection: Connection, account: str, now: settings.Settings) -> Decimal:
    """The recorded high, or a later point of the equity series: small steps up are not recorded as a setting."""
    since = select(SettingRow.at).where(SettingRow.account == account, SettingRow.key == "equity_high")
    points = select(EquityRow.equity).where(
        EquityRow.account == account, EquityRow.at >= (connection.scalar(since) or 0)
    )
    highest = points.order_by(cast(type_coerce(EquityRow.equity, String), Float).desc()).limit(1)
    recorded, reached = now.amount("equity_high"), connection.scalar(highest)
    return recorded if reached is None else max(recorded, reached)


def _positions(connection: Connection, account: str) -> tuple[tuple[Position, ...], tuple[OpenTrade, ...]]:
    rows = select(PositionRow.__table__).where(PositionRow.account == account).order_by(PositionRow.symbol)
    positions, trades = [], []
    for row in connection.execute(rows).mappings():
        position = POSITIONS.value(row)
        if not position.flat:
            positions.append(position)
            trades += [_open_trade(row["symbol"], row["open_trade"])] if row["open_trade"] else []
    return tuple(positions), tuple(trades)


def _open_trade(symbol: str, text: str) -> OpenTrade:
    try:
        return decode(text, OpenTrade)
    except ValueError as error:
        raise StorageError(f"open trade of {symbol}: {error}") from error


def _orders(connection: Connection, account: str) -> tuple[Order, ...]:
    """Those that are live, and those that ended before all of their fills were booked, oldest first."""
    rows = select(OrderRow.__table__).where(OrderRow.account == account, OrderRow.status.in_(OPEN))
    live = [order(row) for row in connection.execute(rows).mappings()]
    found = [*live, *_unbooked(connection, account)]
    return tuple(sorted(found, key=lambda order: (order.created_at_ms, order.client_id.encode())))


def _unbooked(connection: Connection, account: str) -> list[Order]:
    """A venue may tell an order's end before its fills: died in between, they need the order, and its decision."""
    rows = select(OrderRow.__table__).where(OrderRow.account == account, OrderRow.status.not_in(OPEN))
    newest = rows.order_by(OrderRow.updated_at.desc(), OrderRow.client_id.desc()).limit(MOST_ENDED)
    ended = [order(row) for row in connection.execute(newest).mappings()]
    fills = select(FillRow.client_id, FillRow.quantity).where(
        FillRow.account == account, FillRow.client_id.in_([order.client_id for order in ended])
    )
    booked: dict[str, Decimal] = {}
    for client_id, quantity in connection.execute(fills):
        booked[client_id] = booked.get(client_id, ZERO) + quantity
    return [
        order
        for order in ended
        if (order.status is OrderStatus.FILLED or order.purpose is Purpose.ENTRY)
        and order.intent.quantity > booked.get(order.client_id, ZERO)
    ]


def _decisions(connection: Connection, account: str, orders: Sequence[Order]) -> tuple[Decision, ...]:
    """Those whose entry order, or a fill of it, is still on its way, oldest first."""
    entries = [order.client_id for order in orders if order.purpose is Purpose.ENTRY]
    rows = select(SignalRow.id, SignalRow.body).where(
        SignalRow.account == account, SignalRow.client_id.in_(entries)
    )
    return tuple(read_decision(*row) for row in connection.execute(rows.order_by(SignalRow.place)))


def _wallet(connection: Connection, account: str) -> Decimal:
    """Added up here and in the order of booking: SQLite would add as floats, and the engine adds in this order."""
    amounts = select(PostingRow.amount).where(PostingRow.account == account, PostingRow.book == Book.WALLET)
    return sum(connection.scalars(amounts.order_by(PostingRow.place, PostingRow.line)), ZERO)


def _day(connection: Connection, account: str) -> DayFigures:
    rows = select(DayRow.__table__).where(DayRow.account == account).order_by(DayRow.day.desc()).limit(1)
    found = connection.execute(rows).mappings().first()
    return DAYS.value(found) if found else DayFigures()


def _recent_trades(
    connection: Connection, account: str, recent: int, resets: Mapping[str, KillReset]
) -> tuple[Trade, ...]:
    """The last trades of each symbol that were closed after its own reset and the last reset of all."""
    nth = func.row_number().over(partition_by=TradeRow.symbol, order_by=TradeRow.place.desc())
    ranked = select(TradeRow.__table__, nth.label("nth")).where(TradeRow.account == account).subquery()
    rows = select(ranked).where(ranked.c.nth <= recent).order_by(ranked.c.place)
    trades = [TRADES.value(row) for row in connection.execute(rows).mappings()]
    since = {symbol: reset.at_ms for symbol, reset in resets.items()}
    everyone = since.get("", -1)
    return tuple(trade for trade in trades if trade.closed_at_ms > max(everyone, since.get(trade.symbol, -1)))


def _last_fills(connection: Connection, account: str) -> tuple[int, tuple[str, ...]]:
    """Time of the last fill, and the fills of the day before it as SYMBOL:trade id, oldest first."""
    last_at = connection.scalar(select(func.max(FillRow.at)).where(FillRow.account == account))
    if last_at is None:
        return 0, ()
    fills = select(FillRow.symbol, FillRow.trade_id).where(
        FillRow.account == account, FillRow.at >= last_at - DAY_MS
    )
    newest = fills.order_by(FillRow.at.desc(), FillRow.symbol.desc(), FillRow.trade_id.desc()).limit(
        MOST_TRADE_IDS
    )
    found = connection.execute(newest).all()
    return last_at, tuple(f"{symbol}:{trade_id}" for symbol, trade_id in reversed(found))


def _last_payments(connection: Connection, account: str, since_ms: int) -> tuple[str, ...]:
    """Ids of the funding payments booked since, oldest first: the venue will be asked from the last fill on."""
    mine = EntryRow.account == account, EntryRow.kind == FUNDING, EntryRow.at >= since_ms
    newest = select(EntryRow.reference).where(*mine).order_by(EntryRow.place.desc()).limit(MOST_PAYMENT_IDS)
    return tuple(reversed(connection.scalars(newest).all()))


def _count(connection: Connection, account: str, table: type[TradeRow | OrderRow]) -> int:
    return connection.scalar(select(func.count()).select_from(table).where(table.account == account)) or 0


def _clean(connection: Connection, account: str) -> bool | None:
    """Whether the last run ended in order; None when there was none."""
    runs = select(RunRow.ended_at).where(RunRow.account == account).order_by(RunRow.number.desc()).limit(1)
    found = connection.execute(runs).first()
    return None if found is None else found.ended_at is not None
