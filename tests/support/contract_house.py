"""The contract suite's house: the whole bot on paper or on a sandbox exchange, in virtual time, and a script's hands.

Prices move only when the script says so; time passes by itself and costs nothing.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, ClassVar

from contract_market import START_MS, TIMEFRAME, D, PlayedFeed, config_text, contract, names

from bot.config import load_text
from bot.domain.action import Deed, Submit
from bot.domain.command import Command, Done
from bot.domain.market import HOUR_MS, MINUTE_MS
from bot.domain.modes import PositionMode
from bot.domain.notice import Notice, NoticeKind
from bot.domain.order import CloseReason, Order, OrderSide, Purpose
from bot.domain.refusal import Refused
from bot.domain.trade import Trade
from bot.runtime.clock import WallClock
from bot.runtime.perform import LanedPerformer, Performer
from bot.runtime.ports import TradeQuery
from bot.venues.ccxt_venue.wire import Access, Environment
from bot.venues.paper import PaperVenue
from cli.lease import Lease
from cli.live import Running
from cli.venues import READ_LAG_MS, ExchangeAt, PaperOn
from cli.wiring import Blueprint, House, build
from sandbox.exchange.core import ExchangeAccount
from sandbox.exchange.nouns import Conditional, Leg
from sandbox.exchange.serving.faults import Rule
from sandbox.exchange.serving.in_process import InProcessSession
from sandbox.exchange.serving.pace import Pace
from sandbox.exchange.serving.stage import Stage
from sandbox.exchange.serving.venues import Setting, key_of, open_stage
from sandbox.exchange.serving.world import do

EXCHANGES = ("binance", "bybit")
VENUES = ("paper", *EXCHANGES)
ACCOUNT = "contract:sandbox:main"
HOST = "127.0.0.1:9"
SEED = 5
STEP_S = 0.1
ANSWER_S = 3.0
"""How long the desk has after a bar before the story goes on."""

type Match = Callable[[Deed], bool]
type Price = str | Decimal


@dataclass(slots=True)
class Tape:
    """Every deed of all houses on one account, in order; where a house is to hang for ever, as if killed there.

    `hang_before`: it is not done any more; `hang_after`: it is done, but nobody hears what it came to.
    """

    deeds: list[Deed] = field(default_factory=list)
    hang_before: Match | None = None
    hang_after: Match | None = None
    hung: bool = False

    def orders(self, purpose: Purpose | None = None) -> list[Order]:
        """Orders submitted."""
        sent = [deed.order for deed in self.deeds if isinstance(deed, Submit)]
        return [order for order in sent if purpose in (None, order.purpose)]

    async def take(self, performer: Performer, deed: Deed) -> None:
        """Note a deed; never returns where the house hangs."""
        if self.hang_before is not None and self.hang_before(deed):
            await self._hang()
        self.deeds.append(deed)
        if self.hang_after is not None and self.hang_after(deed):
            await Performer.perform(performer, deed)
            await self._hang()

    async def _hang(self) -> None:
        self.hung = True
        await asyncio.Event().wait()


def noting(base: type[Performer], tape: Tape) -> type[Performer]:
    """A performer that notes what it is given."""

    class Noting(base):  # type: ignore[misc, valid-type]
        """Notes, then performs."""

        async def perform(self, deed: Deed) -> None:
            """As the base does."""
            await tape.take(self, deed)
            await super().perform(deed)

    return Noting


def submits(purpose: Purpose) -> Match:
    """A match of orders of one purpose."""
    return lambda deed: isinstance(deed, Submit) and deed.order.purpose is purpose


@dataclass
class Floor(ABC):
    """One account at one venue, the desk that trades it, and hands that move prices, orders and time."""

    name: str
    home: Path
    symbols: tuple[str, ...] = names(1)
    mode: PositionMode = PositionMode.ONE_WAY
    config: str = ""
    tape: Tape = field(default_factory=Tape)
    excused: set[str] = field(default_factory=set)
    """Kinds of differences between the books that this story explains."""
    foreign_legs: frozenset[Leg] = frozenset()
    """Legs of hedge mode that are a person's."""

    def __post_init__(self) -> None:
        self.feed = PlayedFeed(self.symbols, grows=self.name == "paper")
        self.instruments = {symbol: contract(symbol) for symbol in self.symbols}
        self._house: House | None = None
        self._lease: Lease | None = None
        self._tasks: list[asyncio.Task[None]] = []

    # The desk

    @property
    def house(self) -> House:
        """What is running."""
        assert self._house is not None, "nothing runs"
        return self._house

    @property
    def symbol(self) -> str:
        """The first symbol."""
        return self.symbols[0]

    @property
    def state(self) -> Any:
        """The engine's state."""
        return self.house.engine.state

    async def open(self) -> None:
        """Start the desk: a new process on the same home."""
        self._lease = Lease(self.home, ACCOUNT)
        self._lease.__enter__()
        try:
            self._house = await build(self._plan())
            await self.house.start()
        except BaseException:
            self._lease.__exit__()
            raise
        running = Running(self.house, WallClock())
        self._tasks.append(asyncio.create_task(running.fire_timers()))

    async def stop(self) -> None:
        """End in order."""
        await self._let_go()
        await self.house.close()
        self._gone()

    async def kill(self) -> None:
        """End as a killed process does: nothing is said, nothing is written any more, sockets are cut."""
        await self._let_go()
        house = self.house
        tasks = [one for one in (house._task, house._following, *house._beside) if one is not None]
        for task in tasks:
            task.cancel()
        for found in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(found, Exception):
                raise found
        for part in (house.performer, house.venue, house.database):
            await part.close()
        self.tape.hang_before = self.tape.hang_after = None
        self.tape.hung = False
        self._gone()

    async def again(self, how: str) -> None:
        """A new start after a `clean` stop or a `kill`."""
        await (self.stop() if how == "clean" else self.kill())
        await self.open()

    async def end(self) -> None:
        """Whatever still runs, ends."""
        if self._house is not None:
            await self.kill()

    async def _let_go(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    def _gone(self) -> None:
        if self._lease is not None:
            self._lease.__exit__()
        self._house = self._lease = None

    def _plan(self) -> Blueprint:
        text = config_text(self.home, self.symbols, self.mode.value, self.config)
        return Blueprint(
            home=self.home,
            loaded=load_text(text, self.home, {}),
            mode="demo",
            account=ACCOUNT,
            timeframe=TIMEFRAME,
            symbols=self.symbols,
            make_venue=self.make_venue(),
            performer=noting(self.performer, self.tape),
            synchronous="NORMAL",
            read_lag_ms=self.read_lag_ms,
        )

    async def command(self, command: Command) -> Done | Refused:
        """What an operator asks for, and the answer."""
        return await self.house.loop.execute(command, "console:operator")

    async def notices(self, *kinds: NoticeKind) -> list[Notice]:
        """What people were told."""
        waiting = await self.house.database.outbox(ACCOUNT).waiting("test", 10_000)
        return [one.notice for one in waiting if not kinds or one.notice.kind in kinds]

    async def trades(self) -> tuple[Trade, ...]:
        """Closed trades, oldest first."""
        return await self.house.database.ledger(ACCOUNT).trades(TradeQuery())

    async def reasons(self) -> list[CloseReason]:
        """Why positions were closed, in order."""
        return [trade.reason for trade in await self.trades()]

    def size(self, symbol: str = "") -> Decimal:
        """Signed quantity by the desk's books."""
        quantity: Decimal = self.state.symbols[symbol or self.symbol].position.quantity
        return quantity

    def live(self, purpose: Purpose, symbol: str = "") -> list[Order]:
        """The desk's live orders of one purpose."""
        found: list[Order] = self.state.symbols[symbol or self.symbol].live(purpose)
        return found

    # What differs by venue

    performer: ClassVar[type[Performer]] = LanedPerformer
    read_lag_ms: ClassVar[int] = READ_LAG_MS

    @abstractmethod
    def make_venue(self) -> Any:
        """What the blueprint makes its venue with."""

    async def bar(self, *prices: Price) -> None:
        """One bar of the first symbol by way of these prices, and the desk's answer."""
        await self.bars({self.symbol: prices})

    @abstractmethod
    async def bars(self, ways: Mapping[str, Sequence[Price]]) -> None:
        """One bar; symbols not named stay where they are."""

    @abstractmethod
    async def rest(self, seconds: float) -> None:
        """Time passes without prices."""

    @abstractmethod
    async def settle_funding(self, rate: str) -> None:
        """The next settlement, at this rate for all."""

    @abstractmethod
    async def close_by_hand(self, symbol: str = "") -> None:
        """A person closes a position at the venue."""

    @abstractmethod
    async def order_by_hand(self, side: OrderSide, quantity: str, symbol: str = "") -> None:
        """A person sends a market order."""

    @abstractmethod
    async def cancel_by_hand(self, purpose: Purpose) -> None:
        """A person cancels what rests for this purpose."""


class ExchangeFloor(Floor):
    """A sandbox exchange in this process, spoken to through ccxt."""

    def __post_init__(self) -> None:
        super().__post_init__()
        setting = Setting(self.feed, self.instruments, START_MS, SEED)
        self.stage: Stage = open_stage(self.name, setting)
        self.exchange = self.stage.exchange
        self.exchange.hold("", held=True)
        for symbol in self.symbols:
            self.exchange.set_spread(symbol, D(0))
        self.stage.arm(())
        loop = asyncio.get_running_loop()
        self.pace = Pace([self.stage], loop.time, 1.0, STEP_S)
        self._living = asyncio.create_task(self.pace.run())

    def make_venue(self) -> Any:
        key = key_of(self.name, SEED)
        access = Access(Environment.SANDBOX, key.key, key.secret, f"http://{HOST}", f"ws://{HOST}")
        session = InProcessSession({HOST: self.stage})
        return ExchangeAt(self.name, access, lambda: self.exchange.now_ms, Random(SEED), session=session)

    @property
    def account(self) -> ExchangeAccount:
        """Ground truth."""
        return self.exchange.accounts()[0]

    def arm(self, *rules: Rule) -> None:
        """Faults from now on."""
        self.stage.arm(rules)

    def price(self, price: Price, symbol: str = "") -> None:
        """It costs this now."""
        self.pace.move()
        self.exchange.set_price(symbol or self.symbol, D(price))

    async def bars(self, ways: Mapping[str, Sequence[Price]]) -> None:
        self.pace.move()
        now_ms = self.exchange.now_ms
        close_ms = (now_ms // MINUTE_MS + 1) * MINUTE_MS
        most = max((len(way) for way in ways.values()), default=0)
        step_ms = (close_ms - now_ms) // (most + 1)
        for number in range(most):
            await self._until(now_ms + step_ms * (number + 1))
            for symbol, way in ways.items():
                if number < len(way):
                    self.price(way[number], symbol)
        await self._until(close_ms)
        await self.rest(ANSWER_S)

    async def _until(self, at_ms: int) -> None:
        await asyncio.sleep(max(0.0, (at_ms - self.pace.now_ms) / 1000))
        self.pace.move()

    async def rest(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self.pace.move()

    async def settle_funding(self, rate: str) -> None:
        for symbol in self.symbols:
            self.exchange.set_funding(symbol, D(rate))
        hour_ms = (self.exchange.now_ms // HOUR_MS + 1) * HOUR_MS
        await self._until(hour_ms)
        await self.rest(ANSWER_S)

    def hand(self, action: str, **given: object) -> object:
        """A control call of the exchange."""
        self.pace.move()
        return do(self.stage, action, given)

    async def close_by_hand(self, symbol: str = "") -> None:
        self.hand("close", symbol=symbol or self.symbol)
        await self.rest(ANSWER_S)

    async def order_by_hand(self, side: OrderSide, quantity: str, symbol: str = "") -> None:
        self.hand("order", symbol=symbol or self.symbol, side=side.value, quantity=quantity)
        await self.rest(ANSWER_S)

    async def cancel_by_hand(self, purpose: Purpose) -> None:
        for row in self.exits(purpose):
            self.account.cancel_conditional(row)
        await self.rest(ANSWER_S)

    def exits(self, purpose: Purpose, symbol: str = "") -> list[Conditional]:
        """What rests at the exchange for this purpose."""
        word = "STOP" if purpose is Purpose.STOP else "TAKE"
        return [row for row in self.account.live_conditionals(symbol or self.symbol) if word in row.ask.kind]

    def held(self, symbol: str = "", leg: Leg | None = None) -> Decimal:
        """Signed quantity at the exchange."""
        legs = self.account.legs(symbol or self.symbol)
        return sum((one.quantity for one in legs if leg in (None, one.leg)), D(0))

    async def end(self) -> None:
        await super().end()
        self._living.cancel()
        await asyncio.gather(self._living, return_exceptions=True)


class PaperFloor(Floor):
    """The paper venue: it lives by bars, and so does time."""

    performer = Performer
    read_lag_ms = 0

    def make_venue(self) -> Any:
        return PaperOn(self.feed, self.instruments, START_MS)

    @property
    def venue(self) -> PaperVenue:
        """The venue itself."""
        venue = self.house.venue
        assert isinstance(venue, PaperVenue)
        return venue

    async def bars(self, ways: Mapping[str, Sequence[Price]]) -> None:
        for symbol in self.symbols:
            way = [float(price) for price in ways.get(symbol, ())]
            stays = self.feed.last.get(symbol, 100.0)
            self.feed.play(symbol, self.venue.now_ms, way or [stays])
        with suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_S):  # a house that hangs never settles
                await self.house.step()

    async def rest(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def settle_funding(self, rate: str) -> None:
        hour_ms = (self.venue.now_ms // HOUR_MS + 1) * HOUR_MS
        for symbol in self.symbols:
            self.feed.rates[symbol, hour_ms] = float(rate)
        while self.venue.now_ms < hour_ms:
            await self.bars({})

    async def close_by_hand(self, symbol: str = "") -> None:
        await self.venue.human_close(symbol or self.symbol)
        await self.house.settled()

    async def order_by_hand(self, side: OrderSide, quantity: str, symbol: str = "") -> None:
        await self.venue.human_order(symbol or self.symbol, side, D(quantity))
        await self.house.settled()

    async def cancel_by_hand(self, purpose: Purpose) -> None:
        for order in self.live(purpose):
            await self.venue.human_cancel(order.client_id)
        await self.house.settled()


def floor_of(venue: str, home: Path, **parts: Any) -> Floor:
    """A floor, its desk not started yet."""
    place = home / venue
    place.mkdir(parents=True, exist_ok=True)
    kind = PaperFloor if venue == "paper" else ExchangeFloor
    return kind(venue, place, **parts)
