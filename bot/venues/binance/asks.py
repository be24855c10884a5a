"""The REST calls by ccxt's raw names, with the documented weights.

New orders count against the order rate (300 in ten seconds, 1,200 a minute) and cost no request weight. What an order
call is for decides its lane; questions about one order go with cancels, since who does not know cannot protect.
"""

from collections.abc import Mapping

from bot.venues.ccxt_venue.wire import Ask, Lane

NEW_ORDER = "fapiPrivatePostOrder"
NEW_ALGO = "fapiPrivatePostAlgoOrder"
CANCEL_ORDER = "fapiPrivateDeleteOrder"
CANCEL_ALGO = "fapiPrivateDeleteAlgoOrder"
QUERY_ORDER = "fapiPrivateGetOrder"
QUERY_ALGO = "fapiPrivateGetAlgoOrder"

SUBMITS = frozenset({NEW_ORDER, NEW_ALGO})
CANCELS = frozenset({CANCEL_ORDER, CANCEL_ALGO})
QUERIES = frozenset({QUERY_ORDER, QUERY_ALGO})

type Params = Mapping[str, object]

PAGE = 1000
CANDLE_PAGE = 1000


def submit(params: Params, lane: Lane, *, conditional: bool) -> Ask:
    """A new order, ordinary or conditional."""
    method = NEW_ALGO if conditional else NEW_ORDER
    return Ask(method, params, lane, weight=0, orders=1, changes=True)


def cancel(symbol: str, client_id: str, *, conditional: bool) -> Ask:
    """Cancel by client id."""
    if conditional:
        params = {"symbol": symbol, "clientAlgoId": client_id}
        return Ask(CANCEL_ALGO, params, Lane.CANCEL, weight=1, changes=True)
    params = {"symbol": symbol, "origClientOrderId": client_id}
    return Ask(CANCEL_ORDER, params, Lane.CANCEL, weight=1, changes=True)


def cancel_child(symbol: str, order_id: str) -> Ask:
    """Cancel an ordinary order by the venue's id."""
    return Ask(CANCEL_ORDER, {"symbol": symbol, "orderId": order_id}, Lane.CANCEL, weight=1, changes=True)


def query(symbol: str, client_id: str, *, conditional: bool) -> Ask:
    """One order by client id."""
    if conditional:
        return Ask(QUERY_ALGO, {"symbol": symbol, "clientAlgoId": client_id}, Lane.CANCEL)
    return Ask(QUERY_ORDER, {"symbol": symbol, "origClientOrderId": client_id}, Lane.CANCEL)


def query_child(symbol: str, order_id: str) -> Ask:
    """One ordinary order by the venue's id."""
    return Ask(QUERY_ORDER, {"symbol": symbol, "orderId": order_id}, Lane.CANCEL)


def set_leverage(symbol: str, leverage: int) -> Ask:
    """Set the leverage of a symbol."""
    params = {"symbol": symbol, "leverage": str(leverage)}
    return Ask("fapiPrivatePostLeverage", params, Lane.ENTRY, changes=True)


def set_margin_type(symbol: str, margin_type: str) -> Ask:
    """`ISOLATED` or `CROSSED`."""
    params = {"symbol": symbol, "marginType": margin_type}
    return Ask("fapiPrivatePostMarginType", params, Lane.ENTRY, changes=True)


def set_position_mode(*, hedge: bool) -> Ask:
    """Hedge or one-way, for the whole account."""
    params = {"dualSidePosition": "true" if hedge else "false"}
    return Ask("fapiPrivatePostPositionSideDual", params, Lane.ENTRY, changes=True)


def set_multi_assets(*, multi: bool) -> Ask:
    """Multi-assets mode, for the whole account."""
    params = {"multiAssetsMargin": "true" if multi else "false"}
    return Ask("fapiPrivatePostMultiAssetsMargin", params, Lane.ENTRY, changes=True)


RENEW_KEY = Ask("fapiPrivatePutListenKey", lane=Lane.CANCEL)
SERVER_TIME = Ask("fapiPublicGetTime", lane=Lane.PROTECT)
"""To put the clock right: an order turned down for its timestamp waits for it, throttled or not."""
MOMENT = Ask("fapiPublicGetTime")
"""The same as a part of a snapshot, which waits in one piece."""
EXCHANGE_INFO = Ask("fapiPublicGetExchangeInfo")
BRACKETS = Ask("fapiPrivateGetLeverageBracket")
FUNDING_INFO = Ask("fapiPublicGetFundingInfo", weight=1)
BOOK_TICKERS = Ask("fapiPublicGetTickerBookTicker", weight=5)
PREMIUM_INDEX = Ask("fapiPublicGetPremiumIndex", weight=10)
ACCOUNT = Ask("fapiPrivateV3GetAccount", weight=5)
POSITION_RISK = Ask("fapiPrivateV3GetPositionRisk", weight=5)
SYMBOL_CONFIG = Ask("fapiPrivateGetSymbolConfig", weight=5)
OPEN_ORDERS = Ask("fapiPrivateGetOpenOrders", weight=40)
OPEN_ALGOS = Ask("fapiPrivateGetOpenAlgoOrders", weight=40)
POSITION_MODE = Ask("fapiPrivateGetPositionSideDual", weight=30)
MULTI_ASSETS = Ask("fapiPrivateGetMultiAssetsMargin", weight=30)
KEY_RIGHTS = Ask("sapiGetAccountApiRestrictions", weight=1)
SYSTEM_STATUS = Ask("sapiGetSystemStatus", weight=1)


def commission(symbol: str) -> Ask:
    """The account's fees on one symbol."""
    return Ask("fapiPrivateGetCommissionRate", {"symbol": symbol}, weight=20)


def income(start_ms: int, end_ms: int) -> Ask:
    """What money came and went, all kinds and symbols, oldest first."""
    params = {"startTime": str(start_ms), "endTime": str(end_ms), "limit": str(PAGE)}
    return Ask("fapiPrivateGetIncome", params, weight=30)


def trades(symbol: str, start_ms: int, end_ms: int) -> Ask:
    """Our trades of a symbol in at most seven days, oldest first."""
    params = {"symbol": symbol, "startTime": str(start_ms), "endTime": str(end_ms), "limit": str(PAGE)}
    return Ask("fapiPrivateGetUserTrades", params, weight=5)


def orders_from(symbol: str, order_id: int) -> Ask:
    """Orders of a symbol with this id or a later one."""
    params = {"symbol": symbol, "orderId": str(order_id), "limit": str(PAGE)}
    return Ask("fapiPrivateGetAllOrders", params, weight=5)


def algos(symbol: str) -> Ask:
    """The newest conditional orders of a symbol, ended ones too."""
    return Ask("fapiPrivateGetAllAlgoOrders", {"symbol": symbol, "limit": str(PAGE)}, weight=5)


def klines(symbol: str, interval: str, limit: int, end_ms: int) -> Ask:
    """Candles up to `end_ms`; the price depends on how many."""
    params = {"symbol": symbol, "interval": interval, "limit": str(limit), "endTime": str(end_ms)}
    return Ask("fapiPublicGetKlines", params, weight=_kline_weight(limit))


def _kline_weight(limit: int) -> int:
    for most, weight in ((99, 1), (499, 2), (1000, 5)):
        if limit <= most:
            return weight
    return 10
