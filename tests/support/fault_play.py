"""Tells a story of a fault on one exchange: the fault, then no faults any more, then all must be well soon.

`row("F01")` names a story; ROWS are all of them; NOT_INJECTED are those that cannot be told, with the reason.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from contract_house import ACCOUNT, EXCHANGES, ExchangeFloor
from contract_market import START_MS
from fault_oracle import Bounds, Truth, breaches, quarrels, read_books, truth_of
from virtual_loop import run_virtually

from bot.domain.command import Command, Done
from bot.domain.guard import TradingState
from bot.domain.order import client_order_id
from bot.engine import protection
from cli.replay import Player, Verdict
from sandbox.exchange.serving.fault_book import Armed
from sandbox.exchange.serving.faults import FrameEffect, RequestEffect, Rule, on_frame, on_request
from storage.database import open_database
from strategies.registry import Registry

SOON_S = 30
ANSWER_S = 90
"""How long an operator waits for the answer to a command."""
"""T of I4: how long after the last fault all must be equal."""
LONG, SHORT, NOTHING = "100.11", "100.22", "100.50"

type Telling = Callable[["FaultFloor"], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Words:
    """How an exchange calls what faults are about."""

    order: str
    stop: str
    query: str
    cancel: str
    account: str
    fills: str
    updates: str
    query_all: str
    private: str


WORDS: Mapping[str, Words] = {
    "binance": Words(
        order="POST order",
        stop="POST algoOrder",
        query="GET order",
        cancel="DELETE *rder",
        account="GET account",
        fills="ORDER_TRADE_UPDATE",
        updates="ORDER_TRADE_UPDATE",
        query_all="GET *",
        private="*private*",
    ),
    "bybit": Words(
        order="POST order/create",
        stop="POST position/trading-stop",
        query="GET order/*",
        cancel="POST order/cancel",
        account="GET position/list",
        fills="execution*",
        updates="order*",
        query_all="GET *",
        private="*private*",
    ),
}


@dataclass
class FaultFloor(ExchangeFloor):
    """An exchange with words for its faults, and an oracle."""

    bounds: Bounds = field(default_factory=Bounds)
    waived: frozenset[str] = frozenset()
    armed: list[Armed] = field(default_factory=list)
    made_up: bool = False
    """What was booked from the position alone may stand beside the execution that explained it later."""

    @property
    def words(self) -> Words:
        """This exchange's."""
        return WORDS[self.name]

    @property
    def binance(self) -> bool:
        """True on Binance."""
        return self.name == "binance"

    def arm(self, *rules: Rule) -> None:
        """Faults from now on; each must strike before the end."""
        before = len(self.stage.book.armed)
        super().arm(*rules)
        self.armed += self.stage.book.armed[before:]

    def fail(self, effect: RequestEffect, glob: str, **parts: object) -> None:
        """A fault of requests from now on."""
        self.arm(on_request(effect, glob, **parts))

    def frames(self, effect: FrameEffect, glob: str = "*", **parts: object) -> None:
        """A fault of the user stream's frames from now on."""
        self.arm(on_frame(effect, glob, **{"socket": self.words.private, **parts}))

    def trouble(self, codes: Mapping[str, str], glob: str, **parts: object) -> None:
        """A refusal in this exchange's words, before anything is executed."""
        self.fail(RequestEffect.TROUBLE_BEFORE, glob, what=codes[self.name], **parts)

    async def told(self, command: Command) -> Done:
        """A command that is to succeed, and in time."""
        async with asyncio.timeout(ANSWER_S):
            done = await self.command(command)
        assert isinstance(done, Done), done
        return done

    @property
    def truth(self) -> Truth:
        """The exchange's records up to now."""
        return truth_of(self.account, self.stage.requests, self.exchange.now_ms, ACCOUNT)

    @property
    def quarrels(self) -> list[str]:
        """Where bot and exchange disagree now."""
        return quarrels(self.truth, read_books(self.home / "quarterdeck.db", ACCOUNT), made_up=self.made_up)

    def calls(self, endpoint: str, since_ms: int = 0) -> int:
        """How often an endpoint was asked."""
        return sum(one.endpoint == endpoint and one.at_ms >= since_ms for one in self.stage.requests)

    def entries(self) -> int:
        """Entry orders that the exchange took."""
        truth = self.truth
        return sum(truth.purpose(order.client_id) == "ENTRY" for order in truth.ours())

    async def well(self, seconds: float = SOON_S) -> None:
        """No faults any more; wait until bot and exchange agree, which must be soon."""
        self.stage.disarm()
        loop = asyncio.get_running_loop()
        end_s = loop.time() + seconds
        while found := self._ill():
            assert loop.time() < end_s, found
            await self.rest(0.5)

    def _ill(self) -> list[str]:
        """Disagreements, and what is still under way."""
        house, state = self.house, self.state
        found = self.quarrels
        if house.performer.busy or house.loop.queue_length:
            found.append(f"under way: {house.performer.busy}")
        if state.trading is TradingState.RECOVERING:
            found.append("recovering")
        bare = [s.symbol for s in state.symbols.values() if not protection.covered(s)]
        found += [f"I6: {symbol} is not covered" for symbol in bare]
        found += [f"{s.symbol}: an entry still reserves" for s in state.symbols.values() if s.pending]
        if not state.link_up:
            found.append("I10: the stream is down")
        return found


@dataclass(frozen=True, slots=True)
class Row:
    """One fault of the catalogue on the exchanges where it can be."""

    number: str
    tell: Telling
    venues: tuple[str, ...] = EXCHANGES
    bounds: Bounds = field(default_factory=Bounds)
    waived: Mapping[str, str] = field(default_factory=dict)
    """Invariants that the fault itself makes impossible, each with its reason."""
    parts: Mapping[str, Any] = field(default_factory=dict)
    lasts_s: float = 14_400
    """A story that takes longer hangs."""

    @property
    def name(self) -> str:
        """Number and title."""
        return f"{self.number}_{getattr(self.tell, '__name__', 'story')}"


ROWS: list[Row] = []
NOT_INJECTED: dict[tuple[str, str], str] = {}


def row(number: str, *venues: str, **parts: Any) -> Callable[[Telling], Telling]:
    """A story of this fault; `parts` are fields of Row."""

    def note(tell: Telling) -> Telling:
        ROWS.append(Row(number, tell, venues or EXCHANGES, **parts))
        return tell

    return note


def not_injected(number: str, reason: str, *venues: str) -> None:
    """A fault that cannot be, or is shown elsewhere."""
    for venue in venues or EXCHANGES:
        NOT_INJECTED[number, venue] = reason


def tell(name: str, venue: str, home: Path) -> None:
    """A whole life: the story, the recovery, the invariants, the journal's replay."""
    (found,) = (one for one in ROWS if one.name == name)

    async def run() -> None:
        place = home / venue
        place.mkdir(parents=True)
        floor = FaultFloor(
            venue, place, bounds=found.bounds, waived=frozenset(found.waived), **dict(found.parts)
        )
        try:
            async with asyncio.timeout(found.lasts_s):
                await floor.open()
                await found.tell(floor)
                await floor.well()
            _judge(floor)
            await floor.stop()
        finally:
            await floor.end()
        await _replay(floor)

    run_virtually(run, START_MS)


def _judge(floor: FaultFloor) -> None:
    books = read_books(floor.home / "quarterdeck.db", ACCOUNT)
    found = breaches(floor.truth, books, floor.bounds, floor.waived)
    assert not found, found
    assert floor.house.loop.errors == 0
    assert not floor.stage.troubles, list(floor.stage.troubles)
    idle = [f"{one.rule.effect} {one.rule.glob}" for one in floor.armed if not one.applied]
    assert not idle, f"these faults never struck: {idle}"
    for order in floor.tape.orders():
        assert order.client_id == client_order_id(ACCOUNT, order.intent)
    sent = [order.client_id for order in floor.tape.orders()]
    assert len(sent) == len(set(sent)), "I1: an intent was submitted twice"


async def _replay(floor: FaultFloor) -> None:
    """The journal comes out again, digest by digest."""
    database = await open_database(
        f"sqlite+aiosqlite:///{floor.home / 'quarterdeck.db'}", synchronous="NORMAL"
    )
    try:
        ledger = database.ledger(ACCOUNT)
        player = Player(ledger, Registry([floor.home / "mine"]), 1000, Verdict(ACCOUNT))
        async for step in ledger.journal(1, 0):
            await player.play(step)
    finally:
        await database.close()
    assert player.verdict.equal, player.verdict


def cases_of(module: ModuleType) -> list[tuple[str, str]]:
    """(name, exchange) of every story in a module."""
    return [
        (one.name, venue) for one in ROWS for venue in one.venues if one.tell.__module__ == module.__name__
    ]
