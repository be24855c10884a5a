"""A week with more losses than profit: three alternatives arrive with buttons, one is approved, and taken back."""

from pathlib import Path

from chat_house import ChatHouse, chat_house
from house_parts import in_virtual_time
from losing_week import BEFORE, LABEL, LIVED, LOOSE, tides

from bot.domain.command import SetParameters, UndoSetting
from bot.domain.event import CommandIssued
from bot.runtime.proposals import Draft
from cli.jobs import send_weekly
from cli.weekly import kept_report

SYMBOLS = ("BTCUSDT", "XRPUSDT")


def distances(house: ChatHouse) -> tuple[object, ...]:
    """What both symbols trade with."""
    desk = house.house.desk
    rows = (row for symbol in SYMBOLS for row in desk.parameters(symbol))
    return tuple(row.value for row in rows if row.parameter.name == "distance")


def figure(one: Draft, name: str) -> tuple[str, str]:
    """A figure before and after."""
    return next((before, after) for label, before, after in one.figures if label == name)


async def commands(house: ChatHouse, kind: type) -> int:
    """How many commands of a kind the journal holds."""
    ledger = house.house.database.ledger(house.house.plan.account)
    events = [row.event async for row in ledger.journal(0, 0)]
    return sum(isinstance(event, CommandIssued) and isinstance(event.command, kind) for event in events)


def test_three_alternatives_wait_one_is_approved_and_undone(tmp_path: Path) -> None:
    async def play() -> None:
        frames = [tides(), tides("BTCUSDT", 300.0)]
        async with chat_house(tmp_path, "telegram", frames, LOOSE, BEFORE) as house:
            await house.bars(LIVED + 2)
            await house.ann.wait(60)
            assert await send_weekly(house.house) == "sent"
            await _proposed(house)
            await _approved_and_undone(house)

    in_virtual_time(play)


async def _proposed(house: ChatHouse) -> None:
    """They came with the report, and nothing has changed by itself."""
    seen = await house.ann.wait(60)
    report = kept_report(house.home / "results" / "weekly", f"{LABEL}.json")
    assert report is not None
    assert not report.failures
    assert report.live is not None
    assert report.live.trades > 10
    assert report.live.profit_factor is not None
    assert report.live.profit_factor < 1
    assert len(report.alternatives) == 3
    factors = [float(figure(one, "Profit factor")[1]) for one in report.alternatives]
    assert factors == sorted(factors, reverse=True), "the best first"
    for one in report.alternatives:
        before, after = figure(one, "Profit factor")
        assert float(after) > float(before)
    assert "3 proposals for approval" in seen.text
    wanted = {f"{word} p{number}" for number in (1, 2, 3) for word in ("Approve", "Reject")}
    assert wanted | {"Proposals"} <= set(seen.buttons)
    assert len(seen.pictures) == 1
    assert await send_weekly(house.house) == "sent"
    again = await house.ann.wait(60)
    assert "p1, p2, p3" in again.text, "the same alternatives are those that wait"
    await house.bars(3)
    assert distances(house) == (0.01, 0.01), "never applied by itself"
    assert await commands(house, SetParameters) == 0


async def _approved_and_undone(house: ChatHouse) -> None:
    """By button, with a question each; the effect is in the journal, the audit, and gone again."""
    card = await house.ann.press("Approve p1")
    assert "0.01 →" in card.page
    assert distances(house) == (0.01, 0.01), "only asked"
    done = await house.ann.press("Confirm")
    assert "Applied" in done.page
    changed = distances(house)
    assert sorted(value == 0.01 for value in changed) == [False, True], "one set of one symbol"
    assert await commands(house, SetParameters) == 1
    [row] = [row for row in await house.house.desk.audit(9) if row.command == "approve" and row.changes]
    assert f"{row.platform}:{row.user_id}" == house.ann.user
    undo = next(label for label in done.labels if label.startswith("Undo "))
    await house.ann.press(undo)
    await house.ann.press("Confirm")
    assert distances(house) == (0.01, 0.01)
    assert await commands(house, UndoSetting) == 1
    await house.close()
    await house.open()
    assert distances(house) == (0.01, 0.01)
    shown = await house.ann.say("/proposals")
    assert {"Approve p2", "Approve p3"} <= shown.labels
    assert "Approve p1" not in shown.buttons
