"""Why the venue refuses an order: one check per function, asked in the venue's order; the first refusal counts."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from re import compile as pattern

from bot.domain.instrument import ZERO, Instrument, money_out
from bot.domain.order import OrderSide, OrderType
from bot.venues.matching.account import Account
from bot.venues.matching.book import SymbolBook
from bot.venues.matching.margin import initial_margin
from bot.venues.matching.orders import OrderRequest, TimeInForce
from bot.venues.matching.rules import Code, Refusal

_CLIENT_ID = pattern(r"[.A-Z:/a-z0-9_-]{1,36}")


@dataclass(frozen=True, slots=True)
class Application:
    """An order asking to be taken, with what it is judged by. `last` and `mark` are the current prices."""

    account: Account
    book: SymbolBook
    request: OrderRequest
    last: Decimal
    mark: Decimal

    @property
    def instrument(self) -> Instrument:
        """The contract's rules."""
        return self.book.instrument

    @property
    def price(self) -> Decimal:
        """The price the order is valued at: its limit, its trigger, or the last price."""
        return self.request.limit_price or self.request.trigger_price or self.last


type Check = Callable[[Application], Refusal | None]


def refusal(
    account: Account, request: OrderRequest, checks: tuple[Check, ...] | None = None
) -> Refusal | None:
    """Why the order is not taken, by all checks or by those given; None when it is."""
    book = account.book(request.symbol, request.leg)
    if book is None:
        return Refusal(Code.UNKNOWN_SYMBOL, f"{request.symbol} is not listed here")
    last, mark = account.last_price(request.symbol), account.mark_price(request.symbol)
    if last is None or mark is None:
        return Refusal(Code.NO_PRICE, f"{request.symbol} has no price yet")
    application = Application(account, book, request, last, mark)
    asked = CHECKS if checks is None else checks
    return next((refused for check in asked if (refused := check(application)) is not None), None)


def margin_refusal(
    account: Account, book: SymbolBook, request: OrderRequest, price: Decimal
) -> Refusal | None:
    """The margin check alone, as it is made once more when a conditional order triggers."""
    quantity = book.opening(request.side, request.quantity)
    if request.exits or quantity == ZERO:
        return None
    notional = quantity * price
    rate = account.rules.fee_rate(book.instrument, maker=False)
    needed = initial_margin(notional, book.position.leverage) + money_out(notional * rate)
    available = account.available()
    if book.closable(request.side):  # what is closed first gives its margin back, less its open loss
        available += account.held(book)
        available += ZERO if book.crossed else min(ZERO, book.position.unrealised(price))
    if needed <= available:
        return None
    return Refusal(Code.MARGIN, f"needs {needed:f} USDT of margin and fee, available {available:f}")


def _tradable(app: Application) -> Refusal | None:
    if app.instrument.tradable or app.request.exits:
        return None
    return Refusal(Code.NOT_TRADING, f"{app.request.symbol} takes no opening orders now")


def _client_id(app: Application) -> Refusal | None:
    client_id = app.request.client_id
    if not _CLIENT_ID.fullmatch(client_id):
        return Refusal(Code.BAD_CLIENT_ID, f"{len(client_id)} characters; allowed: 1 to 36 of A-Za-z0-9.:/_-")
    if client_id in app.account.open_ids:
        return Refusal(Code.DUPLICATE, f"client id {client_id} is already open")
    return None


def _complete(app: Application) -> Refusal | None:
    asked = app.request
    needed = {"limit_price": asked.type is OrderType.LIMIT, "trigger_price": asked.type.conditional}
    for name, wanted in needed.items():
        price = getattr(asked, name)
        if wanted and (price is None or not price.is_finite() or price <= ZERO):
            return Refusal(Code.MISSING, f"{asked.type.value} needs a positive {name}, got {price}")
        if not wanted and price is not None:
            return Refusal(Code.NOT_WANTED, f"{asked.type.value} takes no {name}, got {price}")
    if asked.close_position and not asked.type.conditional:
        return Refusal(Code.BAD_CLOSE_POSITION, f"close_position does not go with {asked.type.value}")
    return None


def _price_grid(app: Application) -> Refusal | None:
    asked = app.request
    prices = (price for price in (asked.limit_price, asked.trigger_price) if price is not None)
    refusals = (_off_grid(price, app.instrument.price_tick, Code.OFF_TICK) for price in prices)
    return next((refused for refused in refusals if refused is not None), None)


def _quantity(app: Application) -> Refusal | None:
    asked, instrument = app.request, app.instrument
    quantity = asked.quantity
    if asked.close_position:
        return None
    if not quantity.is_finite() or quantity <= ZERO:
        return Refusal(Code.NOT_POSITIVE, f"quantity {quantity} is not positive")
    most = instrument.max_quantity if asked.type is OrderType.LIMIT else instrument.max_market_quantity
    if quantity < instrument.min_quantity:
        return Refusal(Code.BELOW_MINIMUM, f"quantity {quantity:f} < minimum {instrument.min_quantity:f}")
    if quantity > most:
        return Refusal(Code.ABOVE_MAXIMUM, f"quantity {quantity:f} > maximum {most:f} for {asked.type.value}")
    return _off_grid(quantity, instrument.quantity_step, Code.OFF_STEP)


def _off_grid(value: Decimal, grid: Decimal, code: Code) -> Refusal | None:
    if not grid or value % grid == ZERO:
        return None
    too_fine = _decimals(value) > _decimals(grid)
    return Refusal(Code.PRECISION if too_fine else code, f"{value:f} is not a multiple of {grid:f}")


def _decimals(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _notional(app: Application) -> Refusal | None:
    if app.request.exits:
        return None
    notional = app.request.quantity * app.price
    if notional >= app.instrument.min_notional:
        return None
    return Refusal(Code.MIN_NOTIONAL, f"notional {notional:f} < minimum {app.instrument.min_notional:f}")


def _percent_price(app: Application) -> Refusal | None:
    limit, instrument = app.request.limit_price, app.instrument
    if limit is None:
        return None
    highest, lowest = app.mark * instrument.percent_price_up, app.mark * instrument.percent_price_down
    if app.request.side is OrderSide.BUY and highest and limit > highest:
        return Refusal(Code.LIMIT_TOO_HIGH, f"limit {limit:f} > {highest:f}, the highest for a buy")
    if app.request.side is OrderSide.SELL and limit < lowest:
        return Refusal(Code.LIMIT_TOO_LOW, f"limit {limit:f} < {lowest:f}, the lowest for a sell")
    return None


def _market_percent_price(app: Application) -> Refusal | None:
    asked, instrument = app.request, app.instrument
    if asked.type is not OrderType.MARKET:
        return None
    best = app.account.slipped(app.book, asked.side, app.last)
    highest, lowest = app.mark * instrument.percent_price_up, app.mark * instrument.percent_price_down
    if (best > highest and highest) if asked.side is OrderSide.BUY else best < lowest:
        return Refusal(Code.MARKET_PRICE, f"best price {best:f} is too far from the mark {app.mark:f}")
    return None


def _maker_only(app: Application) -> Refusal | None:
    asked = app.request
    if asked.time_in_force is TimeInForce.GTX and crosses(asked, app.last):
        return Refusal(Code.NOT_MAKER, f"limit {asked.limit_price} would execute at once at {app.last:f}")
    return None


def crosses(request: OrderRequest, last: Decimal) -> bool:
    """True when a limit order can execute at once."""
    limit = request.limit_price or ZERO
    return limit >= last if request.side is OrderSide.BUY else limit <= last


def _would_trigger(app: Application) -> Refusal | None:
    asked, trigger = app.request, app.request.trigger_price
    if not asked.type.conditional or trigger is None:
        return None
    rising = (asked.type is OrderType.STOP_MARKET) is (asked.side is OrderSide.BUY)
    if (trigger > app.last) if rising else (trigger < app.last):
        return None
    return Refusal(Code.WOULD_TRIGGER, f"trigger {trigger:f} is already reached: last price {app.last:f}")


def _something_to_reduce(app: Application) -> Refusal | None:
    if not app.request.exits or app.book.closable(app.request.side):
        return None
    held = app.book.position.quantity
    return Refusal(Code.REDUCE_ONLY, f"{app.request.side.value} reduces nothing: position {held:f}")


def _not_promised_twice(app: Application) -> Refusal | None:
    asked = app.request
    if not asked.reduce_only:
        return None
    promised = sum((o.remaining for o in app.book.orders.values() if _promises(app, o.request)), ZERO)
    size = app.book.closable(asked.side)
    if promised == ZERO or promised + asked.quantity <= size:
        return None
    return Refusal(
        Code.REDUCE_ONLY_RESTS,
        f"{asked.quantity:f} and {promised:f} resting reduce-only exceed the position {size:f}",
    )


def _promises(app: Application, other: OrderRequest) -> bool:
    counts = other.type is OrderType.LIMIT or app.account.rules.count_conditional
    return other.reduce_only and other.side is app.request.side and counts


def _one_close_position(app: Application) -> Refusal | None:
    asked = app.request
    same = (
        order
        for order in app.book.orders.values()
        if (order.request.close_position, order.request.side, order.request.type)
        == (True, asked.side, asked.type)
    )
    if not asked.close_position or next(same, None) is None:
        return None
    return Refusal(
        Code.CLOSE_POSITION_EXISTS, f"a close_position {asked.type.value} {asked.side.value} already rests"
    )


def _stop_count(app: Application) -> Refusal | None:
    resting = sum(order.request.type.conditional for order in app.book.orders.values())
    most = app.account.rules.max_conditional_orders
    if not app.request.type.conditional or resting < most:
        return None
    return Refusal(Code.TOO_MANY_STOPS, f"{resting} conditional orders rest, at most {most}")


def _bracket(app: Application) -> Refusal | None:
    asked, position = app.request, app.book.position
    if asked.exits or not app.book.opening(asked.side, asked.quantity):
        return None
    notional = abs(position.quantity + asked.quantity * asked.side.sign) * app.price
    most = app.instrument.max_notional(position.leverage)
    if notional <= most:
        return None
    return Refusal(
        Code.BRACKET, f"notional {notional:f} > {most:f}, the most at leverage {position.leverage}"
    )


def _margin(app: Application) -> Refusal | None:
    if app.request.type.conditional:  # the venue looks at the margin when it triggers
        return None
    asked = app.request
    price = asked.limit_price or app.account.slipped(app.book, asked.side, app.last)
    return margin_refusal(app.account, app.book, asked, price)


CHECKS: tuple[Check, ...] = (
    _tradable,
    _client_id,
    _complete,
    _price_grid,
    _quantity,
    _notional,
    _percent_price,
    _market_percent_price,
    _something_to_reduce,
    _not_promised_twice,
    _would_trigger,
    _maker_only,
    _one_close_position,
    _stop_count,
    _bracket,
    _margin,
)

RESTING_CHECKS: tuple[Check, ...] = (_tradable, _price_grid, _quantity, _notional, _something_to_reduce)
"""What an exchange with a trigger book of its own asks of a conditional order when it is placed."""
TRIGGERED_CHECKS: tuple[Check, ...] = (_tradable, _something_to_reduce, _bracket, _margin)
"""What it asks of the ordinary order that a trigger makes."""
