"""Backtests for the chat: the candles that the running desk knows, given to a process of its own."""

import asyncio
import contextlib
import logging
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

import numpy as np

from bot.domain.errors import ConfigError
from bot.domain.market import DAY_MS
from bot.domain.refusal import Refused
from bot.domain.settings import EngineSettings, SymbolSettings
from bot.runtime.codec import decode
from bot.runtime.desk import Desk
from bot.runtime.ports import Ledger
from bot.strategy import Array, Frame
from handlers.lab import BacktestOrder, BacktestResult, Told
from research.backtest.job import FIGURES, BacktestJob, packed
from research.backtest.run import BacktestRun
from strategies.registry import Registry as Strategies

LONGEST_S = 600.0
LONGEST_LINE = 64 * 1024 * 1024
LEAST_BARS = 50
MOST_AT_ONCE = 2
"""Backtests of all people together: the desk has few cores, and trading needs one."""

MOST_LIVE = 10_000
"""More bars than the desk keeps in memory."""

REMARKS = (
    "Sizing, limits and kill switches are those of the desk now; fills with its fees and slippage.",
    "Funding is not part of it: its history is not stored.",
)

log = logging.getLogger(__name__)


@dataclass(slots=True)
class WorkerLab:
    """A Laboratory over a running house. `settings` are those its engine was built with."""

    desk: Desk
    ledger: Ledger
    settings: EngineSettings
    strategy_paths: tuple[Path, ...]
    command: tuple[str, ...] = (sys.executable, "-m", "research.backtest.worker")
    clock_s: Callable[[], float] = field(default=lambda: asyncio.get_running_loop().time())
    _running: dict[str, Process | None] = field(init=False, default_factory=dict)
    _stopped: set[str] = field(init=False, default_factory=set)

    def strategies(self) -> tuple[str, ...]:
        """Every strategy there is."""
        return Strategies(self.strategy_paths).names()

    async def stop(self, user: str) -> bool:
        """End a person's process."""
        if user not in self._running:
            return False
        self._stopped.add(user)
        process = self._running[user]
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        return True

    async def backtest(self, order: BacktestOrder, told: Told) -> BacktestResult | Refused:
        """Candles from the ledger and from memory, the run elsewhere, the figures back."""
        if order.user in self._running:
            return Refused("running", "you have a backtest running; one at a time")
        if len(self._running) >= MOST_AT_ONCE:
            return Refused("busy", f"{len(self._running)} backtests of others are running; try again soon")
        self._running[order.user] = None
        try:
            return await self._prepared(order, told)
        finally:
            del self._running[order.user]
            self._stopped.discard(order.user)

    async def _prepared(self, order: BacktestOrder, told: Told) -> BacktestResult | Refused:
        try:
            job, frame = await self._job(order)
        except ConfigError as error:
            return Refused("strategy", str(error))
        if len(frame) - job.warmup < LEAST_BARS:
            need = job.warmup + LEAST_BARS
            return Refused(
                "candles", f"{len(frame)} candles of {order.symbol} are known; at least {need} are needed"
            )
        began_s = self.clock_s()
        await told(0.0)
        found = await self._run(order.user, packed(job, frame), told)
        if isinstance(found, Refused):
            return found
        return BacktestResult(
            strategy=job.settings.symbols[0].strategy,
            bars=len(frame) - job.warmup,
            from_ms=int(frame.open_at_ms[job.warmup]),
            to_ms=int(frame.open_at_ms[-1]) + frame.timeframe_ms,
            wallet=job.wallet,
            trades=found.trades,
            points=found.points,
            decisions=found.decisions,
            entries=found.entries,
            took_ms=round((self.clock_s() - began_s) * 1000),
            remarks=(*self._shorter(order, frame, job), *REMARKS),
        )

    def _shorter(self, order: BacktestOrder, frame: Frame, job: BacktestJob) -> tuple[str, ...]:
        """A word when fewer days are stored than were asked for."""
        days = (len(frame) - job.warmup) * frame.timeframe_ms / DAY_MS
        return () if days >= order.days * 0.99 else (f"Only {days:.1f} of {order.days} days are known.",)

    async def _job(self, order: BacktestOrder) -> tuple[BacktestJob, Frame]:
        """Settings as they count now, and the candles with the strategy's warm-up before them."""
        one = self._symbol(order)
        strategy = Strategies(self.strategy_paths).build(one.strategy, one.symbol, dict(one.parameters))
        risk, bar_ms = self.desk.risk(), self.settings.bar_ms
        chosen = replace(
            self.settings,
            symbols=(replace(one, leverage=risk.leverage.get(one.symbol, one.leverage)),),
            instruments={one.symbol: self.settings.instruments[one.symbol]},
            sizing=risk.sizing,
            limits=risk.limits,
            read_lag_ms=0,
        )
        now_ms = self.desk.now_ms()
        first = now_ms - order.days * DAY_MS - strategy.warmup_bars * bar_ms
        stored = await self.ledger.candles(one.symbol, self.settings.timeframe, first, now_ms)
        live = (await self.desk.picture(one.symbol, MOST_LIVE)).frame
        frame = unbroken(joined(stored, live, first))
        paths = tuple(str(path) for path in self.strategy_paths)
        wallet = self.desk.status().balance.equity.quantize(Decimal("0.01"))
        return BacktestJob(chosen, paths, min(strategy.warmup_bars, len(frame)), wallet), frame

    def _symbol(self, order: BacktestOrder) -> SymbolSettings:
        """The symbol as it is traded, or with another strategy on that one's own parameters."""
        one = next(one for one in self.settings.symbols if one.symbol == order.symbol)
        if order.strategy and order.strategy != one.strategy:
            return replace(one, strategy=order.strategy, parameters=())
        used = tuple((view.parameter.name, view.value) for view in self.desk.parameters(order.symbol))
        return replace(one, parameters=used)

    async def _run(self, user: str, job: bytes, told: Told) -> BacktestRun | Refused:
        """The worker from its start to its end."""
        process = await asyncio.create_subprocess_exec(
            *self.command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, limit=LONGEST_LINE
        )
        self._running[user] = process
        try:
            async with asyncio.timeout(LONGEST_S):
                return await self._talk(user, process, job, told)
        except TimeoutError:
            return Refused("backtest", f"it took longer than {LONGEST_S / 60:.0f} minutes and was stopped")
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def _talk(self, user: str, process: Process, job: bytes, told: Told) -> BacktestRun | Refused:
        """Give the job, hear progress, take the result."""
        if process.stdin is None or process.stdout is None:
            raise AssertionError("both were asked for")
        if user in self._stopped:
            return Refused("stopped", "it was stopped")
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            process.stdin.write(job)
            await process.stdin.drain()
            process.stdin.close()
        last = b""
        while line := await process.stdout.readline():
            last = line.strip()
            if last[:1].isdigit():
                await told(float(last))
        await process.wait()
        if user in self._stopped:
            return Refused("stopped", "it was stopped")
        if last.startswith(b"!"):
            return Refused("backtest", last[1:].decode("utf-8", "replace"))
        if not last.startswith(b"{"):
            log.error("a backtest ended with code %s and no result", process.returncode)
            return Refused("backtest", "it failed; the strategy may not cope with these candles")
        return decode(last, BacktestRun)


def joined(stored: Frame, live: Frame, first_ms: int) -> Frame:
    """Candles from the database and, from where they begin, those that the desk has in memory."""
    begin = int(live.open_at_ms[0]) if len(live) else 1 << 62
    older, newer = stored.open_at_ms < begin, live.open_at_ms >= first_ms

    def column(name: str) -> Array:
        return np.concatenate([getattr(stored, name)[older], getattr(live, name)[newer]])

    times = np.concatenate([stored.open_at_ms[older], live.open_at_ms[newer]])
    return Frame(live.symbol, live.timeframe_ms, times, *(column(name) for name in FIGURES))


def unbroken(frame: Frame) -> Frame:
    """The newest stretch of candles without a hole: indicators over a hole would tell of a market that never was."""
    holes = np.flatnonzero(np.diff(frame.open_at_ms) != frame.timeframe_ms)
    first = int(holes[-1]) + 1 if len(holes) else 0
    columns = (getattr(frame, name)[first:] for name in FIGURES)
    return Frame(frame.symbol, frame.timeframe_ms, frame.open_at_ms[first:], *columns)
