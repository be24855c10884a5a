"""People who answer at once, twice, and too late about the same model: one change, and the books say what happened."""

import asyncio
from pathlib import Path

from test_trials_house import PLACE, UP, house, install
from training_house import folder, service_of
from whole_house import Desk, said

from bot.domain.refusal import Refused
from bot.ml import files
from bot.ml.writing import make_current
from handlers.learning import Applied

ANN, BEA = "telegram:1", "discord:2"


async def waiting(desk: Desk, home: Path, *thresholds: float) -> None:
    """Versions of one model, all proposed while none is in use."""
    for threshold in thresholds:
        await service_of(desk.house).filed(PLACE, install(home, threshold, 1), "training")


async def history(desk: Desk) -> list[tuple[str, str, str]]:
    """Who put what in use, oldest first."""
    rows = [one for one in await desk.house.desk.settings(50) if one.key.startswith("current_model:")]
    return [(one.actor, one.before, one.after) for one in reversed(rows)]


async def number(desk: Desk) -> int:
    """The newest change of the model in use."""
    rows = await desk.house.desk.settings(50)
    return next(one.id for one in rows if one.key.startswith("current_model:"))


async def test_of_two_who_approve_at_once_one_does(tmp_path: Path) -> None:
    async with house(tmp_path, UP) as desk:
        await waiting(desk, tmp_path, 0.5)
        book = service_of(desk.house).book
        answers = await asyncio.gather(*(book.approve("p1", who) for who in (ANN, BEA)))
        assert [type(one) for one in answers].count(Applied) == 1
        [refused] = [one for one in answers if isinstance(one, Refused)]
        assert refused.figures.startswith("p1 ")
        [(who, before, after)] = await history(desk)
        assert (who in {ANN, BEA}, before, after) == (True, "none", "v0001")


async def test_of_two_versions_approved_at_once_one_is_in_use_and_the_other_waits(tmp_path: Path) -> None:
    async with house(tmp_path, UP) as desk:
        await waiting(desk, tmp_path, 0.5, 0.6)
        book = service_of(desk.house).book
        answers = await asyncio.gather(book.approve("p1", ANN), book.approve("p2", BEA))
        assert [type(one) for one in answers].count(Applied) == 1
        [one] = await history(desk)
        assert files.current_version(folder(tmp_path)) == one[2]
        [left] = await book.waiting()
        assert left.changes[0][2] != one[2]
        assert "is in use now; it was none when this was proposed" in await said(desk, f"/approve {left.id}")


async def test_approved_and_rejected_at_once_is_one_of_the_two(tmp_path: Path) -> None:
    async with house(tmp_path, UP) as desk:
        await waiting(desk, tmp_path, 0.5)
        book = service_of(desk.house).book
        approved, rejected = await asyncio.gather(book.approve("p1", ANN), book.reject("p1", BEA, "no"))
        assert isinstance(approved, Refused) is not isinstance(rejected, Refused)
        in_use = files.current_version(folder(tmp_path))
        assert in_use == (None if isinstance(approved, Refused) else "v0001")
        assert await history(desk) == ([] if in_use is None else [(ANN, "none", "v0001")])


async def test_what_is_taken_back_is_not_taken_back_again(tmp_path: Path) -> None:
    async with house(tmp_path, UP) as desk:
        await waiting(desk, tmp_path, 0.5)
        await service_of(desk.house).book.approve("p1", ANN)
        change = await number(desk)
        assert "v0001 → none" in await said(desk, f"/undo {change}", "1")
        again = await said(desk, f"/undo {change}")
        assert "the model in use of metronome/XRPUSDT is none now, no longer what change" in again
        assert [one[1:] for one in await history(desk)] == [("none", "v0001"), ("v0001", "none")]
        assert "none → v0001" in await said(desk, f"/undo {await number(desk)}", "1")
        assert files.current_version(folder(tmp_path)) == "v0001"


async def test_two_who_take_the_same_change_back(tmp_path: Path) -> None:
    async with house(tmp_path, UP) as desk:
        await waiting(desk, tmp_path, 0.5)
        await service_of(desk.house).book.approve("p1", ANN)
        change = await number(desk)
        await asyncio.gather(said(desk, f"/undo {change}", "1"), said(desk, f"/undo {change}", "1"))
        assert [one[1:] for one in await history(desk)] == [("none", "v0001"), ("v0001", "none")]


async def test_a_version_put_in_use_by_hand_meanwhile_stays(tmp_path: Path) -> None:
    async with house(tmp_path, UP) as desk:
        await waiting(desk, tmp_path, 0.5, 0.6)
        await service_of(desk.house).book.approve("p1", ANN)
        make_current(tmp_path / "models", *PLACE, "v0002")
        assert "v0002 is in use now, no longer v0001" in await said(desk, f"/undo {await number(desk)}", "1")
        assert files.current_version(folder(tmp_path)) == "v0002"
        assert len(await history(desk)) == 1
