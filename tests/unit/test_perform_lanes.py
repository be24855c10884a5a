"""Deeds side by side: what waits for what, and what never does."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from desk_story import D

from bot.domain.action import Cancel, QueryOrder, SetLeverage, StartTimer, Submit, TakeSnapshot
from bot.domain.event import Call, CallEnded, Event, Outcome, SnapshotFailed, TimerDue, VenueConditionChanged
from bot.domain.guard import HaltKind
from bot.domain.order import Intent, Order, OrderSide, OrderStatus, OrderType, Purpose
from bot.domain.snapshot import VenueSnapshot
from bot.runtime.perform import LanedPerformer
from bot.runtime.timers import Timers
from bot.venues.port import VenueUnavailable

NOW = 1_700_000_000_000


def submit(client_id: str, purpose: Purpose, symbol: str = "XYZUSDT") -> Submit:
    intent = Intent(symbol, OrderSide.BUY, purpose, OrderType.MARKET, D(1), "d")
    return Submit(Order(client_id, intent, "exit", OrderStatus.INTENDED, NOW, NOW))


class SlowVenue:
    """Every call waits until the test lets it go."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.gates: dict[str, asyncio.Future[None]] = {}
        self.broken: set[str] = set()

    async def _call(self, name: str) -> None:
        self.begun.append(name)
        self.gates[name] = asyncio.get_running_loop().create_future()
        await self.gates[name]
        if name in self.broken:
            raise ValueError(name)

    async def submit(self, order: Order) -> CallEnded:
        await self._call(order.client_id)
        return CallEnded(NOW, order.client_id, order.symbol, Call.SUBMIT, Outcome.DONE)

    async def cancel(self, client_id: str, symbol: str, conditional: bool) -> CallEnded:
        await self._call(f"cancel {client_id}")
        return CallEnded(NOW, client_id, symbol, Call.CANCEL, Outcome.DONE)

    async def query(self, client_id: str, symbol: str, conditional: bool) -> CallEnded:
        await self._call(f"query {client_id}")
        return CallEnded(NOW, client_id, symbol, Call.SUBMIT, Outcome.NOT_DONE, "not found")

    async def set_leverage(self, symbol: str, leverage: int) -> CallEnded:
        await self._call(f"leverage {symbol}")
        return CallEnded(NOW, "", symbol, Call.SUBMIT, Outcome.DONE)

    async def snapshot(self, since_ms: int) -> VenueSnapshot:
        await self._call(f"snapshot {since_ms}")
        raise VenueUnavailable("cut")


class Lanes:
    def __init__(self) -> None:
        self.venue = SlowVenue()
        self.events: list[Event] = []
        self.timers = Timers(self.events.append)
        self.performer = LanedPerformer(self.venue, self.timers, self.events.append, lambda: NOW)  # type: ignore[arg-type]

    async def go(
        self, *deeds: Submit | Cancel | QueryOrder | SetLeverage | TakeSnapshot | StartTimer
    ) -> None:
        for deed in deeds:
            await self.performer.perform(deed)
        await self.turns()

    async def answer(self, *names: str) -> None:
        for name in names:
            self.venue.gates[name].set_result(None)
            await self.turns()

    async def turns(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)


@pytest.fixture
async def lanes() -> AsyncIterator[Lanes]:
    found = Lanes()
    yield found
    await found.performer.close()


async def test_another_symbol_never_waits(lanes: Lanes) -> None:
    await lanes.go(submit("a", Purpose.STOP), submit("b", Purpose.STOP, "ABCUSDT"))
    assert lanes.venue.begun == ["a", "b"]


async def test_exits_of_a_symbol_go_one_after_the_other(lanes: Lanes) -> None:
    await lanes.go(submit("stop", Purpose.STOP), submit("target", Purpose.TARGET))
    assert lanes.venue.begun == ["stop"]
    await lanes.answer("stop")
    assert lanes.venue.begun == ["stop", "target"]


async def test_an_exit_does_not_wait_for_an_entry(lanes: Lanes) -> None:
    await lanes.go(submit("entry", Purpose.ENTRY), submit("close", Purpose.CLOSE))
    assert lanes.venue.begun == ["entry", "close"]


async def test_an_entry_waits_for_its_leverage(lanes: Lanes) -> None:
    await lanes.go(SetLeverage("XYZUSDT", 5), submit("entry", Purpose.ENTRY))
    assert lanes.venue.begun == ["leverage XYZUSDT"]
    await lanes.answer("leverage XYZUSDT")
    assert lanes.venue.begun[-1] == "entry"


async def test_a_cancel_never_overtakes_its_order(lanes: Lanes) -> None:
    await lanes.go(
        submit("e", Purpose.ENTRY), Cancel("e", "XYZUSDT", False), QueryOrder("e", "XYZUSDT", False)
    )
    assert lanes.venue.begun == ["e"]
    await lanes.answer("e")
    assert lanes.venue.begun == ["e", "cancel e", "query e"]


async def test_a_cancel_of_an_order_that_rests_goes_at_once(lanes: Lanes) -> None:
    await lanes.go(submit("e", Purpose.ENTRY), Cancel("old", "XYZUSDT", True))
    assert lanes.venue.begun == ["e", "cancel old"]


async def test_a_failed_call_still_lets_the_next_go_and_is_unknown(lanes: Lanes) -> None:
    lanes.venue.broken.add("stop")
    await lanes.go(submit("stop", Purpose.STOP), submit("target", Purpose.TARGET))
    await lanes.answer("stop", "target")
    assert [(e.client_id, e.outcome) for e in lanes.events if isinstance(e, CallEnded)] == [
        ("stop", Outcome.UNKNOWN),
        ("target", Outcome.DONE),
    ]


async def test_idle_waits_for_everything_and_measures_orders(lanes: Lanes) -> None:
    await lanes.go(submit("a", Purpose.STOP), TakeSnapshot(0))
    assert lanes.performer.busy == 2
    waiting = asyncio.create_task(lanes.performer.idle())
    await lanes.answer("a")
    assert not waiting.done()
    await lanes.answer("snapshot 0")
    await waiting
    assert lanes.performer.busy == 0
    assert len(lanes.performer.order_ms) == 1
    assert lanes.events[-1] == SnapshotFailed(NOW, "cut")


async def test_a_fault_in_a_snapshot_is_told_and_the_next_one_is_asked_for(lanes: Lanes) -> None:
    lanes.venue.broken.add("snapshot 50")
    await lanes.go(TakeSnapshot(50), TakeSnapshot(30))
    await lanes.answer("snapshot 50")
    blind = VenueConditionChanged(NOW, HaltKind.ERRORS, True, "the account cannot be read (fault)")
    assert lanes.events == [blind, SnapshotFailed(NOW, "fault")]
    await lanes.answer("snapshot 30")
    await lanes.performer.idle()
    assert lanes.events[2:] == [SnapshotFailed(NOW, "cut")], "not reached is not read"


async def test_snapshots_asked_for_meanwhile_share_the_next_one(lanes: Lanes) -> None:
    await lanes.go(TakeSnapshot(50), TakeSnapshot(30), TakeSnapshot(10), TakeSnapshot(40))
    assert lanes.venue.begun == ["snapshot 50"]
    await lanes.answer("snapshot 50")
    assert lanes.venue.begun == ["snapshot 50", "snapshot 10"], "what they ask for together"
    await lanes.answer("snapshot 10")
    await lanes.performer.idle()
    assert lanes.events == [SnapshotFailed(NOW, "cut")] * 2
    await lanes.go(TakeSnapshot(60))
    assert lanes.venue.begun[-1] == "snapshot 60"


async def test_timers_are_set_at_once(lanes: Lanes) -> None:
    await lanes.go(StartTimer("cover", "XYZUSDT", NOW + 5))
    assert lanes.timers.fire(NOW + 5) == 1
    assert lanes.events == [TimerDue(NOW + 5, "cover", "XYZUSDT")]


async def test_closing_gives_up_what_is_under_way(lanes: Lanes) -> None:
    await lanes.go(submit("a", Purpose.STOP), submit("b", Purpose.STOP))
    await lanes.performer.close()
    assert lanes.performer.busy == 0
    assert lanes.events == []
