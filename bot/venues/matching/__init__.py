"""The pure fill model of one venue account: linear perpetuals, one-way or with legs, isolated or crossed margin.

No asyncio, no clock, no I/O: prices and times are handed in, reports come back. Paper venue, sandbox exchange and
exact backtest stand on the same model; legs, crossed margin and single steps are the sandbox exchange's.

    rules       what may be chosen (slippage, fees, stop or target first), refusal codes
    orders      what is asked and what rests
    reports     what happened, and the domain event that says so
    margin      isolated margin, rounding against us, liquidation price
    book        one symbol: position, working orders, the two prices between which nothing can happen
    account     wallet, books, counters; turns an execution into money
    checks      why an order is refused, one check per function
    execution   how one order executes: at market, at its limit, triggered, liquidated
    walk        the path of prices inside one candle and what it triggers, in order
    step        one price after another instead of candles; triggers and liquidation are then judged elsewhere
    crossed     what positions add to a wallet that stands for all of them
    matching    the model's face
"""

from bot.venues.matching.matching import Matching, MatchingState
from bot.venues.matching.orders import BookedOrder, OrderRequest, TimeInForce, request_of
from bot.venues.matching.reports import Executed, FundingSettled, OrderChanged, Report, event_of
from bot.venues.matching.rules import BothHit, Code, MatchingRules, Refusal
from bot.venues.matching.walk import Finer

__all__ = [
    "BookedOrder",
    "BothHit",
    "Code",
    "Executed",
    "Finer",
    "FundingSettled",
    "Matching",
    "MatchingRules",
    "MatchingState",
    "OrderChanged",
    "OrderRequest",
    "Refusal",
    "Report",
    "TimeInForce",
    "event_of",
    "request_of",
]
