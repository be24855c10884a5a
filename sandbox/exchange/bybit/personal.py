"""News of accounts: written down for later queries, and sent to those who listen."""

from bot.domain.instrument import ZERO
from bot.domain.order import OrderStatus, TimeInForce
from bot.venues.matching import Code
from sandbox.exchange.bybit.asking import Floor
from sandbox.exchange.bybit.holdings import position_frame_row, wallet_row
from sandbox.exchange.bybit.hub import Frame, Hub
from sandbox.exchange.bybit.identity import conditional_uid, order_uid
from sandbox.exchange.bybit.keeping import Ending, FundingSeen, Notes, Seen
from sandbox.exchange.bybit.problems import rejection
from sandbox.exchange.bybit.records import Record
from sandbox.exchange.bybit.rows import (
    execution_frame_row,
    fast_execution_row,
    funding_row,
    order_frame_row,
)
from sandbox.exchange.conditionals import POSITION_CLOSED
from sandbox.exchange.core import ExchangeAccount
from sandbox.exchange.news import AccountNews, ConditionalNews, OrderNews, SettingsNews
from sandbox.exchange.nouns import (
    Conditional,
    ConditionalStatus,
    ExchangeOrder,
    IncomeKind,
    LegView,
    Origin,
    Trade,
)

TOUCHES_POSITION = frozenset({"NEW", "CANCELED", "EXPIRED", "AMENDMENT"})
ENDED = frozenset({OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.REJECTED})
ENDED_CONDITIONAL = frozenset(
    {ConditionalStatus.CANCELED, ConditionalStatus.EXPIRED, ConditionalStatus.REJECTED}
)
UNFILLED = {
    TimeInForce.IOC: "EC_NoImmediateQtyToFill",
    TimeInForce.FOK: "EC_CancelForNoFullFill",
    TimeInForce.GTX: "EC_PostOnlyWillTakeLiquidity",
}


class Personal:
    """Private topics: order, execution, execution.fast, position, wallet. Nothing is sent for a subscription."""

    def __init__(self, floor: Floor, hub: Hub) -> None:
        self._floor = floor
        self._hub = hub

    def _account(self, name: str) -> ExchangeAccount:
        return next(one for one in self._floor.exchange.accounts() if one.name == name)

    # Orders

    def on_order(self, news: OrderNews) -> None:
        """An ordinary order was taken, executed, changed or ended."""
        account, notes = self._account(news.account), self._floor.memory.of(news.account)
        order, uid = news.order, order_uid(news.order)
        if uid not in notes.last_on_created:
            notes.last_on_created[uid] = self._floor.exchange.view(order.ask.symbol).last
        if order.status in ENDED:
            notes.endings.setdefault(uid, order_ending(notes, order))
        if order.status.final:
            notes.close(uid, news.at_ms, self._floor.memory.settings.closed_orders_kept)
        if news.what == "NEW":
            notes.last_on_taken[uid] = self._floor.exchange.view(order.ask.symbol).last
        if news.trade is not None and uid in notes.attached:
            self._floor.memory.fills.append((news.account, order.order_id))
        parent = account.find_conditional(order.parent) if order.parent else None
        self._tell_order(account, Record(order, parent), news.at_ms)
        if news.trade is not None:
            self._tell_execution(account, notes, news.trade, news.at_ms)
        elif news.what in TOUCHES_POSITION:
            self._tell_positions(account, account.legs(order.ask.symbol), news.at_ms)

    def on_conditional(self, news: ConditionalNews) -> None:
        """A conditional order was taken, triggered, changed or ended. Once triggered it goes on as an order."""
        account, notes = self._account(news.account), self._floor.memory.of(news.account)
        one = news.conditional
        uid = conditional_uid(one.conditional_id)
        notes.last_on_created.setdefault(uid, self._floor.exchange.view(one.ask.symbol).last)
        if one.status in ENDED_CONDITIONAL:
            notes.endings.setdefault(uid, conditional_ending(notes, one))
            notes.close(uid, news.at_ms, self._floor.memory.settings.closed_orders_kept)
        if (
            one.status.live and one.status is not ConditionalStatus.TRIGGERING
        ) or one.status in ENDED_CONDITIONAL:
            self._tell_order(account, Record(None, one), news.at_ms)
        elif uid not in notes.triggered:
            notes.triggered.add(uid)
            self._widow(news.account, notes, uid)
            self._tell_order(account, Record(None, one), news.at_ms)
        if one.status is ConditionalStatus.NEW or one.status in ENDED_CONDITIONAL:
            self._tell_positions(account, account.legs(one.ask.symbol), news.at_ms)

    def _widow(self, account: str, notes: Notes, uid: str) -> None:
        other = notes.pairs.pop(uid, "")
        if other:
            notes.pairs.pop(other, None)
            self._floor.memory.widows.append((account, other))

    def _tell_order(self, account: ExchangeAccount, record: Record, at_ms: int) -> None:
        if self._hub.heard(account.name, "order"):
            notes = self._floor.memory.of(account.name)
            row = order_frame_row(self._floor.exchange, account, notes, record)
            self._hub.tell(account.name, "order", [row], at_ms)

    def _tell_execution(self, account: ExchangeAccount, notes: Notes, trade: Trade, at_ms: int) -> None:
        full, fast = (self._hub.heard(account.name, one) for one in ("execution", "execution.fast"))
        if not full and not fast:
            return
        row = execution_frame_row(self._floor.exchange, account, notes, trade)
        if fast and row["execType"] == "Trade":
            self._hub.tell(account.name, "execution.fast", [fast_execution_row(row)], at_ms)
        self._hub.tell(account.name, "execution", [row], at_ms)

    # Account

    def catch_up(self, account: ExchangeAccount, notes: Notes) -> None:
        """Book the trades that are not in the notes yet."""
        trades = account.trades
        for trade in trades[notes.booked :]:
            view = self._floor.exchange.view(trade.symbol)
            order = account.find(trade.symbol, order_id=trade.order_id)
            left = order.left if order is not None else ZERO
            notes.seen[trade.trade_id] = Seen(view.mark, view.index, left, notes.book(trade))
        notes.booked = len(trades)

    def on_account(self, news: AccountNews) -> None:
        """Wallet or positions changed."""
        account, notes = self._account(news.account), self._floor.memory.of(news.account)
        self.catch_up(account, notes)
        notes.earn(news.income)
        self._note_funding(account, notes, news)
        self._tell_positions(account, news.legs, news.at_ms)
        if self._hub.heard(news.account, "wallet"):
            mode = account.margin_mode(next(iter(self._floor.exchange.instruments)))
            self._hub.tell(news.account, "wallet", [wallet_row(notes, news.funds, mode)], news.at_ms)

    def _note_funding(self, account: ExchangeAccount, notes: Notes, news: AccountNews) -> None:
        rows: list[Frame] = []
        for line in news.income:
            if line.kind is IncomeKind.FUNDING_FEE:
                legs = [one for one in news.legs if one.symbol == line.symbol and one.quantity]
                paying = [one for one in legs if (one.quantity * line.rate > 0) is (line.amount < 0)]
                if paying or legs:
                    leg = (paying or legs)[0]
                    notes.funding[line.income_id] = FundingSeen(leg.quantity, leg.mark)
                    notes.leg(line.symbol, leg.leg).brought += line.amount
                row = funding_row(line, notes.funding.get(line.income_id))
                rows.append(row | {"category": "linear", "isLeverage": "0", "marketUnit": "", "execPnl": "0"})
        if rows:
            self._hub.tell(account.name, "execution", rows, news.at_ms)

    def on_settings(self, news: SettingsNews) -> None:
        """Leverage or a mode changed: the positions are shown as they stand."""
        account = self._account(news.account)
        if news.symbol:
            self._tell_positions(account, account.legs(news.symbol), news.at_ms)

    def _tell_positions(
        self, account: ExchangeAccount, legs: list[LegView] | tuple[LegView, ...], at_ms: int
    ) -> None:
        if legs and self._hub.heard(account.name, "position"):
            notes, exchange = self._floor.memory.of(account.name), self._floor.exchange
            rows = [position_frame_row(exchange, account, notes, leg) for leg in legs]
            self._hub.tell(account.name, "position", rows, at_ms)


def order_ending(notes: Notes, order: ExchangeOrder) -> Ending:
    """How an ordinary order ended: by its owner, by its time in force, by the exchange."""
    if order_uid(order) in notes.by_user:
        return Ending("CancelByUser", "EC_PerCancelRequest")
    if order.status is OrderStatus.REJECTED:
        return Ending("UNKNOWN", rejection(order.reason))
    if order.status is OrderStatus.EXPIRED:
        known = rejection(order.reason)
        reason = UNFILLED.get(order.ask.time_in_force, "EC_NoImmediateQtyToFill")
        return Ending("UNKNOWN", reason if known == "EC_Others" else known)
    if order.ask.origin in {Origin.LIQUIDATION, Origin.DELEVERAGING}:
        return Ending("CancelByAdmin", "EC_Others")
    if order.ask.reduce_only and "reduce" in order.reason.lower():
        return Ending("CancelByReduceOnly", "EC_Others")
    return Ending("CancelByUser", "EC_PerCancelRequest")


def conditional_ending(notes: Notes, one: Conditional) -> Ending:
    """How a conditional order ended before it became anything."""
    if conditional_uid(one.conditional_id) in notes.by_user:
        return Ending("CancelByUser", "EC_PerCancelRequest")
    if one.status is ConditionalStatus.REJECTED:
        return Ending("UNKNOWN", rejection(one.reason))
    if one.reason in {POSITION_CLOSED, Code.REDUCE_ONLY}:
        return Ending("CancelByTpSlTsClear", "EC_PerCancelRequest")
    if one.status is ConditionalStatus.EXPIRED:
        return Ending("CancelByAdmin", "EC_PerCancelRequest")
    return Ending("CancelByUser", "EC_PerCancelRequest")
