"""Carries out deeds: calls to the venue and timers. What they come to goes back into the inbox as events."""

from collections.abc import Callable, Sequence
from typing import assert_never

from bot.domain.action import (
    Action,
    Cancel,
    Deed,
    QueryOrder,
    SetLeverage,
    StartTimer,
    Submit,
    TakeSnapshot,
)
from bot.domain.event import Call, CallEnded, Event, Outcome, SnapshotFailed, SnapshotTaken
from bot.domain.order import Purpose
from bot.runtime.timers import Timers
from bot.venues.port import Venue, VenueUnavailable

DEEDS = (Submit, Cancel, QueryOrder, SetLeverage, TakeSnapshot, StartTimer)


def deeds_of(actions: Sequence[Action]) -> list[Deed]:
    """The actions that act on the world, the most urgent first: exits, cancels, the rest, then entries.

    Protection must never wait behind an entry; within a rank the engine's order stays.
    """
    deeds = [action for action in actions if isinstance(action, DEEDS)]
    return sorted(deeds, key=_rank)


def _rank(deed: Deed) -> int:
    if isinstance(deed, Submit):
        return 0 if deed.order.purpose.exits else 3
    return 1 if isinstance(deed, Cancel) else 2


def risks_more(deed: Deed) -> bool:
    """True for deeds that add exposure."""
    return isinstance(deed, Submit) and deed.order.purpose is Purpose.ENTRY


class Performer:
    """Performs deeds in order, one after the other; a real venue's driver brings its own lanes."""

    def __init__(
        self, venue: Venue, timers: Timers, put: Callable[[Event], None], now: Callable[[], int]
    ) -> None:
        """`put` takes the events that deeds come to; `now` gives business time in ms."""
        self._venue = venue
        self._timers = timers
        self._put = put
        self._now = now

    async def perform(self, deed: Deed) -> None:
        """Carry out one deed."""
        match deed:
            case Submit():
                self._put(await self._venue.submit(deed.order))
            case Cancel():
                self._put(await self._venue.cancel(deed.client_id, deed.symbol, deed.conditional))
            case QueryOrder():
                self._put(await self._venue.query(deed.client_id, deed.symbol, deed.conditional))
            case SetLeverage():
                self._put(await self._venue.set_leverage(deed.symbol, deed.leverage))
            case TakeSnapshot():
                self._put(await self._snapshot(deed.since_ms))
            case StartTimer():
                self._timers.start(deed)
            case _:
                assert_never(deed)

    async def _snapshot(self, since_ms: int) -> SnapshotTaken | SnapshotFailed:
        try:
            snapshot = await self._venue.snapshot(since_ms)
        except VenueUnavailable as error:
            return SnapshotFailed(self._now(), str(error))
        return SnapshotTaken(snapshot.at_ms, snapshot)

    def refuse(self, deed: Deed) -> None:
        """Answer a deed that must not be done because the books cannot be written."""
        if isinstance(deed, Submit):
            order = deed.order
            self._put(
                CallEnded(
                    self._now(), order.client_id, order.symbol, Call.SUBMIT, Outcome.NOT_DONE, "database down"
                )
            )
