"""Access that was taken away stays away: no way round through requests, short grants or their end."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "chat"))
from crew_kit import HOUR, Crew

from handlers.command import Role


async def test_a_short_grant_gives_nothing_back_that_was_taken_away_for_good() -> None:
    """A trader of config.yaml is thrown out, asks anew, is let look for an hour: and would be trader again."""
    crew = Crew()
    await crew.confirmed("/revoke telegram:2")
    refused = await crew.reply("/grant telegram:2 viewer 1h", "1")
    assert not refused.ok
    assert "would be trader again" in refused.text
    assert [one.role for one in crew.grants.history] == [""]
    assert crew.access.role("telegram:2", crew.clock.now_ms + 2 * HOUR) is None


async def test_nor_what_was_lowered_for_good() -> None:
    crew = Crew()
    await crew.confirmed("/grant telegram:2 viewer")
    assert not (await crew.reply("/grant telegram:2 trader 1h", "1")).ok
    done = await crew.confirmed("/grant telegram:2 trader")
    assert done.title == "Access granted", "without an end it may"
    assert crew.access.role("telegram:2", crew.clock.now_ms) is Role.TRADER


async def test_a_short_grant_over_what_the_configuration_gives_is_still_possible() -> None:
    crew = Crew()
    assert (await crew.confirmed("/grant telegram:3 trader 1h")).title == "Access granted"
    assert (await crew.confirmed("/grant telegram:3 trader 2h")).title == "Access granted", "again, longer"
    await crew.confirmed("/revoke telegram:555", "1")
    assert (await crew.confirmed("/grant telegram:555 viewer 1h")).title == "Access granted"
