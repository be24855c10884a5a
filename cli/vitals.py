"""What the heartbeat file says beside the time: how the desk is, for programs that watch it from outside."""

from collections.abc import Callable
from dataclasses import dataclass

from bot.engine import reading
from cli.house import House


@dataclass(slots=True)
class VitalSigns:
    """Reads a house. `wall_ms` is people's time, in which troubles are timed."""

    house: House
    wall_ms: Callable[[], int]
    _link_down_since_ms: int = 0
    _uncovered_since_ms: int = 0

    def __call__(self) -> dict[str, object]:
        """The figures of one heartbeat; `..._s` says for how many seconds a trouble has lasted, 0 for none."""
        house = self.house
        status = reading.status(house.engine.state)
        now_ms = self.wall_ms()
        self._link_down_since_ms = _since(self._link_down_since_ms, now_ms, troubled=not status.link_up)
        self._uncovered_since_ms = _since(self._uncovered_since_ms, now_ms, troubled=bool(status.uncovered))
        return {
            "mode": house.plan.mode,
            "account": house.plan.account,
            "trading": str(status.trading),
            "engine": house.is_alive,
            "link_up": status.link_up,
            "link_down_s": _lasted_s(self._link_down_since_ms, now_ms),
            "positions": len(status.positions),
            "uncovered": list(status.uncovered),
            "uncovered_s": _lasted_s(self._uncovered_since_ms, now_ms),
            "last_bar_at_ms": status.last_bar_at_ms,
            "queue": house.loop.queue_length,
            "storage_ok": house.engine.state.storage_ok,
            "journal": house.loop.number,
        }


def _since(since_ms: int, now_ms: int, *, troubled: bool) -> int:
    """When the trouble began, 0 while there is none."""
    return (since_ms or now_ms) if troubled else 0


def _lasted_s(since_ms: int, now_ms: int) -> int:
    return (now_ms - since_ms) // 1000 if since_ms else 0
