"""The limits an admin may change at run time: their ranges, units and meanings, as /set_limit and /risk show them."""

from dataclasses import dataclass, fields
from decimal import Decimal

from bot.domain.guard import Limits
from bot.engine.views import RiskReport
from handlers.format import plain

BASE_BALANCE = "base_balance"


@dataclass(frozen=True, slots=True)
class Guardrail:
    """One limit: allowed range, unit, meaning; `off` says what zero means, `use` names its line in the risk report."""

    low: str
    high: str
    unit: str
    meaning: str
    off: str = ""
    whole: bool = False
    use: str = ""

    def words(self, value: Decimal | int) -> str:
        """A value with its unit; zero in words where it switches the limit off."""
        if isinstance(value, bool) or self.unit == "on/off":
            return "on" if value else "off"
        if not value and self.off:
            return f"0 ({self.off})"
        return f"{plain(value)}{self.unit if self.unit in ('%', '') else f' {self.unit}'}"

    @property
    def allowed(self) -> str:
        """What may be set, for people."""
        if self.unit == "on/off":
            return "on or off"
        unit = self.unit if self.unit in ("%", "") else f" {self.unit}"
        whole = ", whole" if self.whole else ""
        return f"{self.low} to {self.high}{unit}{whole}{f'; 0 is {self.off}' if self.off else ''}"

    def fault(self, value: Decimal | str) -> str:
        """What is wrong with a value, empty when nothing."""
        if isinstance(value, str):
            return "" if self.unit == "on/off" else f"must be a number: {self.allowed}"
        if self.unit == "on/off":
            return "" if value in (0, 1) else "must be on or off"
        fits = Decimal(self.low) <= value <= Decimal(self.high)
        return "" if fits and not (self.whole and value % 1) else f"must be {self.allowed}"


SWITCH = "on/off"
FACTOR = "x equity"

GUARDRAILS: dict[str, Guardrail] = {
    "daily_loss_percent": Guardrail(
        "0",
        "50",
        "%",
        "loss of a day, in % of its starting equity, that stops entries",
        "off",
        use="daily loss",
    ),
    "count_open_loss": Guardrail("0", "1", SWITCH, "open losses count towards the daily loss"),
    "drawdown_percent": Guardrail(
        "0", "90", "%", "fall from the equity high that stops entries until lifted", "off", use="drawdown"
    ),
    "max_positions": Guardrail(
        "0", "500", "", "positions open at once", "no entries", whole=True, use="positions"
    ),
    "max_same_direction": Guardrail(
        "0", "500", "", "positions on the same side", "no entries", whole=True, use="same direction"
    ),
    "max_same_cluster": Guardrail(
        "0", "500", "", "positions in the same cluster of symbols", "off", whole=True, use="same cluster"
    ),
    "exposure_per_symbol": Guardrail(
        "0.1", "125", FACTOR, "notional of one symbol over equity", use="exposure per symbol"
    ),
    "exposure_total": Guardrail(
        "0.1", "500", FACTOR, "notional of all positions over equity", use="exposure in all"
    ),
    "exposure_per_cluster": Guardrail(
        "0", "500", FACTOR, "notional of one cluster's symbols over equity", "off", use="exposure per cluster"
    ),
    "max_trades_per_day": Guardrail("0", "10000", "", "entries a day (UTC)", "off", whole=True),
    "cooldown_bars": Guardrail("0", "1000", "bars", "rest of a symbol after a loss", "off", whole=True),
    "funding_window_minutes": Guardrail(
        "0", "240", "min", "no entries this long before funding", "off", whole=True
    ),
    "max_spread_percent": Guardrail("0", "10", "%", "spread over which no entry is made", "off"),
    "min_balance": Guardrail("0", "10000000", "USDT", "wallet below which no entry is made", "off"),
    "consecutive_losses": Guardrail(
        "0", "1000", "", "losses in a row over all symbols that halt", "off", whole=True
    ),
    "kill_losing_run": Guardrail("0", "50", "", "losses in a row that kill a symbol", "off", whole=True),
    "kill_profit_factor": Guardrail("0", "5", "", "profit factor below which a symbol is killed", "off"),
    "kill_trades": Guardrail("0", "50", "", "trades over which that factor is taken", "off", whole=True),
    "volatility_percent": Guardrail("0", "50", "%", "move within 5 s that halts a symbol", "off"),
    "volatility_halt_minutes": Guardrail("1", "1440", "min", "length of a volatility halt", whole=True),
    "liquidation_warn": Guardrail("0.1", "1", "", "share of the way to liquidation that warns"),
    "liquidation_reduce": Guardrail("0.1", "1", "", "share of the way to liquidation that reduces"),
    "auto_reduce": Guardrail("0", "1", SWITCH, "reduce a position near its liquidation by itself"),
    BASE_BALANCE: Guardrail("0.01", "1000000000", "USDT", "balance from which the margin ratio decays"),
}


def limit_values(report: RiskReport) -> dict[str, Decimal | int]:
    """Every limit's present value by name, the base balance with them."""
    values: dict[str, Decimal | int] = {f.name: getattr(report.limits, f.name) for f in fields(Limits)}
    return {**values, BASE_BALANCE: report.base_balance}


def limit_value(value: Decimal | str) -> Decimal:
    """What is stored for a value as typed: switches are 1 and 0."""
    return Decimal(value == "on") if isinstance(value, str) else value
