"""`quarterdeck bench chat`: the whole desk behind Telegram, Discord and Slack on loopback, and people who command it.

The platforms live in another process (`quarterdeck sandbox --chat all`) with their real limits. Times are taken there:
from the moment a person sends something to the moment the answer is in their chat.
"""

import asyncio
import json
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bot.config import load_text
from bot.domain.errors import ConfigError
from bot.domain.notice import Notice, NoticeKind, Severity
from bot.runtime.clock import WallClock
from bot.runtime.health import memory_mb, percentile
from bot.runtime.ports import Preference
from cli.bench_chat_town import ASKERS, LISTENER, Town, town
from cli.jobs import raise_notice
from cli.live import HANDOVER_S, LateClock, Running, open_front
from cli.markets import generated_market
from cli.platforms import begin_platforms
from cli.venues import PaperOn
from cli.wiring import Blueprint, House, open_house
from handlers.session import Session
from handlers.studio import Studio

SEED, HISTORY = 7, 1100
"""So far into the generated market that making it is no part of the figures."""
BAR_S = 1.0
"""All symbols close together so often; in the market it is every 15 minutes."""
ASK_EVERY_S = 1.3
"""A person waits so long: a chat takes about a message a second, Slack's app 50 edits a minute; waits are not meant."""
STORM_S = 120.0
CONFIRM = "Confirm"
RISK = 5
TRIES = 8
PAUSE_S = 0.05
ROUNDS = (
    ("/status", "press Refresh"),
    ("/positions",),
    ("/signal {symbol}",),
    ("/pnl",),
    ("/set_risk {risk}", "press Confirm"),
)
type Taken = dict[str, dict[str, list[float]]]
"""Milliseconds by platform and by what was asked."""


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds of so many answers."""

    count: int
    p50: float
    p95: float
    p99: float
    worst: float

    @classmethod
    def of(cls, taken: list[float]) -> "Times":
        """Of what was measured."""
        p50, p95, p99 = (round(percentile(taken, share), 1) for share in (0.5, 0.95, 0.99))
        return cls(len(taken), p50, p95, p99, round(max(taken, default=0.0), 1))


@dataclass(frozen=True, slots=True)
class ChatFigures:
    """What was measured; times in milliseconds, memory in MiB of the desk's process and of the one that draws.

    `idle` and `closing`: command round trips by platform while nothing and while all symbols close every second.
    `by_command`: those of `closing`; `bar_ms`: its bars. `order_bar_ms`: bars beside the orders by hand, which hold
    many positions more. `order_*`: from the press of Confirm at the desk's own terminal to the receipt
    of the order, bars closing meanwhile, while the platforms answer and while none of them does. `told_s`: until every
    platform had delivered a storm of notices within its limits, in so many messages.
    """

    symbols: int
    seconds: float
    errors: int
    bar_ms: Times
    order_bar_ms: Times
    idle: dict[str, Times]
    closing: dict[str, Times]
    by_command: dict[str, Times]
    order_healthy: Times
    order_hanging: Times
    order_ratio: float
    notices: int
    told_s: float
    notices_per_s: float
    messages: dict[str, int]
    memory_mb: float
    drawing_mb: float


@dataclass(slots=True)
class Bench:
    """The desk that is measured, its people, and what was seen until now."""

    house: House
    town: Town
    studio: Studio
    bars: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def symbols(self) -> tuple[str, ...]:
        """What is traded."""
        return tuple(self.house.plan.symbols)

    async def asked(self, seconds: float) -> Taken:
        """All people ask for so long; what each answer took."""
        taken: Taken = defaultdict(lambda: defaultdict(list))
        until_s = time.monotonic() + seconds
        people = [(platform, name) for platform in self.town.platforms for name in ASKERS]
        async with asyncio.TaskGroup() as tasks:
            for place, (platform, name) in enumerate(people):
                start_s = ASK_EVERY_S * place / len(people)
                tasks.create_task(self._asks(platform, name, start_s, until_s, taken[platform]))
        return taken

    async def _asks(
        self, platform: str, name: str, start_s: float, until_s: float, taken: dict[str, list[float]]
    ) -> None:
        """One person goes through the rounds."""
        await asyncio.sleep(start_s)
        turn = ASKERS.index(name)
        while time.monotonic() < until_s:
            for words in ROUNDS[turn % len(ROUNDS)]:
                line = words.format(symbol=self.symbols[turn % len(self.symbols)], risk=10 + turn % 7)
                answer = await self.town.tell(f"{platform} {name} {line}")
                if "error" in answer:
                    self.errors.append(f"{platform} {line}: {answer['error']}")
                else:
                    taken[words.partition(" {")[0]].append(answer["ms"])
                await asyncio.sleep(ASK_EVERY_S)
            await asyncio.sleep(ASK_EVERY_S)  # a card that is confirmed is two messages
            turn += 1

    async def bars_close(self) -> None:
        """All symbols close, every second, until cancelled."""
        while True:
            began = time.perf_counter()
            await self.house.step()
            took_s = time.perf_counter() - began
            self.bars.append(took_s * 1000)
            await asyncio.sleep(max(0.0, BAR_S - took_s))

    async def orders(self, symbols: Sequence[str], count: int) -> list[float]:
        """Entries by hand at the desk's own terminal; milliseconds from Confirm until the order is sent.

        While the market moves its prices are a bar old, and entries are refused: those are given again.
        """
        session = Session(self.house.dispatcher.handle, self.house.wall_ms)
        taken: list[float] = []
        card = None
        for turn in range(count * TRIES):
            card = await session.enter(f"/long {symbols[turn % len(symbols)]} {RISK}")
            if card is not None and CONFIRM in (button.label for button in card.buttons):
                began = time.perf_counter()
                receipt = await session.enter(CONFIRM)
                taken += [(time.perf_counter() - began) * 1000] if receipt is not None and receipt.ok else []
            if len(taken) == count:
                return taken
            await asyncio.sleep(PAUSE_S)
        self.errors.append(
            f"only {len(taken)} of {count} entries were taken; the last one: {card.text if card else '-'}"
        )
        return taken

    async def flat(self) -> None:
        """Nothing is open, as before the entries."""
        session = Session(self.house.dispatcher.handle, self.house.wall_ms)
        await session.enter("/close_all")
        await session.enter(CONFIRM)

    async def storm(self, count: int) -> tuple[float, dict[str, int]]:
        """So many fills at once: seconds until all is delivered, and the messages it took by platform."""
        await self._delivered()
        before, began = await self.town.heard(), time.perf_counter()
        for number in range(count):
            await raise_notice(self.house, self._fill(number))
        await self.house.settled()
        await self._delivered()
        told_s = time.perf_counter() - began
        after = await self.town.heard()
        return told_s, {platform: after[platform] - before[platform] for platform in after}

    def _fill(self, number: int) -> Notice:
        symbol = self.symbols[number % len(self.symbols)]
        fields = (("Side", "long"), ("Entry", "100.00"), ("Size", "1"), ("Number", str(number + 1)))
        now_ms = self.house.now_ms()
        return Notice(NoticeKind.ENTRY, Severity.TRADE, now_ms, f"{symbol} long opened", fields, symbol)

    async def _delivered(self) -> None:
        """Until nothing waits for the listener."""
        outbox = self.house.database.outbox(self.house.plan.account)
        users = [f"{platform}:{self.town.users[platform][LISTENER]}" for platform in self.town.platforms]
        async with asyncio.timeout(STORM_S):
            for user in users:
                while await outbox.waiting(user, 1):  # noqa: ASYNC110 - the outbox tells nobody
                    await asyncio.sleep(0.05)


@asynccontextmanager
async def meanwhile(work: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Let something go on inside."""
    task = asyncio.ensure_future(work())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def run_chat_bench(symbols: int, seconds: float, orders: int, notices: int, as_json: bool) -> int:
    """Measure and print."""
    for name, given, low, high in (
        ("symbols", symbols, 2, 600),
        ("seconds", seconds, 1, 3600),
        ("orders", orders, 1, 300),
        ("notices", notices, 1, 10_000),
    ):
        if not low <= given <= high:
            raise ConfigError(f"--{name} {given}: is not allowed; a number from {low} to {high:_}")
    if orders > symbols // 2:
        raise ConfigError(f"--orders {orders}: is not allowed; at most half as many as symbols")
    sys.setswitchinterval(HANDOVER_S)  # as a desk that runs has it
    figures = asyncio.run(_measure(symbols, seconds, orders, notices))
    sys.stdout.write(json.dumps(asdict(figures)) + "\n" if as_json else _table(figures))
    return 0


async def _measure(symbols: int, seconds: float, orders: int, notices: int) -> ChatFigures:
    with tempfile.TemporaryDirectory(prefix="quarterdeck-bench-") as folder:
        async with town() as served, _desk(served, symbols, Path(folder)) as bench:
            return await _phases(bench, seconds, orders, notices)


async def _phases(bench: Bench, seconds: float, orders: int, notices: int) -> ChatFigures:
    await bench.asked(2 * ASK_EVERY_S)  # the first pictures, the first of everything
    bench.errors.clear()
    idle = await bench.asked(seconds)
    async with meanwhile(bench.bars_close):
        closing = await bench.asked(seconds)
        asked_bars, bench.bars = bench.bars, []
        healthy = await bench.orders(bench.symbols[::2], orders)
        await bench.flat()
    told_s, messages = await bench.storm(notices)
    await bench.town.tell("trouble hang")
    async with meanwhile(bench.bars_close):
        hanging = await bench.orders(bench.symbols[1::2], orders)
        await bench.town.tell("trouble none")
    for error in bench.errors:
        sys.stderr.write(f"{error}\n")
    order_healthy, order_hanging = Times.of(healthy), Times.of(hanging)
    return ChatFigures(
        symbols=len(bench.symbols),
        seconds=seconds,
        errors=len(bench.errors),
        bar_ms=Times.of(asked_bars),
        order_bar_ms=Times.of(bench.bars),
        idle=_by_platform(idle),
        closing=_by_platform(closing),
        by_command=_by_command(closing),
        order_healthy=order_healthy,
        order_hanging=order_hanging,
        order_ratio=round(order_hanging.p99 / order_healthy.p99, 2) if order_healthy.p99 else 0.0,
        notices=notices,
        told_s=round(told_s, 1),
        notices_per_s=round(notices / told_s, 1),
        messages=messages,
        memory_mb=round(memory_mb(), 1),
        drawing_mb=round(bench.studio.memory_mb, 1),
    )


def _by_platform(taken: Taken) -> dict[str, Times]:
    return {name: Times.of([ms for times in asked.values() for ms in times]) for name, asked in taken.items()}


def _by_command(taken: Taken) -> dict[str, Times]:
    found: dict[str, list[float]] = defaultdict(list)
    for asked in taken.values():
        for words, times in asked.items():
            found[words] += times
    return {words: Times.of(times) for words, times in found.items()}


@asynccontextmanager
async def _desk(served: Town, symbols: int, home: Path) -> AsyncIterator[Bench]:
    """The desk as `quarterdeck run` joins it, connected everywhere; its market moves when it is told to."""
    plan, late = _plan(served, symbols, home)
    async with open_house(plan) as house:
        clock = late.begin(house.now_ms())
        clock.pause()
        running = Running(house, clock)
        running.begin("timers", running.fire_timers())
        open_front(running)
        begin_platforms(running)
        for user in listeners(served):
            for kind in NoticeKind:
                await house.database.preferences().put(Preference(user, kind, "on"))
        async with meanwhile(running.until_stopped):
            await served.connected()
            yield Bench(house, served, running.studio)


def _plan(served: Town, symbols: int, home: Path) -> tuple[Blueprint, LateClock]:
    market, wall = generated_market(SEED, symbols, HISTORY), WallClock()
    late = LateClock(900.0, market.feed.timeframe)
    plan = Blueprint(
        home=home,
        loaded=load_text(_config(served), home, served.secrets),
        mode="demo",
        account="paper:demo:bench",
        timeframe=market.feed.timeframe,
        symbols=market.feed.symbols,
        make_venue=PaperOn(market.feed, market.instruments, market.starts_at_ms),
        start_at_ms=market.starts_at_ms,
        wall_ms=wall.now_ms,
        context=(late.control(),),
        started_at_ms=wall.now_ms(),
    )
    return plan, late


def _config(served: Town) -> str:
    """JSON is YAML: everybody trades, nobody is told of anything, and no limit but the venue's refuses an order."""
    users = {f"{name}:{one}": "trader" for name, people in served.users.items() for one in people.values()}
    chat = {"users": users, "rate_per_minute": 600, "rate_burst": 100, **served.chat}
    notices = {"off": list(NoticeKind), "on_call": list(listeners(served))}
    limits = {
        "max_positions": 500,
        "max_same_direction": 500,
        "exposure_total": 125,
        "exposure_per_symbol": 125,
    }
    return json.dumps({"chat": chat, "notices": notices, "limits": limits})


def listeners(served: Town) -> tuple[str, ...]:
    """Those who hear of everything."""
    return tuple(f"{platform}:{people[LISTENER]}" for platform, people in served.users.items())


def _table(figures: ChatFigures) -> str:
    """For people."""
    rows = [
        *((f"{name}, nothing closes", times) for name, times in figures.idle.items()),
        *((f"{name}, bars close", times) for name, times in figures.closing.items()),
        *((f"  {words}", times) for words, times in figures.by_command.items()),
        ("order, chats answer", figures.order_healthy),
        ("order, chats hang", figures.order_hanging),
        ("a bar of all symbols", figures.bar_ms),
        ("a bar beside orders", figures.order_bar_ms),
    ]
    lines = [f"{figures.symbols} symbols, people on Telegram, Discord and Slack; milliseconds"]
    lines.append(f"  {'':<28}{'p50':>8}{'p95':>8}{'p99':>8}{'worst':>8}{'count':>8}")
    lines += [
        f"  {name:<28}{one.p50:>8.1f}{one.p95:>8.1f}{one.p99:>8.1f}{one.worst:>8.1f}{one.count:>8}"
        for name, one in rows
    ]
    told = ", ".join(f"{name} {count}" for name, count in figures.messages.items())
    lines.append(
        f"  {figures.notices} notices told in {figures.told_s:.1f} s ({figures.notices_per_s:.0f}/s); messages: {told}"
    )
    memory = f"memory {figures.memory_mb:.0f} MiB, of the process that draws {figures.drawing_mb:.0f} MiB"
    lines.append(f"  {memory}; {figures.errors} questions went wrong")
    return "\n".join(lines) + "\n"
