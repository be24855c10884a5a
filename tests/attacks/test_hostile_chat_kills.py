"""Deaths at the worst moment: a confirmation that was taken is never lost unseen, and never carried out twice."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "chat"))
from crew_kit import lines
from test_away_house import NOW, Died, Run, dies_at, running

from handlers.reply import Reply
from handlers.request import RequestKind

LATER = NOW + 60_000


async def confirm(run: Run, update: str, card: Reply | None, **given: object) -> Reply | None:
    """The press on a card's Confirm."""
    assert card is not None
    button = next(button for button in card.buttons if button.label == "Confirm")
    return await run.say(update, kind=RequestKind.BUTTON, button=button.id, **given)


async def test_a_confirmation_that_was_taken_and_died_is_on_the_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The person saw Confirm go down; that nothing came of it must be told, panic above all."""
    async with running(tmp_path, NOW) as first:
        card = await first.say("u1", "/panic_close")
        dies_at(monkeypatch, type(first.house.dispatcher), "_act")
        with pytest.raises(Died):
            await confirm(first, "u2", card)
    monkeypatch.undo()
    async with running(tmp_path, LATER) as second:
        assert await confirm(second, "u2", card, sent_at_ms=NOW) is None, "delivered again"
        [told] = await second.told()
        assert lines(told) == ["/panic_close (was begun, took no effect)"]
        asked = await second.press("u3", told, "Run 1")
        assert asked is not None
        assert asked.title.endswith("?"), "it asks its own question again"
        assert await second.told() == [told], "once"


async def test_a_confirmation_that_had_its_effect_is_not_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path, NOW) as first:
        card = await first.say("u1", "/stop_trading")
        dies_at(monkeypatch, type(first.house.dispatcher), "_record")
        with pytest.raises(Died):
            await confirm(first, "u2", card)
        assert "u2:effected" in await first.effected()
    monkeypatch.undo()
    async with running(tmp_path, LATER) as second:
        assert await second.told(something=False) == []


@pytest.mark.parametrize("label", ["Confirm", "Cancel"])
async def test_an_answered_question_leaves_nothing_to_list(tmp_path: Path, label: str) -> None:
    async with running(tmp_path, NOW) as first:
        card = await first.say("u1", "/stop_trading")
        assert card is not None
        await first.press("u2", card, label)
        await first.press("u3", card, label)
    async with running(tmp_path, LATER) as second:
        assert await second.told(something=False) == []


async def test_of_what_goes_past_the_engine_nothing_is_claimed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The grant is stored, the update not yet settled: "took no effect" would be a lie about access."""
    async with running(tmp_path, NOW) as first:
        ann = {"user_id": "1", "user_name": "Ann", "chat_id": "1"}
        card = await first.say("u1", "/grant telegram:9 viewer", **ann)
        dies_at(monkeypatch, type(first.house.dispatcher), "_record")
        with pytest.raises(Died):
            await confirm(first, "u2", card, **ann)
    monkeypatch.undo()
    async with running(tmp_path, LATER) as second:
        assert second.house.front.access.role("telegram:9", LATER) is not None
        [told] = await second.told(chat="1")
        assert lines(told) == ["/grant telegram:9 viewer (was begun, whether it took effect is not known)"]
        assert "nothing of it was run" not in told.text
