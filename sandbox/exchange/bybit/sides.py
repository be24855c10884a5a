"""Stops and targets: how they are asked for, and on which side of the price they have to be."""

from decimal import Decimal

from sandbox.exchange.bybit.asking import Call
from sandbox.exchange.bybit.keeping import Side
from sandbox.exchange.bybit.problems import Problem, bad
from sandbox.exchange.bybit.words import TRIGGER_WORDS, TRIGGERS
from sandbox.exchange.nouns import MarketView, TriggerBy

SCALE = 10_000


def side_of(call: Call, prefix: str, name: str) -> Side | None:
    """One half as asked for, None when absent or zero; `prefix` is sl or tp."""
    price = call.figure(name)
    if not price:
        return None
    by = TRIGGERS[call.choice(f"{prefix}TriggerBy", tuple(TRIGGERS), "LastPrice")]
    limit = call.figure(f"{prefix}LimitPrice")
    wants_limit = call.choice(f"{prefix}OrderType", ("Market", "Limit"), "Market") == "Limit"
    if wants_limit and not limit:
        raise bad(f"{prefix}LimitPrice invalid")
    return Side(price, by, limit if wants_limit else None)


def base_price(view: MarketView, by: TriggerBy) -> Decimal:
    """The price that triggers."""
    return view.mark if by is TriggerBy.MARK else view.last


def check_stop(stop: Side, base: Decimal, *, long: bool) -> None:
    """Raises Problem 10001 for a stop on the wrong side of the price."""
    if (stop.price >= base) if long else (stop.price <= base):
        raise _misplaced("StopLoss", stop, base, long=long, lower=long)


def check_target(target: Side, base: Decimal, *, long: bool) -> None:
    """Raises Problem 10001 for a target on the wrong side of the price."""
    if (target.price <= base) if long else (target.price >= base):
        raise _misplaced("TakeProfit", target, base, long=long, lower=not long)


def _misplaced(what: str, side: Side, base: Decimal, *, long: bool, lower: bool) -> Problem:
    word, place = ("Buy" if long else "Sell"), ("lower than" if lower else "higher than")
    return bad(
        f"{what}:{int(side.price * SCALE)} set for {word} position should {place} "
        f"base_price:{int(base * SCALE)}??{TRIGGER_WORDS[side.by]}"
    )
