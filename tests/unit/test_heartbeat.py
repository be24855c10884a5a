"""The heartbeat file: whole or not there, with both times in it."""

import json
from pathlib import Path

from bot.runtime.clock import ManualClock
from bot.runtime.heartbeat import HEARTBEAT_FILE, Heartbeat, heartbeat_age_ms, read_heartbeat, write_whole


async def test_a_heartbeat_says_when_and_how_it_is(tmp_path: Path) -> None:
    heartbeat = Heartbeat(tmp_path, ManualClock(5000), lambda: {"link_up": True, "positions": 2})
    await heartbeat.write()
    assert json.loads((tmp_path / HEARTBEAT_FILE).read_text()) == {
        "written_at_ms": 5000,
        "business_at_ms": 5000,
        "link_up": True,
        "positions": 2,
    }
    assert heartbeat_age_ms(tmp_path, 7500) == 2500


async def test_every_heartbeat_takes_the_place_of_the_last(tmp_path: Path) -> None:
    clock = ManualClock(1)
    heartbeat = Heartbeat(tmp_path, clock, dict)
    await heartbeat.write()
    clock.advance_to(2)
    await heartbeat.write()
    assert heartbeat_age_ms(tmp_path, 2) == 0
    assert [path.name for path in (tmp_path / "status").iterdir()] == ["heartbeat.json"]


def test_without_a_readable_heartbeat_there_is_no_age(tmp_path: Path) -> None:
    assert heartbeat_age_ms(tmp_path, 1) is None
    for text in ("{", "[]", '{"written_at_ms": "soon"}'):
        write_whole(tmp_path / HEARTBEAT_FILE, text)
        assert heartbeat_age_ms(tmp_path, 1) is None
    assert read_heartbeat(tmp_path) == {"written_at_ms": "soon"}
