"""`quarterdeck alive`: is a desk running here, as watchers of processes and containers ask."""

import os
import sys
from pathlib import Path

from bot.runtime.clock import WallClock
from bot.runtime.heartbeat import heartbeat_age_ms
from cli.homes import load, resolve_home

BEATS = 3
"""So many heartbeats may be missing before a desk is taken for dead."""


def tell_alive(home: Path | None, config: Path | None) -> int:
    """Exit code 0 when the last heartbeat is fresh, 1 when it is old or was never written."""
    found = resolve_home(home, os.environ)
    allowed_ms = BEATS * load(found, config, os.environ).settings.heartbeat_s * 1000
    age_ms = heartbeat_age_ms(found, WallClock().now_ms())
    if age_ms is None:
        sys.stdout.write("no desk has run here\n")
        return 1
    fresh = age_ms <= allowed_ms
    words = "alive" if fresh else f"dead or stuck (a heartbeat may be {allowed_ms // 1000} s old)"
    sys.stdout.write(f"last heartbeat {age_ms / 1000:.0f} s ago: {words}\n")
    return 0 if fresh else 1
