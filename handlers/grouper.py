"""Groups of symbols as a chat may ask for them: the one that counts, and a new one made in a process of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from bot.domain.refusal import Refused
from bot.ml.grouping import Grouping
from handlers.command import Injected
from handlers.lab import Told

type Moved = tuple[tuple[str, int | None, int | None], ...]
"""Symbols whose cluster is another one: before and now, None where they are in none."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The groupings that are kept: the newest (None: there is none yet), how many, when the first was made."""

    newest: Grouping | None = None
    count: int = 0
    first_ms: int = 0


@dataclass(frozen=True, slots=True)
class Regrouped:
    """A new grouping; traded symbols that are in another cluster now, and those with too few candles for one."""

    grouping: Grouping
    moved: Moved = ()
    left_out: tuple[str, ...] = ()


class Grouper(Protocol):
    """Where symbols are grouped."""

    async def kept(self) -> Kept:
        """What there is."""
        ...

    async def regroup(self, user: str, told: Told) -> Regrouped | Refused:
        """Group anew; Refused when the person has something running, when it was stopped, or with too little known."""
        ...

    async def stop(self, user: str) -> str:
        """Stop what a person has running; answers what that was, empty when there was nothing."""
        ...


class NoGrouper:
    """A Grouper that groups nothing."""

    async def kept(self) -> Kept:
        """None."""
        return Kept()

    async def regroup(self, user: str, told: Told) -> Regrouped | Refused:
        """There is nobody to do it."""
        return Refused("clusters", "symbols cannot be grouped from this desk")

    async def stop(self, user: str) -> str:
        """Nothing runs."""
        return ""


@dataclass(frozen=True, slots=True)
class Groups(Injected):
    """The grouper, as a handler asks for it."""

    grouper: Grouper = field(default_factory=NoGrouper)


def moved(before: Mapping[str, int], now: Mapping[str, int]) -> Moved:
    """What changed, in symbol order; clusters by symbol."""
    names = sorted(before.keys() | now.keys())
    return tuple(
        (name, before.get(name), now.get(name)) for name in names if before.get(name) != now.get(name)
    )


def moved_words(found: Moved) -> list[str]:
    """Each of them: "XRPUSDT 1 → 2"."""
    words = ("none" if one is None else str(one) for change in found for one in change[1:])
    return [
        f"{name} {before} → {now}" for (name, _, _), before, now in zip(found, words, words, strict=False)
    ]
