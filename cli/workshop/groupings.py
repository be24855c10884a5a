"""A grouping as a worker does it: the candles of a month, of the store and of the desk, grouped by behaviour."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.domain.market import DAY_MS
from bot.runtime.codec import decode
from bot.strategy import Frame
from cli.workshop.asking import GroupAnswer, GroupAsked, nothing_of
from cli.workshop.ground import bar_ms, joined, stored_symbols
from cli.workshop.parcel import Parcel
from cli.workshop.worker import Say
from research.learning.clustering import Asked, grouped
from research.store.port import StoreError

GROUPING = "grouping"


def work(parcel: Parcel, say: Say) -> GroupAnswer:
    """Do it. Raises QuarterdeckError with the reason where there is nothing to group."""
    asked = decode(parcel.order, GroupAsked)
    ground = GroupGround(asked, {frame.symbol: frame for frame in parcel.frames})
    names = ground.symbols()
    frames = {}
    for number, symbol in enumerate(names):
        say(number, len(names) + 1, symbol)
        frames[symbol] = ground.frame(symbol)
    say(len(names), len(names) + 1, GROUPING)
    leader = ground.frame(asked.leader) if asked.leader else None
    found = grouped(Asked(frames, leader, asked.to_ms, asked.days, asked.seed))
    return GroupAnswer(found.grouping, tuple(one for one in found.left_out if one in asked.symbols))


@dataclass(frozen=True, slots=True)
class GroupGround:
    """Where a grouping takes candles from: the store, and the desk's own by symbol."""

    asked: GroupAsked
    live: Mapping[str, Frame]

    def symbols(self) -> tuple[str, ...]:
        """The traded ones, and those of the store, in order."""
        stored = stored_symbols(Path(self.asked.place.home), self.asked.place.timeframe)
        return tuple(sorted({*self.asked.symbols, *stored}))

    def frame(self, symbol: str) -> Frame:
        """What is known of those days; nothing where the store's file cannot be read and the desk has none."""
        asked, live = self.asked, self.live.get(symbol, nothing_of(symbol, bar_ms(self.asked.place)))
        begin_ms = asked.to_ms - asked.days * DAY_MS
        try:
            return joined(asked.place, live, begin_ms, asked.to_ms).frame
        except StoreError:
            return live
