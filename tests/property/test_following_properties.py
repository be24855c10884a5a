"""A follower killed at random bars, with holes, late candles, a venue or a database that fails: the same rows."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
from phantom_kit import BAR_MS, TERMS, decision, market

from bot.domain.action import RecordDecision
from bot.domain.decision import Decision
from bot.domain.errors import StorageError
from bot.domain.event import CandlesClosed, TimerDue
from bot.domain.market import Candle
from bot.domain.signal import Side
from bot.market.buffers import CandleBuffer
from bot.ml.phantom import Ending, Followed, Phantom, candles_since, follow_all, phantom_of
from bot.runtime.following import MOST_BARS, Candles, Follower
from bot.runtime.phantoms import PhantomTally
from bot.runtime.ports import Step
from bot.strategy import Frame
from bot.venues.port import VenueUnavailable

type Key = tuple[str, str, int]


@dataclass
class MemoryStore:
    """The books, as storage keeps them; fails when told to, before or after it has written."""

    decisions: list[Decision] = field(default_factory=list)
    rows: dict[Key, Followed] = field(default_factory=dict)
    failing: str = ""
    writes: int = 0

    async def missed(self, since_ms: int) -> tuple[Decision, ...]:
        newest = max((one.phantom.decided_at_ms for one in self.rows.values()), default=since_ms)
        return tuple(one for one in self.decisions if one.at_ms >= newest)

    async def waiting(self) -> tuple[Phantom, ...]:
        return tuple(one.phantom for one in self.rows.values() if one.ending is None)

    async def write(self, begun: Sequence[Phantom], ended: Sequence[tuple[Phantom, Ending]]) -> None:
        self.writes += 1
        await asyncio.sleep(0)
        if self.failing == "before":
            raise StorageError("locked")
        for phantom in begun:
            self.rows.setdefault(phantom.key, Followed(phantom))
        for phantom, ending in ended:
            if self.rows[phantom.key].ending is None:
                self.rows[phantom.key] = Followed(self.rows[phantom.key].phantom, ending)
        if self.failing == "after":
            raise StorageError("the answer got lost")

    async def finished(
        self, since_ms: int = 0, strategy: str = "", symbol: str = "", newest: int = 0
    ) -> tuple[Followed, ...]:
        return tuple(one for one in self.rows.values() if one.ending is not None)

    async def tallies(self, since_ms: int = 0) -> tuple[PhantomTally, ...]:
        raise NotImplementedError

    async def found(self, strategy: str, symbol: str, bar_at_ms: int) -> Followed | None:
        return self.rows.get((strategy, symbol, bar_at_ms))


@dataclass
class World:
    """Two symbols' markets, the desk's windows on them, a venue with all of its candles; decisions on many bars."""

    seed: int
    bars: int = 90
    capacity: int = 60
    now_ms: int = 0
    asked: int = 0
    most: int = 0
    unreachable: bool = False
    unready: bool = False
    store: MemoryStore = field(default_factory=MemoryStore)

    def __post_init__(self) -> None:
        self.chance = np.random.default_rng(self.seed)
        self.frames = {
            name: market(self.seed + place, self.bars, name) for place, name in enumerate(("AAA", "BBB"))
        }
        self.buffers: dict[str, CandleBuffer] = {}
        self.follower = self.begun()
        self.times = sorted({at for frame in self.frames.values() for at in frame.open_at_ms.tolist()})

    def begun(self) -> Follower:
        """A new run: windows loaded from the venue."""
        self.buffers = {name: CandleBuffer(name, BAR_MS, self.capacity) for name in self.frames}
        for name, buffer in self.buffers.items():
            if len(past := self.past(name, self.capacity)):
                buffer.preload(past)
        window: Mapping[str, CandleBuffer] = self.buffers

        async def history(symbol: str, bars: int) -> Frame:
            self.asked, self.most = self.asked + 1, max(self.most, bars)
            await asyncio.sleep(0)
            if self.unreachable:
                raise VenueUnavailable("timeout")
            return self.past(symbol, bars)

        async def begin(decisions: Sequence[Decision]) -> list[Phantom]:
            await asyncio.sleep(0)
            if self.unready:
                raise StorageError("not now")
            return [made for one in decisions if (made := phantom_of(one, TERMS))]

        candles = Candles(
            BAR_MS,
            lambda name: window[name].frame() if name in window else None,
            history,
            lambda: self.now_ms,
        )
        return Follower(self.store, candles, begin, self.capacity)

    def past(self, name: str, bars: int) -> Frame:
        """The last closed candles there are."""
        frame = self.frames[name]
        end = int(np.searchsorted(frame.open_at_ms, self.now_ms - BAR_MS, side="right"))
        begin = max(0, end - bars)
        columns = (frame.open_at_ms, frame.open, frame.high, frame.low, frame.close, frame.volume)
        return Frame(name, BAR_MS, *(column[begin:end] for column in columns))

    def close(self, open_at_ms: int, lost: float = 0.0) -> None:
        """One bar closes; the desk may not get every candle. Decisions are committed, then the follower hears."""
        self.now_ms = open_at_ms + BAR_MS
        told: list[Candle] = []
        made: list[Decision] = []
        for name, frame in self.frames.items():
            row = int(np.searchsorted(frame.open_at_ms, open_at_ms))
            if row >= len(frame) or frame.open_at_ms[row] != open_at_ms or self.chance.random() < lost:
                continue
            candle = next(candles_since(frame, open_at_ms))
            self.buffers[name].append(candle)
            told.append(candle)
            if self.chance.random() < 0.4:
                side = Side.LONG if self.chance.random() < 0.5 else Side.SHORT
                gate = str(self.chance.choice(["", "model", "spread"]))
                made.append(decision(frame, row, side, 0.6, 0.8, gate))
        self.store.decisions += made
        event = CandlesClosed(self.now_ms, "15m", tuple(told))
        self.follower.hear(
            [Step(1, event, tuple(map(RecordDecision, made))), Step(2, TimerDue(1, "tick"), ())]
        )

    def expected(self) -> dict[Key, Followed]:
        """Every decision along all candles that the venue has by now."""
        found = {}
        for one in self.store.decisions:
            phantom = phantom_of(one, TERMS)
            assert phantom is not None
            path = follow_all(phantom, None, candles_since(self.past(phantom.symbol, self.bars), 0))
            found[phantom.key] = Followed(phantom, path if isinstance(path, Ending) else None)
        return found


async def test_followed_bar_by_bar_it_comes_to_what_the_whole_history_says() -> None:
    for seed in range(25):
        world = World(seed)
        for at_ms in world.times:
            world.close(at_ms)
            await world.follower.catch_up()
        assert world.store.rows == world.expected()
        assert sum(one.ending is not None for one in world.store.rows.values()) > 20
        assert world.follower.following == sum(one.ending is None for one in world.store.rows.values())


async def test_killed_anywhere_it_goes_on_to_the_same_rows() -> None:
    """Killed before it wrote, after it wrote, in the middle, for one bar or for many; heard or not."""
    for seed in range(40):
        world = World(seed)
        for at_ms in world.times:
            world.close(at_ms)
            kill = world.chance.random()
            if kill < 0.3:
                world.follower = world.begun()  # what it had heard is gone
            elif kill < 0.6:
                world.store.failing = str(world.chance.choice(["before", "after"]))
                with suppress(StorageError):
                    await world.follower.catch_up()
                world.store.failing = ""
                if world.chance.random() < 0.5:
                    world.follower = world.begun()
            elif kill < 0.7:
                task = asyncio.create_task(world.follower.catch_up())
                for _ in range(int(world.chance.integers(0, 6))):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.wait({task})
                world.follower = world.begun()
            else:
                await world.follower.catch_up()
        await world.follower.catch_up()
        assert world.store.rows == world.expected(), seed


async def test_a_desk_that_slept_for_long_finishes_from_the_venues_history() -> None:
    """Longer than the window reaches: the venue is asked; unreachable, it waits and asks again."""
    for seed in range(15):
        world = World(seed, capacity=10)
        for at_ms in world.times[:30]:
            world.close(at_ms)
            await world.follower.catch_up()
        world.now_ms = world.times[-1] + BAR_MS
        world.follower, world.unreachable = world.begun(), True
        await world.follower.catch_up()
        assert world.follower.following
        asked, world.unreachable = world.asked, False
        assert asked > 0
        await world.follower.catch_up()
        assert world.store.rows == world.expected()


async def test_candles_the_desk_missed_are_asked_of_the_venue() -> None:
    """Holes in the desk's window that the venue can fill make no difference."""
    for seed in range(25):
        world = World(seed)
        for at_ms in world.times:
            world.close(at_ms, lost=0.15)
            await world.follower.catch_up()
        world.close(world.times[-1] + BAR_MS)
        await world.follower.catch_up()
        for name in world.frames:
            world.follower = world.begun()
            assert len(world.buffers[name])
        await world.follower.catch_up()
        assert world.store.rows == world.expected(), seed
        assert world.asked > 5


async def test_a_hole_at_the_venue_too_is_asked_about_once() -> None:
    world = World(3)
    for at_ms in world.times:
        world.close(at_ms)
        await world.follower.catch_up()
    holes = sum(int((np.diff(frame.open_at_ms) > BAR_MS).sum()) for frame in world.frames.values())
    assert 0 < world.asked <= holes


async def test_what_was_heard_is_kept_until_it_is_followed() -> None:
    """A phantom that cannot be made this time is made the next."""
    world = World(4)
    for at_ms in world.times:
        world.close(at_ms)
        world.unready = world.chance.random() < 0.5
        with suppress(StorageError):
            await world.follower.catch_up()
    world.unready = False
    await world.follower.catch_up()
    assert world.store.rows == world.expected()


async def test_nothing_new_writes_nothing() -> None:
    world = World(5)
    for at_ms in world.times[:30]:
        world.close(at_ms)
    await world.follower.catch_up()
    before = world.store.writes
    await world.follower.catch_up()
    assert world.store.writes == before


async def test_the_same_decision_twice_is_one_phantom() -> None:
    world = World(6)
    for at_ms in world.times:
        world.close(at_ms)
        step = Step(9, TimerDue(1, "again"), tuple(map(RecordDecision, world.store.decisions[-2:])))
        world.follower.hear([step, step])
        await world.follower.catch_up()
    assert world.store.rows == world.expected()


async def test_candles_too_old_to_be_had_stop_nobody_else() -> None:
    """A phantom whose candles nobody knows any more waits; younger ones of its symbol go on."""
    world = World(8)
    old = decision(world.frames["AAA"], 0)
    long_ago = old.signal.bar_at_ms - (MOST_BARS + 200) * BAR_MS
    lost = phantom_of(old, TERMS)
    assert lost is not None
    for shift in (long_ago, old.signal.bar_at_ms - 40 * BAR_MS):
        key = (lost.strategy, lost.symbol, shift)
        aged = Phantom(**{name: getattr(lost, name) for name in Phantom.__slots__} | {"bar_at_ms": shift})
        world.store.rows[key] = Followed(aged)
    stuck = set(world.store.rows)
    for one in world.store.rows.values():
        assert one.phantom.decided_at_ms <= old.at_ms
    for at_ms in world.times:
        world.close(at_ms)
        await world.follower.catch_up()
    assert world.most < 100, "nobody is asked for years of candles"
    for key in stuck:
        assert world.store.rows.pop(key).ending is None
    assert world.store.rows == world.expected()


async def test_a_symbol_that_is_traded_no_more_is_finished_from_the_venue() -> None:
    world = World(9)
    for at_ms in world.times[:40]:
        world.close(at_ms)
        await world.follower.catch_up()
    world.follower = world.begun()
    del world.buffers["BBB"]
    for at_ms in world.times[40:]:
        world.now_ms = at_ms + BAR_MS
        candle = next(candles_since(world.frames["AAA"], at_ms), None)
        if candle is not None and candle.open_at_ms == at_ms:
            world.buffers["AAA"].append(candle)
        world.follower.hear([Step(1, CandlesClosed(world.now_ms, "15m", ()), ())])
        await world.follower.catch_up()
    assert world.store.rows == world.expected()


async def test_it_runs_beside_the_desk_and_survives_the_database() -> None:
    world = World(10)
    quiet = 0

    async def settled() -> None:
        nonlocal quiet
        quiet += 1

    running = asyncio.create_task(world.follower.run(settled))
    for at_ms in world.times[:50]:
        world.close(at_ms)
        for _ in range(60):
            await asyncio.sleep(0)
    assert quiet > 40
    assert world.store.rows == world.expected()
    running.cancel()
    await asyncio.wait({running})
    assert running.cancelled()
