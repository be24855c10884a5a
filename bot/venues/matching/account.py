"""Wallet, books and counters of one venue account: where an execution becomes money."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal

from bot.domain.fill import Fill
from bot.domain.instrument import ZERO, Instrument, money_in, money_out, to_decimal
from bot.domain.order import OrderSide, OrderStatus, OrderType
from bot.domain.position import Position
from bot.domain.signal import Side
from bot.venues.matching.book import SymbolBook
from bot.venues.matching.margin import against_us, initial_margin, margin_after
from bot.venues.matching.orders import BookedOrder
from bot.venues.matching.reports import Executed, FundingSettled, OrderChanged
from bot.venues.matching.rules import Code, MatchingRules


class Account:
    """The account's whole state; only the fill model's own modules change it.

    `margin_used` is the sum over all books; `open_ids` finds working orders by client id. `slippages` and `depths`
    hold figures of single symbols that differ from the rules' own.
    """

    def __init__(self, instruments: Mapping[str, Instrument], wallet: Decimal, rules: MatchingRules) -> None:
        self.instruments = instruments
        self.rules = rules
        self.wallet = wallet
        self.books: dict[str, SymbolBook] = {}
        self.slippages: dict[str, Decimal] = {}
        self.depths: dict[str, Decimal] = {}
        self.last: dict[str, float] = {}
        self.marks: dict[str, float] = {}
        self.open_ids: dict[str, tuple[SymbolBook, str]] = {}
        self.margin_used = ZERO
        self.next_order = 1
        self.next_trade = 1

    def book(self, symbol: str, leg: Side | None = None) -> SymbolBook | None:
        """The book of a symbol (or of one leg), begun at first use; None for a symbol the venue does not know."""
        name = symbol if leg is None else book_name(symbol, leg)
        book = self.books.get(name)
        if book is None and (instrument := self.instruments.get(symbol)) is not None:
            leverage = min(self.rules.default_leverage, instrument.max_leverage)
            book = self.books[name] = SymbolBook(instrument, Position(symbol, leverage=leverage))
        return book

    def last_price(self, symbol: str) -> Decimal | None:
        """The last traded price."""
        price = self.last.get(symbol)
        return None if price is None else to_decimal(price)

    def mark_price(self, symbol: str) -> Decimal | None:
        """The mark price; the last price unless another was given."""
        price = self.marks.get(symbol)
        return self.last_price(symbol) if price is None else to_decimal(price)

    def unrealised(self, book: SymbolBook) -> Decimal:
        """Open profit of one position at the mark price."""
        if book.position.flat:
            return ZERO
        mark = self.mark_price(book.position.symbol)
        return ZERO if mark is None else book.position.unrealised(mark)

    def available(self) -> Decimal:
        """What new positions may take. Open losses stay inside their own isolated margin; crossed ones count."""
        return self.wallet - self.margin_used + sum(self.crossed_free(), ZERO)

    def crossed_free(self) -> Iterator[Decimal]:
        """What each crossed position adds to the available margin: its open profit less its initial margin."""
        for book in self.books.values():
            if book.crossed and not book.position.flat:
                yield self.unrealised(book) - self.held(book)

    def held(self, book: SymbolBook) -> Decimal:
        """Margin that a position takes: its own when isolated, its initial margin at the mark when crossed."""
        mark = self.mark_price(book.position.symbol)
        if not book.crossed or mark is None:
            return book.position.isolated_margin
        return initial_margin(book.position.notional(mark), book.position.leverage)

    def depth(self, symbol: str) -> Decimal:
        """The most that one execution of a symbol fills; zero = everything."""
        return self.depths.get(symbol, self.rules.max_fill_quantity)

    def slipped(self, book: SymbolBook, side: OrderSide, price: Decimal) -> Decimal:
        """What a market execution gets instead of `price`: slippage against us, then rounded against us."""
        slippage = self.slippages.get(book.position.symbol, self.rules.slippage)
        return against_us(book.instrument, side, price * (1 + slippage * side.sign))

    def working(self, client_id: str) -> tuple[SymbolBook, BookedOrder] | None:
        """The working order of this client id, with its book."""
        book, venue_id = self.open_ids.get(client_id, (None, ""))
        return None if book is None else (book, book.orders[venue_id])

    def take_order_id(self) -> str:
        """The next order id: p1, p2, ..."""
        self.next_order += 1
        return f"p{self.next_order - 1}"

    def put(self, book: SymbolBook, order: BookedOrder) -> None:
        """Keep the order when it is still working, forget it when it is not."""
        if order.status.live:
            book.orders[order.venue_id] = order
            self.open_ids[order.request.client_id] = (book, order.venue_id)
        elif book.orders.pop(order.venue_id, None) is not None:
            del self.open_ids[order.request.client_id]
        self.refresh(book)

    def refresh(self, book: SymbolBook) -> None:
        """Bring what is derived from a book up to date; due after every change of its position or orders."""
        self.margin_used -= book.margin
        book.refresh(liquidate=self.rules.liquidate)
        self.margin_used += book.margin

    def end(
        self, book: SymbolBook, order: BookedOrder, status: OrderStatus, at_ms: int, code: str
    ) -> OrderChanged:
        """Remove an order without an execution."""
        ended = replace(order, status=status, updated_at_ms=at_ms)
        self.put(book, ended)
        return OrderChanged(at_ms, ended, code)

    def trade(
        self,
        book: SymbolBook,
        order: BookedOrder,
        quantity: Decimal,
        price: Decimal,
        at_ms: int,
        *,
        maker: bool,
    ) -> tuple[Executed, OrderChanged]:
        """Execute `quantity` of an order at `price`: fee, position, wallet and the order's new state."""
        asked = order.request
        rate = self.rules.fee_rate(book.instrument, maker=maker)
        fill = Fill(
            trade_id=self._take_trade_id(),
            symbol=asked.symbol,
            side=asked.side,
            quantity=quantity,
            price=price,
            fee=money_out(quantity * price * rate),
            at_ms=at_ms,
            client_id="" if asked.foreign else asked.client_id,
            venue_order_id=order.venue_id,
            fee_asset=book.instrument.quote,
            maker=maker,
        )
        realised = self._settle(book, fill)
        status, code = _status_after(book, order, quantity)
        triggered = status.live and asked.type is not OrderType.LIMIT
        after = replace(order.executed(quantity, price, at_ms), status=status, triggered=triggered)
        self.put(book, after)
        return Executed(at_ms, fill, realised, after, book.position), OrderChanged(at_ms, after, code)

    def liquidate(self, book: SymbolBook, side: OrderSide, price: Decimal, at_ms: int) -> Executed:
        """Close the whole position at `price` for lack of margin; its fee never exceeds what margin is left."""
        position = book.position
        rate = self.rules.fee_rate(book.instrument, maker=False) + self.rules.liquidation_fee
        left = self.wallet if book.crossed else position.isolated_margin
        left += money_in(position.unrealised(price))
        fill = Fill(
            trade_id=self._take_trade_id(),
            symbol=position.symbol,
            side=side,
            quantity=position.size,
            price=price,
            fee=min(money_out(position.size * price * rate), max(ZERO, left)),
            at_ms=at_ms,
            venue_order_id=self.take_order_id(),
            fee_asset=book.instrument.quote,
            liquidation=True,
        )
        realised = self._settle(book, fill)
        self.refresh(book)
        return Executed(at_ms, fill, realised, None, book.position)

    def deleverage(self, book: SymbolBook, quantity: Decimal, price: Decimal, at_ms: int) -> Executed:
        """Close a part of the position at `price` by the venue's decision, free of fees."""
        position = book.position
        fill = Fill(
            trade_id=self._take_trade_id(),
            symbol=position.symbol,
            side=OrderSide.SELL if position.quantity > ZERO else OrderSide.BUY,
            quantity=min(quantity, position.size),
            price=price,
            fee=ZERO,
            at_ms=at_ms,
            venue_order_id=self.take_order_id(),
            fee_asset=book.instrument.quote,
        )
        realised = self._settle(book, fill)
        self.refresh(book)
        return Executed(at_ms, fill, realised, None, book.position)

    def pay_funding(self, book: SymbolBook, rate: Decimal, mark: Decimal, at_ms: int) -> FundingSettled:
        """Settle funding: longs pay a positive rate; the money comes from and goes to the isolated margin."""
        position = book.position
        amount = money_in(-position.quantity * mark * rate)
        if not book.crossed:
            book.position = replace(position, isolated_margin=max(ZERO, position.isolated_margin + amount))
        self.wallet += amount
        self.refresh(book)
        return FundingSettled(at_ms, amount, rate, f"{position.symbol}:{at_ms}", book.position)

    def _take_trade_id(self) -> str:
        self.next_trade += 1
        return f"t{self.next_trade - 1}"

    def _settle(self, book: SymbolBook, fill: Fill) -> Decimal:
        before = book.position
        after, realised = before.apply(fill)
        margin = ZERO if book.crossed else margin_after(before, after, fill)
        book.position = replace(after, isolated_margin=margin)
        self.wallet += realised - fill.fee
        return realised


def book_name(symbol: str, leg: Side) -> str:
    """Under which name the book of one leg is kept."""
    return f"{symbol}:{leg.value}"


def _status_after(book: SymbolBook, order: BookedOrder, quantity: Decimal) -> tuple[OrderStatus, str]:
    """The order's status once `quantity` more is filled and the position is booked."""
    asked = order.request
    nothing_left = asked.exits and book.closable(asked.side) == ZERO
    if asked.close_position:
        return (OrderStatus.FILLED if nothing_left else OrderStatus.PARTIALLY_FILLED), ""
    if order.remaining == quantity:
        return OrderStatus.FILLED, ""
    if nothing_left:
        return OrderStatus.EXPIRED, Code.REDUCE_ONLY.value
    return OrderStatus.PARTIALLY_FILLED, ""
