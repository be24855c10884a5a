"""What is traded here: exchangeInfo, leverage brackets, funding intervals."""

from decimal import Decimal

from bot.domain.instrument import Bracket, Instrument
from sandbox.exchange.binance.call import Call
from sandbox.exchange.binance.figures import decimals, plain
from sandbox.exchange.binance.problems import Json
from sandbox.market.instruments import DELIVERY_MS, ONBOARD_MS, ORDER_TYPES, TIMES_IN_FORCE

TRADING = "TRADING"
HALTED = "SETTLING"


def exchange_info(call: Call) -> Json:
    """GET exchangeInfo."""
    exchange = call.exchange
    return {
        "timezone": "UTC",
        "serverTime": call.floor.now_ms,
        "futuresType": "U_MARGINED",
        "rateLimits": [
            {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}
            for kind, interval, number, limit in call.floor.keeping.settings.rows()
        ],
        "exchangeFilters": [],
        "assets": [{"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "-10000"}],
        "symbols": [contract(call, one) for one in exchange.instruments.values()],
    }


def no_contracts(call: Call) -> Json:
    """The exchangeInfo of markets that the sandbox does not have (spot, COIN-M)."""
    return {
        "timezone": "UTC",
        "serverTime": call.floor.now_ms,
        "rateLimits": [],
        "exchangeFilters": [],
        "symbols": [],
    }


def contract(call: Call, one: Instrument) -> Json:
    """One row of exchangeInfo."""
    return {
        "symbol": one.symbol,
        "pair": one.symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": DELIVERY_MS,
        "onboardDate": ONBOARD_MS,
        "status": TRADING if one.tradable else HALTED,
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": one.base,
        "quoteAsset": one.quote,
        "marginAsset": one.quote,
        "pricePrecision": decimals(one.price_tick),
        "quantityPrecision": decimals(one.quantity_step),
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "maxMoveOrderLimit": 10000,
        "filters": _filters(call, one),
        "orderTypes": list(ORDER_TYPES),
        "timeInForce": list(TIMES_IN_FORCE),
        "permissionSets": ["GRID", "COPY"],
    }


def _filters(call: Call, one: Instrument) -> list[Json]:
    rules = call.exchange.rules
    least, step = plain(one.min_quantity), plain(one.quantity_step)
    highest = one.price_above(call.exchange.view(one.symbol).last * 1000)
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": plain(one.price_tick),
            "maxPrice": plain(highest),
            "tickSize": plain(one.price_tick),
        },
        {"filterType": "LOT_SIZE", "minQty": least, "maxQty": plain(one.max_quantity), "stepSize": step},
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": least,
            "maxQty": plain(one.max_market_quantity),
            "stepSize": step,
        },
        {"filterType": "MAX_NUM_ORDERS", "limit": rules.max_orders},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": rules.max_conditional},
        {"filterType": "MIN_NOTIONAL", "notional": plain(one.min_notional)},
        {
            "filterType": "PERCENT_PRICE",
            "multiplierUp": f"{one.percent_price_up:.4f}",
            "multiplierDown": f"{one.percent_price_down:.4f}",
            "multiplierDecimal": "4",
        },
        {"filterType": "POSITION_RISK_CONTROL", "positionControlSide": "NONE"},
    ]


def leverage_brackets(call: Call) -> list[Json]:
    """GET leverageBracket; figures are numbers here."""
    rows = (call.contract(symbol) for symbol in call.symbols())
    return [{"symbol": one.symbol, "notionalCoef": 1.0, "brackets": _brackets(one.brackets)} for one in rows]


def _brackets(brackets: tuple[Bracket, ...]) -> list[Json]:
    floors = [Decimal(0), *(one.notional_cap for one in brackets)]
    return [
        {
            "bracket": number,
            "initialLeverage": one.max_leverage,
            "notionalCap": float(one.notional_cap),
            "notionalFloor": float(floor),
            "maintMarginRatio": float(one.maintenance_rate),
            "cum": float(one.maintenance_amount),
        }
        for number, (one, floor) in enumerate(zip(brackets, floors, strict=False), 1)
    ]


def funding_info(call: Call) -> list[Json]:
    """GET fundingInfo."""
    return [
        {
            "symbol": one.symbol,
            "adjustedFundingRateCap": "0.02000000",
            "adjustedFundingRateFloor": "-0.02000000",
            "fundingIntervalHours": one.funding_interval_hours,
            "disclaimer": False,
            "updateTime": ONBOARD_MS,
        }
        for one in call.exchange.instruments.values()
    ]


def commission_rate(call: Call) -> Json:
    """GET commissionRate."""
    rules = call.exchange.rules
    return {
        "symbol": call.symbol(),
        "makerCommissionRate": plain(rules.maker_fee),
        "takerCommissionRate": plain(rules.taker_fee),
    }


def ping(call: Call) -> Json:
    """GET ping."""
    return {}


def server_time(call: Call) -> Json:
    """GET time."""
    return {"serverTime": call.floor.now_ms}
