"""A house that trains until somebody kills it: `python training_house.py HOME`; a line with the worker's pid."""

import asyncio
import sys
from pathlib import Path

from whole_house import walk, whole_house

from bot.strategy import Frame
from cli.house import House
from cli.training.service import TrainingService
from handlers.trainer import Training, TrainOrder

HISTORY, BARS = 1_900, 2_000
CONFIG = "buffers: {bars: 1900}\nml: {features: {metronome: 'rsi,adx,ret_1,signal_strength,side'}}\n"
USER = "console:operator"
FAR = 0.4
"""So far a training must have come: it is in the middle of its folds."""


def market_of(seed: int, symbol: str) -> Frame:
    """As long as a training wants it."""
    return walk(seed, symbol, BARS, 0.004)


XRP = market_of(1, "XRPUSDT")


def service_of(house: House) -> TrainingService:
    """Who trains there."""
    [found] = [
        thing.trainer for thing in house.front.seats[house.name].context if isinstance(thing, Training)
    ]
    assert isinstance(found, TrainingService)
    return found


def folder(home: Path) -> Path:
    """The versions of XRPUSDT's model."""
    return home / "models" / "metronome" / "XRPUSDT"


async def live(home: Path) -> None:
    """Train, and tell who does it once it is in the middle."""
    async with whole_house(home, [XRP], CONFIG, history=HISTORY) as desk:
        service = service_of(desk.house)
        crew = service.orders.lab.crew

        async def tell(part: float, at: str) -> None:
            process = crew._running[USER].process
            if part >= FAR and process is not None:
                sys.stdout.write(f"{process.pid}\n")
                sys.stdout.flush()

        await service.train(TrainOrder(("XRPUSDT",), USER), tell)


if __name__ == "__main__":
    asyncio.run(live(Path(sys.argv[1])))
