"""The door for prices: what nobody needs stays outside, what somebody needs comes in, and the journal stays small."""

from random import Random

from desk_story import BAR_MS, LONG, D, Desk
from test_loop import running

from bot.domain.event import CandlesClosed, Event, FundingRatesSeen, QuotesSeen, TimerDue
from bot.domain.guard import HaltKind, Limits
from bot.domain.market import Candle, FundingRate, Quote
from bot.runtime.codec import decode_event, encode_event
from bot.runtime.door import Door


def quote(desk: Desk, price: float, after_ms: int = 0, symbol: str = "XYZ", spread: float = 0.0) -> Quote:
    at_ms = desk.venue.now_ms + after_ms
    return Quote(symbol, at_ms, price - spread, price, price, price)


def let_in(door: Door, desk: Desk, *quotes: Quote) -> list[float]:
    """The prices that come in, one event per quote."""
    events = [door.admit(QuotesSeen(q.at_ms, (q,)), desk.state) for q in quotes]
    return [q.last for event in events for e in event if isinstance(e, QuotesSeen) for q in e.quotes]


def test_quotes_of_what_nobody_holds_stay_outside() -> None:
    desk = Desk()
    assert let_in(Door(), desk, *(quote(desk, 100 + n, n * 1000) for n in range(50))) == []


def test_of_a_held_symbol_moves_come_in_and_a_sign_of_life_each_minute() -> None:
    desk = Desk()
    desk.enter("XYZ", LONG, stop=95)
    door = Door()
    first = quote(desk, 100)
    assert let_in(door, desk, first) == [100]
    desk.feed(QuotesSeen(first.at_ms, (first,)))
    assert let_in(door, desk, quote(desk, 100.05, 1000), quote(desk, 99.95, 2000)) == []
    assert let_in(door, desk, quote(desk, 100.11, 3000)) == [100.11]
    assert let_in(door, desk, quote(desk, 100.01, 63_000)) == [100.01]


def test_a_leap_comes_in_with_the_price_it_is_measured_from_and_halts() -> None:
    desk = Desk(limits=Limits(volatility_percent=D(2)))
    door = Door()
    assert let_in(door, desk, *(quote(desk, 100 + n / 2, n * 1000) for n in range(4))) == []
    events = door.admit(QuotesSeen(0, (quote(desk, 102, 4000),)), desk.state)
    desk.venue.wait(desk.venue.now_ms + 4000)
    for event in events:
        desk.feed(event)
    assert [halt.kind for halt in desk.state.halts] == [HaltKind.VOLATILITY]
    assert let_in(door, desk, quote(desk, 104.5, 1000)) == [], "it is halted already"


def test_a_slow_climb_of_the_same_height_is_none() -> None:
    desk = Desk(limits=Limits(volatility_percent=D(2)))
    assert let_in(Door(), desk, *(quote(desk, 100 + n / 10, n * 1000) for n in range(40))) == []


def candles(desk: Desk, *symbols: str) -> CandlesClosed:
    made = tuple(Candle(s, desk.at_ms, 100, 100, 100, 100, 1.0) for s in symbols)
    return CandlesClosed(desk.at_ms + BAR_MS, "15m", made)


def test_before_a_bar_the_engine_hears_of_a_spread_that_is_another() -> None:
    desk = Desk("XYZ", "ABC")
    door = Door()
    let_in(door, desk, quote(desk, 100, spread=0.6))
    quotes, bar = door.admit(candles(desk, "XYZ", "ABC"), desk.state)
    assert [q.symbol for q in quotes.quotes] == ["XYZ"]
    desk.says("XYZ", LONG, stop=95)
    desk.venue.wait(bar.at_ms)
    desk.feed(quotes, bar)
    assert desk.refusals() == ["spread"]
    desk.at_ms += BAR_MS
    let_in(door, desk, quote(desk, 100, spread=0.61))
    assert len(door.admit(candles(desk, "XYZ"), desk.state)) == 1, "the same as before"
    let_in(door, desk, quote(desk, 100, spread=0.4))
    assert len(door.admit(candles(desk, "XYZ"), desk.state)) == 2, "within the limit now"


def test_funding_rates_come_in_when_they_have_changed() -> None:
    desk = Desk()
    door = Door()

    def rates(rate: float, next_at_ms: int, symbol: str = "XYZ") -> tuple[Event, ...]:
        return door.admit(FundingRatesSeen(1, (FundingRate(symbol, 1, rate, next_at_ms),)), desk.state)

    assert rates(0.0001, 5, "NOPE") == ()
    (first,) = rates(0.0001, 5)
    desk.feed(first)
    assert rates(0.000101, 5) == ()
    assert rates(0.00012, 5) != ()
    assert rates(0.0001, 6) != ()


async def test_what_stays_outside_is_in_no_journal() -> None:
    desk = Desk()
    async with running(desk.venue.engine) as house:
        house.loop.put(QuotesSeen(desk.venue.now_ms, (quote(desk, 101),)))
        await house.loop.settled()
        assert (house.books.steps, house.loop.number) == ([], 0)
        assert desk.of().last_price != 101


def test_everything_else_goes_through() -> None:
    event = TimerDue(1, "close", "XYZ")
    assert Door().admit(event, Desk().state) == (event,)


def test_quotes_are_written_short_and_read_back() -> None:
    event = QuotesSeen(5, (Quote("BTCUSDT", 4, 64250.1, 64250.2, 64250.15, 64251.0),))
    data = encode_event(event)
    assert decode_event(data) == event
    assert len(data) < 110


def test_a_day_of_quotes_of_263_symbols_stays_far_below_five_mebibytes() -> None:
    """A quarter of an hour at a quote a second each, 2 basis points a second; three are held."""
    names = tuple(f"S{n:03}USDT" for n in range(263))
    desk = Desk(*names, limits=Limits(max_same_direction=9, volatility_percent=D(3)))
    for name in names[:3]:
        desk.says(name, LONG, stop=90)
    desk.bar()
    door, random = Door(), Random(7)
    prices = dict.fromkeys(names, 100.0)
    written, lines = 0, 0
    for second in range(900):
        for name in names:
            prices[name] = round(prices[name] * (1 + random.gauss(0, 0.0002)), 4)
        at_ms = desk.venue.now_ms + second * 1000
        seen = tuple(Quote(n, at_ms, p, p, p, p) for n, p in prices.items())
        for event in door.admit(QuotesSeen(at_ms, seen), desk.state):
            desk.state.at_ms = at_ms
            desk.venue.engine.handle(event)
            written += len(encode_event(event)) + 120  # a line's number, time and digest
            lines += 1
    assert lines > 20, "held ones are listened to"
    assert written * 96 < 3 * 1024 * 1024
