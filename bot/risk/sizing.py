"""How large a position may be: sizing modes, rounded towards less risk, bounded by every limit."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from bot.domain.guard import Sizing, SizingMode
from bot.domain.instrument import ZERO, Instrument, money_in
from bot.risk.book import Sized

HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class SizeRequest:
    """Everything sizing needs, in quote asset; `share` is the symbol's part of the balance (0..1).

    `cost_rate` is fees plus slippage of a round trip as a fraction of notional; `room` is the notional that
    exposure limits leave; `available` the free margin.
    """

    sizing: Sizing
    instrument: Instrument
    entry_price: Decimal
    stop_price: Decimal
    balance: Decimal
    base_balance: Decimal
    share: Decimal
    leverage: int
    cost_rate: Decimal
    room: Decimal
    available: Decimal

    @property
    def loss_per_unit(self) -> Decimal:
        """What one base unit loses at the stop, fees and slippage included."""
        return abs(self.entry_price - self.stop_price) + self.entry_price * self.cost_rate


def margin_ratio(sizing: Sizing, balance: Decimal, base_balance: Decimal) -> Decimal:
    """The dynamic margin ratio: falls as the balance grows beyond its base, within its bounds."""
    ratio = sizing.ratio_max - (balance - base_balance) * sizing.ratio_decay
    return max(sizing.ratio_min, min(sizing.ratio_max, ratio))


def _by_margin_ratio(request: SizeRequest) -> Decimal:
    ratio = margin_ratio(request.sizing, request.balance, request.base_balance)
    notional = max(ZERO, request.balance) * request.share * ratio * request.leverage
    return notional / request.entry_price


def _by_risk_usd(request: SizeRequest) -> Decimal:
    return request.sizing.value / request.loss_per_unit


def _by_risk_percent(request: SizeRequest) -> Decimal:
    risk = max(ZERO, request.balance) * request.sizing.value / HUNDRED
    return risk / request.loss_per_unit


def _by_notional(request: SizeRequest) -> Decimal:
    return request.sizing.value / request.entry_price


_MODES: dict[SizingMode, Callable[[SizeRequest], Decimal]] = {
    SizingMode.MARGIN_RATIO: _by_margin_ratio,
    SizingMode.RISK_USD: _by_risk_usd,
    SizingMode.RISK_PERCENT: _by_risk_percent,
    SizingMode.FIXED_NOTIONAL: _by_notional,
}


def size(request: SizeRequest) -> Sized:
    """The largest quantity that the mode asks for and every bound allows, rounded down to the step."""
    wanted = _MODES[request.sizing.mode](request)
    quantity, binding = wanted, request.sizing.mode.value
    for name, bound in _bounds(request):
        if bound < quantity:
            quantity, binding = bound, name
    # without a step a quotient is rounded down all the same: its last digit may lie beyond the bound
    quantity = money_in(request.instrument.quantity_down(max(ZERO, quantity)))
    if quantity < request.instrument.min_quantity:
        quantity, binding = ZERO, f"{binding}: below minimum quantity {request.instrument.min_quantity:f}"
    return _sized(request, quantity, binding)


def _bounds(request: SizeRequest) -> tuple[tuple[str, Decimal], ...]:
    instrument, price = request.instrument, request.entry_price
    # the margin of an entry and the fee that opens it come out of the same free margin
    per_unit = price / request.leverage + price * request.cost_rate
    return (
        ("maximum quantity", min(instrument.max_quantity, instrument.max_market_quantity)),
        ("leverage bracket", instrument.max_notional(request.leverage) / price),
        ("exposure limit", request.room / price),
        ("free margin", request.available / per_unit),
    )


def _sized(request: SizeRequest, quantity: Decimal, binding: str) -> Sized:
    notional = quantity * request.entry_price
    return Sized(
        quantity=quantity,
        notional=notional,
        margin=notional / request.leverage,
        risk=quantity * request.loss_per_unit,
        binding=binding,
    )
