"""Instruments from Binance-shaped files: exchangeInfo, leverageBracket, commission rates, funding intervals.

Taken are perpetuals settled in USDT. One that does not trade now (status other than TRADING) is kept and marked not
tradable, so that what is still held in it can be shown and closed; one without a usable tick or step is left out.
Whatever else does not fit is one line that says where it is: a rule misread is an order refused, or worse.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import cast

from bot.domain.errors import ConfigError
from bot.domain.instrument import ZERO, Bracket, Instrument

QUOTE = "USDT"
MOST_DIGITS = 30
_UNLIMITED = Decimal(10) ** 18

type Json = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Extras:
    """What exchangeInfo does not say, each as the venue answers it; empty = not known.

    `brackets` as GET leverageBracket, `fees` as rows of GET commissionRate, `funding` as GET fundingInfo.
    """

    brackets: object = field(default=())
    fees: object = field(default=())
    funding: object = field(default=())


def free_instrument(symbol: str, max_leverage: int = 125) -> Instrument:
    """An instrument without any rounding or limit, for backtests without an instruments file."""
    base = symbol.removesuffix(QUOTE)
    return Instrument(
        symbol=symbol,
        base=base,
        quote=QUOTE,
        price_tick=ZERO,
        quantity_step=ZERO,
        min_quantity=ZERO,
        max_quantity=_UNLIMITED,
        max_market_quantity=_UNLIMITED,
        min_notional=ZERO,
        brackets=(Bracket(_UNLIMITED, max_leverage, ZERO, ZERO),),
        percent_price_up=ZERO,
        percent_price_down=ZERO,
    )


def load_instruments(exchange_info: Path, brackets: Path | None = None) -> Mapping[str, Instrument]:
    """Instruments of an exchangeInfo file, with leverage brackets from a second one. Raises ConfigError."""
    extras = Extras() if brackets is None else Extras(brackets=_read(brackets))
    return read_instruments(_read(exchange_info), extras, source=exchange_info.name)


def read_instruments(
    exchange_info: object,
    extras: Extras | None = None,
    source: str = "exchangeInfo",
    unreadable: Callable[[str], None] | None = None,
) -> dict[str, Instrument]:
    """Instruments of an exchangeInfo answer, by symbol in name order. Raises ConfigError.

    With `unreadable` a contract that cannot be read is left out and said, instead of refusing all others with it.
    """
    known = extras or Extras()
    more = _More(
        brackets={name: _brackets(name, row) for name, row in _by_symbol(known.brackets, "leverageBracket")},
        fees=dict(_by_symbol(known.fees, "commissionRate")),
        funding=dict(_by_symbol(known.funding, "fundingInfo")),
    )
    if not isinstance(exchange_info, dict) or not isinstance(exchange_info.get("symbols"), list):
        raise ConfigError(f"{source}: no list under `symbols`; this is no exchangeInfo")
    rows = [row for name, row in _by_symbol(exchange_info["symbols"], source) if _usable(row)]
    found = [one for row in rows if (one := _read_one(_Row(row, source), more, unreadable)) is not None]
    return {one.symbol: one for one in sorted(found, key=lambda one: one.symbol) if _has_grid(one)}


@dataclass(frozen=True, slots=True)
class _More:
    """The extras by symbol."""

    brackets: Mapping[str, tuple[Bracket, ...]]
    fees: Mapping[str, Json]
    funding: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class _Row:
    """One symbol's row (or one filter of it) that knows where it stands, for error lines."""

    fields: Json
    where: str

    def figure(self, key: str) -> Decimal:
        """A figure that is zero or more."""
        value = self.fields.get(key)
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            raise ConfigError(f"{self.where}: {key} is {value!r}, not a number") from None
        if not number.is_finite() or number < ZERO:
            raise ConfigError(f"{self.where}: {key} is {value!r}; allowed: zero or more")
        if number and (len(number.as_tuple().digits) > MOST_DIGITS or abs(number.adjusted()) > MOST_DIGITS):
            raise ConfigError(f"{self.where}: {key} has more digits than a price or quantity can have")
        return number

    def filter(self, kind: str) -> "_Row":
        """The filter of that type."""
        filters = self.fields.get("filters")
        for one in filters if isinstance(filters, list) else ():
            if isinstance(one, dict) and one.get("filterType") == kind:
                return _Row(one, f"{self.where} {kind}")
        raise ConfigError(f"{self.where}: filter {kind} is missing")


def _read(path: Path) -> object:
    try:
        return cast(object, json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ConfigError(f"{path}: is no JSON: {error}") from None


def _by_symbol(rows: object, source: str) -> Iterable[tuple[str, Json]]:
    if not isinstance(rows, (list, tuple)):
        raise ConfigError(f"{source}: expected a list of symbols")
    for number, row in enumerate(rows):
        name = row.get("symbol") if isinstance(row, dict) else None
        if not isinstance(name, str) or not name:
            raise ConfigError(f"{source}: entry {number} has no symbol")
        yield name, row


def _usable(row: Json) -> bool:
    ours = (row.get("contractType"), row.get("quoteAsset"), row.get("marginAsset", QUOTE))
    return ours == ("PERPETUAL", QUOTE, QUOTE)


def _has_grid(instrument: Instrument) -> bool:
    return instrument.price_tick > ZERO and instrument.quantity_step > ZERO


def _read_one(row: _Row, more: _More, unreadable: Callable[[str], None] | None) -> Instrument | None:
    try:
        return _instrument(row, more)
    except ConfigError as error:
        if unreadable is None:
            raise
        unreadable(str(error))
        return None


def _instrument(source: _Row, more: _More) -> Instrument:
    symbol = str(source.fields["symbol"])
    row = _Row(source.fields, f"{source.where}: {symbol}")
    lot, market, percent = row.filter("LOT_SIZE"), row.filter("MARKET_LOT_SIZE"), row.filter("PERCENT_PRICE")
    instrument = Instrument(
        symbol=symbol,
        base=str(row.fields.get("baseAsset", symbol.removesuffix(QUOTE))),
        quote=QUOTE,
        price_tick=row.filter("PRICE_FILTER").figure("tickSize"),
        quantity_step=lot.figure("stepSize"),
        min_quantity=max(lot.figure("minQty"), lot.figure("stepSize")),
        max_quantity=lot.figure("maxQty"),
        max_market_quantity=min(lot.figure("maxQty"), market.figure("maxQty")),
        min_notional=row.filter("MIN_NOTIONAL").figure("notional"),
        brackets=more.brackets.get(symbol) or _default_brackets(row),
        funding_interval_hours=_funding_hours(symbol, more),
        percent_price_up=percent.figure("multiplierUp"),
        percent_price_down=percent.figure("multiplierDown"),
        tradable=row.fields.get("status") == "TRADING",
    )
    return _with_fees(instrument, more)


def _with_fees(instrument: Instrument, more: _More) -> Instrument:
    if instrument.symbol not in more.fees:
        return instrument
    fees = _Row(more.fees[instrument.symbol], f"commissionRate: {instrument.symbol}")
    taker, maker = fees.figure("takerCommissionRate"), fees.figure("makerCommissionRate")
    return replace(instrument, taker_fee=taker, maker_fee=maker)


def _funding_hours(symbol: str, more: _More) -> int:
    if symbol not in more.funding:
        return 8
    hours = int(_Row(more.funding[symbol], f"fundingInfo: {symbol}").figure("fundingIntervalHours"))
    if hours < 1 or 24 % hours:
        raise ConfigError(f"fundingInfo: {symbol}: fundingIntervalHours is {hours}; allowed: divisors of 24")
    return hours


def _brackets(symbol: str, row: Json) -> tuple[Bracket, ...]:
    rungs = row.get("brackets")
    if not isinstance(rungs, list) or not rungs or not all(isinstance(rung, dict) for rung in rungs):
        raise ConfigError(f"leverageBracket: {symbol}: no brackets")
    brackets = tuple(_bracket(_Row(rung, f"leverageBracket: {symbol}")) for rung in rungs)
    caps = [bracket.notional_cap for bracket in brackets]
    if caps != sorted(set(caps)):
        raise ConfigError(f"leverageBracket: {symbol}: notionalCap does not rise from bracket to bracket")
    return brackets


def _bracket(rung: _Row) -> Bracket:
    bracket = Bracket(
        notional_cap=rung.figure("notionalCap"),
        max_leverage=int(rung.figure("initialLeverage")),
        maintenance_rate=rung.figure("maintMarginRatio"),
        maintenance_amount=rung.figure("cum"),
    )
    if bracket.max_leverage < 1 or not ZERO <= bracket.maintenance_rate < 1:
        raise ConfigError(f"{rung.where}: leverage must be 1 or more and maintMarginRatio below 1")
    return bracket


def _default_brackets(row: _Row) -> tuple[Bracket, ...]:
    """One bracket from the margin percentages that exchangeInfo states for the lowest public leverage."""
    required = row.figure("requiredMarginPercent") / 100 or Decimal(1)
    leverage = max(1, int(1 / required))
    return (Bracket(_UNLIMITED, leverage, row.figure("maintMarginPercent") / 100, ZERO),)
