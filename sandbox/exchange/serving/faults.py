"""Fault rules: values that say where (request, frame, the world), when, and what goes wrong.

    request: POST order     requests by the protocol's endpoint name (`WS /private/ws` is the dialling of a socket)
    frame: ORDER_*          frames by event type, stream or topic name; `socket: /private/*` narrows to some sockets
    at: 3600                the world, so many seconds of exchange time after the start; `every` repeats, in seconds

`symbol`, `request`, `frame` and `socket` are globs. A rule counts what fits it inside `from` .. `until` (seconds of
exchange time) and applies to the `nth` of them, or to `every` so-manieth, or to each with `chance` (drawn from its
own `seed`), at most `times` times. Whatever is not said is no limit. `venue` narrows a rule to one exchange; a
rule of requests must fit an endpoint of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Place(StrEnum):
    """Where a rule applies; the key that holds its glob (or its time)."""

    REQUEST = "request"
    FRAME = "frame"
    WORLD = "at"


class RequestEffect(StrEnum):
    """What goes wrong with a request. `before` means that nothing was executed, `after` that everything was."""

    CUT_BEFORE = "cut before"
    CUT_AFTER = "cut after"
    OVERLOADED_BEFORE = "overloaded before"
    OVERLOADED_AFTER = "overloaded after"
    UNKNOWN_BEFORE = "unknown before"
    UNKNOWN_AFTER = "unknown after"
    REJECT_LATER = "reject later"
    DELAY_BEFORE = "delay before"
    DELAY_AFTER = "delay after"
    HANG = "hang"
    LAG = "lag"
    GARBAGE = "garbage"
    TOO_MANY = "too many"
    BAN = "ban"
    MAINTENANCE = "maintenance"
    REFUSE = "refuse"
    SKEW = "skew"
    TROUBLE_BEFORE = "trouble before"
    TROUBLE_AFTER = "trouble after"
    ANSWER_BEFORE = "answer before"
    ANSWER_AFTER = "answer after"


class FrameEffect(StrEnum):
    """What goes wrong with a frame, or with the socket it was for."""

    DROP = "drop"
    DUPLICATE = "duplicate"
    SWAP = "swap"
    DELAY = "delay"
    SILENCE = "silence"
    HALF_OPEN = "half open"
    CLOSE = "close"
    EXPIRE_KEY = "expire key"
    GARBAGE = "garbage"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an effect: its default; a word (one of `words`, if any) or a number, `least` to `most`."""

    default: float | str
    words: tuple[str, ...] = ()
    least: float = 0.0
    most: float = 1e15


_ANSWER = {"status": Parameter(400.0, least=200.0, most=599.0), "body": Parameter("")}
_WHAT = {"what": Parameter("unknown")}
_MS = {"ms": Parameter(1000.0)}
PARAMETERS: Mapping[str, Mapping[str, Parameter]] = {
    RequestEffect.DELAY_BEFORE: _MS,
    RequestEffect.DELAY_AFTER: _MS,
    RequestEffect.LAG: _MS,
    RequestEffect.SKEW: {"ms": Parameter(5000.0, least=-1e12)},
    RequestEffect.GARBAGE: {"form": Parameter("html", ("html", "truncated", "empty"))},
    RequestEffect.BAN: {"seconds": Parameter(120.0)},
    RequestEffect.TROUBLE_BEFORE: _WHAT,
    RequestEffect.TROUBLE_AFTER: _WHAT,
    RequestEffect.ANSWER_BEFORE: _ANSWER,
    RequestEffect.ANSWER_AFTER: _ANSWER,
    FrameEffect.DELAY: _MS,
    FrameEffect.SWAP: _MS,
    FrameEffect.SILENCE: {"seconds": Parameter(1e12)},
    FrameEffect.CLOSE: {"code": Parameter(1001.0, least=1000.0, most=4999.0)},
}
"""Parameters of the effects that have some: times in ms or seconds; `swap` waits `ms` at most for the next frame.
`what`: a trouble that the protocol can word (`Protocol.trouble`). `answer`: any status with any body."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One fault. `until_s` and `times` 0 = without end; `parameters` as PARAMETERS (or the control call) has them."""

    place: Place
    effect: str
    glob: str = "*"
    symbol: str = "*"
    socket: str = "*"
    venue: str = "*"
    nth: int = 0
    every: float = 0.0
    times: int = 0
    chance: float = 1.0
    seed: int | None = None
    from_s: float = 0.0
    until_s: float = 0.0
    parameters: Mapping[str, object] = field(default_factory=dict)

    def number(self, name: str) -> float:
        """A parameter that is a number, or its default."""
        return float(str(self.parameters.get(name, PARAMETERS[self.effect][name].default)))

    def word(self, name: str) -> str:
        """A parameter that is a word, or its default."""
        return str(self.parameters.get(name, PARAMETERS[self.effect][name].default))


def on_request(effect: RequestEffect, glob: str = "*", **parts: object) -> Rule:
    """A fault of requests; `parts` are fields of Rule or parameters of the effect."""
    return _rule(Place.REQUEST, effect, glob, parts)


def on_frame(effect: FrameEffect, glob: str = "*", **parts: object) -> Rule:
    """A fault of frames; `parts` are fields of Rule or parameters of the effect."""
    return _rule(Place.FRAME, effect, glob, parts)


def in_world(action: str, at_s: float = 0.0, **parts: object) -> Rule:
    """Something that happens at the exchange; `parts` as the control call takes them."""
    return Rule(Place.WORLD, action, from_s=at_s, parameters=parts)


def _rule(place: Place, effect: str, glob: str, parts: Mapping[str, object]) -> Rule:
    known = PARAMETERS.get(effect, {})
    fields = {name: value for name, value in parts.items() if name not in known}
    own = {name: value for name, value in parts.items() if name in known}
    return Rule(place, effect, glob, parameters=own, **fields)  # type: ignore[arg-type]
