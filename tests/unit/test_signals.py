"""Signal sources: one answer per candle, alike from windows and histories, and no trust in a strategy."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from markets import BAR_MS, START_MS, candles, random_frame, rows

from bot.domain.market import Candle
from bot.domain.signal import GateCheck, Hold, Reason, Side, Signal
from bot.market.signals import HistorySignals, SignalSource, WindowSignals
from bot.strategy import Columns, Frame, Strategy

WARM_UP_BARS = 3
SECRET = "password in the exception"


class Rising(Strategy):
    """Long when the close rose, else hold; its behaviour can be replaced by a test."""

    name = "rising"
    timeframe = "15m"
    warmup_bars = WARM_UP_BARS

    def prepare(self, frame: Frame) -> Columns:
        return {"rise": np.diff(frame.close, prepend=np.nan)}

    def decide(self, frame: Frame, columns: Columns, i: int) -> Signal:
        at_ms = int(frame.open_at_ms[i]) + frame.timeframe_ms
        rise, close = float(columns["rise"][i]), float(frame.close[i])
        if rise > 0:
            reasons = (Reason("rose", 1.0),)
            return Signal(
                frame.symbol,
                self.name,
                at_ms,
                Side.LONG,
                1.0,
                close,
                close * 0.9,
                close * 1.1,
                0.1,
                reasons=reasons,
            )
        return Signal(frame.symbol, self.name, at_ms, None, 0.0, hold=Hold("rise", rise, "<=", 0.0))

    def explain(self, frame: Frame, columns: Columns, i: int) -> tuple[GateCheck, ...]:
        return (GateCheck("rise", bool(columns["rise"][i] > 0), f"bar {i}"),)


class Minute(Rising):
    """The same on one-minute bars."""

    timeframe = "1m"


class BreaksInPrepare(Rising):
    """Raises when it should prepare."""

    def prepare(self, frame: Frame) -> Columns:
        raise ZeroDivisionError(SECRET)


class BreaksInExplain(Rising):
    """Raises when asked why."""

    def explain(self, frame: Frame, columns: Columns, i: int) -> tuple[GateCheck, ...]:
        raise KeyError(SECRET)


class Answers(Rising):
    """Answers whatever the test wants, from a given bar on."""

    def __init__(self, answer: Callable[[Signal], Any], since_ms: int = 0) -> None:
        super().__init__({})
        self.answer, self.since_ms, self.asked = answer, since_ms, 0

    def decide(self, frame: Frame, columns: Columns, i: int) -> Signal:
        self.asked += 1
        sound = super().decide(frame, columns, i)
        if int(frame.open_at_ms[i]) < self.since_ms:
            return sound
        return self.answer(sound)  # type: ignore[no-any-return]


def rising() -> Rising:
    return Rising({})


def raising(_: Signal) -> Signal:
    raise ValueError(SECRET)


MARKET = random_frame(21, 60)
type Made = Callable[[Mapping[str, Strategy]], SignalSource]


def window_source(strategies: Mapping[str, Strategy]) -> SignalSource:
    return WindowSignals(strategies, capacity=20)


def history_source(strategies: Mapping[str, Strategy]) -> SignalSource:
    return HistorySignals(strategies, {symbol: replace(MARKET, symbol=symbol) for symbol in strategies})


both = pytest.mark.parametrize("make", [window_source, history_source])


def feed(source: SignalSource, bars: int, *symbols: str) -> list[Signal]:
    """The first bars, all symbols together; answers every signal."""
    signals: list[Signal] = []
    for candle in candles(MARKET)[:bars]:
        signals += source.on_candles([replace(candle, symbol=symbol) for symbol in symbols or ("AUSDT",)])
    return signals


@both
def test_bars_before_the_warm_up_hold(make: Made) -> None:
    signals = feed(make({"AUSDT": rising()}), 4)
    assert [signal.hold for signal in signals[:2]] == [
        Hold("warm-up", 1.0, "<", 3.0),
        Hold("warm-up", 2.0, "<", 3.0),
    ]
    assert signals[0] == Signal("AUSDT", "rising", START_MS + BAR_MS, None, 0.0, hold=signals[0].hold)
    assert all(signal.hold is None or signal.hold.gate == "rise" for signal in signals[2:])


@both
def test_one_signal_per_candle_in_the_order_given(make: Made) -> None:
    source = make({"BUSDT": rising(), "AUSDT": rising()})
    signals = feed(source, 5, "AUSDT", "OTHERUSDT", "BUSDT")
    assert [signal.symbol for signal in signals] == ["AUSDT", "BUSDT"] * 5
    assert source.on_candles([]) == []


def test_windows_and_history_answer_alike() -> None:
    assert feed(window_source({"AUSDT": rising()}), 60) == feed(history_source({"AUSDT": rising()}), 60)


@both
def test_same_candles_same_signals(make: Made) -> None:
    assert feed(make({"AUSDT": rising()}), 60) == feed(make({"AUSDT": rising()}), 60)


@both
def test_before_the_first_candle_there_is_nothing_to_show(make: Made) -> None:
    source = make({"AUSDT": rising()})
    assert source.explain("AUSDT") == (GateCheck("warm-up", False, "0 of 3 bars"),)
    assert len(source.frame("AUSDT")) == 0
    assert all(len(column) == 0 for column in source.columns("AUSDT").values())


@both
def test_explain_frame_and_columns_are_of_the_last_bar(make: Made) -> None:
    source = make({"AUSDT": rising()})
    feed(source, 10)
    frame = source.frame("AUSDT")
    assert (frame.symbol, len(frame)) == ("AUSDT", 10)
    np.testing.assert_array_equal(frame.close, MARKET.close[:10])
    np.testing.assert_array_equal(source.columns("AUSDT")["rise"], np.diff(MARKET.close[:10], prepend=np.nan))
    assert source.explain("AUSDT") == (GateCheck("rise", bool(MARKET.close[9] > MARKET.close[8]), "bar 9"),)


@both
def test_unknown_symbol_is_a_key_error(make: Made) -> None:
    with pytest.raises(KeyError):
        make({"AUSDT": rising()}).frame("NOSUCH")


# A strategy that fails


FAULTS = {
    "raises": (raising, "ValueError in decide"),
    "none": (lambda _: None, "answer is not a signal of this symbol"),
    "text": (lambda _: "LONG", "answer is not a signal of this symbol"),
    "other symbol": (lambda good: replace(good, symbol="OTHER"), "answer is not a signal of this symbol"),
    "NaN score": (lambda good: replace(good, score=float("nan")), "score is not a number"),
    "text score": (lambda good: replace(good, score="high"), "TypeError in decide"),
    "NaN entry": (lambda good: entry(good, reference_price=float("nan")), "reference price is not positive"),
    "no entry": (lambda good: entry(good, reference_price=0.0), "reference price is not positive"),
    "NaN stop": (lambda good: entry(good, stop_price=float("nan")), "stop price is not positive"),
    "zero stop": (lambda good: entry(good, stop_price=0.0), "stop price is not positive"),
    "negative stop": (lambda good: entry(good, stop_price=-1.0), "stop price is not positive"),
    "infinite target": (lambda good: entry(good, target_price=float("inf")), "target price is not positive"),
    "NaN target": (lambda good: entry(good, target_price=float("nan")), "target price is not positive"),
    "NaN ATR": (lambda good: entry(good, atr=float("nan")), "ATR is not a number"),
    "negative ATR": (lambda good: entry(good, atr=-1.0), "ATR is not a number"),
    "text side": (lambda good: entry(good, side="LONG"), "side is neither LONG nor SHORT"),
}


def entry(good: Signal, **changes: Any) -> Signal:
    sound: dict[str, Any] = {
        "side": Side.SHORT,
        "reference_price": 10.0,
        "stop_price": 11.0,
        "target_price": 9.0,
        "atr": 1.0,
    }
    return replace(good, **sound | changes)


@both
@pytest.mark.parametrize("fault", FAULTS)
def test_a_failing_strategy_is_switched_off_for_its_symbol_at_once(make: Made, fault: str) -> None:
    answer, reason = FAULTS[fault]
    since_ms = START_MS + 5 * BAR_MS
    bad = Answers(answer, since_ms)
    source = make({"AUSDT": bad, "BUSDT": rising()})
    signals = feed(source, 12, "AUSDT", "BUSDT")
    assert source.failures == {"AUSDT": reason}
    off = [signal for signal in signals if signal.symbol == "AUSDT" and signal.bar_at_ms > since_ms]
    assert [signal.hold for signal in off] == [Hold("strategy off", 1.0, ">", 0.0)] * 7
    assert all(signal.side is None for signal in off)
    assert [signal.bar_at_ms for signal in off] == [since_ms + BAR_MS * n for n in range(1, 8)]
    assert bad.asked == 4
    assert sum(signal.symbol == "BUSDT" for signal in signals) == 12
    assert source.explain("AUSDT") == (GateCheck("strategy off", False, reason),)


@both
def test_a_strategy_that_cannot_prepare_is_switched_off(make: Made) -> None:
    source = make({"AUSDT": BreaksInPrepare({})})
    signals = feed(source, 6)
    assert source.failures == {"AUSDT": "ZeroDivisionError in prepare"}
    assert signals[-1].hold == Hold("strategy off", 1.0, ">", 0.0)
    assert source.columns("AUSDT") == {}
    assert len(source.frame("AUSDT")) == 6


@both
def test_exception_texts_stay_inside(make: Made) -> None:
    for strategy in (BreaksInPrepare({}), Answers(raising), BreaksInExplain({})):
        source = make({"AUSDT": strategy})
        shown = [feed(source, 6), source.failures, source.explain("AUSDT")]
        assert SECRET not in repr(shown)


@both
def test_asking_why_switches_nothing_off(make: Made) -> None:
    source = make({"AUSDT": BreaksInExplain({})})
    feed(source, 6)
    assert source.explain("AUSDT") == (GateCheck("explain", None, "KeyError"),)
    assert source.failures == {}


def test_looking_at_columns_switches_nothing_off() -> None:
    source = window_source({"AUSDT": BreaksInPrepare({})})
    feed(source, 2)
    assert source.columns("AUSDT") == {}
    assert source.failures == {}


@both
def test_reconfigure_switches_on_again_and_keeps_the_bars(make: Made) -> None:
    source = make({"AUSDT": Answers(raising)})
    feed(source, 6)
    source.reconfigure("AUSDT", rising())
    assert source.failures == {}
    (signal,) = source.on_candles([replace(candles(MARKET)[6], symbol="AUSDT")])
    assert signal.hold is None or signal.hold.gate == "rise"
    assert len(source.frame("AUSDT")) == 7


@both
def test_numpys_numbers_become_pythons(make: Made) -> None:
    def in_numpy(good: Signal) -> Signal:
        if good.side is None:
            assert good.hold is not None
            hold = replace(good.hold, value=np.float64(good.hold.value), limit=np.float64(0.0))
            at_ms: Any = np.int64(good.bar_at_ms)
            return replace(good, bar_at_ms=at_ms, score=np.float64(0.0), hold=hold)
        names = ("score", "reference_price", "stop_price", "target_price", "atr")
        figures: dict[str, Any] = {name: np.float64(getattr(good, name)) for name in names}
        return replace(good, reasons=(Reason("rose", np.float64(1.0)),), **figures)

    signals = feed(make({"AUSDT": Answers(in_numpy)}), 60)
    assert signals == feed(make({"AUSDT": rising()}), 60)
    assert "np." not in repr(signals)


# Windows


def test_window_keeps_its_capacity() -> None:
    source = window_source({"AUSDT": rising()})
    feed(source, 50)
    frame = source.frame("AUSDT")
    np.testing.assert_array_equal(frame.close, MARKET.close[30:50])
    assert len(source.columns("AUSDT")["rise"]) == 20


@pytest.mark.parametrize(
    "change",
    [
        {"open_at_ms": START_MS + 4 * BAR_MS},
        {"open_at_ms": START_MS + 5 * BAR_MS + 1},
        {"close": float("nan")},
    ],
    ids=["again", "off the grid", "NaN"],
)
def test_candle_that_cannot_be_next_gives_no_signal(change: dict[str, Any]) -> None:
    source = window_source({"AUSDT": rising()})
    feed(source, 5)
    nxt = replace(candles(MARKET)[5], symbol="AUSDT")
    assert source.on_candles([replace(nxt, **change)]) == []
    assert len(source.on_candles([nxt])) == 1


def test_preload_warms_up_without_signals() -> None:
    source = WindowSignals({"AUSDT": rising()}, capacity=20)
    assert source.preload(replace(rows(MARKET, 0, 30), symbol="AUSDT")) == 20
    assert source.explain("AUSDT")[0].gate == "rise"
    assert len(source.columns("AUSDT")["rise"]) == 20
    (signal,) = source.on_candles([replace(candles(MARKET)[30], symbol="AUSDT")])
    assert signal.hold is None or signal.hold.gate == "rise"


def test_gap_is_reported() -> None:
    source = WindowSignals({"AUSDT": rising()}, capacity=20)
    feed(source, 5)
    assert source.missing("AUSDT") == 0
    source.on_candles([replace(candles(MARKET)[8], symbol="AUSDT")])
    assert source.missing("AUSDT") == 3


def test_window_must_hold_the_warm_up() -> None:
    with pytest.raises(ValueError, match="rising needs 3 bars, the window has 2"):
        WindowSignals({"AUSDT": rising()}, capacity=2)


def test_new_timeframe_starts_with_an_empty_window() -> None:
    source = window_source({"AUSDT": rising()})
    feed(source, 10)
    source.reconfigure("AUSDT", Minute({}))
    assert len(source.frame("AUSDT")) == 0
    minute = Candle("AUSDT", START_MS, 1.0, 2.0, 0.5, 1.5, 3.0)
    assert [signal.bar_at_ms for signal in source.on_candles([minute])] == [START_MS + 60_000]


def test_new_symbol_can_be_added() -> None:
    source = window_source({})
    source.reconfigure("AUSDT", rising())
    assert len(feed(source, 4)) == 4


# Histories


def test_history_never_shows_the_future() -> None:
    source = history_source({"AUSDT": rising()})
    for count in (1, 7, 30):
        source = history_source({"AUSDT": rising()})
        feed(source, count)
        assert len(source.frame("AUSDT")) == count
        assert {len(column) for column in source.columns("AUSDT").values()} == {count}


def test_history_finds_rows_by_their_time() -> None:
    source, market = history_source({"AUSDT": rising()}), candles(MARKET)
    for number in (30, 10, 59, 3):
        (signal,) = source.on_candles([replace(market[number], symbol="AUSDT")])
        assert signal.bar_at_ms == market[number].open_at_ms + BAR_MS
        assert len(source.frame("AUSDT")) == number + 1


@pytest.mark.parametrize("at_ms", [0, START_MS - BAR_MS, START_MS + 1, START_MS + 60 * BAR_MS])
def test_time_outside_the_history_gives_no_signal(at_ms: int) -> None:
    source = history_source({"AUSDT": rising()})
    feed(source, 5)
    assert source.on_candles([replace(candles(MARKET)[5], symbol="AUSDT", open_at_ms=at_ms)]) == []
    assert len(source.frame("AUSDT")) == 5


def test_history_of_another_timeframe_is_refused() -> None:
    with pytest.raises(ValueError, match="rising wants 1m bars, AUSDT has others"):
        history_source({"AUSDT": Minute({})})


def test_history_is_prepared_once() -> None:
    class Counting(Rising):
        """Counts how often it prepares."""

        prepared = 0

        def prepare(self, frame: Frame) -> Columns:
            Counting.prepared += 1
            return super().prepare(frame)

    feed(history_source({"AUSDT": Counting({})}), 60)
    assert Counting.prepared == 1
