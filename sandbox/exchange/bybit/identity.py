"""Bybit's order ids. A conditional order and what it becomes are one order there; here they are two, under one id."""

from sandbox.exchange.core import ExchangeAccount
from sandbox.exchange.nouns import Conditional, ExchangeOrder

ORDINARY = "0a000000-0000-4000-8000-"
CONDITIONAL = "0c000000-0000-4000-8000-"
EXECUTION = "0e000000-0000-5000-8000-"


def ordinary_uid(order_id: int) -> str:
    """The id of an order that was never conditional."""
    return f"{ORDINARY}{order_id:012x}"


def conditional_uid(conditional_id: int) -> str:
    """The id of a conditional order and of the order it becomes."""
    return f"{CONDITIONAL}{conditional_id:012x}"


def execution_uid(number: int, kind: str = EXECUTION) -> str:
    """The id of an execution."""
    return f"{kind}{number:012x}"


def order_uid(order: ExchangeOrder) -> str:
    """The id of an ordinary order: its parent's where it has one."""
    return conditional_uid(order.parent) if order.parent else ordinary_uid(order.order_id)


def number_of(uid: str, prefix: str) -> int:
    """The core's number in an id of ours, 0 when it is none."""
    try:
        return int(uid.removeprefix(prefix), 16) if uid.startswith(prefix) else 0
    except ValueError:
        return 0


def child_of(account: ExchangeAccount, conditional: Conditional) -> ExchangeOrder | None:
    """The ordinary order that a conditional one became."""
    if not conditional.child:
        return None
    return account.find(conditional.ask.symbol, order_id=conditional.child)


def parent_of(account: ExchangeAccount, order: ExchangeOrder) -> Conditional | None:
    """The conditional order that an ordinary one came from."""
    return account.find_conditional(order.parent) if order.parent else None
