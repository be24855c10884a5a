"""Contracts as Bybit describes them: instruments-info, risk limits, fees of the account, funding intervals.

Taken are linear perpetuals in USDT. One that does not trade now is kept and marked not tradable, so that what is still
held in it can be shown and closed. A row that cannot be read is one line that says where; it leaves out its contract
only: one odd listing among hundreds must not keep a desk from starting.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from bot.domain.errors import ConfigError
from bot.domain.instrument import ZERO, Bracket, Instrument
from bot.venues.bybit.reading import Row
from bot.venues.bybit.words import QUOTE

log = logging.getLogger(__name__)

TAKER_FEE = Decimal("0.00055")
MAKER_FEE = Decimal("0.0002")
UNLIMITED = Decimal(10) ** 18
TRADING = "Trading"


@dataclass(frozen=True, slots=True)
class Extras:
    """What instruments-info does not say: rows of risk-limit and of fee-rate; empty = not known."""

    risk_limits: Iterable[Row] = field(default=())
    fees: Iterable[Row] = field(default=())


def read_instruments(found: Iterable[Row], extras: Extras | None = None) -> dict[str, Instrument]:
    """Instruments by symbol in name order; contracts that cannot be read are logged and left out."""
    known = extras or Extras()
    brackets, fees = _brackets(known.risk_limits), {row.text("symbol"): row for row in known.fees}
    instruments: dict[str, Instrument] = {}
    for row in found:
        if not _ours(row):
            continue
        try:
            made = read_instrument(row, brackets.get(row.text("symbol"), ()))
            instruments[made.symbol] = _with_fees(made, fees.get(made.symbol))
        except ConfigError as error:
            log.warning("%s: left out", error)
    return {symbol: instruments[symbol] for symbol in sorted(instruments)}


def _ours(row: Row) -> bool:
    kind, coins = row.fields.get("contractType", "LinearPerpetual"), (row.text("quoteCoin"), QUOTE)
    settles = row.fields.get("settleCoin", QUOTE)
    return kind == "LinearPerpetual" and coins == (QUOTE, QUOTE) and settles == QUOTE


def read_instrument(row: Row, brackets: tuple[Bracket, ...] = ()) -> Instrument:
    """One contract. Raises ConfigError that says what of it cannot be used."""
    symbol = row.text("symbol")
    if not symbol:
        raise ConfigError("instruments-info: a row without a symbol")
    lot, price = row.part("lotSizeFilter"), row.part("priceFilter")
    step = _figure(lot, symbol, "qtyStep")
    most = _figure(lot, symbol, "maxOrderQty", UNLIMITED)
    up, down = _price_limits(row.part("riskParameters"))
    return Instrument(
        symbol=symbol,
        base=row.text("baseCoin") or symbol.removesuffix(QUOTE),
        quote=QUOTE,
        price_tick=_figure(price, symbol, "tickSize"),
        quantity_step=step,
        min_quantity=max(step, _figure(lot, symbol, "minOrderQty")),
        max_quantity=most,
        max_market_quantity=min(most, _figure(lot, symbol, "maxMktOrderQty", most)),
        min_notional=lot.amount("minNotionalValue"),
        brackets=brackets or (_default_bracket(row),),
        taker_fee=TAKER_FEE,
        maker_fee=MAKER_FEE,
        funding_interval_hours=_funding_hours(row, symbol),
        percent_price_up=up,
        percent_price_down=down,
        tradable=row.fields.get("status", TRADING) == TRADING,
    )


def _figure(row: Row, symbol: str, key: str, absent: Decimal | None = None) -> Decimal:
    """A figure above zero; `absent` where it may be missing."""
    value = row.fields.get(key)
    if value in (None, "") and absent is not None:
        return absent
    found = row.number(key)
    if found is None or found <= ZERO:
        raise ConfigError(f"instruments-info: {symbol}: {key} is {str(value)[:40]!r}; allowed: above zero")
    return found


def _price_limits(risk: Row) -> tuple[Decimal, Decimal]:
    """How far from the mark a limit may be, as factors; zero where Bybit does not say: then only it checks."""
    ratio = risk.price("priceLimitRatioY")
    return (1 + ratio, max(ZERO, 1 - ratio)) if ratio is not None else (ZERO, ZERO)


def _funding_hours(row: Row, symbol: str) -> int:
    """Bybit says minutes; some answers said hours."""
    said = row.whole("fundingInterval", 480)
    hours = said if 0 < said <= 24 else said // 60
    if hours < 1 or 24 % hours:
        raise ConfigError(
            f"instruments-info: {symbol}: fundingInterval is {said}; allowed: divisors of a day, in minutes"
        )
    return hours


def _default_bracket(row: Row) -> Bracket:
    """Without risk limits: one bracket of the highest leverage, half its margin kept."""
    leverage = max(1, int(row.part("leverageFilter").price("maxLeverage") or 1))
    return Bracket(UNLIMITED, leverage, 1 / Decimal(2 * leverage), ZERO)


def _with_fees(instrument: Instrument, row: Row | None) -> Instrument:
    if row is None:
        return instrument
    taker, maker = row.number("takerFeeRate"), row.number("makerFeeRate")
    if taker is None or maker is None or not (abs(taker) < 1 and abs(maker) < 1):
        raise ConfigError(f"fee-rate: {instrument.symbol}: takerFeeRate or makerFeeRate is no fraction")
    return replace(instrument, taker_fee=taker, maker_fee=maker)


def _brackets(found: Iterable[Row]) -> Mapping[str, tuple[Bracket, ...]]:
    """Brackets by symbol, lowest first; those of a symbol with a row that cannot be read are left out."""
    by_symbol: dict[str, list[Bracket]] = {}
    unreadable: set[str] = set()
    for row in found:
        bracket = _bracket(row)
        if bracket is None:
            unreadable.add(row.text("symbol"))
            log.warning("risk-limit: %s: a row cannot be read; its brackets are left out", row.text("symbol"))
        else:
            by_symbol.setdefault(row.text("symbol"), []).append(bracket)
    return {
        symbol: tuple(sorted(brackets, key=lambda bracket: bracket.notional_cap))
        for symbol, brackets in by_symbol.items()
        if symbol not in unreadable
    }


def _bracket(row: Row) -> Bracket | None:
    cap, rate, leverage = (
        row.price("riskLimitValue"),
        row.number("maintenanceMargin"),
        row.price("maxLeverage"),
    )
    if cap is None or rate is None or leverage is None or not ZERO <= rate < 1 or leverage < 1:
        return None
    # without a deduction the whole position is margined at its bracket's rate, which is never too little
    return Bracket(cap, int(leverage), rate, row.amount("mmDeduction"))
