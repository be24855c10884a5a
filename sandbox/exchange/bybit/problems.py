"""Documented errors: Bybit's code, its words, and which of the core's refusals they stand for."""

from collections.abc import Mapping

from bot.venues.matching import Code
from sandbox.exchange.nouns import Extra, Refused

MESSAGES = {
    429: "The trading service is experiencing a high server load. Please retry if you encounter this issue.",
    10000: "Server Timeout",
    10001: "Request parameter error.",
    10002: "The request time exceeds the time window range.",
    10003: "API key is invalid.",
    10004: "Error sign, please check your signature generation algorithm.",
    10005: "Permission denied, please check your API key permissions.",
    10006: "Too many visits. Exceeded the API Rate Limit.",
    10010: "Unmatched IP, please check your API key's bound IP addresses.",
    10016: "Server error.",
    10017: "Route not found.",
    10018: "Exceeded the IP Rate Limit.",
    10019: "ws trade service is restarting",
    10403: "Exceeded the IP Rate Limit.",
    10404: "op type is not found",
    10429: "System level frequency protection",
    20001: "Repeat auth",
    20003: "Too frequent requests under the same session",
    20006: "reqId is duplicated",
    33004: "Your api key has expired.",
    34040: "not modified",
    100028: "unified account is forbidden",
    110001: "order not exists or too late to cancel",
    110003: "Order price exceeds the allowable range.",
    110007: "ab not enough for new order",
    110008: "The order has been completed or cancelled.",
    110009: "The number of stop orders exceeds the maximum allowable limit",
    110010: "The order has been cancelled",
    110013: "Cannot set leverage due to risk limit level.",
    110017: "orderQty will be truncated to zero.",
    110020: "Not allowed to have more than 500 active orders.",
    110024: "You have an existing position, so the position mode cannot be switched.",
    110025: "Position mode is not modified",
    110026: "Cross/isolated margin mode is not modified",
    110028: "You have existing open orders, so the position mode cannot be switched.",
    110043: "leverage not modified",
    110044: "Available margin is insufficient.",
    110058: "You can't set take profit and stop loss due to insufficient size of remaining position size.",
    110061: "Not allowed to have more than 20 TP/SLs under Partial tpSlMode",
    110064: "The modified contract quantity cannot be less than or equal to the filled quantity.",
    110072: "OrderLinkedID is duplicate",
    110073: "Set margin mode failed",
    110074: "This contract is not live",
    110079: "The order is processing and can not be operated, please try again later",
    110090: "Order placement failed as your position may exceed the max limit.",
    110092: "expect Rising, but trigger_price <= current",
    110093: "expect Falling, but trigger_price >= current",
    110094: "Order does not meet minimum order value",
    110118: "Unable to retrieve a price of the market order due to low liquidity",
    170007: "Timeout waiting for response from backend server.",
    500000: "system error",
    3400045: "Set margin mode failed",
}
"""Everything this exchange can say."""

QUANTITY, PRICE = "Qty invalid", "Price invalid"
CODES: dict[str, tuple[int, str]] = {
    Code.MISSING: (10001, ""),
    Code.NOT_WANTED: (10001, ""),
    Code.PRECISION: (10001, QUANTITY),
    Code.UNKNOWN_SYMBOL: (10001, "symbol invalid"),
    Code.UNKNOWN_ORDER: (110001, ""),
    Code.MARGIN: (110007, ""),
    Code.REDUCE_ONLY: (110017, ""),
    Code.BRACKET: (110090, ""),
    Code.NOT_POSITIVE: (10001, QUANTITY),
    Code.BELOW_MINIMUM: (10001, "The number of contracts exceeds minimum limit allowed"),
    Code.ABOVE_MAXIMUM: (10001, "The number of contracts exceeds maximum limit allowed"),
    Code.OFF_TICK: (10001, PRICE),
    Code.BAD_CLIENT_ID: (10001, "OrderLinkedID invalid"),
    Code.LIMIT_TOO_HIGH: (110003, ""),
    Code.OFF_STEP: (10001, QUANTITY),
    Code.LIMIT_TOO_LOW: (110003, ""),
    Code.BAD_LEVERAGE: (110013, ""),
    Code.TOO_MANY_STOPS: (110009, ""),
    Code.DUPLICATE: (110072, ""),
    Code.REDUCE_ONLY_RESTS: (110017, ""),
    Code.NO_PRICE: (110118, ""),
    Code.NOT_TRADING: (110074, ""),
    Code.LEVERAGE_REDUCTION: (110044, ""),
    Code.MIN_NOTIONAL: (110094, ""),
    Extra.TOO_MANY_ORDERS: (10006, ""),
    Extra.MAX_OPEN_ORDERS: (110020, ""),
    Code.BAD_CLOSE_POSITION: (10001, QUANTITY),
    Code.CLOSE_POSITION_EXISTS: (110009, ""),
    Extra.UNKNOWN_ORDER_QUERY: (110001, ""),
    Extra.SAME_MARGIN_MODE: (110026, ""),
    Extra.MARGIN_OPEN_ORDERS: (3400045, ""),
    Extra.MARGIN_OPEN_POSITION: (3400045, ""),
    Extra.SAME_POSITION_MODE: (110025, ""),
    Extra.WRONG_LEG: (10001, "position idx not match position mode"),
    Extra.MODE_OPEN_ORDERS: (110028, ""),
    Extra.MODE_OPEN_POSITION: (110024, ""),
    Extra.SAME_LEVERAGE: (110043, ""),
    Extra.NOTHING_CHANGED: (34040, ""),
    Extra.TOO_MANY_PARTIAL: (110061, ""),
    Extra.FINISHED: (110008, ""),
}
REJECTIONS = {
    Code.NOT_MAKER: "EC_PostOnlyWillTakeLiquidity",
    Code.NO_PRICE: "EC_ReachMarketPriceLimit",
    Code.NOT_TRADING: "EC_InvalidSymbolStatus",
    Code.LIMIT_TOO_HIGH: "EC_ReachRiskPriceLimit",
    Code.LIMIT_TOO_LOW: "EC_ReachRiskPriceLimit",
}
"""Why an order was turned down after its acknowledgement; EC_Others for the rest (margin too)."""


class Problem(Exception):
    """Answered with HTTP 200 and `code`; `message` empty = the documented words."""

    def __init__(self, code: int, message: str = "", result: Mapping[str, object] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.message = message or MESSAGES.get(code, "")
        self.result = dict(result or {})


def bad(message: str) -> Problem:
    """10001 with words of its own."""
    return Problem(10001, message)


def problem_of(error: Refused, *, rising: bool = True) -> Problem:
    """What Bybit says to a refusal of the core; `rising`: which way the order was to trigger."""
    if error.code == Code.WOULD_TRIGGER:
        return Problem(110092 if rising else 110093)
    code, message = CODES.get(error.code, (10001, error.figures))
    return Problem(code, message)


def rejection(reason: str) -> str:
    """Bybit's reason for an order that the core turned down for `reason` (a code, perhaps with figures behind it)."""
    code = reason.split(":", 1)[0].strip()
    return REJECTIONS.get(Code(code), "EC_Others") if code in set(Code) else "EC_Others"
