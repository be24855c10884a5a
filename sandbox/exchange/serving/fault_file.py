"""Fault rules from a YAML or JSON file, and from the control endpoint; every slip is one line: what, where, allowed.

seed: 7
rules:
  - {request: POST order, symbol: BTC*, nth: 3, effect: cut after}
  - {request: GET order, chance: 0.2, seed: 1, effect: lag, ms: 3000}
  - {request: "*", from: 600, until: 660, effect: maintenance}
  - {frame: ORDER_TRADE_UPDATE, every: 2, times: 3, effect: drop}
  - {at: 3600, every: 600, times: 2, effect: gap, symbol: BTCUSDT, fraction: -0.05}
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from sandbox.exchange.serving.errors import Refusal
from sandbox.exchange.serving.faults import PARAMETERS, FrameEffect, Parameter, Place, RequestEffect, Rule
from sandbox.exchange.serving.world import ACTIONS, check

TEXTS = {
    Place.REQUEST: ("symbol", "venue"),
    Place.FRAME: ("symbol", "venue", "socket"),
    Place.WORLD: ("venue",),
}
TIMES = {"from": "from_s", "until": "until_s"}
COUNTS = ("nth", "times", "seed")
NUMBERS = {
    Place.REQUEST: ("nth", "every", "times", "chance", "seed", "from", "until"),
    Place.FRAME: ("nth", "every", "times", "chance", "seed", "from", "until"),
    Place.WORLD: ("every", "times"),
}


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """What a file says."""

    rules: tuple[Rule, ...] = ()
    seed: int = 0


def load_faults(path: Path) -> FaultPlan:
    """Read a file; raises Refusal."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Refusal(f"{path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}" if mark else ""
        raise Refusal(f"{path}{where}: no YAML or JSON") from None
    return read_plan(content, str(path))


def read_plan(content: object, where: str) -> FaultPlan:
    """Rules from what a file or a request holds: a list of rules, or {seed, rules}; raises Refusal."""
    if isinstance(content, list):
        content = {"rules": content}
    if not isinstance(content, dict) or not isinstance(content.get("rules"), list):
        raise Refusal(f"{where}: no list of rules; wanted: {{seed: 7, rules: [...]}}")
    unknown = sorted(set(map(str, content)) - {"seed", "rules"})
    if unknown:
        raise Refusal(f"{where}: no key {unknown[0]!r}; allowed: seed, rules")
    rules = [_rule(row, f"{where}: rules[{place}]") for place, row in enumerate(content["rules"])]
    return FaultPlan(tuple(rules), int(_number(content.get("seed", 0), "seed", where)))


def _rule(row: object, where: str) -> Rule:
    if not isinstance(row, dict):
        raise Refusal(f"{where}: {row!r} is no rule; wanted: {{request: POST order, effect: cut after}}")
    places = [place for place in Place if place.value in row]
    if len(places) != 1:
        raise Refusal(f"{where}: a rule has exactly one of request, frame, at")
    place = places[0]
    effect = str(row.get("effect", ""))
    allowed = _effects(place)
    if effect not in allowed:
        raise Refusal(f"{where}.effect: {effect!r} is not allowed; allowed: {', '.join(sorted(allowed))}")
    rest = {str(name): value for name, value in row.items() if name not in {place.value, "effect"}}
    if place is Place.WORLD:
        return _world(row[place.value], effect, rest, where)
    return _fault(place, str(row[place.value]), effect, rest, where)


def _effects(place: Place) -> list[str]:
    match place:
        case Place.REQUEST:
            return [effect.value for effect in RequestEffect]
        case Place.FRAME:
            return [effect.value for effect in FrameEffect]
        case Place.WORLD:
            return list(ACTIONS)


def _world(at: object, effect: str, rest: Mapping[str, object], where: str) -> Rule:
    own = {name: value for name, value in rest.items() if name not in {"every", "times", "venue"}}
    try:
        check(effect, own)
    except Refusal as error:
        raise Refusal(f"{where}: {error}") from None
    return Rule(
        Place.WORLD,
        effect,
        venue=str(rest.get("venue", "*")),
        every=_number(rest.get("every", 0), "every", where),
        times=int(_number(rest.get("times", 0), "times", where)),
        from_s=_number(at, "at", where),
        parameters=own,
    )


def _fault(place: Place, glob: str, effect: str, rest: Mapping[str, object], where: str) -> Rule:
    known = PARAMETERS.get(effect, {})
    fields: dict[str, object] = {}
    own: dict[str, object] = {}
    for name, value in rest.items():
        if name in TEXTS[place]:
            fields[name] = str(value)
        elif name in NUMBERS[place]:
            found = _number(value, name, where)
            fields[TIMES.get(name, name)] = int(found) if name in COUNTS else found
        elif name in known:
            own[name] = _parameter(known[name], value, name, where)
        else:
            allowed = ", ".join((place.value, "effect", *TEXTS[place], *NUMBERS[place], *known))
            raise Refusal(f"{where}: no key {name!r} for {effect!r}; allowed: {allowed}")
    return Rule(place, effect, glob, parameters=own, **fields)  # type: ignore[arg-type]


def _parameter(parameter: Parameter, value: object, name: str, where: str) -> object:
    if not isinstance(parameter.default, str):
        return _number(value, name, where, parameter.least)
    if parameter.words and value not in parameter.words:
        allowed = ", ".join(parameter.words)
        raise Refusal(f"{where}.{name}: {value!r} is not allowed; allowed: {allowed}")
    return str(value)


def _number(value: object, name: str, where: str, least: float = 0.0) -> float:
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not good or float(str(value)) < least or (name == "chance" and float(str(value)) > 1):
        words = "0 to 1" if name == "chance" else f"a number from {least:g} on"
        raise Refusal(f"{where}.{name}: {value!r} is not allowed; allowed: {words}")
    return float(str(value))
