"""Another model in use, in the running house: swapped at the next bar, told of, kept, taken back from the chat."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from placing_house import ACTOR, FRAME, UPDATE, install
from whole_house import Desk, whole_house

from bot.domain.command import Change, Done, UseModel
from bot.domain.event import ClustersChanged
from bot.domain.refusal import Refused
from bot.ml import files
from bot.ml.writing import held, make_current

PLACE = "metronome/XRPUSDT"


def in_use(home: Path) -> str | None:
    return files.current_version(files.place(home / "models", "metronome", "XRPUSDT"))


async def until(so: Callable[[], bool]) -> None:
    """Wait for it; whoever waits for ever fails."""
    for _ in range(20_000):
        if so():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it never came")


async def last_change(desk: Desk) -> int:
    return (await desk.house.desk.settings(1))[0].id


async def test_it_counts_from_the_next_bar_and_undo_goes_back(tmp_path: Path) -> None:
    install(tmp_path)
    async with whole_house(tmp_path, (FRAME,), history=20) as desk:
        await desk.bars(1)
        answer = await desk.house.desk.execute(UPDATE, ACTOR)
        assert answer == Done((Change(f"model in use of {PLACE}", "v0001", "v0002"),))
        assert in_use(tmp_path) == "v0002"
        told = await desk.bars(1)
        assert f"Model {PLACE}: v0002 is in use now instead of v0001" in told
        listed = await desk.say("/settings")
        assert f"current_model:{PLACE}" in listed
    async with whole_house(tmp_path, (FRAME,), history=22) as desk:
        card = await desk.say(f"/undo {await last_change(desk)}")
        assert "v0002" in card
        assert "v0001" in card
        assert in_use(tmp_path) == "v0002", "the card is only a card"
        await desk.say("Confirm")
        assert in_use(tmp_path) == "v0001"
        told = await desk.bars(1)
        assert f"Model {PLACE}: v0001 is in use now instead of v0002" in told
        rows = await desk.house.desk.settings(2)
        assert [(r.value, r.actor, r.before, r.after) for r in rows] == [
            ('"v0001"', "console:operator", "v0002", "v0001"),
            ('"v0002"', ACTOR, "v0001", "v0002"),
        ]


async def test_what_the_command_line_put_there_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    install(tmp_path)
    async with whole_house(tmp_path, (FRAME,), history=20) as desk:
        await desk.house.desk.execute(UPDATE, ACTOR)
        number = await last_change(desk)
        make_current(tmp_path / "models", "metronome", "XRPUSDT", "v0001")
        said = await desk.house.desk.execute(UPDATE, ACTOR)
        assert isinstance(said, Done)
        make_current(tmp_path / "models", "metronome", "XRPUSDT", "v0001")
        await desk.say(f"/undo {number}")
        await desk.say("Confirm")
        assert in_use(tmp_path) == "v0001"
        wrong = replace(UPDATE, before="v0007")
        said = await desk.house.desk.execute(wrong, ACTOR)
        assert said == Refused("model", f"{PLACE}: v0001 is in use now, no longer v0007")
        gone = await desk.house.desk.execute(replace(UPDATE, version="v0009"), ACTOR)
        assert isinstance(gone, Refused)
        assert "v0009/card.json: is missing" in gone.figures


async def test_trading_goes_on_while_somebody_else_writes_there(tmp_path: Path) -> None:
    install(tmp_path)
    folder = files.place(tmp_path / "models", "metronome", "XRPUSDT")
    async with whole_house(tmp_path, (FRAME,), history=20) as desk:
        with held(folder):
            asked = asyncio.create_task(desk.house.desk.execute(UPDATE, ACTOR))
            await until(lambda: bool(desk.house.engine.state.placings))
            general = UseModel("metronome", "_general", "v0001", "")
            refused = await desk.house.desk.execute(general, ACTOR)
            assert isinstance(refused, Refused), "another place does not wait; there is no such version"
            desk.house.loop.put(ClustersChanged(desk.house.now_ms(), (("XRPUSDT", 2),)))
            await until(lambda: desk.house.engine.state.clusters == {"XRPUSDT": 2})
            assert not asked.done()
        assert isinstance(await asked, Done)
    async with whole_house(tmp_path, (FRAME,), history=20) as desk:
        assert desk.house.engine.state.clusters == {"XRPUSDT": 2}
        rows = await desk.house.desk.settings(9)
        assert [row.key for row in rows] == [f"current_model:{PLACE}", "base_balance"]
