"""The life of a position, the same on paper and on both exchanges: stories that every venue can tell."""

from pathlib import Path

import pytest
from contract_house import VENUES
from contract_play import play
from contract_stories import STORIES


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("name", STORIES)
def test_story(name: str, venue: str, tmp_path: Path) -> None:
    play(venue, tmp_path, STORIES[name])
