"""Bybit: the snapshot is of one moment and whole; the gate reads, sets and reads back."""

import itertools
import json
import os
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path

import pytest
from bybit_dialect_kit import (
    BTC,
    NOW_MS,
    Stand,
    execution_row,
    frame,
    listed,
    ok,
    order_row,
    position_row,
    refused,
    stand,
    stop,
    stop_row,
    target_row,
    wallet,
)

from bot.domain.account import Book
from bot.domain.market import DAY_MS
from bot.domain.modes import MarginMode, PositionMode
from bot.domain.order import OrderSide, OrderStatus, OrderType
from bot.domain.position import Position
from bot.venues.ccxt_venue.dialect import Wish
from bot.venues.ccxt_venue.wire import Ask
from bot.venues.port import VenueUnavailable

ROOT = Path(__file__).resolve().parents[2]
RECORDED = (
    Path(os.environ.get("QUARTERDECK_REAL_DATA", ROOT.parent / "shared" / "data"))
    / "fixtures"
    / "nautilus_trader"
    / "bybit"
)
recorded = pytest.mark.skipif(
    not RECORDED.is_dir(), reason="no recorded Bybit answers: set QUARTERDECK_REAL_DATA"
)

POSITIONS = "privateGetV5PositionList"
ORDERS = "privateGetV5OrderRealtime"
WALLET = "privateGetV5AccountWalletBalance"
EXECUTIONS = "privateGetV5ExecutionList"
KEY = "privateGetV5UserQueryApi"
INFO = "privateGetV5AccountInfo"
LEVERAGE = "privatePostV5PositionSetLeverage"
MODE = "privatePostV5PositionSwitchMode"
MARGIN = "privatePostV5AccountSetMarginMode"


def account(mode: PositionMode = PositionMode.ONE_WAY) -> Stand:
    """An account with a wallet and nothing else."""
    desk = stand(mode)
    desk.gateway.on(WALLET, wallet("9876.54321"))
    return desk


class TestSnapshot:
    async def test_an_empty_account(self) -> None:
        snapshot = await account().dialect.snapshot(0)
        assert (snapshot.at_ms, snapshot.wallet) == (NOW_MS, Decimal("9876.54321"))
        assert (snapshot.positions, snapshot.orders, snapshot.fills, snapshot.funding) == ((), (), (), ())

    async def test_positions_orders_fills_funding_marks(self) -> None:
        desk = account()
        await desk.dialect.submit(stop("s1", "48000"))
        desk.gateway.on(POSITIONS, listed(position_row("0.010", "Sell")))
        limit = order_row("a", orderType="Limit", price="49000", qty="0.5", orderId="o9")
        desk.gateway.on(ORDERS, listed(limit, stop_row("48000"), target_row("55000")))
        funding = execution_row("f1", execType="Funding", execFee="0.12", execTime=str(NOW_MS - 500))
        desk.gateway.on(EXECUTIONS, listed(funding, execution_row("e1", "a")))
        snapshot = await desk.dialect.snapshot(NOW_MS - DAY_MS)
        assert snapshot.positions == (
            Position(BTC, Decimal("-0.010"), Decimal(50000), leverage=10, isolated_margin=Decimal(51)),
        )
        assert snapshot.marks == {BTC: Decimal(50100)}
        assert [(o.client_id, o.type, o.status, o.close_position) for o in snapshot.orders] == [
            ("a", OrderType.LIMIT, OrderStatus.WORKING, False),
            ("s1", OrderType.STOP_MARKET, OrderStatus.WORKING, True),
            ("", OrderType.TAKE_PROFIT_MARKET, OrderStatus.WORKING, True),
        ]
        assert [(fill.trade_id, fill.client_id) for fill in snapshot.fills] == [("e1", "a")]
        (entry,) = snapshot.funding
        assert (entry.reference, entry.symbol, entry.amount(Book.WALLET)) == ("f1", BTC, Decimal("-0.12"))
        assert entry.balanced

    async def test_legs_of_hedge_mode_are_positions_of_their_own(self) -> None:
        desk = account(PositionMode.HEDGE)
        long, short = position_row(positionIdx=1), position_row("0.020", "Sell", positionIdx=2)
        desk.gateway.on(POSITIONS, listed(long, short))
        snapshot = await desk.dialect.snapshot(0)
        assert [position.quantity for position in snapshot.positions] == [Decimal("0.010"), Decimal("-0.020")]

    async def test_fills_of_a_stop_have_its_name(self) -> None:
        desk = account()
        await desk.dialect.submit(stop("s1", "48000"))
        desk.hear(frame("order", stop_row("48000")))
        desk.gateway.on(EXECUTIONS, listed(execution_row("e1", orderId="stop-1", side="Sell")))
        (fill,) = (await desk.dialect.snapshot(0)).fills
        assert (fill.client_id, fill.side) == ("s1", OrderSide.SELL)

    async def test_every_list_is_read_to_its_last_page(self) -> None:
        desk = account()
        desk.gateway.on(ORDERS, paged(lambda n: order_row(f"a{n}", orderId=f"o{n}"), 7))
        desk.gateway.on(EXECUTIONS, paged(lambda n: execution_row(f"e{n}", "a"), 5))
        names = [f"X{n}USDT" for n in range(6)]
        desk.gateway.on(POSITIONS, paged(lambda n: position_row(symbol=names[n]), 6))
        snapshot = await desk.dialect.snapshot(NOW_MS - DAY_MS)
        assert (len(snapshot.orders), len(snapshot.fills), len(snapshot.positions)) == (7, 5, 6)

    async def test_long_away_means_windows_of_seven_days_without_holes(self) -> None:
        desk = account()
        await desk.dialect.snapshot(NOW_MS - 20 * DAY_MS)
        windows = [(ask["startTime"], ask["endTime"]) for ask in desk.gateway.of(EXECUTIONS)]
        assert windows[0][0] == NOW_MS - 20 * DAY_MS
        assert windows[-1][1] == NOW_MS
        assert all(int(str(end)) - int(str(start)) < 7 * DAY_MS for start, end in windows)
        assert all(
            int(str(after[0])) == int(str(before[1])) + 1 for before, after in itertools.pairwise(windows)
        )

    async def test_the_first_start_asks_for_a_day_not_for_fifty_years(self) -> None:
        desk = account()
        await desk.dialect.snapshot(0)
        assert [ask["startTime"] for ask in desk.gateway.of(EXECUTIONS)] == [NOW_MS - DAY_MS]

    async def test_fills_come_oldest_first_and_once(self) -> None:
        desk = account()
        rows = [execution_row(f"e{n}", "a", execTime=str(NOW_MS - n * 10)) for n in (1, 2, 3, 2)]
        desk.gateway.on(EXECUTIONS, listed(*rows))
        snapshot = await desk.dialect.snapshot(NOW_MS - DAY_MS)
        assert [fill.trade_id for fill in snapshot.fills] == ["e3", "e2", "e1"]


def paged(row: Callable[[int], Mapping[str, object]], count: int) -> Callable[[Ask], object]:
    """A list of which each page holds two rows."""

    def answer(ask: Ask) -> object:
        start = int(str(ask.params.get("cursor", "0")))
        rows = [row(n) for n in range(start, min(start + 2, count))]
        return listed(*rows, cursor=str(start + 2) if start + 2 < count else "")

    return answer


class TestOneMoment:
    async def test_a_fill_under_way_is_waited_out(self) -> None:
        desk = account()
        before, after = listed(position_row("0.010")), listed(position_row("0.020"))
        desk.gateway.on(POSITIONS, before, after)
        snapshot = await desk.dialect.snapshot(0)
        assert [position.quantity for position in snapshot.positions] == [Decimal("0.020")]
        assert len(desk.gateway.of(POSITIONS)) == 4

    async def test_an_account_that_never_holds_still_is_no_snapshot(self) -> None:
        desk = account()
        sizes = iter(range(1, 100))
        desk.gateway.on(POSITIONS, lambda ask: listed(position_row(f"0.{next(sizes)}")))
        with pytest.raises(VenueUnavailable, match="hold still"):
            await desk.dialect.snapshot(0)

    async def test_executed_after_the_first_look_is_looked_at_again(self) -> None:
        desk = account()
        late = execution_row("e1", "a", execTime=str(NOW_MS + 5))

        def executions(ask: Ask) -> object:
            desk.gateway.now_ms = NOW_MS + 10
            return listed(late)

        desk.gateway.on(EXECUTIONS, executions)
        snapshot = await desk.dialect.snapshot(0)
        assert snapshot.at_ms == NOW_MS + 10

    async def test_a_copy_that_lags_behind_the_stream_proves_nothing(self) -> None:
        desk = account()
        desk.hear(frame("execution", execution_row("e1", "a")))
        with pytest.raises(VenueUnavailable):
            await desk.dialect.snapshot(NOW_MS - DAY_MS)
        desk.gateway.on(EXECUTIONS, listed(execution_row("e1", "a")))
        assert len((await desk.dialect.snapshot(NOW_MS - DAY_MS)).fills) == 1

    async def test_what_was_not_asked_for_is_not_missed(self) -> None:
        desk = account()
        desk.hear(frame("execution", execution_row("e1", "a", execTime=str(NOW_MS - 30_000))))
        assert (await desk.dialect.snapshot(NOW_MS - 10_000)).fills == ()

    async def test_what_the_stream_told_long_ago_blocks_nothing(self) -> None:
        desk = account()
        desk.hear(frame("execution", execution_row("e1", "a")))
        desk.gateway.now_ms = NOW_MS + 120_000
        assert (await desk.dialect.snapshot(NOW_MS - DAY_MS)).at_ms == NOW_MS + 120_000

    @pytest.mark.parametrize(
        "method,row",
        [
            (POSITIONS, position_row(avgPrice="")),
            (POSITIONS, position_row(side="")),
            (ORDERS, order_row("a", "Frozen")),
            (EXECUTIONS, execution_row("e1", "a", execPrice="")),
        ],
    )
    async def test_a_row_that_cannot_be_read_is_no_half_snapshot(
        self, method: str, row: dict[str, object]
    ) -> None:
        desk = account()
        desk.gateway.on(method, listed(row))
        with pytest.raises(VenueUnavailable, match="cannot be read"):
            await desk.dialect.snapshot(NOW_MS - DAY_MS)

    async def test_a_cursor_that_leads_in_a_circle_ends(self) -> None:
        desk = account()
        desk.gateway.on(ORDERS, listed(order_row("a"), cursor="same"))
        assert len((await desk.dialect.snapshot(0)).orders) == 2


@recorded
class TestRecordedAnswers:
    async def test_wallet(self) -> None:
        desk = account()
        desk.gateway.on(WALLET, payload("http_get_wallet_balance.json"))
        assert (await desk.dialect.snapshot(0)).wallet == Decimal("1000.50")

    @pytest.mark.parametrize("name", ["http_get_positions.json", "http_get_positions_with_open_time.json"])
    async def test_positions(self, name: str) -> None:
        desk = account()
        desk.gateway.on(POSITIONS, payload(name))
        snapshot = await desk.dialect.snapshot(0)
        assert all(position.quantity and position.entry_price > 0 for position in snapshot.positions)

    @pytest.mark.parametrize(
        "name,types",
        [
            ("http_get_orders_realtime.json", [OrderType.LIMIT, OrderType.LIMIT]),
            ("http_get_orders_realtime_tp_sl.json", [OrderType.TAKE_PROFIT_MARKET, OrderType.STOP_MARKET]),
        ],
    )
    async def test_open_orders(self, name: str, types: list[OrderType]) -> None:
        desk = account()
        desk.gateway.on(ORDERS, payload(name))
        assert [order.type for order in (await desk.dialect.snapshot(0)).orders] == types

    async def test_executions(self) -> None:
        desk = account()
        desk.gateway.on(EXECUTIONS, payload("http_get_executions.json"))
        snapshot = await desk.dialect.snapshot(NOW_MS - DAY_MS)
        assert snapshot.fills
        assert all(fill.client_id for fill in snapshot.fills)

    async def test_the_key(self) -> None:
        desk = ready()
        desk.gateway.on(KEY, payload("http_get_user_query_api.json"))
        report = await desk.dialect.gate(Wish({BTC: 10}, live=True))
        assert report.refusals == (
            "the key can only read",
            "the key can move money (AccountTransfer, SubMemberTransfer): make one that cannot",
        )


def payload(name: str) -> object:
    """A recorded answer."""
    return json.loads((RECORDED / name).read_text())


def key(**fields: object) -> dict[str, object]:
    """The answer to query-api."""
    rights = {"ContractTrade": ["Order", "Position"], "Wallet": [], "Derivatives": ["DerivativesTrade"]}
    said = {"readOnly": 0, "permissions": rights, "ips": ["1.2.3.4"], "expiredAt": "1970-01-01T00:00:00Z"}
    return ok(**(said | fields))


def instrument(symbol: str, status: str = "Trading") -> dict[str, object]:
    """A row of instruments-info."""
    return {
        "symbol": symbol,
        "contractType": "LinearPerpetual",
        "status": status,
        "baseCoin": symbol.removesuffix("USDT"),
        "quoteCoin": "USDT",
        "settleCoin": "USDT",
        "leverageFilter": {"maxLeverage": "50"},
        "priceFilter": {"tickSize": "0.1"},
        "lotSizeFilter": {"maxOrderQty": "100", "minOrderQty": "0.001", "qtyStep": "0.001"},
        "fundingInterval": 480,
    }


def ready(
    mode: PositionMode = PositionMode.ONE_WAY, leverage: str = "10", *symbols: dict[str, object]
) -> Stand:
    """An account that is set as wished."""
    desk = account(mode)
    index = 0 if mode is PositionMode.ONE_WAY else 1
    legs = [
        position_row("0", "", leverage=leverage, positionIdx=leg) for leg in ((index, 2) if index else (0,))
    ]
    desk.gateway.on(KEY, key())
    desk.gateway.on(INFO, ok(unifiedMarginStatus=6, marginMode="ISOLATED_MARGIN"))
    desk.gateway.on(POSITIONS, listed(*legs))
    desk.gateway.on("publicGetV5MarketInstrumentsInfo", listed(*(symbols or (instrument(BTC),))))
    return desk


def changed(desk: Stand) -> list[str]:
    """What was asked for that changes something."""
    return [ask.method for ask in desk.gateway.asks if ask.changes]


class TestGate:
    @pytest.mark.parametrize("mode", PositionMode)
    async def test_all_as_wished_changes_nothing(self, mode: PositionMode) -> None:
        desk = ready(mode)
        report = await desk.dialect.gate(Wish({BTC: 10}, mode, live=True))
        assert (report.refusals, dict(report.halts), report.changed, report.warnings) == ((), {}, (), ())
        assert changed(desk) == []

    @pytest.mark.parametrize(
        "fields,refusal",
        [
            ({"readOnly": 1}, "can only read"),
            ({"permissions": {"Spot": ["SpotTrade"]}}, "may not trade contracts"),
            ({"permissions": {"ContractTrade": ["Order", "Position"], "Wallet": ["Withdraw"]}}, "Withdraw"),
            ({"expiredAt": "2025-01-01T00:00:00Z"}, "expired"),
        ],
    )
    async def test_a_key_that_must_not_be_used(self, fields: dict[str, object], refusal: str) -> None:
        desk = ready()
        desk.gateway.on(KEY, key(**fields))
        report = await desk.dialect.gate(Wish({BTC: 20}, live=True))
        assert [refusal in line for line in report.refusals] == [True]
        assert changed(desk) == []

    async def test_off_live_a_right_to_move_money_is_a_warning(self) -> None:
        desk = ready()
        rights = {"ContractTrade": ["Order", "Position"], "Wallet": ["Withdraw"]}
        desk.gateway.on(KEY, key(permissions=rights))
        report = await desk.dialect.gate(Wish({BTC: 10}))
        assert report.refusals == ()
        assert "Withdraw" in report.warnings[0]

    @pytest.mark.parametrize(
        "fields,warning",
        [
            ({"ips": ["*"]}, "bound to no address"),
            ({"ips": []}, "bound to no address"),
            ({"expiredAt": "2025-10-19T00:00:00Z"}, "expires in 9 days"),
        ],
    )
    async def test_warnings(self, fields: dict[str, object], warning: str) -> None:
        desk = ready()
        desk.gateway.on(KEY, key(**fields))
        report = await desk.dialect.gate(Wish({BTC: 10}))
        assert warning in report.warnings[0]

    async def test_leverage_is_set_where_it_differs_and_read_back(self) -> None:
        desk = ready()
        ten, twenty = (listed(position_row("0", "", leverage=text)) for text in ("10", "20"))
        desk.gateway.on(POSITIONS, ten, ten, twenty)
        report = await desk.dialect.gate(Wish({BTC: 20}))
        assert report.changed == (f"leverage of {BTC} is now 20",)
        assert desk.gateway.of(LEVERAGE) == [
            {"category": "linear", "symbol": BTC, "buyLeverage": "20", "sellLeverage": "20"}
        ]

    async def test_leverage_that_does_not_take_halts_the_symbol(self) -> None:
        desk = ready()
        desk.gateway.on(LEVERAGE, refused(110013, "Cannot set leverage due to risk limit level."))
        report = await desk.dialect.gate(Wish({BTC: 125}))
        assert dict(report.halts) == {BTC: "leverage could not be set to 125 (110013)"}
        assert report.refusals == ()

    async def test_what_the_pace_does_not_allow_in_time_is_left_to_the_next_look(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        desk = ready()
        ten, twenty = (listed(position_row("0", "", leverage=text)) for text in ("10", "20"))
        desk.gateway.on(POSITIONS, ten, ten, twenty)
        monkeypatch.setattr("bot.venues.bybit.gate.PATIENCE_S", 0.0)
        report = await desk.dialect.gate(Wish({BTC: 20}))
        assert report.pending == "leverage of 1 contracts is not set yet: Bybit allows ten changes a second"
        assert (report.refusals, dict(report.halts), changed(desk)) == ((), {}, [])
        monkeypatch.undo()
        desk.gateway.on(POSITIONS, ten, ten, twenty)
        report = await desk.dialect.gate(Wish({BTC: 20}))
        assert (report.pending, report.changed) == ("", (f"leverage of {BTC} is now 20",))

    async def test_one_side_of_a_hedge_that_differs_is_set(self) -> None:
        desk = ready(PositionMode.HEDGE)
        legs = [position_row("0", "", positionIdx=1), position_row("0", "", positionIdx=2, leverage="25")]
        desk.gateway.on(POSITIONS, listed(*legs))
        report = await desk.dialect.gate(Wish({BTC: 10}, PositionMode.HEDGE))
        assert changed(desk) == [LEVERAGE]
        assert BTC in report.halts

    async def test_the_mode_is_switched_and_read_back(self) -> None:
        desk = ready(PositionMode.HEDGE)
        one_way = listed(position_row("0", ""))
        hedge = listed(position_row("0", "", positionIdx=1), position_row("0", "", positionIdx=2))
        desk.gateway.on(POSITIONS, one_way, hedge)
        report = await desk.dialect.gate(Wish({BTC: 10}, PositionMode.HEDGE))
        assert desk.gateway.of(MODE) == [{"category": "linear", "coin": "USDT", "mode": 3}]
        assert (report.refusals, len(report.changed)) == ((), 1)

    async def test_a_mode_that_cannot_be_switched_refuses(self) -> None:
        desk = ready()
        desk.gateway.on(POSITIONS, listed(position_row(positionIdx=1), position_row("0", "", positionIdx=2)))
        desk.gateway.on(MODE, refused(110024))
        report = await desk.dialect.gate(Wish({BTC: 20}))
        assert "110024" in report.refusals[0]
        assert LEVERAGE not in changed(desk)

    async def test_the_margin_mode_is_the_accounts(self) -> None:
        desk = ready()
        before = ok(unifiedMarginStatus=6, marginMode="REGULAR_MARGIN")
        desk.gateway.on(INFO, before, ok(unifiedMarginStatus=6, marginMode="ISOLATED_MARGIN"))
        report = await desk.dialect.gate(Wish({BTC: 10}))
        assert desk.gateway.of(MARGIN) == [{"setMarginMode": "ISOLATED_MARGIN"}]
        assert report.refusals == ()
        desk.gateway.on(INFO, before)
        report = await desk.dialect.gate(Wish({BTC: 10}))
        assert "REGULAR_MARGIN" in report.refusals[0]
        report = await desk.dialect.gate(Wish({BTC: 10}, margin_mode=MarginMode.CROSSED))
        assert report.refusals == ()

    async def test_a_classic_account_refuses(self) -> None:
        desk = ready()
        desk.gateway.on(INFO, ok(unifiedMarginStatus=1, marginMode="REGULAR_MARGIN"))
        report = await desk.dialect.gate(Wish({BTC: 10}))
        assert report.refusals == ("the account is not a unified one",)

    async def test_what_does_not_trade_is_halted(self) -> None:
        desk = ready(PositionMode.ONE_WAY, "10", instrument(BTC), instrument("OLDUSDT", "Closed"))
        report = await desk.dialect.gate(Wish({BTC: 10, "OLDUSDT": 10, "NEWUSDT": 10}))
        assert dict(report.halts) == {
            "NEWUSDT": "not listed at bybit",
            "OLDUSDT": "does not trade at bybit now",
        }

    async def test_a_question_without_an_answer_is_no_gate(self) -> None:
        for method in (KEY, INFO):
            desk = ready()
            desk.gateway.on(method, (503, "garbage"))
            with pytest.raises(VenueUnavailable):
                await desk.dialect.gate(Wish({BTC: 10}))

    async def test_a_symbol_that_cannot_be_asked_is_halted_not_guessed(self) -> None:
        desk = ready()
        good = listed(position_row("0", ""))
        desk.gateway.on(POSITIONS, good, (503, "garbage"))
        report = await desk.dialect.gate(Wish({BTC: 10}))
        assert "could not be read" in report.halts[BTC]
