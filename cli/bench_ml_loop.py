"""How long models hold a desk's loop: a start with a model for every symbol, bars where all are scored, all reloaded.

Held is the processor time that the loop's thread spends between two looks at what is ready: other programs count
nothing, and neither does what runs in threads. Late is the same by the wall: threads and other programs count too.
"""

import asyncio
import selectors
import statistics
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bot.domain.errors import ConfigError
from bot.domain.model import ScoreAsk
from bot.domain.signal import Side
from bot.ml.card import Card
from bot.ml.feature import BTC, ETH
from bot.ml.shelf import ModelShelf, Wanted
from bot.ml.writing import make_current, write_version
from bot.runtime.scoring import Known, ModelScorer, Told
from bot.strategy import Frame
from cli.live import HANDOVER_S

STORM_BARS = 5


class Watched(selectors.DefaultSelector):
    """Notes the longest time between two looks, in milliseconds: of the thread's processor, and by the wall."""

    def __init__(self) -> None:
        """Nothing is noted yet."""
        super().__init__()
        self._since = time.thread_time(), time.perf_counter()
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self.held_ms = self.late_ms = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready; the loop asks once per round."""
        held_s, late_s = self._since
        self.held_ms = max(self.held_ms, (time.thread_time() - held_s) * 1000)
        self.late_ms = max(self.late_ms, (time.perf_counter() - late_s) * 1000)
        found = super().select(timeout)
        self._since = time.thread_time(), time.perf_counter()
        return found


@dataclass(slots=True)
class Town:
    """A desk's scorer with as many symbols as there are windows, each with a model of its own."""

    folder: Path
    strategy: str
    windows: Sequence[Frame]
    watch: Watched = field(default_factory=Watched)
    found: dict[str, object] = field(default_factory=dict)

    def fill(self, card: Card, content: bytes) -> None:
        """Put the models in place."""
        for name in self._names():
            mine = replace(card, strategy=self.strategy, symbol=name)
            write_version(self.folder, mine, content, "<html></html>", current=True)

    def measured(self, runs: int) -> dict[str, object]:
        """All figures."""
        run_on(self.watch, self._play(runs))
        for kind in ("held", "late"):
            parts = [figure for name, figure in self.found.items() if name.endswith(f"_{kind}_ms")]
            self.found[f"loop_{kind}_ms"] = max(part for part in parts if isinstance(part, float))
        return self.found

    def _names(self) -> list[str]:
        return [f"M{place}USDT" for place in range(len(self.windows))]

    async def _play(self, runs: int) -> None:
        shelf = ModelShelf(self.folder)
        shelf.want(Wanted(self.strategy, name) for name in self._names())
        scorer = ModelScorer(shelf, self._known(), Told(lambda _: None, lambda *_: None, lambda: 0), 0.5)
        await self._noted("start", scorer.begin)
        took = [await self._noted("bar", lambda: self._bar(scorer)) for _ in range(runs + 1)]
        self.found["desk_batch_ms"] = round(statistics.median(took[1:]), 3)
        before = [shelf.chosen(self.strategy, name) for name in self._names()]
        for name in self._names():
            make_current(self.folder, self.strategy, name, "v0001")
        await self._noted("storm", lambda: self._storm(scorer))
        after = [shelf.chosen(self.strategy, name) for name in self._names()]
        if any(one is other for one, other in zip(before, after, strict=True)):
            raise ConfigError("bench ml: a change of the models was not seen")

    async def _storm(self, scorer: ModelScorer) -> None:
        """All models change at once, and bars close meanwhile."""
        for _ in range(STORM_BARS):
            await self._bar(scorer)
        await scorer.reloads.whole()

    async def _bar(self, scorer: ModelScorer) -> None:
        """A bar on which every symbol has a signal."""
        asks = [
            ScoreAsk(name, self.strategy, window.open_at_ms.item(-1) + window.timeframe_ms, Side.LONG, 3.0)
            for name, window in zip(self._names(), self.windows, strict=True)
        ]
        said = await scorer.scores(asks)
        if len(said) != len(asks) or any(one.fault for one in said):
            raise ConfigError(f"bench ml: the scorer answered {said[0].fault or 'too little'}")

    async def _noted(self, name: str, work: Callable[[], Coroutine[None, None, None]]) -> float:
        """Do it, note how long the loop was held and late by it at most; how long it took in ms."""
        await asyncio.sleep(0)
        self.watch.forget()
        began_s = time.perf_counter()
        await work()
        await asyncio.sleep(0)
        took_ms = (time.perf_counter() - began_s) * 1000
        for kind, figure in (("held", self.watch.held_ms), ("late", self.watch.late_ms)):
            before = self.found.get(f"{name}_{kind}_ms", 0.0)
            self.found[f"{name}_{kind}_ms"] = max(
                before if isinstance(before, float) else 0.0, round(figure, 3)
            )
        self.found[f"{name}_took_ms"] = round(took_ms, 1)
        return took_ms

    def _known(self) -> Known:
        windows = dict(zip(self._names(), self.windows, strict=True))
        windows |= {"BTCUSDT": self.windows[0], "ETHUSDT": self.windows[-1]}
        return Known(windows.get, lambda _: {}, {BTC: "BTCUSDT", ETH: "ETHUSDT"})


def run_on(watch: Watched, work: Coroutine[None, None, None]) -> None:
    """Run on a loop that is watched; threads let go as soon as on a desk."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(HANDOVER_S)
    try:
        with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(watch)) as runner:
            runner.run(work)
    finally:
        sys.setswitchinterval(before)
