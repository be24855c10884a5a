"""Runs a story of the contract suite: `play(venue, home, story)`.

The story is told on one venue from the desk's start to its end; then the bot's books are held against the venue's
truth and the journal is replayed.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from contract_house import Floor, floor_of
from contract_market import START_MS
from contract_truth import agree, replay
from virtual_loop import run_virtually

type Story[F: Floor] = Callable[[F], Awaitable[None]]


def play[F: Floor](venue: str, home: Path, story: Story[F], **parts: Any) -> Floor:
    """Run a story to its end and check everything; `parts` are fields of Floor."""

    async def run() -> Floor:
        floor: Any = floor_of(venue, home, **parts)
        try:
            await floor.open()
            await story(floor)
            await agree(floor)
            await floor.stop()
        finally:
            await floor.end()
        await replay(floor)
        return floor

    return run_virtually(run, START_MS)
