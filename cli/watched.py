"""What a heartbeat says about a desk, as the watchdog judges it. Imports nothing of the desk."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.runtime.heartbeat import STOPPED, WRITTEN_AT

LINK_DOWN_S = 300
UNCOVERED_S = 15
"""Longer than the desk itself takes to cover a position or to close it."""


@dataclass(frozen=True, slots=True)
class Sight:
    """One look at a desk: whose it is, and what is wrong with it. `stopped`: it was ended in order.

    `troubles` are words for people by their kind, so that the same trouble with other figures is the same trouble.
    """

    name: str
    age_s: int | None
    troubles: Mapping[str, str]
    stopped: bool = False

    @property
    def is_well(self) -> bool:
        """True when nothing is wrong."""
        return not self.troubles

    @property
    def kinds(self) -> frozenset[str]:
        """What is wrong, without figures."""
        return frozenset(self.troubles)

    def to_json(self) -> dict[str, object]:
        """One line for scripts."""
        return {
            "well": self.is_well,
            "desk": self.name,
            "heartbeat_age_s": self.age_s,
            "stopped": self.stopped,
            "troubles": list(self.troubles.values()),
        }


def look_at(beat: Mapping[str, object] | None, wall_ms: int, stale_s: int, name: str) -> Sight:
    """Judge a heartbeat. `name` is what the desk is called when the heartbeat does not say."""
    written = (beat or {}).get(WRITTEN_AT)
    if beat is None or not isinstance(written, int):
        return Sight(
            name, None, {"none": "there is no heartbeat: no desk has run here, or its file is unreadable"}
        )
    said, age_s = str(beat.get("account") or name), max(0, wall_ms - written) // 1000
    if beat.get(STOPPED):
        ago = lasted(age_s)
        return Sight(
            said, age_s, {"stopped": f"it was stopped in order {ago} ago and does not run"}, stopped=True
        )
    if age_s > stale_s:
        open_now = _count(beat.get("positions"))
        words = f"no heartbeat for {lasted(age_s)}: it is dead or stuck{open_now}"
        return Sight(said, age_s, {"stale": words})
    return Sight(said, age_s, _troubles(beat))


def _troubles(beat: Mapping[str, object]) -> dict[str, str]:
    found: dict[str, str] = {}
    if beat.get("engine") is False:
        found["engine"] = "its engine has died"
    if beat.get("storage_ok") is False:
        found["storage"] = "its database cannot be written: no new entries"
    down_s, uncovered_s = _whole(beat.get("link_down_s")), _whole(beat.get("uncovered_s"))
    if down_s > LINK_DOWN_S:
        found["link"] = f"the link to its venue has been down for {lasted(down_s)}"
    if uncovered_s > UNCOVERED_S:
        found["uncovered"] = f"without a stop for {lasted(uncovered_s)}: {_names(beat.get('uncovered'))}"
    return found


def lasted(seconds: int) -> str:
    """A duration in words: 45 s, 12 min, 3 h 5 min."""
    if seconds < 120:
        return f"{seconds} s"
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def _count(value: object) -> str:
    number = _whole(value)
    return f"; {number} open position{'s' if number > 1 else ''} when last heard" if number else ""


def _names(value: object) -> str:
    return ", ".join(str(one)[:40] for one in value[:20]) if isinstance(value, list) else "a position"
