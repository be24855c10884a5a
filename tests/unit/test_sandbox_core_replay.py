"""The sandbox exchange on recorded minutes: the crash of 3 February 2025, with a stop and without one."""

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from core_kit import MINUTE_MS, D
from floor import XYZ

from bot.domain.order import OrderSide
from research.history import HistoryFeed, read_candles
from sandbox.exchange.build import ExchangeOptions, build_exchange
from sandbox.exchange.nouns import (
    ApiKey,
    ConditionalAsk,
    ConditionalStatus,
    ExchangeRules,
    Kind,
    OrderAsk,
    Origin,
    TriggerBy,
)
from sandbox.exchange.simulated import SimulatedExchange

ROOT = Path(__file__).resolve().parents[2]
MINUTES = Path(os.environ.get("QUARTERDECK_REAL_DATA", ROOT.parent / "shared" / "data")) / "candles" / "1m"
ETH = "ETHUSDT"
START_AT_MS = int(datetime(2025, 2, 3, 1, 30, tzinfo=UTC).timestamp() * 1000)

pytestmark = pytest.mark.skipif(not MINUTES.is_dir(), reason="no recorded candles: set QUARTERDECK_REAL_DATA")


def exchange() -> SimulatedExchange:
    feed = HistoryFeed(read_candles([MINUTES / f"{ETH}.parquet"]))
    contract = replace(XYZ, symbol=ETH, base="ETH", price_tick=D("0.01"), percent_price_down=D("0.5"))
    options = ExchangeOptions(candles=feed, instruments={ETH: contract}, start_at_ms=START_AT_MS)
    return build_exchange(ExchangeRules(), options, [("me", ApiKey("key", "secret"))])


def test_a_stop_saves_what_the_crash_would_liquidate() -> None:
    saved, lost = exchange(), exchange()
    for each in (saved, lost):
        each.account("me").place(OrderAsk(ETH, OrderSide.BUY, Kind.MARKET, D(3)))
    entry = saved.account("me").trades[0].price
    trigger = saved.instruments[ETH].price_below(entry * D("0.98"))
    stop = saved.account("me").place_conditional(
        ConditionalAsk(
            ETH,
            OrderSide.SELL,
            Kind.STOP_MARKET,
            trigger_price=trigger,
            close_all=True,
            trigger_by=TriggerBy.MARK,
        )
    )
    for each in (saved, lost):
        each.advance(START_AT_MS + 60 * MINUTE_MS)
    assert stop.status is ConditionalStatus.FINISHED
    assert [trade.origin for trade in saved.account("me").trades] == [Origin.CLIENT, Origin.TRIGGER]
    assert trigger * D("0.99") < saved.account("me").trades[1].price <= trigger
    assert [trade.origin for trade in lost.account("me").trades] == [Origin.CLIENT, Origin.LIQUIDATION]
    margin = lost.account("me").trades[0].price * 3 / 20
    lost_money = 10_000 - lost.account("me").funds().wallet
    assert abs(lost_money - margin) < 5  # the isolated margin and the entry's fee, no more
    assert saved.account("me").funds().wallet > lost.account("me").funds().wallet


def test_the_recorded_candles_come_out_as_they_went_in() -> None:
    played = exchange()
    played.account("me").place(OrderAsk(ETH, OrderSide.BUY, Kind.MARKET, D("0.1")))
    played.advance(START_AT_MS + 60 * MINUTE_MS)
    source = HistoryFeed(read_candles([MINUTES / f"{ETH}.parquet"])).window(
        ETH, START_AT_MS + 59 * MINUTE_MS, 60
    )
    told = played.klines(ETH, "1m", 60, end_ms=START_AT_MS + 59 * MINUTE_MS)
    rows = [tuple(map(float, (one.open, one.high, one.low, one.close, one.volume))) for one in told]
    columns = (source.open, source.high, source.low, source.close, source.volume)
    assert rows == list(zip(*(column.tolist() for column in columns), strict=True))
    assert min(one.low for one in told) < D("0.9") * told[0].open
