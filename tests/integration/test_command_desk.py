"""The desk over a whole house on the paper venue: a manual entry, a drill, a rehearsal, and what a restart finishes."""

import asyncio
from decimal import Decimal
from pathlib import Path

from whole_house import market, whole_house

from bot.domain.command import (
    Change,
    ChangeLeverage,
    Done,
    NoteTrade,
    OpenPosition,
    PanicClose,
    Pause,
    SetAlert,
    UndoSetting,
)
from bot.domain.event import Call, CallEnded, CommandIssued, Outcome
from bot.domain.guard import TradingState
from bot.domain.order import CloseReason, Order, Purpose
from bot.domain.refusal import Refused
from bot.domain.signal import Side
from bot.engine import reading
from bot.engine.views import OpenPreview, SettingPreview
from bot.runtime.desk import DrillReport
from bot.runtime.ports import TradeQuery

ME = "console:operator"
SYMBOLS = ("XRPUSDT", "ADAUSDT")


def frames() -> list[object]:
    return [market([1.0 + 0.001 * (i % 3) for i in range(40)], symbol) for symbol in SYMBOLS]


async def test_a_drill_leaves_everything_as_it_was(tmp_path: Path) -> None:
    async with whole_house(tmp_path, frames()) as person:
        house, desk = person.house, person.house.desk
        await person.bars(2)
        held = desk.status().positions
        assert {p.symbol for p in held} == set(SYMBOLS)
        refused = await desk.drill("XRPUSDT", ME)
        assert refused == Refused(
            "drill", "XRPUSDT is not flat: a drill needs a symbol without position and orders"
        )
        await desk.execute(PanicClose("XRPUSDT"), ME)
        await house.settled()  # the answer leaves with the cancels of what protected it
        assert isinstance(await desk.drill("XRPUSDT", ME), Refused), "paused: the gates are not skipped"
        house.engine.state.symbols["XRPUSDT"].paused = False
        other = desk.status().positions
        report = await desk.drill("XRPUSDT", ME)
        assert isinstance(report, DrillReport)
        assert (report.filled_ms, report.covered_ms, report.flat_ms) == (0, 0, 0), "paper answers at once"
        assert [r.left for r in report.receipts] == [0]
        assert report.trading is TradingState.ACTIVE
        assert not house.engine.state.symbols["XRPUSDT"].paused
        assert desk.status().positions == other
        (trade,) = await desk.trades(TradeQuery(1, "XRPUSDT"))
        assert (trade.strategy, trade.fees) == ("drill", report.fees)
        assert report.fees > 0
        assert trade.net not in house.engine.state.symbols["XRPUSDT"].nets


async def test_with_real_money_there_is_no_drill(tmp_path: Path) -> None:
    async with whole_house(tmp_path, frames()) as person:
        desk = person.house.desk
        desk._around = type(desk._around)(
            desk._around.jobs, desk._around.health, desk._around.config, desk._around.now_ms
        )
        refused = await desk.drill("XRPUSDT", ME)
        assert refused == Refused("drill", "not with real money: drills are for paper, testnet and sandbox")
        assert desk.orders() == ()


async def test_preview_rehearsal_and_entry_agree(tmp_path: Path) -> None:
    async with whole_house(tmp_path, frames()) as person:
        house, desk = person.house, person.house.desk
        await desk.execute(Pause(), ME)
        await person.bars(2)
        house.engine.state.paused = False
        before = reading.dump(house.engine.state)
        shown = desk.preview_open("XRPUSDT", Side.SHORT)
        calls = await desk.dry(OpenPosition("XRPUSDT", Side.SHORT), ME)
        assert reading.dump(house.engine.state) == before
        assert isinstance(shown, OpenPreview)
        assert [call.what for call in calls] == ["submit", "submit", "submit"]
        done = await desk.execute(OpenPosition("XRPUSDT", Side.SHORT), ME, "telegram:7")
        assert isinstance(done, Done)
        assert done.decision is not None
        assert done.decision.gates == shown.gates
        await house.loop.settled()
        (held,) = desk.status().positions
        assert (held.side, held.quantity, held.covered) == (Side.SHORT, shown.quantity, True)
        assert (await desk.decisions(1))[0] == done.decision
        lines = [row.event async for row in desk._books.ledger.journal(1, 0)]
        origins = [event.origin for event in lines if isinstance(event, CommandIssued)]
        assert origins == ["", "telegram:7"]


async def test_what_changed_can_be_named_and_is_there_after_a_restart(tmp_path: Path) -> None:
    async with whole_house(tmp_path, frames()) as person:
        await person.bars(2)
        await person.house.desk.execute(Pause("XRPUSDT"), ME)
        (change, *_) = await person.house.desk.settings(1)
        assert change.id > 0
        found = change
    async with whole_house(tmp_path, frames()) as person:
        (change, *_) = await person.house.desk.settings(1)
        assert change == found


async def test_a_panic_that_a_kill_cut_short_is_finished_by_the_next_start(tmp_path: Path) -> None:
    """The venue refuses the closes and then the process is gone: the next one closes, proves and tells."""
    async with whole_house(tmp_path, frames()) as person:
        house = person.house
        await person.bars(2)
        assert len(house.desk.status().positions) == 2
        plain = house.venue.submit

        async def refusing(order: Order) -> CallEnded:
            if order.purpose is Purpose.CLOSE:
                return CallEnded(
                    house.venue.now_ms, order.client_id, order.symbol, Call.SUBMIT, Outcome.NOT_DONE, "-1008"
                )
            return await plain(order)

        house.venue.submit = refusing  # type: ignore[method-assign]
        asked = asyncio.create_task(house.desk.execute(PanicClose(), ME, "telegram:8"))
        await asyncio.sleep(0.05)
        await house.loop.settled()
        assert not asked.done()
        asked.cancel()
    async with whole_house(tmp_path, frames()) as person:
        house = person.house
        await house.loop.settled()
        status = house.desk.status()
        assert (status.positions, status.trading) == ((), TradingState.STOPPED)
        assert house.desk.orders() == ()
        told = await person.bars(1)
        assert "finished after a restart: flat, verified with the venue" in told
        trades = await house.desk.trades(TradeQuery(2))
        assert {t.reason for t in trades} == {CloseReason.PANIC}
    async with whole_house(tmp_path, frames()) as person:
        await person.house.loop.settled()
        assert "after a restart" not in await person.bars(1)
        assert person.house.desk.status().trading is TradingState.STOPPED


async def test_alerts_notes_leverage_and_undo_on_the_real_books(tmp_path: Path) -> None:
    async with whole_house(tmp_path, frames()) as person:
        desk = person.house.desk
        await desk.execute(Pause("ADAUSDT"), ME)
        await person.bars(2)
        assert isinstance(
            await desk.execute(SetAlert("XRPUSDT", True, Decimal(2), "console:operator"), ME), Done
        )
        assert isinstance(await desk.execute(NoteTrade("XRPUSDT", "mine", ME), ME), Done)
        assert isinstance(await desk.execute(ChangeLeverage("ADAUSDT", 8), ME), Done)
        (change, *_) = await desk.settings(1)
        assert (change.key, change.before, change.after) == ("leverage:ADAUSDT", "5x", "8x")
    async with whole_house(tmp_path, frames()) as person:
        desk = person.house.desk
        await person.house.loop.settled()
        assert [a.price for a in desk.alerts("console:operator")] == [2]
        assert [(n.text, n.opened_at_ms) for n in await desk.notes(5, "XRPUSDT")] == [
            ("mine", desk.status().positions[0].opened_at_ms)
        ]
        assert desk.risk().leverage["ADAUSDT"] == 8
        shown = await desk.preview_setting(UndoSetting(change.id), ME)
        done = await desk.execute(UndoSetting(change.id), ME)
        assert isinstance(done, Done)
        assert isinstance(shown, SettingPreview)
        assert done.changes == shown.changes == (Change("leverage of ADAUSDT", "8x", "5x"),)
        again = await desk.execute(UndoSetting(change.id), ME)
        assert isinstance(again, Refused)
    async with whole_house(tmp_path, frames()) as person:
        assert person.house.desk.risk().leverage["ADAUSDT"] == 5
