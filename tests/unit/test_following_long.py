"""After a long downtime thousands of candles are followed: others have their turn in between, and nothing changes."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from phantom_kit import BAR_MS, TERMS, cases, market

from bot.domain.decision import Decision
from bot.ml.phantom import Ending, Phantom, candles_since, follow_all
from bot.runtime.following import TOGETHER, Candles, Follower
from bot.strategy import Frame

BARS = 6_000
WAITING = 150


class Store:
    """Phantoms that wait since before the downtime; what is written is kept."""

    def __init__(self, waiting: Sequence[Phantom]) -> None:
        self.left = tuple(waiting)
        self.over: list[tuple[Phantom, Ending]] = []

    async def missed(self, since_ms: int) -> tuple[Decision, ...]:
        return ()

    async def waiting(self) -> tuple[Phantom, ...]:
        return self.left

    async def write(self, begun: Sequence[Phantom], ended: Sequence[tuple[Phantom, Ending]]) -> None:
        self.over += ended


async def test_others_have_their_turn_and_every_end_is_the_same() -> None:
    frame = market(3, BARS, "XRPUSDT")
    every = [case.phantom for case in cases(3, frame, replace(TERMS, lookahead=400))]
    phantoms = every[:: len(every) // WAITING][:WAITING]
    store, turns = Store(phantoms), 0

    async def history(symbol: str, bars: int) -> Frame:
        return frame

    async def begin(decisions: Sequence[Decision]) -> Sequence[Phantom]:
        return ()

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    now_ms = frame.open_at_ms.item(-1) + BAR_MS
    candles = Candles(BAR_MS, lambda _: None, history, lambda: now_ms)
    follower = Follower(store, candles, begin, 1_000)  # type: ignore[arg-type]
    task = asyncio.create_task(others())
    await follower.catch_up()
    task.cancel()
    alone = {one.key: follow_all(one, None, list(candles_since(frame, 0))) for one in phantoms}
    over = {phantom.key: ending for phantom, ending in store.over}
    assert over == {key: end for key, end in alone.items() if isinstance(end, Ending)}
    assert len(over) > WAITING * 0.8
    assert follower.following == WAITING - len(over)
    assert turns > len(frame) // TOGETHER
