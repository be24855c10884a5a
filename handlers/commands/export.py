"""What was traded and booked, as files for a spreadsheet or the tax office."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from bot.domain.account import Book, Entry
from bot.domain.action import RecordNote
from bot.domain.market import DAY_MS
from bot.domain.trade import Trade
from bot.performance import tally
from bot.runtime.desk import Desk
from bot.runtime.ports import TradeQuery
from handlers.cards import clock
from handlers.command import Help, Range, Risk, Role, command
from handlers.csv_text import Cell, csv_file, moments
from handlers.format import count, money
from handlers.reply import Attachment, Button, Reply

MOST_NOTES = 1_000

TRADE_COLUMNS = (
    "id symbol side strategy leverage quantity entry_price exit_price opened_utc opened_local closed_utc closed_local",
    "reason gross fees funding net slippage risk r_multiple score stop_price target_price notes",
)
LEDGER_COLUMNS = ("at_utc", "at_local", "kind", "symbol", "reference", *(book.value for book in Book))

type Noted = Mapping[tuple[str, int], Sequence[RecordNote]]


@command(area="performance", role=Role.TRADER, risk=Risk.READ)
async def export(
    desk: Desk,
    what: Annotated[Literal["trades", "ledger"], Help("closed trades, or every booking of the wallet")],
    days: Annotated[int | None, Range(1, 3650), Help("how many days back; all without it")] = None,
) -> Reply:
    """Closed trades or the ledger as a CSV file: exact figures, times in UTC and in your zone."""
    since = desk.now_ms() - days * DAY_MS if days else 0
    span = f"last {count(days, 'day')}" if days else "all time"
    return await (_trades(desk, since, span) if what == "trades" else _ledger(desk, since, span))


async def _trades(desk: Desk, since_ms: int, span: str) -> Reply:
    closed = await desk.trades(TradeQuery(since_ms=since_ms))
    zone, noted = clock(desk).zone, by_trade(await desk.notes(MOST_NOTES))
    rows = (_trade_row(trade, zone, noted) for trade in closed)
    fields = (
        ("Trades", str(len(closed))),
        ("Net", money(tally(closed).net, desk.about.quote)),
    )
    return _file(
        desk,
        f"Trades · {span}",
        fields,
        csv_file(_name(desk, "trades"), " ".join(TRADE_COLUMNS).split(), rows),
        "/trades",
    )


def by_trade(notes: Sequence[RecordNote]) -> Noted:
    """Notes by the trade they are on (symbol and opening time), oldest first."""
    found: dict[tuple[str, int], list[RecordNote]] = {}
    for note in reversed(notes):
        found.setdefault((note.symbol, note.opened_at_ms), []).append(note)
    return found


def _trade_row(trade: Trade, zone: ZoneInfo, noted: Noted) -> tuple[Cell, ...]:
    notes = noted.get((trade.symbol, trade.opened_at_ms), ())
    return (
        trade.id,
        trade.symbol,
        trade.side.value,
        trade.strategy,
        trade.leverage,
        trade.quantity,
        trade.entry_price,
        trade.exit_price,
        *moments(trade.opened_at_ms, zone),
        *moments(trade.closed_at_ms, zone),
        trade.reason.value,
        trade.gross,
        trade.fees,
        trade.funding,
        trade.net,
        trade.slippage,
        trade.risk,
        trade.r_multiple if trade.risk else None,
        trade.score,
        trade.stop_price,
        trade.target_price,
        "; ".join(note.text for note in notes),
    )


async def _ledger(desk: Desk, since_ms: int, span: str) -> Reply:
    entries = await desk.entries(since_ms)
    zone = clock(desk).zone
    wallet = sum((entry.amount(Book.WALLET) for entry in entries), Decimal(0))
    fields = (("Bookings", str(len(entries))), ("Wallet", money(wallet, desk.about.quote)))
    rows = (_entry_row(entry, zone) for entry in entries)
    made = csv_file(_name(desk, "ledger"), LEDGER_COLUMNS, rows)
    return _file(desk, f"Ledger · {span}", fields, made, "/balance")


def _entry_row(entry: Entry, zone: ZoneInfo) -> tuple[Cell, ...]:
    books = (entry.amount(book) for book in Book)
    return (*moments(entry.at_ms, zone), entry.kind, entry.symbol, entry.reference, *books)


def _file(desk: Desk, title: str, fields: tuple[tuple[str, str], ...], made: Attachment, look: str) -> Reply:
    return Reply(
        title=title,
        fields=(*fields, ("File", made.name)),
        text=f"Amounts in {desk.about.quote}; every line of the ledger sums to zero over its books."
        if look == "/balance"
        else f"Amounts in {desk.about.quote}; net = gross - fees + funding.",
        file=made,
        buttons=(Button(look.removeprefix("/").capitalize(), look),),
    )


def _name(desk: Desk, what: str) -> str:
    """quarterdeck-demo-trades-20261121.csv"""
    day = clock(desk).full(desk.now_ms()).partition(" ")[0].replace("-", "")
    return f"quarterdeck-{desk.about.mode}-{what}-{day}.csv"
