"""What `quarterdeck run` stands on: a generated market, or an exchange; chosen by the configuration."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from bot.config import LoadedConfig
from bot.config.settings import Mode, Settings
from bot.domain.errors import ConfigError
from bot.domain.market import timeframe_ms
from bot.runtime.clock import MarketClock, WallClock
from bot.runtime.perform import LanedPerformer
from bot.venues.ccxt_venue.wire import Access, Environment
from cli.house import Blueprint, House, MakeVenue
from cli.live import LateClock, Running
from cli.live_paper import PaperLive, follow
from cli.markets import configured_market
from cli.venues import READ_LAG_MS, ExchangeAt, PaperOn
from cli.watching import begin_watching

TIMEFRAME = "15m"
GENERATED = "paper"
ENVIRONMENTS: Mapping[Mode, Environment] = {Mode.TESTNET: Environment.TESTNET, Mode.LIVE: Environment.LIVE}


@dataclass(frozen=True, slots=True)
class Stage:
    """A blueprint, the clock of the running house, and what moves its market (nothing: it moves by itself)."""

    plan: Blueprint
    clock: Callable[[House], MarketClock | WallClock]
    begin: Callable[[Running], None]


def choose_stage(home: Path, loaded: LoadedConfig, wall: WallClock) -> Stage:
    """The stage that the configuration asks for. Raises ConfigError."""
    settings = loaded.settings
    if settings.mode in ENVIRONMENTS:
        return _exchange(home, loaded, wall)
    if settings.mode is Mode.PAPER and settings.venue.name != GENERATED:
        return _paper(home, loaded, wall)
    return _generated(home, loaded, wall)


def account_of(settings: Settings) -> str:
    """The account's name in the books."""
    return f"{settings.venue.name}:{settings.mode}:{settings.name}"


def _generated(home: Path, loaded: LoadedConfig, wall: WallClock) -> Stage:
    settings = loaded.settings
    market = configured_market(settings)
    seconds = timeframe_ms(market.feed.timeframe) / 1000
    if settings.mode is Mode.DEMO:
        seconds = float(settings.demo.seconds_per_bar)
    late = LateClock(seconds, market.feed.timeframe)
    plan = Blueprint(
        home=home,
        loaded=loaded,
        mode=settings.mode,
        account=account_of(settings),
        timeframe=market.feed.timeframe,
        symbols=market.feed.symbols,
        make_venue=PaperOn(market.feed, market.instruments, market.starts_at_ms),
        start_at_ms=market.starts_at_ms,
        wall_ms=wall.now_ms,
        synchronous=settings.storage.synchronous,
        context=(late.control(),),
        started_at_ms=wall.now_ms(),
    )
    return Stage(plan, lambda house: late.begin(house.now_ms()), _paced)


def _paced(running: Running) -> None:
    running.begin("market", running.pace())


def _wired(home: Path, loaded: LoadedConfig, wall: WallClock, make_venue: MakeVenue) -> Blueprint:
    """A house at an exchange, with the configured symbols, by the wall's time."""
    settings = loaded.settings
    name = settings.venue.name
    return Blueprint(
        home=home,
        loaded=loaded,
        mode=settings.mode,
        account=account_of(settings),
        timeframe=TIMEFRAME,
        symbols=tuple(symbol.symbol for symbol in settings.symbols),
        make_venue=make_venue,
        wall_ms=wall.now_ms,
        synchronous=settings.storage.synchronous,
        started_at_ms=wall.now_ms(),
        place=f"{name} sandbox" if settings.venue.sandbox else name,
    )


def _exchange(home: Path, loaded: LoadedConfig, wall: WallClock) -> Stage:
    chance = Random(wall.now_ms())
    venue = ExchangeAt(loaded.settings.venue.name, access_of(loaded), wall.now_ms, chance)
    plan = _wired(home, loaded, wall, venue)
    plan = replace(plan, performer=LanedPerformer, read_lag_ms=READ_LAG_MS)
    return Stage(plan, lambda house: wall, begin_watching)


def _paper(home: Path, loaded: LoadedConfig, wall: WallClock) -> Stage:
    settings = loaded.settings
    chance = Random(wall.now_ms())
    venue = PaperLive(settings.venue.name, _market_access(settings), wall.now_ms, chance)
    plan = _wired(home, loaded, wall, venue)
    plan = replace(plan, place=f"paper on {plan.place}")
    return Stage(plan, lambda house: wall, lambda running: running.begin("market", follow(running)))


def _market_access(settings: Settings) -> Access:
    """The exchange's public side: no key goes there."""
    address = settings.venue.sandbox
    if address:
        return Access(Environment.SANDBOX, rest=address, stream=address.replace("http", "ws", 1))
    return Access(Environment.LIVE)


def access_of(loaded: LoadedConfig) -> Access:
    """How the exchange's account is reached, with the keys from the environment. Raises ConfigError without them."""
    settings = loaded.settings
    name = settings.venue.name
    key = getattr(loaded.secrets, f"{name}_api_key")
    secret = getattr(loaded.secrets, f"{name}_api_secret")
    missing = [part for part, given in (("KEY", key), ("SECRET", secret)) if not given]
    if missing:
        names = " and ".join(f"{name.upper()}_API_{part}" for part in missing)
        raise ConfigError(f"mode: {settings.mode} on {name} needs {names} in the environment or .env")
    if settings.venue.sandbox:
        rest = settings.venue.sandbox
        return Access(Environment.SANDBOX, key, secret, rest, rest.replace("http", "ws", 1))
    return Access(ENVIRONMENTS[settings.mode], key, secret)
