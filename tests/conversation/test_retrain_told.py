"""Training as a person at Telegram lives it: asked once, one message that moves, buttons, the way back; and notices."""

from pathlib import Path

import pytest
from chat_house import ChatHouse, chat_house
from house_parts import in_virtual_time
from test_trials_house import HOURLY, WEEKLY, rule_of
from training_house import CONFIG, HISTORY, XRP, folder

from bot.domain.notice import Notice, NoticeKind, Severity
from bot.ml import files
from cli.jobs import raise_notice
from handlers.showing import WAITING, shown

pytestmark = pytest.mark.timeout(300)  # real workers train, on whatever machine


async def seen_until(house: ChatHouse, words: str, tries: int = 60) -> str:
    """All that came until some words stand there."""
    for _ in range(tries):
        page = (await house.ann.wait(5)).page
        if words in page:
            return page
    raise AssertionError(f"{words!r} never came")


def test_asked_trained_approved_and_taken_back_by_buttons(tmp_path: Path) -> None:
    async def play() -> None:
        async with chat_house(tmp_path, "telegram", [XRP], CONFIG, HISTORY) as house:
            card = await house.ann.say("/retrain xrp")
            assert "Train the model of XRPUSDT?" in card.page
            await house.ann.press("Confirm")
            page = await seen_until(house, "Proposal p1")
            assert "Training of XRPUSDT: done" in page, "the message that moved says so"
            [moving] = [reply for _, reply in house.heard.told if reply.title == "Training of XRPUSDT runs"]
            assert [button.label for button in moving.buttons] == ["Stop it"]
            assert "%" in moving.text
            assert "Profit factor with the filter" in page
            assert files.current_version(folder(tmp_path)) is None
            asked = await house.ann.press("Approve p1")
            assert "none → v0001" in asked.page
            done = await house.ann.press("Confirm")
            assert "Applied" in done.page
            assert files.current_version(folder(tmp_path)) == "v0001"
            await house.bars(2)
            await seen_until(house, "v0001 is in use now")
            await house.ann.press(next(label for label in done.labels if label.startswith("Undo ")))
            await house.ann.press("Confirm")
            assert files.current_version(folder(tmp_path)) is None
            rows = await house.house.desk.audit(20)
            [line] = [row for row in rows if row.command == "retrain" and row.changes]
            assert "proposal: none -> p1" in line.changes

    in_virtual_time(play)


def test_the_jobs_are_there_and_their_notice_has_buttons(tmp_path: Path) -> None:
    async def play() -> None:
        async with chat_house(tmp_path, "telegram", [XRP], CONFIG, HISTORY) as house:
            page = (await house.ann.say("/schedule")).page
            assert "Weekly training" in page
            assert "Model trials, due trainings" in page
            assert {rule_of(house, name).id for name in (HOURLY, WEEKLY)} == {HOURLY, WEEKLY}  # type: ignore[arg-type]
            for name in (HOURLY, WEEKLY):
                run = await house.ann.say(f"/run_job {name}")
                assert "failed" not in run.page
            after = {one.id: one for one in house.house.desk.jobs()}
            assert (after[HOURLY].last_result, after[WEEKLY].last_result) == ("done", "nothing to train")
            fields = (("metronome/XRPUSDT", "v0001 waits for approval"), (WAITING, "p1, p2"))
            notice = Notice(
                NoticeKind.MODEL, Severity.INFO, house.house.now_ms(), "Weekly training: 2", fields
            )
            await raise_notice(house.house, notice)
            seen = await house.ann.wait(90)
            wanted = {f"{word} p{number}" for number in (1, 2) for word in ("Approve", "Reject")}
            assert wanted | {"Proposals"} <= seen.labels

    in_virtual_time(play)


def test_a_notice_about_models_without_proposals_has_no_buttons() -> None:
    notice = Notice(NoticeKind.MODEL, Severity.INFO, 1, "Model x: v0002 is in use now")
    assert shown(notice, 5, short=False, plot=None).buttons == ()
