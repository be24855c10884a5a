"""The paper venue: the port over the fill model, one bar of the feed after the other.

Time is candle time: `now_ms` is the opening time of the bar that comes next. An order sent after the bar that closed
at `now_ms` executes at the price at which the next bar opens, and rests through that bar.

One `step` moves the market by one bar that opens at T and closes at U = T + timeframe. What it tells the sink, in
this order and with never falling times:

    Filled, OrderUpdated      fills at the open (time T), then those inside the bar (U - 1 ms), each group by symbol;
                              a fill comes before the update that its order is filled
    FundingPaid               settlements up to U
    FundingRatesSeen          after a settlement, and on the first step after `open`
    CandlesClosed             last, at U, with the sound candles only; not at all when every symbol has a hole

A submit tells Filled and OrderUpdated (time `now_ms`) before it answers. Every change is durable in the venue's own
books before anybody hears of it: killed at any moment, the venue goes on from its last saved bar, and a bar whose
save was lost is stepped again with the same result. If a save fails, the call ends UNKNOWN (the order may be there),
a step raises StorageError, and the next call reads the books again first.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from bot.domain.account import Book, Entry, transfer
from bot.domain.errors import StorageError
from bot.domain.event import (
    Call,
    CallEnded,
    CandlesClosed,
    Event,
    FundingPaid,
    FundingRatesSeen,
    OrderUpdated,
)
from bot.domain.instrument import Instrument
from bot.domain.market import Candle, FundingRate
from bot.domain.order import Order, OrderSide, OrderType
from bot.domain.snapshot import VenueSnapshot
from bot.strategy import Frame
from bot.venues import outcome
from bot.venues.books import PaperBooks
from bot.venues.feed import CandleFeed
from bot.venues.matching import (
    Matching,
    MatchingRules,
    OrderChanged,
    OrderRequest,
    Refusal,
    Report,
    event_of,
    request_of,
)
from bot.venues.matching.reports import order_updated
from bot.venues.paper import records
from bot.venues.paper.keeper import Keeper, position_row
from bot.venues.paper.market import Market
from bot.venues.paper.past import Past
from bot.venues.paper.writer import Writer
from bot.venues.port import Sink, VenueUnavailable

STORAGE = "storage"


class PaperVenue:
    """A venue account that exists only here. Call `open` first, then `step` as fast as the market is to run."""

    def __init__(
        self,
        account: str,
        feed: CandleFeed,
        instruments: Mapping[str, Instrument],
        books: PaperBooks,
        rules: MatchingRules | None = None,
        start_wallet: Decimal = Decimal(10_000),
        start_at_ms: int | None = None,
    ) -> None:
        """`start_wallet` and `start_at_ms` (default: the feed's first bar) count on the very first start only."""
        self._account = account
        self._market = Market(feed, instruments)
        self._instruments = instruments
        self._rules = rules or MatchingRules()
        self._start_wallet = start_wallet
        self._start_at_ms = feed.first_open_at_ms if start_at_ms is None else start_at_ms
        self._now_ms = self._start_at_ms
        self._matching = Matching(instruments, start_wallet, self._rules)
        self._keeper = Keeper(account)
        self._rates: tuple[FundingRate, ...] | None = None
        self._writer = Writer(books)

    @property
    def name(self) -> str:
        """`paper`."""
        return "paper"

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        """The contracts handed in."""
        return self._instruments

    @property
    def now_ms(self) -> int:
        """The venue's time: the close of the last bar, which is the open of the next."""
        return self._now_ms

    async def open(self, sink: Sink) -> None:
        """Read the books, or begin them; nothing is told before the first step or call."""
        await self._load()
        self._writer.sink = sink

    async def close(self) -> None:
        """Write what is still open; orders stay."""
        await self._writer.settle(self._writer.open)

    # The market moves

    async def step(self) -> bool:
        """One bar; False at the end of the feed. Raises StorageError when it could not be saved."""
        await self._ready()
        opens_ms = self._now_ms
        if self._market.ended(opens_ms):
            return False
        candles, closes_ms = self._market.bar(opens_ms), opens_ms + self._market.bar_ms
        reports = self._pass(candles, opens_ms, closes_ms)
        self._now_ms = closes_ms
        for candle in self._market.bar(closes_ms):  # without a next candle the price stays at the close
            self._matching.set_price(candle.symbol, candle.open)
        events: list[Event] = [event_of(report) for report in reports]
        events += self._rates_seen(opens_ms, closes_ms)
        if candles:
            events.append(CandlesClosed(closes_ms, self._market.feed.timeframe, candles))
        rows = [*self._keeper.rows(reports, self._matching), records.clock(closes_ms)]
        await self._writer.settle(self._writer.add(rows, events))
        return True

    async def catch_up(self) -> int:
        """Live through the bars that closed while nobody ran, without a word; returns how many.

        Call it after `open` and before the engine starts: fills and funding of that time are in the books, and the
        engine learns them from the snapshot of its start. Raises StorageError.
        """
        listener, self._writer.sink = self._writer.sink, _deaf
        bars = 0
        try:
            while await self.step():
                bars += 1
        finally:
            self._writer.sink = listener
            self._rates = None  # told again on the first step that is told at all
        return bars

    def _pass(self, candles: Iterable[Candle], opens_ms: int, closes_ms: int) -> list[Report]:
        reports: list[Report] = []
        for candle in candles:
            reports += self._matching.sweep(candle, closes_ms)
        if self._market.settles(opens_ms, closes_ms):
            for position in self._matching.positions():
                for at_ms, rate in self._market.settlements(position.symbol, opens_ms, closes_ms):
                    reports += self._matching.settle_funding(position.symbol, rate, at_ms)
        return sorted(reports, key=lambda report: report.at_ms)

    def _rates_seen(self, opens_ms: int, closes_ms: int) -> list[Event]:
        if self._rates is not None and not self._market.settles(opens_ms, closes_ms):
            return []
        before, self._rates = self._rates, self._market.rates(closes_ms)
        return [FundingRatesSeen(closes_ms, self._rates)] if self._rates and self._rates != before else []

    # Calls

    async def submit(self, order: Order) -> CallEnded:
        """Take one order; what it did at once is durable and told before this returns."""
        ids = (order.client_id, order.symbol)
        try:
            await self._ready()
        except StorageError:
            return outcome.not_done(self._now_ms, Call.SUBMIT, *ids, STORAGE)
        answer = self._matching.submit(request_of(order), self._now_ms)
        if isinstance(answer, Refusal):
            return outcome.not_done(self._now_ms, Call.SUBMIT, *ids, answer.code.value)
        return await self._end(Call.SUBMIT, ids, answer)

    async def cancel(self, client_id: str, symbol: str, conditional: bool) -> CallEnded:
        """Cancel one order; DONE with a code when there is none."""
        ids = (client_id, symbol)
        try:
            await self._ready()
        except StorageError:
            return outcome.not_done(self._now_ms, Call.CANCEL, *ids, STORAGE)
        answer = self._matching.cancel(client_id, self._now_ms)
        if isinstance(answer, Refusal):
            return outcome.done(self._now_ms, Call.CANCEL, *ids, answer.code.value)
        return await self._end(Call.CANCEL, ids, answer)

    async def _end(self, call: Call, ids: tuple[str, str], reports: list[Report]) -> CallEnded:
        at_ms = self._now_ms
        order = next(report.order for report in reports if isinstance(report, OrderChanged))
        try:
            await self._keep(reports)
        except StorageError:
            return outcome.unknown(at_ms, call, *ids, STORAGE)
        return outcome.done(at_ms, call, *ids, venue_id=order.venue_id)

    async def query(self, client_id: str, symbol: str, conditional: bool) -> OrderUpdated | CallEnded:
        """What became of one order, as far as it is durable."""
        try:
            await self._durable()
        except StorageError:
            return outcome.unknown(self._now_ms, Call.SUBMIT, client_id, symbol, STORAGE)
        working = self._matching.order(client_id)
        if working is not None:
            return order_updated(working, self._now_ms)
        ended = self._keeper.past.order(client_id)
        if ended is not None:
            return replace(ended, at_ms=self._now_ms)
        return outcome.not_done(self._now_ms, Call.SUBMIT, client_id, symbol, outcome.NOT_FOUND)

    async def set_leverage(self, symbol: str, leverage: int) -> CallEnded:
        """Set a symbol's leverage for positions to come."""
        try:
            await self._ready()
            refused = self._matching.set_leverage(symbol, leverage)
            if refused is not None:
                return outcome.not_done(self._now_ms, Call.SUBMIT, "", symbol, refused.code.value)
            row = position_row(self._matching.position(symbol))
            await self._writer.settle(self._writer.add([row], ()))
        except StorageError:
            return outcome.unknown(self._now_ms, Call.SUBMIT, "", symbol, STORAGE)
        return outcome.done(self._now_ms, Call.SUBMIT, "", symbol)

    async def snapshot(self, since_ms: int) -> VenueSnapshot:
        """Everything that exists and is durable, with fills and funding from `since_ms` on."""
        try:
            await self._durable()
            near = self._keeper.past.reaches(since_ms)
            past = self._keeper.past if near else await self._whole_past()
        except StorageError:
            raise VenueUnavailable(STORAGE) from None
        positions = self._matching.positions()
        marks = ((p.symbol, self._matching.mark(p.symbol)) for p in positions)
        return VenueSnapshot(
            at_ms=self._now_ms,
            wallet=self._matching.wallet,
            positions=positions,
            orders=tuple(order.view() for order in self._matching.orders()),
            fills=past.fills(since_ms),
            funding=tuple(_entry(payment) for payment in past.payments(since_ms)),
            marks={symbol: mark for symbol, mark in marks if mark is not None},
        )

    async def history(self, symbols: Sequence[str], timeframe: str, bars: int) -> Mapping[str, Frame]:
        """The last closed candles per symbol, up to the venue's time."""
        feed = self._market.feed
        if timeframe != feed.timeframe:
            raise VenueUnavailable(f"candles of {timeframe} are not on this feed, only {feed.timeframe}")
        missing = [symbol for symbol in symbols if symbol not in feed.symbols]
        if missing:
            raise VenueUnavailable(f"no candles of {', '.join(missing)} on this feed")
        last_ms = self._now_ms - self._market.bar_ms
        return {symbol: feed.window(symbol, last_ms, bars) for symbol in symbols}

    # What a person does at the venue, past the bot

    async def human_order(
        self, symbol: str, side: OrderSide, quantity: Decimal, *, reduce_only: bool = False
    ) -> None:
        """A market order by hand; raises ValueError when it is refused."""
        await self._ready()
        request = OrderRequest(
            "web", symbol, side, OrderType.MARKET, quantity, reduce_only=reduce_only, foreign=True
        )
        answer = self._matching.submit(request, self._now_ms)
        if isinstance(answer, Refusal):
            raise ValueError(f"{answer.code.value}: {answer.figures}")
        await self._keep(answer)

    async def human_close(self, symbol: str) -> None:
        """Close a position by hand; nothing when there is none."""
        position = self._matching.position(symbol)
        if not position.flat:
            side = OrderSide.SELL if position.quantity > 0 else OrderSide.BUY
            await self.human_order(symbol, side, position.size, reduce_only=True)

    async def human_cancel(self, client_id: str) -> None:
        """Cancel a working order by hand; nothing when there is none."""
        await self._ready()
        answer = self._matching.cancel(client_id, self._now_ms)
        if not isinstance(answer, Refusal):
            await self._keep(answer)

    # Books

    async def _ready(self) -> None:
        """Read the books again when it is not known what they say."""
        if self._writer.lost:
            async with self._writer.lock:
                if self._writer.lost:
                    await self._load()
                    self._writer.lost = False

    async def _durable(self) -> None:
        """Return when all that happened so far is written."""
        await self._ready()
        await self._writer.settle(self._writer.open)
        while self._writer.open.rows:
            await self._writer.settle(self._writer.open)

    async def _load(self) -> None:
        rows = await self._writer.books.load()
        self._keeper = Keeper(self._account)
        if rows:
            self._matching = Matching(self._instruments, rules=self._rules)
            self._now_ms = self._keeper.restore(rows, self._matching)
        else:
            self._matching = Matching(self._instruments, self._start_wallet, self._rules)
            self._now_ms = self._start_at_ms
            first = [self._keeper.account_row(self._matching), records.clock(self._now_ms)]
            await self._writer.books.save(first)
        for symbol, price in self._market.prices(self._now_ms).items():
            self._matching.set_price(symbol, price)

    async def _keep(self, reports: list[Report]) -> None:
        rows = self._keeper.rows(reports, self._matching)
        await self._writer.settle(self._writer.add(rows, [event_of(report) for report in reports]))

    async def _whole_past(self) -> Past:
        keeper = Keeper(self._account, Past(kept_payments=sys.maxsize))
        keeper.restore(await self._writer.books.load(), Matching(self._instruments))
        return keeper.past


def _entry(payment: FundingPaid) -> Entry:
    source = Book.FUNDING
    return transfer(payment.at_ms, "funding", payment.symbol, payment.payment_id, source, payment.amount)


def _deaf(event: Event) -> None:
    """Nobody is told."""
