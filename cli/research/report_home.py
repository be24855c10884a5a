"""A home read offline: its ledger, its engine's memory as a start would take it over, its candle store. Nothing runs.

Where the database cannot be read empty books stand in, and every figure that would come from it is unknown.
"""

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from tempfile import TemporaryDirectory

import numpy as np

from bot.config import LoadedConfig
from bot.domain.errors import ConfigError, StorageError
from bot.domain.event import Started
from bot.domain.instrument import Instrument
from bot.domain.market import DAY_MS, Candle
from bot.domain.snapshot import Recovered
from bot.runtime.clock import WallClock
from bot.runtime.health import Health
from bot.runtime.loop import Loop
from bot.strategy import Frame
from bot.venues.instruments import free_instrument
from bot.venues.port import Venue
from cli.about import version
from cli.house import Blueprint
from cli.stages import TIMEFRAME, account_of
from cli.weekly import WARMUP_BARS, WeeklyLab
from cli.wiring import build_desk, build_engine, place_of, strategy_paths
from cli.workshop.asking import merged
from cli.workshop.parcel import FIGURES
from research.weekly.facts import WeekFacts
from storage.database import Database, open_database
from storage.ledger import SqlLedger
from strategies.registry import Registry

OFFLINE = "History was not refreshed: this report is made offline (quarterdeck fetch brings candles)."
log = logging.getLogger(__name__)

OWN_CLOCKS = frozenset({"demo", "sandbox"})
"""Modes in which the market's time is not the wall's."""


@dataclass(slots=True)
class HomeLab(WeeklyLab):
    """A laboratory over a home; `unread`: its database could not be read. `lived` are the bars of the journal."""

    unread: bool = False
    lived: Mapping[str, Frame] = field(default_factory=dict)

    async def own_candles(self, symbol: str, days: int, warmup: int, unread: list[str]) -> Frame:
        """Candles that a desk loaded at its starts, and those it lived through."""
        loaded = await super(HomeLab, self).own_candles(symbol, days, warmup, unread)
        return merged(loaded, self.lived[symbol]) if symbol in self.lived else loaded

    async def _facts(self, back: int) -> WeekFacts:
        facts = await super(HomeLab, self)._facts(back)
        return replace(facts, trades=None, points=None, kills=None) if self.unread else facts


@dataclass(frozen=True, slots=True)
class Stand:
    """What a report of a home stands on; `is_new`: no desk has run in it yet."""

    lab: HomeLab
    is_new: bool


@dataclass(frozen=True, slots=True)
class Memory:
    """What an account's books remember; `start` None where there was none, or it was pruned."""

    account: str
    recovered: Recovered
    start: Started | None
    is_new: bool


@asynccontextmanager
async def open_home(loaded: LoadedConfig, account: str = "") -> AsyncIterator[Stand]:
    """The home's laboratory. `account`: whose books, empty: the ones there are. Raises ConfigError."""
    async with AsyncExitStack() as stack:
        try:
            database = await _opened(stack, loaded.database_url, loaded.settings.storage.synchronous)
            memory, unread = await _memory(database, account, account_of(loaded.settings)), False
        except StorageError as error:
            log.warning("the home's database cannot be read: %s", error)
            database = await _empty(stack)
            memory, unread = Memory(account or account_of(loaded.settings), Recovered(), None, False), True
        lab = build_home(loaded, database, memory)
        lab.unread = unread
        if not unread:
            lab.lived = await _lived(database.ledger(memory.account), lab)
        yield Stand(lab, memory.is_new)


async def _opened(stack: AsyncExitStack, url: str, synchronous: str) -> Database:
    database = await open_database(url, synchronous=synchronous)
    stack.push_async_callback(database.close)
    return database


async def _empty(stack: AsyncExitStack) -> Database:
    """Books without a line, gone at the end."""
    folder = stack.enter_context(TemporaryDirectory(prefix="quarterdeck-report-"))
    return await _opened(stack, f"sqlite+aiosqlite:///{folder}/empty.db", "NORMAL")


async def _memory(database: Database, asked: str, usual: str) -> Memory:
    """What the books of the account remember. Raises StorageError, and ConfigError where it is not clear whose."""
    there = await database.accounts()
    if asked and asked not in there:
        raise ConfigError(
            f"report: --account {asked}: no books of that; there are {', '.join(there) or 'none'}"
        )
    if not there:
        return Memory(usual, Recovered(), None, True)
    account = asked or (usual if usual in there else there[0])
    if not asked and account not in {usual} and len(there) > 1:
        raise ConfigError(f"report: --account is needed, one of {', '.join(there)}")
    ledger = database.ledger(account)
    return Memory(account, await ledger.recover(), await ledger.last_start(), False)


async def _lived(ledger: SqlLedger, lab: HomeLab) -> Mapping[str, Frame]:
    """The bars of the days that are tested, by symbol; none where the journal cannot be read."""
    settings = lab.settings
    since_ms = lab.desk.now_ms() - lab.history_days * DAY_MS - WARMUP_BARS * settings.bar_ms
    found: dict[str, list[Candle]] = {}
    try:
        async for bar in ledger.bars(since_ms):
            for candle in bar.candles if bar.timeframe == settings.timeframe else ():
                found.setdefault(candle.symbol, []).append(candle)
    except StorageError as error:
        log.warning("the bars of the journal cannot be read: %s", error)
    return {symbol: _frame(symbol, settings.bar_ms, candles) for symbol, candles in found.items()}


def _frame(symbol: str, bar_ms: int, candles: Sequence[Candle]) -> Frame:
    columns = ([getattr(one, name) for one in candles] for name in FIGURES)
    times = np.array([one.open_at_ms for one in candles], dtype=np.int64)
    return Frame(symbol, bar_ms, times, *(np.array(column, dtype=np.float64) for column in columns))


def build_home(loaded: LoadedConfig, database: Database, memory: Memory) -> HomeLab:
    """The laboratory over an engine that has heard of its start and hears of nothing more."""
    built = memory.start.settings if memory.start is not None else None
    symbols = tuple(one.symbol for one in (built.symbols if built else loaded.settings.symbols))
    contracts = _contracts(symbols, built.instruments if built else {})
    plan = _plan(loaded, memory.account, built.timeframe if built else TIMEFRAME, symbols)
    now_ms = _now_ms(plan, memory)
    strategies = Registry(strategy_paths(plan))
    engine = build_engine(plan, strategies, contracts)
    engine.handle(Started(now_ms, memory.recovered, engine.state.settings))  # what it would do is not done
    ledger = database.ledger(memory.account)
    loop = Loop(engine, ledger, lambda: now_ms)
    health = Health(engine, loop, database.health, plan.home, version(), lambda: now_ms)
    desk = build_desk(plan, plan.account, engine, loop, database, strategies, health)
    lab = HomeLab(desk, ledger, engine.state.settings, place_of(plan), no_source=OFFLINE)
    lab.history_days = loaded.settings.research.history_days
    lab.trend_weeks = loaded.settings.research.trend_weeks
    return lab


def _contracts(symbols: Sequence[str], known: Mapping[str, Instrument]) -> Mapping[str, Instrument]:
    """The contracts as the last start had them, else without any rounding: a backtest asks for their fee alone."""
    return {symbol: known.get(symbol) or free_instrument(symbol) for symbol in symbols}


def _plan(loaded: LoadedConfig, account: str, timeframe: str, symbols: Sequence[str]) -> Blueprint:
    mode = account.split(":")[1] if account.count(":") >= 2 else str(loaded.settings.mode)
    return Blueprint(
        home=loaded.home,
        loaded=loaded,
        mode="demo" if mode in OWN_CLOCKS else mode,
        account=account,
        timeframe=timeframe,
        symbols=symbols,
        make_venue=_no_venue,
    )


async def _no_venue(plan: Blueprint, database: Database) -> Venue:
    raise ConfigError(f"{plan.account}: is only read here")


def _now_ms(plan: Blueprint, memory: Memory) -> int:
    """The present: the market's last moment where its time is its own, else the wall's."""
    own = plan.mode == "demo" or plan.account.startswith("paper:") or bool(plan.loaded.settings.venue.sandbox)
    last_ms = memory.recovered.last_bar_at_ms
    return last_ms if own and last_ms else WallClock().now_ms()
