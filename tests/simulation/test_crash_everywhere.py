"""Die at every step of a random run and start again: between record and deed, between deed and news, at rest.

At each such moment a new engine begins with what the ledger recorded so far, on a copy of the very same venue. It
must come to the venue's truth without a person, protect what is open, enter nothing, and do it all only once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from desk_story import SMOOTH, START_MS, D, Desk, Script, Venue, build_quiet, stopped_at
from random_market import SYMBOLS, market, play
from recovered import Memory

from bot.domain.action import Action, Cancel, RecordDifference, RecordTrade, Submit
from bot.domain.event import Event
from bot.domain.guard import HaltKind
from bot.domain.order import Purpose
from bot.domain.snapshot import Recovered
from bot.engine import reading
from bot.engine.engine import Engine
from bot.engine.state import EngineState
from bot.runtime.perform import deeds_of
from bot.runtime.ports import Step
from bot.venues.matching import Matching, MatchingRules


class Mortal(Venue):
    """A simulation that may be looked at wherever a process can die; what its ledger knows is in `memory`."""

    def __init__(self, engine: Engine, matching: Matching, **more: Any) -> None:
        super().__init__(engine, matching, **more)
        self.memory = Memory()
        self.moments = 0
        self.die: Any = lambda venue, at_rest: None

    def _step(self, event: Event) -> list[Action]:
        actions = self.engine.handle(event)
        self.steps.append(Step(len(self.steps) + 1, event, tuple(actions)))
        self.memory.take(self.steps[-1])
        for deed in deeds_of(actions):
            self.die(self, False)
            self._perform(deed)
        self.die(self, not self._inbox)
        return actions


@dataclass
class Afterlife:
    """A new process on a copy of the venue as it was."""

    venue: Mortal
    actions: list[Action]

    @property
    def state(self) -> EngineState:
        return self.venue.engine.state


def copied(old: Mortal) -> Matching:
    """The venue's side, as it was at that moment."""
    account = old.matching._account
    matching = Matching(account.instruments, account.wallet, account.rules)
    matching.restore(old.matching.state())
    for symbol, price in account.last.items():
        matching.set_price(symbol, price)
    return matching


def reborn(
    old: Mortal, matching: Matching, recovered: Recovered, doctor: "Doctor | None" = None
) -> Afterlife:
    settings = old.engine.state.settings
    venue = Mortal(Engine(settings, Script(SYMBOLS, old.engine.signals.said), build_quiet), matching)
    venue.fills, venue.funding, venue.commands = list(old.fills), list(old.funding), old.commands
    venue.memory = Memory(old.steps)
    venue.steps = list(old.steps)
    if doctor is not None:
        venue.die = lambda dying, at_rest: doctor.look(dying, False)
    return Afterlife(venue, venue.start(old.now_ms + 1000, recovered))


class Doctor:
    """Looks at every moment of death; at every `again`-th one also at the deaths during that recovery."""

    def __init__(self, people: bool = False, again: int = 0) -> None:
        self.people = people
        self.again = again
        self.looked = 0
        self.rested = 0
        self.repaired = 0

    def look(self, old: Mortal, at_rest: bool) -> None:
        self.looked += 1
        matching = copied(old)
        before = {name: matching.position(name).quantity for name in SYMBOLS}
        inner = Doctor(self.people) if self.again and self.looked % self.again == 0 else None
        life = reborn(old, matching, old.memory.recovered(), inner)
        sent = orders(life.actions)
        self._truth(life, before)
        if at_rest:
            self.rested += 1
            same_as_before(life, old, sent)
        else:
            self.repaired += bool(sent)
        once(life)

    def _truth(self, life: Afterlife, before: dict[str, Any]) -> None:
        assert sent_entries(life.actions) == [], "a start enters nothing by itself"
        assert self.people or all(h.kind is not HaltKind.FOREIGN for h in life.state.halts)
        differences = [a.kind for a in life.actions if isinstance(a, RecordDifference)]
        assert "wallet" not in differences
        assert "position" not in differences
        life.venue.wait(life.venue.now_ms + 120_000)
        agrees(life)
        for name in SYMBOLS:
            now, then = life.venue.matching.position(name).quantity, before[name]
            assert now == then or (abs(now) < abs(then) and now * then >= 0), f"{name}: {then} became {now}"


def agrees(life: Afterlife) -> None:
    """Our books are the venue's, and what is open is covered there."""
    venue, state = life.venue, life.state
    assert state.wallet == venue.matching.wallet
    for name, symbol in state.symbols.items():
        theirs = venue.matching.position(name)
        assert (symbol.position.quantity, symbol.position.entry_price) == (
            theirs.quantity,
            theirs.entry_price,
        )
        assert theirs.flat or symbol.plan is not None
        assert theirs.flat or symbol.plan.foreign or stopped_at(venue.matching, name), f"{name} is naked"
        ours = set(symbol.orders)
        assert ours == {order.request.client_id for order in venue.matching.orders(name)}
        assert not theirs.flat or not ours, f"{name} is flat and {ours} rest"
        assert symbol.unsettled() == 0


def orders(actions: Sequence[Action]) -> list[Action]:
    return [action for action in actions if isinstance(action, Submit | Cancel)]


def sent_entries(actions: Sequence[Action]) -> list[Action]:
    return [a for a in actions if isinstance(a, Submit) and a.order.purpose is Purpose.ENTRY]


def picture(state: EngineState) -> dict[str, Any]:
    """Everything that a restart at rest must not change."""
    whole = reading.dump(state)
    whole.pop("equity")
    whole.pop("high")
    whole["symbols"] = [line[:-1] for line in whole["symbols"]]  # type: ignore[index]
    whole["run"] = state.losing_run
    whole["plans"] = [s.open_trade for s in state.symbols.values()]
    whole["kills"] = [s.kill for s in state.symbols.values()]
    whole["days"] = state.day
    return whole


def same_as_before(life: Afterlife, old: Mortal, sent: list[Action]) -> None:
    """Nothing was on its way: nothing is sent, and the state is the same."""
    if any(symbol.closing for symbol in old.engine.state.symbols.values()):
        return  # a close that had failed is carried on
    assert sent == []
    assert picture(life.state) == picture(old.engine.state)
    # highs are recorded in steps of 0.1 %; the snapshot's marks may bring a new one
    assert life.state.equity_high * D("1.001") >= old.engine.state.equity_high


def once(life: Afterlife) -> None:
    """A second start finds nothing left to do."""
    again = reborn(life.venue, life.venue.matching, life.venue.memory.recovered())
    assert orders(again.actions) == []
    assert [a for a in again.actions if isinstance(a, RecordTrade | RecordDifference)] == []
    agrees(again)


def mortal_desk(rules: MatchingRules) -> tuple[Desk, Mortal]:
    desk = Desk(*SYMBOLS, rules=rules)
    venue = Mortal(desk.new_engine(), Matching(desk.instruments, D(10_000), rules))
    for name in SYMBOLS:
        venue.matching.set_price(name, 100.0)
    desk.venue, desk.matching = venue, venue.matching
    venue.start(START_MS)
    return desk, venue


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("parts", [0, 4], ids=["whole", "in parts"])
def test_death_at_every_moment(seed: int, parts: int) -> None:
    desk, venue = mortal_desk(replace(SMOOTH, max_fill_quantity=D(parts)))
    doctor = Doctor()
    venue.die = doctor.look
    play(desk, list(market(seed, 50)))
    assert doctor.looked > 200
    assert doctor.repaired > 10
    assert doctor.rested > 40


@pytest.mark.parametrize("seed", range(10, 13))
def test_death_with_people_at_the_venue(seed: int) -> None:
    """Their trades are theirs: found again, never touched, and everything else holds."""
    desk, venue = mortal_desk(SMOOTH)
    doctor = Doctor(people=True)
    venue.die = doctor.look
    play(desk, list(market(seed, 50, people=True)))
    assert doctor.repaired > 10


@pytest.mark.parametrize("seed", range(20, 22))
def test_death_during_recovery(seed: int) -> None:
    """Dying once more at every moment of a recovery comes to the same truth."""
    desk, venue = mortal_desk(replace(SMOOTH, max_fill_quantity=D(4)))
    doctor = Doctor(again=5)
    venue.die = doctor.look
    play(desk, list(market(seed, 40)))
    assert doctor.looked > 100


@pytest.mark.parametrize("seed", range(30, 36))
def test_after_a_restart_at_rest_everything_goes_on_the_same(seed: int) -> None:
    """The same market with and without restarts between the bars: the same trades to the last digit."""
    bars = list(market(seed, 60))
    desk, _ = mortal_desk(SMOOTH)
    play(desk, bars)
    other, living = mortal_desk(SMOOTH)
    for bar in bars:
        play(other, [bar])
        life = reborn(living, living.matching, living.memory.recovered())
        living = other.venue = life.venue
        living.now_ms -= 1000
        other.script = life.venue.engine.signals
    once_, twice = desk.venue.memory, living.memory
    assert len(once_.trades) > 5
    assert [replace(t, id="") for t in twice.trades] == [replace(t, id="") for t in once_.trades]
    assert picture(living.engine.state)["wallet"] == picture(desk.venue.engine.state)["wallet"]
    assert twice.kills.keys() == once_.kills.keys()
