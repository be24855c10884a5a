"""A sandbox exchange ready to trade on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bot.domain.instrument import Instrument
from bot.domain.market import DAY_MS
from bot.venues.feed import CandleFeed
from bot.venues.instruments import Extras, free_instrument, read_instruments
from sandbox.exchange.market import SandboxMarket
from sandbox.exchange.nouns import ApiKey, ExchangeRules, PositionMode
from sandbox.exchange.simulated import SimulatedExchange
from sandbox.market import GeneratedMarket, exchange_info, funding_info, leverage_brackets

START_AT_MS = 1_777_888_800_000
"""Monday 2026-05-04 10:00 UTC."""
HISTORY_DAYS = 128
"""How far the generated past reaches back: 12,288 bars of 15m, 128 of 1d."""


@dataclass(frozen=True, slots=True)
class ExchangeOptions:
    """What market the exchange has.

    `symbols`: how many of the generated catalogue, or which. `candles`: another feed instead (candle files; its own
    timeframe is then the base interval), with `instruments` for its rules. `steps`: prices in a candle (4, 7, 10, ...).
    `wall`: see SimulatedExchange.
    """

    symbols: int | Sequence[str] = 8
    seed: int = 7
    candles: CandleFeed | None = None
    instruments: Mapping[str, Instrument] | None = None
    start_at_ms: int = START_AT_MS
    steps: int = 4
    position_mode: PositionMode = PositionMode.ONE_WAY
    wall: Callable[[], int] | None = None


def build_exchange(
    rules: ExchangeRules, options: ExchangeOptions, keys: Sequence[tuple[str, ApiKey]]
) -> SimulatedExchange:
    """An exchange at `options.start_at_ms` with one account for each (name, key). ValueError for a bad market."""
    feed = options.candles or _generated(options)
    market = SandboxMarket(feed, _instruments(options, feed), options.start_at_ms, options.steps)
    exchange = SimulatedExchange(rules, market, options.start_at_ms, options.wall)
    for name, key in keys:
        exchange.open_account(name, key, options.position_mode)
    return exchange


def _generated(options: ExchangeOptions) -> GeneratedMarket:
    begins = options.start_at_ms // DAY_MS * DAY_MS - HISTORY_DAYS * DAY_MS
    if begins < 0:
        raise ValueError(
            f"start_at_ms {options.start_at_ms}; allowed: {HISTORY_DAYS} days after 1970 or later"
        )
    return GeneratedMarket(options.seed, options.symbols, "1m", begins)


def _instruments(options: ExchangeOptions, feed: CandleFeed) -> Mapping[str, Instrument]:
    if options.instruments is not None:
        return options.instruments
    if options.candles is not None:
        return {symbol: free_instrument(symbol) for symbol in feed.symbols}
    symbols = options.symbols
    extras = Extras(brackets=leverage_brackets(symbols), funding=funding_info(symbols))
    return read_instruments(exchange_info(symbols), extras)
