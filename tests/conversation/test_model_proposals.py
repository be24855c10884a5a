"""Versions as proposals: decided once, settled after a crash by what the books say, refused by name."""

from pathlib import Path

import pytest
from test_trials_house import PLACE, UP, house, install
from training_house import folder, service_of
from whole_house import Desk, said

from bot.domain.command import UseModel
from bot.ml import files
from bot.ml.writing import make_current
from bot.runtime.proposals import ProposalState, Verdict
from handlers.model_versions import KIND, ModelVersions, draft_of
from handlers.proposal_book import Book

USER = "console:operator"


def book_of(desk: Desk) -> Book:
    book = service_of(desk.house).book
    assert isinstance(book, Book)
    return book


async def waiting(desk: Desk, home: Path) -> str:
    """A version that nobody uses, as a proposal; its body."""
    version = install(home, 0.5, 1)
    await service_of(desk.house).filed(PLACE, version, "training")
    filed = await book_of(desk).store.get(1)
    assert filed is not None
    return filed.draft.body


def use(version: str, before: str = "", symbol: str = "XRPUSDT", strategy: str = "metronome") -> UseModel:
    return UseModel(strategy, symbol, version, before)


@pytest.mark.parametrize("died", ["before", "after"])
async def test_a_crash_in_the_middle_is_settled_by_what_the_books_say(tmp_path: Path, died: str) -> None:
    async with house(tmp_path, UP) as desk:
        body, book = await waiting(desk, tmp_path), book_of(desk)
        verdict = Verdict(USER, desk.house.now_ms())
        assert await book.store.move(1, ProposalState.WAITING, ProposalState.APPLYING, verdict)
        if died == "after":
            await book.kinds[KIND].apply(body, USER, "")
    async with house(tmp_path, UP) as desk:
        answer = await said(desk, "/approve p1")
        if died == "after":
            assert "was approved by console:operator" in answer
        else:
            assert "none → v0001" in answer
            await desk.say("1")
        assert files.current_version(folder(tmp_path)) == "v0001"
        [change] = [one for one in await desk.house.desk.settings(9) if one.key.startswith("current_model:")]
        assert (change.actor, change.after) == (USER, "v0001")


async def test_what_is_on_its_way_cannot_be_told_yet(tmp_path: Path) -> None:
    async with house(tmp_path, UP) as desk:
        body, desk_ = await waiting(desk, tmp_path), desk.house.desk
        verdict = Verdict(USER, desk.house.now_ms())
        asked: list[tuple[str, str]] = []

        def under_way(strategy: str, symbol: str) -> bool:
            asked.append((strategy, symbol))
            return True

        kind = ModelVersions(desk_, tmp_path / "models", under_way)
        assert await kind.applied(body, verdict) is None
        assert asked == [PLACE]
        assert await ModelVersions(desk_, tmp_path / "models", lambda *_: False).applied(body, verdict) == 0
        await kind.apply(body, "telegram:9", "")
        assert await kind.applied(body, verdict) is None, "somebody else's change is not this one"
        later = Verdict("telegram:9", desk.house.now_ms() + 1)
        assert await kind.applied(body, later) is None, "one from before the verdict is not, either"
        mine = await kind.applied(body, Verdict("telegram:9", verdict.at_ms))
        assert mine


async def test_what_cannot_be_applied_is_told_by_name(tmp_path: Path) -> None:
    async with house(tmp_path, UP) as desk:
        install(tmp_path, 0.5, 1)
        book = book_of(desk)
        for command in (
            use("v0001", symbol="GONEUSDT"),
            use("v0001", strategy="composite"),
            use("v0001", symbol="_general", strategy="composite"),
            use("v0009"),
            use("v0001", symbol="_general"),
        ):
            await book.file(draft_of(command, (), "test"))
        refusals = [await said(desk, f"/approve p{number}") for number in range(1, 6)]
        assert "GONEUSDT is not traded any more" in refusals[0]
        assert "XRPUSDT is not traded by composite any more" in refusals[1]
        assert "omposite trades no symbol here any more" in refusals[2]
        assert "v0009 cannot be used: metronome/XRPUSDT/v0009/card.json: is missing" in refusals[3]
        assert "v0001 cannot be used: metronome/_general/v0001/card.json: is missing" in refusals[4]
        assert files.current_version(folder(tmp_path)) is None


async def test_an_undo_is_refused_when_another_one_came_between(tmp_path: Path) -> None:
    async with house(tmp_path, UP) as desk:
        await waiting(desk, tmp_path)
        done = await said(desk, "/approve p1", "1")
        number = done.partition("It is change ")[2].split(":")[0]
        install(tmp_path, 0.6, 1)
        make_current(tmp_path / "models", *PLACE, "v0002")
        undone = await said(desk, f"/undo {number}", "1")
        assert "v0002 is in use now" in undone
        assert files.current_version(folder(tmp_path)) == "v0002"
