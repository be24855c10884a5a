"""The market a demo runs on: generated from a seed, or real candles from files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

from bot.config.settings import Settings
from bot.domain.errors import ConfigError
from bot.domain.instrument import Instrument
from bot.domain.market import timeframe_ms
from bot.strategy import Array, Frame
from bot.venues.feed import CandleFeed
from bot.venues.instruments import Extras, free_instrument, load_instruments, read_instruments
from research.history import HistoryFeed, read_candles
from sandbox.market import GeneratedMarket, exchange_info, funding_info, leverage_brackets

ENDLESS = 1_000_000_000
SAMPLE = 2_000


@dataclass(frozen=True, slots=True)
class Market:
    """A market to trade on. `name` goes into the account's name, `starts_at_ms` is the first bar to be lived.

    `ends_at_ms` is 0 when it has no end; `notes` is what its files were found to be like.
    """

    name: str
    title: str
    feed: CandleFeed
    instruments: Mapping[str, Instrument]
    starts_at_ms: int
    ends_at_ms: int = 0
    notes: tuple[str, ...] = ()

    def bars_ahead(self, now_ms: int) -> int:
        """Bars from now to the end."""
        if not self.ends_at_ms:
            return ENDLESS
        return max(0, (self.ends_at_ms - now_ms) // timeframe_ms(self.feed.timeframe))


def instrument_of(frame: Frame) -> Instrument:
    """A contract as its candles show it: tick and step have the decimals of the prices and volumes in the file."""
    tick = Decimal(1).scaleb(-_decimals(frame.close))
    step = Decimal(1).scaleb(-_decimals(frame.volume))
    return replace(
        free_instrument(frame.symbol),
        price_tick=tick,
        quantity_step=step,
        min_quantity=step,
        min_notional=Decimal(5),
    )


def _decimals(column: Array) -> int:
    """The most decimals that the newest values are written with."""
    values = (Decimal(repr(float(value))).normalize() for value in column[-SAMPLE:])
    return max(0, *(-exponent for value in values if isinstance(exponent := value.as_tuple().exponent, int)))


def instruments_of(
    frames: Mapping[str, Frame], rules: Sequence[Path]
) -> tuple[Mapping[str, Instrument], tuple[str, ...]]:
    """Contracts by the venue's own rules where a file has them, else as their candles show them; and what was found."""
    if not rules:
        return {symbol: instrument_of(frame) for symbol, frame in frames.items()}, ()
    info, *more = rules
    if len(more) > 1:
        raise ConfigError("--rules: at most two files, exchangeInfo and leverageBracket")
    listed = load_instruments(info, more[0] if more else None)
    missing = [symbol for symbol in frames if symbol not in listed]
    notes = (f"{info.name}: nothing of {', '.join(missing)}: taken from the candles",) if missing else ()
    return {symbol: listed.get(symbol) or instrument_of(frame) for symbol, frame in frames.items()}, notes


def candle_market(
    paths: Sequence[Path], timeframe: str | None, history: int, rules: Sequence[Path] = ()
) -> Market:
    """Real candles: the first `history` bars are the past, the rest is lived."""
    candles = read_candles(paths, timeframe)
    feed = HistoryFeed(candles)
    step_ms = timeframe_ms(feed.timeframe)
    bars = (feed.last_open_at_ms - feed.first_open_at_ms) // step_ms + 1
    text = "|".join(
        f"{symbol}:{frame.open_at_ms[0]}:{len(frame)}" for symbol, frame in candles.frames.items()
    )
    instruments, notes = instruments_of(candles.frames, rules)
    return Market(
        name=f"candles-{sha256(text.encode()).hexdigest()[:8]}",
        title=f"real candles of {len(feed.symbols)} symbols, {feed.timeframe}",
        feed=feed,
        instruments=instruments,
        starts_at_ms=feed.first_open_at_ms + min(history, bars // 2) * step_ms,
        ends_at_ms=feed.last_open_at_ms + step_ms,
        notes=(*candles.report.lines, *notes),
    )


def generated_market(seed: int, symbols: int | Sequence[str], history: int, timeframe: str = "15m") -> Market:
    """A market made from a seed: endless, the same for the same seed."""
    try:
        feed = GeneratedMarket(seed, symbols, timeframe)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    listed = feed.symbols
    more = Extras(brackets=leverage_brackets(listed), funding=funding_info(listed))
    return Market(
        name=f"seed-{seed}-{len(listed)}",
        title=f"a generated market of {len(listed)} symbols, seed {seed}",
        feed=feed,
        instruments=read_instruments(exchange_info(listed), more),
        starts_at_ms=feed.open_at_ms(history),
    )


def choose_market(
    candles: Sequence[Path], rules: Sequence[Path], *, seed: int, symbols: int, history: int
) -> Market:
    """Files when there are any, else the generated market."""
    if candles:
        return candle_market(candles, None, history, rules)
    if rules:
        raise ConfigError("--rules: is for --candles; the generated market has rules of its own")
    return generated_market(seed, symbols, history)


def configured_market(settings: Settings) -> Market:
    """The market of `quarterdeck run`: the configured symbols on the generated market."""
    names = [symbol.symbol for symbol in settings.symbols]
    return generated_market(settings.demo.seed, names, settings.demo.history_bars)
