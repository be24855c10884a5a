"""Refusals are values with figures: what refused, and the numbers that made it do so."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Passed:
    """A rule that let the entry through; `figures` say how close it was."""

    rule: str
    figures: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """A rule (or a command's check) that said no; `figures` is one line with the numbers and what is allowed."""

    rule: str
    figures: str
