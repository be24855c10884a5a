"""A house that trains until somebody kills it: `python training_house.py HOME`; a line with the worker's pid."""

import asyncio
import sys
from pathlib import Path

import numpy as np
from whole_house import market, whole_house

from bot.strategy import Frame
from cli.training.service import TrainingService
from handlers.trainer import Training, TrainOrder

HISTORY, BARS = 1_900, 2_000
CONFIG = "buffers: {bars: 1900}\nml: {features: {metronome: 'rsi,adx,ret_1,signal_strength,side'}}\n"
USER = "console:operator"
FAR = 0.4
"""So far a training must have come: it is in the middle of its folds."""


def walk(seed: int, symbol: str) -> Frame:
    """A market that goes nowhere."""
    steps = np.random.default_rng(seed).normal(0, 0.004, BARS)
    return market([round(float(one), 5) for one in np.exp(np.cumsum(steps))], symbol, wick=0.002)


async def live(home: Path) -> None:
    """Train, and tell who does it once it is in the middle."""
    async with whole_house(home, [walk(1, "XRPUSDT")], CONFIG, history=HISTORY) as desk:
        seat = desk.house.front.seats[desk.house.name]
        [service] = [thing.trainer for thing in seat.context if isinstance(thing, Training)]
        assert isinstance(service, TrainingService)
        crew = service.orders.lab.crew

        async def tell(part: float, at: str) -> None:
            process = crew._running[USER].process
            if part >= FAR and process is not None:
                sys.stdout.write(f"{process.pid}\n")
                sys.stdout.flush()

        await service.train(TrainOrder(("XRPUSDT",), USER), tell)


if __name__ == "__main__":
    asyncio.run(live(Path(sys.argv[1])))
