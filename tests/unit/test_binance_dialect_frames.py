"""Frames of Binance's streams: what they tell, whose fills they are whichever frame comes first."""

import logging
from decimal import Decimal
from typing import Any

import pytest
from binance_dialect_kit import ENTRY, NOW, STOP, SYMBOL, algo_row, order_row, scripted
from binance_frames import (
    BOOK,
    CONTINUOUS,
    KEY_EXPIRED,
    KLINE,
    LEVERAGE,
    MARGIN_CALL,
    MARK,
    MINI,
    MULTI_ASSETS,
    TRADE_LITE,
    TRIGGER_REJECT,
    account_frame,
    algo_frame,
    fill_frame,
    order_frame,
)

from bot.domain.event import Filled, FundingPaid, NoticeRaised, OrderUpdated, WalletSeen
from bot.domain.fill import Fill
from bot.domain.market import HOUR_MS, Candle, FundingRate
from bot.domain.notice import NoticeKind, Severity
from bot.domain.order import OrderSide, OrderStatus
from bot.venues.binance import BinanceDialect
from bot.venues.binance.trades import payment_id
from bot.venues.ccxt_venue.dialect import FrozenSettings, KlineSeen, PriceSeen, StreamEnded


@pytest.fixture
def dialect() -> BinanceDialect:
    return scripted()[0]


def fills(news: Any) -> list[Fill]:
    return [one.fill for one in news if isinstance(one, Filled)]


def updates(news: Any) -> list[OrderUpdated]:
    return [one for one in news if isinstance(one, OrderUpdated)]


def test_a_fill_comes_before_the_update_that_the_order_is_filled(dialect: BinanceDialect) -> None:
    told, filled = dialect.private_news(fill_frame(), NOW)
    assert told == Filled(
        NOW,
        Fill(
            trade_id="7",
            symbol=SYMBOL,
            side=OrderSide.BUY,
            quantity=Decimal("0.010"),
            price=Decimal("50000.5"),
            fee=Decimal("0.25"),
            at_ms=NOW,
            client_id="qd0001-e1",
            venue_order_id="11",
        ),
    )
    assert filled == OrderUpdated(
        NOW, "qd0001-e1", "11", SYMBOL, OrderStatus.FILLED, Decimal("0.010"), Decimal("50000.5")
    )


@pytest.mark.parametrize(
    "word, status",
    [
        ("NEW", OrderStatus.WORKING),
        ("CANCELED", OrderStatus.CANCELLED),
        ("EXPIRED", OrderStatus.EXPIRED),
        ("EXPIRED_IN_MATCH", OrderStatus.EXPIRED),
        ("REJECTED", OrderStatus.REJECTED),
    ],
)
def test_order_states(dialect: BinanceDialect, word: str, status: OrderStatus) -> None:
    (update,) = dialect.private_news(order_frame(word, word, z="0.003", ap="1.5"), NOW)
    assert isinstance(update, OrderUpdated)
    assert (update.status, update.filled, update.average_price) == (status, Decimal("0.003"), Decimal("1.5"))
    assert update.code == ("" if status is OrderStatus.WORKING else word)


def test_maker_fees_and_their_asset(dialect: BinanceDialect) -> None:
    (fill,) = fills(dialect.private_news(fill_frame(m=True, N="BNB", n="0.0001"), NOW))
    assert (fill.maker, fill.fee_asset, fill.fee) == (True, "BNB", Decimal("0.0001"))


@pytest.mark.parametrize("own", ["autoclose-12", "adl_autoclose", "settlement_autoclose-3"])
def test_liquidations_and_deleveraging_are_marked(dialect: BinanceDialect, own: str) -> None:
    news = dialect.private_news(fill_frame(c=own, x="CALCULATED", S="SELL"), NOW)
    (fill,) = fills(news)
    assert (fill.liquidation, fill.client_id) == (True, "")
    assert updates(news) == []


def test_a_frame_of_the_future_does_not_set_the_clock(dialect: BinanceDialect) -> None:
    (told, _) = dialect.private_news(fill_frame() | {"T": NOW + 400}, NOW)
    assert isinstance(told, Filled)
    assert told.at_ms == NOW + 400
    (told, _) = dialect.private_news(fill_frame() | {"T": NOW + 86_400_000}, NOW)
    assert isinstance(told, Filled)
    assert told.at_ms == NOW


# Conditional orders


@pytest.mark.parametrize(
    "state, status",
    [
        ("NEW", OrderStatus.WORKING),
        ("TRIGGERING", OrderStatus.WORKING),
        ("TRIGGERED", OrderStatus.WORKING),
        ("CANCELED", OrderStatus.CANCELLED),
        ("REJECTED", OrderStatus.REJECTED),
        ("EXPIRED", OrderStatus.EXPIRED),
    ],
)
def test_conditional_states(dialect: BinanceDialect, state: str, status: OrderStatus) -> None:
    (update,) = dialect.private_news(algo_frame(state, rm="Reduce Only reject"), NOW)
    assert isinstance(update, OrderUpdated)
    assert (update.client_id, update.status) == ("qd0001-s1", status)
    assert update.code == ("" if status is OrderStatus.WORKING else "Reduce Only reject")


def test_finished_is_filled_or_not(dialect: BinanceDialect) -> None:
    (update,) = updates(dialect.private_news(algo_frame("FINISHED", ai="77", aq="0.010", ap="48990"), NOW))
    assert (update.status, update.filled, update.venue_id) == (OrderStatus.FILLED, Decimal("0.010"), "77")
    (update,) = updates(dialect.private_news(algo_frame("FINISHED", ai="78", aq="0", ap="0"), NOW))
    assert (update.status, update.code) == (OrderStatus.EXPIRED, "its order was cancelled")
    (update,) = updates(dialect.private_news(algo_frame("FINISHED", ai="79", aq="0.004"), NOW))
    assert (update.status, update.filled) == (OrderStatus.EXPIRED, Decimal("0.004"))
    (update,) = updates(
        dialect.private_news(algo_frame("FINISHED", ai="80", aq="0.004", q="0", cp=True), NOW)
    )
    assert update.status is OrderStatus.FILLED


@pytest.mark.parametrize("own", ["qd0001-s1", "made-by-venue"], ids=["our id", "an id of its own"])
def test_a_stops_fill_is_the_stops(dialect: BinanceDialect, own: str) -> None:
    dialect.private_news(algo_frame("TRIGGERING"), NOW)
    dialect.private_news(algo_frame("TRIGGERED", ai="77"), NOW)
    news = dialect.private_news(fill_frame(c=own, i=77, S="SELL"), NOW)
    (fill,) = fills(news)
    (update,) = updates(news)
    assert (fill.client_id, fill.venue_order_id) == ("qd0001-s1", "77")
    assert (update.client_id, update.status) == ("qd0001-s1", OrderStatus.FILLED)


@pytest.mark.parametrize(
    "before", [[algo_frame("TRIGGERING")], []], ids=["triggering was told", "nothing was told"]
)
def test_a_stops_fill_waits_for_the_news_whose_it_is(dialect: BinanceDialect, before: list[Any]) -> None:
    for frame in before:
        dialect.private_news(frame, NOW)
    kinds = {} if before else {"ot": "STOP_MARKET", "o": "MARKET"}
    assert dialect.private_news(fill_frame(c="made-by-venue", i=77, S="SELL", **kinds), NOW) == []
    news = dialect.private_news(algo_frame("TRIGGERED", ai="77"), NOW)
    (fill,) = fills(news)
    assert fill.client_id == "qd0001-s1"
    assert [one.client_id for one in updates(news)] == ["qd0001-s1", "qd0001-s1"]
    assert dialect.private_news(algo_frame("TRIGGERED", ai="77"), NOW) == updates(news)[-1:], "told once"


def test_what_nobody_claims_is_told_as_it_came(dialect: BinanceDialect) -> None:
    dialect.private_news(algo_frame("TRIGGERING"), NOW)
    assert dialect.private_news(fill_frame(c="web_1", i=78, S="SELL"), NOW) == []
    assert fills(dialect.private_news(account_frame(), NOW + 1_000)) == []
    (fill,) = fills(dialect.private_news(account_frame(), NOW + 2_000))
    assert fill.client_id == "web_1"


def test_a_persons_close_does_not_wait(dialect: BinanceDialect) -> None:
    dialect.private_news(algo_frame("NEW"), NOW)
    (fill,) = fills(dialect.private_news(fill_frame(c="web_1", i=78, S="SELL", R=True), NOW))
    assert fill.client_id == "web_1"


def test_frames_that_wait_do_not_pile_up(dialect: BinanceDialect) -> None:
    told = []
    for number in range(1, 81):
        frame = fill_frame(number, c=f"x{number}", i=1000 + number, ot="STOP_MARKET")
        told += fills(dialect.private_news(frame, NOW))
    assert [fill.trade_id for fill in told] == [str(n) for n in range(1, 31)]


async def test_our_own_orders_never_wait() -> None:
    dialect, _ = scripted(
        {
            "fapiPrivatePostOrder": (200, order_row()),
            "fapiPrivatePostAlgoOrder": (200, algo_row()),
        }
    )
    await dialect.submit(ENTRY)
    await dialect.submit(STOP)
    dialect.private_news(algo_frame("TRIGGERING"), NOW)
    assert len(fills(dialect.private_news(fill_frame(S="SELL"), NOW))) == 1
    assert (
        len(fills(dialect.private_news(fill_frame(9, c="qd0001-s1", i=77, S="SELL", ot="STOP_MARKET"), NOW)))
        == 1
    )


def test_a_trigger_that_was_refused(dialect: BinanceDialect) -> None:
    assert dialect.private_news(TRIGGER_REJECT, NOW) == []
    dialect.private_news(algo_frame("TRIGGERED", ai="77"), NOW)
    (update,) = updates(dialect.private_news(TRIGGER_REJECT, NOW))
    assert (update.client_id, update.status) == ("qd0001-s1", OrderStatus.REJECTED)


# The account


def test_the_wallet_is_seen(dialect: BinanceDialect) -> None:
    assert dialect.private_news(account_frame(), NOW) == [WalletSeen(NOW, Decimal("9999.75"))]


def test_funding_has_the_id_that_the_income_list_gives(dialect: BinanceDialect) -> None:
    at_ms = NOW // HOUR_MS * HOUR_MS + 1_250
    frame = account_frame("FUNDING_FEE", "-0.5", SYMBOL) | {"T": at_ms}
    paid, wallet = dialect.private_news(frame, at_ms)
    assert paid == FundingPaid(at_ms, SYMBOL, Decimal("-0.5"), Decimal(0), payment_id(SYMBOL, at_ms - 1_250))
    assert isinstance(wallet, WalletSeen)


@pytest.mark.parametrize("symbols", [(), (SYMBOL, "ETHUSDT")], ids=["crossed", "several"])
def test_funding_of_nobody_in_particular_waits_for_the_snapshot(
    dialect: BinanceDialect, symbols: tuple[str, ...]
) -> None:
    (wallet,) = dialect.private_news(account_frame("FUNDING_FEE", "-0.5", *symbols), NOW)
    assert isinstance(wallet, WalletSeen)


def test_a_margin_call_wakes_somebody(dialect: BinanceDialect) -> None:
    (raised,) = dialect.private_news(MARGIN_CALL, NOW)
    assert isinstance(raised, NoticeRaised)
    notice = raised.notice
    assert (notice.kind, notice.severity, notice.symbol) == (
        NoticeKind.LIQUIDATION,
        Severity.CRITICAL,
        SYMBOL,
    )
    assert ("Mark price", "187.17") in notice.fields


def test_the_streams_end_and_changed_settings(dialect: BinanceDialect) -> None:
    assert dialect.private_news(KEY_EXPIRED, NOW) == [StreamEnded("listen key expired")]
    assert dialect.private_news(LEVERAGE, NOW) == [FrozenSettings(SYMBOL, "leverage 25")]
    assert dialect.private_news(MULTI_ASSETS, NOW) == [FrozenSettings("", "multi-assets mode")]


def test_fills_are_not_told_twice_by_their_light_frame(
    dialect: BinanceDialect, caplog: pytest.LogCaptureFixture
) -> None:
    assert dialect.private_news(TRADE_LITE, NOW) == []
    assert caplog.records == []


def test_frames_nobody_knows_are_said_once(dialect: BinanceDialect, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert dialect.private_news({"e": "BRAND_NEW", "x": 1}, NOW) == []
            assert dialect.public_news({"e": "brandNew", "x": 1}) == []
    assert len(caplog.records) == 2
    for number in range(500):
        dialect.private_news({"e": f"KIND{number}"}, NOW)
    assert len(caplog.records) < 60


def test_wrapped_frames_say_the_same() -> None:
    bare, wrapped = scripted()[0], scripted()[0]
    for frame in (fill_frame(), algo_frame(), account_frame(), KEY_EXPIRED):
        assert bare.private_news(frame, NOW) == wrapped.private_news({"stream": "key", "data": frame}, NOW)
    for frame in (KLINE, MARK, BOOK, MINI):
        assert bare.public_news(frame) == wrapped.public_news({"stream": "x", "data": frame})


# The market


def test_candles_form_and_close(dialect: BinanceDialect) -> None:
    candle = Candle(SYMBOL, NOW, 50000.1, 50020.3, 49990.4, 50010.2, 12.5)
    assert dialect.public_news(KLINE) == [KlineSeen(candle, "1m", closed=False)]
    closed = KLINE | {"k": KLINE["k"] | {"x": True}}
    assert dialect.public_news(closed) == [KlineSeen(candle, "1m", closed=True)]
    assert dialect.public_news(CONTINUOUS) == [KlineSeen(candle, "1m", closed=True)]
    assert dialect.public_news(CONTINUOUS | {"ct": "CURRENT_QUARTER"}) == []


@pytest.mark.parametrize(
    "wrong", [{"h": "1"}, {"l": "0"}, {"o": "NaN"}, {"v": "-1"}, {"t": None}, {"c": []}, {"i": "7m"}]
)
def test_what_is_no_candle_is_left_out(dialect: BinanceDialect, wrong: dict[str, Any]) -> None:
    assert dialect.public_news(KLINE | {"k": KLINE["k"] | wrong}) == []


def test_marks_and_funding_rates(dialect: BinanceDialect) -> None:
    told = [PriceSeen(SYMBOL, NOW, mark=50001.5), FundingRate(SYMBOL, NOW, 0.0001, NOW + 3_600_000)]
    assert dialect.public_news(MARK) == told
    assert dialect.public_news([MARK, MARK]) == told * 2
    assert dialect.public_news({"stream": "!markPrice@arr", "data": [MARK]}) == told
    dated = MARK | {"r": "", "T": 0}
    assert dialect.public_news(dated) == told[:1]


def test_best_prices_and_last_prices(dialect: BinanceDialect) -> None:
    assert dialect.public_news(BOOK) == [PriceSeen(SYMBOL, NOW, bid=50000.1, ask=50000.2)]
    assert dialect.public_news(MINI) == [PriceSeen(SYMBOL, NOW, last=50000.5)]
    assert dialect.public_news(BOOK | {"b": "0"}) == [PriceSeen(SYMBOL, NOW, ask=50000.2)]
