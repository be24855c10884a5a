"""How far long work is: told to whoever shows it, and stopped by whoever may."""

from collections.abc import Callable

type Tell = Callable[[int, int], None]
"""Done and whole, in the work's own units; called often, so it must be cheap. What it raises ends the work."""


class Stopped(Exception):
    """Somebody stopped the work; what it had stored before counts, and it can be resumed."""


def silent(done: int, whole: int) -> None:
    """A Tell that nobody hears."""
