"""An account that cannot be read for a fault nobody foresaw: no entries, the engine goes on, and it heals by itself."""

from pathlib import Path
from typing import Never

import pytest
from whole_house import market, whole_house

from bot.domain.action import TakeSnapshot
from bot.domain.guard import HaltKind
from bot.engine import reconcile

CALM = [0.6 + 0.0005 * (i % 2) for i in range(40)]


async def test_entries_rest_until_the_account_can_be_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with whole_house(tmp_path, [market(CALM), market(CALM, "ADAUSDT")]) as desk:
        await desk.bars(2)
        house, state = desk.house, desk.house.engine.state

        async def snapshot(since_ms: int) -> Never:
            raise KeyError("positionAmt")

        with monkeypatch.context() as broken:
            broken.setattr(house.venue, "snapshot", snapshot)
            await house.performer.perform(TakeSnapshot(0))
            await house.settled()
            assert house.is_alive
            assert [(halt.symbol, halt.kind) for halt in state.halts] == [("", HaltKind.ERRORS)]
            refused = await desk.say("/long ADAUSDT 5")
            assert "(fault)" in refused
            assert "positionAmt" not in refused
            told = await desk.bars(1)
            assert "all symbols halted (ERRORS): the account cannot be read (fault)" in told
        house.timers.fire(house.now_ms() + 10 * reconcile.FAILED_MS)
        await house.settled()
        assert state.halts == []
        assert "is over" in await desk.bars(1)
