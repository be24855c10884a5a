"""What every strategy must keep to, found by walking strategies/: warm-up, causality, purity, dead markets."""

from collections.abc import Iterator

import numpy as np
import pytest
from markets import REAL_SYMBOLS, candles, flat_frame, random_frame, real_frame, rows

from bot.domain.market import timeframe_ms
from bot.domain.signal import Signal
from bot.market.buffers import DEFAULT_CAPACITY
from bot.market.signals import HistorySignals, WindowSignals
from bot.strategy import Frame, Strategy, Value
from strategies.registry import Registry

REGISTRY = Registry()
NAMES = REGISTRY.names()
WARM_UP_TOLERANCE = 1e-6


def made(name: str, symbol: str = "TESTUSDT") -> Strategy:
    return REGISTRY.build(name, symbol)


def market(name: str, seed: int, bars: int) -> Frame:
    return random_frame(seed, bars, bar_ms=timeframe_ms(made(name).timeframe))


def loosest(name: str) -> Iterator[Strategy]:
    """The strategy with every number at its low end, and at its high end."""
    parameters = REGISTRY.parameters(name)
    for end in ("low", "high"):
        settings: dict[str, Value] = {
            each.name: bound for each in parameters if (bound := getattr(each, end)) is not None
        }
        yield REGISTRY.build(name, "TESTUSDT", settings)


def assert_windows_agree(strategy: Strategy, whole: Frame, ends: range) -> None:
    """The last row of a window, of the shortest and of the usual length, against the whole history.

    Equal to 1e-6 of the value; next to nothing (a MACD near its signal), to 1e-9 of the column's usual size.
    """
    history, at = strategy.prepare(whole), np.array(ends) - 1
    for bars in (strategy.warmup_bars, DEFAULT_CAPACITY):
        windows = [strategy.prepare(rows(whole, end - bars, end)) for end in ends]
        for name, column in history.items():
            last = np.array([window[name][-1] for window in windows])
            usual = float(np.nanmedian(np.abs(column)))
            message = f"{name} from {bars} bars"
            np.testing.assert_allclose(
                last, column[at], rtol=WARM_UP_TOLERANCE, atol=1e-9 * usual, equal_nan=True, err_msg=message
            )


@pytest.mark.parametrize("symbol", REAL_SYMBOLS)
@pytest.mark.parametrize("name", NAMES)
def test_warm_up_suffices_on_real_candles(name: str, symbol: str) -> None:
    strategy = made(name, symbol)
    whole = real_frame(symbol, strategy.timeframe)
    assert_windows_agree(strategy, whole, range(5000, len(whole), (len(whole) - 5000) // 250))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", NAMES)
def test_warm_up_suffices_on_a_random_market(name: str, seed: int) -> None:
    assert_windows_agree(made(name), market(name, seed, 6000), range(3000, 6000, 29))


@pytest.mark.parametrize("name", NAMES)
def test_warm_up_fits_the_window(name: str) -> None:
    assert 1 <= made(name).warmup_bars <= DEFAULT_CAPACITY


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", NAMES)
def test_windows_and_history_give_the_same_signals(name: str, seed: int) -> None:
    whole = market(name, seed, 4000)
    assert_same_signals(made(name), whole, begin=0)


@pytest.mark.slow
@pytest.mark.parametrize("symbol", REAL_SYMBOLS)
@pytest.mark.parametrize("name", NAMES)
def test_windows_and_history_give_the_same_signals_on_real_candles(name: str, symbol: str) -> None:
    strategy = made(name, symbol)
    whole = real_frame(symbol, strategy.timeframe)
    assert_same_signals(strategy, whole, begin=len(whole) - 4_000)


def assert_same_signals(strategy: Strategy, whole: Frame, begin: int) -> None:
    """Live, from windows that began at `begin`; in the backtest, from columns over everything."""
    live = WindowSignals({whole.symbol: strategy})
    past = HistorySignals({whole.symbol: strategy}, {whole.symbol: whole})
    bars = candles(rows(whole, begin, len(whole)))
    warm = strategy.warmup_bars
    for candle in bars[: warm - 1]:
        live.on_candles([candle])
    for candle in bars[warm - 1 :]:
        (one,), (other,) = live.on_candles([candle]), past.on_candles([candle])
        assert_same_signal(one, other)
    assert not live.failures
    assert not past.failures


def assert_same_signal(one: Signal, other: Signal) -> None:
    assert (one.bar_at_ms, one.side, one.score) == (other.bar_at_ms, other.side, other.score)
    assert one.reasons == other.reasons
    assert (one.hold and one.hold.gate) == (other.hold and other.hold.gate)
    prices = [(each.reference_price, each.stop_price, each.target_price, each.atr) for each in (one, other)]
    assert prices[0] == pytest.approx(prices[1], rel=WARM_UP_TOLERANCE)


@pytest.mark.parametrize("cut", [600, 1111, 1500])
@pytest.mark.parametrize("name", NAMES)
def test_the_future_does_not_change_the_past(name: str, cut: int) -> None:
    strategy = made(name)
    one, other = market(name, 7, 2000), market(name, 7, 2000)
    chance = np.random.default_rng(cut)
    for price in ("open", "high", "low", "close", "volume"):
        getattr(other, price)[cut:] *= chance.uniform(0.5, 2.0)
    first, second = strategy.prepare(one), strategy.prepare(other)
    for key, column in first.items():
        np.testing.assert_array_equal(column[:cut], second[key][:cut], err_msg=key)
    for i in range(cut - 300, cut):
        assert strategy.decide(one, first, i) == strategy.decide(other, second, i)
        assert strategy.explain(one, first, i) == strategy.explain(other, second, i)


@pytest.mark.parametrize("name", NAMES)
def test_a_strategy_has_no_memory(name: str) -> None:
    """Bars asked in any order, twice, and of another object give the same answers."""
    whole, one, other = market(name, 8, 1500), made(name), made(name)
    columns = one.prepare(whole)
    forward = [one.decide(whole, columns, i) for i in range(1000, 1500)]
    backward = [one.decide(whole, columns, i) for i in reversed(range(1000, 1500))]
    assert forward == backward[::-1] == [other.decide(whole, columns, i) for i in range(1000, 1500)]


@pytest.mark.parametrize("name", NAMES)
def test_columns_are_as_long_as_the_frame(name: str) -> None:
    for bars in (1, 30, 1000):
        columns = made(name).prepare(market(name, 9, bars))
        assert {(len(column), column.dtype.name) for column in columns.values()} == {(bars, "float64")}


@pytest.mark.parametrize("name", NAMES)
def test_dead_and_broken_markets_raise_nothing(name: str) -> None:
    bar_ms = timeframe_ms(made(name).timeframe)
    broken = market(name, 10, 1000)
    for column, i in (("close", 400), ("high", 401), ("volume", 402)):
        getattr(broken, column)[i] = np.nan
    for frame in (flat_frame(1000, bar_ms=bar_ms), flat_frame(1000, volume=5.0, bar_ms=bar_ms), broken):
        for strategy in (made(name), *loosest(name)):
            columns = strategy.prepare(frame)
            signals = [strategy.decide(frame, columns, i) for i in range(900, 1000)]
            assert all(signal.side is None for signal in signals)
            strategy.explain(frame, columns, 999)


@pytest.mark.parametrize("name", NAMES)
def test_the_ends_of_every_range_work(name: str) -> None:
    whole = market(name, 11, 3000)
    for strategy in loosest(name):
        source = HistorySignals({whole.symbol: strategy}, {whole.symbol: whole})
        for candle in candles(whole):
            source.on_candles([candle])
        assert not source.failures
        assert source.explain(whole.symbol)


@pytest.mark.parametrize("name", NAMES)
def test_explain_agrees_with_decide(name: str) -> None:
    whole, strategy = market(name, 12, 3000), made(name)
    columns = strategy.prepare(whole)
    for i in range(strategy.warmup_bars, 3000, 7):
        passed = all(gate.passed for gate in strategy.explain(whole, columns, i))
        assert passed == (strategy.decide(whole, columns, i).side is not None)
