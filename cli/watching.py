"""Prices that people wait for: an exchange streams those of every symbol that has a price alert."""

import asyncio
from collections.abc import Callable, Iterable, Sequence

from bot.domain.alert import Alert
from bot.venues.ccxt_venue.venue import CcxtVenue
from cli.live import Running

LOOK_S = 1.0


def begin_watching(running: Running) -> None:
    """Begin it where there are streams to choose from. Without it an alert would wait for the next poll of prices."""
    house = running.house
    if isinstance(house.venue, CcxtVenue):
        running.begin("prices of alerts", keep_watched(house.desk.alerts, house.venue.watch))


async def keep_watched(
    alerts: Callable[[], Iterable[Alert]], watch: Callable[[Sequence[str]], None], look_s: float = LOOK_S
) -> None:
    """Say which symbols have alerts whenever these are others than before, for ever."""
    told: frozenset[str] = frozenset()
    while True:
        wanted = frozenset(alert.symbol for alert in alerts())
        if wanted != told:
            watch(sorted(wanted))
            told = wanted
        await asyncio.sleep(look_s)
