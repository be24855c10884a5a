"""The desk over a whole house on the paper venue: a manual entry, a drill, a rehearsal, and what a restart finishes."""

from pathlib import Path

from whole_house import market, whole_house

from bot.domain.command import Done, OpenPosition, PanicClose, Pause
from bot.domain.guard import TradingState
from bot.domain.refusal import Refused
from bot.domain.signal import Side
from bot.engine import reading
from bot.engine.views import OpenPreview
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
