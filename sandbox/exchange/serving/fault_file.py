"""Fault rules from a YAML or JSON file, and from the control endpoint; every slip is one line: what, where, allowed.

seed: 7
rules:
  - {request: POST order, symbol: BTC*, nth: 3, effect: cut after}
  - {request: GET order, chance: 0.2, seed: 1, effect: lag, ms: 3000}
  - {request: "*", from: 600, until: 660, effect: maintenance}
  - {frame: ORDER_TRADE_UPDATE, every: 2, times: 3, effect: drop}
  - {at: 3600, every: 600, times: 2, effect: gap, symbol: BTCUSDT, fraction: -0.05}
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TypeGuard

from bot.config.yaml_text import LARGEST_TEXT, YamlError, read_yaml
from sandbox.exchange.serving.asked import brief
from sandbox.exchange.serving.errors import Refusal
from sandbox.exchange.serving.faults import PARAMETERS, FrameEffect, Parameter, Place, RequestEffect, Rule
from sandbox.exchange.serving.world import ACTIONS, check

TEXTS = {
    Place.REQUEST: ("symbol", "venue"),
    Place.FRAME: ("symbol", "venue", "socket"),
    Place.WORLD: ("venue",),
}
TIMES = {"from": "from_s", "until": "until_s"}
COUNTS = ("nth", "every", "times", "seed")
WHOLE = ("nth", "times", "seed")
LARGEST = 1e15
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
        with path.open("rb") as file:
            content = read_yaml(file.read(LARGEST_TEXT + 1).decode("utf-8"))
    except OSError as error:
        raise Refusal(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Refusal(f"{path}: no YAML or JSON") from None
    except YamlError as error:
        raise Refusal(f"{path}: no YAML or JSON: {error}") from None
    if content.problems:
        raise Refusal(f"{path}: {content.problems[0]}")
    return read_plan(content.value, str(path))


def read_plan(content: object, where: str) -> FaultPlan:
    """Rules from what a file or a request holds: a list of rules, or {seed, rules}; raises Refusal."""
    if isinstance(content, list):
        content = {"rules": content}
    if not isinstance(content, dict) or not isinstance(content.get("rules"), list):
        raise Refusal(f"{where}: no list of rules; wanted: {{seed: 7, rules: [...]}}")
    unknown = sorted(set(map(str, content)) - {"seed", "rules"})
    if unknown:
        raise Refusal(f"{where}: no key {brief(unknown[0])}; allowed: seed, rules")
    rules = [_rule(row, f"{where}: rules[{place}]") for place, row in enumerate(content["rules"])]
    return FaultPlan(tuple(rules), int(_number(content.get("seed", 0), "seed", where)))


def _rule(row: object, where: str) -> Rule:
    if not isinstance(row, dict):
        raise Refusal(f"{where}: {brief(row)} is no rule; wanted: {{request: POST order, effect: cut after}}")
    places = [place for place in Place if place.value in row]
    if len(places) != 1:
        raise Refusal(f"{where}: a rule has exactly one of request, frame, at")
    place = places[0]
    effect = str(row.get("effect", ""))
    allowed = _effects(place)
    if effect not in allowed:
        raise Refusal(
            f"{where}.effect: {brief(effect)} is not allowed; allowed: {', '.join(sorted(allowed))}"
        )
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
            if name in COUNTS and found != int(found):
                raise Refusal(f"{where}.{name}: {brief(value)} is not allowed; allowed: a whole number")
            fields[TIMES.get(name, name)] = int(found) if name in WHOLE else found
        elif name in known:
            own[name] = _parameter(known[name], value, name, where)
        else:
            allowed = ", ".join((place.value, "effect", *TEXTS[place], *NUMBERS[place], *known))
            raise Refusal(f"{where}: no key {brief(name)} for {effect!r}; allowed: {allowed}")
    return Rule(place, effect, glob, parameters=own, **fields)  # type: ignore[arg-type]


def _parameter(parameter: Parameter, value: object, name: str, where: str) -> object:
    if not isinstance(parameter.default, str):
        return _number(value, name, where, parameter.least, parameter.most)
    if parameter.words and value not in parameter.words:
        allowed = ", ".join(parameter.words)
        raise Refusal(f"{where}.{name}: {brief(value)} is not allowed; allowed: {allowed}")
    return str(value)


def _is_number(value: object) -> TypeGuard[int | float | Decimal]:
    if isinstance(value, Decimal):
        return value.is_finite()
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(value: object, name: str, where: str, least: float = 0.0, most: float = LARGEST) -> float:
    if name == "chance":
        most = 1.0
    if not _is_number(value) or not least <= value <= most:
        words = f"{least:g} to {most:g}" if most < LARGEST else f"a number from {least:g} on"
        raise Refusal(f"{where}.{name}: {brief(value)} is not allowed; allowed: {words}")
    return float(str(value))
