"""A house that trades at an exchange over loopback, or on paper with that exchange's market."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest
from sandbox_house import Sandbox

from bot.config import load_text
from bot.runtime.clock import WallClock
from bot.runtime.perform import LanedPerformer, Performer
from bot.strategy import Frame
from bot.venues.ccxt_venue.venue import CcxtVenue
from bot.venues.ccxt_venue.wire import Access, Environment
from cli.live_paper import PaperLive
from cli.live_paper_venue import LivePaperVenue
from cli.venues import READ_LAG_MS, ExchangeAt
from cli.wiring import Blueprint, House, open_house

BAR_MS = 900_000
LISTED = ("BTCUSDT", "ETHUSDT", "XRPUSDT")
both = pytest.mark.parametrize("name", ["binance", "bybit"])
twice = pytest.mark.parametrize("on_paper", [False, True], ids=["exchange", "paper"])


@asynccontextmanager
async def loopback_house(
    box: Sandbox, name: str, home: Path, *symbols: str, config: str = "{}", on_paper: bool = False
) -> AsyncIterator[House]:
    """A house of 15m bars that trades these symbols at the exchange of this name."""
    place = box.place
    key, secret = ("", "") if on_paper else (place["api_key"], place["secret"])
    access = Access(Environment.SANDBOX, key, secret, place["rest"], place["stream"])
    make = PaperLive if on_paper else ExchangeAt
    plan = Blueprint(
        home=home,
        loaded=load_text(config, home, {}),
        mode="paper" if on_paper else "testnet",
        account=f"{name}:test:test",
        timeframe="15m",
        symbols=symbols,
        make_venue=make(name, access, lambda: box.pace.now_ms, Random(1)),
        performer=Performer if on_paper else LanedPerformer,
        read_lag_ms=0 if on_paper else READ_LAG_MS,
        wall_ms=WallClock().now_ms,
    )
    async with open_house(plan) as house:
        yield house


async def told(house: House, box: Sandbox, symbol: str, bars: int) -> Frame:
    """The newest candles of a symbol as the exchange alone tells them now."""
    venue = house.venue
    assert isinstance(venue, CcxtVenue | LivePaperVenue)
    line = venue.gateway if isinstance(venue, CcxtVenue) else venue.line
    assert line is not None
    return await line.dialect.candles(symbol, "15m", bars, box.pace.now_ms // BAR_MS * BAR_MS)
