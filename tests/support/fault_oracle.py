"""The oracle: what must be so whatever went wrong. It knows the exchange's truth and what the bot wrote down, no more.

`quarrels` says what disagrees now and must be empty soon after the last fault (I4, I3); `breaches` judges a whole life
by its records (I1, I5, I6, I7, I16, I23). Both answer lines that begin with the invariant's name.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from fault_life import Life, Span, spans_without

from bot.domain.account import Book
from bot.domain.order import OrderSide, OrderStatus, Purpose, instance_prefix
from sandbox.exchange.core import ExchangeAccount
from sandbox.exchange.nouns import Conditional, ConditionalStatus, ExchangeOrder, IncomeKind, Kind, Origin
from sandbox.exchange.serving.stage import Exchanged

ZERO = Decimal(0)
CLOSE_ENOUGH = Decimal("1e-8")
LIVE = frozenset({"INTENDED", "WORKING", "PARTIALLY_FILLED", "UNKNOWN"})
UNSETTLED = frozenset({"INTENDED", "UNKNOWN"})
MADE_UP = "sync-"
TOO_FAST = frozenset({418, 429})


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long what may last, in ms. `cover_ms`: a position without a stop before the bot must try to close it."""

    cover_ms: int = 5_000
    stray_ms: int = 10_000
    slack_ms: int = 400
    """The bot's timers and the exchange's clock move in steps."""


@dataclass(frozen=True, slots=True)
class Truth:
    """The exchange's own records. `requests`: what reached it, or was kept from it by a fault."""

    account: ExchangeAccount
    requests: Sequence[Exchanged]
    now_ms: int
    prefix: str

    def ours(self) -> list[ExchangeOrder]:
        """Ordinary orders that the bot sent itself."""
        return [o for o in self.account.orders if o.client_id.startswith(self.prefix) and not o.parent]

    def purpose(self, client_id: str) -> Purpose | None:
        """What an order of the bot was for, as its id says."""
        letter = client_id.removeprefix(self.prefix)[:1] if client_id.startswith(self.prefix) else ""
        return next((one for one in Purpose if one[0].lower() == letter), None)


@dataclass(frozen=True, slots=True)
class Books:
    """What the bot wrote down: rows of its database file."""

    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    fills: list[dict[str, Any]] = field(default_factory=list)
    positions: dict[str, dict[str, Any]] = field(default_factory=dict)
    sums: dict[str, Decimal] = field(default_factory=dict)


def read_books(file: Path, account: str) -> Books:
    """The rows as they are now."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row

        def rows(table: str) -> Iterator[dict[str, Any]]:
            sql = f"select * from {table} where account = ?"
            return map(dict, connection.execute(sql, (account,)))

        sums: Counter[str] = Counter()
        for row in rows("postings"):
            sums[row["book"]] += Decimal(row["amount"])  # type: ignore[assignment]
        return Books(
            orders={row["client_id"]: row for row in rows("orders")},
            fills=list(rows("fills")),
            positions={row["symbol"]: row for row in rows("positions")},
            sums={name: Decimal(amount) for name, amount in sums.items()},
        )


# What must be so soon


def quarrels(truth: Truth, books: Books, *, made_up: bool = False) -> list[str]:
    """Where bot and exchange disagree now: orders not settled, positions, what rests, executions, the wallet.

    `made_up`: rows without a venue's trade id are no executions, rather than wrong ones.
    """
    return [
        *_unsettled(books),
        *_positions(truth, books),
        *_resting(truth, books),
        *_executions(truth, books, made_up=made_up),
        *_fates(truth, books),
        *_wallet(truth, books),
    ]


def _unsettled(books: Books) -> Iterator[str]:
    for client_id, row in books.orders.items():
        if row["status"] in UNSETTLED:
            yield f"I3: {row['purpose']} {client_id} is {row['status']}"


def _positions(truth: Truth, books: Books) -> Iterator[str]:
    theirs: Counter[str] = Counter()
    entry: dict[str, Decimal] = {}
    for leg in truth.account.legs():
        if leg.quantity:
            theirs[leg.symbol] += leg.quantity  # type: ignore[assignment]
            entry[leg.symbol] = leg.entry_price
    ours = {name: Decimal(row["quantity"]) for name, row in books.positions.items()}
    ours = {name: quantity for name, quantity in ours.items() if quantity}
    if ours != dict(theirs):
        yield f"I4: position: ours {ours}, exchange {dict(theirs)}"
        return
    for name, price in entry.items():
        mine = Decimal(books.positions[name]["entry_price"])
        if abs(mine - price) > price * CLOSE_ENOUGH:
            yield f"I4: entry price of {name}: ours {mine}, exchange {price}"


def _resting(truth: Truth, books: Books) -> Iterator[str]:
    ours = Counter(
        (row["symbol"], row["side"], row["type"], _price(row["trigger_price"]))
        for row in books.orders.values()
        if row["status"] in LIVE
    )
    rows = truth.account.live_conditionals()
    waiting = [
        one.ask for one in rows if one.status is ConditionalStatus.NEW
    ]  # what hangs in its trigger does not rest
    theirs = Counter((a.symbol, a.side.value, a.kind.value, a.trigger_price) for a in waiting)
    orders = [o.ask for o in truth.account.live_orders() if o.ask.origin is Origin.CLIENT]
    theirs += Counter((a.symbol, a.side.value, a.kind.value, None) for a in orders)
    if ours != theirs:
        yield f"I4: orders: only ours {list(ours - theirs)}, only the exchange's {list(theirs - ours)}"


def _price(text: object) -> Decimal | None:
    return None if text is None else Decimal(str(text))


def _executions(truth: Truth, books: Books, *, made_up: bool) -> Iterator[str]:
    """Each execution is one row, and no row is made up."""
    ours = Counter(
        (
            row["symbol"],
            OrderSide(row["side"]),
            *(Decimal(row[name]) for name in ("quantity", "price", "fee")),
        )
        for row in books.fills
        if not (made_up and row["trade_id"].startswith(MADE_UP))
    )
    theirs = Counter((t.symbol, t.side, t.quantity, t.price, t.fee) for t in truth.account.trades)
    if ours != theirs:
        yield f"I5: executions: only ours {list(ours - theirs)}, only the exchange's {list(theirs - ours)}"


def _fates(truth: Truth, books: Books) -> Iterator[str]:
    """Orders that the exchange knows by our id ended as we believe, with what we believe was filled."""
    for order in truth.ours():
        row = books.orders.get(order.client_id)
        if row is None:
            yield f"I2: {order.client_id} is at the exchange and was never written down"
        elif Decimal(row["filled"]) != order.filled:
            yield f"I4: {order.client_id} filled {order.filled}, ours {row['filled']}"
        elif (row["status"] in LIVE) != order.status.live or (row["status"] == "FILLED") != (
            order.status is OrderStatus.FILLED
        ):
            yield f"I3: {order.client_id} is {order.status}, ours {row['status']}"


def _wallet(truth: Truth, books: Books) -> Iterator[str]:
    ours, theirs = books.sums.get(Book.WALLET, ZERO), truth.account.funds().wallet
    if ours != theirs:
        yield f"I16: wallet: ours {ours}, exchange {theirs}"


# What must have been so all along


def breaches(truth: Truth, books: Books, bounds: Bounds, excused: frozenset[str] = frozenset()) -> list[str]:
    """What a life's records show that must never be; `excused` are invariants that a fault makes impossible."""
    found = [
        *_sent_twice(truth),
        *_uncovered(truth, bounds),
        *_strays(truth, bounds),
        *_exits_that_open(truth),
        *_income(truth, books),
        *_too_fast(truth),
        *_hammered(truth),
    ]
    return [line for line in found if line.partition(":")[0] not in excused]


def _sent_twice(truth: Truth) -> Iterator[str]:
    taken: list[ExchangeOrder | Conditional] = [*truth.ours(), *truth.account.conditionals]
    ids = Counter(one.client_id for one in taken if one.client_id.startswith(truth.prefix))
    for client_id, times in ids.items():
        if times > 1:
            yield f"I1: {client_id} reached the exchange {times} times"


def uncovered(truth: Truth, symbol: str) -> list[Span]:
    """When a position had no stop of its size on its other side; by the exchange's clock."""
    life = Life.of(truth.account, symbol)
    stops = [one for one in truth.account.conditionals if one.ask.symbol == symbol and _is_stop(one)]
    return spans_without(life, stops, truth.now_ms)


def _is_stop(one: Conditional) -> bool:
    return one.ask.kind in (Kind.STOP, Kind.STOP_MARKET, Kind.TRAILING_STOP_MARKET)


def symbols_of(truth: Truth) -> list[str]:
    """Symbols that ever traded."""
    return sorted({trade.symbol for trade in truth.account.trades})


def _uncovered(truth: Truth, bounds: Bounds) -> Iterator[str]:
    """Covered in time, or the bot began to close it in time."""
    for symbol in symbols_of(truth):
        tried = [one.at_ms for one in truth.requests if _closes(one, symbol)]
        for span in uncovered(truth, symbol):
            due_ms = span.begin_ms + bounds.cover_ms
            late = span.end_ms > due_ms
            acted = any(span.begin_ms <= at_ms <= due_ms + bounds.slack_ms for at_ms in tried)
            if late and not acted:
                length = span.end_ms - span.begin_ms
                yield f"I6: {symbol} was without a stop for {length} ms and nobody closed it"


def _closes(one: Exchanged, symbol: str) -> bool:
    if one.symbol != symbol or one.endpoint not in ("POST order", "POST order/create"):
        return False
    said = f"{one.request.query}&{one.request.body.decode()}".lower()
    return "reduceonly=true" in said or '"reduceonly":true' in said.replace(" ", "")


def _strays(truth: Truth, bounds: Bounds) -> Iterator[str]:
    """Exits that rest longer than a moment where nothing is held (any more)."""
    for symbol in {one.ask.symbol for one in truth.account.conditionals}:
        life = Life.of(truth.account, symbol)
        for one in truth.account.conditionals:
            if one.ask.symbol != symbol:
                continue
            worst = life.longest_flat(one.created_at_ms, _end(one, truth.now_ms))
            if worst > bounds.stray_ms:
                yield f"I7: {one.ask.kind} of {symbol} rested for {worst} ms without a position"


def _end(one: Conditional, now_ms: int) -> int:
    if one.triggered_at_ms:
        return one.triggered_at_ms
    return now_ms if one.status.live else one.updated_at_ms


def _exits_that_open(truth: Truth) -> Iterator[str]:
    for trade in truth.account.trades:
        purpose = truth.purpose(trade.order_client_id)
        exits = trade.origin is Origin.TRIGGER or (purpose is not None and purpose.exits)
        if exits and trade.closed_quantity != trade.quantity:
            yield f"I7: an exit opened {trade.quantity - trade.closed_quantity} {trade.symbol}"


def _income(truth: Truth, books: Books) -> Iterator[str]:
    """Money by its kind, to the last digit; what nobody can explain stands apart and is none."""
    theirs: Counter[IncomeKind] = Counter()
    for one in truth.account.income:
        theirs[one.kind] += one.amount  # type: ignore[assignment]
    pairs = {
        Book.REALISED: theirs[IncomeKind.REALIZED_PNL] + theirs[IncomeKind.INSURANCE_CLEAR],
        Book.FEES: theirs[IncomeKind.COMMISSION],
        Book.FUNDING: theirs[IncomeKind.FUNDING_FEE],
    }
    for book, amount in pairs.items():
        ours = -books.sums.get(book, ZERO)
        if ours != amount:
            yield f"I16: {book}: ours {ours}, exchange {amount}"


def _too_fast(truth: Truth) -> Iterator[str]:
    """The exchange itself never had to slow the bot down."""
    slowed = Counter(
        one.endpoint
        for one in truth.requests
        if not one.faults and one.response is not None and _says_too_fast(one)
    )
    for endpoint, times in slowed.items():
        yield f"I23: {endpoint} was turned down {times} times for its rate"


def _says_too_fast(one: Exchanged) -> bool:
    assert one.response is not None
    return one.response.status in TOO_FAST or b'"retCode":10006' in one.response.body


def _hammered(truth: Truth) -> Iterator[str]:
    """After three refusals of a close running the position is read again before the fourth."""
    for symbol in symbols_of(truth):
        refused = 0
        for one in truth.requests:
            if _closes(one, symbol):
                refused = refused + 1 if _refuses(one) else 0
                if refused > 3:
                    yield f"I22: a fourth close of {symbol} was refused and the position not read"
                    break
            elif one.endpoint in ("GET account", "GET positionRisk", "GET position/list"):
                refused = 0


def _refuses(one: Exchanged) -> bool:
    if one.response is None or one.response.status >= 500:
        return False
    body = one.response.body
    return one.response.status >= 400 or (b'"retCode":' in body and b'"retCode":0' not in body)


def truth_of(account: ExchangeAccount, requests: Sequence[Exchanged], now_ms: int, desk: str) -> Truth:
    """The exchange's records, for a bot that calls its account `desk`."""
    return Truth(account, requests, now_ms, instance_prefix(desk))
