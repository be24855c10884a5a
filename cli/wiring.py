"""Where the house is joined: real parts by default; the only place that names concrete classes and modes."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.config.ml import OnError
from bot.config.trading import shares
from bot.domain.errors import ConfigError
from bot.domain.instrument import Instrument
from bot.domain.market import timeframe_ms
from bot.domain.model import ModelUse
from bot.domain.settings import EngineSettings, SymbolSettings
from bot.engine.engine import Engine
from bot.market.signals import WindowSignals
from bot.ml.grouping import Groupings
from bot.runtime.desk import About
from bot.runtime.health import Health
from bot.runtime.loop import Loop
from bot.runtime.redaction import Redactor
from bot.runtime.timers import Timers
from bot.runtime.trading_desk import Books, Surroundings, TradingDesk
from bot.strategy import Strategy, Value
from bot.venues.ccxt_venue.venue import CcxtVenue
from bot.venues.port import Venue
from cli.about import commit, version
from cli.couriers import on_call, wishes
from cli.front import OPERATOR as OPERATOR
from cli.front import Ground, build_front
from cli.grouping import join_clusters
from cli.homes import AUDIT_ANCHOR
from cli.house import Blueprint as Blueprint
from cli.house import House as House
from cli.house import MakeVenue as MakeVenue
from cli.lease import Lease
from cli.models import folder_of, join_models
from cli.phantoms import follow_signals
from cli.training import joining as training
from cli.venues import wire_words
from cli.weekly import WeeklyLab
from cli.workshop.asking import Place
from cli.workshop.sources import source_of
from handlers import model_versions, parameter_sets
from handlers.desks import Seat
from handlers.format import Clock
from handlers.grouper import Groups
from handlers.lab import Research
from handlers.learning import Models, Phantoms, Proposals
from handlers.proposal_book import Book
from handlers.registry import load_registry
from handlers.trainer import Training
from storage.database import Database, open_database
from storage.ledger import SqlLedger
from strategies.registry import Registry as Strategies

STOP_DEADLINE_MS = 5_000
NOT_STARTED = "It is being started."
UNKNOWN_DEADLINE_MS = 120_000
SCORE_DEADLINE_MS = 1_500


@asynccontextmanager
async def open_house(plan: Blueprint) -> AsyncIterator[House]:
    """A started house, alone on its account, ended in order."""
    with Lease(plan.home, plan.account):
        house = await build(plan)
        try:
            await house.start()
            yield house
        finally:
            await house.close()


async def build(plan: Blueprint) -> House:
    """Join the parts of one account; nothing has started yet."""
    database = await open_database(plan.loaded.database_url, synchronous=plan.synchronous)
    try:
        venue = await plan.make_venue(plan, database)
        return build_house(plan, database, venue)
    except BaseException:
        await database.close()
        raise


def build_house(plan: Blueprint, database: Database, venue: Venue) -> House:
    """Join everything around a database and a venue."""
    strategies = Strategies(strategy_paths(plan))
    engine = build_engine(plan, strategies, venue.instruments)
    ledger, redact = database.ledger(plan.account), Redactor(plan.loaded.hidden)
    loop = Loop(engine, ledger, lambda: venue.now_ms, plan.commit_batch, redact)
    timers = Timers(loop.put)
    performer = plan.performer(venue, timers, loop.put, lambda: venue.now_ms)
    wall_ms = plan.wall_ms or (lambda: venue.now_ms)
    health = Health(engine, loop, database.health, plan.home, version(), wall_ms)
    if isinstance(venue, CcxtVenue):
        health.wire = partial(wire_words, venue)
    desk = build_desk(plan, venue.name, engine, loop, database, strategies, health)
    commands = load_registry()
    seats = {plan.loaded.settings.name: Seat(desk, plan.context, lambda: loop.number)}
    seats |= {name: Seat(desk, down=NOT_STARTED) for name in plan.guests}
    front = build_front(Ground(plan, database, commands, wall_ms, seats))
    book = build_book(plan, database, desk, engine)
    lab = build_lab(plan, desk, database.ledger(plan.account), engine.state.settings, venue)
    lab.book = book
    house = House(plan, database, venue, engine, loop, performer, timers, desk, commands, front, health)
    models = folder_of(plan.home, plan.loaded.settings.ml.folder)
    groupings = Groupings(models, engine.state.settings.bar_ms)
    shelf = lab.shelf = join_models(house, models, groupings)
    trained = training.join_training(house, lab, book)
    shelf.queued = trained.service.queued
    groups = Groups(join_clusters(house, lab, models, groupings))
    phantoms = Phantoms(follow_signals(house, database.phantoms(plan.account), trained.trials.is_tried))
    lent = Research(lab), Proposals(book), Models(shelf), phantoms, Training(trained.service), groups
    front.lend(plan.loaded.settings.name, *lent)
    on_call(house)
    return house


def place_of(plan: Blueprint) -> Place:
    """Where long work finds history and keeps results, and whose prices it may stand on."""
    paths = tuple(str(path) for path in strategy_paths(plan))
    return Place(str(plan.home), plan.timeframe, source_of(plan.mode, plan.loaded.settings.venue), paths)


def build_lab(
    plan: Blueprint, desk: TradingDesk, ledger: SqlLedger, settings: EngineSettings, venue: Venue
) -> WeeklyLab:
    """Where the account's long work runs; the weekly report brings its history up to date from the venue."""
    lab = WeeklyLab(desk, ledger, settings, place_of(plan), history=venue.history)
    lab.history_days = plan.loaded.settings.research.history_days
    lab.trend_weeks = plan.loaded.settings.research.trend_weeks
    return lab


def build_book(plan: Blueprint, database: Database, desk: TradingDesk, engine: Engine) -> Book:
    """The proposals of the account, and who applies what."""
    zone = ZoneInfo(plan.loaded.settings.timezone)
    return Book(
        store=database.proposals(plan.account),
        kinds={
            parameter_sets.KIND: parameter_sets.ParameterSets(desk),
            model_versions.KIND: training.model_versions(plan, desk, engine),
        },
        clock=lambda: Clock(zone, desk.now_ms()),
        keep_days=plan.loaded.settings.research.proposal_days,
    )


def strategy_paths(plan: Blueprint) -> tuple[Path, ...]:
    """Folders with strategies beside our own."""
    return tuple(Path(path) for path in plan.loaded.settings.strategy_paths)


def engine_settings(
    plan: Blueprint, strategies: Strategies, instruments: Mapping[str, Instrument]
) -> EngineSettings:
    """The engine's share of the configuration."""
    settings = plan.loaded.settings
    chosen = settings.traded(plan.symbols)
    share = shares(chosen)
    bar_ms = timeframe_ms(plan.timeframe)
    return EngineSettings(
        account=plan.account,
        instruments=instruments,
        symbols=tuple(
            SymbolSettings(
                symbol=s.symbol,
                strategy=s.strategy,
                leverage=min(s.leverage, instruments[s.symbol].max_leverage),
                share=share[s.symbol],
                parameters=tuple(
                    (e.parameter.name, e.value) for e in strategies.effective(s.strategy, s.symbol)
                ),
                model=ModelUse(settings.ml.mode),
            )
            for s in chosen
        ),
        bar_ms=bar_ms,
        timeframe=plan.timeframe,
        sizing=settings.sizing.domain(),
        limits=settings.limits.domain(),
        quote=settings.venue.quote,
        slippage_rate=settings.venue.slippage,
        max_signal_age_ms=settings.signals.max_signal_age_ms(bar_ms),
        max_price_age_ms=0 if plan.read_lag_ms else bar_ms,
        stop_deadline_ms=int(STOP_DEADLINE_MS * plan.haste),
        score_deadline_ms=int(SCORE_DEADLINE_MS * plan.haste),
        unscored_pass=settings.ml.on_error is OnError.PASS,
        unknown_deadline_ms=int(UNKNOWN_DEADLINE_MS * plan.haste),
        read_lag_ms=int(plan.read_lag_ms * plan.haste),
    )


def build_engine(plan: Blueprint, strategies: Strategies, instruments: Mapping[str, Instrument]) -> Engine:
    """The engine with every symbol's strategy."""
    settings = engine_settings(plan, strategies, instruments)
    names = {s.symbol: s.strategy for s in settings.symbols}

    def build_strategy(symbol: str, overrides: dict[str, Value]) -> Strategy:
        return strategies.build(names[symbol], symbol, overrides)

    built = {symbol: build_strategy(symbol, {}) for symbol in names}
    bars = plan.loaded.settings.buffers.bars
    for symbol, strategy in built.items():
        if strategy.warmup_bars > bars:
            raise ConfigError(
                f"buffers.bars: {bars} are not enough for {strategy.name} on {symbol}, which would never trade; "
                f"at least {strategy.warmup_bars}"
            )
    signals = WindowSignals(built, bars)
    return Engine(settings, signals, build_strategy)


def build_desk(
    plan: Blueprint,
    venue: str,
    engine: Engine,
    loop: Loop,
    database: Database,
    strategies: Strategies,
    health: Health,
) -> TradingDesk:
    """The desk; its jobs are those of the house, which may have none."""
    settings = plan.loaded.settings
    about = About(
        version=version(),
        commit=commit(),
        mode=plan.mode,
        venue=plan.place or venue,
        account=plan.account,
        quote=settings.venue.quote,
        timeframe=plan.timeframe,
        timezone=settings.timezone,
        started_at_ms=plan.started_at_ms,
    )
    books = Books(
        ledger=database.ledger(plan.account),
        audit=database.audit(anchor=plan.home / AUDIT_ANCHOR),
        preferences=wishes(plan, database),
        parameters=strategies,
    )
    around = Surroundings(
        jobs=health.job_views,
        health=health.view,
        config=plan.loaded.items,
        now_ms=lambda: engine.state.at_ms,
        may_drill=plan.mode != "live",
    )
    return TradingDesk(about, engine, loop, books, around)
