"""Everything that exists on the account, as one snapshot that contradicts itself in nothing.

Bybit answers positions, orders, wallet and executions in separate calls, and a fill may fall between them. So positions
are read first and last: when they are equal and nothing was executed since the first call, all of it is of one moment,
and that moment is the first call's: whatever the stream tells of later is not contradicted by this snapshot. The engine
throws away a snapshot older than a fill it has heard, and takes absence as proof only for orders that are older.

When the stream has told of a fill that the list of executions does not show yet, the venue's own copies lag behind:
nothing is concluded then either.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from bot.domain.account import Book, Entry, transfer
from bot.domain.fill import Fill
from bot.domain.instrument import ZERO
from bot.domain.market import DAY_MS, MINUTE_MS
from bot.domain.position import Position
from bot.domain.snapshot import VenueOrder, VenueSnapshot
from bot.venues.bybit.news import News
from bot.venues.bybit.paging import ask_for, pages
from bot.venues.bybit.reading import Row
from bot.venues.bybit.words import FILL_TYPES, FUNDING_TYPE, LINEAR, QUOTE, order_of, position_of
from bot.venues.ccxt_venue.wire import Gateway, Lane
from bot.venues.port import VenueUnavailable

TRIES = 3
WINDOW_MS = 7 * DAY_MS
OLDEST_MS = 730 * DAY_MS
LANE = Lane.CANCEL  # a comparison after a reconnect must not wait behind candles

type Shape = frozenset[tuple[str, int, Decimal, Decimal]]


class Account:
    """Reads the account."""

    def __init__(self, gateway: Gateway, news: News) -> None:
        self._gateway = gateway
        self._news = news

    async def snapshot(self, since_ms: int) -> VenueSnapshot:
        """Everything that exists; raises VenueUnavailable when a part is missing or it does not hold still."""
        for _ in range(TRIES):
            taken = await self._take(since_ms)
            if taken is not None:
                return taken
        raise VenueUnavailable("bybit: the account does not hold still")

    async def _take(self, since_ms: int) -> VenueSnapshot | None:
        at_ms = self._gateway.now_ms
        before = await self._positions()
        orders = await pages(
            self._gateway,
            "privateGetV5OrderRealtime",
            {"category": LINEAR, "settleCoin": QUOTE, "openOnly": 0, "limit": 50},
            LANE,
        )
        wallet = await self._wallet()
        executions = await self._executions(since_ms, self._gateway.now_ms)
        after = await self._positions()
        moved = any(row.ms("execTime") > at_ms for row in executions)
        if moved or _shape(before) != _shape(after) or self._lags(executions, since_ms, at_ms):
            return None
        for row in after:
            self._news.position_read(row)
        return VenueSnapshot(
            at_ms=at_ms,
            wallet=wallet,
            positions=tuple(_position(row) for row in after),
            orders=tuple(self._order(row) for row in orders),
            fills=tuple(self._fills(executions, at_ms)),
            funding=tuple(funding_entry(row) for row in executions if row.text("execType") == FUNDING_TYPE),
            marks=_marks(after),
        )

    async def _positions(self) -> list[Row]:
        params = {"category": LINEAR, "settleCoin": QUOTE, "limit": 200}
        rows = await pages(self._gateway, "privateGetV5PositionList", params, LANE)
        return [row for row in rows if row.amount("size") != ZERO]

    async def _wallet(self) -> Decimal:
        params = {"accountType": "UNIFIED", "coin": QUOTE}
        found = await ask_for(self._gateway, "privateGetV5AccountWalletBalance", params, LANE)
        if not found.rows("list"):
            raise VenueUnavailable("bybit: no wallet in the answer")
        return wallet_of(found.rows("list")) or ZERO

    async def _executions(self, since_ms: int, until_ms: int) -> list[Row]:
        """Executions and settlements, oldest first, in the windows of seven days that Bybit answers."""
        # asked from the beginning of time, it is our first start: what was before is in the wallet already
        start = max(since_ms, until_ms - (OLDEST_MS if since_ms > 0 else DAY_MS))
        found: list[Row] = []
        while start <= until_ms:
            end = min(start + WINDOW_MS - 1, until_ms)
            params = {"category": LINEAR, "startTime": start, "endTime": end, "limit": 100}
            found += await pages(self._gateway, "privateGetV5ExecutionList", params, LANE)
            start = end + 1
        once = {row.text("execId"): row for row in found if row.text("symbol").endswith(QUOTE)}
        return sorted(once.values(), key=lambda row: (row.ms("execTime"), row.whole("seq")))

    def _lags(self, executions: Sequence[Row], since_ms: int, at_ms: int) -> bool:
        """True when the stream told of an execution that was asked for and is not in the answer."""
        known = {row.text("execId") for row in executions}
        recent = max(since_ms, at_ms - MINUTE_MS)
        return any(recent < told_ms <= at_ms and told not in known for told, told_ms in self._news.told)

    def _fills(self, executions: Iterable[Row], at_ms: int) -> Iterable[Fill]:
        for row in executions:
            if row.text("execType") not in FILL_TYPES:
                continue
            fill = self._news.fill(row, at_ms)
            if fill is None:
                raise VenueUnavailable("bybit: an execution cannot be read")
            yield fill

    def _order(self, row: Row) -> VenueOrder:
        order = order_of(row, self._news.whose_order(row))
        if order is None:
            raise VenueUnavailable("bybit: an order cannot be read")
        return order


def funding_entry(row: Row) -> Entry:
    """A settlement as a ledger entry. Bybit writes it as a fee: positive when paid."""
    amount = -row.amount("execFee")
    return transfer(
        row.ms("execTime"), "funding", row.text("symbol"), row.text("execId"), Book.FUNDING, amount
    )


def wallet_of(accounts: Iterable[Row]) -> Decimal | None:
    """The USDT wallet balance among the coins of the accounts told of; None when it is not among them."""
    for account in accounts:
        for coin in account.rows("coin"):
            if coin.text("coin") == QUOTE:
                return coin.number("walletBalance")
    return None


def _position(row: Row) -> Position:
    position = position_of(row)
    if position is None:
        raise VenueUnavailable("bybit: a position cannot be read")
    return position


def _shape(rows: Iterable[Row]) -> Shape:
    return frozenset(
        (row.text("symbol"), row.whole("positionIdx"), row.amount("size"), row.amount("avgPrice"))
        for row in rows
    )


def _marks(rows: Iterable[Row]) -> dict[str, Decimal]:
    marks = {row.text("symbol"): row.price("markPrice") for row in rows}
    return {symbol: mark for symbol, mark in marks.items() if mark is not None}
