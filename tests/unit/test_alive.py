"""`quarterdeck alive`: what a watcher of the process learns."""

from pathlib import Path

import pytest

from bot.runtime.clock import WallClock
from bot.runtime.heartbeat import Heartbeat
from cli.alive import tell_alive


class Earlier(WallClock):
    """The machine's clock, so many milliseconds ago."""

    def __init__(self, ago_ms: int) -> None:
        self._ago_ms = ago_ms

    def wall_ms(self) -> int:
        return super().wall_ms() - self._ago_ms


@pytest.mark.parametrize(
    "ago_ms,code,said", [(2_000, 0, "2 s ago: alive"), (40_000, 1, "40 s ago: dead or stuck")]
)
async def test_a_fresh_heartbeat_is_life(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], ago_ms: int, code: int, said: str
) -> None:
    await Heartbeat(tmp_path, Earlier(ago_ms), dict).write()
    assert tell_alive(tmp_path, None) == code
    assert said in capsys.readouterr().out


def test_a_home_without_a_desk_is_not_alive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tell_alive(tmp_path, None) == 1
    assert capsys.readouterr().out == "no desk has run here\n"
