"""Bybit: frames of the user and market streams; recorded ones parse, hostile ones are left out, none raises."""

import copy
import json
import os
import random
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from bybit_dialect_kit import (
    BTC,
    NOW_MS,
    execution_row,
    frame,
    order_row,
    position_row,
    stand,
    stop,
    stop_row,
    target_row,
)

from bot.domain.event import Filled, FundingPaid, OrderUpdated, WalletSeen
from bot.domain.market import FundingRate
from bot.domain.modes import PositionMode
from bot.domain.order import OrderSide, OrderStatus
from bot.domain.signal import Side
from bot.venues.ccxt_venue.dialect import FrozenSettings, KlineSeen, PriceSeen, StreamEnded

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("QUARTERDECK_REAL_DATA", ROOT.parent / "shared" / "data")) / "fixtures"
RECORDED = DATA / "nautilus_trader" / "bybit"
DOCUMENTED = DATA / "gocryptotrader"

recorded = pytest.mark.skipif(
    not RECORDED.is_dir(), reason="no recorded Bybit frames: set QUARTERDECK_REAL_DATA"
)


def one(name: str) -> object:
    """A recorded frame."""
    return json.loads((RECORDED / name).read_text())


class TestOrders:
    @pytest.mark.parametrize(
        "status,fields,expected,code",
        [
            ("New", {}, OrderStatus.WORKING, ""),
            ("Untriggered", {}, OrderStatus.WORKING, ""),
            ("Triggered", {}, OrderStatus.WORKING, ""),
            ("PartiallyFilled", {"cumExecQty": "0.004"}, OrderStatus.PARTIALLY_FILLED, ""),
            ("Filled", {"cumExecQty": "0.010"}, OrderStatus.FILLED, ""),
            ("Cancelled", {"cancelType": "CancelByUser"}, OrderStatus.CANCELLED, ""),
            (
                "Cancelled",
                {"cancelType": "CancelByUser", "rejectReason": "EC_PerCancelRequest"},
                OrderStatus.CANCELLED,
                "",
            ),
            (
                "Cancelled",
                {"rejectReason": "EC_NoImmediateQtyToFill"},
                OrderStatus.EXPIRED,
                "EC_NoImmediateQtyToFill",
            ),
            ("Cancelled", {"rejectReason": "EC_PostOnlyWillTakeLiquidity"}, OrderStatus.EXPIRED, "-5022"),
            ("Cancelled", {"cancelType": "CancelByReduceOnly"}, OrderStatus.EXPIRED, "CancelByReduceOnly"),
            ("Deactivated", {"cancelType": "CancelByUser"}, OrderStatus.CANCELLED, ""),
            ("Deactivated", {"cancelType": "CancelByAdmin"}, OrderStatus.EXPIRED, "CancelByAdmin"),
            ("Rejected", {"rejectReason": "EC_Others"}, OrderStatus.REJECTED, ""),
            (
                "Rejected",
                {"rejectReason": "INSUFFICIENT_MARGIN"},
                OrderStatus.REJECTED,
                "INSUFFICIENT_MARGIN",
            ),
            (
                "Rejected",
                {"rejectReason": "INSUFFICIENT_MARGIN", "cumExecQty": "0.005"},
                OrderStatus.EXPIRED,
                "INSUFFICIENT_MARGIN",
            ),
        ],
    )
    def test_statuses(self, status: str, fields: dict[str, object], expected: OrderStatus, code: str) -> None:
        (news,) = stand().hear(frame("order", order_row("a", status, **fields)))
        assert isinstance(news, OrderUpdated)
        assert (news.client_id, news.status, news.code) == ("a", expected, code)

    def test_rejected_after_its_acknowledgement(self) -> None:
        (news,) = stand().hear(frame("order", order_row("a", "Rejected", rejectReason="EC_Others")))
        assert isinstance(news, OrderUpdated)
        assert news.status is OrderStatus.REJECTED

    def test_filled_and_average(self) -> None:
        row = order_row("a", "PartiallyFilled", cumExecQty="0.004", cumExecValue="200.04", avgPrice="")
        (news,) = stand().hear(frame("order", row))
        assert isinstance(news, OrderUpdated)
        assert (news.filled, news.average_price) == (Decimal("0.004"), Decimal(50010))

    def test_orders_of_others_are_no_news_of_ours(self) -> None:
        assert stand().hear(frame("order", order_row(""))) == []

    @pytest.mark.parametrize("change", [{"category": "spot"}, {"category": "option"}, {"symbol": "BTCPERP"}])
    def test_other_markets_are_left_out(self, change: dict[str, object]) -> None:
        rows = {"order": order_row("a"), "execution": execution_row("e", "a"), "position": position_row()}
        for topic, row in rows.items():
            assert stand().hear(frame(topic, row | change)) == []

    def test_an_unknown_status_is_left_out_and_said_once(self, caplog: pytest.LogCaptureFixture) -> None:
        desk = stand()
        for _ in range(5):
            assert desk.hear(frame("order", order_row("a", "Frozen"))) == []
        assert caplog.text.count("Frozen") == 1

    def test_no_time_lies_in_the_future(self) -> None:
        row = order_row("a", updatedTime=str(NOW_MS + 10**12))
        (news,) = stand().hear(frame("order", row))
        assert isinstance(news, OrderUpdated)
        assert news.at_ms == NOW_MS

    async def test_stop_and_target_of_both_legs_are_kept_apart(self) -> None:
        desk = stand(PositionMode.HEDGE)
        await desk.dialect.submit(stop("long", "48000"))
        await desk.dialect.submit(stop("short", "52000", OrderSide.BUY))
        rows = [
            stop_row("48000", positionIdx=1, orderId="x1"),
            stop_row("52000", positionIdx=2, side="Buy", orderId="x2"),
            target_row("55000", positionIdx=1, orderId="x3"),
        ]
        told = desk.hear(frame("order", *rows))
        assert [one.client_id for one in told if isinstance(one, OrderUpdated)] == ["long", "short"]


class TestMoney:
    def test_a_fill(self) -> None:
        (news,) = stand().hear(frame("execution", execution_row("e1", "a", isMaker=True)))
        assert isinstance(news, Filled)
        fill = news.fill
        assert (fill.trade_id, fill.client_id, fill.side, fill.maker) == ("e1", "a", OrderSide.BUY, True)
        assert (fill.quantity, fill.price, fill.fee) == (Decimal("0.010"), Decimal(50000), Decimal("0.275"))
        assert (fill.at_ms, fill.fee_asset, fill.liquidation) == (NOW_MS - 1000, "USDT", False)

    def test_a_rebate_is_a_negative_fee(self) -> None:
        (news,) = stand().hear(frame("execution", execution_row("e1", "a", execFee="-0.05")))
        assert isinstance(news, Filled)
        assert news.fill.fee == Decimal("-0.05")

    @pytest.mark.parametrize(
        "kind,liquidation", [("BustTrade", True), ("AdlTrade", False), ("Settle", False)]
    )
    def test_what_the_exchange_does(self, kind: str, liquidation: bool) -> None:
        (news,) = stand().hear(frame("execution", execution_row("e1", execType=kind)))
        assert isinstance(news, Filled)
        assert (news.fill.client_id, news.fill.liquidation) == ("", liquidation)

    @pytest.mark.parametrize(
        "fields,leg",
        [
            ({"side": "Buy", "closedSize": "0"}, Side.LONG),
            ({"side": "Buy", "closedSize": "0.010"}, Side.SHORT),
            ({"side": "Sell", "closedSize": "0"}, Side.SHORT),
            ({"side": "Sell", "closedSize": "0.010"}, Side.LONG),
            ({"side": "Sell", "execType": "BustTrade"}, Side.LONG),
            ({"side": "Buy", "stopOrderType": "StopLoss"}, Side.SHORT),
            ({"side": "Buy"}, None),
        ],
    )
    def test_the_leg_of_a_fill(self, fields: dict[str, object], leg: Side | None) -> None:
        (news,) = stand(PositionMode.HEDGE).hear(frame("execution", execution_row("e1", **fields)))
        assert isinstance(news, Filled)
        assert news.fill.leg is leg
        (news,) = stand().hear(frame("execution", execution_row("e1", **fields)))
        assert isinstance(news, Filled)
        assert news.fill.leg is None

    @pytest.mark.parametrize("fee,amount", [("0.12", "-0.12"), ("-0.3", "0.3"), ("0", "0")])
    def test_funding_is_written_as_a_fee(self, fee: str, amount: str) -> None:
        row = execution_row("f1", execType="Funding", execFee=fee, feeRate="0.0001")
        (news,) = stand().hear(frame("execution", row))
        assert news == FundingPaid(NOW_MS - 1000, BTC, Decimal(amount), Decimal("0.0001"), "f1")

    def test_the_wallet(self) -> None:
        coins = [{"coin": "USDC", "walletBalance": "7"}, {"coin": "USDT", "walletBalance": "11728.54414904"}]
        (news,) = stand().hear(frame("wallet", {"accountType": "UNIFIED", "coin": coins}))
        assert news == WalletSeen(NOW_MS, Decimal("11728.54414904"))

    def test_a_wallet_without_our_coin_says_nothing(self) -> None:
        assert stand().hear(frame("wallet", {"coin": [{"coin": "BTC", "walletBalance": "1"}]})) == []


class TestSettings:
    async def test_leverage_that_we_did_not_set(self) -> None:
        desk = stand()
        await desk.dialect.set_leverage(BTC, 10)
        assert desk.hear(frame("position", position_row(leverage="10"))) == []
        assert desk.hear(frame("position", position_row(leverage="50"))) == [
            FrozenSettings(BTC, "leverage is 50, was 10")
        ]
        assert desk.hear(frame("position", position_row(leverage="50"))) == []

    def test_before_anything_is_known_leverage_is_no_news(self) -> None:
        assert stand().hear(frame("position", position_row(leverage="50"))) == []

    def test_a_leg_of_another_mode(self) -> None:
        assert stand().hear(frame("position", position_row(positionIdx=1))) == [
            FrozenSettings(BTC, "position mode is hedge")
        ]
        assert stand(PositionMode.HEDGE).hear(frame("position", position_row(positionIdx=0))) == [
            FrozenSettings(BTC, "position mode is one_way")
        ]

    @pytest.mark.parametrize(
        "answer,reason",
        [
            ({"success": False, "ret_msg": "Params Error", "op": "auth"}, "auth refused"),
            (
                {"success": False, "ret_msg": "error:handler not found", "op": "subscribe"},
                "subscribe refused",
            ),
            (
                {"success": True, "op": "subscribe", "data": {"failTopics": ["order"], "successTopics": []}},
                "subscribe refused in part",
            ),
        ],
    )
    def test_a_topic_that_is_refused_ends_the_stream(self, answer: object, reason: str) -> None:
        assert stand().hear(answer) == [StreamEnded(reason)]

    @pytest.mark.parametrize(
        "answer",
        [
            {"success": True, "ret_msg": "", "op": "auth", "conn_id": "c"},
            {"success": True, "ret_msg": "", "op": "subscribe"},
            {"op": "pong", "args": ["1"]},
        ],
    )
    def test_good_answers_are_no_news(self, answer: object) -> None:
        assert stand().hear(answer) == []


class TestMarketFrames:
    def test_a_candle(self) -> None:
        row = {
            "start": 1_700_000_040_000, "end": 1_700_000_099_999, "interval": "1", "open": "1.5", "close": "1.6",
            "high": "1.7", "low": "1.4", "volume": "100", "turnover": "155", "confirm": True,
        }  # fmt: skip
        (news,) = stand().dialect.public_news({"topic": "kline.1.XRPUSDT", "type": "snapshot", "data": [row]})
        assert isinstance(news, KlineSeen)
        assert (news.timeframe, news.closed, news.candle.symbol) == ("1m", True, "XRPUSDT")
        candle = news.candle
        assert (candle.open, candle.high, candle.low, candle.close, candle.volume) == (
            1.5,
            1.7,
            1.4,
            1.6,
            100.0,
        )

    def test_changes_of_a_ticker_are_merged_into_the_whole(self) -> None:
        dialect = stand().dialect
        whole = {
            "symbol": BTC, "lastPrice": "100", "markPrice": "101", "bid1Price": "99", "ask1Price": "100.5",
            "fundingRate": "0.0001", "nextFundingTime": "1700000000000",
        }  # fmt: skip
        topic = f"tickers.{BTC}"
        first = dialect.public_news({"topic": topic, "type": "snapshot", "ts": 5, "data": whole})
        assert first == (
            PriceSeen(BTC, 5, 99.0, 100.5, 100.0, 101.0),
            FundingRate(BTC, 5, 0.0001, 1_700_000_000_000),
        )
        delta = {"symbol": BTC, "markPrice": "102", "bid1Size": "3"}
        second = dialect.public_news({"topic": topic, "type": "delta", "ts": 6, "data": delta})
        assert second == (PriceSeen(BTC, 6, 99.0, 100.5, 100.0, 102.0),)
        rate = {"symbol": BTC, "fundingRate": "-0.0002"}
        third = dialect.public_news({"topic": topic, "type": "delta", "ts": 7, "data": rate})
        assert third == (FundingRate(BTC, 7, -0.0002, 1_700_000_000_000),)

    def test_changes_of_what_we_never_saw_are_left_out(self) -> None:
        delta = {"topic": "tickers.X", "type": "delta", "ts": 6, "data": {"symbol": "X", "markPrice": "1"}}
        assert stand().dialect.public_news(delta) == ()

    def test_a_new_whole_forgets_the_old_one(self) -> None:
        dialect = stand().dialect
        topic = f"tickers.{BTC}"
        for data in ({"lastPrice": "1", "markPrice": "2"}, {"lastPrice": "3"}):
            told = dialect.public_news(
                {"topic": topic, "type": "snapshot", "ts": 5, "data": {"symbol": BTC} | data}
            )
        assert told == (PriceSeen(BTC, 5, None, None, 3.0, None),)


@recorded
class TestRecorded:
    def test_executions(self) -> None:
        (news,) = stand().hear(one("ws_account_execution.json"))
        assert isinstance(news, Filled)
        assert (news.fill.client_id, news.fill.fee) == ("test-order-link-001", Decimal("26.3725275"))
        (news,) = stand().hear(one("ws_account_execution_adl.json"))
        assert isinstance(news, Filled)
        assert (news.fill.client_id, news.fill.price) == ("", Decimal("95850.0"))

    def test_the_fast_executions_have_no_fee_and_are_left_out(self) -> None:
        assert stand().hear(one("ws_account_execution_fast.json")) == []

    @pytest.mark.parametrize(
        "name,status",
        [
            ("ws_account_order.json", OrderStatus.CANCELLED),
            ("ws_account_order_filled.json", OrderStatus.FILLED),
            ("ws_account_order_stop_loss.json", OrderStatus.WORKING),
            ("ws_account_order_take_profit.json", OrderStatus.WORKING),
            ("ws_account_order_stop_market.json", OrderStatus.WORKING),
            ("ws_account_order_buy_stop_market.json", OrderStatus.WORKING),
            ("ws_account_order_stop_limit.json", OrderStatus.WORKING),
            ("ws_account_order_limit_if_touched.json", OrderStatus.WORKING),
            ("ws_account_order_market_if_touched.json", OrderStatus.WORKING),
            ("ws_account_order_sell_market_if_touched.json", OrderStatus.WORKING),
        ],
    )
    def test_orders(self, name: str, status: OrderStatus) -> None:
        (news,) = stand().hear(one(name))
        assert isinstance(news, OrderUpdated)
        assert (news.status, news.symbol) == (status, BTC)

    def test_positions_and_wallets(self) -> None:
        for name in ("ws_account_position.json", "ws_account_position_short.json"):
            assert stand().hear(one(name)) == []
        balances = []
        for path in sorted(RECORDED.glob("ws_account_wallet*.json")):
            balances += [news.wallet for news in stand().hear(one(path.name)) if isinstance(news, WalletSeen)]
        assert balances
        assert all(balance >= 0 for balance in balances)

    def test_answers(self) -> None:
        assert stand().hear(one("ws_auth_success.json")) == []
        assert stand().hear(one("ws_subscription_ack.json")) == []
        assert stand().hear(one("ws_auth_failure.json")) == [StreamEnded("auth refused")]
        assert stand().hear(one("ws_subscription_failure.json")) == [StreamEnded("subscribe refused")]

    def test_market_frames(self) -> None:
        (candle,) = stand().dialect.public_news(one("ws_kline.json"))
        assert isinstance(candle, KlineSeen)
        told = stand().dialect.public_news(one("ws_ticker_linear.json"))
        assert any(isinstance(news, PriceSeen) for news in told)

    def test_every_recorded_payload_is_survived(self) -> None:
        for path in sorted(RECORDED.glob("*.json")):
            payload = json.loads(path.read_text())
            stand().hear(payload)
            stand().dialect.public_news(payload)
            stand().dialect.reply_code(payload)

    @pytest.mark.skipif(
        not DOCUMENTED.is_dir(), reason="no documented Bybit frames: set QUARTERDECK_REAL_DATA"
    )
    def test_documented_lines(self) -> None:
        lines = (DOCUMENTED / "bybit-wsAuth.json").read_text().splitlines()
        told = [news for line in lines if line.strip() for news in stand().hear(json.loads(line))]
        assert [type(news) for news in told] == [WalletSeen, Filled]
        dialect = stand().dialect
        lines = (DOCUMENTED / "bybit-wsTicker.json").read_text().splitlines()
        seen = [news for line in lines for news in dialect.public_news(json.loads(line))]
        prices = [news for news in seen if isinstance(news, PriceSeen) and news.symbol == BTC]
        assert prices[-1].mark == 61875.06
        assert prices[-1].last == 61874.0


# Hostile frames

HOSTILE = (
    None, True, False, "", "NaN", "-Infinity", "1e999999", "0", "-1", 0, -5, 10**400, 1.5, float("nan"),
    float("inf"), [], {}, [[]], [None], [{}], {"symbol": None}, "x" * 5000, "\ud800", "0x10", "1_000", "Buy",
    "Untriggered", "StopLoss", "９", "99999999999999999999", "linear", "١٢",
)  # fmt: skip
FRAMES: tuple[object, ...] = (
    frame("order", order_row("a"), stop_row("48000"), target_row("55000", "Filled", cumExecQty="0.01")),
    frame("execution", execution_row("e1", "a"), execution_row("f", execType="Funding")),
    frame("position", position_row(), position_row("0", "")),
    frame("wallet", {"coin": [{"coin": "USDT", "walletBalance": "5"}]}),
    {"success": False, "op": "subscribe", "ret_msg": "x"},
    {"topic": f"tickers.{BTC}", "type": "snapshot", "ts": 5, "data": {"symbol": BTC, "lastPrice": "1"}},
    {"topic": f"tickers.{BTC}", "type": "delta", "ts": 6, "data": {"symbol": BTC, "markPrice": "1"}},
    {
        "topic": f"kline.1.{BTC}",
        "data": [{"start": 60_000, "open": "1", "high": "1", "low": "1", "close": "1", "volume": "1"}],
    },
)


def spots(value: object) -> Iterator[tuple[object, object]]:
    """Every (container, key) inside."""
    keys: list[object] = list(value) if isinstance(value, dict) else []
    keys = list(range(len(value))) if isinstance(value, list) else keys
    for key in keys:
        yield value, key
        yield from spots(value[key])  # type: ignore[index]


def mutated(payload: object, chance: random.Random) -> object:
    """The payload with some of it replaced, removed or doubled."""
    twisted = copy.deepcopy(payload)
    for _ in range(chance.randint(1, 4)):
        places = list(spots(twisted))
        if not places:
            return twisted
        container, key = chance.choice(places)
        if isinstance(container, dict) and chance.random() < 0.3:
            del container[key]
        elif isinstance(container, list) and chance.random() < 0.3:
            container.append(copy.deepcopy(container[key]))  # type: ignore[call-overload]
        else:
            container[key] = copy.deepcopy(chance.choice(HOSTILE))  # type: ignore[index]
    return twisted


def all_frames() -> list[object]:
    """Ours, and the recorded ones where they are."""
    return [*FRAMES, *(json.loads(path.read_text()) for path in sorted(RECORDED.glob("*.json")))]


@pytest.mark.parametrize("seed", range(4))
async def test_hostile_frames_never_raise(seed: int) -> None:
    chance, frames = random.Random(seed), all_frames()
    desk = stand(PositionMode.HEDGE if seed % 2 else PositionMode.ONE_WAY)
    await desk.dialect.submit(stop("s1", "48000"))
    for _ in range(3000):
        payload = mutated(chance.choice(frames), chance)
        for news in desk.hear(payload):
            sane(news)
        desk.dialect.public_news(payload)
        desk.dialect.reply_code(payload)
    await desk.dialect.cancel("s1", BTC, conditional=True)


def sane(news: object) -> None:
    """Figures that get through are finite and of a size that can be worked with."""
    figures: tuple[Decimal, ...] = ()
    if isinstance(news, Filled):
        figures = (news.fill.quantity, news.fill.price, news.fill.fee)
        assert news.fill.quantity > 0
        assert news.fill.price > 0
        assert news.fill.trade_id
    elif isinstance(news, OrderUpdated):
        figures = (news.filled, news.average_price)
        assert news.client_id
    elif isinstance(news, FundingPaid):
        figures = (news.amount, news.rate)
    elif isinstance(news, WalletSeen):
        figures = (news.wallet,)
    assert all(figure.is_finite() and (not figure or abs(figure.adjusted()) < 62) for figure in figures)


@pytest.mark.parametrize("value", HOSTILE)
def test_frames_that_are_no_objects_at_all(value: object) -> None:
    assert stand().hear(value) == []
    assert stand().dialect.public_news(value) == ()
