"""What a conditional order is refused for when it is placed or amended, and the rules of client ids."""

from decimal import Decimal
from re import compile as pattern

from bot.domain.order import OrderType
from bot.venues.matching import Matching, OrderRequest
from bot.venues.matching.checks import RESTING_CHECKS
from bot.venues.matching.rules import Code
from sandbox.exchange.conditionals import Triggers, Waiting, covers_all, rises
from sandbox.exchange.contract import ContractMarket
from sandbox.exchange.nouns import (
    ZERO,
    ConditionalAsk,
    ExchangeOrder,
    ExchangeRules,
    Extra,
    Kind,
    Leg,
    OrderAsk,
    PositionMode,
    Refused,
    TriggerBy,
)
from sandbox.exchange.world import SIDES

TYPES = {Kind.MARKET: OrderType.MARKET, Kind.LIMIT: OrderType.LIMIT}
WITH_LIMIT = (Kind.STOP, Kind.TAKE_PROFIT)
_CLIENT_ID = pattern(r"[.A-Z:/a-z0-9_-]{1,36}")


def check_client_id(client_id: str) -> None:
    """Refused unless it can be one; empty is made up."""
    if client_id and not _CLIENT_ID.fullmatch(client_id):
        raise Refused(Code.BAD_CLIENT_ID, f"{len(client_id)} characters; allowed: 1 to 36 of A-Za-z0-9.:/_-")


def check_leg(mode: PositionMode, leg: Leg) -> None:
    """Refused when the leg does not go with the position mode."""
    if (leg is Leg.BOTH) is not (mode is PositionMode.ONE_WAY):
        raise Refused(Extra.WRONG_LEG, f"leg {leg.value} in mode {mode.value}")


def check_conditional(
    ask: ConditionalAsk, contract: ContractMarket, matching: Matching, book: Triggers, rules: ExchangeRules
) -> None:
    """Refused unless the conditional order can rest."""
    _check_prices(ask)
    if (refused := matching.refusal(resting_request(ask), RESTING_CHECKS)) is not None:
        raise Refused(refused.code.value, refused.figures)
    check_trigger(ask, contract)
    _check_single(ask, book)
    _check_counts(ask, book, rules)


def resting_request(ask: ConditionalAsk) -> OrderRequest:
    """The conditional order as the fill model's checks read it."""
    limited = ask.limit_price is not None
    return OrderRequest(
        client_id="resting",
        symbol=ask.symbol,
        side=ask.side,
        type=OrderType.LIMIT if limited else OrderType.STOP_MARKET,
        quantity=ask.quantity,
        limit_price=ask.limit_price,
        trigger_price=ask.trigger_price,
        reduce_only=ask.reduce_only or ask.with_position,
        close_position=covers_all(ask),
        leg=SIDES[ask.leg],
    )


def check_trigger(ask: ConditionalAsk, contract: ContractMarket) -> None:
    """Refused when it would trigger at once."""
    now = contract.mark if ask.trigger_by is TriggerBy.MARK else contract.last
    trigger = ask.trigger_price
    if ask.kind is Kind.TRAILING_STOP_MARKET or trigger is None:
        return
    if (trigger <= now) if rises(ask) else (trigger >= now):
        raise Refused(Code.WOULD_TRIGGER, f"trigger {trigger:f} is already reached: {ask.trigger_by} {now:f}")


def _check_prices(ask: ConditionalAsk) -> None:
    if ask.kind in (Kind.MARKET, Kind.LIMIT):
        raise Refused(Extra.WRONG_KIND, f"{ask.kind.value} is no conditional order")
    trailing = ask.kind is Kind.TRAILING_STOP_MARKET
    callback = ask.callback_rate if ask.callback_distance is None else ask.callback_distance
    wanted = callback if trailing else ask.trigger_price
    if not _positive(wanted):
        name = "callback" if trailing else "trigger_price"
        raise Refused(Code.MISSING, f"{ask.kind.value} needs a positive {name}, got {wanted}")
    if ask.kind in WITH_LIMIT and not _positive(ask.limit_price):
        raise Refused(Code.MISSING, f"{ask.kind.value} needs a positive limit_price, got {ask.limit_price}")
    if ask.kind not in WITH_LIMIT and ask.limit_price is not None:
        raise Refused(Code.NOT_WANTED, f"{ask.kind.value} takes no limit_price")
    if ask.close_all and ask.kind in (*WITH_LIMIT, Kind.TRAILING_STOP_MARKET):
        raise Refused(Code.BAD_CLOSE_POSITION, f"close_all does not go with {ask.kind.value}")


def _positive(price: Decimal | None) -> bool:
    return price is not None and price.is_finite() and price > ZERO


def _check_single(ask: ConditionalAsk, book: Triggers) -> None:
    if ask.close_all and any(_same_close(waiting, ask) for waiting in book.waiting(ask.symbol)):
        raise Refused(
            Code.CLOSE_POSITION_EXISTS, f"a close_all {ask.kind.value} {ask.side.value} already rests"
        )


def _same_close(waiting: Waiting, ask: ConditionalAsk) -> bool:
    other = waiting.conditional.ask
    return (other.close_all, other.side, other.kind, other.leg) == (True, ask.side, ask.kind, ask.leg)


def _check_counts(ask: ConditionalAsk, book: Triggers, rules: ExchangeRules) -> None:
    resting = book.waiting(ask.symbol)
    if len(resting) >= rules.max_conditional:
        raise Refused(
            Code.TOO_MANY_STOPS, f"{len(resting)} conditional orders rest, at most {rules.max_conditional}"
        )
    partial = sum(waiting.conditional.ask.partial for waiting in resting)
    if ask.partial and partial >= rules.max_partial:
        raise Refused(Extra.TOO_MANY_PARTIAL, f"{partial} partial stops rest, at most {rules.max_partial}")


def check_promises(
    ask: OrderAsk | ConditionalAsk,
    held: Decimal,
    working: list[ExchangeOrder],
    book: Triggers,
    rules: ExchangeRules,
) -> None:
    """Refused when resting reduce-only orders and stops promise more than is held (rules.count_conditional)."""
    if not (rules.count_conditional and ask.reduce_only and ask.quantity):
        return
    waiting = (one.conditional.ask for one in book.waiting(ask.symbol))
    promised = sum((one.quantity for one in waiting if _promises(one, ask)), ZERO)
    promised += sum((order.left for order in working if _promises(order.ask, ask)), ZERO)
    if promised and promised + ask.quantity > abs(held):
        raise Refused(
            Code.REDUCE_ONLY_RESTS,
            f"{ask.quantity:f} and {promised:f} resting reduce-only exceed the position {abs(held):f}",
        )


def _promises(other: OrderAsk | ConditionalAsk, ask: OrderAsk | ConditionalAsk) -> bool:
    return other.reduce_only and (other.side, other.leg) == (ask.side, ask.leg)


def order_request(ask: OrderAsk, number: int) -> OrderRequest:
    """An ordinary order as the fill model is asked for it, under its number."""
    return OrderRequest(
        client_id=str(number),
        symbol=ask.symbol,
        side=ask.side,
        type=TYPES[ask.kind],
        quantity=ask.quantity,
        limit_price=ask.price,
        reduce_only=ask.reduce_only,
        time_in_force=ask.time_in_force,
        leg=SIDES[ask.leg],
    )
