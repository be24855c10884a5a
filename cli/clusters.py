"""Clusters of a running house: which grouping counts, who must know of it, who is told when it changes."""

import asyncio
import logging
from collections.abc import Mapping

from bot.domain.event import ClustersChanged, NoticeRaised
from bot.domain.notice import Notice, NoticeKind, Severity
from bot.ml.grouping import Grouping, Groupings, counts_from
from bot.ml.shelf import Wanted
from bot.runtime.bar_bell import BarBell
from cli.house import House
from handlers.cards import listed
from handlers.grouper import Moved, moved, moved_words

log = logging.getLogger(__name__)


class LiveClusters:
    """Looks at the kept groupings at every bar, whoever made them; limits and models follow the newest one.

    What a bar's features are told hangs on that bar alone: `Groupings.outside`.
    """

    def __init__(self, house: House, groupings: Groupings) -> None:
        """What is kept now counts for the choice of models from the start on; one small file is read."""
        self._groupings = groupings
        self._house = house
        self._at_ms = 0
        self._put: Mapping[str, int] | None = None
        self.bell = BarBell(rung=True)
        newest = groupings.known_at(self._after_ms())
        self._want({} if newest is None else self.traded(newest))

    async def run(self) -> None:
        """Look at once, and at every bar that was heard of, until cancelled."""
        while True:
            await self.bell.rung()
            try:
                await self.look()
            except Exception:  # whatever it is: trading does not hang on it, and the next bar looks again
                log.exception("the groupings could not be looked at")

    async def look(self) -> None:
        """Take the newest grouping into use where it is another one."""
        newest = await asyncio.to_thread(self._groupings.known_at, self._after_ms())
        if newest is not None and newest.at_ms != self._at_ms:
            self._take(newest)

    def kept(self) -> tuple[Grouping | None, tuple[int, ...]]:
        """The newest one, and the moments of all files. For a thread."""
        return self._groupings.known_at(self._after_ms()), self._groupings.moments()

    def _after_ms(self) -> int:
        """Groupings made before this count: one dated later is of a clock that was wrong, and waits for its time."""
        return counts_from(self._house.now_ms(), self._house.engine.state.settings.bar_ms) + 1

    def tell_failed(self, why: str) -> None:
        """The week's grouping did not come about."""
        now_ms = self._house.now_ms()
        notice = Notice(NoticeKind.JOB, Severity.INFO, now_ms, "Symbols were not grouped", (("Why", why),))
        self._house.loop.put(NoticeRaised(now_ms, notice))

    def _take(self, grouping: Grouping) -> None:
        before, now = self.known(), self.traded(grouping)
        self._at_ms = grouping.at_ms
        self._want(now)
        changes = moved(before, now)
        if changes:
            self._put = now
            now_ms = self._house.now_ms()
            self._house.loop.put(ClustersChanged(now_ms, tuple(sorted(now.items()))))
            self._house.loop.put(NoticeRaised(now_ms, notice_of(grouping, changes, bool(before), now_ms)))

    def known(self) -> Mapping[str, int]:
        """The clusters the engine knows, or will when it has heard what it was told last."""
        return self._house.engine.state.clusters if self._put is None else self._put

    def traded(self, grouping: Grouping) -> dict[str, int]:
        """The clusters of the traded symbols."""
        symbols = self._house.engine.state.symbols
        return {name: number for name, number in grouping.numbers().items() if name in symbols}

    def _want(self, clusters: Mapping[str, int]) -> None:
        """Look after the models of these clusters, too."""
        symbols, scorer = self._house.engine.state.symbols.items(), self._house.scorer
        if scorer is not None:
            scorer.shelf.want(
                Wanted(state.settings.strategy, name, clusters.get(name)) for name, state in symbols
            )


def notice_of(grouping: Grouping, changes: Moved, again: bool, at_ms: int) -> Notice:
    """Who is in another cluster; the first time, that there are clusters now."""
    title = f"Symbols are grouped: {grouping.k} clusters"
    if again:
        title = f"Symbols are grouped anew: {len(changes)} in another of {grouping.k} clusters"
    behaviour = tuple((f"Cluster {one.number}", one.behaviour) for one in grouping.clusters)
    fields = (("Moved", listed(moved_words(changes), "/clusters")), *behaviour)
    return Notice(NoticeKind.MODEL, Severity.INFO, at_ms, title, fields)
