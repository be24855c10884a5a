"""Stages of the exchanges that there are: the core, the language, the key, all from one setting."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256

from bot.domain.instrument import Instrument
from bot.domain.market import DAY_MS, HOUR_MS
from bot.venues.feed import CandleFeed
from sandbox.exchange.binance import BINANCE_RULES, BinanceProtocol
from sandbox.exchange.binance import Settings as BinanceSettings
from sandbox.exchange.build import ExchangeOptions, build_exchange
from sandbox.exchange.bybit import BYBIT_RULES, BybitProtocol
from sandbox.exchange.bybit import Settings as BybitSettings
from sandbox.exchange.core import Exchange
from sandbox.exchange.nouns import ApiKey, ExchangeRules, PositionMode
from sandbox.exchange.serving.fault_file import FaultPlan
from sandbox.exchange.serving.stage import Stage
from sandbox.exchange.wire import Protocol

ACCOUNT = "main"
IDLE_MS = 600_000

type Speaking = Callable[[Exchange], Protocol]

AUTH_MS = 10_000
"""For how long clients sign their private sockets."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a stage is built from. `wall_ms` is the clients' clock where it is not the exchange's.

    `limits`: request limits are enforced. `steps`: price moves in a candle (4, 7, 10, ...).
    """

    feed: CandleFeed
    instruments: Mapping[str, Instrument]
    start_at_ms: int
    seed: int = 0
    speed: float = 1.0
    wall_ms: Callable[[], int] | None = None
    limits: bool = True
    steps: int = 4
    position_mode: PositionMode = PositionMode.ONE_WAY

    def of_clients(self, ms: int) -> int:
        """A span that clients measure by their own clock, as the exchange's clock runs."""
        return int(ms * max(1.0, self.speed))


def key_of(venue: str, seed: int) -> ApiKey:
    """The API key of the one account, the same for the same seed."""
    key, secret = (
        sha256(f"sandbox {venue} {seed} {part}".encode()).hexdigest() for part in ("key", "secret")
    )
    return ApiKey(key, secret)


def open_stage(venue: str, setting: Setting, plan: FaultPlan | None = None) -> Stage:
    """A stage of one of VENUES; ValueError for a market without candles at its start."""
    plan = plan or FaultPlan()
    rules, speak = VENUES[venue]
    options = ExchangeOptions(
        candles=setting.feed,
        instruments=setting.instruments,
        start_at_ms=setting.start_at_ms,
        steps=setting.steps,
        position_mode=setting.position_mode,
    )
    exchange = build_exchange(rules, options, [(ACCOUNT, key_of(venue, setting.seed))])
    return Stage(
        exchange,
        speak(setting),
        plan.rules,
        seed=plan.seed,
        wall_ms=setting.wall_ms,
        speed=setting.speed,
        postings=lambda: exchange.world.ledger.postings,
    )


def _binance(setting: Setting) -> Speaking:
    settings = BinanceSettings(
        limits=setting.limits,
        key_life_ms=setting.of_clients(HOUR_MS),
        connection_life_ms=setting.of_clients(DAY_MS),
    )
    return partial(BinanceProtocol, settings=settings)


def _bybit(setting: Setting) -> Speaking:
    settings = BybitSettings(
        limits=setting.limits,
        idle_ms=setting.of_clients(IDLE_MS),
        late_auth_ms=setting.of_clients(AUTH_MS) - AUTH_MS,
    )
    return partial(BybitProtocol, settings=settings)


VENUES: Mapping[str, tuple[ExchangeRules, Callable[[Setting], Speaking]]] = {
    "binance": (BINANCE_RULES, _binance),
    "bybit": (BYBIT_RULES, _bybit),
}
