"""The market of the contract suite: contracts that differ in nothing, candles that stand still until a script plays
them, and a strategy whose signal is written in the close."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import numpy as np

from bot.domain.instrument import Bracket, Instrument
from bot.domain.market import DAY_MS, MINUTE_MS, Candle
from bot.strategy import Frame

D = Decimal
TIMEFRAME = "1m"
START_MS = 1_777_891_800_000
"""Monday 2026-05-04 10:50 UTC: funding settles every hour, the first time ten bars from here."""
PAST_MS = DAY_MS
BASE = 100.0

CALLER = '''
"""Says what the close says: an odd last part of the price is a signal."""

from collections.abc import Mapping

from bot.domain.signal import GateCheck, Reason, Side, Signal
from bot.strategy import Columns, Frame, Strategy, Value

SIDES = {11: Side.LONG, 22: Side.SHORT}


class Caller(Strategy):
    """Long at a close of x.11, short at x.22; stop and target a fixed part of the price away."""

    name = "caller"
    timeframe = "1m"
    warmup_bars = 1

    def __init__(self, parameters: Mapping[str, Value]) -> None:
        super().__init__(parameters)
        self.stop = float(parameters["stop"])
        self.target = float(parameters["target"])

    def prepare(self, frame: Frame) -> Columns:
        return {}

    def decide(self, frame: Frame, columns: Columns, i: int) -> Signal:
        close = float(frame.close[i])
        side = SIDES.get(round(close * 100) % 100)
        sign = -1 if side is Side.SHORT else 1
        return Signal(
            symbol=frame.symbol,
            strategy=self.name,
            bar_at_ms=int(frame.open_at_ms[i]) + frame.timeframe_ms,
            side=side,
            score=3.0,
            reference_price=close,
            stop_price=close * (1 - self.stop * sign),
            target_price=close * (1 + self.target * sign),
            atr=close * self.stop,
            reasons=(Reason("close", 3.0),),
        )

    def explain(self, frame: Frame, columns: Columns, i: int) -> tuple[GateCheck, ...]:
        return (GateCheck("close", True, "always"),)


STRATEGY = Caller
'''
CALLER_YAML = """
stop:
  default: 0.01
  low: 0.001
  high: 0.5
  unit: fraction of the price
  help: Distance of the stop.
target:
  default: 0.02
  low: 0.001
  high: 0.5
  unit: fraction of the price
  help: Distance of the target.
"""
CONFIG = """
strategy_paths: [{paths}]
symbols:
{symbols}
venue: {{position_mode: {mode}, slippage: 0}}
sizing: {{mode: fixed_notional, value: 1000}}
limits:
  daily_loss_percent: 0
  drawdown_percent: 0
  max_positions: 100
  max_same_direction: 100
  exposure_per_symbol: 100
  exposure_total: 1000
  max_spread_percent: 0
  kill_losing_run: 0
  kill_profit_factor: 0
  liquidation_warn: 1
  liquidation_reduce: 0
"""


def contract(symbol: str) -> Instrument:
    """A contract at about 100 with a tick of 0.01, settling funding every hour."""
    return Instrument(
        symbol=symbol,
        base=symbol.removesuffix("USDT"),
        quote="USDT",
        price_tick=D("0.01"),
        quantity_step=D("0.001"),
        min_quantity=D("0.001"),
        max_quantity=D(10_000),
        max_market_quantity=D(1_000),
        min_notional=D(5),
        brackets=(
            Bracket(D(50_000), 50, D("0.004"), D(0)),
            Bracket(D(1_000_000), 20, D("0.01"), D(300)),
        ),
        funding_interval_hours=1,
    )


def names(count: int) -> tuple[str, ...]:
    """Symbols of the suite."""
    return tuple(f"C{number:02d}USDT" for number in range(1, count + 1))


@dataclass
class PlayedFeed:
    """Candles of one minute: flat at BASE in the past, then what was played; `grows`: nothing after that yet."""

    symbols: tuple[str, ...]
    grows: bool = False
    played: dict[tuple[str, int], Candle] = field(default_factory=dict)
    last: dict[str, float] = field(default_factory=dict)
    rates: dict[tuple[str, int], float] = field(default_factory=dict)
    timeframe: str = TIMEFRAME
    first_open_at_ms: int = START_MS - PAST_MS

    def play(self, symbol: str, open_at_ms: int, prices: Sequence[float]) -> None:
        """One bar: it opens where the last one closed, goes to these prices, closes at the last of them."""
        before = self.last.get(symbol, BASE)
        way = (before, *prices)
        self.played[symbol, open_at_ms] = Candle(
            symbol, open_at_ms, before, max(way), min(way), way[-1], 100.0
        )
        self.last[symbol] = way[-1]

    def candle(self, symbol: str, open_at_ms: int) -> Candle:
        """One candle."""
        price = BASE if open_at_ms < START_MS else self.last.get(symbol, BASE)
        flat = Candle(symbol, open_at_ms, price, price, price, price, 100.0)
        return self.played.get((symbol, open_at_ms), flat)

    def there(self, symbol: str, open_at_ms: int) -> bool:
        """True for a candle that exists."""
        return not self.grows or open_at_ms < START_MS or (symbol, open_at_ms) in self.played

    def bar(self, open_at_ms: int) -> tuple[Candle, ...]:
        """All symbols' candles."""
        if not all(self.there(symbol, open_at_ms) for symbol in self.symbols):
            return ()
        return tuple(self.candle(symbol, open_at_ms) for symbol in self.symbols)

    def window(self, symbol: str, last_open_at_ms: int, bars: int) -> Frame:
        """The candles up to one."""
        last = last_open_at_ms // MINUTE_MS * MINUTE_MS
        if self.grows:
            last = min(
                last, max((at for name, at in self.played if name == symbol), default=START_MS - MINUTE_MS)
            )
        first = max(self.first_open_at_ms, last - (bars - 1) * MINUTE_MS)
        times = np.arange(first, last + 1, MINUTE_MS, dtype=np.int64)
        rows = [self.candle(symbol, int(at_ms)) for at_ms in times]
        columns = (
            np.array([getattr(row, name) for row in rows], dtype=float)
            for name in ("open", "high", "low", "close", "volume")
        )
        return Frame(symbol, MINUTE_MS, times, *columns)

    def funding_rate(self, symbol: str, at_ms: int) -> float:
        """Nothing is paid unless somebody says so."""
        return self.rates.get((symbol, at_ms), 0.0)


def config_text(home: Path, symbols: Sequence[str], mode: str, more: str = "") -> str:
    """The configuration of a house that trades these; the strategy's files are written into the home."""
    folder = home / "mine" / "caller"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "strategy.py").write_text(CALLER)
    (folder / "default.yaml").write_text(CALLER_YAML)
    rows = "\n".join(f"  - {{symbol: {name}, strategy: caller, leverage: 5}}" for name in symbols)
    return CONFIG.format(paths=home / "mine", symbols=rows, mode=mode) + more
