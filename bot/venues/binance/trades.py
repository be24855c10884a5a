"""Fills and funding since a moment, whatever their number: which symbols moved, their trades, whose orders those were.

One income call names every symbol on which money moved; trades are asked for those symbols only (and for those where
this process sent or heard something, since the income list may be a little behind). Trades carry order ids; client ids
come from what was seen before, then from the order lists of the symbol.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence

from bot.domain.account import Book, Entry, transfer
from bot.domain.fill import Fill
from bot.domain.instrument import ZERO
from bot.domain.market import DAY_MS, HOUR_MS, MINUTE_MS
from bot.venues.binance import asks
from bot.venues.binance.kinship import Kinship, made_by_exchange
from bot.venues.binance.orders import code_of
from bot.venues.binance.reading import Row, amount, figure, moment, price, row, rows, text, truth, whole
from bot.venues.binance.words import LEGS, QUOTE, SIDES, learn_algo
from bot.venues.ccxt_venue.wire import Ask, Gateway
from bot.venues.port import VenueUnavailable

FUNDING = "FUNDING_FEE"
WEEK_MS = 7 * DAY_MS
FIRST_LOOK_MS = WEEK_MS  # how far back an account is read that we never saw
FARTHEST_MS = 89 * DAY_MS  # income is kept for three months
AHEAD_MS = MINUTE_MS  # the end of a span lies in the future, so that a slow clock of ours cuts nothing off
NEAR_HOUR_MS = 5 * MINUTE_MS
GUESSED = 20  # orders asked for one by one where the lists do not have them


def payment_id(symbol: str, at_ms: int) -> str:
    """The id of a funding payment, the same from the stream and from the income list.

    The stream's frame carries no id, so the settlement names the payment: symbol and hour. Settlements are on the full
    hour and booked within a minute of it; a payment farther than five minutes from an hour (a drill's) keeps its
    exact time.
    """
    hour_ms = (at_ms + HOUR_MS // 2) // HOUR_MS * HOUR_MS
    return f"{symbol}:{hour_ms if abs(at_ms - hour_ms) <= NEAR_HOUR_MS else at_ms}"


def span(since_ms: int, now_ms: int) -> tuple[int, int]:
    """From when to when is asked: a first look goes back a week, none farther than the venue remembers."""
    begin = max(since_ms, now_ms - FARTHEST_MS) if since_ms > 0 else now_ms - FIRST_LOOK_MS
    return max(1, begin), now_ms + AHEAD_MS


class Past:
    """What happened on the account. Raises VenueUnavailable when any part of it cannot be read."""

    def __init__(self, gateway: Gateway, kin: Kinship) -> None:
        """`kin` is shared with everything else that learns order ids."""
        self._gateway = gateway
        self._kin = kin

    async def income(self, since_ms: int) -> list[Row]:
        """All income lines, oldest first."""
        begin, end = span(since_ms, self._gateway.now_ms)
        return await self._weeks("income", begin, end, asks.income, _income_id)

    async def fills(self, symbols: Iterable[str], since_ms: int) -> tuple[Fill, ...]:
        """All trades of these symbols as fills with client ids, oldest first."""
        begin, end = span(since_ms, self._gateway.now_ms)
        found = await asyncio.gather(*(self._fills(symbol, begin, end) for symbol in sorted(symbols)))
        fills = [fill for of_symbol in found for fill in of_symbol]
        return tuple(sorted(fills, key=lambda fill: (fill.at_ms, fill.symbol, int(fill.trade_id))))

    async def _fills(self, symbol: str, begin: int, end: int) -> list[Fill]:
        def page(start: int, until: int) -> Ask:
            return asks.trades(symbol, start, until)

        trades = await self._weeks("trades", begin, end, page, _trade_id)
        await self._resolve(symbol, [text(trade, "orderId") for trade in trades])
        fills = [self._fill(symbol, trade) for trade in trades]
        if None in fills:
            raise VenueUnavailable("trades: garbage")
        return [fill for fill in fills if fill is not None]

    def _fill(self, symbol: str, trade: Row) -> Fill | None:
        side, quantity, paid = SIDES.get(text(trade, "side")), price(trade, "qty"), price(trade, "price")
        at_ms, trade_id = moment(trade, "time"), whole(trade, "id")
        if side is None or quantity is None or paid is None or at_ms is None or trade_id is None:
            return None
        order_id = text(trade, "orderId")
        return Fill(
            trade_id=str(trade_id),
            symbol=symbol,
            side=side,
            quantity=quantity,
            price=paid,
            fee=amount(trade, "commission"),
            at_ms=at_ms,
            client_id=self._kin.client_id(order_id),
            venue_order_id=order_id,
            fee_asset=text(trade, "commissionAsset") or QUOTE,
            maker=truth(trade, "maker"),
            liquidation=made_by_exchange(self._kin.own_name(order_id)),
            leg=LEGS.get(text(trade, "positionSide")),
        )

    async def _weeks(
        self,
        what: str,
        begin: int,
        end: int,
        page: Callable[[int, int], Ask],
        key: Callable[[Row], str],
    ) -> list[Row]:
        """All rows of a span that may be asked for in spans of at most a week and pages of a thousand."""
        found: dict[str, Row] = {}
        while begin <= end:
            until = min(end, begin + WEEK_MS - 1)
            answered = await self.rows(what, page(begin, until))
            found |= {key(one): one for one in answered}
            if len(answered) < asks.PAGE:
                begin = until + 1
                continue
            newest = max(moment(one, "time") or 0 for one in answered)
            if newest <= begin:
                raise VenueUnavailable(f"{what}: more than a page in one millisecond")
            begin = newest
        return sorted(found.values(), key=lambda one: moment(one, "time") or 0)

    async def rows(self, what: str, ask: Ask) -> Sequence[Row]:
        """The rows of an answer that must be a list."""
        answer = await self._gateway.ask(ask)
        if not answer.good:
            raise VenueUnavailable(f"{what}: {code_of(answer)}")
        found = rows(answer.body)
        if not isinstance(answer.body, list) or len(found) != len(answer.body):
            raise VenueUnavailable(f"{what}: garbage")
        return found

    async def _resolve(self, symbol: str, order_ids: Sequence[str]) -> None:
        """Learn whose orders these are: from the symbol's order lists, then one by one."""
        missing = self._kin.unresolved(order_ids)
        if not missing:
            return
        numbers = [int(one) for one in missing if one.isdecimal()]
        if numbers:
            for one in await self.rows("orders", asks.orders_from(symbol, min(numbers))):
                self._kin.name(text(one, "orderId"), text(one, "clientOrderId"))
        for one in await self.rows("conditional orders", asks.algos(symbol)):
            learn_algo(one, self._kin)
        left = self._kin.unresolved(missing)[:GUESSED]
        await asyncio.gather(*(self._resolve_one(symbol, one) for one in left))

    async def _resolve_one(self, symbol: str, order_id: str) -> None:
        """An order the venue does not remember stays without a client id; its trades count all the same."""
        answer = await self._gateway.ask(asks.query_child(symbol, order_id))
        if answer.good:
            found = row(answer.body)
            self._kin.name(text(found, "orderId"), text(found, "clientOrderId"))
        elif answer.code != "-2013":
            raise VenueUnavailable(f"order: {code_of(answer)}")


def symbols_of(income: Iterable[Row]) -> set[str]:
    """Symbols on which trades moved money."""
    return {
        text(line, "symbol")
        for line in income
        if text(line, "symbol") and text(line, "incomeType") != FUNDING and text(line, "tradeId")
    }


def funding_of(income: Iterable[Row], since_ms: int) -> tuple[Entry, ...]:
    """Funding as ledger entries, one per settlement and symbol, oldest first."""
    entries: dict[str, Entry] = {}
    for line in income:
        symbol, at_ms, paid = text(line, "symbol"), moment(line, "time"), figure(line, "income")
        ours = text(line, "incomeType") == FUNDING and text(line, "asset") in (QUOTE, "")
        if not ours or not symbol or at_ms is None or paid is None or at_ms < since_ms:
            continue
        reference = payment_id(symbol, at_ms)
        before = entries[reference].amount(Book.WALLET) if reference in entries else ZERO
        entries[reference] = transfer(at_ms, "funding", symbol, reference, Book.FUNDING, before + paid)
    return tuple(entries.values())


def _income_id(line: Row) -> str:
    keys = ("tranId", "incomeType", "tradeId", "symbol", "asset", "time")
    return "|".join(text(line, key) for key in keys)


def _trade_id(trade: Row) -> str:
    return text(trade, "id")
