"""What may be chosen about the fill model, and the codes under which it refuses."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from bot.domain.instrument import ZERO, Instrument


class BothHit(StrEnum):
    """Which comes first when one candle reaches stop and target of a position: its extreme against or for us.

    PATH: what the candles of a lower timeframe inside it reach first; the stop where they do not tell.
    """

    STOP = "stop"
    TARGET = "target"
    PATH = "path"


@dataclass(frozen=True, slots=True)
class MatchingRules:
    """The model's figures; the defaults are those of a backtest.

    `slippage` is a fraction of the price, always against us, on every market execution. Fees are fractions of
    notional; None takes the instrument's. `liquidation_fee` comes on top of the taker fee when liquidated.
    `max_fill_quantity` caps one execution (base units), so that orders fill in parts over several bars; zero = off.
    `count_conditional` also counts resting reduce-only stops and targets against the position (-4118): Binance
    documents the rule for reduce-only orders, and what it does for conditional ones is not verified.
    """

    slippage: Decimal = Decimal("0.0001")
    taker_fee: Decimal | None = None
    maker_fee: Decimal | None = None
    both_hit: BothHit = BothHit.STOP
    liquidate: bool = True
    liquidation_fee: Decimal = Decimal("0.0125")
    max_fill_quantity: Decimal = ZERO
    max_conditional_orders: int = 100
    count_conditional: bool = False
    default_leverage: int = 20

    def fee_rate(self, instrument: Instrument, *, maker: bool) -> Decimal:
        """The fee of one side as a fraction of notional."""
        own = self.maker_fee if maker else self.taker_fee
        if own is not None:
            return own
        return instrument.maker_fee if maker else instrument.taker_fee


class Code(StrEnum):
    """Why an order is refused or removed: Binance's numbers, so that one error table reads paper and live."""

    MISSING = "-1102"
    NOT_WANTED = "-1106"
    PRECISION = "-1111"
    UNKNOWN_SYMBOL = "-1121"
    UNKNOWN_ORDER = "-2011"
    MARGIN = "-2019"
    WOULD_TRIGGER = "-2021"
    REDUCE_ONLY = "-2022"
    BRACKET = "-2027"
    NOT_POSITIVE = "-4003"
    BELOW_MINIMUM = "-4004"
    ABOVE_MAXIMUM = "-4005"
    OFF_TICK = "-4014"
    BAD_CLIENT_ID = "-4015"
    LIMIT_TOO_HIGH = "-4016"
    OFF_STEP = "-4023"
    LIMIT_TOO_LOW = "-4024"
    BAD_LEVERAGE = "-4028"
    TOO_MANY_STOPS = "-4045"
    DUPLICATE = "-4116"
    REDUCE_ONLY_RESTS = "-4118"
    CLOSE_POSITION_EXISTS = "-4130"
    NO_PRICE = "-4131"
    MARKET_PRICE = "-4131"
    BAD_CLOSE_POSITION = "-4136"
    NOT_TRADING = "-4140"
    LEVERAGE_REDUCTION = "-4161"
    MIN_NOTIONAL = "-4164"
    NOT_MAKER = "-5022"


@dataclass(frozen=True, slots=True)
class Refusal:
    """An order (or a change of leverage) that the venue does not take; `figures` is one line with the numbers."""

    code: Code
    figures: str
