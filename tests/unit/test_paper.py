"""The paper venue: next-open fills, order of events, durable before told, killed and started again at any moment."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal

import pytest
from paper_kit import (
    BAR_MS,
    INSTRUMENTS,
    NAMES,
    T0,
    FailingBooks,
    Listener,
    ListFeed,
    hours,
    order,
    quiet,
    story,
)
from virtual_loop import virtually

from bot.domain.account import Book
from bot.domain.errors import ConfigError, StorageError
from bot.domain.event import CallEnded, Event, OrderUpdated, Outcome
from bot.domain.order import OrderSide, OrderStatus, Purpose
from bot.venues.books import MemoryBooks, PaperRow
from bot.venues.matching import MatchingRules
from bot.venues.paper import PaperVenue
from bot.venues.port import Venue, VenueUnavailable

BUY, SELL = OrderSide.BUY, OrderSide.SELL
STOP = {"kind": "STOP_MARKET", "purpose": Purpose.STOP, "close_position": True, "reduce_only": True}
D = Decimal


def test_it_is_a_venue() -> None:
    venue: Venue = PaperVenue("paper", ListFeed({"AAAUSDT": quiet(1)}), INSTRUMENTS, MemoryBooks())
    assert venue.name == "paper"
    assert venue.instruments is INSTRUMENTS


async def test_an_order_after_a_close_fills_at_the_next_open() -> None:
    market = await Listener(
        {"AAAUSDT": [(100, 104, 99, 103), (110, 112, 108, 111), (120, 121, 119, 120)]}
    ).start()
    assert await market.steps(1) == ["15 closed AAAUSDT"]
    ended = await market.ask("in", BUY)
    assert (ended.outcome, ended.at_ms, ended.venue_id) == (Outcome.DONE, T0 + BAR_MS, "p1")
    assert [story(event) for event in market.told[1:]] == ["15 BUY 1 AAAUSDT @ 110.011", "15 in FILLED"]
    await market.steps(1)
    await market.ask("out", SELL)
    assert story(market.told[-2]) == "30 SELL 1 AAAUSDT @ 119.988"


async def test_after_the_last_bar_the_price_is_its_close() -> None:
    market = await Listener({"AAAUSDT": [(100, 104, 99, 103)]}).start()
    await market.steps(1)
    assert not await market.venue.step()
    await market.ask("in", BUY)
    assert story(market.told[-2]) == "15 BUY 1 AAAUSDT @ 103.0103"


async def test_events_come_in_the_order_of_time() -> None:
    """AAA is stopped inside the bar, BBB by a gap at its open; funding at the close; the candles last."""
    bars = {
        "AAAUSDT": [(100, 100, 100, 100), (100, 101, 94, 96), *quiet(2)],
        "BBBUSDT": [(100, 100, 100, 100), (93, 94, 92, 93), *quiet(2)],
    }
    rates = {(name, T0 + 2 * BAR_MS): 0.001 for name in NAMES}
    market = await Listener(bars, rates).start()
    for name in NAMES:
        await market.venue.set_leverage(name, 5)
        await market.ask(f"in{name[0]}", BUY, symbol=name)
        await market.ask(f"stop{name[0]}", SELL, symbol=name, trigger_price="95", **STOP)
    assert await market.steps(1) == ["15 closed AAAUSDT BBBUSDT"]
    assert await market.steps(1) == [
        "15 SELL 1 BBBUSDT @ 92.9907",
        "15 stopB FILLED",
        "30.00 SELL 1 AAAUSDT @ 94.9905",
        "30.00 stopA FILLED",
        "30 closed AAAUSDT BBBUSDT",
    ]
    times = [event.at_ms for event in market.told]
    assert times == sorted(times)


async def test_funding_is_settled_at_the_close_that_is_a_settlement_time() -> None:
    bars = 4 * 8 + 1
    rates = {("AAAUSDT", hours(8)): 0.0001, ("BBBUSDT", hours(8)): float("nan")}
    market = await Listener(
        {"AAAUSDT": [*quiet(bars - 1), (110, 110, 110, 110)], "BBBUSDT": quiet(bars)}, rates
    ).start()
    await market.ask("a", BUY, symbol="AAAUSDT", quantity="2")
    await market.ask("b", SELL, symbol="BBBUSDT")
    await market.steps(31)
    assert await market.steps(1) == [
        "480 funding AAAUSDT -0.02",  # 2 x the close of the bar, 100, x 0.0001
        "480 rates AAAUSDT 0.0001",
        "480 closed AAAUSDT BBBUSDT",
    ]
    snapshot = await market.venue.snapshot(0)
    (entry,) = snapshot.funding
    assert (entry.kind, entry.reference, entry.amount(Book.WALLET)) == (
        "funding",
        f"AAAUSDT:{hours(8)}",
        D("-0.02"),
    )
    assert entry.balanced


async def test_long_bars_settle_every_funding_inside() -> None:
    rates = {("AAAUSDT", hours(h)): float(f"0.{h:04}") for h in (8, 16, 24)}
    market = await Listener({"AAAUSDT": quiet(3)}, rates, timeframe="1d").start()
    await market.ask("a", BUY)
    assert await market.steps(1) == [
        "480 funding AAAUSDT -0.08",
        "960 funding AAAUSDT -0.16",
        "1440 funding AAAUSDT -0.24",
        "1440 rates AAAUSDT 0.0024",
        "1440 closed AAAUSDT",
    ]


async def test_rates_are_told_on_the_first_step_and_when_they_change() -> None:
    rates = {("AAAUSDT", hours(h)): 0.0001 for h in (0, 8)}
    market = await Listener({"AAAUSDT": quiet(40)}, rates).start()
    assert market.told == []  # nothing before the first step: Started comes first
    lines = await market.steps(40)
    assert [line for line in lines if "rates" in line] == [
        "15 rates AAAUSDT 0.0001",
        "480 rates AAAUSDT 0.0001",
    ]


async def test_unsound_candles_and_holes_are_passed_over() -> None:
    bad = (100.0, 90.0, 110.0, 100.0)
    market = await Listener(
        {"AAAUSDT": [(100, 101, 99, 100), bad, None, (50, 51, 49, 50)], "BBBUSDT": quiet(4)}
    ).start()
    await market.venue.set_leverage("AAAUSDT", 1)
    await market.ask("in", BUY)
    await market.ask("stop", SELL, trigger_price="95", **STOP)
    assert await market.steps(3) == ["15 closed AAAUSDT BBBUSDT", "30 closed BBBUSDT", "45 closed BBBUSDT"]
    assert (await market.steps(1))[0] == "45 SELL 1 AAAUSDT @ 49.995"


async def test_a_hole_in_all_symbols_is_no_end() -> None:
    market = await Listener({"AAAUSDT": [*quiet(1), None, None, (90, 91, 89, 90)]}).start()
    await market.venue.set_leverage("AAAUSDT", 1)
    await market.ask("in", BUY)
    await market.ask("stop", SELL, trigger_price="95", **STOP)
    assert await market.steps(3) == ["15 closed AAAUSDT"]
    assert (await market.steps(1))[0] == "45 SELL 1 AAAUSDT @ 89.991"
    assert not await market.venue.step()


async def test_refusals_and_cancels_are_answered_with_codes() -> None:
    market = await Listener({"AAAUSDT": quiet(3)}).start()
    refused = await market.ask("a", SELL, purpose=Purpose.CLOSE, reduce_only=True)
    assert (refused.outcome, refused.code) == (Outcome.NOT_DONE, "-2022")
    gone = await market.venue.cancel("a", "AAAUSDT", False)
    assert (gone.outcome, gone.code) == (Outcome.DONE, "-2011")
    await market.ask("b", BUY, "LIMIT", limit_price="90")
    done = await market.venue.cancel("b", "AAAUSDT", False)
    assert (done.outcome, done.code, done.venue_id) == (Outcome.DONE, "", "p1")
    assert [story(event) for event in market.told] == ["0 b WORKING", "0 b CANCELLED"]


async def test_query_tells_what_became_of_an_order() -> None:
    market = await Listener({"AAAUSDT": quiet(3)}).start()
    await market.ask("in", BUY)
    await market.ask("rest", BUY, "LIMIT", limit_price="90")
    await market.steps(1)
    filled = await market.venue.query("in", "AAAUSDT", False)
    assert isinstance(filled, OrderUpdated)
    assert (filled.status, filled.filled, filled.at_ms) == (OrderStatus.FILLED, 1, T0 + BAR_MS)
    resting = await market.venue.query("rest", "AAAUSDT", False)
    assert isinstance(resting, OrderUpdated)
    assert resting.status is OrderStatus.WORKING
    nothing = await market.venue.query("never", "AAAUSDT", False)
    assert isinstance(nothing, CallEnded)
    assert (nothing.outcome, nothing.code) == (Outcome.NOT_DONE, "not found")


async def test_snapshot_holds_what_exists() -> None:
    market = await Listener({"AAAUSDT": quiet(3), "BBBUSDT": quiet(3)}).start()
    await market.ask("early", BUY, quantity="2")
    await market.steps(1)
    await market.ask("late", SELL, quantity="0.5", reduce_only=True)
    await market.ask("stop", SELL, trigger_price="95", **STOP)
    snapshot = await market.venue.snapshot(T0 + 1)
    assert [fill.client_id for fill in snapshot.fills] == ["late"]
    assert [fill.trade_id for fill in (await market.venue.snapshot(0)).fills] == ["t1", "t2"]
    (held,) = snapshot.positions
    assert (held.symbol, held.quantity, held.leverage) == ("AAAUSDT", D("1.5"), 20)
    (stop,) = snapshot.orders
    assert (stop.client_id, stop.trigger_price, stop.close_position) == ("stop", 95, True)
    assert snapshot.marks == {"AAAUSDT": D(100)}
    assert snapshot.wallet == 10_000 - sum(fill.fee for fill in (await market.venue.snapshot(0)).fills) - D(
        "0.01"
    )


async def test_leverage() -> None:
    market = await Listener({"AAAUSDT": quiet(2)}).start()
    assert (await market.venue.set_leverage("AAAUSDT", 7)).outcome is Outcome.DONE
    assert (await market.venue.set_leverage("AAAUSDT", 700)).code == "-4028"
    await market.kill()
    await market.ask("in", BUY)
    assert (await market.venue.snapshot(0)).positions[0].leverage == 7


async def test_history_ends_with_the_last_closed_bar() -> None:
    market = await Listener({"AAAUSDT": [(n, n, n, n) for n in range(1, 9)]}).start()
    assert len((await market.venue.history(["AAAUSDT"], "15m", 3))["AAAUSDT"]) == 0
    await market.steps(5)
    assert (await market.venue.history(["AAAUSDT"], "15m", 3))["AAAUSDT"].close.tolist() == [3, 4, 5]
    with pytest.raises(VenueUnavailable, match="only 15m"):
        await market.venue.history(["AAAUSDT"], "1h", 3)
    with pytest.raises(VenueUnavailable, match="NOUSDT"):
        await market.venue.history(["NOUSDT"], "15m", 3)


async def test_a_person_acts_past_the_bot() -> None:
    market = await Listener({"AAAUSDT": quiet(3)}).start()
    await market.ask("in", BUY)
    await market.ask("stop", SELL, trigger_price="95", **STOP)
    market.told.clear()
    await market.venue.human_close("AAAUSDT")
    await market.venue.human_close("AAAUSDT")
    await market.venue.human_cancel("stop")
    await market.venue.human_cancel("stop")
    await market.venue.human_order("AAAUSDT", SELL, D(2))
    assert [story(event) for event in market.told] == [
        "0 SELL 1 AAAUSDT @ 99.99",
        "0 web_p3 FILLED",
        "0 stop CANCELLED",
        "0 SELL 2 AAAUSDT @ 99.99",
        "0 web_p4 FILLED",
    ]
    assert [fill.client_id for fill in (await market.venue.snapshot(0)).fills] == ["in", "", ""]
    with pytest.raises(ValueError, match="-4003"):
        await market.venue.human_order("AAAUSDT", SELL, D(0))


# Durable before told


async def test_a_bar_without_change_writes_one_tiny_row() -> None:
    books = FailingBooks()
    market = await Listener({"AAAUSDT": quiet(9)}, books=books).start()
    await market.ask("in", BUY)
    await market.ask("stop", SELL, trigger_price="90", quantity="1", **STOP)
    books.saves.clear()
    await market.steps(3)
    assert [[(row.kind, row.key) for row in rows] for rows in books.saves] == [[("clock", "main")]] * 3
    assert max(len(row.body) for rows in books.saves for row in rows) < 40


async def test_only_what_changed_is_written() -> None:
    books = FailingBooks()
    market = await Listener({"AAAUSDT": [*quiet(1), (100, 100, 94, 95)]}, books=books).start()
    await market.venue.set_leverage("AAAUSDT", 10)
    await market.ask("in", BUY)
    await market.ask("stop", SELL, trigger_price="95", **STOP)
    books.saves.clear()
    await market.steps(2)
    kinds = [
        [f"{row.kind} {row.key}{'' if row.body else ' removed'}" for row in rows] for rows in books.saves
    ]
    ended = ["order p2 removed", "ended p2", "fill t2", "position AAAUSDT", "account main", "clock main"]
    assert [sorted(kinds[0]), sorted(kinds[1])] == [["clock main"], sorted(ended)]


class WatchedBooks(MemoryBooks):
    """Remembers how much had been told when each save ended."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Event] = []
        self.heard_before_save: list[int] = []

    async def save(self, rows: Sequence[PaperRow]) -> None:
        await asyncio.sleep(0)
        self.heard_before_save.append(len(self.told))
        await super().save(rows)


async def test_nothing_is_told_before_it_is_written() -> None:
    books = WatchedBooks()
    market = Listener({"AAAUSDT": quiet(3)}, books=books)
    market.told = books.told
    await market.start()
    await market.ask("in", BUY)
    await market.steps(1)
    assert books.heard_before_save == [0, 0, 2]
    assert len(market.told) == 3


async def test_calls_at_the_same_time_share_a_save_and_keep_their_order() -> None:
    books = WatchedBooks()
    market = Listener({"AAAUSDT": quiet(3)}, books=books)
    market.told = books.told
    await market.start()
    answers = await asyncio.gather(*(market.ask(f"c{n}", BUY, quantity="0.1") for n in range(20)))
    assert all(answer.outcome is Outcome.DONE for answer in answers)
    assert len(books.heard_before_save) <= 4  # the first one, the first order, all the others
    assert [story(event) for event in market.told[1::2]] == [f"0 c{n} FILLED" for n in range(20)]


async def test_a_snapshot_waits_for_what_is_on_its_way() -> None:
    books = WatchedBooks()
    market = await Listener({"AAAUSDT": quiet(3)}, books=books).start()
    asked = asyncio.create_task(market.ask("in", BUY))
    await asyncio.sleep(0)
    snapshot = await market.venue.snapshot(0)
    assert {row.kind for row in await books.load()} >= {"fill"}
    assert len(snapshot.fills) == 1
    await asked


@pytest.mark.parametrize("written", [False, True])
async def test_a_save_that_fails_ends_unknown_and_is_settled_by_a_query(written: bool) -> None:
    books = FailingBooks()
    market = await Listener({"AAAUSDT": quiet(5)}, books=books).start()
    await market.steps(1)
    setattr(books, "fail_after" if written else "fail_before", 1)
    ended = await market.ask("in", BUY)
    assert (ended.outcome, ended.code) == (Outcome.UNKNOWN, "storage")
    assert len(market.told) == 1  # the candle only
    answer = await market.venue.query("in", "AAAUSDT", False)
    assert isinstance(answer, OrderUpdated if written else CallEnded)
    assert await market.position() == (1 if written else 0)
    again = await market.ask("other", BUY)
    assert again.venue_id == ("p2" if written else "p1")


@pytest.mark.parametrize("written", [False, True])
async def test_a_step_that_fails_is_stepped_again_or_was_done(written: bool) -> None:
    bars = {"AAAUSDT": [*quiet(1), (100, 100, 94, 95), (95, 96, 94, 95)]}
    books = FailingBooks()
    market = await Listener(bars, books=books).start()
    await market.venue.set_leverage("AAAUSDT", 10)
    await market.ask("in", BUY)
    await market.ask("stop", SELL, trigger_price="95", **STOP)
    await market.steps(1)
    setattr(books, "fail_after" if written else "fail_before", 1)
    with pytest.raises(StorageError):
        await market.venue.step()
    told = await market.steps(1)
    assert told[0] == ("45 closed AAAUSDT" if written else "30.00 SELL 1 AAAUSDT @ 94.9905")
    snapshot = await market.venue.snapshot(0)
    assert (len(snapshot.fills), snapshot.positions) == (2, ())


async def test_while_the_books_are_gone_nothing_is_done() -> None:
    books = FailingBooks()
    market = await Listener({"AAAUSDT": quiet(5)}, books=books).start()
    books.fail_before = 1
    await market.ask("in", BUY)

    async def gone() -> tuple[PaperRow, ...]:
        raise StorageError("gone")

    books.load = gone  # type: ignore[method-assign]
    assert (await market.ask("in2", BUY)).outcome is Outcome.NOT_DONE
    assert (await market.venue.cancel("in", "AAAUSDT", False)).outcome is Outcome.NOT_DONE
    assert (await market.venue.set_leverage("AAAUSDT", 5)).outcome is Outcome.UNKNOWN
    asked = await market.venue.query("in", "AAAUSDT", False)
    assert isinstance(asked, CallEnded)
    assert asked.outcome is Outcome.UNKNOWN
    with pytest.raises(VenueUnavailable, match="storage"):
        await market.venue.snapshot(0)
    with pytest.raises(StorageError):
        await market.venue.step()


@virtually
async def test_everybody_who_built_on_a_lost_save_hears_of_it() -> None:
    class SlowFailing(FailingBooks):
        async def save(self, rows: Sequence[PaperRow]) -> None:
            await asyncio.sleep(0.001)
            await super().save(rows)

    books = SlowFailing()
    market = await Listener({"AAAUSDT": quiet(5)}, books=books).start()
    books.fail_before = 1
    first = asyncio.create_task(market.ask("first", BUY))
    await asyncio.sleep(0)  # its save is on its way
    second = asyncio.create_task(market.ask("second", BUY))
    assert [(await first).outcome, (await second).outcome] == [Outcome.UNKNOWN, Outcome.UNKNOWN]
    assert await market.position() == 0
    assert (await market.ask("third", BUY)).outcome is Outcome.DONE


# Killed and started again


async def test_a_killed_venue_goes_on_where_it_was() -> None:
    bars = {"AAAUSDT": [(100, 101, 99, 100), (101, 102, 100, 101), (102, 102, 94, 95), *quiet(2)]}
    market = await Listener(bars).start()
    await market.venue.set_leverage("AAAUSDT", 10)
    await market.steps(1)
    await market.ask("in", BUY)
    await market.ask("stop", SELL, trigger_price="95", **STOP)
    before = await market.venue.snapshot(0)
    await market.kill()
    assert market.venue.now_ms == T0 + BAR_MS
    assert await market.venue.snapshot(0) == before
    ended = await market.ask("stop", SELL, trigger_price="95", **STOP)
    assert ended.code == "-4116"
    assert await market.steps(2) == [
        "30 closed AAAUSDT",
        "45.00 SELL 1 AAAUSDT @ 94.9905",
        "45.00 stop FILLED",
        "45 closed AAAUSDT",
    ]
    await market.kill()
    asked = await market.venue.query("stop", "AAAUSDT", True)
    assert isinstance(asked, OrderUpdated)
    assert asked.status is OrderStatus.FILLED


async def test_books_of_another_account_are_refused() -> None:
    books = MemoryBooks()
    feed = ListFeed({"AAAUSDT": quiet(2)})
    await PaperVenue("one", feed, INSTRUMENTS, books).open(lambda _: None)
    with pytest.raises(ConfigError, match="belong to account one, not to two"):
        await PaperVenue("two", feed, INSTRUMENTS, books).open(lambda _: None)


async def test_what_is_held_must_still_be_listed() -> None:
    books = MemoryBooks()
    market = await Listener({"AAAUSDT": quiet(2), "BBBUSDT": quiet(2)}, books=books).start()
    await market.venue.set_leverage("BBBUSDT", 3)
    await market.ask("in", BUY)
    only = {"AAAUSDT": INSTRUMENTS["AAAUSDT"]}
    await PaperVenue("paper", market.feed, only, books).open(lambda _: None)  # a leverage alone is no holding
    with pytest.raises(ConfigError, match="AAAUSDT"):
        await PaperVenue("paper", market.feed, {}, books).open(lambda _: None)


@pytest.mark.parametrize(
    "row",
    [
        PaperRow("order", "p9", "{}"),
        PaperRow("fill", "t9", "torn"),
        PaperRow("position", "AAAUSDT", '{"symbol":"AAAUSDT","quantity":"many"}'),
        PaperRow("clock", "main", "[]"),
        PaperRow("account", "other", "{}"),
    ],
)
async def test_torn_books_are_one_line(row: PaperRow) -> None:
    books = MemoryBooks()
    market = await Listener({"AAAUSDT": quiet(2)}, books=books).start()
    await market.ask("in", BUY)
    await books.save([row])
    with pytest.raises(StorageError, match="paper books") as caught:
        await market.kill()
    assert "\n" not in str(caught.value)


async def test_partial_fills_over_bars() -> None:
    market = await Listener({"AAAUSDT": quiet(4)}, rules=MatchingRules(max_fill_quantity=D("0.4"))).start()
    await market.ask("in", BUY)
    await market.kill()
    assert await market.steps(2) == [
        "0 BUY 0.4 AAAUSDT @ 100.01",
        "0 in PARTIALLY_FILLED",
        "15 closed AAAUSDT",
        "15 BUY 0.2 AAAUSDT @ 100.01",
        "15 in FILLED",
        "30 closed AAAUSDT",
    ]


async def test_ended_orders_are_kept_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    from bot.venues.paper import keeper
    from bot.venues.paper.past import Past

    monkeypatch.setattr(keeper, "Past", lambda: Past(kept_orders=3, kept_payments=2))
    books = MemoryBooks()
    market = await Listener({"AAAUSDT": quiet(4)}, books=books).start()
    for n in range(6):
        await market.ask(f"c{n}", BUY, quantity="0.1")
    assert sorted(key for kind, key in books.rows if kind == "ended") == ["p4", "p5", "p6"]
    assert isinstance(await market.venue.query("c2", "AAAUSDT", False), CallEnded)
    assert isinstance(await market.venue.query("c3", "AAAUSDT", False), OrderUpdated)
    # fills: memory keeps few, the books keep all
    assert [fill.trade_id for fill in (await market.venue.snapshot(0)).fills] == [
        f"t{n}" for n in range(1, 7)
    ]
    assert order("x", BUY).symbol == "AAAUSDT"
