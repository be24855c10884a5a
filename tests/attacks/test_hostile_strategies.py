"""A strategy of the user that does the worst is switched off for its symbol; nothing is traded on nonsense."""

from pathlib import Path

import pytest
import whole_house
from whole_house import market

BODY = "        close = float(frame.close[i])\n"
STOP = "stop_price=close * (1 - self.distance)"
CLOSES = [100.0] * 5 + [100.5] * 5

HOSTILE = {
    "raises": (BODY, "        raise RuntimeError('words of a stranger')\n", "RuntimeError in decide"),
    "leaves": (BODY, "        raise SystemExit(3)\n", "SystemExit in decide"),
    "recurses": (BODY, "        return self.decide(frame, columns, i)\n", "RecursionError in decide"),
    "cannot prepare": ("        return {}\n", "        raise SystemExit(1)\n", "SystemExit in prepare"),
    "NaN stop": (STOP, "stop_price=float('nan')", "stop price is not positive"),
    "stop beyond the entry": (STOP, "stop_price=close * 1.5", "wrong side"),
    "stop at the entry": (STOP, "stop_price=close", "wrong side"),
    "infinite score": ("score=3.0", "score=float('inf')", "score is not a number"),
    "answer of the future": ("+ frame.timeframe_ms", "+ 10**12", "another bar's time"),
    "no answer": (BODY, "        return None\n", "not a signal"),
    "another symbol": ("symbol=frame.symbol", "symbol='OTHERUSDT'", "not a signal"),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_strategy_is_switched_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The desk goes on, opens nothing, and says in one line why, without the stranger's words."""
    old, new, said = HOSTILE[name]
    assert old in whole_house.METRONOME
    monkeypatch.setattr(whole_house, "METRONOME", whole_house.METRONOME.replace(old, new))
    async with whole_house.whole_house(tmp_path, [market(CLOSES)]) as desk:
        told = await desk.bars(3)
        assert said in told
        assert "stranger" not in told
        assert "No open positions" in await desk.say("/positions")
        assert "metronome" in await desk.say("/why XRPUSDT")
