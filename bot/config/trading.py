"""Settings of the trade itself: venue, symbols, sizing, limits, signals."""

from collections.abc import Sequence
from decimal import ROUND_DOWN, Decimal
from typing import Annotated, Self

from pydantic import AfterValidator, model_validator

from bot.config.kinds import LOOPBACK_RULE, NAME_RULE, SYMBOL_RULE, LoopbackAddress, PlainName, SymbolName
from bot.config.values import Number, Section, Switch, Whole, refused, setting
from bot.domain import guard
from bot.domain.modes import MarginMode, PositionMode

_LIMITS = guard.Limits()
_SIZING = guard.Sizing()
_SHARE_STEP = Decimal("1e-12")


class Venue(Section):
    """The exchange. Wallet, slippage and fees are those of the paper venue."""

    name: PlainName = setting(
        "paper",
        "binance or bybit; in mode paper others of ccxt.pro too; paper: a generated market.",
        allowed=NAME_RULE,
    )
    quote: SymbolName = setting("USDT", "Asset that money is counted in.", allowed=SYMBOL_RULE)
    position_mode: PositionMode = setting(
        PositionMode.ONE_WAY,
        "The account's mode, set at start: one position per contract, or one for each side.",
    )
    margin_mode: MarginMode = setting(
        MarginMode.ISOLATED, "Margin per position, or the whole wallet for all; set at start."
    )
    sandbox: LoopbackAddress = setting(
        "",
        "Address of a `quarterdeck sandbox` to speak to instead of the exchange; never in mode live.",
        allowed=LOOPBACK_RULE,
    )
    start_wallet: Number = setting(
        Decimal(10_000), "Wallet of a new paper account.", low=1, high=1_000_000_000, unit="quote asset"
    )
    slippage: Number = setting(
        Decimal("0.0001"),
        "How much worse a market order fills.",
        low=0,
        high="0.05",
        unit="fraction of the price",
    )
    taker_fee: Number = setting(
        Decimal("0.0004"), "Fee of market orders.", low=0, high="0.01", unit="fraction of notional"
    )
    maker_fee: Number = setting(
        Decimal("0.0002"), "Fee of resting limit orders.", low=0, high="0.01", unit="fraction of notional"
    )


class Symbol(Section):
    """One traded contract."""

    symbol: SymbolName = setting(..., "Name of the contract.", allowed=SYMBOL_RULE)
    strategy: PlainName = setting("composite", "Folder of the strategy that trades it.", allowed=NAME_RULE)
    leverage: Whole = setting(5, "Leverage set at the venue.", low=1, high=125)
    weight: Number = setting(
        Decimal(1), "Part of the balance it may use, relative to the other symbols.", low="0.001", high=1000
    )


def _traded(symbols: tuple[Symbol, ...]) -> tuple[Symbol, ...]:
    names = [symbol.symbol for symbol in symbols]
    if not names:
        raise refused("nothing to trade; name at least one symbol")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise refused(f"{', '.join(twice)} more than once; each symbol runs one strategy")
    return symbols


type Symbols = Annotated[tuple[Symbol, ...], AfterValidator(_traded)]


def shares(symbols: Sequence[Symbol]) -> dict[str, Decimal]:
    """Each symbol's part of the balance by weight, rounded down: together never more than 1."""
    total = sum((symbol.weight for symbol in symbols), Decimal(0))
    return {s.symbol: (s.weight / total).quantize(_SHARE_STEP, ROUND_DOWN) for s in symbols}


class Buffers(Section):
    """Candles kept in memory."""

    bars: Whole = setting(1000, "Candles kept per symbol and timeframe.", low=100, high=20_000, unit="bars")


class Sizing(Section):
    """How large a position becomes. Changed at run time with /set_risk, /set_risk_percent, /set_margin."""

    mode: guard.SizingMode = setting(_SIZING.mode, "How the size is found.")
    value: Number = setting(
        _SIZING.value,
        "Risk per trade (risk_usd, risk_percent) or size (fixed_notional).",
        low=0,
        high=1_000_000,
        unit="quote asset, or per cent of the balance",
    )
    ratio_max: Number = setting(
        _SIZING.ratio_max,
        "margin_ratio: part of its share that a symbol uses at the base balance.",
        low="0.001",
        high=1,
        unit="fraction",
    )
    ratio_min: Number = setting(
        _SIZING.ratio_min,
        "margin_ratio: the part it never falls below.",
        low="0.001",
        high=1,
        unit="fraction",
    )
    ratio_decay: Number = setting(
        _SIZING.ratio_decay,
        "margin_ratio: how fast the part falls as the balance grows beyond its base.",
        low=0,
        high=1,
        unit="fraction per unit of quote asset",
    )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.ratio_min > self.ratio_max:
            raise refused(f"{self.ratio_min} is above ratio_max {self.ratio_max}", "ratio_min")
        if self.mode is not guard.SizingMode.MARGIN_RATIO and not self.value:
            raise refused(f"mode {self.mode} wants a value above 0", "value")
        if self.mode is guard.SizingMode.RISK_PERCENT and self.value > 100:
            raise refused(f"{self.value} is not allowed with mode risk_percent; number up to 100", "value")
        return self

    def domain(self) -> guard.Sizing:
        """The same figures as the engine takes them."""
        return guard.Sizing(**dict(self))


class Limits(Section):
    """Limits of the whole account; 0 switches one off where that makes sense. Changed with /set_limit."""

    daily_loss_percent: Number = setting(
        _LIMITS.daily_loss_percent,
        "Daily loss that stops entries until 00:00 UTC.",
        low=0,
        high=100,
        unit="per cent of the day's starting equity",
    )
    count_open_loss: Switch = setting(_LIMITS.count_open_loss, "Open positions count towards the daily loss.")
    drawdown_percent: Number = setting(
        _LIMITS.drawdown_percent,
        "Drawdown that stops entries until an admin lifts it.",
        low=0,
        high=100,
        unit="per cent of the highest equity",
    )
    max_positions: Whole = setting(_LIMITS.max_positions, "Positions open at the same time.", low=1, high=500)
    max_same_direction: Whole = setting(
        _LIMITS.max_same_direction, "Positions open on the same side.", low=1, high=500
    )
    max_same_cluster: Whole = setting(
        _LIMITS.max_same_cluster,
        "Positions open in the same cluster of symbols, on whatever side; 0: no limit.",
        low=0,
        high=500,
    )
    exposure_per_symbol: Number = setting(
        _LIMITS.exposure_per_symbol, "Largest notional of one symbol.", low=0, high=125, unit="times equity"
    )
    exposure_total: Number = setting(
        _LIMITS.exposure_total,
        "Largest notional of all symbols together.",
        low=0,
        high=1000,
        unit="times equity",
    )
    exposure_per_cluster: Number = setting(
        _LIMITS.exposure_per_cluster,
        "Largest notional of the symbols of one cluster together; 0: no limit.",
        low=0,
        high=1000,
        unit="times equity",
    )
    max_trades_per_day: Whole = setting(
        _LIMITS.max_trades_per_day, "Trades opened between two 00:00 UTC.", low=0, high=100_000
    )
    cooldown_bars: Whole = setting(
        _LIMITS.cooldown_bars, "Rest of a symbol after a loss.", low=0, high=10_000, unit="bars"
    )
    funding_window_minutes: Whole = setting(
        _LIMITS.funding_window_minutes,
        "No entries this long before and after a funding settlement.",
        low=0,
        high=240,
        unit="minutes",
    )
    max_spread_percent: Number = setting(
        _LIMITS.max_spread_percent,
        "Widest spread to enter at.",
        low=0,
        high=100,
        unit="per cent of the price",
    )
    min_balance: Number = setting(
        _LIMITS.min_balance,
        "Wallet below which nothing is entered.",
        low=0,
        high=1_000_000_000,
        unit="quote asset",
    )
    consecutive_losses: Whole = setting(
        _LIMITS.consecutive_losses, "Losses in a row over all symbols that halt entries.", low=0, high=1000
    )
    kill_losing_run: Whole = setting(
        _LIMITS.kill_losing_run, "Losses in a row that set a symbol's fast kill switch.", low=0, high=50
    )
    kill_profit_factor: Number = setting(
        _LIMITS.kill_profit_factor,
        "Profit factor below which a symbol's slow kill switch is set.",
        low=0,
        high=10,
        unit="won over lost",
    )
    kill_trades: Whole = setting(
        _LIMITS.kill_trades, "Closed trades that the slow kill switch looks back on.", low=0, high=50
    )
    volatility_percent: Number = setting(
        _LIMITS.volatility_percent,
        "Price move within 5 seconds that halts a symbol.",
        low=0,
        high=100,
        unit="per cent of the price",
    )
    volatility_halt_minutes: Whole = setting(
        _LIMITS.volatility_halt_minutes, "How long such a halt lasts.", low=1, high=1440, unit="minutes"
    )
    liquidation_warn: Number = setting(
        _LIMITS.liquidation_warn,
        "Way from entry to liquidation price at which people are warned.",
        low="0.1",
        high=1,
        unit="fraction",
    )
    liquidation_reduce: Number = setting(
        _LIMITS.liquidation_reduce,
        "Way at which the position is reduced, if auto_reduce is on.",
        low=0,
        high=1,
        unit="fraction",
    )
    auto_reduce: Switch = setting(_LIMITS.auto_reduce, "Reduce positions that come close to liquidation.")

    def domain(self) -> guard.Limits:
        """The same figures as the engine takes them."""
        return guard.Limits(**dict(self))


class Signals(Section):
    """When a bar is complete, and when it is too old to act on."""

    bar_grace_s: Number = setting(
        Decimal(2), "How long a closed bar waits for late candles.", low=0, high=30, unit="seconds"
    )
    max_signal_age: Number = setting(
        Decimal("0.3333"),
        "Age after which a closed bar gives no entries.",
        low="0.01",
        high=1,
        unit="fraction of the timeframe",
    )

    def max_signal_age_ms(self, bar_ms: int) -> int:
        """The age in milliseconds, to the nearest second: a third of 15 minutes is 300 s although 0.3333 is less."""
        return max(1000, int(round(self.max_signal_age * bar_ms, -3)))
