"""Counting refusals: bounded lines, bounded memory, and no refusal uncounted."""

import random

from hypothesis import given
from hypothesis import strategies as st

from handlers.tally import MINUTE_MS, MOST_LINES, MOST_PEOPLE, RefusalTally


def test_memory_is_bounded_whoever_comes() -> None:
    tally, at_ms = RefusalTally(), 0
    for number in range(3 * MOST_PEOPLE):
        tally.count(f"telegram:{number}", at_ms)
        at_ms += MINUTE_MS // MOST_LINES + 1
    assert len(tally._people) <= MOST_PEOPLE + 1


@given(st.integers(0, 2**32), st.integers(1, 300), st.integers(1, 40))
def test_lines_are_few_and_counts_add_up(seed: int, refusals: int, people: int) -> None:
    """Whatever comes: at most one line a minute each, so many for all, and what had none is counted in a later one."""
    draw, tally, at_ms = random.Random(seed), RefusalTally(), 10 * MINUTE_MS
    written: list[tuple[str, int]] = []
    counted = 0
    for _ in range(refusals):
        at_ms += draw.choice((0, 1, 100, 5_000))
        who = f"telegram:{draw.randrange(people)}"
        more = tally.count(who, at_ms)
        if more is not None:
            assert all(at_ms - before >= MINUTE_MS for other, before in written if other == who)
            written.append((who, at_ms))
            counted += 1 + more
    left = tally._all.since + sum(one.since for one in tally._people.values())
    assert counted + left == refusals
    assert len(written) <= MOST_LINES * ((at_ms - 10 * MINUTE_MS) // MINUTE_MS + 2)
