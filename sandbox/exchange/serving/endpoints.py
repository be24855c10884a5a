"""Fault rules of requests that fit no request there is: a slip in a name must not be a fault that never strikes."""

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from fnmatch import fnmatchcase

from sandbox.exchange.serving.asked import brief
from sandbox.exchange.serving.errors import Refusal
from sandbox.exchange.serving.faults import Place, Rule
from sandbox.exchange.wire import Protocol

OPEN_END = "*"


def check_requests(rules: Iterable[Rule], protocols: Sequence[Protocol]) -> None:
    """Refusal, in one line with the nearest name, for a rule that fits no endpoint of the protocols it is meant for.

    One fit is enough: rules of several exchanges may stand in one file. Rules of exchanges that are not here pass.
    """
    for place, rule in enumerate(rules):
        if rule.place is not Place.REQUEST:
            continue
        meant = [protocol for protocol in protocols if fnmatchcase(protocol.name, rule.venue)]
        known = [name for protocol in meant for name in protocol.endpoints()]
        if known and not any(may_fit(rule.glob, name) for name in known):
            venues = " or ".join(protocol.name for protocol in meant)
            raise Refusal(
                f"rules[{place}].request: {brief(rule.glob)} fits no endpoint of {venues}; "
                f"nearest: {nearest(rule.glob, known)}"
            )


def may_fit(glob: str, name: str) -> bool:
    """True when the glob fits an endpoint; of a name with an open end (`WS /ws/*`), when it fits some that begin so."""
    if not name.endswith(OPEN_END):
        return fnmatchcase(name, glob)
    stem = name.removesuffix(OPEN_END)
    return any(fnmatchcase(stem, glob[:end]) for end in range(1, len(glob) + 1))


def nearest(glob: str, names: Sequence[str]) -> str:
    """The name that looks most like it, whatever the case of its letters."""
    wanted = glob.lower()
    return max(names, key=lambda name: SequenceMatcher(None, wanted, name.lower()).ratio())
