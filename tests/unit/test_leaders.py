"""BTC and ETH where they are not traded: asked for when needed, after every bar, never in anybody's way."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest
from virtual_loop import virtually

from bot.domain.event import CandlesClosed
from bot.runtime import leaders as rooms
from bot.runtime.leaders import BARS, FAULT, TRIES, Leaders, joined
from bot.runtime.ports import Step
from bot.strategy import Frame
from bot.venues.port import VenueUnavailable

BAR_MS = 900_000
BTC, ETH = "BTCUSDT", "ETHUSDT"
CLOSED = Step(1, CandlesClosed(1, "15m", ()), ())
COLUMNS = ("open_at_ms", "open", "high", "low", "close", "volume")


def candles(symbol: str, first: int, after: int, price: float = 100.0) -> Frame:
    """Bars by their numbers since 1970, each with a price of its own."""
    bars = np.arange(first, after, dtype=np.int64)
    close = price + bars % 97
    return Frame(symbol, BAR_MS, bars * BAR_MS, close, close + 1, close - 1, close, close * 2)


@dataclass
class Exchange:
    """What is asked, and what comes: candles up to `bar` (excluded), less `late` bars, after `gate` opens."""

    bar: int = 2_000_000
    late: int = 0
    fault: Exception | None = None
    asked: list[tuple[str, int]] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    needed: tuple[str, ...] = (BTC,)

    def __post_init__(self) -> None:
        self.gate.set()

    @property
    def now_ms(self) -> int:
        return self.bar * BAR_MS + 5

    @property
    def last_ms(self) -> int:
        """Opening time of the bar that closed last."""
        return (self.bar - 1) * BAR_MS

    async def history(self, symbol: str, bars: int) -> Frame:
        self.asked.append((symbol, bars))
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        return candles(symbol, self.bar - self.late - bars, self.bar - self.late)

    @asynccontextmanager
    async def leaders(self, tries: int = TRIES) -> AsyncIterator[Leaders]:
        found = Leaders((BTC, ETH), BAR_MS, self.history, lambda: self.now_ms, lambda: self.needed, tries)
        task = asyncio.create_task(found.run())
        try:
            yield found
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "FIRST_PAUSE_S", 0.001)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 - what is watched sets no event
            await asyncio.sleep(0.001)


def last(leaders: Leaders, symbol: str = BTC) -> int:
    frame = leaders.window(symbol)
    return frame.open_at_ms.item(-1) if frame is not None and len(frame) else 0


def same(one: Frame | None, other: Frame) -> bool:
    assert one is not None
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in COLUMNS)


@virtually
async def test_a_long_window_first_then_what_is_new_with_the_newest_once_more(exchange: Exchange) -> None:
    async with exchange.leaders() as leaders:
        await until(lambda: last(leaders) == exchange.last_ms)
        assert exchange.asked == [(BTC, BARS)]
        for passed in (1, 1, 5):
            exchange.bar += passed
            leaders.bell.hear([CLOSED])
            await until(lambda: last(leaders) == exchange.last_ms)
        assert exchange.asked[1:] == [(BTC, 2), (BTC, 2), (BTC, 6)]
        assert same(leaders.window(BTC), candles(BTC, exchange.bar - BARS, exchange.bar))
        assert leaders.window(ETH) is None, "nobody needs it"


@virtually
async def test_nothing_is_asked_without_need_and_a_need_begins_at_a_bar(exchange: Exchange) -> None:
    exchange.needed = ()
    async with exchange.leaders() as leaders:
        leaders.bell.hear([CLOSED])
        await asyncio.sleep(0.02)
        assert exchange.asked == []
        exchange.needed = (ETH, "XRPUSDT")
        leaders.bell.hear([CLOSED])
        await until(lambda: last(leaders, ETH) == exchange.last_ms)
        assert exchange.asked == [(ETH, BARS)]


@virtually
async def test_what_was_asked_for_once_is_kept_up_to_date(exchange: Exchange) -> None:
    exchange.needed = ()
    async with exchange.leaders() as leaders:
        await leaders.arrived([BTC, "XRPUSDT"], exchange.last_ms, 5)
        assert last(leaders) == exchange.last_ms
        exchange.bar += 1
        leaders.bell.hear([CLOSED])
        await until(lambda: last(leaders) == exchange.last_ms)


@virtually
async def test_a_score_waits_for_a_bar_that_is_late_and_asks_until_it_is_there(exchange: Exchange) -> None:
    async with exchange.leaders() as leaders:
        await until(lambda: last(leaders) == exchange.last_ms)
        exchange.bar, exchange.late = exchange.bar + 1, 1
        waiting = asyncio.create_task(leaders.arrived([BTC], exchange.last_ms, 5))
        await until(lambda: len(exchange.asked) >= 3)
        assert not waiting.done()
        exchange.late = 0
        await waiting
        assert last(leaders) == exchange.last_ms


@virtually
async def test_a_score_waits_no_longer_than_its_patience_while_a_line_hangs(exchange: Exchange) -> None:
    exchange.gate.clear()
    async with exchange.leaders() as leaders:
        await asyncio.gather(*(leaders.arrived([BTC], exchange.last_ms, 0.02) for _ in range(50)))
        assert exchange.asked == [(BTC, BARS)], "one question is under way, not one per score"
        assert leaders.window(BTC) is None
        exchange.gate.set()
        await until(lambda: last(leaders) == exchange.last_ms)


@pytest.mark.parametrize("fault", [VenueUnavailable("slow"), TimeoutError(), ValueError("odd")])
@virtually
async def test_a_line_that_says_no_is_not_waited_for_and_told_once(
    exchange: Exchange, fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    exchange.fault = fault
    async with exchange.leaders() as leaders:
        for _ in range(3):
            await leaders.arrived([BTC], exchange.last_ms, 1_000)  # would be a long test
            await until(lambda: len(exchange.asked) >= TRIES)
            exchange.asked.clear()
            exchange.bar += 1
            leaders.bell.hear([CLOSED])
        exchange.fault = None
        leaders.bell.hear([CLOSED])
        await until(lambda: last(leaders) == exchange.last_ms)
    words = {ValueError: FAULT, TimeoutError: "timeout"}.get(type(fault), "slow")
    told = [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]
    assert told == [f"candles of BTCUSDT are missing, scores go without them: {words}"]


@virtually
async def test_asking_for_a_bar_ends_and_the_next_bar_asks_anew(exchange: Exchange) -> None:
    exchange.late = 1
    async with exchange.leaders() as leaders:
        await until(lambda: len(exchange.asked) == TRIES)
        await asyncio.sleep(0.05)
        assert len(exchange.asked) == TRIES
        await leaders.arrived([BTC], exchange.last_ms - BAR_MS, 0)
        assert len(exchange.asked) == TRIES, "that bar is here"
        exchange.bar += 1
        leaders.bell.hear([CLOSED])
        await until(lambda: len(exchange.asked) == 2 * TRIES)


@virtually
async def test_a_market_that_has_one_answer_is_asked_once_and_not_waited_for(exchange: Exchange) -> None:
    exchange.late = 1
    async with exchange.leaders(tries=1) as leaders:
        await until(lambda: last(leaders) == exchange.last_ms - BAR_MS)
        exchange.asked.clear()
        await leaders.arrived([BTC], exchange.last_ms, 1_000)
        assert len(exchange.asked) <= 2


@virtually
async def test_a_bar_that_closes_while_the_one_before_is_asked_for_is_asked_for_too(
    exchange: Exchange,
) -> None:
    exchange.gate.clear()
    async with exchange.leaders(tries=1) as leaders:
        await until(lambda: exchange.asked == [(BTC, BARS)])
        exchange.bar, exchange.late = exchange.bar + 1, 1
        leaders.bell.hear([CLOSED])
        await asyncio.sleep(0.01)
        exchange.gate.set()
        await until(lambda: len(exchange.asked) == 2)
        exchange.late = 0
        leaders.bell.hear([CLOSED])
        await until(lambda: last(leaders) == exchange.last_ms)


@virtually
async def test_an_end_leaves_no_question_under_way(exchange: Exchange) -> None:
    exchange.gate.clear()
    before = asyncio.all_tasks()
    async with exchange.leaders():
        await until(lambda: bool(exchange.asked))
    assert asyncio.all_tasks() == before


def closes(frame: Frame) -> Sequence[float]:
    found: list[float] = frame.close.tolist()
    return found


def test_what_comes_later_puts_right_what_was_known() -> None:
    old, new = candles(BTC, 1_000, 1_010), candles(BTC, 1_009, 1_012, price=500.0)
    found = joined(old, new)
    assert closes(found) == [*closes(old)[:-1], *closes(new)]
    assert closes(joined(None, new)) == closes(new)
    assert closes(joined(old, new.part(0, 0))) == closes(old)
    assert len(joined(candles(BTC, 1_000, 1_000 + BARS), candles(BTC, 1_500, 3_000))) == BARS


def test_what_cannot_be_a_candle_is_left_out() -> None:
    new = candles(BTC, 1_010, 1_013)
    new.high[1] = np.nan
    assert joined(candles(BTC, 1_000, 1_010), new).open_at_ms.tolist()[-2:] == [
        1_010 * BAR_MS,
        1_012 * BAR_MS,
    ]
