"""Which call answers which path, and what it needs."""

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.exchange.bybit import history, market, orders, preferences, stops
from sandbox.exchange.bybit.asking import Call

type Answer = Callable[[Call], dict[str, object]]


@dataclass(frozen=True, slots=True)
class Route:
    """`signed`: needs a key; `changes`: one that may trade; `many`: a batch of what `answer` does.

    `lists`: of other categories there is an empty list, as an account has it that never traded them.
    """

    answer: Answer
    signed: bool = False
    changes: bool = False
    many: bool = False
    lists: bool = False


def _asks(answer: Answer) -> Route:
    return Route(answer, signed=True)


def _lists(answer: Answer, *, signed: bool = True) -> Route:
    return Route(answer, signed=signed, lists=True)


def _acts(answer: Answer) -> Route:
    return Route(answer, signed=True, changes=True)


def _batch(answer: Answer) -> Route:
    return Route(answer, signed=True, changes=True, many=True)


ROUTES: dict[str, Route] = {
    "GET market/time": Route(market.time),
    "GET market/instruments-info": _lists(market.instruments, signed=False),
    "GET market/kline": Route(market.klines),
    "GET market/mark-price-kline": Route(market.price_klines),
    "GET market/index-price-kline": Route(market.price_klines),
    "GET market/premium-index-price-kline": Route(market.premium_klines),
    "GET market/tickers": Route(market.tickers),
    "GET market/orderbook": Route(market.orderbook),
    "GET market/recent-trade": Route(market.recent_trades),
    "GET market/funding/history": Route(market.funding_history),
    "GET market/open-interest": Route(market.open_interest),
    "GET market/account-ratio": Route(market.account_ratio),
    "GET market/risk-limit": Route(market.risk_limits),
    "GET system/status": Route(market.system_status),
    "GET account/wallet-balance": _asks(preferences.wallet_balance),
    "GET account/info": _asks(preferences.account_info),
    "GET account/fee-rate": _asks(preferences.fee_rate),
    "GET account/transaction-log": _asks(history.transaction_log),
    "POST account/set-margin-mode": _acts(preferences.set_margin_mode),
    "GET position/list": _lists(preferences.positions),
    "GET position/closed-pnl": _lists(history.closed_pnl),
    "POST position/set-leverage": _acts(preferences.set_leverage),
    "POST position/switch-mode": _acts(preferences.switch_mode),
    "POST position/switch-isolated": _acts(preferences.switch_isolated),
    "POST position/trading-stop": _acts(stops.trading_stop),
    "GET order/realtime": _lists(history.realtime),
    "GET order/history": _lists(history.order_history),
    "GET execution/list": _lists(history.executions),
    "POST order/create": _acts(orders.create),
    "POST order/amend": _acts(orders.amend),
    "POST order/cancel": _acts(orders.cancel),
    "POST order/cancel-all": _acts(orders.cancel_all),
    "POST order/create-batch": _batch(orders.create),
    "POST order/amend-batch": _batch(orders.amend),
    "POST order/cancel-batch": _batch(orders.cancel),
    "GET user/query-api": _asks(preferences.query_api),
    "GET asset/coin/query-info": _asks(preferences.coin_info),
}
SOCKET_CALLS = {
    "order.create": "POST order/create",
    "order.amend": "POST order/amend",
    "order.cancel": "POST order/cancel",
    "order.create-batch": "POST order/create-batch",
    "order.amend-batch": "POST order/amend-batch",
    "order.cancel-batch": "POST order/cancel-batch",
}
"""Operations of the trade socket; they share the limits of the calls."""
