"""Signals of all symbols, one bar at a time: from live windows, or from whole histories prepared once.

Both sources answer alike, so engine, pictures and ML need not know which they have. A strategy that raises or
answers nonsense is switched off for that symbol after the first failure; its exits go on, they are the
engine's. Only `on_candles`, `preload` and `reconfigure` change anything; asking (`explain`, `columns`,
`frame`) does not.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from bot.domain.market import Candle, timeframe_ms
from bot.domain.signal import GateCheck, Hold, Signal
from bot.market import answers
from bot.market.buffers import DEFAULT_CAPACITY, CandleBuffer
from bot.strategy import Columns, Frame, Strategy

STRATEGY_OFF = "strategy off"
WARM_UP = "warm-up"


class SignalSource(Protocol):
    """What the engine asks for signals: one strategy per symbol, fed bar by bar."""

    failures: dict[str, str]
    """Symbols whose strategy is switched off, with the reason (an exception's class, never its text)."""

    def on_candles(self, candles: Sequence[Candle]) -> list[Signal]:
        """One signal per candle taken, in the order given; a candle the source cannot place gives none."""
        ...

    def explain(self, symbol: str) -> tuple[GateCheck, ...]:
        """Every gate of the symbol's last bar with its figures."""
        ...

    def columns(self, symbol: str) -> Columns:
        """The strategy's indicator columns up to the last bar; empty when the strategy cannot make them."""
        ...

    def frame(self, symbol: str) -> Frame:
        """The symbol's candles up to the last bar."""
        ...

    def reconfigure(self, symbol: str, strategy: Strategy) -> None:
        """Use this strategy from the next bar on, switched on even if the one before it had failed."""
        ...

    def strategy(self, symbol: str) -> Strategy:
        """The strategy in use."""
        ...


class _Signals(ABC):
    """What both sources share: asking a strategy without trusting it."""

    def __init__(self) -> None:
        self.failures: dict[str, str] = {}
        self._strategies: dict[str, Strategy] = {}

    def on_candles(self, candles: Sequence[Candle]) -> list[Signal]:
        """One signal per candle taken, in the order given; a candle the source cannot place gives none."""
        taken = (self._on_candle(candle) for candle in candles if candle.symbol in self._strategies)
        return [signal for signal in taken if signal is not None]

    def strategy(self, symbol: str) -> Strategy:
        """The strategy in use."""
        return self._strategies[symbol]

    def explain(self, symbol: str) -> tuple[GateCheck, ...]:
        """Every gate of the symbol's last bar with its figures."""
        if symbol in self.failures:
            return (GateCheck(STRATEGY_OFF, False, self.failures[symbol]),)
        frame, strategy = self.frame(symbol), self._strategies[symbol]
        bars = len(frame)
        if bars < max(1, strategy.warmup_bars):
            return (GateCheck(WARM_UP, False, f"{bars} of {strategy.warmup_bars} bars"),)
        try:
            return strategy.explain(frame, self.columns(symbol), bars - 1)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - anybody's code; asking why must not stop the desk
            return (GateCheck("explain", None, _class_name(error)),)

    @abstractmethod
    def columns(self, symbol: str) -> Columns:
        """The strategy's indicator columns up to the last bar; empty when the strategy cannot make them."""

    @abstractmethod
    def frame(self, symbol: str) -> Frame:
        """The symbol's candles up to the last bar."""

    @abstractmethod
    def _on_candle(self, candle: Candle) -> Signal | None:
        """The signal of one candle, None when the candle is not taken."""

    def _adopt(self, symbol: str, strategy: Strategy) -> None:
        self._strategies[symbol] = strategy
        self.failures.pop(symbol, None)

    def _prepare(self, symbol: str, frame: Frame) -> Columns | None:
        """The strategy's columns, or None and a failure."""
        try:
            return self._strategies[symbol].prepare(frame)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - recorded, and the strategy is off for this symbol
            self.failures[symbol] = f"{_class_name(error)} in prepare"
            return None

    def _decide(self, symbol: str, frame: Frame, columns: Columns, i: int) -> Signal | None:
        """The strategy's signal, or None and a failure."""
        strategy = self._strategies[symbol]
        try:
            signal = strategy.decide(frame, columns, i)
            fault = answers.fault(signal, symbol, int(frame.open_at_ms[i]) + frame.timeframe_ms)
            if not fault:
                return answers.plain(signal)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - recorded, and the strategy is off for this symbol
            fault = f"{_class_name(error)} in decide"
        self.failures[symbol] = fault
        return None

    def _off(self, symbol: str, bar_at_ms: int) -> Signal:
        return _hold(self._strategies[symbol], symbol, bar_at_ms, Hold(STRATEGY_OFF, 1.0, ">", 0.0))

    def _warming_up(self, symbol: str, bar_at_ms: int, bars: int) -> Signal:
        strategy = self._strategies[symbol]
        hold = Hold(WARM_UP, float(bars), "<", float(strategy.warmup_bars))
        return _hold(strategy, symbol, bar_at_ms, hold)


class WindowSignals(_Signals):
    """Signals from a sliding window of the last bars, columns computed anew on every bar: live and paper."""

    def __init__(self, strategies: Mapping[str, Strategy], capacity: int = DEFAULT_CAPACITY) -> None:
        """One buffer of `capacity` bars per symbol."""
        super().__init__()
        self._capacity = capacity
        self._buffers: dict[str, CandleBuffer] = {}
        self._columns: dict[str, Columns] = {}
        for symbol, strategy in strategies.items():
            self.reconfigure(symbol, strategy)

    def reconfigure(self, symbol: str, strategy: Strategy) -> None:
        """Use this strategy from the next bar on; a new timeframe starts with an empty buffer."""
        needed = strategy.warmup_bars
        if needed > self._capacity:
            raise ValueError(f"{strategy.name} needs {needed} bars, the window has {self._capacity}")
        length_ms = timeframe_ms(strategy.timeframe)
        buffer = self._buffers.get(symbol)
        if buffer is None or buffer.timeframe_ms != length_ms:
            self._buffers[symbol] = CandleBuffer(symbol, length_ms, self._capacity)
        self._columns.pop(symbol, None)
        self._adopt(symbol, strategy)

    def preload(self, frame: Frame) -> int:
        """Fill a symbol's buffer from history; answers how many bars it holds.

        The columns are made at once, so that the first live bar finds its memory warm.
        """
        symbol = frame.symbol
        bars = self._buffers[symbol].preload(frame)
        self._columns.pop(symbol, None)
        self.columns(symbol)
        return bars

    def missing(self, symbol: str) -> int:
        """Bars the symbol's window lacks: 0 when there is no gap."""
        return self._buffers[symbol].missing

    def columns(self, symbol: str) -> Columns:
        """The strategy's indicator columns of the window; empty when the strategy cannot make them."""
        if symbol not in self._columns:
            self._columns[symbol] = _columns_or_none(self._strategies[symbol], self.frame(symbol)) or {}
        return self._columns[symbol]

    def frame(self, symbol: str) -> Frame:
        """The window: the last bars up to the newest."""
        return self._buffers[symbol].frame()

    def _on_candle(self, candle: Candle) -> Signal | None:
        symbol = candle.symbol
        buffer = self._buffers[symbol]
        if not buffer.append(candle):
            return None
        self._columns.pop(symbol, None)
        bars, bar_at_ms = len(buffer), candle.open_at_ms + buffer.timeframe_ms
        if symbol in self.failures:
            return self._off(symbol, bar_at_ms)
        if bars < self._strategies[symbol].warmup_bars:
            return self._warming_up(symbol, bar_at_ms, bars)
        return self._judge(symbol, buffer.frame()) or self._off(symbol, bar_at_ms)

    def _judge(self, symbol: str, frame: Frame) -> Signal | None:
        columns = self._prepare(symbol, frame)
        if columns is None:
            return None
        self._columns[symbol] = columns
        return self._decide(symbol, frame, columns, len(frame) - 1)


class HistorySignals(_Signals):
    """Signals from whole histories, prepared once: backtests. Shows nothing past the last bar asked."""

    def __init__(self, strategies: Mapping[str, Strategy], frames: Mapping[str, Frame]) -> None:
        """Prepare every symbol's whole history."""
        super().__init__()
        self._frames = {symbol: frames[symbol] for symbol in strategies}
        self._columns: dict[str, Columns] = {}
        self._rows = dict.fromkeys(strategies, -1)
        for symbol, strategy in strategies.items():
            self.reconfigure(symbol, strategy)

    def reconfigure(self, symbol: str, strategy: Strategy) -> None:
        """Use this strategy from the next bar on: its columns are computed now."""
        frame = self._frames[symbol]
        self._check_timeframe(frame, strategy)
        self._adopt(symbol, strategy)
        self._columns[symbol] = self._prepare(symbol, frame) or {}

    def _check_timeframe(self, frame: Frame, strategy: Strategy) -> None:
        if timeframe_ms(strategy.timeframe) != frame.timeframe_ms:
            raise ValueError(f"{strategy.name} wants {strategy.timeframe} bars, {frame.symbol} has others")

    def columns(self, symbol: str) -> Columns:
        """The strategy's indicator columns up to the last bar asked."""
        end = self._rows[symbol] + 1
        return {name: column[:end] for name, column in self._columns[symbol].items()}

    def frame(self, symbol: str) -> Frame:
        """The candles up to the last bar asked."""
        whole, end = self._frames[symbol], self._rows[symbol] + 1
        return whole.part(0, end)

    def _on_candle(self, candle: Candle) -> Signal | None:
        symbol = candle.symbol
        frame = self._frames[symbol]
        row = _row_at(frame, candle.open_at_ms, self._rows[symbol] + 1)
        if row < 0:
            return None
        self._rows[symbol] = row
        bar_at_ms = candle.open_at_ms + frame.timeframe_ms
        if symbol in self.failures:
            return self._off(symbol, bar_at_ms)
        if row + 1 < self._strategies[symbol].warmup_bars:
            return self._warming_up(symbol, bar_at_ms, row + 1)
        return self._decide(symbol, frame, self._columns[symbol], row) or self._off(symbol, bar_at_ms)


def _row_at(frame: Frame, open_at_ms: int, guess: int) -> int:
    """The row that opens at this time, -1 when there is none; `guess` is nearly always right."""
    at_ms = frame.open_at_ms
    if guess < len(at_ms) and at_ms.item(guess) == open_at_ms:
        return guess
    row = int(np.searchsorted(at_ms, open_at_ms))
    return row if row < len(at_ms) and at_ms.item(row) == open_at_ms else -1


def _hold(strategy: Strategy, symbol: str, bar_at_ms: int, hold: Hold) -> Signal:
    return Signal(symbol, strategy.name, bar_at_ms, None, 0.0, hold=hold)


def _class_name(error: BaseException) -> str:
    return type(error).__name__


def _columns_or_none(strategy: Strategy, frame: Frame) -> Columns | None:
    """The columns for somebody who only looks: a failure here is not one of trading."""
    try:
        return strategy.prepare(frame)
    except (Exception, SystemExit):  # noqa: BLE001 - the next bar will meet it and record it
        return None
