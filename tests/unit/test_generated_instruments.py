"""The rules of generated contracts, read by the product's own reader of exchangeInfo-shaped files."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from bot.domain.instrument import Instrument
from bot.venues.instruments import Extras, load_instruments, read_instruments
from sandbox.market import GeneratedMarket, exchange_info, funding_info, leverage_brackets, listings


def instruments(symbols: int) -> dict[str, Instrument]:
    extras = Extras(brackets=leverage_brackets(symbols), funding=funding_info(symbols))
    return read_instruments(exchange_info(symbols), extras)


def test_rules_say_what_the_listing_says() -> None:
    read = instruments(8)
    assert list(read) == sorted(row.symbol for row in listings(8))
    btc, eth, xrp = read["BTCUSDT"], read["ETHUSDT"], read["XRPUSDT"]
    assert (btc.price_tick, btc.quantity_step, btc.min_notional) == (
        Decimal("0.1"),
        Decimal("0.001"),
        Decimal(100),
    )
    assert (eth.min_notional, xrp.min_notional) == (Decimal(20), Decimal(5))
    assert (btc.max_leverage, eth.max_leverage, xrp.max_leverage) == (125, 100, 75)
    assert btc.max_quantity > btc.max_market_quantity > btc.min_quantity
    assert all(one.tradable and one.funding_interval_hours == 8 for one in read.values())


def test_six_hundred_contracts_can_be_read() -> None:
    read = instruments(600)
    assert len(read) == 600
    assert {one.funding_interval_hours for one in read.values()} == {4, 8}
    for one in read.values():
        assert one.price_tick > 0
        assert one.min_quantity == one.quantity_step
        assert one.max_market_quantity <= one.max_quantity


@pytest.mark.parametrize("symbol", [row.symbol for row in listings(30)])
def test_brackets_rise_without_a_jump_in_margin(symbol: str) -> None:
    """Leverage falls, caps and rates rise, and the maintenance margin is continuous where brackets meet."""
    one = instruments(30)[symbol]
    for lower, upper in zip(one.brackets, one.brackets[1:], strict=False):
        assert lower.max_leverage > upper.max_leverage
        assert lower.notional_cap < upper.notional_cap
        assert lower.maintenance_rate < upper.maintenance_rate
        at_cap = lower.notional_cap * lower.maintenance_rate - lower.maintenance_amount
        assert at_cap == lower.notional_cap * upper.maintenance_rate - upper.maintenance_amount
        assert lower.maintenance_rate < Decimal(1) / lower.max_leverage
    assert one.brackets[-1].max_leverage == 1


def test_smallest_order_is_affordable_at_the_listed_price() -> None:
    """One step costs about the smallest notional at most (BNB's is 5.80 to 5, as on the real venue)."""
    for row in listings(300):
        assert float(row.step) * row.price < 1.2 * row.min_notional, row.symbol


def test_ticks_are_fine_enough_to_trade() -> None:
    """A tick is a tenth to ten basis points of the price, as on the real venue."""
    for row in listings(300):
        assert 1e-7 < float(row.tick) / row.price < 1.1e-3, row.symbol


def test_answers_are_plain_json(tmp_path: Path) -> None:
    rules, brackets = tmp_path / "exchangeInfo.json", tmp_path / "leverageBracket.json"
    rules.write_text(json.dumps(exchange_info(12, server_time_ms=1)), encoding="utf-8")
    brackets.write_text(json.dumps(leverage_brackets(12)), encoding="utf-8")
    assert dict(load_instruments(rules, brackets)) == read_instruments(
        exchange_info(12), Extras(brackets=leverage_brackets(12))
    )


def test_names_given_and_counted_are_the_same() -> None:
    names = GeneratedMarket(1, 5).symbols
    assert exchange_info(names) == exchange_info(5)
    assert leverage_brackets(names) == leverage_brackets(5)
    assert funding_info(names) == funding_info(5)


def test_prices_and_quantities_are_texts_as_on_the_venue() -> None:
    (btc,) = json.loads(json.dumps(exchange_info(("BTCUSDT",))))["symbols"]
    filters = {row["filterType"]: row for row in btc["filters"]}
    assert filters["PRICE_FILTER"]["tickSize"] == "0.1"
    assert filters["LOT_SIZE"] == {
        "filterType": "LOT_SIZE",
        "minQty": "0.001",
        "maxQty": "200",
        "stepSize": "0.001",
    }
    assert filters["MIN_NOTIONAL"]["notional"] == "100"
    assert btc["pricePrecision"] == 1
