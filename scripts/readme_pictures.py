"""Makes docs/pictures anew from a real demo: console pages as SVG, the chart and the equity curve as PNG.

Run it from the checkout: .venv/bin/python scripts/readme_pictures.py
"""

import asyncio
import re
import tempfile
from dataclasses import replace
from io import StringIO
from pathlib import Path

from rich.console import Console

from cli.couriers import courier
from cli.demo import DemoOptions, plan_demo
from cli.live import drawing
from cli.wiring import OPERATOR, House, open_house
from handlers.market_clock import ClockControl
from handlers.notices import Recipient
from handlers.platforms.console import ConsoleChat, Screen
from handlers.session import Session

PICTURES = Path(__file__).resolve().parent.parent / "docs" / "pictures"
PAGES = {
    "status": ("/status",),
    "why": ("/why DOGEUSDT",),
    "panic": ("/panic_close", "Confirm"),
}
DRAWN = {"chart": "/chart DOGEUSDT", "equity": "/equity"}
BARS = 118
WIDTH = 118


class NoLines:
    """Nobody types by itself."""

    async def read(self) -> str | None:
        """Nothing."""
        return None


async def make(home: Path) -> None:
    """One demo, its pages and pictures."""
    plan, _ = plan_demo(DemoOptions(bars=BARS, seed=7), home)
    async with open_house(replace(plan, context=(ClockControl(),))) as house:
        talk, console = chat(house)
        carrier = courier(house, 1.0, talk, [Recipient(OPERATOR, "console")])
        for _ in range(BARS):
            await house.step()
            await carrier.deliver()
        save(console, "notices")
        for name, line in DRAWN.items():
            await picture(house, name, line)
        for name, lines in PAGES.items():
            await page(house, name, lines)


def chat(house: House) -> tuple[ConsoleChat, Console]:
    """A console that keeps what it shows."""
    console = Console(
        file=StringIO(), width=WIDTH, record=True, force_terminal=True, highlight=False, markup=False
    )
    session = Session(house.dispatcher.handle, house.wall_ms)
    return ConsoleChat(session, NoLines(), Screen(console), drawing(house), PICTURES, house.wall_ms), console


async def page(house: House, name: str, lines: tuple[str, ...]) -> None:
    """The screen after these lines."""
    talk, console = chat(house)
    for line in lines:
        console.print(f"> {line}", style="bold green")
        await talk._enter(line)
    save(console, name)


def save(console: Console, name: str) -> None:
    """Write the recorded screen, without the fonts that a browser would fetch."""
    svg = console.export_svg(title=f"quarterdeck demo: {name}")
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    (PICTURES / f"{name}.svg").write_text(svg, encoding="utf-8")


async def picture(house: House, name: str, line: str) -> None:
    """The picture of a reply."""
    reply = await Session(house.dispatcher.handle, house.wall_ms).enter(line)
    if reply is None or reply.plot is None:
        raise SystemExit(f"{line} draws nothing")
    png = await drawing(house).draw(reply.plot, True)
    if png is not None:
        (PICTURES / f"{name}.png").write_bytes(png)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(make(Path(folder)))
