"""The user stream: fills, order states, funding, wallet, its own end.

TRADE_LITE is left out: it tells a fill a little earlier but without its fee, and ORDER_TRADE_UPDATE tells the same fill
in full a moment later. Positions in ACCOUNT_UPDATE are left out too: ours are the sum of fills, compared by snapshots.

Times: events carry the later of our time (by the venue's clock) and the frame's own; a frame's time that lies more
than a moment ahead is not believed.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.domain.event import Event, Filled, FundingPaid, NoticeRaised, OrderUpdated, WalletSeen
from bot.domain.fill import Fill
from bot.domain.instrument import ZERO
from bot.domain.notice import Notice, NoticeKind, Severity
from bot.domain.order import OrderStatus
from bot.venues.binance.kinship import TRIGGERING, Kinship, made_by_exchange
from bot.venues.binance.orders import STUCK
from bot.venues.binance.reading import (
    Row,
    amount,
    figure,
    moment,
    plain,
    price,
    row,
    rows,
    text,
    truth,
    whole,
)
from bot.venues.binance.trades import FUNDING, payment_id
from bot.venues.binance.words import ALGO_ENDS, CONDITIONAL, LEGS, QUOTE, SIDES, STATUSES, STUCK_MS
from bot.venues.ccxt_venue.dialect import FrozenSettings, PrivateNews, StreamEnded

log = logging.getLogger(__name__)

AHEAD_MS = 5_000
HELD_MS = 2_000
HELD_FRAMES = 50
TOLD_KINDS = 50
_LIVE_ALGO = frozenset({"NEW", "ACCEPTED", "TRIGGERING", "TRIGGERED"})
_LEFT_OUT = frozenset({"TRADE_LITE", "STRATEGY_UPDATE", "GRID_UPDATE"})

type News = list[PrivateNews]


@dataclass(frozen=True, slots=True)
class _Held:
    """An order's frame that waits for the news whose order it is."""

    order: Row
    sent_at_ms: int
    until_ms: int


class UserFrames:
    """Reads frames of the user stream. Whatever they hold, it returns what it understood and never raises."""

    def __init__(self, kin: Kinship) -> None:
        """`kin` is shared with the calls, so that answers and frames teach each other."""
        self._kin = kin
        self._held: list[_Held] = []
        self._hanging: dict[str, OrderUpdated] = {}
        self._told: set[str] = set()
        self._readers: Mapping[str, Callable[[Row, int], News]] = {
            "ORDER_TRADE_UPDATE": self._order_frame,
            "ALGO_UPDATE": self._algo_frame,
            "ACCOUNT_UPDATE": self._account,
            "listenKeyExpired": self._expired,
            "ACCOUNT_CONFIG_UPDATE": self._settings,
            "MARGIN_CALL": self._margin_call,
            "CONDITIONAL_ORDER_TRIGGER_REJECT": self._trigger_reject,
        }

    def read(self, frame: object, now_ms: int) -> Sequence[PrivateNews]:
        """What a frame says, bare or wrapped in {stream, data}."""
        data = row(frame)
        if "e" not in data and isinstance(data.get("data"), dict):
            data = row(data["data"])
        kind = text(data, "e")
        reader = self._readers.get(kind)
        if reader is None:
            if kind and kind not in _LEFT_OUT:
                self._tell(f"frames of type {kind[:40]}")
            return self._overdue(now_ms)
        return [*reader(data, now_ms), *self._overdue(now_ms)]

    # Orders

    def _order_frame(self, data: Row, now_ms: int) -> News:
        order = row(data.get("o"))
        order_id, own, symbol = text(order, "i"), text(order, "c"), text(order, "s")
        if not order_id or not symbol:
            self._tell("order frames without an id or a symbol")
            return []
        self._kin.name(order_id, own)
        self._kin.touch(symbol, now_ms)
        sent_at_ms = moment(data, "T") or now_ms
        if self._whose(order):
            return self._order_news(order, sent_at_ms, now_ms)
        self._held.append(_Held(order, sent_at_ms, now_ms + HELD_MS))
        return self._release(self._held[:-HELD_FRAMES], now_ms)

    def _whose(self, order: Row) -> bool:
        """False while it may be a triggered conditional order's, of which the news is still on its way."""
        order_id, own = text(order, "i"), text(order, "c")
        if self._kin.knows(own) or self._kin.is_child(order_id) or made_by_exchange(own):
            return True
        triggered = text(order, "ot") in CONDITIONAL and text(order, "o") not in CONDITIONAL
        return not triggered and not self._kin.triggering(text(order, "s"), SIDES.get(text(order, "S")))

    def _order_news(self, order: Row, sent_at_ms: int, now_ms: int) -> News:
        at_ms = _at(sent_at_ms, now_ms)
        client_id = self._kin.client_id(text(order, "i"), text(order, "c"))
        news: News = []
        fill = self._fill(order, client_id, sent_at_ms)
        if fill is not None:
            news.append(Filled(at_ms, fill))
        status = STATUSES.get(text(order, "X"))
        if status is None:
            self._tell(f"order status {text(order, 'X')[:40]!r}")
        elif client_id:
            news.append(_order_updated(order, client_id, status, at_ms))
        return news

    def _fill(self, order: Row, client_id: str, sent_at_ms: int) -> Fill | None:
        quantity, paid = price(order, "l"), price(order, "L")
        trade_id, side = whole(order, "t"), SIDES.get(text(order, "S"))
        if quantity is None:
            return None
        if paid is None or side is None or not trade_id or trade_id < 0:
            self._tell("executions without a trade id, a price or a side")
            return None
        own = text(order, "c")
        return Fill(
            trade_id=str(trade_id),
            symbol=text(order, "s"),
            side=side,
            quantity=quantity,
            price=paid,
            fee=amount(order, "n"),
            at_ms=moment(order, "T") or sent_at_ms,
            client_id=client_id,
            venue_order_id=text(order, "i"),
            fee_asset=text(order, "N") or QUOTE,
            maker=truth(order, "m"),
            liquidation=made_by_exchange(own) or text(order, "x") == "CALCULATED",
            leg=LEGS.get(text(order, "ps")),
        )

    # Conditional orders

    def _algo_frame(self, data: Row, now_ms: int) -> News:
        algo = row(data.get("o"))
        client_id, symbol, state = text(algo, "caid"), text(algo, "s"), text(algo, "X")
        if not client_id or not symbol:
            self._tell("conditional order frames without a client id or a symbol")
            return []
        self._kin.touch(symbol, now_ms)
        child = text(algo, "ai")
        self._kin.algo(client_id, symbol, SIDES.get(text(algo, "S")), state, child)
        released = self._release([held for held in self._held if text(held.order, "i") == child], now_ms)
        update = self._algo_updated(algo, _at(moment(data, "T") or now_ms, now_ms))
        self._hanging.pop(client_id, None)
        if update is not None and state == TRIGGERING:
            self._hanging[client_id] = update
        return [*released, *([] if update is None else [update])]

    def _algo_updated(self, algo: Row, at_ms: int) -> OrderUpdated | None:
        state = text(algo, "X")
        status = OrderStatus.WORKING if state in _LIVE_ALGO else ALGO_ENDS.get(state)
        filled = amount(algo, "aq")
        if state == "FINISHED":
            whole_of_it = filled > ZERO and filled >= amount(algo, "q")
            status = OrderStatus.FILLED if whole_of_it else OrderStatus.EXPIRED
        if status is None:
            self._tell(f"conditional order status {state[:40]!r}")
            return None
        return OrderUpdated(
            at_ms=at_ms,
            client_id=text(algo, "caid"),
            venue_id=text(algo, "ai") or text(algo, "aid"),
            symbol=text(algo, "s"),
            status=status,
            filled=filled,
            average_price=amount(algo, "ap"),
            code=_end_code(algo, status),
        )

    def _trigger_reject(self, data: Row, now_ms: int) -> News:
        refused = row(data.get("or"))
        client_id = self._kin.client_id(text(refused, "i"))
        if not client_id:
            return []
        at_ms, code = _at(moment(data, "T") or now_ms, now_ms), text(refused, "r")
        symbol, status = text(refused, "s"), OrderStatus.REJECTED
        return [OrderUpdated(at_ms, client_id, text(refused, "i"), symbol, status, ZERO, ZERO, code[:80])]

    # Frames that wait

    def _release(self, ready: Sequence[_Held], now_ms: int) -> News:
        gone = {id(held) for held in ready}
        self._held = [held for held in self._held if id(held) not in gone]
        return [news for held in ready for news in self._order_news(held.order, held.sent_at_ms, now_ms)]

    def _overdue(self, now_ms: int) -> News:
        """Frames that nobody claimed are what they say they are; a trigger that leads nowhere is over."""
        stuck = [update for update in self._hanging.values() if now_ms - update.at_ms > STUCK_MS]
        for update in stuck:
            del self._hanging[update.client_id]
        news: News = [replace(one, at_ms=now_ms, status=OrderStatus.EXPIRED, code=STUCK) for one in stuck]
        if self._held:
            news += self._release([held for held in self._held if held.until_ms <= now_ms], now_ms)
        return news

    # The account

    def _account(self, data: Row, now_ms: int) -> News:
        change = row(data.get("a"))
        happened_ms = moment(data, "T") or now_ms
        at_ms = _at(happened_ms, now_ms)
        balance = next((one for one in rows(change.get("B")) if text(one, "a") == QUOTE), None)
        if balance is None:
            return []
        news: News = []
        if text(change, "m") == FUNDING:
            news += self._funding(change, balance, happened_ms, at_ms)
        wallet = figure(balance, "wb")
        if wallet is not None:
            news.append(WalletSeen(at_ms, wallet))
        return news

    def _funding(self, change: Row, balance: Row, happened_ms: int, at_ms: int) -> list[Event]:
        """In crossed margin the frame does not say which symbol paid; then the next snapshot books it."""
        symbols = {text(one, "s") for one in rows(change.get("P"))} - {""}
        paid = figure(balance, "bc")
        if len(symbols) != 1 or not paid:
            return []
        symbol = symbols.pop()
        return [FundingPaid(at_ms, symbol, paid, ZERO, payment_id(symbol, happened_ms))]

    def _expired(self, data: Row, now_ms: int) -> News:
        return [StreamEnded("listen key expired")]

    def _settings(self, data: Row, now_ms: int) -> News:
        symbol = text(row(data.get("ac")), "s")
        if symbol:
            return [FrozenSettings(symbol, f"leverage {text(row(data['ac']), 'l')[:8]}")]
        return [FrozenSettings("", "multi-assets mode")]

    def _margin_call(self, data: Row, now_ms: int) -> News:
        at_ms = _at(moment(data, "E") or now_ms, now_ms)
        return [
            NoticeRaised(at_ms, _margin_notice(one, at_ms)) for one in rows(data.get("p")) if text(one, "s")
        ]

    def _tell(self, what: str) -> None:
        """Once per kind, and not for ever: who sends anything may send anything."""
        if what not in self._told and len(self._told) < TOLD_KINDS:
            self._told.add(what)
            log.warning("user stream: %a not understood and left out", what)


def _at(frame_ms: int, now_ms: int) -> int:
    return frame_ms if now_ms < frame_ms <= now_ms + AHEAD_MS else now_ms


def _order_updated(order: Row, client_id: str, status: OrderStatus, at_ms: int) -> OrderUpdated:
    ended_badly = status in (OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.REJECTED)
    return OrderUpdated(
        at_ms=at_ms,
        client_id=client_id,
        venue_id=text(order, "i"),
        symbol=text(order, "s"),
        status=status,
        filled=amount(order, "z"),
        average_price=amount(order, "ap"),
        code=text(order, "X") if ended_badly else "",
    )


def _end_code(algo: Row, status: OrderStatus) -> str:
    if status is OrderStatus.EXPIRED and text(algo, "X") == "FINISHED":
        return "its order was cancelled"
    if status in (OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.REJECTED):
        return text(algo, "rm")[:80] or text(algo, "X")
    return ""


def _margin_notice(one: Row, at_ms: int) -> Notice:
    symbol = text(one, "s")
    fields = tuple(
        (label, plain(value))
        for label, value in (
            ("Position", figure(one, "pa")),
            ("Mark price", figure(one, "mp")),
            ("Open profit", figure(one, "up")),
            ("Maintenance margin", figure(one, "mm")),
        )
        if value is not None
    )
    title = f"{symbol}: margin call from the exchange, liquidation is near"
    return Notice(NoticeKind.LIQUIDATION, Severity.CRITICAL, at_ms, title, fields, symbol)
