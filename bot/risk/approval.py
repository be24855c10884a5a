"""The only place where intents become Approved: entries through every rule, exits through a weaker set."""

from decimal import Decimal
from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol, cast

from bot.domain.instrument import ZERO
from bot.domain.order import Approved, Intent, closing
from bot.domain.position import Position
from bot.domain.refusal import Passed, Refused
from bot.domain.signal import GateCheck
from bot.risk import rules
from bot.risk.book import Candidate, RiskBook

ENTRY_RULES = "entry"
EXIT_RULES = "exit"


class Rule(Protocol):
    """One rule: a module in bot/risk/rules with its NAME, its place in the ORDER, and `check`."""

    NAME: str
    ORDER: int

    def check(self, candidate: Candidate, book: RiskBook) -> Passed | Refused:
        """Passed or Refused, with the figures that decided."""
        ...


def _find_rules() -> tuple[Rule, ...]:
    names = sorted(module.name for module in iter_modules(rules.__path__))
    found = [cast("Rule", import_module(f"{rules.__name__}.{name}")) for name in names]
    return tuple(sorted(found, key=lambda rule: (rule.ORDER, rule.NAME)))


RULES: tuple[Rule, ...] = _find_rules()


def check_entry(candidate: Candidate, book: RiskBook) -> tuple[tuple[GateCheck, ...], Refused | None]:
    """Every rule in order up to the first refusal; the gates reached, and the refusal if there was one."""
    gates: list[GateCheck] = []
    for rule in RULES:
        verdict = rule.check(candidate, book)
        refused = isinstance(verdict, Refused)
        gates.append(GateCheck(rule.NAME, not refused, verdict.figures))
        if isinstance(verdict, Refused):
            return (*gates, *_not_reached(rule)), verdict
    return tuple(gates), None


def _not_reached(last: Rule) -> tuple[GateCheck, ...]:
    rest = RULES[RULES.index(last) + 1 :]
    return tuple(GateCheck(rule.NAME, None) for rule in rest)


def approve_entry(intent: Intent, refused: Refused | None) -> Approved | Refused:
    """An entry intent is approved when its candidate was not refused."""
    return refused if refused is not None else Approved(intent, ENTRY_RULES)


def approve_exit(intent: Intent, position: Position) -> Approved | Refused:
    """The weaker set for exits: there is a position, the order reduces it and cannot turn it around.

    Limits, kills, halts and trading states never stop an exit.
    """
    if position.flat:
        return Refused("exit", f"{intent.symbol} is flat: nothing to close")
    if intent.side is not closing(position.side):
        return Refused("exit", f"{intent.side} would grow the {position.side} position")
    if not (intent.reduce_only or intent.close_position):
        return Refused("exit", "an exit must be reduce-only")
    return _approve_quantity(intent, position.size)


def _approve_quantity(intent: Intent, size: Decimal) -> Approved | Refused:
    if not ZERO < intent.quantity <= size:
        return Refused("exit", f"quantity {intent.quantity:f} is not between 0 and the position's {size:f}")
    return Approved(intent, EXIT_RULES)
