"""The whole bot over a market told in advance: real database, engine and console; only the market is scripted."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

import numpy as np
from rich.console import Console

from bot.config import load_text
from bot.domain.notice import Notice
from bot.runtime.clock import MarketClock
from bot.strategy import Frame
from cli.live import Running, courier
from cli.markets import instrument_of
from cli.venues import PaperOn
from cli.wiring import OPERATOR, Blueprint, House, open_house
from handlers.market_clock import ClockControl
from handlers.notices import Recipient
from handlers.platforms.console import ConsoleChat, Screen
from handlers.session import Session
from research.history import HistoryFeed
from research.history.report import History, HistoryReport

BAR_MS = 900_000
START_MS = 1_700_000_100_000 // BAR_MS * BAR_MS

METRONOME = '''
"""Goes long on every bar: whatever the market does to it is the story."""

from collections.abc import Mapping

from bot.domain.signal import GateCheck, Reason, Side, Signal
from bot.strategy import Columns, Frame, Strategy, Value


class Metronome(Strategy):
    """Always long, stop and target 1 % away."""

    name = "metronome"
    timeframe = "15m"
    warmup_bars = 1

    def __init__(self, parameters: Mapping[str, Value]) -> None:
        super().__init__(parameters)
        self.distance = float(parameters["distance"])

    def prepare(self, frame: Frame) -> Columns:
        return {}

    def decide(self, frame: Frame, columns: Columns, i: int) -> Signal:
        close = float(frame.close[i])
        return Signal(
            symbol=frame.symbol,
            strategy=self.name,
            bar_at_ms=int(frame.open_at_ms[i]) + frame.timeframe_ms,
            side=Side.LONG,
            score=3.0,
            reference_price=close,
            stop_price=close * (1 - self.distance),
            target_price=close * (1 + self.distance),
            atr=close * self.distance,
            reasons=(Reason("tick", 3.0),),
        )

    def explain(self, frame: Frame, columns: Columns, i: int) -> tuple[GateCheck, ...]:
        return (GateCheck("tick", True, "always"),)


STRATEGY = Metronome
'''
METRONOME_YAML = """
distance:
  default: 0.01
  low: 0.001
  high: 0.5
  unit: fraction of the price
  help: Distance of stop and target from the entry.
"""


def market(closes: Sequence[float], symbol: str = "XRPUSDT", wick: float = 0.0) -> Frame:
    """Bars that open at the close before; `wick` is how far high and low reach beyond the body, as a fraction."""
    close = np.array(closes, dtype=float)
    open_ = np.concatenate([[close[0]], close[:-1]])
    high, low = np.maximum(open_, close) * (1 + wick), np.minimum(open_, close) * (1 - wick)
    times = START_MS + np.arange(len(close), dtype=np.int64) * BAR_MS
    return Frame(symbol, BAR_MS, times, open_, high, low, close, np.full(len(close), 1000.5))


def walk(seed: int, symbol: str, bars: int, step: float = 0.003) -> Frame:
    """A market that goes nowhere; `step` is how far it goes in a bar, as a fraction."""
    steps = np.random.default_rng(seed).normal(0, step, bars)
    return market([round(float(one), 5) for one in np.exp(np.cumsum(steps))], symbol, wick=0.002)


@dataclass(slots=True)
class Desk:
    """A running house with a person at its console."""

    running: Running
    chat: ConsoleChat
    screen: StringIO
    notices: list[Notice] = field(default_factory=list)

    @property
    def house(self) -> House:
        """What is running."""
        return self.running.house

    async def say(self, line: str) -> str:
        """Type a line; answers what appeared on the screen."""
        before = len(self.screen.getvalue())
        await self.chat._enter(line)
        return self.screen.getvalue()[before:]

    async def bars(self, count: int = 1) -> str:
        """Let bars pass; answers the notices that came on the screen."""
        before = len(self.screen.getvalue())
        for _ in range(count):
            await self.house.step()
            await self.carry()
        return self.screen.getvalue()[before:]

    async def carry(self) -> None:
        """Bring what waits in the outbox to the screen."""
        await courier(self.running, self.chat, [Recipient(OPERATOR, "console")]).deliver()

    def asked(self) -> list[str]:
        """The screen's lines so far."""
        return self.screen.getvalue().splitlines()


async def said(desk: Desk, *lines: str) -> str:
    """Type these, one after the other; answers all that appeared."""
    return "\n".join([await desk.say(line) for line in lines])


def written(home: Path, frames: Sequence[Frame]) -> str:
    """Write the metronome into the home; the configuration that trades these symbols with it."""
    folder = home / "mine" / "metronome"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "strategy.py").write_text(METRONOME)
    (folder / "default.yaml").write_text(METRONOME_YAML)
    symbols = "".join(f"  - {{symbol: {f.symbol}, strategy: metronome, leverage: 5}}\n" for f in frames)
    return f"strategy_paths: [{home / 'mine'}]\nsymbols:\n{symbols}"


def console_of(running: Running, home: Path, out: StringIO, width: int = 160) -> ConsoleChat:
    """The console as `cli.live.talk` joins it, without a terminal: what it shows is in `out`."""
    house = running.house
    screen = Screen(Console(file=out, width=width, color_system=None, markup=False, highlight=False))
    session = Session(house.dispatcher.handle, house.wall_ms)
    folder = home / "pictures"
    return ConsoleChat(session, NoLines(), screen, running.drawing, folder, house.wall_ms)


@asynccontextmanager
async def whole_house(
    home: Path, frames: Sequence[Frame], config: str = "", *, history: int = 1
) -> AsyncIterator[Desk]:
    """The bot on these candles with the metronome; the same home goes on where it was left."""
    text = f"{written(home, frames)}{config}"
    async with open_house(plan_of(home, frames, text, history)) as house:
        out = StringIO()
        running = Running(house, MarketClock.for_bars(house.now_ms(), BAR_MS, 1, paused=True))
        chat = console_of(running, home, out)
        try:
            yield Desk(running, chat, out)
        finally:
            await running.studio.close()


def plan_of(home: Path, frames: Sequence[Frame], text: str, history: int) -> Blueprint:
    """What the house is built from."""
    feed = HistoryFeed(History("15m", {f.symbol: f for f in frames}, HistoryReport()))
    return Blueprint(
        home=home,
        loaded=load_text(text, home, {}),
        mode="demo",
        account="paper:demo:test",
        timeframe=feed.timeframe,
        symbols=feed.symbols,
        make_venue=PaperOn(feed, {f.symbol: instrument_of(f) for f in frames}, START_MS + history * BAR_MS),
        start_at_ms=START_MS + history * BAR_MS,
        synchronous="NORMAL",
        context=(ClockControl(),),
    )


class NoLines:
    """Nobody types by itself."""

    async def read(self) -> str | None:
        """Nothing."""
        return None
