"""The digest of everything a seeded run did, for a process of its own: `python digest_of_run.py SEED BARS`."""

import sys
from hashlib import sha256

from desk_story import Desk
from random_market import SYMBOLS, market, play

from bot.domain.event import Started
from bot.runtime.codec import actions_digest


def digest(seed: int, bars: int) -> str:
    """Events, prices, signals and commands all come from the seed."""
    desk = Desk(*SYMBOLS)
    desk.sane = False
    whole = sha256()
    play(desk, market(seed, bars))
    for step in desk.venue.steps:
        assert not isinstance(step.event, Started) or step.number == 1
        whole.update(actions_digest(step.actions).encode())
    return whole.hexdigest()


if __name__ == "__main__":
    sys.stdout.write(digest(int(sys.argv[1]), int(sys.argv[2])))
