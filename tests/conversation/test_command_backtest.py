"""A backtest from the chat: the candles that were traded, in a process of its own, come to the same trades."""

import asyncio
import re
from dataclasses import replace
from pathlib import Path

from whole_house import BAR_MS, Desk, market, whole_house

from bot.domain.refusal import Refused
from bot.domain.trade import Trade
from bot.runtime.ports import TradeQuery
from cli.lab import WorkerLab
from cli.workshop.ground import unbroken
from handlers.lab import BacktestOrder, BacktestResult, Research, TriedTrade

WAVES = [0.6 * (1 + 0.012 * ((i // 3) % 2)) * 0.9995**i for i in range(140)]
LOOSE = """
sizing: {mode: risk_usd, value: "20"}
limits: {daily_loss_percent: "0", drawdown_percent: "0", kill_losing_run: 0, kill_trades: 0}
"""
ORDER = BacktestOrder("XRPUSDT", 30, "", "console:operator")


def lab_of(desk: Desk) -> WorkerLab:
    seat = desk.house.front.seats[desk.house.name]
    [found] = [thing.lab for thing in seat.context if isinstance(thing, Research)]
    assert isinstance(found, WorkerLab)
    return found


async def ignored(part: float, at: str) -> None:
    """Nobody looks."""


def shape(trade: Trade | TriedTrade) -> tuple[object, ...]:
    """What does not depend on how much money there was."""
    prices = float(trade.entry_price), float(trade.exit_price)
    return trade.side, *prices, trade.opened_at_ms, trade.reason


async def test_a_backtest_of_the_candles_that_were_traded_comes_to_the_same_trades(tmp_path: Path) -> None:
    async with whole_house(tmp_path, [market(WAVES)], LOOSE) as desk:
        await desk.bars(130)
        lived = await desk.house.desk.trades(TradeQuery())
        assert len(lived) > 10
        told: list[float] = []

        async def tell(part: float, at: str) -> None:
            told.append(part)

        found = await lab_of(desk).backtest(ORDER, tell)
        assert isinstance(found, BacktestResult), found
        assert found.bars >= 128
        assert told[0] == 0.0
        assert told == sorted(told)
        assert told[-1] > 0.9
        assert found.figures.trades >= len(lived)
        assert found.file is not None
        assert b"Equity" in found.file.content
        skipped = max(0, found.figures.trades - len(found.last))
        both = zip(found.last, lived[skipped:], strict=False)
        assert [shape(one) for one, _ in both][:8] == [shape(one) for one in lived[skipped : skipped + 8]]
        assert "Only 1.4 of 30 days are known." in found.remarks[0]


async def test_too_few_candles_are_said(tmp_path: Path) -> None:
    async with whole_house(tmp_path, [market(WAVES)], LOOSE) as desk:
        await desk.bars(20)
        found = await lab_of(desk).backtest(ORDER, ignored)
        assert isinstance(found, Refused)
        assert re.fullmatch(
            r"\d+ candles of XRPUSDT are known without a gap; at least 51 are needed.*", found.figures
        )


async def test_one_at_a_time_and_stopped_at_once(tmp_path: Path) -> None:
    async with whole_house(tmp_path, [market(WAVES)], LOOSE) as desk:
        await desk.bars(80)
        lab = lab_of(desk)
        begun = asyncio.Event()

        async def tell(part: float, at: str) -> None:
            begun.set()

        running = asyncio.create_task(lab.backtest(ORDER, tell))
        await asyncio.wait_for(begun.wait(), 60)
        second = await lab.backtest(replace(ORDER, days=3), ignored)
        assert isinstance(second, Refused)
        assert second.rule == "running"
        assert await lab.stop(ORDER.user)
        first = await asyncio.wait_for(running, 60)
        assert first == Refused("stopped", "it was stopped")
        assert await lab.stop(ORDER.user) == ""
        assert isinstance(await lab.backtest(ORDER, ignored), BacktestResult)


async def test_a_worker_that_dies_is_told_without_its_words(tmp_path: Path) -> None:
    async with whole_house(tmp_path, [market(WAVES)], LOOSE) as desk:
        await desk.bars(80)
        lab = lab_of(desk)
        lab.crew.command = ("false",)
        found = await lab.backtest(ORDER, ignored)
        assert found == Refused("died", "a backtest failed before its end; nothing of it is kept")


async def test_a_strategy_that_is_not_there_is_refused(tmp_path: Path) -> None:
    async with whole_house(tmp_path, [market(WAVES)], LOOSE) as desk:
        await desk.bars(2)
        found = await lab_of(desk).backtest(replace(ORDER, strategy="nonsense"), ignored)
        assert isinstance(found, Refused)
        assert found.rule == "strategy"


def test_only_the_newest_unbroken_stretch_counts() -> None:
    whole = market([1.0, 1.1, 1.2, 1.3, 1.4])
    times = whole.open_at_ms.copy()
    times[3:] += BAR_MS
    assert list(unbroken(replace(whole, open_at_ms=times)).close) == [1.3, 1.4]
    assert len(unbroken(whole)) == 5
