"""The rules of the generated contracts in the shapes a venue answers with: exchangeInfo, leverageBracket, fundingInfo.

The product reads instruments from such answers only, so the demo takes the same road as the real thing.
"""

from collections.abc import Sequence
from decimal import Decimal

from sandbox.market.listing import Listing, listings

ONBOARD_MS = 1_577_836_800_000
DELIVERY_MS = 4_133_404_800_000
"""Perpetuals carry a delivery date in the year 2100."""
RATE_LIMITS = (
    ("REQUEST_WEIGHT", "MINUTE", 1, 2400),
    ("ORDERS", "MINUTE", 1, 1200),
    ("ORDERS", "SECOND", 10, 300),
)
ORDER_TYPES = (
    "LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET",
)  # fmt: skip
TIMES_IN_FORCE = ("GTC", "IOC", "FOK", "GTX", "GTD")
# Highest leverage, maintenance rate and size (in depths) of each bracket; a contract starts at its own leverage.
BRACKETS = (
    (125, "0.004", 1), (100, "0.005", 2), (75, "0.0065", 6), (50, "0.01", 20), (25, "0.02", 60), (20, "0.025", 120),
    (10, "0.05", 300), (5, "0.1", 600), (4, "0.125", 800), (2, "0.25", 1500), (1, "0.5", 3000),
)  # fmt: skip

type Json = dict[str, object]


def exchange_info(symbols: int | Sequence[str] = 8, server_time_ms: int = 0) -> Json:
    """The contracts as GET /fapi/v1/exchangeInfo tells them."""
    rows = listings(symbols)
    return {
        "timezone": "UTC",
        "serverTime": server_time_ms,
        "futuresType": "U_MARGINED",
        "rateLimits": [
            {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}
            for kind, interval, number, limit in RATE_LIMITS
        ],
        "exchangeFilters": [],
        "assets": [{"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "-10000"}],
        "symbols": [_contract(row) for row in rows],
    }


def leverage_brackets(symbols: int | Sequence[str] = 8) -> list[Json]:
    """The leverage brackets as GET /fapi/v1/leverageBracket tells them."""
    return [
        {"symbol": row.symbol, "notionalCoef": 1.0, "brackets": _brackets(row)} for row in listings(symbols)
    ]


def funding_info(symbols: int | Sequence[str] = 8) -> list[Json]:
    """Funding intervals and caps as GET /fapi/v1/fundingInfo tells them."""
    return [
        {
            "symbol": row.symbol,
            "adjustedFundingRateCap": "0.02000000",
            "adjustedFundingRateFloor": "-0.02000000",
            "fundingIntervalHours": row.funding_hours,
        }
        for row in listings(symbols)
    ]


def _contract(row: Listing) -> Json:
    return {
        "symbol": row.symbol,
        "pair": row.symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": DELIVERY_MS,
        "onboardDate": ONBOARD_MS,
        "status": "TRADING",
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": row.base,
        "quoteAsset": "USDT",
        "marginAsset": "USDT",
        "pricePrecision": _decimals(row.tick),
        "quantityPrecision": _decimals(row.step),
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "maxMoveOrderLimit": 10000,
        "filters": _filters(row),
        "orderTypes": list(ORDER_TYPES),
        "timeInForce": list(TIMES_IN_FORCE),
    }


def _filters(row: Listing) -> list[Json]:
    most = _most(row, 40)
    step = f"{row.step:f}"
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": f"{row.tick:f}",
            "maxPrice": f"{_grid(row.price * 1000, row.tick):f}",
            "tickSize": f"{row.tick:f}",
        },
        {"filterType": "LOT_SIZE", "minQty": step, "maxQty": most, "stepSize": step},
        {"filterType": "MARKET_LOT_SIZE", "minQty": step, "maxQty": _most(row, 8), "stepSize": step},
        {"filterType": "MAX_NUM_ORDERS", "limit": 200},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": 10},
        {"filterType": "MIN_NOTIONAL", "notional": str(row.min_notional)},
        {
            "filterType": "PERCENT_PRICE",
            "multiplierUp": "1.0500",
            "multiplierDown": "0.9500",
            "multiplierDecimal": "4",
        },
    ]


def _most(row: Listing, depths: int) -> str:
    """The largest quantity of one order, some multiple of the depth, a round number of steps."""
    return f"{_grid(float(f'{depths * row.depth / row.price:.1g}'), row.step):f}"


def _grid(value: float, unit: Decimal) -> Decimal:
    return (max(Decimal(1), (Decimal(repr(value)) / unit).to_integral_value()) * unit).normalize()


def _decimals(unit: Decimal) -> int:
    return max(0, -int(unit.as_tuple().exponent))


def _brackets(row: Listing) -> list[Json]:
    """Brackets up to the contract's leverage; `cum` keeps the maintenance margin continuous between them."""
    brackets: list[Json] = []
    floor, cum, rate_before = Decimal(0), Decimal(0), Decimal(0)
    for leverage, text, depths in BRACKETS:
        if leverage > row.max_leverage and leverage != 1:
            continue
        rate, cap = Decimal(text), Decimal(depths * row.depth)
        cum += floor * (rate - rate_before) if brackets else 0
        brackets.append(
            {
                "bracket": len(brackets) + 1,
                "initialLeverage": leverage,
                "notionalCap": float(cap),
                "notionalFloor": float(floor),
                "maintMarginRatio": float(rate),
                "cum": float(cum),
            }
        )
        floor, rate_before = cap, rate
    return brackets
