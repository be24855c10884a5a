"""Submit, cancel, query. An acknowledgement is no order: retCode 0 says received, the stream says what became of it."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.domain.event import Call, CallEnded, OrderUpdated
from bot.domain.instrument import ZERO
from bot.domain.order import Order, OrderStatus
from bot.venues import outcome
from bot.venues.bybit.errors import CANCEL, CREATE, TRADING_STOP, engine_code, says_flat
from bot.venues.bybit.news import News
from bot.venues.bybit.reading import Row, result
from bot.venues.bybit.slots import Claim, Place, Slot, Slots
from bot.venues.bybit.words import (
    FILL_TYPES,
    LINEAR,
    Part,
    index_of,
    order_params,
    part_of_type,
    seen,
    update_of,
)
from bot.venues.ccxt_venue.dialect import PositionMode
from bot.venues.ccxt_venue.wire import Ask, Gateway, Lane
from bot.venues.outcome import NOT_FOUND, Answer, Verdict

log = logging.getLogger(__name__)

UNSUPPORTED = "unsupported"
GONE = "gone"
SHOWS_WITHIN_MS = 4_000
"""How long a stop that the venue took may be missing in its lists."""
CLOCKS_APART_MS = 1_000
_FIELDS = {Part.STOP: "stopLoss", Part.TARGET: "takeProfit"}
_TRIGGERS = {Part.STOP: "slTriggerBy", Part.TARGET: "tpTriggerBy"}
_TYPES = {Part.STOP: "slOrderType", Part.TARGET: "tpOrderType"}


class Orders:
    """Our orders at Bybit."""

    def __init__(self, gateway: Gateway, slots: Slots, news: News, mode: PositionMode) -> None:
        self._gateway = gateway
        self._slots = slots
        self._news = news
        self._mode = mode
        self._locks: dict[tuple[str, int], asyncio.Lock] = {}

    # Submit

    async def submit(self, order: Order) -> CallEnded:
        """Send an order, or set a position's stop or target."""
        if order.intent.type.conditional:
            if not order.purpose.exits or order.intent.trigger_price is None:
                return self._not_done(Call.SUBMIT, order.client_id, order.symbol, UNSUPPORTED)
            return await self._set(order)
        lane = Lane.PROTECT if order.purpose.exits else Lane.ENTRY
        ask = Ask(CREATE, order_params(order, self._mode), lane, orders=1, changes=True)
        answer = await self._gateway.ask(ask)
        venue_id = result(answer.body).text("orderId")
        if answer.good and not venue_id:
            # an acknowledgement that names no order is none
            return outcome.unknown(self._gateway.now_ms, Call.SUBMIT, order.client_id, order.symbol, "no id")
        return self._ended(answer, Call.SUBMIT, order.client_id, order.symbol, venue_id)

    async def _set(self, order: Order) -> CallEnded:
        """Set a position's stop or target in full mode.

        Sized stops are set in full mode too: a full one follows the position whatever its size becomes and is amended
        in place, without a gap. A partial one would only add an order beside those that are there, up to twenty, for
        the quantity of the moment; editing one side of them breaks their pairs. Closing all of a position with an
        order that asks for all or more of it is the same; the engine sizes moved stops only where a second full one
        is refused, which it is not here.
        """
        place = self._place(order)
        async with self._lock(place):
            slot = self._slots.at(place)
            trigger = order.intent.trigger_price or ZERO
            claim = Claim(order.client_id, trigger, self._gateway.now_ms)
            slot.push(claim)
            await self._slots.save(slot)
            answer = await self._trading_stop(place, f"{trigger:f}", set_it=True)
            return await self._after_set(answer, slot, claim)

    async def _after_set(self, answer: Answer, slot: Slot, claim: Claim) -> CallEnded:
        ids = (claim.client_id, slot.place.symbol)
        if answer.verdict is Verdict.UNKNOWN:
            return self._ended(answer, Call.SUBMIT, *ids)
        if answer.good:
            if not claim.end:
                slot.stands(claim)
        else:
            slot.drop(claim)
        await self._slots.save(slot)
        if answer.verdict is Verdict.BENIGN:
            # it stands there already under another claim, so no frame will tell: asked after, it is confirmed
            return outcome.unknown(self._gateway.now_ms, Call.SUBMIT, *ids, answer.code)
        return self._ended(answer, Call.SUBMIT, *ids, claim.venue_id)

    async def _trading_stop(self, place: Place, price: str, *, set_it: bool) -> Answer:
        params: dict[str, object] = {
            "category": LINEAR,
            "symbol": place.symbol,
            "positionIdx": place.index,
            "tpslMode": "Full",
            _FIELDS[place.part]: price,
        }
        if set_it:
            params |= {_TRIGGERS[place.part]: "MarkPrice", _TYPES[place.part]: "Market"}
        lane = Lane.PROTECT if set_it else Lane.CANCEL
        return await self._gateway.ask(Ask(TRADING_STOP, params, lane, orders=1, changes=True))

    def _place(self, order: Order) -> Place:
        index = index_of(order.intent.side, exits=True, mode=self._mode)
        return Place(order.symbol, index, part_of_type(order.intent.type))

    def _lock(self, place: Place) -> asyncio.Lock:
        """One change of a position's stop and target at a time: two on their way could arrive the other way round."""
        return self._locks.setdefault((place.symbol, place.index), asyncio.Lock())

    # Cancel

    async def cancel(self, client_id: str, symbol: str, conditional: bool) -> CallEnded:
        """Cancel one order, or take a position's stop or target away; DONE also when it is already gone."""
        claimed = self._slots.find(client_id)
        if claimed is not None:
            return await self._take_away(*claimed)
        if conditional:  # our conditional orders are claims, and nothing stands for this one
            return outcome.done(self._gateway.now_ms, Call.CANCEL, client_id, symbol, GONE)
        params = {"category": LINEAR, "symbol": symbol, "orderLinkId": client_id}
        answer = await self._gateway.ask(Ask(CANCEL, params, Lane.CANCEL, orders=1, changes=True))
        return self._ended(answer, Call.CANCEL, client_id, symbol)

    async def _take_away(self, slot: Slot, claim: Claim) -> CallEnded:
        ids = (claim.client_id, slot.place.symbol)
        async with self._lock(slot.place):
            if slot.replaced(claim):
                # another one has taken the slot over, or nothing is left: its stop must not go with it
                return outcome.done(self._gateway.now_ms, Call.CANCEL, *ids, GONE)
            answer = await self._trading_stop(slot.place, "0", set_it=False)
            flat = not answer.good and says_flat(answer.code, answer.words)
            if answer.good or flat:
                slot.over(claim, OrderStatus.CANCELLED)
                await self._slots.save(slot)
                code = GONE if flat else answer.code
                return outcome.done(self._gateway.now_ms, Call.CANCEL, *ids, code)
            return self._ended(answer, Call.CANCEL, *ids)

    # Query

    async def query(self, client_id: str, symbol: str, conditional: bool) -> OrderUpdated | CallEnded:
        """What became of an order. `not found` only when open orders, history and executions all say so."""
        claimed = self._slots.find(client_id)
        if claimed is not None:
            return await self._query_slot(*claimed)
        if conditional:
            return self._not_done(Call.SUBMIT, client_id, symbol, NOT_FOUND)
        named = {"category": LINEAR, "symbol": symbol, "orderLinkId": client_id}
        for method in ("privateGetV5OrderRealtime", "privateGetV5OrderHistory"):
            rows = await self._rows(method, named)
            if isinstance(rows, Answer):
                return self._unasked(rows, client_id, symbol)
            for row in rows:
                update = update_of(row, client_id, self._gateway.now_ms)
                if row.text("orderLinkId") == client_id and update is not None:
                    return update
        return await self._by_executions(client_id, symbol, named)

    async def _by_executions(
        self, client_id: str, symbol: str, named: Mapping[str, object]
    ) -> OrderUpdated | CallEnded:
        """The last witness: an order that nobody remembers but its trades."""
        rows = await self._rows("privateGetV5ExecutionList", {**named, "limit": 100})
        if isinstance(rows, Answer):
            return self._unasked(rows, client_id, symbol)
        found = self._executed(rows, client_id, symbol)
        return found or self._not_done(Call.SUBMIT, client_id, symbol, NOT_FOUND)

    def _executed(self, rows: Sequence[Row], client_id: str, symbol: str) -> OrderUpdated | None:
        trades = [row for row in rows if row.text("execType") in FILL_TYPES and row.text("symbol") == symbol]
        filled = sum((row.amount("execQty") for row in trades), ZERO)
        if not filled:
            return None
        value = sum((row.amount("execQty") * row.amount("execPrice") for row in trades), ZERO)
        whole = any(row.number("leavesQty") == ZERO for row in trades)
        status = OrderStatus.FILLED if whole else OrderStatus.PARTIALLY_FILLED
        venue_id = trades[0].text("orderId")
        return OrderUpdated(self._gateway.now_ms, client_id, venue_id, symbol, status, filled, value / filled)

    async def _query_slot(self, slot: Slot, claim: Claim) -> OrderUpdated | CallEnded:
        """What became of a stop: the row at its price is it; a row at another price says that it was replaced."""
        symbol = slot.place.symbol
        open_rows = await self._slot_rows("privateGetV5OrderRealtime", slot, {})
        if isinstance(open_rows, Answer):
            return self._unasked(open_rows, claim.client_id, symbol)
        for row in open_rows:
            if self._news.whose_order(row) == claim.client_id:
                return self._told(row, slot, claim)
        past = await self._slot_rows("privateGetV5OrderHistory", slot, {"limit": 50})
        if isinstance(past, Answer):
            return self._unasked(past, claim.client_id, symbol)
        for row in past:
            mine = seen(row, self._mode)
            since_it_was_set = row.ms("updatedTime") + CLOCKS_APART_MS >= claim.at_ms
            if mine is not None and slot.of(mine) is claim and since_it_was_set:
                return self._told(row, slot, claim)
        if claim.venue_id:
            named = {"category": LINEAR, "symbol": symbol, "orderId": claim.venue_id}
            found = await self._by_executions(claim.client_id, symbol, named)
            if isinstance(found, OrderUpdated) or found.code != NOT_FOUND:
                return found
        return self._nowhere(claim, symbol, replaced=bool(open_rows))

    def _nowhere(self, claim: Claim, symbol: str, *, replaced: bool) -> OrderUpdated | CallEnded:
        """A stop that no list shows: replaced, gone, never there; or the venue took it just now and its lists lag."""
        at_ms = self._gateway.now_ms
        if not claim.standing:
            return self._not_done(Call.SUBMIT, claim.client_id, symbol, NOT_FOUND)
        if not replaced and at_ms - claim.at_ms < SHOWS_WITHIN_MS:
            return outcome.unknown(at_ms, Call.SUBMIT, claim.client_id, symbol, "not shown yet")
        return self._as(claim, symbol, OrderStatus.CANCELLED, "replaced" if replaced else GONE)

    def _told(self, row: Row, slot: Slot, claim: Claim) -> OrderUpdated | CallEnded:
        update = update_of(row, claim.client_id, self._gateway.now_ms)
        if update is None:
            return outcome.unknown(
                self._gateway.now_ms, Call.SUBMIT, claim.client_id, slot.place.symbol, "unreadable"
            )
        if update.status.final and not claim.end:
            slot.over(claim, update.status)
        elif claim.end == OrderStatus.CANCELLED and update.status.live:
            return replace(update, status=OrderStatus.CANCELLED, code="replaced")
        return update

    def _as(self, claim: Claim, symbol: str, status: OrderStatus, code: str) -> OrderUpdated:
        at_ms = self._gateway.now_ms
        return OrderUpdated(at_ms, claim.client_id, claim.venue_id, symbol, status, ZERO, ZERO, code)

    async def _slot_rows(self, method: str, slot: Slot, more: Mapping[str, object]) -> list[Row] | Answer:
        rows = await self._rows(method, {"category": LINEAR, "symbol": slot.place.symbol, **more})
        if isinstance(rows, Answer):
            return rows
        return [row for row in rows if self._in(slot, row)]

    def _in(self, slot: Slot, row: Row) -> bool:
        mine = seen(row, self._mode)
        return mine is not None and Place(mine.symbol, mine.index, mine.part) == slot.place

    async def _rows(self, method: str, params: Mapping[str, object]) -> list[Row] | Answer:
        answer = await self._gateway.ask(Ask(method, params, Lane.CANCEL))
        return result(answer.body).rows("list") if answer.good else answer

    # How calls end

    def _unasked(self, answer: Answer, client_id: str, symbol: str) -> CallEnded:
        """The question was not answered: that is no witness of anything."""
        code = answer.code or str(answer.status)
        return outcome.unknown(self._gateway.now_ms, Call.SUBMIT, client_id, symbol, code)

    def _not_done(self, call: Call, client_id: str, symbol: str, code: str) -> CallEnded:
        return outcome.not_done(self._gateway.now_ms, call, client_id, symbol, code)

    def _ended(
        self, answer: Answer, call: Call, client_id: str, symbol: str, venue_id: str = ""
    ) -> CallEnded:
        said = answer
        if answer.verdict is Verdict.NOT_DONE:
            said = replace(answer, code=engine_code(answer.code, answer.words))
        if not answer.good:
            log.info(
                "bybit %s %s %s: %s %s [%s] %s",
                call, symbol, client_id, answer.verdict, said.code, answer.code, answer.words,
            )  # fmt: skip
        return outcome.ended(said, self._gateway.now_ms, call, client_id, symbol, venue_id)
