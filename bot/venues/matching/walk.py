"""The path of prices inside one candle, and what it triggers on its way.

A candle says how far prices went, not in which order. The path taken here: the open; then the extreme against the
position (for it, with BothHit.TARGET); then the other extreme; then the close. Without a position a rising candle
goes low first, a falling one high first.

What the open already lies beyond executes at the open, in the same order: what the price met first, first. After
that each level executes at its own price when the path reaches it. A stop thus precedes a target inside the same
candle, a stop nearer than the liquidation price precedes the liquidation, and a gap through a stop fills at the
open. Stops, targets and conditional entries become market orders (slippage); limit orders must be traded *through*,
not just touched, and get their limit, or the open when that is better.

With BothHit.PATH finer candles tell which extreme came first; at what prices things happen they do not change.

What happens at the open is stamped with the opening time, everything later with the last millisecond of the candle:
nobody can know it earlier.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from bot.domain.instrument import to_decimal
from bot.domain.market import Candle
from bot.domain.order import OrderType
from bot.venues.matching import execution
from bot.venues.matching.account import Account
from bot.venues.matching.book import SymbolBook
from bot.venues.matching.orders import BookedOrder
from bot.venues.matching.reports import Report
from bot.venues.matching.rules import BothHit

# At the same price: stop, then liquidation, then target, then limit; after that first come, first served.
_RANK = {OrderType.STOP_MARKET: 0, OrderType.TAKE_PROFIT_MARKET: 2, OrderType.LIMIT: 3, OrderType.MARKET: 3}
_LIQUIDATION_RANK = 1


type Finer = Callable[[Candle], Sequence[Candle]]
"""The candles of a lower timeframe inside a candle, oldest first; empty where none are known."""


def coarse(candle: Candle) -> Sequence[Candle]:
    """Nothing finer is known."""
    return ()


@dataclass(frozen=True, slots=True)
class Hit:
    """Something that a price reaches: an order, or the liquidation of the position (None)."""

    level: Decimal
    rank: int
    order: BookedOrder | None


def walk(
    account: Account, book: SymbolBook, candle: Candle, closes_at_ms: int, finer: Finer = coarse
) -> list[Report]:
    """Walk through one candle; reports in the order of time."""
    return _Walk(account, book, candle.open_at_ms, finer).run(candle, closes_at_ms - 1)


class _Walk:
    """One candle's walk. An order executes at most once in it, so that a capped fill goes on in the next candle."""

    def __init__(self, account: Account, book: SymbolBook, at_ms: int, finer: Finer) -> None:
        self.account = account
        self.book = book
        self.at_ms = at_ms
        self.finer = finer
        self.done: set[str] = set()
        self.reports: list[Report] = []

    def run(self, candle: Candle, last_ms: int) -> list[Report]:
        """Open, first extreme, second extreme, close."""
        price = to_decimal(candle.open)
        falls = self._falls_first(candle)
        self._go_on(price)
        self._leg(price, price, falls=falls)
        self._leg(price, price, falls=not falls)
        self.at_ms = last_ms
        low, high = to_decimal(candle.low), to_decimal(candle.high)
        self._leg(low if falls else high, None, falls=falls)
        self._leg(high if falls else low, None, falls=not falls)
        self._leg(to_decimal(candle.close), None, falls=falls)
        return self.reports

    def _falls_first(self, candle: Candle) -> bool:
        position = self.book.position
        if position.flat:
            return candle.close >= candle.open
        against = position.quantity > 0
        rule = self.account.rules.both_hit
        if rule is BothHit.PATH:
            return against if self._against_first(candle, against) else not against
        return against is (rule is BothHit.STOP)

    def _against_first(self, candle: Candle, falls: bool) -> bool:
        """True unless a finer candle reaches what waits on our side before one reaches what waits against us."""
        inside = self.finer(candle)
        return next((against for one in inside if (against := self._reaches(one, falls)) is not None), True)

    def _reaches(self, candle: Candle, falls: bool) -> bool | None:
        """True when a finer candle reaches a level against us, False when only one for us, None when neither."""
        low, high = to_decimal(candle.low), to_decimal(candle.high)
        if self._next(low if falls else high, falls=falls) is not None:
            return True
        return False if self._next(high if falls else low, falls=not falls) is not None else None

    def _go_on(self, price: Decimal) -> None:
        for order in [order for order in self.book.orders.values() if order.triggered]:
            self.done.add(order.venue_id)
            self.reports += execution.at_market(self.account, self.book, order, price, self.at_ms)

    def _leg(self, to: Decimal, gap: Decimal | None, *, falls: bool) -> None:
        """Go to a price and execute what lies on the way; `gap` is the price when we jump there."""
        while (hit := self._next(to, falls=falls)) is not None:
            self._meet(hit, hit.level if gap is None else gap)

    def _next(self, to: Decimal, *, falls: bool) -> Hit | None:
        hits = [hit for hit in self._hits(falls=falls) if _reached(hit, to, falls=falls)]
        sign = -1 if falls else 1
        return min(hits, key=lambda hit: (hit.level * sign, hit.rank), default=None)

    def _hits(self, *, falls: bool) -> list[Hit]:
        hits = [
            Hit(order.level, _RANK[order.request.type], order)
            for order in self.book.orders.values()
            if order.waits_below is falls and not order.triggered and order.venue_id not in self.done
        ]
        price = self.book.liquidation_price
        if price is not None and (self.book.position.quantity > 0) is falls:
            hits.append(Hit(price, _LIQUIDATION_RANK, None))
        return hits

    def _meet(self, hit: Hit, price: Decimal) -> None:
        order = hit.order
        if order is None:
            self.reports.append(execution.liquidate(self.account, self.book, price, self.at_ms))
            return
        self.done.add(order.venue_id)
        if order.request.type is OrderType.LIMIT:
            self.reports += execution.at_limit(self.account, self.book, order, price, self.at_ms, maker=True)
        else:
            self.reports += execution.triggered(self.account, self.book, order, price, self.at_ms)


def _reached(hit: Hit, to: Decimal, *, falls: bool) -> bool:
    if hit.order is not None and hit.order.request.type is OrderType.LIMIT:
        return to < hit.level if falls else to > hit.level
    return to <= hit.level if falls else to >= hit.level
