"""The collectors of a running house as one job: over the desk's own line, into the home's history."""

import logging

from bot.venues.ccxt_venue.gateway import CcxtGateway
from bot.venues.ccxt_venue.venue import CcxtVenue
from bot.venues.port import Venue
from cli.house import House
from cli.live_paper_venue import LivePaperVenue
from cli.past import shared_past, store_of
from research.fetching.collecting import Collector, Round
from research.history.report import counted

log = logging.getLogger(__name__)


def line_of(venue: Venue) -> CcxtGateway | None:
    """The line to an exchange whose past we can ask for; None: there is none."""
    if isinstance(venue, CcxtVenue):
        return venue.gateway
    return venue.line if isinstance(venue, LivePaperVenue) else None


def collecting(house: House) -> "Collecting | None":
    """The collectors as the configuration wants them; None: switched off, or nothing to collect."""
    wanted, line = house.plan.loaded.settings.collect, line_of(house.venue)
    if not wanted.enabled or line is None:
        return None
    source = shared_past(line)
    symbols = wanted.symbols or tuple(house.plan.symbols)
    return Collecting(Collector(source, store_of(house.plan.home, source.name), symbols))


class Collecting:
    """A round at a time; when series begin to fail, and when all is well again, that is one line of the log."""

    def __init__(self, collector: Collector) -> None:
        """Nothing was told yet."""
        self._collector = collector
        self._told: tuple[tuple[str, str], ...] = ()

    async def round(self) -> str:
        """Collect; answers in a few words how it went. Trouble with exchange or store fails no job."""
        found = await self._collector.round()
        self._tell(found)
        words = f"{counted(found.added, 'figure')} of {found.asked} series"
        if found.faults:
            name, why = found.faults[0]
            words += f"; {len(found.faults)} failed, first {name}: {why}"
        return words + (f"; {found.left} wait for the next round" if found.left else "")

    def _tell(self, found: Round) -> None:
        if found.faults == self._told:
            return
        if found.faults and not self._told:
            name, why = found.faults[0]
            log.warning(
                "collecting: %d of %d series failed, first %s: %s; trading goes on, the next round tries again",
                len(found.faults),
                found.asked + found.left,
                name,
                why,
            )
        elif not found.faults:
            log.info("collecting: all series answer again")
        self._told = found.faults
