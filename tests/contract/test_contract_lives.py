"""The life of a position, the same on paper and on both exchanges."""

from decimal import Decimal
from pathlib import Path

import pytest
from contract_house import VENUES, Floor
from contract_play import play

from bot.domain.order import Purpose

D = Decimal


@pytest.mark.parametrize("venue", VENUES)
def test_an_entry_gets_a_stop_and_a_target_that_rest_at_the_venue(venue: str, tmp_path: Path) -> None:
    async def story(floor: Floor) -> None:
        await floor.bar("100.11")
        await floor.bar("100.50")
        assert floor.size() > 0
        (stop,), (target,) = floor.live(Purpose.STOP), floor.live(Purpose.TARGET)
        assert (stop.intent.trigger_price, target.intent.trigger_price) == (D("99.11"), D("102.11"))

    play(venue, tmp_path, story)
