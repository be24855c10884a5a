"""Replay: the journal into a fresh engine, its actions compared with the recorded ones, byte for byte."""

import asyncio
import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from bot.domain.action import Action
from bot.domain.errors import ConfigError, InvariantError
from bot.domain.event import Event, HistoryLoaded, Started
from bot.domain.settings import EngineSettings
from bot.engine.engine import Engine
from bot.market.signals import WindowSignals
from bot.runtime.codec import actions_digest
from bot.runtime.loop import protect
from bot.runtime.ports import JournalRow, Ledger
from bot.strategy import Strategy, Value
from cli.homes import load, resolve_home
from storage.database import open_database
from strategies.registry import Registry as Strategies


@dataclass(slots=True)
class Verdict:
    """What a replay found: journal lines fed, starts among them, lines whose actions differ, the first of those."""

    account: str
    lines: int = 0
    starts: int = 0
    different: int = 0
    first_different: int = 0

    @property
    def equal(self) -> bool:
        """True when everything that was recorded came out again."""
        return self.lines > 0 and not self.different


def run_replay(
    home: Path | None, config: Path | None, account: str, first: int, last: int, as_json: bool
) -> int:
    """Replay lines `first` to `last`; exit code 1 when something differs."""
    verdict = asyncio.run(_replay(home, config, account, first, last))
    if as_json:
        sys.stdout.write(json.dumps({**asdict(verdict), "equal": verdict.equal}) + "\n")
    else:
        sys.stdout.write(_sentence(verdict) + "\n")
    return 0 if verdict.equal else 1


def _sentence(verdict: Verdict) -> str:
    if not verdict.lines:
        return f"the journal of {verdict.account} has no lines there: nothing was replayed"
    said = f"{verdict.lines} journal lines of {verdict.account}, {verdict.starts} start(s)"
    if verdict.equal:
        return f"{said}: every action came out byte for byte"
    return f"{said}: {verdict.different} differ, the first at line {verdict.first_different}"


async def _replay(home: Path | None, config: Path | None, account: str, first: int, last: int) -> Verdict:
    loaded = load(resolve_home(home, os.environ), config, os.environ)
    database = await open_database(loaded.database_url, synchronous=loaded.settings.storage.synchronous)
    try:
        chosen = _chosen(account, await database.accounts())
        bars = loaded.settings.buffers.bars
        paths = [Path(path) for path in loaded.settings.strategy_paths]
        player = Player(database.ledger(chosen), Strategies(paths), bars, Verdict(chosen))
        async for row in database.ledger(chosen).journal(first, last):
            await player.play(row)
        return player.verdict
    finally:
        await database.close()


def _chosen(asked: str, accounts: tuple[str, ...]) -> str:
    """The account asked for, or the only one there is."""
    if not accounts:
        raise ConfigError("replay: this database holds no journal")
    if asked and asked not in accounts:
        raise ConfigError(f"replay: --account {asked}: no journal of that; there are {', '.join(accounts)}")
    if asked or len(accounts) == 1:
        return asked or accounts[0]
    raise ConfigError(f"replay: --account is needed, one of {', '.join(accounts)}")


class Player:
    """Feeds journal lines to an engine; every recorded start begins with a fresh one."""

    def __init__(self, ledger: Ledger, strategies: Strategies, bars: int, verdict: Verdict) -> None:
        """`bars` is the buffer length the run had."""
        self.verdict = verdict
        self._ledger = ledger
        self._strategies = strategies
        self._bars = bars
        self._engine: Engine | None = None

    async def play(self, row: JournalRow) -> None:
        """One line; lines before the first start cannot be judged and are passed over."""
        if isinstance(row.event, Started) and row.event.settings is not None:
            self._engine = self._fresh(row.event.settings)
            self.verdict.starts += 1
        if self._engine is None:
            return
        await self._preload(self._engine, row.event)
        self.verdict.lines += 1
        if actions_digest(reaction(self._engine, row.event)) != row.actions_digest:
            self.verdict.different += 1
            self.verdict.first_different = self.verdict.first_different or row.number

    async def _preload(self, engine: Engine, event: Event) -> None:
        if not isinstance(event, HistoryLoaded) or not isinstance(engine.signals, WindowSignals):
            return
        first, last = event.first_open_at_ms, event.last_open_at_ms
        engine.signals.preload(await self._ledger.candles(event.symbol, event.timeframe, first, last))

    def _fresh(self, settings: EngineSettings) -> Engine:
        recorded = {s.symbol: (s.strategy, dict(s.parameters)) for s in settings.symbols}

        def build(symbol: str, overrides: dict[str, Value]) -> Strategy:
            name, parameters = recorded[symbol]
            return self._strategies.build(name, symbol, {**parameters, **overrides})

        signals = WindowSignals({symbol: build(symbol, {}) for symbol in recorded}, self._bars)
        return Engine(settings, signals, build)


def reaction(engine: Engine, event: Event) -> list[Action]:
    """What the loop made of an event, a broken invariant too."""
    try:
        return engine.handle(event)
    except InvariantError as error:
        return protect(engine, event, error)
