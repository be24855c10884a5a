"""The demo's market clock: faster, slower, pause."""

from decimal import Decimal
from typing import Annotated

from bot.runtime.desk import Desk
from handlers.command import Example, Help, Role, command
from handlers.market_clock import ClockControl
from handlers.reply import Button, Reply, refusal

FASTEST, SLOWEST = Decimal("0.02"), Decimal(60)
REAL_TIME = ClockControl()
"""What a desk on an exchange has."""


@command(area="system", role=Role.TRADER)
async def clock(
    desk: Desk,
    speed: Annotated[str, Help("pause, go, or seconds per bar"), Example("0.5")] = "",
    control: ClockControl = REAL_TIME,
) -> Reply:
    """Turn a demo's market clock: /clock pause, /clock go, /clock 0.5 for half a second per bar."""
    found = control.clock()
    if found is None:
        return refusal(
            "The market's clock cannot be turned", f"In mode {desk.about.mode} it is the real one."
        )
    word = speed.strip().casefold()
    if word == "pause":
        found.pause()
        return Reply("The market stands still", text="/clock go lets it run on.", buttons=_buttons())
    if word not in {"", "go"}:
        seconds = _seconds(word)
        if seconds is None:
            allowed = f"pause, go, or seconds per bar from {FASTEST} to {SLOWEST}, for example /clock 0.5"
            return refusal(f"/clock {speed[:20]} is not allowed", f"Allowed: {allowed}")
        found.set_speed(control.bar_seconds / float(seconds))
        found.resume()
        return Reply(f"A bar takes {seconds} s now", buttons=_buttons())
    if word == "go":
        found.resume()
    state = "stands still" if found.paused else "runs"
    return Reply(
        f"The market {state}", text="/clock pause, /clock go, /clock 0.5 turn it.", buttons=_buttons()
    )


def _seconds(word: str) -> Decimal | None:
    try:
        seconds = Decimal(word)
    except ArithmeticError:
        return None
    return seconds if seconds.is_finite() and FASTEST <= seconds <= SLOWEST else None


def _buttons() -> tuple[Button, ...]:
    return (
        Button("Pause", "/clock pause"),
        Button("Go", "/clock go"),
        Button("Faster", "/clock 0.25"),
        Button("Slower", "/clock 2"),
    )
