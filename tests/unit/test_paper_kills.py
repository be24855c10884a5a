"""A paper venue that is killed and whose books fail at random does exactly what an undisturbed one does.

The undisturbed twin is told to do what the disturbed venue says it did: DONE is done, NOT_DONE is not, and UNKNOWN is
settled by a query, as the bot does it. In the end both must have the same account to the digit.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from paper_kit import NAMES, T0, Corners, FailingBooks, Listener, order

from bot.domain.errors import StorageError
from bot.domain.event import CallEnded, Filled, OrderUpdated, Outcome
from bot.domain.instrument import ZERO
from bot.domain.market import HOUR_MS
from bot.domain.order import OrderSide
from bot.venues.matching import MatchingRules

BUY, SELL = OrderSide.BUY, OrderSide.SELL
BARS = 40


def bar(move: tuple[int, int, int]) -> Corners:
    open_, up, down = 100 + move[0] / 2, move[1] / 2, move[2] / 2
    return (open_, open_ + up, open_ - down, open_ + (up - down) / 2)


moves = st.tuples(st.integers(-8, 8), st.integers(0, 8), st.integers(0, 8)).map(bar)
tapes = st.fixed_dictionaries({name: st.lists(moves, min_size=BARS, max_size=BARS) for name in NAMES})
names = st.sampled_from(NAMES)
quantities = st.sampled_from(["0.5", "1", "2", "7"])
happenings = st.one_of(
    st.tuples(st.just("step")),
    st.tuples(st.just("step")),
    st.tuples(st.just("market"), names, st.sampled_from([BUY, SELL]), quantities),
    st.tuples(st.just("stop"), names, st.integers(1, 9)),
    st.tuples(st.just("limit"), names, st.integers(-6, 6), quantities),
    st.tuples(st.just("cancel"), st.integers(1, 30)),
    st.tuples(st.just("leverage"), names, st.integers(1, 60)),
    st.tuples(st.just("person"), names),
    st.tuples(st.just("kill")),
    st.tuples(st.just("fail"), st.booleans()),
)
lives = st.lists(happenings, min_size=20, max_size=45)
rules = st.sampled_from([MatchingRules(), MatchingRules(max_fill_quantity=ZERO + 1)])


class Pair:
    """The disturbed venue and its twin."""

    def __init__(self, tape: dict[str, list[Corners]], rule_set: MatchingRules) -> None:
        rates = {(name, T0 + hour * HOUR_MS): 0.0005 for name in NAMES for hour in range(8, 4 * BARS, 8)}
        self.books = FailingBooks()
        self.one = Listener(tape, rates, rule_set, self.books, "4h")
        self.twin = Listener(tape, rates, rule_set, timeframe="4h")
        self.number = 0
        self.seen: Counter[str] = Counter()

    async def live(self, life: Sequence[Sequence[Any]]) -> None:
        await self.one.start()
        await self.twin.start()
        for name, *more in life:
            await getattr(self, f"_{name}")(*more)
        self.books.fail_before = self.books.fail_after = 0
        assert await self.one.venue.snapshot(0) == await self.twin.venue.snapshot(0)
        await self.one.kill()
        assert await self.one.venue.snapshot(0) == await self.twin.venue.snapshot(0)
        await self._said_once()

    async def _said_once(self) -> None:
        said = Counter(event.fill.trade_id for event in self.one.told if isinstance(event, Filled))
        there = {fill.trade_id for fill in (await self.one.venue.snapshot(0)).fills}
        assert set(said) <= there, "a fill was told that is not in the books"
        assert not said or max(said.values()) == 1, "a fill was told twice"

    async def _step(self) -> None:
        before = self.one.venue.now_ms
        try:
            await self.one.venue.step()
        except StorageError:
            await self._settled()
        if self.one.venue.now_ms > before:
            await self.twin.venue.step()

    async def _settled(self) -> None:
        """Ask until the books can be read and written again."""
        self.books.fail_before = self.books.fail_after = 0
        await self.one.venue.snapshot(0)

    async def _submit(self, **asked: Any) -> None:
        self.number += 1
        wanted = order(f"c{self.number}", **asked)
        answer = await self.one.venue.submit(wanted)
        self.seen[f"{answer.outcome} {answer.code}"] += 1
        if await self._happened(answer, wanted.symbol):
            assert (await self.twin.venue.submit(wanted)).outcome is Outcome.DONE

    async def _happened(self, answer: CallEnded, symbol: str) -> bool:
        if answer.outcome is not Outcome.UNKNOWN:
            return answer.outcome is Outcome.DONE
        await self._settled()
        found = await self.one.venue.query(answer.client_id, symbol, False)
        return isinstance(found, OrderUpdated)

    async def _market(self, name: str, side: OrderSide, quantity: str) -> None:
        await self._submit(side=side, symbol=name, quantity=quantity)

    async def _limit(self, name: str, away: int, quantity: str) -> None:
        side, price = (BUY, 100 + away) if away <= 0 else (SELL, 100 + away)
        await self._submit(side=side, kind="LIMIT", symbol=name, quantity=quantity, limit_price=str(price))

    async def _stop(self, name: str, away: int) -> None:
        held = await self.twin.position(name)
        side, price = (SELL, 100 - away) if held > 0 else (BUY, 100 + away)
        more = {"close_position": True, "reduce_only": True, "trigger_price": str(price)}
        await self._submit(side=side, kind="STOP_MARKET", symbol=name, **more)

    async def _cancel(self, number: int) -> None:
        answer = await self.one.venue.cancel(f"c{number}", NAMES[0], False)
        if answer.outcome is Outcome.UNKNOWN:
            await self._settled()
            found = await self.one.venue.query(f"c{number}", NAMES[0], False)
            assert isinstance(found, OrderUpdated)
            if found.status.live:
                return
        await self.twin.venue.cancel(f"c{number}", NAMES[0], False)

    async def _leverage(self, name: str, leverage: int) -> None:
        if (await self.one.venue.set_leverage(name, leverage)).outcome is Outcome.UNKNOWN:
            await self._settled()
            await self.one.venue.set_leverage(name, leverage)
        await self.twin.venue.set_leverage(name, leverage)

    async def _person(self, name: str) -> None:
        self.books.fail_before = self.books.fail_after = 0
        await self.one.venue.human_close(name)
        await self.twin.venue.human_close(name)

    async def _kill(self) -> None:
        await self.one.kill()

    async def _fail(self, written: bool) -> None:
        setattr(self.books, "fail_after" if written else "fail_before", 1)


@settings(max_examples=100, deadline=None)
@given(tape=tapes, life=lives, rule_set=rules)
def test_disturbed_and_undisturbed_agree(
    tape: dict[str, list[Corners]], life: list[Sequence[Any]], rule_set: MatchingRules
) -> None:
    asyncio.run(Pair(tape, rule_set).live(life))
