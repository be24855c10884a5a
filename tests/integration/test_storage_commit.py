"""What a commit leaves behind: every kind of record, what overtakes what, and nothing of other accounts."""

from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy import Connection, select, text
from storage_kit import ACCOUNT, NOW, OTHER, candle, opened, step

from bot.domain.account import Book, Entry, EquityPoint, Posting, transfer
from bot.domain.action import (
    Notify,
    Record,
    RecordDecision,
    RecordDifference,
    RecordEntry,
    RecordEquity,
    RecordFill,
    RecordOrder,
    RecordSetting,
    RecordTrade,
    SetLeverage,
    Submit,
)
from bot.domain.decision import Decision
from bot.domain.errors import StorageError
from bot.domain.event import CandlesClosed, FundingRatesSeen, QuotesSeen
from bot.domain.fill import Fill
from bot.domain.market import FundingRate
from bot.domain.notice import Notice, NoticeKind, Severity
from bot.domain.order import CloseReason, Intent, Order, OrderSide, OrderStatus, OrderType, Purpose
from bot.domain.signal import GateCheck, Reason, Side, Signal
from bot.domain.trade import Trade
from bot.runtime.codec import actions_digest, members
from bot.runtime.ports import TradeQuery
from storage.batch import RECORDS
from storage.database import Database
from storage.schema import FundingRow, OrderRow

INTENT = Intent("BTCUSDT", OrderSide.BUY, Purpose.ENTRY, OrderType.MARKET, Decimal("0.010"), "d1")
ORDER = Order("qd-1", INTENT, "entry", OrderStatus.INTENDED, NOW, NOW)
FILL = Fill(
    "t1", "BTCUSDT", OrderSide.BUY, Decimal("0.010"), Decimal("50000.10"), Decimal("0.2"), NOW, "qd-1"
)
SIGNAL = Signal(
    "BTCUSDT",
    "composite",
    NOW,
    Side.LONG,
    7.5,
    50_000.0,
    49_000.0,
    52_000.0,
    300.0,
    reasons=(Reason("EMA", 1.0),),
)
DECISION = Decision("d1", NOW, SIGNAL, (GateCheck("slots", True, "1 of 3"),), client_id="qd-1")
TRADE = Trade(
    id="T1",
    symbol="BTCUSDT",
    side=Side.LONG,
    strategy="composite",
    quantity=Decimal("0.010"),
    entry_price=Decimal("50000.10"),
    exit_price=Decimal("50500"),
    opened_at_ms=NOW,
    closed_at_ms=NOW + 5,
    reason=CloseReason.TP,
    gross=Decimal("4.999"),
    fees=Decimal("0.4"),
    funding=Decimal("-0.01"),
    net=Decimal("4.589"),
    slippage=Decimal("0.001"),
    risk=Decimal(10),
    r_multiple=Decimal("0.4589"),
    score=7.5,
    stop_price=Decimal(49000),
    target_price=None,
    leverage=5,
)


def test_every_record_is_written_somewhere() -> None:
    assert set(members(Record)) <= set(RECORDS)


async def test_orders_are_kept_as_they_were_last(database: Database) -> None:
    ledger = database.ledger(ACCOUNT)
    working = replace(ORDER, status=OrderStatus.WORKING, venue_id="77", updated_at_ms=NOW + 1)
    await ledger.commit([step(1, Submit(ORDER))])
    assert (await ledger.recover()).orders == (ORDER,)
    await ledger.commit([step(2, RecordOrder(working))])
    assert (await ledger.recover()).orders == (working,)
    await ledger.commit([step(3, Submit(ORDER))])
    assert (await ledger.recover()).orders == (working,), "a repeated Submit does not take an order back"
    filled = replace(working, status=OrderStatus.FILLED)
    await ledger.commit([step(4, RecordOrder(filled))])
    assert (await ledger.recover()).orders == (filled,), "its fill is still to come"
    fill = replace(FILL, client_id=ORDER.client_id, quantity=ORDER.intent.quantity)
    await ledger.commit([step(5, RecordFill(fill))])
    assert (await ledger.recover()).orders == ()


async def test_within_one_batch_the_last_word_counts(database: Database) -> None:
    ledger = database.ledger(ACCOUNT)
    working = replace(ORDER, status=OrderStatus.WORKING)
    await ledger.commit(
        [step(1, RecordOrder(working), Submit(ORDER)), step(2, RecordOrder(replace(working, note="x")))]
    )
    assert (await ledger.recover()).orders == (replace(working, note="x"),)


async def test_an_order_with_every_field_survives(database: Database) -> None:
    intent = replace(
        INTENT,
        type=OrderType.STOP_MARKET,
        purpose=Purpose.STOP,
        limit_price=Decimal("1.10"),
        trigger_price=Decimal("1E+2"),
        reduce_only=True,
        close_position=True,
        reason=CloseReason.SL,
        attempt=2,
    )
    order = replace(ORDER, intent=intent, status=OrderStatus.UNKNOWN, note="-1007 ⏱", filled=Decimal("0.003"))
    await database.ledger(ACCOUNT).commit([step(1, RecordOrder(order))])
    assert (await database.ledger(ACCOUNT).recover()).orders == (order,)


async def test_a_fill_is_booked_once(database: Database) -> None:
    ledger = database.ledger(ACCOUNT)
    await ledger.commit([step(1, RecordFill(FILL), RecordFill(replace(FILL, price=Decimal(1))))])
    await ledger.commit([step(2, RecordFill(replace(FILL, price=Decimal(2))))])
    await ledger.commit([step(3, RecordFill(replace(FILL, symbol="ETHUSDT", at_ms=NOW + 1)))])

    def prices(connection: Connection) -> list[str]:
        return [str(row[0]) for row in connection.execute(text("SELECT price FROM fills ORDER BY symbol"))]

    assert await database._connections.read(prices) == ["50000.10", "50000.10"]
    recovered = await ledger.recover()
    assert recovered.last_fill_at_ms == NOW + 1
    assert recovered.last_trade_ids == ("BTCUSDT:t1", "ETHUSDT:t1")


async def test_trades_are_asked_for_in_many_ways(database: Database) -> None:
    ledger = database.ledger(ACCOUNT)
    trades = [
        replace(TRADE, id=f"T{n}", symbol=("BTCUSDT", "ETHUSDT")[n % 2], closed_at_ms=NOW + n)
        for n in range(1, 7)
    ]
    await ledger.commit([step(n, RecordTrade(trade)) for n, trade in enumerate(trades, start=1)])
    assert await ledger.trades(TradeQuery()) == tuple(trades)
    assert await ledger.trades(TradeQuery(limit=2)) == tuple(trades[-2:])
    assert await ledger.trades(TradeQuery(symbol="ETHUSDT")) == tuple(trades[0::2])
    assert await ledger.trades(TradeQuery(since_ms=NOW + 5)) == tuple(trades[4:])
    assert await ledger.trades(TradeQuery(limit=1, symbol="BTCUSDT", since_ms=NOW + 3)) == (trades[5],)
    assert await ledger.trades(TradeQuery(symbol="'; DROP TABLE trades; --")) == ()
    assert (await ledger.recover()).trade_count == 6


async def test_decisions_come_newest_first(database: Database) -> None:
    ledger = database.ledger(ACCOUNT)
    made = [replace(DECISION, id=f"d{n}", client_id=f"qd-{n}") for n in range(4)]
    other = replace(DECISION, id="e", signal=replace(SIGNAL, symbol="ETHUSDT", side=None), model_score=0.5)
    await ledger.commit([step(1, *map(RecordDecision, made)), step(2, RecordDecision(other))])
    assert await ledger.decisions(2) == (other, made[3])
    assert await ledger.decisions(10, "BTCUSDT") == tuple(reversed(made))


async def test_decisions_of_entries_on_their_way_are_recovered(database: Database) -> None:
    ledger = database.ledger(ACCOUNT)
    gone = replace(DECISION, id="d0", client_id="qd-0")
    filled = replace(ORDER, client_id="qd-0", status=OrderStatus.FILLED)
    fill = RecordFill(replace(FILL, client_id="qd-0", quantity=ORDER.intent.quantity))
    await ledger.commit(
        [step(1, RecordDecision(gone), RecordOrder(filled), fill, RecordDecision(DECISION), Submit(ORDER))]
    )
    recovered = await ledger.recover()
    assert recovered.decisions == (DECISION,)
    assert recovered.orders == (ORDER,)


async def test_entries_and_the_wallet(database: Database) -> None:
    ledger = database.ledger(ACCOUNT)
    capital = transfer(NOW, "capital", "", "capital", Book.CAPITAL, Decimal("1000.000000000001"))
    paid = transfer(NOW + 1, "funding", "BTCUSDT", "p1", Book.FUNDING, Decimal("-0.10"))
    fill = Entry(
        NOW + 2,
        "fill",
        "BTCUSDT",
        "BTCUSDT:t1",
        (
            Posting(Book.WALLET, Decimal("4.5")),
            Posting(Book.REALISED, Decimal(-5)),
            Posting(Book.FEES, Decimal("0.5")),
        ),
    )
    await ledger.commit([step(1, RecordEntry(capital)), step(2, RecordEntry(paid), RecordEntry(fill))])
    assert await ledger.entries(0) == (capital, paid, fill)
    assert await ledger.entries(NOW + 2) == (fill,)
    recovered = await ledger.recover()
    assert str(recovered.wallet) == "1004.400000000001"
    assert recovered.last_payment_ids == ("p1",)


async def test_settings_are_remembered_with_their_history(database: Database) -> None:
    ledger = database.ledger(ACCOUNT)
    first = RecordSetting(NOW, "paused:BTCUSDT", "true", "anna", "allowed", "paused")
    second = RecordSetting(NOW + 1, "paused:BTCUSDT", "false", "bert\0", "paused", "allowed")
    high = RecordSetting(NOW + 2, "equity_high", '"1010.50"', "engine", "1000.00", "1010.50")
    await ledger.commit([step(1, first, second, high)])
    found = await ledger.settings(10)
    assert [change.id for change in found] == [1, 1]
    assert found[0].place == found[1].place + 1
    found = tuple(replace(change, place=0) for change in found)
    assert found == (replace(second, actor="bert\N{REPLACEMENT CHARACTER}"), first)
    assert (await ledger.recover()).equity_high == Decimal("1010.50")
    assert len(await ledger.settings(1)) == 1


async def test_differences_come_newest_first(database: Database) -> None:
    ledger = database.ledger(ACCOUNT)
    found = [RecordDifference(NOW + n, "BTCUSDT", "order", "1", "2", "ours follows") for n in range(3)]
    await ledger.commit([step(1, *found)])
    assert await ledger.differences(2) == (found[2], found[1])


async def test_funding_rates_are_kept_per_settlement(database: Database) -> None:
    rates = [FundingRate("BTCUSDT", NOW + n, 0.0001 * n, NOW + 1000 * (n // 2)) for n in range(4)]
    await database.ledger(ACCOUNT).commit(
        [step(n, event=FundingRatesSeen(NOW, (rate,))) for n, rate in enumerate(rates, start=1)]
    )

    def kept(connection: Connection) -> list[float]:
        return list(connection.scalars(select(FundingRow.rate).order_by(FundingRow.next_at)))

    assert await database._connections.read(kept) == [rates[1].rate, rates[3].rate]


async def test_the_journal_keeps_events_and_digests(database: Database) -> None:
    ledger = database.ledger(ACCOUNT)
    bar = CandlesClosed(NOW, "15m", tuple(candle(f"SYM{n}USDT") for n in range(263)))
    steps = [step(1, event=bar), step(2, SetLeverage("BTCUSDT", 5)), step(3, event=QuotesSeen(NOW, ()))]
    await ledger.commit(steps)
    rows = [row async for row in ledger.journal(1, 0)]
    assert [row.number for row in rows] == [1, 2, 3]
    assert [row.event for row in rows] == [one.event for one in steps]
    assert [row.actions_digest for row in rows] == [actions_digest(one.actions) for one in steps]
    assert [row.number async for row in ledger.journal(2, 2)] == [2]
    assert [row.number async for row in ledger.journal(3, 2)] == []
    assert [row.number async for row in ledger.journal(9, 0)] == []


async def test_a_long_journal_comes_in_portions(database: Database) -> None:
    ledger = database.ledger(ACCOUNT)
    await ledger.commit([step(number) for number in range(1, 1202)])
    assert [row.number async for row in ledger.journal(1, 0)] == list(range(1, 1202))
    assert [row.number async for row in ledger.journal(400, 1000)] == list(range(400, 1001))


async def test_bars_of_many_symbols_are_kept_deflated(database: Database) -> None:
    bar = CandlesClosed(NOW, "15m", tuple(candle(f"SYM{n}USDT", close=1.5 + n / 7) for n in range(263)))
    await database.ledger(ACCOUNT).commit([step(1, event=bar)])

    def size(connection: Connection) -> int:
        return int(connection.scalar(text("SELECT length(body) FROM journal")) or 0)

    assert await database._connections.read(size) < 6_000


async def test_a_number_is_written_once(database: Database) -> None:
    first, second = database.ledger(ACCOUNT), database.ledger(ACCOUNT)
    await first.commit([step(1), step(2)])
    for numbers in ((2,), (2, 3), (1,)):
        with pytest.raises(StorageError, match="another process writes to this account") as caught:
            await second.commit([step(number, SetLeverage("BTCUSDT", 5)) for number in numbers])
        assert "\n" not in str(caught.value)
        assert "INSERT" not in str(caught.value)
    with pytest.raises(StorageError, match="another process"):
        await second.commit([step(2)])  # even if it is the same line: two bots on one feed see the same bars
    assert await first.last_step() == 2
    await first.commit([step(3)])


async def test_a_commit_whose_answer_got_lost_may_be_given_again(database: Database) -> None:
    ledger, order = database.ledger(ACCOUNT), RecordOrder(ORDER)
    await ledger.commit([step(1, order)])
    ledger._unsure = True  # as after a connection that broke while committing
    await ledger.commit([step(1, order), step(2, order)])
    assert await ledger.last_step() == 2
    ledger._unsure = True
    with pytest.raises(StorageError, match="another process"):
        await ledger.commit([step(2, SetLeverage("BTCUSDT", 5))])


async def test_nothing_of_a_failed_commit_stays(database: Database) -> None:
    ledger = database.ledger(ACCOUNT)
    await ledger.commit([step(1)])
    with pytest.raises(StorageError):
        await ledger.commit([step(2, RecordTrade(TRADE), Submit(ORDER)), step(1)])
    recovered = await ledger.recover()
    assert (recovered.orders, recovered.trade_count, await ledger.last_step()) == ((), 0, 1)
    await ledger.commit([step(2, RecordTrade(TRADE), Submit(ORDER))])
    assert (await ledger.recover()).trade_count == 1


async def test_what_cannot_be_written_down_leaves_the_ledger_usable(database: Database) -> None:
    ledger = database.ledger(ACCOUNT)
    with pytest.raises(ValueError, match="RecordDecision cannot be written down: nan is no figure"):
        await ledger.commit([step(1, RecordDecision(replace(DECISION, model_score=float("nan"))))])
    await ledger.commit([step(1, RecordDecision(DECISION))])
    await ledger.commit([])
    assert await ledger.last_step() == 1


async def test_equity_is_kept_and_thinned_with_its_extremes(database: Database) -> None:
    ledger = database.ledger(ACCOUNT)
    worth = [1000 + (n * 37) % 101 for n in range(1000)]
    worth[333], worth[777] = 1, 5000
    points = [
        EquityPoint(NOW + n, Decimal(value), Decimal("1000.50"), n % 3) for n, value in enumerate(worth)
    ]
    await ledger.commit([step(n, RecordEquity(point)) for n, point in enumerate(points, start=1)])
    assert await ledger.equity(0) == tuple(points)
    assert await ledger.equity(NOW + 990) == tuple(points[990:])
    for most in (1, 2, 3, 4, 7, 50, 999):
        some = await ledger.equity(0, most)
        assert len(some) <= most
        assert set(some) <= set(points)
        assert list(some) == sorted(some, key=lambda point: point.at_ms)
        assert some[-1] == points[-1]
        assert most < 4 or {points[333], points[777], points[0]} <= set(some)


async def test_two_points_of_one_moment_are_one(database: Database) -> None:
    ledger = database.ledger(ACCOUNT)
    point = EquityPoint(NOW, Decimal(1), Decimal(1), 0)
    await ledger.commit(
        [step(1, RecordEquity(point)), step(2, RecordEquity(replace(point, equity=Decimal(2))))]
    )
    assert [one.equity for one in await ledger.equity(0)] == [Decimal(2)]


async def test_accounts_never_see_each_other(database: Database) -> None:
    mine, theirs = database.ledger(ACCOUNT), database.ledger(OTHER)
    notice = Notify(Notice(NoticeKind.ENTRY, Severity.TRADE, NOW, "in"))
    everything = (
        Submit(ORDER),
        RecordFill(FILL),
        RecordTrade(TRADE),
        RecordDecision(DECISION),
        RecordEntry(transfer(NOW, "capital", "", "capital", Book.CAPITAL, Decimal(1000))),
        RecordEquity(EquityPoint(NOW, Decimal(1), Decimal(1), 0)),
        RecordSetting(NOW, "base_balance", '"1000"', "engine", "-", "1000"),
        RecordDifference(NOW, "", "order", "", "", ""),
        notice,
    )
    empty = await theirs.recover()
    await mine.commit([step(1, *everything)])
    await mine.mark_running(NOW)
    assert await theirs.recover() == empty
    assert await theirs.last_step() == 0
    assert [row async for row in theirs.journal(1, 0)] == []
    for nothing in (
        await theirs.trades(TradeQuery()),
        await theirs.decisions(9),
        await theirs.equity(0),
        await theirs.entries(0),
        await theirs.settings(9),
        await theirs.differences(9),
        await database.outbox(OTHER).waiting("console", 9),
    ):
        assert nothing == ()
    await theirs.commit([step(1, *everything)])  # the same ids in another account are other things
    assert (await theirs.recover()).orders == (ORDER,)
    await theirs.commit([step(2, RecordOrder(replace(ORDER, status=OrderStatus.FILLED)))])
    assert (await mine.recover()).orders == (ORDER,)
    assert await theirs.prune(NOW * 2, NOW * 2, 100) == 1
    assert [row.number async for row in mine.journal(1, 0)] == [1]


async def test_what_is_stored_is_exact_in_the_file_too(url: str) -> None:
    async with opened(url) as database:
        odd = replace(
            ORDER, filled=Decimal("0.1000"), average_price=Decimal("0.30000000000000004440892098500626")
        )
        await database.ledger(ACCOUNT).commit([step(1, RecordOrder(odd))])

        def stored(connection: Connection) -> tuple[str, ...]:
            row = connection.execute(select(OrderRow.filled, OrderRow.average_price)).one()
            return tuple(map(str, row))

        assert await database._connections.read(stored) == ("0.1000", "0.30000000000000004440892098500626")
