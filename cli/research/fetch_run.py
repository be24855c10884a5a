"""`quarterdeck fetch`: from the exchange into the store, and what came of it."""

import asyncio
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from random import Random

import orjson

from bot.config import LoadedConfig
from bot.domain.errors import ConfigError, QuarterdeckError
from bot.domain.market import TIMEFRAMES_MS
from bot.ml.feature import LEADERS
from bot.runtime.clock import WallClock
from bot.venues.ccxt_venue.past import VenuePast
from bot.venues.history import KINDS
from cli.homes import load, resolve_home
from cli.past import HISTORY, FileMemory, exchange_of, past_of, public_access, store_of
from cli.research.data_line import FetchOptions
from cli.research.progress_view import progress
from research.fetching.patience import Patience
from research.fetching.run import FetchError, Manner, Request, fetch
from research.fetching.symbol import Fetched
from research.history.report import counted, moment
from research.progress import Tell
from research.store.places import checked


def run_fetch(options: FetchOptions) -> int:
    """Fetch; 0 when nothing failed. Raises ConfigError, FetchError."""
    if options.timeframe not in TIMEFRAMES_MS:
        raise ConfigError(
            f"--timeframe {options.timeframe}: is not allowed; allowed: {', '.join(TIMEFRAMES_MS)}"
        )
    home = resolve_home(options.home, os.environ)
    loaded = load(home, options.config, os.environ)
    settings, request = loaded.settings, request_of(options, loaded)
    name = exchange_of(settings, options.venue)
    memory = FileMemory(home / HISTORY / f"{name}.json")
    source = past_of(name, public_access(settings), memory, WallClock().now_ms)
    with progress("Fetch", unit="rows", json=options.json) as tell:
        found = asyncio.run(_fetched(source, request, tell, options))
    show(source.name, found, options.json)
    return int(any(one.fault for one in found))


def request_of(options: FetchOptions, loaded: LoadedConfig) -> Request:
    """What was asked for, with the symbols that others are compared with, each once. Raises StoreError."""
    settings = loaded.settings
    symbols = tuple(map(checked, options.symbols)) or tuple(symbol.symbol for symbol in settings.symbols)
    leaders = () if options.alone else tuple(f"{base}{settings.venue.quote}" for base in LEADERS)
    kinds = () if options.only_candles else KINDS
    every = tuple(dict.fromkeys((*symbols, *leaders)))
    return Request(every, options.timeframe, options.days, kinds, options.again)


async def _fetched(source: VenuePast, request: Request, tell: Tell, options: FetchOptions) -> list[Fetched]:
    store = store_of(resolve_home(options.home, os.environ), source.name)
    manner = Manner(tell, _heard(options.json), _patience)
    try:
        return await fetch(source, store, request, manner)
    except QuarterdeckError as error:
        raise FetchError(str(error)) from None
    finally:
        await source.close()


def _patience() -> Patience:
    """Eight tries of each question, with pauses of a minute at most."""
    return Patience(Random(os.getpid()))


def _heard(json: bool) -> "Heard":
    return Heard(silent=json and not sys.stderr.isatty())


class Heard:
    """Troubles on the way, each kind once: a line of standard error."""

    def __init__(self, *, silent: bool) -> None:
        self._silent = silent
        self._told: set[str] = set()

    def __call__(self, words: str) -> None:
        """Take one."""
        kind = words.partition("; again in")[0]
        if not self._silent and kind not in self._told:
            self._told.add(kind)
            sys.stderr.write(f"\r{words}\n")


def show(source: str, found: Sequence[Fetched], json: bool) -> None:
    """A line for each series, or one JSON document."""
    if json:
        rows = [{**asdict(one), "missing": sum(gap.bars for gap in one.gaps)} for one in found]
        sys.stdout.write(orjson.dumps({"source": source, "fetched": rows}).decode() + "\n")
        return
    for one in found:
        sys.stdout.write(line_of(one) + "\n")


def line_of(one: Fetched) -> str:
    """One series: how many, from when to when, what is new, what is missing."""
    if one.fault:
        kept = f"; {counted(one.added, 'row')} kept, run it again to go on" if one.added else ""
        return f"{one.symbol} {one.what}: FAILED: {one.fault}{kept}"
    if not one.count:
        return f"{one.symbol} {one.what}: the exchange has none"
    changed = f"{one.added:,} new" + (f", {one.corrected:,} corrected" if one.corrected else "")
    span = f"{moment(one.first_ms)} to {moment(one.last_ms)}"
    return f"{one.symbol} {one.what}: {one.count:,} rows, {span}, {changed}{_missing(one)}"


def _missing(one: Fetched) -> str:
    bars = sum(gap.bars for gap in one.gaps)
    if not bars:
        return ""
    return f"; {counted(bars, 'bar')} missing at the exchange, first {moment(one.gaps[0].first_open_at_ms)}"
