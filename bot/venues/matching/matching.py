"""The model's face: prices and orders go in, reports come out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from bot.domain.account import Balance
from bot.domain.instrument import ZERO, Instrument, to_decimal
from bot.domain.market import Candle
from bot.domain.order import OrderStatus, OrderType
from bot.domain.position import Position
from bot.domain.signal import Side
from bot.venues.matching import execution
from bot.venues.matching.account import Account, book_name
from bot.venues.matching.book import SymbolBook
from bot.venues.matching.checks import Check, crosses, refusal
from bot.venues.matching.crossed import crossed_part
from bot.venues.matching.orders import BookedOrder, OrderRequest, TimeInForce
from bot.venues.matching.reports import Executed, FundingSettled, OrderChanged, Report
from bot.venues.matching.rules import Code, MatchingRules, Refusal
from bot.venues.matching.step import step
from bot.venues.matching.walk import Finer, coarse, walk


@dataclass(frozen=True, slots=True)
class MatchingState:
    """Everything the model has to remember. Prices are not part of it: they come from the market again.

    `positions` hold flat ones too where a leverage was set; `orders` are the working ones, oldest first.
    """

    wallet: Decimal
    positions: tuple[Position, ...] = ()
    orders: tuple[BookedOrder, ...] = ()
    next_order: int = 1
    next_trade: int = 1


class Matching:
    """Fill model of one account. Refusals are values; reports are in the order in which things happened.

    Orders of a symbol stay when its position closes, as on Binance; one that may only reduce expires when it triggers
    and finds nothing. Positions open with the leverage set for the symbol and keep their own isolated margin.
    """

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        wallet: Decimal = ZERO,
        rules: MatchingRules | None = None,
    ) -> None:
        self._account = Account(instruments, wallet, rules or MatchingRules())

    # Reading

    @property
    def wallet(self) -> Decimal:
        """Wallet balance, isolated margins included, open profit not."""
        return self._account.wallet

    @property
    def counters(self) -> tuple[int, int]:
        """Numbers of the next order and the next trade."""
        return self._account.next_order, self._account.next_trade

    def balance(self) -> Balance:
        """Wallet, open profit at mark prices, margin in use."""
        unrealised = sum((self._account.unrealised(book) for book in self._account.books.values()), ZERO)
        return Balance(self._account.wallet, unrealised, self._account.margin_used)

    def position(self, symbol: str, leg: Side | None = None) -> Position:
        """The position of a symbol (or leg), flat when there is none; raises KeyError for an unknown symbol."""
        return self._book(symbol, leg).position

    def positions(self) -> tuple[Position, ...]:
        """All open positions, by symbol."""
        held = (book.position for _, book in sorted(self._account.books.items()))
        return tuple(position for position in held if not position.flat)

    def orders(self, symbol: str = "") -> tuple[BookedOrder, ...]:
        """Working orders of a symbol (empty: of all, by symbol), oldest first."""
        books = (book for _, book in sorted(self._account.books.items()))
        mine = (book for book in books if symbol in ("", book.position.symbol))
        return tuple(order for book in mine for order in book.orders.values())

    def order(self, client_id: str) -> BookedOrder | None:
        """The working order of this client id."""
        found = self._account.working(client_id)
        return None if found is None else found[1]

    def price(self, symbol: str) -> Decimal | None:
        """The last price; None before the first."""
        return self._account.last_price(symbol)

    def mark(self, symbol: str) -> Decimal | None:
        """The mark price: the last price unless another was given."""
        return self._account.mark_price(symbol)

    def liquidation_price(self, symbol: str) -> Decimal | None:
        """Where the symbol's position is liquidated; None when nowhere."""
        return self._book(symbol).liquidation_price

    def available(self) -> Decimal:
        """What new positions may take."""
        return self._account.available()

    def order_margin(self) -> Decimal:
        """Margin that resting limit orders keep."""
        books = self._account.books.values()
        return sum((book.margin - book.position.isolated_margin for book in books), ZERO)

    def crossed(self, symbol: str) -> bool:
        """True when the symbol's positions stand on the whole wallet."""
        return self._book(symbol).crossed

    # The market moves

    def set_price(self, symbol: str, price: float, mark: float | None = None) -> None:
        """Tell the current price; nothing triggers by it. A mark price once given stays until given again."""
        self._account.last[symbol] = price
        if mark is not None:
            self._account.marks[symbol] = mark

    def sweep(self, candle: Candle, closes_at_ms: int, finer: Finer = coarse) -> Sequence[Report]:
        """One candle passes: triggers, limit fills, liquidation (see walk); the price is then its close.

        `finer` is asked what is inside the candle, where BothHit.PATH has to know.
        """
        account = self._account
        account.last[candle.symbol] = candle.close
        book = account.books.get(candle.symbol)
        if book is None or book.untouched_by(candle.low, candle.high):
            return ()
        return walk(account, book, candle, closes_at_ms, finer)

    def step(self, symbol: str, price: float, at_ms: int) -> Iterator[Report]:
        """The last price is now this, as an exchange sees it (see step); orders go on as reports are taken."""
        account = self._account
        account.last[symbol] = price
        for name in (symbol, *(book_name(symbol, leg) for leg in Side)):
            book = account.books.get(name)
            if book is not None and not book.untouched_by(price, price):
                yield from step(account, book, to_decimal(price), at_ms)

    def set_spread(self, symbol: str, slippage: Decimal) -> None:
        """What a market execution of this symbol loses (fraction of the price), instead of the rules' slippage."""
        self._account.slippages[symbol] = slippage

    def set_depth(self, symbol: str, quantity: Decimal) -> None:
        """The most that one execution of this symbol fills (zero = everything), instead of the rules'."""
        self._account.depths[symbol] = quantity

    def set_mark(self, symbol: str, mark: float | None) -> None:
        """Tell the mark price; None: it is the last price again."""
        if mark is None:
            self._account.marks.pop(symbol, None)
        else:
            self._account.marks[symbol] = mark

    def settle_funding(
        self, symbol: str, rate: Decimal, at_ms: int, leg: Side | None = None
    ) -> tuple[FundingSettled, ...]:
        """Settle one funding payment at the mark price; nothing without a position."""
        book, mark = self._account.books.get(_name(symbol, leg)), self.mark(symbol)
        if book is None or book.position.flat or mark is None:
            return ()
        return (self._account.pay_funding(book, rate, mark, at_ms),)

    # Orders

    def refusal(self, request: OrderRequest, checks: tuple[Check, ...] | None = None) -> Refusal | None:
        """Why an order would not be taken now, by all checks or by those given; None when it would."""
        return refusal(self._account, request, checks)

    def submit(self, request: OrderRequest, at_ms: int, *, checked: bool = True) -> list[Report] | Refusal:
        """Take an order and execute what executes at once, or say why not; unchecked when the venue itself asks."""
        refused = refusal(self._account, request) if checked else None
        if refused is not None:
            return refused
        book = self._book(request.symbol, request.leg)
        order = BookedOrder(request, self._account.take_order_id(), OrderStatus.WORKING, at_ms, at_ms)
        if request.foreign:  # a person's order gets its id from the venue
            order = replace(order, request=replace(request, client_id=f"web_{order.venue_id}"))
        if request.type.conditional:
            return self._rest(book, order, at_ms)
        last = self._account.last_price(request.symbol) or ZERO
        if request.type is OrderType.MARKET:
            return execution.at_market(self._account, book, order, last, at_ms)
        return self._limit(book, order, last, at_ms)

    def cancel(self, client_id: str, at_ms: int) -> list[Report] | Refusal:
        """Cancel a working order."""
        found = self._account.working(client_id)
        if found is None:
            return Refusal(Code.UNKNOWN_ORDER, f"no working order {client_id}")
        return [self._account.end(*found, OrderStatus.CANCELLED, at_ms, "")]

    def amend(self, client_id: str, quantity: Decimal, price: Decimal, at_ms: int) -> list[Report] | Refusal:
        """Give a working limit order another quantity and price, behind the others; it may then execute at once."""
        account, found = self._account, self._account.working(client_id)
        if found is None:
            return Refusal(Code.UNKNOWN_ORDER, f"no working order {client_id}")
        book, order = found
        if quantity <= order.filled:
            return Refusal(Code.BELOW_MINIMUM, f"quantity {quantity:f} <= filled {order.filled:f}")
        asked = replace(order.request, quantity=quantity, limit_price=price)
        account.end(book, order, OrderStatus.CANCELLED, at_ms, "")
        refused = refusal(account, asked)
        if refused is not None:
            account.put(book, order)
            return refused
        last = account.last_price(asked.symbol) or ZERO
        return self._limit(book, replace(order, request=asked, updated_at_ms=at_ms), last, at_ms)

    def set_leverage(self, symbol: str, leverage: int, leg: Side | None = None) -> Refusal | None:
        """Set a symbol's leverage for positions to come; it cannot be lowered under an open one."""
        refused = self.leverage_refusal(symbol, leverage, leg)
        if refused is None:
            book = self._book(symbol, leg)
            book.position = replace(book.position, leverage=leverage)
            self._account.refresh(book)
        return refused

    def leverage_refusal(self, symbol: str, leverage: int, leg: Side | None = None) -> Refusal | None:
        """Why a leverage cannot be set; None when it can."""
        book = self._account.book(symbol, leg)
        if book is None:
            return Refusal(Code.UNKNOWN_SYMBOL, f"{symbol} is not listed here")
        most, now = book.instrument.max_leverage, book.position
        if not 1 <= leverage <= most:
            return Refusal(Code.BAD_LEVERAGE, f"leverage {leverage} is not within 1 to {most}")
        if not now.flat and leverage < now.leverage:
            return Refusal(Code.LEVERAGE_REDUCTION, f"position open at leverage {now.leverage}")
        if now.notional(self.mark(symbol) or ZERO) > book.instrument.max_notional(leverage):
            return Refusal(Code.BRACKET, f"position too large for leverage {leverage}")
        return None

    # What an exchange does by itself

    def set_crossed(self, symbol: str, *, crossed: bool) -> None:
        """Let the whole wallet stand for a symbol's positions, or each for itself; due while they are flat."""
        for leg in (None, *Side):
            book = self._book(symbol, leg)
            book.crossed = crossed
            self._account.refresh(book)

    def crossed_part(self, symbol: str) -> tuple[Decimal, Decimal]:
        """What a symbol's positions add to the crossed margin balance, and to the maintenance margin."""
        return crossed_part(self._account, symbol)

    def liquidate(self, symbol: str, price: Decimal, at_ms: int, leg: Side | None = None) -> Executed:
        """Liquidate a position where the market stands at `price`."""
        return execution.liquidate(self._account, self._book(symbol, leg), price, at_ms)

    def deleverage(
        self, symbol: str, quantity: Decimal, price: Decimal, at_ms: int, leg: Side | None = None
    ) -> Executed:
        """Close a part of a position at `price`, free of fees."""
        return self._account.deleverage(self._book(symbol, leg), quantity, price, at_ms)

    def credit(self, amount: Decimal) -> None:
        """Money from (or, negative, to) outside."""
        self._account.wallet += amount

    def relist(self, instrument: Instrument) -> None:
        """A contract has other rules from now on; the mapping handed in must say the same."""
        for leg in (None, *Side):
            if (book := self._account.books.get(_name(instrument.symbol, leg))) is not None:
                book.instrument = instrument

    # Remembering

    def state(self) -> MatchingState:
        """What has to be remembered."""
        account = self._account
        positions = tuple(book.position for _, book in sorted(account.books.items()))
        return MatchingState(account.wallet, positions, self.orders(), account.next_order, account.next_trade)

    def restore(self, state: MatchingState) -> None:
        """Go on from a remembered state, prices to be told anew. KeyError names a symbol no longer listed."""
        account = self._account = Account(self._account.instruments, state.wallet, self._account.rules)
        account.next_order, account.next_trade = state.next_order, state.next_trade
        for position in state.positions:
            if position.flat and position.symbol not in account.instruments:
                continue
            book = self._book(position.symbol)
            book.position = position
            account.refresh(book)
        for order in state.orders:
            account.put(self._book(order.request.symbol), order)

    def _book(self, symbol: str, leg: Side | None = None) -> SymbolBook:
        book = self._account.book(symbol, leg)
        if book is None:
            raise KeyError(symbol)
        return book

    def _rest(self, book: SymbolBook, order: BookedOrder, at_ms: int) -> list[Report]:
        self._account.put(book, order)
        return [OrderChanged(at_ms, order)]

    def _limit(self, book: SymbolBook, order: BookedOrder, last: Decimal, at_ms: int) -> list[Report]:
        asked, account = order.request, self._account
        most = account.depth(asked.symbol)
        unfillable = asked.time_in_force is TimeInForce.FOK and most and asked.quantity > most
        if unfillable or (
            not crosses(asked, last) and asked.time_in_force in (TimeInForce.IOC, TimeInForce.FOK)
        ):
            return [account.end(book, order, OrderStatus.EXPIRED, at_ms, "")]
        if not crosses(asked, last):
            return self._rest(book, order, at_ms)
        reports = execution.at_limit(account, book, order, last, at_ms, maker=False)
        rest = book.orders.get(order.venue_id)
        if rest is not None and asked.time_in_force is TimeInForce.IOC:
            reports.append(account.end(book, rest, OrderStatus.EXPIRED, at_ms, ""))
        return reports


def _name(symbol: str, leg: Side | None) -> str:
    return symbol if leg is None else book_name(symbol, leg)
