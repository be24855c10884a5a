"""The life of an order as its table has it, and the ids by which we know our own orders."""

import re
from dataclasses import replace
from itertools import product

import pytest
from desk_story import SHORT, D, Desk

from bot.domain.action import RecordOrder
from bot.domain.fill import Fill
from bot.domain.order import (
    FINAL,
    TRANSITIONS,
    Approved,
    CloseReason,
    Intent,
    Order,
    OrderSide,
    OrderStatus,
    OrderType,
    Purpose,
    client_order_id,
    instance_prefix,
)
from bot.engine import orders
from bot.engine.state import KEPT_ORDERS, SymbolState
from bot.engine.turn import Turn

S = OrderStatus
PAIRS = list(product(OrderStatus, OrderStatus))
ALLOWED = [(old, new) for old, new in PAIRS if new in TRANSITIONS[old]]
STALE = [(old, new) for old, new in PAIRS if new not in TRANSITIONS[old]]
INTENT = Intent("XYZ", OrderSide.BUY, Purpose.ENTRY, OrderType.MARKET, D(10), "XYZ:1700000000000")


def turn() -> tuple[Turn, SymbolState]:
    desk = Desk()
    return Turn(desk.state, desk.at_ms + 7), desk.of()


def order(status: OrderStatus) -> Order:
    return Order("qd1", INTENT, "entry", status, 1, 2, note="before", venue_id="v1")


def test_the_table_names_every_status() -> None:
    assert set(TRANSITIONS) == set(OrderStatus)
    assert {s for s in OrderStatus if s.final} == FINAL == {S.FILLED, S.CANCELLED, S.REJECTED, S.EXPIRED}
    assert all(status.live is not status.final for status in OrderStatus)


def test_filled_is_final_and_intended_is_never_come_back_to() -> None:
    assert TRANSITIONS[S.FILLED] == frozenset()
    assert all(S.INTENDED not in after for after in TRANSITIONS.values())


def test_after_its_end_an_order_can_only_turn_out_to_have_been_filled() -> None:
    for status in FINAL - {S.FILLED}:
        assert TRANSITIONS[status] == {S.PARTIALLY_FILLED, S.FILLED}


@pytest.mark.parametrize("old, new", ALLOWED)
def test_what_the_table_allows_is_applied_and_recorded(old: OrderStatus, new: OrderStatus) -> None:
    now, symbol = turn()
    before = order(old)
    orders.keep(symbol, before)
    moved = orders.advance(now, symbol, before, new, "-2019", "v2")
    if old is new:
        assert (moved, now.actions) == (before, [])  # PARTIALLY_FILLED again: fills tell more, not the status
        return
    assert moved == replace(before, status=new, updated_at_ms=now.at_ms, note="-2019", venue_id="v2")
    assert now.actions == [RecordOrder(moved)]
    home, other = (symbol.orders, symbol.past_orders) if new.live else (symbol.past_orders, symbol.orders)
    assert (home["qd1"], "qd1" in other) == (moved, False)


@pytest.mark.parametrize("old, new", STALE)
def test_what_the_table_does_not_allow_is_ignored(old: OrderStatus, new: OrderStatus) -> None:
    now, symbol = turn()
    before = order(old)
    orders.keep(symbol, before)
    assert orders.advance(now, symbol, before, new, "-2019", "v2") is before
    assert now.actions == []
    assert orders.find(symbol, "qd1") is before


def test_what_is_not_said_anew_stays() -> None:
    now, symbol = turn()
    moved = orders.advance(now, symbol, order(S.INTENDED), S.WORKING)
    assert (moved.note, moved.venue_id) == ("before", "v1")


def fill(quantity: str, price: str = "100") -> Fill:
    return Fill("t1", "XYZ", OrderSide.BUY, D(quantity), D(price), D(0), 5, "qd1", "v9")


@pytest.mark.parametrize(
    "old, quantity, new",
    [
        (S.INTENDED, "10", S.FILLED),
        (S.INTENDED, "4", S.PARTIALLY_FILLED),
        (S.WORKING, "4", S.PARTIALLY_FILLED),
        (S.PARTIALLY_FILLED, "4", S.PARTIALLY_FILLED),
        (S.UNKNOWN, "4", S.PARTIALLY_FILLED),
        (S.UNKNOWN, "10", S.FILLED),
        (S.CANCELLED, "4", S.CANCELLED),  # it happened before the end
        (S.CANCELLED, "10", S.FILLED),
        (S.EXPIRED, "4", S.EXPIRED),
        (S.REJECTED, "10", S.FILLED),
        (S.FILLED, "10", S.FILLED),
    ],
)
def test_every_fill_counts_whatever_the_status(old: OrderStatus, quantity: str, new: OrderStatus) -> None:
    now, symbol = turn()
    moved = orders.count_fill(now, symbol, order(old), fill(quantity))
    assert (moved.status, moved.filled, moved.venue_id) == (new, D(quantity), "v9")
    assert now.actions == [RecordOrder(moved)]


def test_fills_make_an_average() -> None:
    now, symbol = turn()
    first = orders.count_fill(now, symbol, order(S.WORKING), fill("4", "100"))
    whole = orders.count_fill(now, symbol, first, fill("6", "110"))
    assert (first.remaining, whole.remaining, whole.average_price) == (6, 0, 106)
    assert (first.status, whole.status) == (S.PARTIALLY_FILLED, S.FILLED)


def test_past_orders_are_kept_and_bounded() -> None:
    _, symbol = turn()
    for number in range(KEPT_ORDERS + 5):
        orders.keep(symbol, replace(order(S.FILLED), client_id=f"qd{number}"))
    assert len(symbol.past_orders) == KEPT_ORDERS
    assert "qd4" not in symbol.past_orders
    assert "qd5" in symbol.past_orders


ACCOUNT = "paper:test:story"
ID = client_order_id(ACCOUNT, INTENT)


def test_an_id_is_the_same_for_ever() -> None:
    assert ID == "qd7581-e906eb090c3a27298a8c8042e"
    assert client_order_id(ACCOUNT, replace(INTENT)) == ID


def test_an_id_fits_every_venue() -> None:
    long = replace(INTENT, symbol="币安人生USDT" * 20, decision_id="x" * 500, attempt=10**9)
    for client_id in (ID, client_order_id("binance:live:" + "m" * 300, long)):
        assert re.fullmatch(r"[a-zA-Z0-9-]{1,36}", client_id)
    assert {client_order_id(ACCOUNT, replace(INTENT, purpose=p))[7] for p in Purpose} == set("estc")


@pytest.mark.parametrize(
    "changed",
    [
        {"symbol": "XYZ2"},
        {"decision_id": "XYZ:1700000900000"},
        {"purpose": Purpose.CLOSE},
        {"attempt": 1},
    ],
)
def test_each_part_makes_another_id(changed: dict[str, object]) -> None:
    assert client_order_id(ACCOUNT, replace(INTENT, **changed)) != ID  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changed",
    [
        {"quantity": D(3)},
        {"side": OrderSide.SELL},
        {"limit_price": D(3)},
        {"expected_price": D(3)},
        {"reason": CloseReason.TP},
    ],
)
def test_what_is_no_part_makes_no_other_id(changed: dict[str, object]) -> None:
    assert client_order_id(ACCOUNT, replace(INTENT, **changed)) == ID  # type: ignore[arg-type]


def test_accounts_have_prefixes_of_their_own() -> None:
    accounts = ["paper:test:story", "paper:test:other", "binance:live:story", "bybit:live:story"]
    prefixes = {instance_prefix(account) for account in accounts}
    assert len(prefixes) == len(accounts)
    assert all(re.fullmatch(r"qd[0-9a-f]{4}-", prefix) for prefix in prefixes)
    assert ID.startswith(instance_prefix(ACCOUNT))


def test_every_exit_of_one_moment_has_its_own_id() -> None:
    desk = Desk()
    desk.enter("XYZ", SHORT, stop=105, target=90)
    sent = [a.order.client_id for a in desk.actions if hasattr(a, "order") and a.order.status is S.INTENDED]
    assert len(sent) == len(set(sent)) == 3


def test_an_order_begins_as_intended_under_its_rules_name() -> None:
    now, symbol = turn()
    sent = orders.send(now, symbol, Approved(INTENT, "entry"))
    assert (sent.status, sent.rule_set, sent.filled) == (S.INTENDED, "entry", 0)
    assert symbol.orders[sent.client_id] is sent
