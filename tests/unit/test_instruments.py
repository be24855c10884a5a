"""Instruments from exchangeInfo-shaped files: the recorded ones, and everything that may be wrong with one."""

import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.domain.errors import ConfigError
from bot.domain.instrument import Instrument
from bot.domain.signal import Side
from bot.venues.instruments import Extras, free_instrument, load_instruments, read_instruments
from sandbox.market import exchange_info

ROOT = Path(__file__).resolve().parents[2]
REAL = Path(os.environ.get("QUARTERDECK_REAL_DATA", ROOT.parent / "shared" / "data")) / "fixtures" / "binance"
BRACKETS = REAL / "fapi_leverageBracket_2026-09_from_freqtrade.json"
real_data = pytest.mark.skipif(
    not REAL.is_dir(), reason="no recorded exchangeInfo: set QUARTERDECK_REAL_DATA"
)


def row(**changes: Any) -> dict[str, Any]:
    symbol = {
        "symbol": "XYZUSDT",
        "contractType": "PERPETUAL",
        "status": "TRADING",
        "baseAsset": "XYZ",
        "quoteAsset": "USDT",
        "marginAsset": "USDT",
        "requiredMarginPercent": "5.0000",
        "maintMarginPercent": "2.5000",
        "filters": [
            {"filterType": "PRICE_FILTER", "tickSize": "0.0010"},
            {"filterType": "LOT_SIZE", "minQty": "0.1", "maxQty": "1000", "stepSize": "0.1"},
            {"filterType": "MARKET_LOT_SIZE", "minQty": "0.1", "maxQty": "250", "stepSize": "0.1"},
            {"filterType": "MIN_NOTIONAL", "notional": "5"},
            {"filterType": "PERCENT_PRICE", "multiplierUp": "1.0500", "multiplierDown": "0.9500"},
        ],
    }
    return symbol | changes


def with_filter(kind: str, **changes: str) -> dict[str, Any]:
    filters = [one | changes if one["filterType"] == kind else one for one in row()["filters"]]
    return row(filters=filters)


def read(*rows: dict[str, Any], extras: Extras | None = None) -> dict[str, Instrument]:
    return read_instruments({"symbols": list(rows)}, extras)


def test_every_rule_is_taken_over() -> None:
    one = read(row())["XYZUSDT"]
    assert (one.base, one.quote, one.tradable) == ("XYZ", "USDT", True)
    assert (one.price_tick, one.quantity_step) == (Decimal("0.001"), Decimal("0.1"))
    assert (one.min_quantity, one.max_quantity, one.max_market_quantity) == (
        Decimal("0.1"),
        Decimal(1000),
        Decimal(250),
    )
    assert one.min_notional == 5
    assert (one.percent_price_up, one.percent_price_down) == (Decimal("1.05"), Decimal("0.95"))
    assert (one.taker_fee, one.maker_fee) == (Decimal("0.0004"), Decimal("0.0002"))
    assert one.funding_interval_hours == 8


def test_without_brackets_the_margin_percentages_serve() -> None:
    (bracket,) = read(row())["XYZUSDT"].brackets
    assert (bracket.max_leverage, bracket.maintenance_rate) == (20, Decimal("0.025"))


def test_extras() -> None:
    rungs = [
        {"initialLeverage": 50, "notionalCap": 5000.0, "maintMarginRatio": 0.015, "cum": 0.0},
        {"initialLeverage": 25, "notionalCap": 10000.0, "maintMarginRatio": 0.02, "cum": 25.0},
    ]
    extras = Extras(
        brackets=[{"symbol": "XYZUSDT", "brackets": rungs}],
        fees=[{"symbol": "XYZUSDT", "makerCommissionRate": "0.00018", "takerCommissionRate": "0.00045"}],
        funding=[{"symbol": "XYZUSDT", "fundingIntervalHours": 4}],
    )
    one = read(row(), extras=extras)["XYZUSDT"]
    assert (one.taker_fee, one.maker_fee) == (Decimal("0.00045"), Decimal("0.00018"))
    assert one.funding_interval_hours == 4
    assert one.max_notional(30) == 5000
    assert one.maintenance_margin(Decimal(8000)) == Decimal(135)  # 8000 x 0.02 - 25


@pytest.mark.parametrize(
    "changes",
    [
        {"contractType": "CURRENT_QUARTER"},
        {"contractType": "TRADIFI_PERPETUAL"},
        {"contractType": ""},
        {"quoteAsset": "USDC", "marginAsset": "USDC"},
        {"marginAsset": "BTC"},
    ],
)
def test_other_contracts_are_left_out(changes: dict[str, str]) -> None:
    assert list(read(row(symbol="OTHER", **changes), row())) == ["XYZUSDT"]


@pytest.mark.parametrize("status", ["PENDING_TRADING", "SETTLING", "PRE_SETTLE", "BREAK", ""])
def test_what_does_not_trade_is_marked(status: str) -> None:
    assert not read(row(status=status))["XYZUSDT"].tradable


@pytest.mark.parametrize("kind, key", [("PRICE_FILTER", "tickSize"), ("LOT_SIZE", "stepSize")])
def test_a_zero_grid_is_unusable(kind: str, key: str) -> None:
    assert read(with_filter(kind, **{key: "0"})) == {}


def test_a_zero_minimum_means_one_step() -> None:
    assert read(with_filter("LOT_SIZE", minQty="0"))["XYZUSDT"].min_quantity == Decimal("0.1")


@pytest.mark.parametrize(
    "document, line",
    [
        ([], "no list under `symbols`"),
        ({"code": -1003, "msg": "Too many requests"}, "no list under `symbols`"),
        ({"symbols": {}}, "no list under `symbols`"),
        ({"symbols": ["XYZUSDT"]}, "entry 0 has no symbol"),
        ({"symbols": [row(symbol=7)]}, "entry 0 has no symbol"),
        ({"symbols": [row(filters=None)]}, "XYZUSDT: filter LOT_SIZE is missing"),
        ({"symbols": [row(filters=row()["filters"][:3])]}, "XYZUSDT: filter PERCENT_PRICE is missing"),
        (
            {"symbols": [with_filter("LOT_SIZE", maxQty="lots")]},
            "XYZUSDT LOT_SIZE: maxQty is 'lots', not a number",
        ),
        (
            {"symbols": [with_filter("PRICE_FILTER", tickSize="NaN")]},
            "tickSize is 'NaN'; allowed: zero or more",
        ),
        (
            {"symbols": [with_filter("MIN_NOTIONAL", notional="-5")]},
            "notional is '-5'; allowed: zero or more",
        ),
    ],
)
def test_broken_exchange_info_is_one_line(document: object, line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_instruments(document, source="info.json")
    assert str(caught.value).startswith("info.json: ")
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "extras, line",
    [
        (Extras(brackets={}), "leverageBracket: expected a list"),
        (Extras(brackets=[{"symbol": "A", "brackets": []}]), "leverageBracket: A: no brackets"),
        (Extras(brackets=[{"symbol": "A", "brackets": [{"cum": 0}]}]), "notionalCap is None, not a number"),
        (Extras(fees=[{"symbol": "XYZUSDT"}]), "commissionRate: XYZUSDT: takerCommissionRate is None"),
        (Extras(funding=[{"symbol": "XYZUSDT", "fundingIntervalHours": 7}]), "is 7; allowed: divisors of 24"),
    ],
)
def test_broken_extras_are_one_line(extras: Extras, line: str) -> None:
    with pytest.raises(ConfigError, match=line):
        read(row(), extras=extras)


def test_brackets_must_rise() -> None:
    rung = {"initialLeverage": 50, "notionalCap": 5000, "maintMarginRatio": 0.015, "cum": 0}
    with pytest.raises(ConfigError, match="does not rise"):
        read(row(), extras=Extras(brackets=[{"symbol": "XYZUSDT", "brackets": [rung, rung]}]))


def test_unreadable_files_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_instruments(tmp_path / "missing.json")
    torn = tmp_path / "torn.json"
    torn.write_text(json.dumps({"symbols": [row()]})[:40])
    with pytest.raises(ConfigError, match="is no JSON"):
        load_instruments(torn)
    torn.write_bytes(b"\xff\xfe{}")
    with pytest.raises(ConfigError, match="is no JSON"):
        load_instruments(torn)


def test_a_free_instrument_rounds_nothing() -> None:
    free, odd = free_instrument("XYZUSDT"), Decimal("123.4567890123456789")
    assert free.base == "XYZ"
    assert (
        free.quantity_down(odd)
        == free.price_nearest(odd)
        == free.price_below(odd)
        == free.price_above(odd)
        == odd
    )
    assert free.stop_price(Side.LONG, odd) == free.target_price(Side.SHORT, odd) == odd


@real_data
@pytest.mark.parametrize(
    "name, listed, tradable",
    [
        ("fapi_MAINNET_exchangeInfo_2021-07-21_122symbols.json", 117, 117),
        ("fapi_MAINNET_exchangeInfo_2025-08-07_25symbols.json", 25, 25),
        ("fapi_TESTNET_exchangeInfo_2025-11-26.json", 599, 514),
        ("fapi_TESTNET_exchangeInfo_2025-12-24.json", 608, 516),
        ("fapi_TESTNET_exchangeInfo_2026-03-31_reserialised.json", 633, 531),
    ],
)
def test_recorded_files_are_read(name: str, listed: int, tradable: int) -> None:
    found = load_instruments(REAL / name, BRACKETS)
    assert (len(found), sum(one.tradable for one in found.values())) == (listed, tradable)
    bitcoin = found["BTCUSDT"]
    assert bitcoin.brackets[0].max_leverage == 150
    assert bitcoin.max_notional(100) == 800_000
    assert bitcoin.maintenance_margin(Decimal(1_000_000)) == 5000  # 1e6 x 0.0065 - 1500


@real_data
def test_recorded_brackets_join_without_a_step() -> None:
    """At every boundary both brackets ask for the same maintenance margin (a few rates are rounded)."""
    for one in load_instruments(REAL / "fapi_TESTNET_exchangeInfo_2025-11-26.json", BRACKETS).values():
        for lower, upper in zip(one.brackets, one.brackets[1:], strict=False):
            cap = lower.notional_cap
            below = cap * lower.maintenance_rate - lower.maintenance_amount
            above = cap * upper.maintenance_rate - upper.maintenance_amount
            assert abs(below - above) <= Decimal("0.01") * below, one.symbol


@pytest.mark.parametrize("hostile", ["NaN", "-1", "1e-999999", "1e999999", "0." + "1" * 5000, "", None])
def test_a_contract_that_cannot_be_read_is_left_out_when_asked_so(hostile: object) -> None:
    info = exchange_info(["BTCUSDT", "ETHUSDT"])
    rows: Any = info["symbols"]
    rows[0]["filters"][0]["tickSize"] = hostile
    said: list[str] = []
    assert list(read_instruments(info, unreadable=said.append)) == ["ETHUSDT"]
    assert [line.startswith("exchangeInfo: BTCUSDT PRICE_FILTER: tickSize") for line in said] == [True]
    with pytest.raises(ConfigError):
        read_instruments(info)
