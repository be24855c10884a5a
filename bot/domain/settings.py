"""What the engine is told once, at construction: account, instruments, symbols, limits, costs; journaled."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from bot.domain.guard import Limits, Sizing
from bot.domain.instrument import Instrument
from bot.domain.model import UNFILTERED, ModelUse


@dataclass(frozen=True, slots=True)
class SymbolSettings:
    """How one symbol is traded. `share` is its part of the balance (0..1), `leverage` a whole number.

    `parameters` are the strategy's, as the files had them at the start: a replay must not depend on later files.
    """

    symbol: str
    strategy: str
    leverage: int
    share: Decimal
    parameters: tuple[tuple[str, int | float | bool | str], ...] = ()
    model: ModelUse = UNFILTERED


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Everything fixed for a run. Rates are fractions of notional; `account` is venue:mode:name.

    `stop_deadline_ms` is how long a filled quantity may be without a confirmed stop before it is closed.
    `trail_pause_ms` is the least time between two moves of a trailing stop. `read_lag_ms` is how far the venue's
    answers to questions may lie behind what it says by itself; 0: not at all, but it lives by bars (paper).
    `score_deadline_ms` is how long a bar's signals wait for their scores; without one they are refused, or pass where
    `unscored_pass` is set.
    `adopt_foreign`: positions that a person opened get a stop `adopted_stop` (fraction) from the price then.
    """

    account: str
    instruments: Mapping[str, Instrument]
    symbols: tuple[SymbolSettings, ...]
    bar_ms: int
    timeframe: str
    sizing: Sizing = field(default_factory=Sizing)
    limits: Limits = field(default_factory=Limits)
    quote: str = "USDT"
    slippage_rate: Decimal = Decimal("0.0001")
    max_signal_age_ms: int = 300_000
    max_price_age_ms: int = 0
    """How old a price may be that a person enters by; 0: as a signal's bar. A bar, where prices come with candles."""
    stop_deadline_ms: int = 5_000
    stop_tries: int = 3
    close_tries: int = 5
    unknown_deadline_ms: int = 120_000
    trail_pause_ms: int = 10_000
    read_lag_ms: int = 0
    score_deadline_ms: int = 1_500
    unscored_pass: bool = False
    adopt_foreign: bool = False
    adopted_stop: Decimal = Decimal("0.05")
