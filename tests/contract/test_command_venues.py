"""New commands over paper and both exchanges: leverage, a manual entry, a drill, a panic cut by a kill."""

import asyncio
from pathlib import Path

import pytest
from contract_house import VENUES, Floor, submits
from contract_play import play
from contract_stories import LONG, NOTHING

from bot.domain.command import ChangeLeverage, Done, OpenPosition, PanicClose, Resume
from bot.domain.guard import TradingState
from bot.domain.notice import NoticeKind
from bot.domain.order import CloseReason, Purpose
from bot.domain.refusal import Refused
from bot.domain.signal import Side
from bot.runtime.desk import DrillReport


@pytest.mark.parametrize("how", ["clean", "kill"])
@pytest.mark.parametrize("venue", VENUES)
def test_a_leverage_is_the_venues_and_lasts(venue: str, how: str, tmp_path: Path) -> None:
    async def story(floor: Floor) -> None:
        done = await floor.command(ChangeLeverage(floor.symbol, 4))
        assert isinstance(done, Done), done
        refused = await floor.command(ChangeLeverage(floor.symbol, 999))
        assert isinstance(refused, Refused)
        await floor.bar(LONG)
        await floor.bar(NOTHING)
        await floor.again(how)
        await floor.rest(5)
        symbol = floor.state.symbols[floor.symbol]
        assert symbol.leverage == 4
        await floor.command(PanicClose(floor.symbol))
        await floor.rest(5)
        snapshot = await floor.house.venue.snapshot(0)
        assert {p.leverage for p in snapshot.positions if p.symbol == floor.symbol} <= {4}

    play(venue, tmp_path, story)


@pytest.mark.parametrize("venue", VENUES)
def test_a_manual_entry_and_a_drill(venue: str, tmp_path: Path) -> None:
    async def story(floor: Floor) -> None:
        await floor.bar(LONG)
        await floor.bar(NOTHING)
        await floor.command(PanicClose(floor.symbol))
        await floor.command(Resume(floor.symbol))
        shown = floor.house.desk.preview_open(floor.symbol, Side.SHORT)
        done = await floor.command(OpenPosition(floor.symbol, Side.SHORT))
        assert isinstance(done, Done), (shown, done)
        await floor.rest(5)
        assert floor.size() < 0
        assert len(floor.live(Purpose.STOP)) == 1
        await floor.command(PanicClose(floor.symbol))
        await floor.command(Resume(floor.symbol))
        await floor.rest(1)  # the answer leaves with the cancels of what protected it
        report = await floor.house.desk.drill(floor.symbol, "console:operator")
        assert isinstance(report, DrillReport), report
        assert 0 <= report.filled_ms < 5_000
        assert 0 <= report.covered_ms < 5_000
        assert 0 <= report.flat_ms < 10_000
        assert report.receipts[0].left == 0
        assert report.trading is TradingState.ACTIVE
        assert floor.size() == 0

    play(venue, tmp_path, story)


@pytest.mark.parametrize("when", ["hang_before", "hang_after"])
@pytest.mark.parametrize("venue", VENUES)
def test_a_panic_cut_by_a_kill_is_finished_by_the_next_start(venue: str, when: str, tmp_path: Path) -> None:
    """The process dies around the close order, before it leaves or after the venue has it."""

    async def story(floor: Floor) -> None:
        await floor.bar(LONG)
        await floor.bar(NOTHING)
        assert floor.size() > 0
        setattr(floor.tape, when, submits(Purpose.CLOSE))
        asked = asyncio.create_task(floor.command(PanicClose()))
        await floor.rest(2)
        assert floor.tape.hung
        asked.cancel()
        floor.excused.add(
            "order"
        )  # what the start finds gone: the close that never left, the exits of what is closed
        await floor.again("kill")
        await floor.rest(20)
        assert floor.size() == 0
        assert floor.state.trading is TradingState.STOPPED
        titles = [n.title for n in await floor.notices(NoticeKind.PANIC)]
        assert [t for t in titles if "finished after a restart: flat, verified with the venue" in t]
        assert await floor.reasons() == [CloseReason.PANIC]

    play(venue, tmp_path, story)
