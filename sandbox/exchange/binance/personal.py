"""Frames of user streams: orders, account, settings, the end of a listen key."""

from decimal import Decimal

from bot.domain.instrument import ZERO
from sandbox.exchange.binance.call import Call, Floor
from sandbox.exchange.binance.conditionals import WORDS, time_word
from sandbox.exchange.binance.figures import average, eight, money, plain
from sandbox.exchange.binance.hub import Hub
from sandbox.exchange.binance.money import break_even, cross_wallet, isolated
from sandbox.exchange.binance.order_rows import STATUS, origin_type, shown_id
from sandbox.exchange.binance.problems import Json
from sandbox.exchange.binance.quotes import encoded
from sandbox.exchange.core import ExchangeAccount
from sandbox.exchange.news import (
    AccountNews,
    ConditionalNews,
    MarginCallNews,
    OrderNews,
    SettingsNews,
)
from sandbox.exchange.nouns import (
    Conditional,
    ConditionalStatus,
    IncomeKind,
    LegView,
    MarginMode,
    Origin,
    Trade,
)

FORCED = (Origin.LIQUIDATION, Origin.DELEVERAGING)
TIED = (IncomeKind.REALIZED_PNL, IncomeKind.COMMISSION)
"""Income that `bc`, the change of the balance, leaves out."""
REJECTED_AT_TRIGGER = "Order rejected at trigger"


class Personal:
    """Turns news of accounts into frames for their listen keys."""

    def __init__(self, floor: Floor, hub: Hub) -> None:
        self._floor = floor
        self._hub = hub

    def push(self, account: str, frame: Json) -> None:
        """One event to all who listen to this account."""
        key = self._floor.keeping.keys.of_account(account, self._floor.now_ms)
        topic = None if key is None else self._hub.topics.get(key)
        if topic is None:
            return
        raw, kind = encoded(frame), str(frame["e"])
        for connection in list(topic.listeners.values()):
            if not connection.events or kind in connection.events:
                connection.send(topic.name, raw)

    def expire(self, key: str) -> None:
        """The key is over: its listeners hear it once and then nothing; their sockets stay open."""
        account = self._floor.keeping.keys.owner(key)
        topic = self._hub.topics.get(key)
        if account is not None and topic is not None:
            raw = encoded({"e": "listenKeyExpired", "E": self._floor.now_ms, "listenKey": key})
            for connection in list(topic.listeners.values()):
                connection.send(key, raw)
                self._hub.leave(connection, [key])
        self._floor.keeping.keys.drop(key)

    # Orders

    def order(self, news: OrderNews) -> None:
        """ORDER_TRADE_UPDATE; an execution is told briefly first."""
        if news.trade is not None and news.what == "TRADE":
            self.push(news.account, trade_lite(news, news.trade))
        self.push(news.account, self._order_frame(news))

    def _order_frame(self, news: OrderNews) -> Json:
        return {
            "e": "ORDER_TRADE_UPDATE",
            "E": self._floor.now_ms,
            "T": news.at_ms,
            "o": self._order_row(news),
        }

    def _order_row(self, news: OrderNews) -> Json:
        order, trade = news.order, news.trade
        ask = order.ask
        forced = ask.origin in FORCED
        ends = self._floor.keeping.timers.good_till.get((news.account, order.order_id), 0)
        kind = "LIMIT" if forced else ask.kind.value
        shown: Json = {
            "s": ask.symbol,
            "c": shown_id(order),
            "S": ask.side.value,
            "o": kind,
            "f": "IOC" if forced else "GTD" if ends else ask.time_in_force.value,
            "q": plain(ask.quantity),
            "p": average(order.average) if forced else plain(ask.price or ZERO),
            "ap": average(order.average),
            "sp": "0",
            "x": news.what,
            "X": STATUS[order.status],
            "i": order.order_id,
            "l": plain(trade.quantity if trade else ZERO),
            "z": plain(order.filled),
            "L": plain(trade.price if trade else ZERO),
        }
        if trade is not None:
            shown |= {"n": money(trade.fee), "N": trade.fee_asset}
        return shown | {
            "T": news.at_ms,
            "t": trade.trade_id if trade else 0,
            "b": "0",
            "a": "0",
            "m": trade.maker if trade else False,
            "R": ask.reduce_only,
            "wt": "CONTRACT_PRICE",
            "ot": kind if forced else origin_type(self._floor, news.account, order),
            "ps": ask.leg.value,
            "cp": False,
            "rp": money(trade.realised if trade else ZERO),
            "pP": False,
            "si": 0,
            "ss": 0,
            "V": "EXPIRE_MAKER",
            "pm": "NONE",
            "gtd": ends,
            "er": "0",
        }

    def conditional(self, news: ConditionalNews) -> None:
        """ALGO_UPDATE."""
        one = news.conditional
        frame = {
            "e": "ALGO_UPDATE",
            "T": news.at_ms,
            "E": self._floor.now_ms,
            "o": self._algo_row(news.account, one),
        }
        self.push(news.account, frame)

    def _algo_row(self, account: str, one: Conditional) -> Json:
        ask = one.ask
        shown: Json = {
            "caid": one.client_id,
            "aid": one.conditional_id,
            "at": "CONDITIONAL",
            "o": ask.kind.value,
            "s": ask.symbol,
            "S": ask.side.value,
            "ps": ask.leg.value,
            "f": time_word(self._floor, account, one),
            "q": plain(ask.quantity),
            "X": one.status.value,
            "ai": str(one.child) if one.child else "",
            "tp": plain(ask.trigger_price or ZERO),
            "p": plain(ask.limit_price or ZERO),
            "V": "EXPIRE_MAKER",
            "wt": WORDS[ask.trigger_by],
            "pm": "NONE",
            "cp": ask.close_all,
            "pP": ask.price_protect,
            "R": ask.reduce_only,
            "tt": one.triggered_at_ms,
            "gtd": 0,
        }
        if one.child:
            shown |= self._actual(account, one)
        if one.status in {ConditionalStatus.REJECTED, ConditionalStatus.EXPIRED} or one.reason:
            shown["rm"] = one.reason or REJECTED_AT_TRIGGER
        return shown

    def _actual(self, account: str, one: Conditional) -> Json:
        """The ordinary order it became; price and quantity once it is finished."""
        child = self._account(account).find(one.ask.symbol, one.child)
        done = child if one.status is ConditionalStatus.FINISHED else None
        return {
            "ap": average(done.average) if done is not None and done.filled else "0",
            "aq": plain(done.filled) if done is not None else "0",
            "act": "LIMIT" if one.ask.limit_price else "MARKET",
        }

    # Money

    def account(self, news: AccountNews) -> None:
        """ACCOUNT_UPDATE. Funding of a crossed position tells the balance only."""
        account = self._account(news.account)
        change = sum((one.amount for one in news.income if one.kind not in TIED), ZERO)
        balance = {
            "a": "USDT",
            "wb": money(news.funds.wallet),
            "cw": money(cross_wallet(account, news.funds)),
            "bc": money(change) if change else "0",
        }
        funding = news.reason == "FUNDING_FEE"
        legs = [leg for leg in news.legs if not funding or leg.margin_mode is MarginMode.ISOLATED]
        shown = {
            "m": news.reason,
            "B": [balance],
            "P": [self._position(leg) for leg in legs],
        }
        self.push(news.account, {"e": "ACCOUNT_UPDATE", "T": news.at_ms, "E": self._floor.now_ms, "a": shown})

    def _position(self, leg: LegView) -> Json:
        return {
            "s": leg.symbol,
            "pa": plain(leg.quantity),
            "ep": average(leg.entry_price) if leg.quantity else "0",
            "bep": average(break_even(Call(self._floor, {}), leg)) if leg.quantity else "0",
            "cr": plain(leg.realised),
            "up": money(leg.unrealised),
            "mt": margin_word(leg),
            "iw": money(leg.isolated_margin if isolated(leg) else ZERO),
            "ps": leg.leg.value,
            "ma": "USDT",
        }

    def margin_call(self, news: MarginCallNews) -> None:
        """MARGIN_CALL; the cross wallet only for crossed positions."""
        leg, account = news.leg, self._account(news.account)
        frame: Json = {"e": "MARGIN_CALL", "E": news.at_ms}
        if not isolated(leg):
            frame["cw"] = money(cross_wallet(account, account.funds()))
        frame["p"] = [
            {
                "s": leg.symbol,
                "ps": leg.leg.value,
                "pa": plain(leg.quantity),
                "mt": leg.margin_mode.value.upper(),
                "iw": money(leg.isolated_margin if isolated(leg) else ZERO),
                "mp": eight(leg.mark),
                "up": money(leg.unrealised),
                "mm": money(leg.maintenance_margin),
            }
        ]
        self.push(news.account, frame)

    def settings(self, news: SettingsNews) -> None:
        """ACCOUNT_CONFIG_UPDATE; only leverage is told."""
        if news.leverage:
            shown = {"s": news.symbol, "l": news.leverage}
            frame = {"e": "ACCOUNT_CONFIG_UPDATE", "E": self._floor.now_ms, "T": news.at_ms, "ac": shown}
            self.push(news.account, frame)

    def _account(self, name: str) -> ExchangeAccount:
        return next(one for one in self._floor.exchange.accounts() if one.name == name)


def margin_word(leg: LegView) -> str:
    """How user streams and positionRisk write the margin type."""
    return "isolated" if isolated(leg) else "cross"


def trade_lite(news: OrderNews, trade: Trade) -> Json:
    """TRADE_LITE: an execution without fee and profit."""
    order = news.order
    price = order.ask.price or Decimal(0)
    return {
        "e": "TRADE_LITE",
        "E": news.at_ms,
        "T": news.at_ms,
        "s": trade.symbol,
        "q": plain(order.ask.quantity),
        "p": plain(price),
        "m": trade.maker,
        "c": shown_id(order),
        "S": trade.side.value,
        "L": plain(trade.price),
        "l": plain(trade.quantity),
        "t": trade.trade_id,
        "i": order.order_id,
    }
