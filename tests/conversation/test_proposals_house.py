"""Proposals on a whole house: applied whole from the next bar, journaled, taken back, decided once, over restarts."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from chat_house import ChatHouse, chat_house
from house_parts import in_virtual_time
from whole_house import Desk, market, whole_house

from bot.domain.command import ParameterStep
from bot.domain.errors import StorageError
from bot.runtime.proposals import ProposalState, Verdict
from handlers.learning import Proposals
from handlers.parameter_sets import draft_of
from handlers.proposal_book import Book

CALM = [0.6 + 0.0005 * (i % 2) for i in range(60)]
XRP = "XRPUSDT"
FIGURES = (("Profit factor", "0.90", "1.30"), ("Trades", "40", "38"))


def draft(after: float = 0.02, before: float = 0.01, symbol: str = XRP) -> Any:
    return draft_of(
        f"{symbol}: distance {after}", (ParameterStep(symbol, "distance", before, after),), FIGURES, "test"
    )


def book_of(house: Any) -> Book:
    seat = house.front.seats[house.name]
    [found] = [thing.book for thing in seat.context if isinstance(thing, Proposals)]
    assert isinstance(found, Book)
    return found


async def approve(desk: Desk, name: str = "p1") -> str:
    return await desk.say(f"/approve {name}") + await desk.say("1")


async def test_an_approved_set_counts_at_the_next_bar_and_is_taken_back(tmp_path: Path) -> None:
    async with whole_house(tmp_path, [market(CALM)]) as desk:
        await desk.bars(2)
        [held] = desk.house.desk.status().positions
        assert held.stop_price is not None
        assert abs(float(held.stop_price / held.entry_price) - 0.99) < 0.001
        await desk.say("/close xrp")
        await desk.say("1")
        await book_of(desk.house).file(draft())
        shown = await desk.say("/proposals")
        assert "p1" in shown
        assert "distance of XRPUSDT" in shown
        assert "1.30" in shown
        said = await approve(desk)
        assert "0.01 → 0.02" in said
        assert "takes all of it back" in said
        await desk.bars(2)
        [held] = desk.house.desk.status().positions
        assert held.stop_price is not None
        assert abs(float(held.stop_price / held.entry_price) - 0.98) < 0.001, "the next bar uses it"
        [change] = [
            one for one in await desk.house.desk.settings(5) if one.key == f"parameter:{XRP}:distance"
        ]
        assert (change.actor, change.before, change.after) == ("console:operator", "0.01", "0.02")
        assert "0.02 → 0.01" in await desk.say(f"/undo {change.id}") + await desk.say("1")
        assert distance(desk) == 0.01
        [line] = [row for row in await desk.house.desk.audit(20) if row.command == "approve" and row.changes]
        assert "distance of XRPUSDT: 0.01 -> 0.02" in line.changes


def distance(desk: Desk) -> object:
    rows = desk.house.desk.parameters(XRP)
    return next(row.value for row in rows if row.parameter.name == "distance")


async def test_what_cannot_be_applied_is_told_by_name(tmp_path: Path) -> None:
    async with whole_house(tmp_path, [market(CALM)]) as desk:
        book = book_of(desk.house)
        for one in (
            draft(),
            draft(0.03),
            draft(0.7),
            draft(symbol="GONEUSDT"),
            replace(draft(), kind="weather"),
        ):
            await book.file(one)
        await approve(desk)
        assert distance(desk) == 0.02
        again = await desk.say("/approve p1")
        assert "P1 was approved by console:operator at" in again
        assert "takes it back" in again
        moved = await desk.say("/approve p2")
        assert "istance of XRPUSDT is 0.02 now; it was 0.01 when this was proposed" in moved
        assert "GONEUSDT is not traded any more" in await desk.say("/approve p4")
        assert "of the kind weather, which nothing here can apply" in await desk.say("/approve p5")
        await desk.say("/reject p2 the market has changed")
        assert "Reason: the market has changed" in await desk.say("1")
        assert "P2 was rejected by console:operator" in await desk.say("/approve p2")
        assert "there is no proposal p99; there are p3, p4, p5" in (await desk.say("/approve p99")).replace(
            "There is", "there is"
        )
        await desk.say("/set xrp distance 0.01")
        await desk.say("1")
        assert "0.5" in await desk.say("/approve p3"), "what is allowed is said"
        over = await desk.say("/proposals decided")
        assert "the market has changed" in over
        assert "p1" in over


async def test_a_proposal_outlives_the_desk_and_expires(tmp_path: Path) -> None:
    async with whole_house(tmp_path, [market(CALM)]) as desk:
        await book_of(desk.house).file(draft())
    async with whole_house(tmp_path, [market(CALM)], history=3) as desk:
        assert "distance of XRPUSDT" in await desk.say("/proposals")
        await approve(desk)
        assert distance(desk) == 0.02
    async with whole_house(tmp_path, [market(CALM)], history=5) as desk:
        assert distance(desk) == 0.02
        assert "was approved by console:operator" in await desk.say("/approve p1")
        book = book_of(desk.house)
        await book.store.add(draft(0.05, 0.02), 1, desk.house.now_ms())
        assert "has expired at" in await desk.say("/approve p2")
        assert distance(desk) == 0.02


@pytest.mark.parametrize("died", ["before", "after"])
async def test_a_crash_in_the_middle_is_settled_by_what_the_books_say(tmp_path: Path, died: str) -> None:
    async with whole_house(tmp_path, [market(CALM)]) as desk:
        book, now = book_of(desk.house), desk.house.now_ms()
        await book.file(draft())
        verdict = Verdict("console:operator", now)
        assert await book.store.move(1, ProposalState.WAITING, ProposalState.APPLYING, verdict)
        if died == "after":
            await book.kinds["parameters"].apply(draft().body, "console:operator", "")
    async with whole_house(tmp_path, [market(CALM)], history=3) as desk:
        said = await desk.say("/approve p1")
        if died == "after":
            assert "was approved by console:operator" in said
        else:
            assert "0.01 → 0.02" in said
            await desk.say("1")
        assert distance(desk) == 0.02
        [change] = [
            one for one in await desk.house.desk.settings(9) if one.key == f"parameter:{XRP}:distance"
        ]
        assert change.after == "0.02"


async def test_with_the_database_gone_nothing_is_applied_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with whole_house(tmp_path, [market(CALM)]) as desk:
        book = book_of(desk.house)
        await book.file(draft())
        await desk.say("/approve p1")

        async def gone(*_: object) -> bool:
            raise StorageError("database desk.db: disk I/O error")

        with monkeypatch.context() as patch:
            patch.setattr(type(book.store), "move", gone)
            said = await desk.say("1")
            assert "disk I/O" not in said
            assert "database" in said
        assert distance(desk) == 0.01
        assert "0.01 → 0.02" in await desk.say("/approve p1")


def test_by_button_on_a_platform(tmp_path: Path) -> None:
    async def play() -> None:
        async with chat_house(tmp_path, "telegram", [market(CALM)]) as house:
            await _pressed(house)

    in_virtual_time(play)


async def _pressed(house: ChatHouse) -> None:
    await house.bars(1)
    await book_of(house.house).file(draft())
    shown = await house.ann.say("/proposals")
    assert {"Approve p1", "Reject p1"} <= shown.labels
    card = await house.ann.press("Approve p1")
    assert "0.01 → 0.02" in card.page
    done = await house.ann.press("Confirm")
    assert "Applied" in done.page
    undo = next(label for label in done.labels if label.startswith("Undo "))
    back = await house.ann.press(undo)
    assert "0.02 → 0.01" in back.page
    await house.ann.press("Confirm")
    rows = house.house.desk.parameters(XRP)
    assert next(row.value for row in rows if row.parameter.name == "distance") == 0.01
