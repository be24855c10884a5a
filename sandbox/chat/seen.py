"""A message as a person sees it: what Discord and Slack show alike."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


class NoAnswer(Exception):
    """The client shows an error in place of an answer, or nothing came in time."""


class Labelled(Protocol):
    """Something to press or to choose from."""

    @property
    def label(self) -> str:
        """What stands on it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown[B: Labelled]:
    """A message (or a box) as it is now; `files` by name, `ephemeral` when only this person sees it."""

    author: str
    text: str
    buttons: tuple[B, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    ephemeral: bool = False
    edited: bool = False

    @property
    def labels(self) -> tuple[str, ...]:
        """What stands on the buttons."""
        return tuple(button.label for button in self.buttons)
