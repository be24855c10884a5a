"""Frames of the user stream: what they say about our orders, fills, money and settings. Nothing in a frame raises."""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal

from bot.domain.event import Filled, FundingPaid, OrderUpdated, WalletSeen
from bot.domain.fill import Fill
from bot.domain.instrument import ZERO
from bot.domain.order import OrderStatus
from bot.venues.bybit.reading import Row, mapping, rows
from bot.venues.bybit.slots import Claim, Place, Slot, Slots
from bot.venues.bybit.words import (
    FILL_TYPES,
    FUNDING_TYPE,
    LINEAR,
    QUOTE,
    Seen,
    fill_of,
    index_of,
    leverage_of,
    part_of,
    seen,
    side_of,
    update_of,
)
from bot.venues.ccxt_venue.dialect import FrozenSettings, PositionMode, PrivateNews, StreamEnded

log = logging.getLogger(__name__)

KEPT_TOLD = 1000
LEAVING_MS = 3_000
ONE = Decimal(1)


class News:
    """Reads frames; knows which of our orders a position's own stop stands for, and how the account was set."""

    def __init__(self, slots: Slots, mode: PositionMode) -> None:
        self._slots = slots
        self._mode = mode
        self._leverage: dict[str, int] = {}
        self._sizes: dict[tuple[str, int], Decimal] = {}
        self._complained: set[str] = set()
        self._readers: dict[str, Callable[[Row, int], Iterable[PrivateNews]]] = {
            "order": self._order,
            "execution": self._execution,
            "position": self._position,
        }
        self.told: deque[tuple[str, int]] = deque(maxlen=KEPT_TOLD)
        """The newest executions that the stream told of: (execution id, time)."""

    def leverage_known(self, symbol: str, leverage: int) -> None:
        """What we set or read: another figure in a frame was not us."""
        self._leverage[symbol] = leverage

    def leverage_of(self, symbol: str) -> int:
        """What we know of a symbol's leverage; zero when nothing."""
        return self._leverage.get(symbol, 0)

    def read(self, frame: object, now_ms: int) -> Sequence[PrivateNews]:
        """What a frame says, in its order; without a frame, what has become news by waiting."""
        if frame is None:
            return tuple(self._overdue(now_ms))
        fields = mapping(frame)
        topic = fields.get("topic")
        if not isinstance(topic, str):
            return tuple(_answers(Row(fields)))
        if topic.partition(".")[0] == "wallet":
            return tuple(_wallet(rows(fields.get("data")), now_ms))
        reader = self._readers.get(topic.removesuffix(f".{LINEAR}"))
        if reader is None:
            self._complain(f"topic {topic[:40]!r}")
            return ()
        found: list[PrivateNews] = []
        for row in rows(fields.get("data")):
            if row.fields.get("category", LINEAR) == LINEAR and row.text("symbol").endswith(QUOTE):
                found += reader(row, now_ms)
        return tuple(found)

    def _complain(self, what: str) -> None:
        """Once per kind: a venue that changes its words must not fill the disk."""
        if what not in self._complained and len(self._complained) < 100:
            self._complained.add(what)
            log.warning("bybit user stream: left out %a", what)

    # Orders

    def _order(self, row: Row, now_ms: int) -> Iterator[PrivateNews]:
        at_ms = min(row.ms("updatedTime") or now_ms, now_ms)
        if part_of(row) is not None:
            mine = seen(row, self._mode)
            if mine is not None:
                yield from self._slot_news(row, mine, at_ms, now_ms)
                return
        update = update_of(row, row.text("orderLinkId"), at_ms)
        if update is None:
            self._complain(f"an order of status {row.text('orderStatus')!r}")
        elif update.client_id:
            yield update

    def _slot_news(self, row: Row, mine: Seen, at_ms: int, now_ms: int) -> Iterator[PrivateNews]:
        slot = self._slots.look(Place(mine.symbol, mine.index, mine.part))
        claim = slot.of(mine)
        if claim is None:
            yield from _taken_over(slot, mine, at_ms)
            return
        replaced, was_over = claim is not slot.current, bool(claim.end)
        self._learn(slot, claim, mine)
        gone = mine.status in (OrderStatus.CANCELLED, OrderStatus.EXPIRED)
        if gone and (replaced or was_over):
            return  # we replaced or removed it ourselves, and the engine hears so from the call
        if gone and mine.position_gone:
            # no news when the position is gone with it: the next position frame says so, or none comes
            slot.leaving, slot.left_at_ms = claim, now_ms
            return
        update = update_of(row, claim.client_id, at_ms)
        if update is not None:
            yield update
        if mine.status.final:
            slot.over(claim, mine.status)

    def _learn(self, slot: Slot, claim: Claim, mine: Seen) -> None:
        if mine.waiting and claim is slot.current and (not claim.standing or claim.venue_id != mine.venue_id):
            slot.stands(claim, mine.venue_id)
        elif mine.venue_id and not claim.venue_id:
            claim.venue_id = mine.venue_id
            slot.dirty = True

    def whose_order(self, row: Row) -> str:
        """The client id of an order row; that of the slot's claim for a position's own stop or target."""
        mine = seen(row, self._mode)
        if mine is None:
            return row.text("orderLinkId")
        slot = self._slots.look(Place(mine.symbol, mine.index, mine.part))
        claim = slot.of(mine)
        if claim is None:
            return ""
        self._learn(slot, claim, mine)
        return claim.client_id

    # Executions

    def whose_execution(self, row: Row) -> str:
        """The client id of an execution row: its own, or of the stop that was triggered."""
        if row.text("orderLinkId"):
            return row.text("orderLinkId")
        known = self._slots.of_order(row.text("symbol"), row.text("orderId"))
        return known.client_id if known is not None else self._by_part(row)

    def _by_part(self, row: Row) -> str:
        """An order that we have never seen: the stop that stood when it was executed."""
        part, side, at_ms = part_of(row), side_of(row), row.ms("execTime")
        if part is None or side is None or row.text("execType") not in FILL_TYPES:
            return ""
        index = index_of(side, exits=True, mode=self._mode)
        slot = self._slots.look(Place(row.text("symbol"), index, part))
        for claim in reversed(slot.claims):
            # the order's id may be another one after its trigger; a claim that is over was executed under its own
            may_be = not claim.end or (claim.end == OrderStatus.FILLED and not claim.venue_id)
            if may_be and claim.at_ms <= at_ms:
                claim.venue_id, slot.dirty = row.text("orderId"), True
                return claim.client_id
        return ""

    def fill(self, row: Row, latest_ms: int) -> Fill | None:
        """An execution row as a fill under our id, when it is of an order of ours; None for what is none."""
        return fill_of(row, self.whose_execution(row), latest_ms, self._mode)

    def _execution(self, row: Row, now_ms: int) -> Iterator[PrivateNews]:
        at_ms = min(row.ms("execTime") or now_ms, now_ms)
        if row.text("execType") == FUNDING_TYPE:
            yield from self._funding(row, at_ms)
            return
        fill = self.fill(row, now_ms)
        if fill is None:
            self._complain(f"an execution of type {row.text('execType')!r}")
            return
        self.told.append((fill.trade_id, fill.at_ms))
        yield Filled(fill.at_ms, fill)

    def _funding(self, row: Row, at_ms: int) -> Iterator[PrivateNews]:
        if not row.text("execId") or row.number("execFee") is None:
            self._complain("a settlement without id or amount")
            return
        self.told.append((row.text("execId"), at_ms))
        # Bybit writes it as a fee: positive when paid
        amount = -row.amount("execFee")
        yield FundingPaid(at_ms, row.text("symbol"), amount, row.amount("feeRate"), row.text("execId"))

    # Positions and settings

    def _position(self, row: Row, now_ms: int) -> Iterator[PrivateNews]:
        symbol, index = row.text("symbol"), row.whole("positionIdx", -1)
        self._sizes[symbol, index] = row.amount("size")
        for slot in self._slots.around(symbol, index):
            yield from self._left(slot, now_ms)
        yield from self._frozen(row, symbol, index)

    def _overdue(self, now_ms: int) -> Iterator[PrivateNews]:
        """Stops that were removed, and no frame of their position followed: it may have come before."""
        for slot in self._slots.leaving():
            if now_ms - slot.left_at_ms >= LEAVING_MS:
                yield from self._left(slot, now_ms)

    def _left(self, slot: Slot, now_ms: int) -> Iterator[PrivateNews]:
        leaving, place = slot.leaving, slot.place
        if leaving is None:
            return
        held = self._sizes.get((place.symbol, place.index), ONE) != ZERO  # unknown counts as held
        slot.over(leaving, OrderStatus.CANCELLED if held else OrderStatus.EXPIRED)
        if held:
            yield _ended(leaving, place.symbol, OrderStatus.CANCELLED, "removed", now_ms)

    def position_read(self, row: Row) -> None:
        """A position row of a question: leverage as it is now."""
        if leverage_of(row) and row.text("symbol") not in self._leverage:
            self._leverage[row.text("symbol")] = leverage_of(row)

    def _frozen(self, row: Row, symbol: str, index: int) -> Iterator[PrivateNews]:
        known, told = self._leverage.get(symbol), leverage_of(row)
        if known and told and told != known:
            self._leverage[symbol] = told
            yield FrozenSettings(symbol, f"leverage is {told}, was {known}")
        if index in (0, 1, 2) and (index == 0) != (self._mode is PositionMode.ONE_WAY):
            yield FrozenSettings(symbol, f"position mode is {'one_way' if index == 0 else 'hedge'}")


def _taken_over(slot: Slot, mine: Seen, at_ms: int) -> Iterator[PrivateNews]:
    """A person has moved the stop at the venue: ours is gone, at its price nothing waits any more."""
    current = slot.current
    if not mine.waiting or current is None or not current.standing or mine.at_ms <= current.at_ms:
        return
    slot.over(current, OrderStatus.CANCELLED)
    yield _ended(current, mine.symbol, OrderStatus.CANCELLED, "moved at the venue", at_ms)


def _ended(claim: Claim, symbol: str, status: OrderStatus, code: str, at_ms: int) -> OrderUpdated:
    return OrderUpdated(at_ms, claim.client_id, claim.venue_id, symbol, status, ZERO, ZERO, code)


def _wallet(accounts: Iterable[Row], now_ms: int) -> Iterator[PrivateNews]:
    for account in accounts:
        for coin in account.rows("coin"):
            balance = coin.number("walletBalance")
            if coin.text("coin") == QUOTE and balance is not None:
                yield WalletSeen(now_ms, balance)


def _answers(answer: Row) -> Iterator[PrivateNews]:
    """Answers to what we said on the socket: a refused sign-in or topic means that news is missing."""
    refused = answer.fields.get("success") is False or answer.whole("retCode") != 0
    operation = answer.text("op") or answer.part("request").text("op")
    if refused and operation in ("auth", "subscribe"):
        yield StreamEnded(f"{operation} refused")
    elif answer.part("data").fields.get("failTopics"):
        yield StreamEnded("subscribe refused in part")
