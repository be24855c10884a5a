"""Training on a whole house: a real worker writes a version, it waits, approved it counts, undone it does not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from training_house import CONFIG, HISTORY, USER, XRP, folder, market_of, service_of
from whole_house import Desk, said, whole_house

from bot.domain.refusal import Refused
from bot.ml import files
from bot.ml.model import ModelError
from bot.ml.writing import make_current
from bot.strategy import Frame
from cli.workshop.crew import STOPPED
from handlers.lab import unheard
from handlers.trainer import Trained, TrainOrder

pytestmark = pytest.mark.timeout(300)  # real workers train, on whatever machine


@asynccontextmanager
async def house(home: Path, *frames: Frame, history: int = HISTORY) -> AsyncIterator[Desk]:
    async with whole_house(home, frames or (XRP,), CONFIG, history=history) as desk:
        yield desk


async def test_trained_approved_used_at_the_next_bar_and_taken_back(tmp_path: Path) -> None:
    async with house(tmp_path) as desk:
        shown = await said(desk, "/retrain xrp", "Confirm")
        assert "Proposal p1: model metronome/XRPUSDT v0001" in shown
        assert "Profit factor with the filter" in shown
        assert files.current_version(folder(tmp_path)) is None, "nothing counts before it is approved"
        assert "none → v0001" in await said(desk, "/approve p1", "1")
        assert files.current_version(folder(tmp_path)) == "v0001"
        assert "Model metronome/XRPUSDT: v0001 is in use now" in await desk.bars(2)
        listed = await said(desk, "/ml")
        assert "XRPUSDT" in listed
        [change] = [row for row in await desk.house.desk.settings(9) if row.key.startswith("current_model:")]
        assert (change.actor, change.before, change.after) == (USER, "none", "v0001")
        assert "was approved by console:operator" in await said(desk, "/approve p1")
    async with house(tmp_path, history=HISTORY + 2) as desk:
        assert "was approved by console:operator" in await said(desk, "/approve p1")
        assert "v0001 → none" in await said(desk, f"/undo {change.id}", "1")
        assert files.current_version(folder(tmp_path)) is None
        assert "v0001 was taken out of use" in await desk.bars(2)


async def test_the_second_stands_beside_the_first_and_not_when_another_is_in_use(tmp_path: Path) -> None:
    async with house(tmp_path) as desk:
        await said(desk, "/retrain xrp", "Confirm", "/approve p1", "1", "/retrain xrp", "Confirm")
        shown = await said(desk, "/proposals")
        first = files.read_card(folder(tmp_path) / "v0001")
        [line] = [one for one in shown.splitlines() if " Rows " in one]
        assert line.split()[-2:] == [str(first.rows)] * 2
        assert "v0001  " in shown
        await said(desk, "/retrain xrp", "Confirm", "/approve p2", "1")
        refused = await said(desk, "/approve p3")
        assert "v0002 is in use now; it was v0001 when this was proposed" in refused
        make_current(tmp_path / "models", "metronome", "XRPUSDT", "v0001")
        (folder(tmp_path) / "v0003" / "model.txt").write_bytes(b"tree\n")
        assert "v0003 cannot be used" in await said(desk, "/approve p3")
        (folder(tmp_path) / "v0003" / "card.json").unlink()
        assert "v0003 cannot be used" in await said(desk, "/approve p3")
        assert files.current_version(folder(tmp_path)) == "v0001"


async def test_too_few_candles_are_one_line_and_nothing_waits(tmp_path: Path) -> None:
    async with house(tmp_path, history=60) as desk:
        shown = await said(desk, "/retrain xrp", "Confirm")
        assert "Not done" in shown
        assert "XRPUSDT: " in shown
        assert "Nothing waits" in await said(desk, "/proposals")
        assert not any(folder(tmp_path).glob("v*"))
        assert "Traceback" not in shown


async def test_one_after_the_other_and_stopped_wherever_it_is(tmp_path: Path) -> None:
    async with house(tmp_path, XRP, market_of(2, "BTCUSDT")) as desk:
        service, heard, second = service_of(desk.house), [], asyncio.Event()

        async def follow(part: float, at: str) -> None:
            if at == "BTCUSDT, 2 of 2: candles":
                second.set()

        async def tell(part: float, at: str) -> None:
            heard.append(at)

        first = asyncio.create_task(service.train(TrainOrder(("XRPUSDT", "BTCUSDT"), USER), follow))
        await asyncio.sleep(0)
        assert service.queued("XRPUSDT")
        other = asyncio.create_task(service.train(TrainOrder(("BTCUSDT",), "telegram:7"), tell))
        async with asyncio.timeout(60):
            while not heard:  # noqa: ASYNC110 - it is told in its own time
                await asyncio.sleep(0.01)
        assert heard == ["BTCUSDT: waits for the training of metronome/XRPUSDT"]
        assert service.queued("BTCUSDT")
        again = await service.train(TrainOrder(("XRPUSDT",), USER), unheard)
        assert again == Refused("running", "you have a training running; one at a time")
        assert await service.stop("telegram:7") == "a training"
        assert await asyncio.wait_for(other, 60) == STOPPED
        await asyncio.wait_for(second.wait(), 60)
        assert await service.stop(USER) == "a training"
        found = await asyncio.wait_for(first, 60)
        assert isinstance(found, tuple)
        assert [(one.symbol, one.version) for one in found] == [("XRPUSDT", "v0001")]
        assert not service.queued("XRPUSDT")
        assert not service.queued("BTCUSDT")
        assert await service.stop(USER) == ""


async def test_a_worker_that_dies_leaves_a_line_and_no_version(tmp_path: Path) -> None:
    async with house(tmp_path) as desk:
        service = service_of(desk.house)
        service.orders.lab.crew.command = ("false",)
        found = await service.train(TrainOrder(("XRPUSDT",), USER), unheard)
        fault = "a training failed before its end; nothing of it is kept"
        assert found == (Trained("XRPUSDT", fault=fault),)
        with pytest.raises(ModelError):
            service.versions.card(("metronome", "XRPUSDT"), "v0001")


async def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("no folder")
    async with house(tmp_path) as desk:
        shown = await said(desk, "/retrain xrp", "Confirm")
        assert "XRPUSDT: metronome/XRPUSDT: cannot be written: Not a directory." in shown
        assert "Nothing waits" in await said(desk, "/proposals")


async def test_it_is_taught_with_the_parameters_in_use(tmp_path: Path) -> None:
    """What a person set at run time makes the signals that the model will be asked about."""
    async with house(tmp_path) as desk:
        await said(desk, "/set xrp distance 0.02", "Confirm", "/retrain xrp", "Confirm")
        card = files.read_card(folder(tmp_path) / "v0001")
        assert card.parameters["metronome.distance"] == 0.02
        await said(desk, "/set xrp distance 0.005", "Confirm", "/retrain xrp", "Confirm")
        nearer = files.read_card(folder(tmp_path) / "v0002")
        assert nearer.parameters["metronome.distance"] == 0.005
        timed_out = [one.parameters["signals_timed_out"] for one in (card, nearer)]
        assert int(str(timed_out[0])) > int(str(timed_out[1])), "levels farther away are reached later"
