"""Recovery gives back what was committed, however it was cut into commits: checked against a plain reading of it."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import orjson
import pytest
from domain_values import of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text
from storage_kit import ACCOUNT, BAR, NOW, SERVER, candle, checked, step
from test_storage_commit import TRADE

from bot.domain.account import Book, EquityPoint
from bot.domain.action import (
    Action,
    RecordDay,
    RecordEntry,
    RecordEquity,
    RecordFill,
    RecordHalt,
    RecordKill,
    RecordKillReset,
    RecordOrder,
    RecordPosition,
    RecordSetting,
    RecordTrade,
    RecordTrading,
    SetLeverage,
    Submit,
)
from bot.domain.errors import StorageError
from bot.domain.event import CandlesClosed
from bot.domain.guard import (
    Halt,
    HaltKind,
    Kill,
    KillKind,
    KillReset,
    Limits,
    Sizing,
    SizingMode,
    TradingState,
)
from bot.domain.order import OrderStatus, Purpose
from bot.domain.snapshot import DayFigures, Recovered
from bot.runtime.codec import encode
from bot.runtime.ports import Step
from storage.database import Database

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")


def setting(key: str, value: object) -> RecordSetting:
    """A setting as the engine records it."""
    text_ = value if isinstance(value, str) else encode(value).decode()
    return RecordSetting(NOW, key, text_, "anna", "", "")


async def test_an_empty_database_is_a_first_start(database: Database) -> None:
    assert await database.ledger(ACCOUNT).recover() == Recovered()


async def test_runs_end_well_or_not(database: Database) -> None:
    ledger = database.ledger(ACCOUNT)

    async def seen() -> tuple[bool, bool]:
        recovered = await ledger.recover()
        return recovered.first_start, recovered.clean

    assert await seen() == (True, True)
    await ledger.mark_running(NOW)
    assert await seen() == (False, False)
    await ledger.mark_clean(NOW + 1)
    assert await seen() == (False, True)
    await ledger.mark_running(NOW + 2)
    assert await seen() == (False, False)


async def test_settings_come_back_as_their_types(database: Database) -> None:
    ledger = database.ledger(ACCOUNT)
    sizing, limits = Sizing(SizingMode.RISK_USD, Decimal("25.50")), Limits(max_positions=7, auto_reduce=True)
    await ledger.commit(
        [
            step(
                1,
                setting("sizing", sizing),
                setting("limits", limits),
                setting("base_balance", '"1000.10"'),
                setting("equity_high", '"1200"'),
                setting("paused", "true"),
                setting("paused:ETHUSDT", "true"),
                setting("paused:BTCUSDT", "true"),
                setting("paused:SOLUSDT", "false"),
                setting("reentry:BTCUSDT", "false"),
                setting("reentry:ETHUSDT", "true"),
                setting("parameter:BTCUSDT:adx", "25"),
                setting("parameter:BTCUSDT:atr", "1.0"),
                setting("parameter::mode", '"fast:er"'),
                setting("parameter:ETHUSDT:on", "true"),
                RecordTrading(NOW, TradingState.STOPPED),
            )
        ]
    )
    recovered = await ledger.recover()
    assert recovered.trading is TradingState.STOPPED
    assert (recovered.sizing, recovered.limits) == (sizing, limits)
    assert (str(recovered.base_balance), str(recovered.equity_high)) == ("1000.10", "1200")
    assert recovered.paused == ("", "BTCUSDT", "ETHUSDT")
    assert recovered.no_reentry == ("BTCUSDT",)
    assert recovered.parameters == (
        ("", "mode", "fast:er"),
        ("BTCUSDT", "adx", 25),
        ("BTCUSDT", "atr", 1.0),
        ("ETHUSDT", "on", True),
    )
    assert [type(value) for *_, value in recovered.parameters] == [str, int, float, bool]


@pytest.mark.parametrize(
    "key, value",
    [
        ("sizing", "{"),
        ("limits", "7"),
        ("base_balance", "1000.5"),
        ("paused:X", "1"),
        ("parameter:X:y", "null"),
    ],
)
async def test_a_setting_that_cannot_be_read_is_named(database: Database, key: str, value: str) -> None:
    ledger = database.ledger(ACCOUNT)
    await ledger.commit([step(1, setting(key, value))])
    with pytest.raises(StorageError, match=rf"^setting {key}: ") as caught:
        await ledger.recover()
    assert "\n" not in str(caught.value)


async def test_the_equity_high_is_the_recorded_one_or_a_later_point(database: Database) -> None:
    ledger = database.ledger(ACCOUNT)
    points = [
        EquityPoint(NOW + n, Decimal(worth), Decimal(1), 0) for n, worth in enumerate((5000, 980, 1010, 999))
    ]
    await ledger.commit([step(1, RecordEquity(points[0]))])
    assert (await ledger.recover()).equity_high == 5000
    rebased = replace(setting("equity_high", '"1000"'), at_ms=NOW + 1)
    await ledger.commit([step(2, rebased, RecordEquity(points[1]))])
    assert (await ledger.recover()).equity_high == 1000
    await ledger.commit([step(3, RecordEquity(points[2]), RecordEquity(points[3]))])
    assert (await ledger.recover()).equity_high == 1010


async def test_kills_are_latches(database: Database) -> None:
    ledger = database.ledger(ACCOUNT)
    fast, slow = (
        Kill("BTCUSDT", KillKind.FAST, NOW, "8 losses"),
        Kill("BTCUSDT", KillKind.SLOW, NOW + 1, "PF 0.5"),
    )
    other = Kill("ETHUSDT", KillKind.MANUAL, NOW, "anna")
    await ledger.commit([step(1, RecordKill(fast), RecordKill(slow), RecordKill(other))])
    assert set((await ledger.recover()).kills) == {fast, slow, other}
    reset = KillReset("BTCUSDT", NOW + 2, "anna", "looked at it")
    again = replace(fast, at_ms=NOW + 3)
    await ledger.commit([step(2, RecordKillReset(reset))])
    assert (await ledger.recover()).kills == (other,)
    await ledger.commit([step(3, RecordKill(again))])
    assert (await ledger.recover()).kills == (other, again)
    everything = KillReset("", NOW + 4, "bert", "new week")
    await ledger.commit([step(4, RecordKillReset(everything))])
    recovered = await ledger.recover()
    assert recovered.kills == ()
    assert recovered.kill_resets == (reset, everything)
    assert await ledger.kill_resets(1) == (everything,)


async def test_a_kill_after_its_reset_in_one_step_holds(database: Database) -> None:
    ledger, kill = database.ledger(ACCOUNT), Kill("BTCUSDT", KillKind.FAST, NOW, "")
    reset = RecordKillReset(KillReset("BTCUSDT", NOW, "anna", ""))
    await ledger.commit([step(1, RecordKill(kill), reset, RecordKill(kill))])
    assert (await ledger.recover()).kills == (kill,)
    await ledger.commit([step(2, reset)])
    assert (await ledger.recover()).kills == ()


async def test_halts_are_lifted_or_run_out(database: Database) -> None:
    ledger = database.ledger(ACCOUNT)
    short = Halt("BTCUSDT", HaltKind.VOLATILITY, NOW, NOW + 5, "9 %")
    longer = replace(short, at_ms=NOW + 1, until_ms=NOW + 10**6)
    drawdown = Halt("", HaltKind.DRAWDOWN, NOW, 0, "21 %")
    await ledger.commit([step(1, RecordHalt(short), RecordHalt(drawdown))])
    assert set((await ledger.recover()).halts) == {short, drawdown}
    await ledger.commit([step(2, RecordHalt(longer))])
    assert set((await ledger.recover()).halts) == {longer, drawdown}
    await ledger.commit([step(3, RecordHalt(longer, NOW + 3), RecordHalt(drawdown, NOW + 3))])
    assert (await ledger.recover()).halts == ()
    await ledger.commit([step(4, RecordHalt(replace(short, at_ms=NOW + 4))), step(6)])
    assert (await ledger.recover()).halts == (), "it ran out before the last event"


async def test_recent_trades_begin_after_the_reset(database: Database) -> None:
    ledger = database.ledger(ACCOUNT)
    trades = [replace(TRADE, id=f"T{n}", symbol=SYMBOLS[n % 2], closed_at_ms=NOW + n) for n in range(40)]
    await ledger.commit([step(n, RecordTrade(trade)) for n, trade in enumerate(trades, start=1)])
    assert (await ledger.recover()).recent_trades == tuple(trades)
    assert (await ledger.recover(recent=3)).recent_trades == tuple(trades[-6:])
    await ledger.commit([step(41, RecordKillReset(KillReset("BTCUSDT", NOW + 36, "anna", "")))])
    assert (await ledger.recover(recent=3)).recent_trades == tuple(trades[n] for n in (35, 37, 38, 39))
    await ledger.commit([step(42, RecordKillReset(KillReset("", NOW + 38, "anna", "")))])
    assert (await ledger.recover()).recent_trades == (trades[39],)


async def test_the_last_bar_survives_pruning(database: Database) -> None:
    ledger = database.ledger(ACCOUNT)
    bars = [step(n, event=CandlesClosed(NOW + n * BAR, "15m", (candle(),))) for n in range(1, 11)]
    await ledger.commit([*bars, step(11), step(12)])
    assert await ledger.prune(NOW + 100 * BAR, 0, 4) == 4
    assert await ledger.prune(NOW + 100 * BAR, 0, 100) == 5
    assert await ledger.prune(NOW + 100 * BAR, 0, 100) == 0
    assert [row.number async for row in ledger.journal(1, 0)] == [10, 11, 12]
    recovered = await ledger.recover()
    assert recovered.last_bar_at_ms == NOW + 10 * BAR
    assert await ledger.last_step() == 12
    assert not recovered.first_start


async def test_a_broken_journal_line_is_named(database: Database) -> None:
    ledger = database.ledger(ACCOUNT)
    await ledger.commit([step(1)])

    def spoil(connection: Connection) -> None:
        connection.execute(text("UPDATE journal SET body = :body"), {"body": b"\x78\x01nothing"})

    await database._connections.write(spoil)
    with pytest.raises(StorageError, match=r"^journal line 1: "):
        _ = [row async for row in ledger.journal(1, 0)]


# --- everything at once, against a plain reading ---------------------------------------------------------------------

near = st.integers(NOW, NOW + 20)
distinct = st.integers(0, 10**9)


def _renamed(trade: RecordTrade, name: int) -> RecordTrade:
    return RecordTrade(replace(trade.trade, id=f"T{name}"))


actions = st.one_of(
    of(RecordOrder),
    of(Submit),
    of(RecordFill),
    of(RecordEntry),
    of(RecordPosition),
    st.builds(_renamed, of(RecordTrade), distinct),
    of(RecordDay),
    of(RecordTrading),
    st.builds(RecordKill, of(Kill, at_ms=near)),
    st.builds(RecordKillReset, of(KillReset, at_ms=near, symbol=st.sampled_from(["", *SYMBOLS]))),
    st.builds(setting, st.sampled_from(["paused:A", "paused:B", "reentry:A", "paused"]), st.booleans()),
    st.builds(setting, st.just("sizing"), of(Sizing)),
    st.builds(setting, st.sampled_from(["base_balance", "equity_high"]), of(Decimal)),
    of(SetLeverage),
)
histories = st.lists(st.lists(actions, max_size=6).map(tuple), min_size=1, max_size=12)


@settings(max_examples=12 if SERVER else 60, deadline=None, suppress_health_check=list(HealthCheck))
@given(histories, st.lists(st.integers(1, 5), min_size=12, max_size=12))
def test_recovery_agrees_with_a_plain_reading(
    tmp_path_factory: pytest.TempPathFactory, history: list[tuple[Action, ...]], cuts: list[int]
) -> None:
    steps = [step(number, *done) for number, done in enumerate(history, start=1)]

    async def work(database: Database) -> None:
        ledger, rest = database.ledger(ACCOUNT), list(steps)
        for cut in cuts:
            await ledger.commit(rest[:cut])
            rest = rest[cut:]
        recovered = await ledger.recover()
        expected = plain_reading(steps)
        for name, value in expected.items():
            assert getattr(recovered, name) == value, name
        assert await ledger.recover() == recovered

    checked(Path(tmp_path_factory.mktemp("recover")), work)


def plain_reading(steps: Sequence[Step]) -> dict[str, object]:
    """What a bookkeeper with a pencil would answer."""
    done = [action for one in steps for action in one.actions]
    orders, fills, kills = {}, {}, {}
    resets: dict[str, KillReset] = {}
    wallet = Decimal(0)
    for action in done:
        match action:
            case Submit(order):
                orders.setdefault(order.client_id, order)
            case RecordOrder(order):
                orders[order.client_id] = order
            case RecordFill(fill):
                fills.setdefault((fill.symbol, fill.trade_id), fill)
            case RecordEntry(entry):
                wallet = sum((p.amount for p in entry.postings if p.book is Book.WALLET), wallet)
            case RecordKill(kill):
                kills[kill.symbol, kill.kind, kill.at_ms] = kill
            case RecordKillReset(reset):
                kills = {key: kill for key, kill in kills.items() if reset.symbol not in ("", kill.symbol)}
                resets.pop(reset.symbol, None)
                resets[reset.symbol] = reset
    positions = {a.position.symbol: a for a in done if isinstance(a, RecordPosition)}
    held = [positions[symbol] for symbol in sorted(positions) if not positions[symbol].position.flat]
    days = {a.figures.day: a.figures for a in done if isinstance(a, RecordDay)}
    trades = [a.trade for a in done if isinstance(a, RecordTrade)]
    switched = {
        a.key: orjson.loads(a.value) for a in done if isinstance(a, RecordSetting) and a.key != "sizing"
    }
    booked = {name: sum(f.quantity for f in fills.values() if f.client_id == name) for name in orders}
    live = [
        order
        for order in orders.values()
        if order.status.live
        or (
            (order.status is OrderStatus.FILLED or order.purpose is Purpose.ENTRY)
            and order.intent.quantity > booked[order.client_id]
        )
    ]
    return {
        "orders": tuple(sorted(live, key=lambda order: (order.created_at_ms, order.client_id.encode()))),
        "positions": tuple(a.position for a in held),
        "open_trades": tuple(a.open_trade for a in held if a.open_trade),
        "wallet": wallet,
        "base_balance": Decimal(switched.get("base_balance", 0)),
        "equity_high": Decimal(switched.get("equity_high", 0)),
        "day": days[max(days)] if days else DayFigures(),
        "kills": tuple(sorted(kills.values(), key=lambda kill: (kill.at_ms, kill.symbol, kill.kind))),
        "kill_resets": tuple(resets.values()),
        "recent_trades": tuple(
            trade
            for trade in trades
            if all(trade.closed_at_ms > r.at_ms for name, r in resets.items() if name in ("", trade.symbol))
        ),
        "trade_count": len(trades),
        "trading": next(
            (a.state for a in reversed(done) if isinstance(a, RecordTrading)), TradingState.ACTIVE
        ),
        "sizing": next(
            (_sizing(a.value) for a in reversed(done) if isinstance(a, RecordSetting) and a.key == "sizing"),
            None,
        ),
        "paused": tuple(
            key.removeprefix("paused").removeprefix(":")
            for key in sorted(switched)
            if "pau" in key and switched[key]
        ),
        "no_reentry": tuple(
            key[8:] for key in sorted(switched) if key.startswith("reentry:") and not switched[key]
        ),
        "last_fill_at_ms": max((fill.at_ms for fill in fills.values()), default=0),
        "clean": True,
        "first_start": False,
    }


def _sizing(value: str) -> Sizing:
    plain = orjson.loads(value)
    figures = {name: Decimal(text_) for name, text_ in plain.items() if name != "mode"}
    return Sizing(SizingMode(plain["mode"]), **figures)
