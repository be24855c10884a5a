"""A house whose workers answer garbage: one line, the place is free again, other models are trained all the same."""

import sys
from pathlib import Path

import pytest
from test_retrain_house import house
from test_trials_house import rounds_of
from training_house import folder, service_of
from whole_house import said

from bot.ml import files
from cli.training.versions import Versions

ANSWERS = {
    "half a line": ("{'done' x", "a training failed before its end; nothing of it is kept"),
    "of another kind": ('{"result":5}', "a training answered what cannot be read"),
    "of another shape": ('{"result":{"version":[1],"words":"x"}}', "a training answered what cannot be read"),
    "no number": ('{"result":NaN}', "a training answered what cannot be read"),
    "a way out": ('{"result":{"version":"../../x","words":[]}}', "is written, but cannot be proposed"),
    "not there": ('{"result":{"version":"v0099","words":[]}}', "v0099 is written, but cannot be proposed"),
}


@pytest.mark.parametrize("line,told", ANSWERS.values(), ids=ANSWERS)
async def test_garbage_is_one_line_and_proposes_nothing(tmp_path: Path, line: str, told: str) -> None:
    async with house(tmp_path) as desk:
        service = service_of(desk.house)
        service.orders.lab.crew.command = _answers(line)
        shown = await said(desk, "/retrain xrp", "Confirm")
        assert told in shown
        assert "Internal fault" not in shown
        assert service.orders.lab.crew.idle
        assert not service.queued("XRPUSDT")
        assert "Nothing waits" in await said(desk, "/proposals")
        assert files.current_version(folder(tmp_path)) is None
        assert "XRPUSDT" in await desk.bars(2), "trading goes on"


@pytest.mark.parametrize("line", [line for line, _ in ANSWERS.values()], ids=ANSWERS)
async def test_a_round_goes_on_to_its_end(tmp_path: Path, line: str) -> None:
    async with house(tmp_path) as desk:
        rounds = rounds_of(desk)
        service_of(desk.house).orders.lab.crew.command = _answers(line)
        places = [("metronome", "XRPUSDT"), ("metronome", "_general")]
        answer = await rounds._trained("Weekly training", places)
        assert answer == "0 trained, 2 not"
        assert not any(rounds.service.turns.queued(place) for place in places)
        assert not Versions(tmp_path / "models").tried()


def _answers(line: str) -> tuple[str, ...]:
    return (sys.executable, "-c", f"import sys; sys.stdin.buffer.read(); print({line!r})")
