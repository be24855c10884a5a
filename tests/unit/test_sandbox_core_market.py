"""The sandbox's market: it follows its source to the digit until somebody interferes; the past never changes."""

from dataclasses import replace
from hashlib import sha256

import pytest
from core_kit import FLAT, MINUTE_MS, OTHER, SYMBOL, D, Desk
from paper_kit import T0

from bot.domain.market import HOUR_MS
from bot.domain.order import OrderSide
from sandbox.exchange.build import START_AT_MS, ExchangeOptions, build_exchange
from sandbox.exchange.news import KlineNews, News, PriceNews
from sandbox.exchange.nouns import (
    ApiKey,
    ConditionalAsk,
    ExchangeRules,
    Kind,
    Kline,
    OrderAsk,
    TriggerBy,
)
from sandbox.exchange.simulated import SimulatedExchange
from sandbox.market import GeneratedMarket

BTC = "BTCUSDT"


def generated(symbols: int = 3, **options: object) -> SimulatedExchange:
    return build_exchange(
        ExchangeRules(),
        replace(ExchangeOptions(symbols=symbols), **options),  # type: ignore[arg-type]
        [("me", ApiKey("key", "secret"))],
    )


def corners(kline: Kline) -> tuple[float, ...]:
    return tuple(float(one) for one in (kline.open, kline.high, kline.low, kline.close, kline.volume))


@pytest.mark.parametrize("steps", [4, 7, 13])
def test_candles_agree_with_the_source(steps: int) -> None:
    exchange = generated(steps=steps)
    closed: list[Kline] = []

    def listen(news: News) -> None:
        if isinstance(news, KlineNews):
            closed.extend(kline for kline in news.klines if kline.closed and kline.symbol == BTC)

    exchange.subscribe(listen)
    exchange.advance(START_AT_MS + 30 * MINUTE_MS)
    source = GeneratedMarket(7, 3, "1m", START_AT_MS // 86_400_000 * 86_400_000 - 128 * 86_400_000)
    assert len(closed) == 30
    for kline in closed:
        candle = next(one for one in source.bar(kline.open_at_ms) if one.symbol == BTC)
        assert corners(kline) == (candle.open, candle.high, candle.low, candle.close, candle.volume)
    assert exchange.klines(BTC, "1m", 30, end_ms=closed[-1].open_at_ms) == closed


def test_a_busy_symbol_s_candles_agree_too() -> None:
    """Stops of a position make the price halt at their levels; the candles stay the source's."""
    exchange = generated()
    account, price = exchange.account("me"), exchange.view(BTC).last
    account.place(OrderAsk(BTC, OrderSide.BUY, Kind.MARKET, D("0.1")))
    for away in (3, 7, 11, 20):
        account.place_conditional(
            ConditionalAsk(BTC, OrderSide.SELL, Kind.STOP_MARKET, D("0.01"), price - away, reduce_only=True)
        )
    untouched = generated()
    for each in (exchange, untouched):
        each.advance(START_AT_MS + 60 * MINUTE_MS)
    assert len(account.trades) > 1
    assert exchange.klines(BTC, "1m", 61) == untouched.klines(BTC, "1m", 61)


def test_the_same_candles_whenever_asked_and_larger_ones_are_made_of_them() -> None:
    exchange = generated()
    before = exchange.klines(BTC, "15m", 1500)
    assert len(before) == 1500
    exchange.set_price(BTC, D(50_000))
    exchange.advance(START_AT_MS + HOUR_MS + 20 * MINUTE_MS)
    after = exchange.klines(BTC, "15m", 1499, start_ms=before[0].open_at_ms)
    assert after == before[:-1]
    for interval, bars in (("5m", 5), ("1h", 60)):
        large = exchange.klines(BTC, interval, 2)[0]
        small = exchange.klines(BTC, "1m", bars, start_ms=large.open_at_ms)
        assert large.closed
        assert (large.open, large.close) == (small[0].open, small[-1].close)
        assert large.high == max(kline.high for kline in small)
        assert large.low == min(kline.low for kline in small)
        assert large.volume == sum((kline.volume for kline in small), D(0))


def test_prepared_candles_are_the_same() -> None:
    exchange, plain = generated(), generated()
    exchange.prepare("15m", 300)
    for each in (exchange, plain):
        each.advance(START_AT_MS + 7 * MINUTE_MS)
        each.set_price(BTC, D(50_000))
        each.advance(START_AT_MS + 40 * MINUTE_MS)
    for limit in (1, 5, 250, 303, 500):
        assert exchange.klines(BTC, "15m", limit) == plain.klines(BTC, "15m", limit)
    first = START_AT_MS - 20 * HOUR_MS
    assert exchange.klines(BTC, "15m", 9, start_ms=first) == plain.klines(BTC, "15m", 9, start_ms=first)


def test_the_forming_candle_grows() -> None:
    exchange = generated()
    for second in range(0, 1900, 35):
        exchange.advance(START_AT_MS + second * 1000)
        for interval in ("1m", "5m", "15m"):
            assert exchange.kline(BTC, interval) == exchange.klines(BTC, interval, 1)[0]


def test_ranges_of_candles() -> None:
    exchange = generated()
    exchange.advance(START_AT_MS + 90_000)
    last = exchange.klines(BTC, "1m", 3)
    assert [kline.closed for kline in last] == [True, True, False]
    assert last[-1] == exchange.kline(BTC, "1m")
    assert exchange.klines(BTC, "1m", 2, end_ms=last[-1].open_at_ms - 1) == last[:2]
    assert exchange.klines(BTC, "1m", 2, start_ms=last[0].open_at_ms) == last[:2]
    assert exchange.klines(BTC, "1m", 5, start_ms=last[1].open_at_ms - 1) == last[1:]
    assert exchange.klines(BTC, "1m", 5, start_ms=last[-1].open_at_ms + 1) == []
    assert exchange.klines(BTC, "1m", 0) == []
    with pytest.raises(ValueError, match="7m"):
        exchange.klines(BTC, "7m", 5)
    with pytest.raises(KeyError):
        exchange.view("NOUSDT")


def test_prices_come_at_fixed_times() -> None:
    desk = Desk(bars=[FLAT, (100, 106, 99, 105)])
    seen: list[tuple[int, float]] = []
    for second in range(60, 120, 5):
        desk.exchange.advance(T0 + second * 1000)
        seen.append((second, float(desk.exchange.view(SYMBOL).last)))
    expected = [(60, 100), (75, 99), (90, 106), (105, 105)]  # a rising candle goes low first
    assert [
        pair for number, pair in enumerate(seen) if not number or pair[1] != seen[number - 1][1]
    ] == expected


def test_a_push_shifts_the_path_and_its_candles() -> None:
    desk = Desk(bars=[FLAT, (100, 110, 100, 110)])
    desk.price("50")
    desk.minutes(2)
    assert corners(desk.exchange.klines(SYMBOL, "1m", 3)[0])[:4] == (100, 100, 50, 50)
    assert corners(desk.exchange.klines(SYMBOL, "1m", 3)[1])[:4] == (50, 55, 50, 55)
    assert desk.exchange.view(OTHER).last == 100


def test_holding_the_market() -> None:
    desk = Desk(bars=[FLAT, (100, 110, 100, 110), (110, 121, 110, 121)])
    desk.exchange.hold("", held=True)
    desk.minutes(1)
    assert desk.exchange.view(SYMBOL).last == 100
    desk.price("102")
    desk.minutes(1)
    assert [kline.closed for kline in desk.exchange.klines(SYMBOL, "1m", 3)] == [True, True, False]
    desk.exchange.hold(SYMBOL, held=False)
    desk.exchange.advance(T0 + 179_000)
    assert desk.exchange.view(SYMBOL).last == D("112.2")  # 10 % up, as the source


def test_spread_and_marks_show() -> None:
    desk = Desk()
    desk.exchange.set_spread(SYMBOL, D("0.01"))
    desk.exchange.set_mark(SYMBOL, D("101.5"))
    view = desk.exchange.view(SYMBOL)
    assert (view.bid, view.last, view.ask, view.mark, view.index) == (
        D("99.5"),
        100,
        D("100.5"),
        D("101.5"),
        D("101.5"),
    )


def test_the_day_s_figures() -> None:
    exchange = generated()
    exchange.advance(START_AT_MS + 30 * MINUTE_MS)
    exchange.view(BTC)
    exchange.advance(START_AT_MS + 95 * MINUTE_MS)
    view = exchange.view(BTC)
    fresh = generated()
    fresh.advance(START_AT_MS + 95 * MINUTE_MS)
    assert fresh.view(BTC) == view  # whenever it is asked for the first time
    first = view.at_ms // HOUR_MS * HOUR_MS - 23 * HOUR_MS
    day = exchange.klines(BTC, "1m", 1500, start_ms=first)
    assert view.day_open == day[0].open
    assert view.day_high == max(kline.high for kline in day)
    assert view.day_low == min(kline.low for kline in day)
    assert abs(view.day_volume - sum((kline.volume for kline in day), D(0))) < D("0.01")


def test_news_of_prices_names_only_what_moved() -> None:
    desk = Desk(bars=[FLAT, (100, 110, 100, 110)])
    desk.news.clear()
    desk.minutes(2)
    told = [[view.symbol for view in news.views] for news in desk.news if isinstance(news, PriceNews)]
    assert told == [[SYMBOL]]


def test_bad_markets() -> None:
    with pytest.raises(ValueError, match="steps"):
        generated(steps=5)
    with pytest.raises(ValueError, match="1970"):
        generated(start_at_ms=0)
    with pytest.raises(ValueError, match="no price"):
        generated().set_price(BTC, D(0))
    exchange = generated()
    with pytest.raises(ValueError, match="exists"):
        exchange.open_account("me", ApiKey("other", "secret"))


def test_clocks() -> None:
    exchange = generated(wall=lambda: START_AT_MS + HOUR_MS)
    for now in (START_AT_MS, START_AT_MS + HOUR_MS):
        assert exchange.on_time(now, 5000)
        assert exchange.on_time(now - 5000, 5000)
        assert exchange.on_time(now + 1000, 5000)
        assert not exchange.on_time(now - 5001, 5000)
        assert not exchange.on_time(now + 1001, 5000)
    exchange.advance(START_AT_MS - 1)
    assert exchange.now_ms == START_AT_MS


def digest(chunks: int) -> str:
    """One busy life, the time given in so many pieces."""
    exchange = generated()
    told: list[News] = []
    exchange.subscribe(told.append)
    account, price = exchange.account("me"), exchange.view(BTC).last
    account.place(OrderAsk(BTC, OrderSide.BUY, Kind.MARKET, D("0.5")))
    account.place(OrderAsk(BTC, OrderSide.SELL, Kind.LIMIT, D("0.1"), price=price + 5))
    account.place_conditional(
        ConditionalAsk(BTC, OrderSide.SELL, Kind.STOP_MARKET, D("0.2"), price - 20, trigger_by=TriggerBy.MARK)
    )
    for part in range(1, chunks + 1):
        exchange.advance(START_AT_MS + 60 * MINUTE_MS * part // chunks)
    exchange.set_price(BTC, price * 2)
    exchange.advance(START_AT_MS + 61 * MINUTE_MS)
    assert len(account.trades) > 2
    return sha256("\n".join(map(repr, told)).encode()).hexdigest()


def test_the_same_seed_and_calls_give_the_same_news_however_time_is_cut() -> None:
    assert digest(1) == digest(1) == digest(997)
