"""Which call answers which path: its lock, its weight as documented, how many orders it counts for."""

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.exchange.binance import (
    batches,
    candles,
    conditionals,
    contracts,
    history,
    money,
    orders,
    preferences,
    prices,
)
from sandbox.exchange.binance.access import Lock
from sandbox.exchange.binance.call import Call

type Answer = Callable[[Call], object]
type Weight = Callable[[Call], int]


@dataclass(frozen=True, slots=True)
class Route:
    """One call of the API. `alone` is the weight for all symbols where it differs."""

    answer: Answer
    lock: Lock = Lock.PUBLIC
    weight: int = 1
    alone: int = 0
    by_limit: tuple[tuple[int, int], ...] = ()
    orders: int = 0
    unsigned: bool = False

    def cost(self, call: Call) -> int:
        """The weight of this call."""
        if self.by_limit:
            limit = call.parameters.get("limit", "500")
            asked = int(limit) if limit.isascii() and limit.isdigit() and len(limit) < 10 else 500
            return next((weight for most, weight in self.by_limit if asked <= most), self.by_limit[-1][1])
        return self.alone if self.alone and not call.has("symbol") else self.weight


CANDLES = ((99, 1), (499, 2), (1000, 5), (10_000, 10))
DEPTH = ((50, 2), (100, 5), (500, 10), (1000, 20))
READ, TRADE = Lock.READ, Lock.TRADE

MARKET: dict[str, Route] = {
    "GET fapi/v1/ping": Route(contracts.ping),
    "GET fapi/v1/time": Route(contracts.server_time),
    "GET fapi/v1/exchangeInfo": Route(contracts.exchange_info),
    "GET fapi/v1/fundingInfo": Route(contracts.funding_info),
    "GET fapi/v1/klines": Route(candles.klines, by_limit=CANDLES),
    "GET fapi/v1/continuousKlines": Route(candles.continuous_klines, by_limit=CANDLES),
    "GET fapi/v1/markPriceKlines": Route(candles.mark_klines, by_limit=CANDLES),
    "GET fapi/v1/indexPriceKlines": Route(candles.index_klines, by_limit=CANDLES),
    "GET fapi/v1/fundingRate": Route(candles.funding_rates),
    "GET fapi/v1/premiumIndex": Route(prices.premium_index, weight=1, alone=10),
    "GET fapi/v1/openInterest": Route(prices.open_interest),
    "GET fapi/v1/ticker/24hr": Route(prices.day_ticker, alone=40),
    "GET fapi/v1/ticker/price": Route(prices.price_ticker, alone=2),
    "GET fapi/v2/ticker/price": Route(prices.price_ticker, alone=2),
    "GET fapi/v1/ticker/bookTicker": Route(prices.book_ticker, weight=2, alone=5),
    "GET fapi/v1/depth": Route(prices.depth, by_limit=DEPTH),
    "GET fapi/v1/trades": Route(prices.trades, weight=5),
    "GET fapi/v1/historicalTrades": Route(prices.trades, Lock.KEY, weight=20, unsigned=True),
    "GET fapi/v1/aggTrades": Route(prices.aggregate_trades, weight=20),
    "GET futures/data/openInterestHist": Route(candles.open_interest_history, weight=0),
    "GET futures/data/globalLongShortAccountRatio": Route(candles.account_ratio, weight=0),
    "GET futures/data/topLongShortAccountRatio": Route(candles.top_ratio, weight=0),
    "GET futures/data/topLongShortPositionRatio": Route(candles.top_ratio, weight=0),
    "GET futures/data/takerlongshortRatio": Route(candles.taker_ratio, weight=0),
}
ORDERS: dict[str, Route] = {
    "POST fapi/v1/order": Route(orders.place, TRADE, weight=0, orders=1),
    "POST fapi/v1/order/test": Route(orders.test, TRADE),
    "PUT fapi/v1/order": Route(orders.amend, TRADE, weight=0, orders=1),
    "DELETE fapi/v1/order": Route(orders.cancel, TRADE),
    "GET fapi/v1/order": Route(orders.query, READ),
    "GET fapi/v1/openOrder": Route(orders.query_open, READ),
    "GET fapi/v1/openOrders": Route(orders.open_orders, READ, alone=40),
    "DELETE fapi/v1/allOpenOrders": Route(orders.cancel_all, TRADE),
    "GET fapi/v1/allOrders": Route(orders.all_orders, READ, weight=5),
    "GET fapi/v1/forceOrders": Route(orders.forced, READ, weight=20, alone=50),
    "GET fapi/v1/orderAmendment": Route(history.amendments, READ),
    "POST fapi/v1/batchOrders": Route(batches.place_batch, TRADE, weight=5, orders=5),
    "PUT fapi/v1/batchOrders": Route(batches.amend_batch, TRADE, weight=5, orders=5),
    "DELETE fapi/v1/batchOrders": Route(batches.cancel_batch, TRADE),
    "POST fapi/v1/countdownCancelAll": Route(preferences.countdown, TRADE, weight=10),
    "POST fapi/v1/algoOrder": Route(conditionals.place, TRADE, weight=0, orders=1),
    "DELETE fapi/v1/algoOrder": Route(conditionals.cancel, TRADE),
    "GET fapi/v1/algoOrder": Route(conditionals.query, READ),
    "GET fapi/v1/openAlgoOrders": Route(conditionals.open_orders, READ, alone=40),
    "GET fapi/v1/allAlgoOrders": Route(conditionals.all_orders, READ, weight=5),
    "DELETE fapi/v1/algoOpenOrders": Route(conditionals.cancel_all, TRADE),
}
ACCOUNT: dict[str, Route] = {
    "GET fapi/v1/account": Route(money.account_v2, READ, weight=5),
    "GET fapi/v2/account": Route(money.account_v2, READ, weight=5),
    "GET fapi/v3/account": Route(money.account_v3, READ, weight=5),
    "GET fapi/v1/balance": Route(money.balance, READ, weight=5),
    "GET fapi/v2/balance": Route(money.balance, READ, weight=5),
    "GET fapi/v3/balance": Route(money.balance, READ, weight=5),
    "GET fapi/v1/positionRisk": Route(money.position_risk_v2, READ, weight=5),
    "GET fapi/v2/positionRisk": Route(money.position_risk_v2, READ, weight=5),
    "GET fapi/v3/positionRisk": Route(money.position_risk_v3, READ, weight=5),
    "GET fapi/v1/adlQuantile": Route(money.adl_quantiles, READ, weight=5),
    "POST fapi/v1/positionMargin": Route(money.position_margin, TRADE),
    "POST fapi/v1/leverage": Route(preferences.set_leverage, TRADE),
    "POST fapi/v1/marginType": Route(preferences.set_margin_type, TRADE),
    "POST fapi/v1/positionSide/dual": Route(preferences.set_position_mode, TRADE),
    "GET fapi/v1/positionSide/dual": Route(preferences.position_mode, READ, weight=30),
    "POST fapi/v1/multiAssetsMargin": Route(preferences.set_assets_mode, TRADE),
    "GET fapi/v1/multiAssetsMargin": Route(preferences.assets_mode, READ, weight=30),
    "GET fapi/v1/accountConfig": Route(preferences.account_config, READ, weight=5),
    "GET fapi/v1/symbolConfig": Route(preferences.symbol_config, READ, weight=5),
    "GET fapi/v1/apiTradingStatus": Route(preferences.trading_status, READ, weight=1, alone=10),
    "GET fapi/v1/feeBurn": Route(preferences.fee_burn, READ, weight=30),
    "GET fapi/v1/rateLimit/order": Route(history.order_counts, READ),
    "GET fapi/v1/leverageBracket": Route(contracts.leverage_brackets, READ),
    "GET fapi/v1/commissionRate": Route(contracts.commission_rate, READ, weight=20),
    "GET fapi/v1/userTrades": Route(history.user_trades, READ, weight=5),
    "GET fapi/v1/income": Route(history.income, READ, weight=30),
    "POST fapi/v1/listenKey": Route(preferences.open_key, Lock.KEY, unsigned=True),
    "PUT fapi/v1/listenKey": Route(preferences.keep_key, Lock.KEY, unsigned=True),
    "DELETE fapi/v1/listenKey": Route(preferences.close_key, Lock.KEY, unsigned=True),
}
# Spot, margin and COIN-M, as far as clients ask them at their start; their weights are counted elsewhere.
ELSEWHERE: dict[str, Route] = {
    "GET sapi/v1/capital/config/getall": Route(preferences.nothing, READ, weight=0),
    "GET sapi/v1/margin/allPairs": Route(preferences.nothing, Lock.KEY, weight=0, unsigned=True),
    "GET sapi/v1/margin/isolated/allPairs": Route(preferences.nothing, Lock.KEY, weight=0, unsigned=True),
    "GET sapi/v1/account/apiRestrictions": Route(preferences.restrictions, READ, weight=0),
    "GET sapi/v1/system/status": Route(preferences.system_status, weight=0),
    "GET api/v3/ping": Route(contracts.ping, weight=0),
    "GET api/v3/time": Route(contracts.server_time, weight=0),
    "GET api/v3/exchangeInfo": Route(contracts.no_contracts, weight=0),
    "GET dapi/v1/ping": Route(contracts.ping, weight=0),
    "GET dapi/v1/time": Route(contracts.server_time, weight=0),
    "GET dapi/v1/exchangeInfo": Route(contracts.no_contracts, weight=0),
}
ROUTES = MARKET | ORDERS | ACCOUNT | ELSEWHERE
