"""The laboratory of a running house: what the desk knows now goes to a process of its own, the answer comes back."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

from bot.domain.errors import ConfigError
from bot.domain.guard import Sizing, SizingMode
from bot.domain.market import DAY_MS
from bot.domain.refusal import Refused
from bot.domain.settings import EngineSettings, SymbolSettings
from bot.runtime.codec import decode, encode
from bot.runtime.desk import Desk
from bot.runtime.ports import Ledger
from bot.runtime.proposals import Draft
from bot.strategy import Frame
from cli.workshop.asking import Answer, Asked, Place, SweepAnswer, SweepAsked, kept, merged
from cli.workshop.crew import Crew, Task
from cli.workshop.drafts import proposed
from cli.workshop.parcel import packed
from handlers import parameter_sets
from handlers.lab import BacktestOrder, BacktestResult, SweepOrder, SweepResult, Told
from handlers.reply import Attachment
from handlers.text import clip
from research.results.plan import Plan, Rules
from strategies.registry import Registry as Strategies

MOST_LIVE = 10_000
"""More bars than the desk keeps in memory."""
SWEEP_S = 1_800.0
UNKNOWN_WALLET = Decimal(10_000)


@dataclass(slots=True)
class WorkerLab:
    """A Laboratory over a running house. `settings` are those its engine was built with."""

    desk: Desk
    ledger: Ledger
    settings: EngineSettings
    place: Place
    crew: Crew = field(default_factory=Crew)
    clock_s: Callable[[], float] = field(default=lambda: asyncio.get_running_loop().time())

    def strategies(self) -> tuple[str, ...]:
        """Every strategy there is."""
        return Strategies(self.place.paths).names()

    async def stop(self, user: str) -> str:
        """End a person's process."""
        return self.crew.stop(user)

    async def backtest(self, order: BacktestOrder, told: Told) -> BacktestResult | Refused:
        """Candles from the store, the ledger and memory, the run elsewhere, the figures back."""
        if refused := self.crew.refusal(order.user):
            return refused
        with self.crew.place(order.user, "a backtest"):
            began_s = self.clock_s()
            try:
                asked = self._asked(order)
                live = await self.live(order.symbol, order.days, self._warmup(order.symbol, asked.plan))
            except ConfigError as error:
                return Refused("strategy", str(error))
            await told(0.0, "")
            parcel = await asyncio.to_thread(lambda: packed("backtest", encode(asked), (live,)))
            found = await self._run(Task(order.user, "a backtest", parcel), told)
            if isinstance(found, Refused):
                return found
            answer, file = await asyncio.to_thread(_read, found)
            took_ms = round((self.clock_s() - began_s) * 1000)
            return replace(answer.result, took_ms=took_ms, file=file)

    async def sweep(self, order: SweepOrder, told: Told) -> SweepResult | Refused:
        """The usual sets of a symbol's strategy over all its candles, elsewhere; the result is kept."""
        if refused := self.crew.refusal(order.user):
            return refused
        with self.crew.place(order.user, "a sweep"):
            began_s = self.clock_s()
            try:
                asked = self._sweep_asked(order)
                plan = self.plan(self._symbol(order.symbol, ""))
                live = await self.live(order.symbol, order.days, self._warmup(order.symbol, plan))
            except ConfigError as error:
                return Refused("strategy", str(error))
            await told(0.0, "")
            parcel = await asyncio.to_thread(lambda: packed("sweep", encode(asked), (live,)))
            found = await self._run(Task(order.user, "a sweep", parcel, SWEEP_S), told)
            if isinstance(found, Refused):
                return found
            result = await asyncio.to_thread(_read_sweep, found)
            return replace(result, took_ms=round((self.clock_s() - began_s) * 1000))

    def _sweep_asked(self, order: SweepOrder) -> SweepAsked:
        one = self._symbol(order.symbol, "")
        return SweepAsked(
            place=self.place,
            symbol=order.symbol,
            days=order.days,
            to_ms=self.desk.now_ms(),
            strategy=one.strategy,
            values=dict(one.parameters),
            rules=self.plan(one).rules,
        )

    async def proposal(self, sweep_id: str, rank: int) -> Draft | Refused:
        """One of the best sets of a kept sweep as something to propose; Refused where there is no such one."""
        found = await asyncio.to_thread(kept, self.place.results, sweep_id)
        if found is None:
            return Refused(
                "sweep", f"there is no sweep {clip(sweep_id)} any more; /sweep SYMBOL makes a new one"
            )
        chosen = next((one for one in found.result.best if one.rank == rank), None)
        if chosen is None or rank not in found.result.proposable:
            allowed = ", ".join(map(str, found.result.proposable)) or "none"
            return Refused("sweep", f"rank {rank} of it cannot be proposed; allowed: {allowed}")
        draft = proposed(found, chosen)
        return await parameter_sets.ParameterSets(self.desk).refusal(draft.body) or draft

    async def _run(self, task: Task, told: Told) -> bytes | Refused:
        """The worker from its start to its end."""
        return await self.crew.result(task, told)

    def _asked(self, order: BacktestOrder) -> Asked:
        one = self._symbol(order.symbol, order.strategy)
        return Asked(
            place=self.place,
            symbol=order.symbol,
            days=order.days,
            to_ms=self.desk.now_ms(),
            way=order.way,
            plan=self.plan(one),
            instrument=self.settings.instruments[order.symbol],
        )

    def plan(self, one: SymbolSettings) -> Plan:
        """Sizing, limits, leverage, balance and costs as they count for a symbol now."""
        risk = self.desk.risk()
        wallet = self.desk.status().balance.equity.quantize(Decimal("0.01"))
        if wallet <= 0:  # not known before the venue has told it
            wallet = UNKNOWN_WALLET
        return Plan(
            strategy=one.strategy,
            parameters=dict(one.parameters),
            rules=Rules(self.settings.slippage_rate, self.settings.instruments[one.symbol].taker_fee),
            wallet=wallet,
            leverage=risk.leverage.get(one.symbol, one.leverage),
            sizing=_shared(risk.sizing, one.share),
            limits=risk.limits,
        )

    def _warmup(self, symbol: str, plan: Plan) -> int:
        """How many bars the strategy looks at before its first signal. Raises ConfigError."""
        return Strategies(self.place.paths).build(plan.strategy, symbol, plan.parameters).warmup_bars

    async def live(self, symbol: str, days: int, warmup: int) -> Frame:
        """What the ledger and memory have, with a warm-up before it."""
        now_ms = self.desk.now_ms()
        first = now_ms - days * DAY_MS - warmup * self.settings.bar_ms
        stored = await self.ledger.candles(symbol, self.settings.timeframe, first, now_ms)
        return merged(stored, (await self.desk.picture(symbol, MOST_LIVE)).frame)

    def _symbol(self, symbol: str, strategy: str) -> SymbolSettings:
        """The symbol as it is traded, or with another strategy on that one's own parameters."""
        one = next(one for one in self.settings.symbols if one.symbol == symbol)
        if strategy and strategy != one.strategy:
            return replace(one, strategy=strategy, parameters=())
        used = tuple((view.parameter.name, view.value) for view in self.desk.parameters(symbol))
        return replace(one, parameters=used)


def _shared(sizing: Sizing, share: Decimal) -> Sizing:
    """A symbol alone gets the part of the balance that it has beside the others."""
    if sizing.mode is not SizingMode.MARGIN_RATIO:
        return sizing
    ratios = sizing.ratio_max * share, sizing.ratio_min * share, sizing.ratio_decay * share
    return replace(sizing, ratio_max=ratios[0], ratio_min=ratios[1], ratio_decay=ratios[2])


def _read(found: bytes) -> tuple[Answer, Attachment]:
    """The answer and its page; beside the desk's thread, since both may be large."""
    answer = decode(found, Answer)
    path = Path(answer.page)
    return answer, Attachment(path.name, path.read_bytes(), "text/html")


def _read_sweep(found: bytes) -> SweepResult:
    """The answer, its picture and its page."""
    answer = decode(found, SweepAnswer)
    named = {"picture": (answer.picture, "image/png"), "file": (answer.page, "text/html")}
    files = {
        name: Attachment(Path(path).name, Path(path).read_bytes(), kind)
        for name, (path, kind) in named.items()
        if path
    }
    return replace(answer.result, picture=files.get("picture"), file=files.get("file"))
