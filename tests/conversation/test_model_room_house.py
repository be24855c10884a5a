"""What a house keeps of its models: what a proposal names stays, and what stands in a folder stops no training."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from test_trials_house import PLACE, UP, install, job, rounds_of
from training_house import folder, service_of
from whole_house import Desk, said, whole_house

from bot.domain.errors import StorageError
from bot.ml import files
from bot.ml.challenger import make_challenger
from bot.ml.model import ModelError
from bot.runtime.codec import encode
from bot.runtime.proposals import ProposalState, Verdict
from cli.training.joining import HOURLY, WEEKLY
from cli.training.orders import Orders
from cli.training.service import TrainingService
from cli.training.turns import Ticket
from cli.training.versions import KEPT
from cli.workshop.asking import TrainAnswer
from cli.workshop.crew import Crew, Task
from handlers.lab import unheard
from handlers.proposal_book import Book

CONFIG = "ml: {mode: shadow, retrain_every: 100000}\n"


@asynccontextmanager
async def house(home: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """Its workers write a version at once, as old as all the others."""

    async def parcel(*_: object) -> bytes:
        return b""

    async def result(crew: Crew, task: Task, told: object) -> bytes:
        return encode(TrainAnswer(install(home, 0.5, 1), ("Rows.",)))

    monkeypatch.setattr(Orders, "parcel", parcel)
    monkeypatch.setattr(Crew, "result", result)
    async with whole_house(home, [UP], CONFIG, history=60) as desk:
        yield desk


async def trained(service: TrainingService) -> TrainAnswer:
    answer = await service.made(Ticket("console:operator", PLACE), unheard)
    assert isinstance(answer, TrainAnswer)
    return answer


def there(home: Path) -> list[int]:
    """The numbers of the versions that are there."""
    return [int(version.removeprefix("v")) for version in files.versions(folder(home))]


async def test_a_version_that_a_proposal_names_is_not_removed_while_it_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(KEPT + 2):
        install(tmp_path, 0.5, 1)
    async with house(tmp_path, monkeypatch) as desk:
        service = service_of(desk.house)
        for version in ("v0001", "v0003"):
            await service.filed(PLACE, version, "training asked by ann")
        assert await trained(service) == TrainAnswer("v0013", ("Rows.",))
        assert there(tmp_path) == [1, 3, *range(6, 14)]
        assert "is in use now" in await said(desk, "/approve p1", "1") + await desk.bars(2)
        assert files.current_version(folder(tmp_path)) == "v0001"
        await said(desk, "/reject p2 no", "1")
        await trained(service)
        assert there(tmp_path) == [1, *range(6, 15)], "nobody waits for v0003 any more"


async def test_a_version_on_its_way_into_use_and_one_that_was_just_tried_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(KEPT + 2):
        install(tmp_path, 0.5, 1)
    make_challenger(tmp_path / "models", *PLACE, "v0002")
    async with house(tmp_path, monkeypatch) as desk:
        service, real = service_of(desk.house), Book.bodies
        await service.filed(PLACE, "v0001", "training asked by ann")
        verdict = Verdict("console:operator", desk.house.now_ms())
        book = desk.house.database.proposals(desk.house.plan.account)
        assert await book.move(1, ProposalState.WAITING, ProposalState.APPLYING, verdict)

        async def ends(book: Book, kind: str) -> object:
            """A trial ends between two looks."""
            found = await real(book, kind)
            (folder(tmp_path) / files.CHALLENGER).unlink()
            return found

        monkeypatch.setattr(Book, "bodies", ends)
        await trained(service)
        assert there(tmp_path) == [1, 2, *range(6, 14)]


@pytest.mark.parametrize(
    "where, fault, why",
    [
        (Book, StorageError("planted"), "the book of proposals cannot be read"),
        (Book, ValueError("planted"), "the book of proposals cannot be read"),
        (
            None,
            ModelError("m/XRPUSDT: cannot be written: No space"),
            "m/XRPUSDT: cannot be written: No space",
        ),
    ],
    ids=["books", "body", "disk"],
)
async def test_what_was_trained_counts_also_where_no_room_can_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: type | None, fault: Exception, why: str
) -> None:
    def refuse(*_: object) -> object:
        raise fault

    for _ in range(KEPT):
        install(tmp_path, 0.5, 1)
    async with house(tmp_path, monkeypatch) as desk:
        if where is not None:
            monkeypatch.setattr(where, "bodies", refuse)
        else:
            monkeypatch.setattr("cli.training.versions.prune", refuse)
        answer = await trained(service_of(desk.house))
        assert answer == TrainAnswer("v0011", ("Rows.", f"Older versions could not be removed: {why}."))
        assert there(tmp_path) == [*range(1, 12)]


async def test_a_folder_called_challenger_keeps_no_model_from_its_weekly_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    install(tmp_path, 0.5, 1, current=True)
    (folder(tmp_path) / files.CHALLENGER).mkdir()
    async with house(tmp_path, monkeypatch) as desk:
        rounds = rounds_of(desk)
        assert not rounds.trials.is_tried("XRPUSDT")
        assert await job(desk, HOURLY) == ""
        before = len(desk.screen.getvalue())
        assert await job(desk, WEEKLY) == "1 trained"
        told = " ".join(desk.screen.getvalue()[before:].split())
        assert (
            "v0002 is written, but cannot be tried: metronome/XRPUSDT/challenger: is a folder; remove it"
            in told
        )
        said_once = "metronome/XRPUSDT/challenger: is a folder, where a file names who is tried; remove it"
        assert said_once in caplog.messages
        (folder(tmp_path) / files.CURRENT).unlink()
        entered = await rounds.trials.enter(PLACE, "v0002")
        assert entered.said == "v0002 waits for approval"
        rounds.wishes = replace(rounds.wishes, now_ms=lambda: 1 << 42)
        assert await job(desk, WEEKLY) == "1 trained"
        assert (folder(tmp_path) / files.CHALLENGER).is_dir()
