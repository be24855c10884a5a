"""Which spans of time are missing in a series, and in which pages they are asked for."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ENOUGH_EMPTY = 2
"""So many pages in a row without anything, before all that is stored: the exchange has nothing older."""


@dataclass(frozen=True, slots=True)
class Span:
    """From (included) to (not included), UTC ms. `oldest`: nothing is stored before it."""

    from_ms: int
    to_ms: int
    oldest: bool = False

    @property
    def length_ms(self) -> int:
        """How long it is."""
        return self.to_ms - self.from_ms


def missing_spans(times: NDArray[np.int64], from_ms: int, to_ms: int, step_ms: int) -> list[Span]:
    """The spans within from <= t < to in which no time is stored, newest first.

    `times` are sorted; between neighbours nothing is missing when they are at most `step_ms` apart.
    """
    if from_ms >= to_ms:
        return []
    inside = times[(times >= from_ms) & (times < to_ms)]
    if not len(inside):
        return [Span(from_ms, to_ms, oldest=True)]
    found = [Span(from_ms, int(inside[0]), oldest=True)] if inside[0] > from_ms else []
    holes = np.flatnonzero(np.diff(inside) > step_ms)
    found += [Span(int(inside[i]) + 1, int(inside[i + 1])) for i in holes]
    if inside[-1] + step_ms < to_ms:
        found.append(Span(int(inside[-1]) + 1, to_ms))
    return found[::-1]


def whole_bars(span: Span, step_ms: int) -> Span:
    """The bars that open within a span: from the first of them to after the last."""
    return Span(-(-span.from_ms // step_ms) * step_ms, -(-span.to_ms // step_ms) * step_ms, span.oldest)


def pages(span: Span, page_ms: int) -> Iterator[Span]:
    """A span in pages of at most so long, newest first."""
    to_ms = span.to_ms
    while to_ms > span.from_ms:
        from_ms = max(span.from_ms, to_ms - page_ms)
        yield Span(from_ms, to_ms, span.oldest)
        to_ms = from_ms
