"""Candle frames become bars: whatever is lost, doubled, late or unfinished, each bar once, in order, final."""

import asyncio
from collections.abc import Sequence
from math import nan
from random import Random

import pytest
from ccxt_kit import BAR_MS, T0, Time, frame, until
from hypothesis import given
from hypothesis import strategies as st
from virtual_loop import virtually

from bot.domain.event import CandlesClosed, Event, VenueConditionChanged
from bot.domain.market import Candle
from bot.strategy import Frame
from bot.venues.ccxt_venue.candles import Assembler, CandleKeeper, candles_of
from bot.venues.port import VenueUnavailable

NAMES = ("AAA", "BBB", "CCC")
SECOND_MS = 1000


def candle(symbol: str, number: int, close: float | None = None) -> Candle:
    price = 100.0 + number if close is None else close
    return Candle(symbol, T0 + number * BAR_MS, price, price, price, price, 1.0)


def told(events: Sequence[CandlesClosed]) -> list[tuple[int, str]]:
    return [(one.candles[0].open_at_ms, "".join(c.symbol[0] for c in one.candles)) for one in events]


BARS = 4
fate = st.tuples(st.lists(st.integers(0, 25_000), max_size=3), st.booleans())


type Fates = list[list[tuple[list[int], bool]]]


def frames_of(fates: Fates, chance: Random) -> list[tuple[int, Candle, bool]]:
    """Final frames at their delays after the close, forming ones around it; same time in any order."""
    frames: list[tuple[int, Candle, bool]] = []
    for number, bar in enumerate(fates):
        close_ms = T0 + (number + 1) * BAR_MS
        for name, (delays, forming) in zip(NAMES, bar, strict=True):
            frames += [(close_ms + delay, candle(name, number), True) for delay in delays]
            if forming:
                frames += [(close_ms + d, candle(name, number, 7.0), False) for d in (-30_000, 10, 20_000)]
    chance.shuffle(frames)
    return sorted(frames, key=lambda one: one[0])


def check_without_rest(fates: Fates, seen: set[int]) -> None:
    """What was heard in time is told, up to the first bar of which nothing was heard; nothing is made up."""
    heard = [n for n, bar in enumerate(fates) if any(delays for delays, _ in bar)]
    in_time = [n for n, bar in enumerate(fates) if any(min(d, default=10**6) <= 10_000 for d, _ in bar)]
    assert seen <= set(heard)
    first_hole = next((n for n in range(BARS) if n not in heard), BARS)
    assert {n for n in in_time if n < first_hole} <= seen


@given(
    st.lists(st.lists(fate, min_size=3, max_size=3), min_size=BARS, max_size=BARS),
    st.booleans(),
    st.randoms(),
)
def test_every_bar_once_in_order_with_its_final_candles(
    fates: Fates, rest_works: bool, chance: Random
) -> None:
    assembler = Assembler(NAMES, "1m", T0)
    frames = frames_of(fates, chance)
    events: list[CandlesClosed] = []
    for now_ms in range(T0, T0 + (BARS + 2) * BAR_MS, SECOND_MS):
        while frames and frames[0][0] <= now_ms:
            at_ms, one, closed = frames.pop(0)
            assembler.see(one, closed, at_ms)
            events += assembler.ready(at_ms)
        events += assembler.ready(now_ms)
        missing = assembler.missing(now_ms)
        if missing:
            assembler.asking(now_ms)
        if missing and rest_works:
            for symbol, first_ms in missing.items():
                numbers = range((first_ms - T0) // BAR_MS, (now_ms - T0) // BAR_MS)
                assembler.repaired(symbol, [candle(symbol, n) for n in numbers], now_ms)
            events += assembler.ready(now_ms)
    opens = [event.candles[0].open_at_ms for event in events]
    assert opens == sorted(set(opens))
    assert [event.at_ms for event in events] == sorted({event.at_ms for event in events})
    for event in events:
        number = (event.candles[0].open_at_ms - T0) // BAR_MS
        assert list(event.candles) == [candle(c.symbol, number) for c in event.candles]
        assert [c.symbol for c in event.candles] == sorted(c.symbol for c in event.candles)
        close_ms = event.candles[0].open_at_ms + BAR_MS
        assert event.at_ms >= close_ms
        if rest_works:
            assert event.at_ms <= close_ms + 3 * SECOND_MS
    if rest_works:
        assert told(events) == [(T0 + n * BAR_MS, "ABC") for n in range(len(opens))]
        assert len(opens) >= BARS
    else:
        check_without_rest(fates, {(at_ms - T0) // BAR_MS for at_ms in opens})


def test_the_last_word_before_the_bar_is_told_counts_and_none_after() -> None:
    assembler = Assembler(("AAA", "BBB"), "1m", T0)
    close_ms = T0 + BAR_MS
    assembler.see(candle("AAA", 0, 5.0), True, close_ms)
    assembler.see(candle("AAA", 0, 6.0), True, close_ms)
    assembler.see(candle("BBB", 0), True, close_ms)
    (event,) = assembler.ready(close_ms)
    assert event.candles[0].close == 6.0
    assembler.see(candle("AAA", 0, 9.0), True, close_ms + 5)
    assert assembler.ready(close_ms + 60_000) == []


@pytest.mark.parametrize(
    "bad",
    [
        Candle("AAA", T0, nan, nan, nan, nan, 1.0),
        Candle("AAA", T0, 1.0, 0.5, 2.0, 1.0, 1.0),
        Candle("AAA", T0 + 1, 1.0, 1.0, 1.0, 1.0, 1.0),
        Candle("AAA", T0 + 5 * BAR_MS, 1.0, 1.0, 1.0, 1.0, 1.0),
        Candle("ZZZ", T0, 1.0, 1.0, 1.0, 1.0, 1.0),
        Candle("AAA", T0 - BAR_MS, 1.0, 1.0, 1.0, 1.0, 1.0),
    ],
    ids=["nan", "high below low", "off the grid", "future", "not ours", "before the start"],
)
def test_what_cannot_be_a_candle_is_not_one(bad: Candle) -> None:
    assembler = Assembler(("AAA",), "1m", T0)
    assembler.see(bad, True, T0 + BAR_MS)
    assert assembler.ready(T0 + 2 * BAR_MS) == []


def test_bars_missed_in_an_outage_come_whole_and_in_order_with_the_time_they_are_told() -> None:
    assembler = Assembler(NAMES, "1m", T0)
    now_ms = T0 + 4 * BAR_MS + 30_000
    assert assembler.missing(now_ms) == dict.fromkeys(NAMES, T0)
    assembler.asking(now_ms)
    for name in NAMES[:2]:
        assembler.repaired(name, [candle(name, n) for n in range(4)], now_ms)
        assert assembler.ready(now_ms) == [], "a bar waits for the round that is under way"
    assembler.repaired("CCC", [candle("CCC", n) for n in (0, 3)], now_ms + 1000)
    events = assembler.ready(now_ms + 1000)
    assert told(events) == [(T0 + n * BAR_MS, "ABC" if n in (0, 3) else "AB") for n in range(4)]
    assert [event.at_ms - now_ms for event in events] == [1000, 1001, 1002, 1003]


def test_a_bar_without_any_candle_is_waited_for_but_not_one_that_the_venue_never_had() -> None:
    assembler = Assembler(("AAA",), "1m", T0)
    now_ms = T0 + 3 * BAR_MS
    assert assembler.ready(now_ms) == []
    assembler.repaired("AAA", [candle("AAA", 1)], now_ms)
    assert told(assembler.ready(now_ms)) == [(T0 + BAR_MS, "A")]
    assert assembler.next_open_at_ms == T0 + 2 * BAR_MS


def test_a_burst_of_late_frames_makes_one_whole_bar() -> None:
    assembler = Assembler(("AAA", "BBB"), "1m", T0)
    now_ms = T0 + BAR_MS + 20_000
    assembler.see(candle("AAA", 0), True, now_ms)
    assert assembler.ready(now_ms) == []
    assembler.see(candle("BBB", 0), True, now_ms)
    assert told(assembler.ready(now_ms)) == [(T0, "AB")]


def test_a_silent_symbol_is_told_once_and_not_waited_for_and_comes_back() -> None:
    assembler = Assembler(("AAA", "BBB"), "1m", T0)

    def live(number: int, *names: str) -> list[Event]:
        close_ms = T0 + (number + 1) * BAR_MS
        for name in names:
            assembler.see(candle(name, number), True, close_ms)
        assembler.asking(close_ms + 2_000)
        return [*assembler.ready(close_ms + 11_000), *assembler.conditions(close_ms + 11_000)]

    assert [type(event) for event in live(0, "AAA")] == [CandlesClosed]
    live(1, "AAA")
    _, change = live(2, "AAA")
    assert isinstance(change, VenueConditionChanged)
    assert (change.active, change.symbol, change.kind.value) == (True, "BBB", "STALE")
    close_ms = T0 + 4 * BAR_MS
    assembler.see(candle("AAA", 3), True, close_ms)
    assert told(assembler.ready(close_ms)) == [(T0 + 3 * BAR_MS, "A")], "not waited for any more"
    assembler.see(candle("BBB", 3), True, close_ms + 500)
    (change,) = assembler.conditions(close_ms + 1000)
    assert (change.active, change.symbol) == (False, "BBB")


def test_all_symbols_silent_is_one_event() -> None:
    assembler = Assembler(NAMES, "1m", T0)
    (gone,) = assembler.conditions(T0 + 4 * BAR_MS)
    assert (gone.active, gone.symbol) == (True, "")
    assembler.repaired("AAA", [candle("AAA", 3)], T0 + 4 * BAR_MS)
    changes = assembler.conditions(T0 + 4 * BAR_MS)
    assert [(c.active, c.symbol) for c in changes] == [(True, "BBB"), (True, "CCC"), (False, "")]


def test_a_gap_longer_than_anyone_keeps_is_not_asked_for() -> None:
    assembler = Assembler(("AAA",), "1m", T0)
    assert assembler.missing(T0 + 5000 * BAR_MS) == {"AAA": T0 + 4000 * BAR_MS}


class Keeping:
    """A keeper with a venue of lists behind it."""

    def __init__(self) -> None:
        self.clock = Time(T0)
        self.events: list[Event] = []
        self.frames: dict[str, Frame] = {}
        self.asked: list[tuple[str, int, int]] = []
        self.hang = False
        assembler = Assembler(("AAA", "BBB"), "1m", T0)
        self.keeper = CandleKeeper(assembler, self.ask, self.events.append, self.clock, tick_s=0.005)

    async def ask(self, symbol: str, bars: int, until_ms: int) -> Frame:
        self.asked.append((symbol, bars, until_ms))
        if self.hang:
            await asyncio.sleep(30)
        if symbol not in self.frames:
            raise VenueUnavailable("timeout")
        return self.frames[symbol]


@virtually
async def test_a_dead_stream_is_made_up_for_by_rest() -> None:
    keeping = Keeping()
    keeping.frames = {name: frame(name, [T0, T0 + BAR_MS]) for name in ("AAA", "BBB")}
    run = asyncio.create_task(keeping.keeper.run())
    keeping.clock.ms = T0 + 2 * BAR_MS + 2_000
    await until(lambda: len(keeping.events) == 2)
    run.cancel()
    assert keeping.asked == [("AAA", 2, T0 + 2 * BAR_MS), ("BBB", 2, T0 + 2 * BAR_MS)]
    assert all(isinstance(event, CandlesClosed) and len(event.candles) == 2 for event in keeping.events)
    assert keeping.keeper.repairs == 2


@virtually
async def test_a_repair_that_hangs_does_not_hold_the_bar_up() -> None:
    keeping = Keeping()
    keeping.hang = True
    run = asyncio.create_task(keeping.keeper.run())
    keeping.clock.ms = T0 + BAR_MS + 2_000
    keeping.keeper.see(next(candles_of(frame("AAA", [T0]))), closed=True)
    await until(lambda: keeping.asked)
    assert keeping.events == []
    keeping.clock.ms = T0 + BAR_MS + 10_000
    await until(lambda: keeping.events)
    run.cancel()
    (event,) = keeping.events
    assert isinstance(event, CandlesClosed)
    assert told([event]) == [(T0, "A")]
