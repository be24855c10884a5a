"""Documented errors: code, message, HTTP status."""

from collections.abc import Mapping

from bot.venues.matching import Code
from sandbox.exchange.nouns import Extra, Refused

type Json = dict[str, object]

UNKNOWN_PATH = -5000
MESSAGES = {
    -1000: "An unknown error occured while processing the request.",
    -1001: "Internal error; unable to process your request. Please try again.",
    -1003: "Too many requests; please use the websocket for live updates.",
    -1006: "An unexpected response was received from the message bus. Execution status unknown.",
    -1007: "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
    -1008: "Request throttled by system-level protection. Reduce-only/close-position orders are exempt. "
    "Please try again.",
    -1015: "Too many new orders.",
    -1016: "This service is no longer available.",
    -1020: "This operation is not supported.",
    -1021: "Timestamp for this request is outside of the recvWindow.",
    -1022: "Signature for this request is not valid.",
    -1023: "Start time is greater than end time.",
    -1101: "Duplicate values for a parameter detected.",
    -1115: "Invalid timeInForce.",
    -1116: "Invalid orderType.",
    -1117: "Invalid side.",
    -1120: "Invalid interval.",
    -1121: "Invalid symbol.",
    -1125: "This listenKey does not exist.",
    -1128: "Combination of optional parameters invalid.",
    -1131: "recvWindow must be less than 60000",
    -1136: "Invalid newOrderRespType.",
    -1111: "Precision is over the maximum defined for this asset.",
    -2011: "Unknown order sent.",
    -2013: "Order does not exist.",
    -2014: "API-key format invalid.",
    -2015: "Invalid API-key, IP, or permissions for action.",
    -2018: "Balance is insufficient.",
    -2019: "Margin is insufficient.",
    -2020: "Unable to fill.",
    -2021: "Order would immediately trigger.",
    -2022: "ReduceOnly Order is rejected.",
    -2025: "Reach max open order limit.",
    -2027: "Exceeded the maximum allowable position at current leverage.",
    -2028: "Leverage is smaller than permitted: insufficient margin balance.",
    -4001: "Price less than 0.",
    -4003: "Quantity less than zero.",
    -4004: "Quantity less than min quantity.",
    -4005: "Quantity greater than max quantity.",
    -4014: "Price not increased by tick size.",
    -4015: "Client order id is not valid.",
    -4016: "Price is higher than mark price multiplier cap.",
    -4023: "Qty not increased by step size.",
    -4024: "Price is lower than mark price multiplier floor.",
    -4028: "Leverage is not valid.",
    -4031: "Invalid parameter working type.",
    -4045: "Reach max stop order limit.",
    -4046: "No need to change margin type.",
    -4047: "Margin type cannot be changed if there exists open orders.",
    -4048: "Margin type cannot be changed if there exists position.",
    -4049: "Add margin only support for isolated position.",
    -4054: "Cannot add position margin: position is 0.",
    -4055: "Amount must be positive.",
    -4059: "No need to change position side.",
    -4060: "Invalid position side.",
    -4061: "Order's position side does not match user's setting.",
    -4067: "Position side cannot be changed if there exists open orders.",
    -4068: "Position side cannot be changed if there exists position.",
    -4082: "Invalid number of batch place orders.",
    -4116: "ClientOrderId is duplicated.",
    -4118: "ReduceOnly Order Failed. Please check your existing position and open orders.",
    -4120: "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead.",
    -4130: "An open stop or take profit order with GTE and closePosition in the direction is existing.",
    -4131: "The counterparty's best price does not meet the PERCENT_PRICE filter limit.",
    -4136: "Target strategy invalid for this orderType with closePosition.",
    -4137: "Quantity must be zero with closePosition equals true.",
    -4140: "Invalid symbol status for opening position.",
    -4161: "Leverage reduction is not supported in Isolated Margin Mode with open positions.",
    -4164: "Order's notional must be no smaller than the minimum notional (unless you choose reduce only).",
    -4167: "Unable to adjust to Multi-Assets mode with symbols of USDⓈ-M Futures under isolated-margin mode.",
    -4168: "Unable to adjust to isolated-margin mode under the Multi-Assets mode.",
    -4171: "Adjusted asset mode is currently set and does not need to be adjusted repeatedly.",
    -4509: "TIF GTE can only be used with open positions. Please ensure that positions are available.",
    -5022: "Due to the order could not be executed as maker, the Post Only order will be rejected. "
    "The order will not be recorded in the order history.",
    -5027: "No need to modify the order.",
}
UNAUTHORIZED = frozenset({-2014, -2015})
# What the core calls otherwise than Binance does.
CODES: Mapping[str, int] = {
    Extra.TOO_MANY_ORDERS: -2025,
    Extra.NOTHING_CHANGED: -5027,
    Extra.TOO_MANY_PARTIAL: -4045,
    Extra.FINISHED: -2011,
}
# Refusals whose message carries the figures.
WITH_FIGURES = frozenset({Code.LIMIT_TOO_HIGH, Code.LIMIT_TOO_LOW, Code.MIN_NOTIONAL, Code.BAD_LEVERAGE})


class Problem(Exception):
    """A call answered with an error; `status` is the HTTP status."""

    def __init__(
        self, code: int, message: str = "", status: int = 0, headers: Mapping[str, str] | None = None
    ) -> None:
        self.code = code
        self.message = message or MESSAGES.get(code, MESSAGES[-1000])
        self.status = status or (401 if code in UNAUTHORIZED else 400)
        self.headers: Mapping[str, str] = headers or {}
        super().__init__(f"{code}: {self.message}")

    @property
    def body(self) -> Json:
        """The answer's body."""
        return {"code": self.code, "msg": self.message}


def problem_of(refused: Refused) -> Problem:
    """The core's refusal in Binance's words."""
    code = CODES.get(refused.code)
    if code is None:
        code = int(refused.code) if refused.code.removeprefix("-").isdigit() else -1000
    message = MESSAGES.get(code, refused.figures)
    return Problem(code, f"{message} ({refused.figures})" if refused.code in WITH_FIGURES else message)


def missing(name: str) -> Problem:
    """A mandatory parameter is not there or cannot be read."""
    text = f"Mandatory parameter '{name.lower()}' was not sent, was empty/null, or malformed."
    return Problem(-1102, text)


def not_wanted(name: str) -> Problem:
    """A parameter that does not go with this call."""
    return Problem(-1106, f"Parameter '{name.lower()}' sent when not required.")


def bad_value(name: str) -> Problem:
    """A parameter whose value means nothing."""
    return Problem(-1130, f"Data sent for parameter '{name.lower()}' is not valid.")


def illegal(name: str, legal: str) -> Problem:
    """A parameter with characters that are not allowed."""
    return Problem(
        -1100, f"Illegal characters found in parameter '{name.lower()}'; legal range is '{legal}'."
    )


def unread(read: int, sent: int) -> Problem:
    """Parameters that this call does not know."""
    text = f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'."
    return Problem(-1104, text)
