"""Rules that are armed: they count what passes and say which of them apply. The same seed, the same faults."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from math import inf
from random import Random

from sandbox.exchange.serving.faults import Place, Rule


@dataclass(slots=True)
class Armed:
    """One rule at work. Its times count from `since_s` (seconds of exchange time since the start)."""

    rule: Rule
    lots: Random
    since_s: float = 0.0
    met: int = 0
    applied: int = 0
    begun: bool = False

    def running(self, at_s: float) -> bool:
        """Inside the rule's window, and not used up."""
        age = at_s - self.since_s
        inside = self.rule.from_s <= age < (self.rule.until_s or inf)
        return inside and not (self.rule.times and self.applied >= self.rule.times)

    def applies(self) -> bool:
        """Count one more that fits; True when it is this one's turn."""
        self.met += 1
        turn = not self.rule.nth or self.met == self.rule.nth
        if self.rule.every:
            turn = turn and self.met % int(self.rule.every) == 0
        if turn and self.rule.chance < 1.0:
            turn = self.lots.random() < self.rule.chance
        self.applied += turn
        return turn

    def falls_due(self, at_s: float) -> bool:
        """A rule of the world: its time has come (again)."""
        rule, age = self.rule, at_s - self.since_s
        most = rule.times or (0 if rule.every else 1)
        due = age >= rule.from_s + self.applied * rule.every and not (most and self.applied >= most)
        self.applied += due
        return due


@dataclass(slots=True)
class FaultBook:
    """All armed rules of one stage, in the order in which they were added."""

    venue: str = ""
    seed: int = 0
    armed: list[Armed] = field(default_factory=list)
    _added: int = 0

    def add(self, rules: Iterable[Rule], at_s: float = 0.0) -> None:
        """Arm rules; those of other venues are left out."""
        for rule in rules:
            self._added += 1
            lots = Random(f"{self.seed if rule.seed is None else rule.seed}:{self._added}")
            if not self.venue or fnmatchcase(self.venue, rule.venue):
                self.armed.append(Armed(rule, lots, at_s))

    def clear(self) -> None:
        """Disarm all."""
        self.armed.clear()

    def has_frame_rules(self) -> bool:
        """Whether frames need a look at all."""
        return any(armed.rule.place is Place.FRAME for armed in self.armed)

    def for_request(self, endpoint: str, symbol: str, at_s: float) -> list[Rule]:
        """Rules that apply to this request, in order."""
        return [
            armed.rule
            for armed in self._running(Place.REQUEST, at_s)
            if fnmatchcase(endpoint, armed.rule.glob) and _fits(symbol, armed.rule.symbol) and armed.applies()
        ]

    def for_frame(self, names: Sequence[str], symbol: str, path: str, at_s: float) -> list[Rule]:
        """Rules that apply to this frame, in order; `names` is all that it may be called."""
        return [
            armed.rule
            for armed in self._running(Place.FRAME, at_s)
            if any(fnmatchcase(name, armed.rule.glob) for name in names)
            and _fits(symbol, armed.rule.symbol)
            and fnmatchcase(path, armed.rule.socket)
            and armed.applies()
        ]

    def due(self, at_s: float) -> list[Rule]:
        """What happens at the exchange by now."""
        return [a.rule for a in self.armed if a.rule.place is Place.WORLD and a.falls_due(at_s)]

    def begun(self, effect: str, at_s: float) -> list[Rule]:
        """Rules of this effect whose window has opened since the last time somebody asked."""
        found = [a for a in self._running(Place.REQUEST, at_s) if a.rule.effect == effect and not a.begun]
        for armed in found:
            armed.begun = True
        return [armed.rule for armed in found]

    def running(self, effect: str, at_s: float) -> list[Rule]:
        """Rules of this effect whose window is open, uncounted."""
        return [a.rule for a in self._running(Place.REQUEST, at_s) if a.rule.effect == effect]

    def _running(self, place: Place, at_s: float) -> list[Armed]:
        return [armed for armed in self.armed if armed.rule.place is place and armed.running(at_s)]


def _fits(symbol: str, glob: str) -> bool:
    """A rule for some symbols leaves alone what is about none."""
    return glob == "*" or fnmatchcase(symbol, glob)
