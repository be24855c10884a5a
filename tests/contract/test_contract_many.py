"""Many symbols at once, both legs of hedge mode, and days that nobody planned, the same on every venue."""

from decimal import Decimal
from pathlib import Path
from random import Random

import pytest
from contract_house import EXCHANGES, VENUES, ExchangeFloor, Floor
from contract_market import names
from contract_play import play
from contract_stories import LONG, NOTHING, SHORT, STORIES

from bot.domain.command import ClosePosition, Done, PanicClose
from bot.domain.guard import HaltKind
from bot.domain.modes import PositionMode
from bot.domain.order import CloseReason, Intent, Purpose
from sandbox.exchange.nouns import Leg

D = Decimal
SEEDS = range(6)
BY_LEG = {name for name in STORIES if "person" in name and "cancels" not in name}
"""A person's order names its leg in hedge mode: other stories."""


@pytest.mark.parametrize("venue", VENUES)
def test_thirty_symbols_at_once_and_a_panic_with_receipts(venue: str, tmp_path: Path) -> None:
    async def story(floor: Floor) -> None:
        sides = {symbol: LONG if number % 3 else SHORT for number, symbol in enumerate(floor.symbols)}
        await floor.bars({symbol: (close,) for symbol, close in sides.items()})
        await floor.bars(dict.fromkeys(floor.symbols, (NOTHING,)))
        assert len(floor.state.open_symbols) == 30
        assert all(
            len(floor.live(purpose, s)) == 1
            for s in floor.symbols
            for purpose in (Purpose.STOP, Purpose.TARGET)
        )
        await floor.bars(dict.fromkeys(floor.symbols[:5], ("101.50", "102.20", "100.90")))
        done = await floor.command(PanicClose())
        assert isinstance(done, Done)
        assert done.remarks == ("flat, verified with the venue",)
        trades = {trade.symbol: trade for trade in await floor.trades() if trade.reason is CloseReason.PANIC}
        assert {r.symbol: (r.done, r.left, r.net) for r in done.receipts} == {
            symbol: (trade.quantity, 0, trade.net) for symbol, trade in trades.items()
        }
        assert len(trades) >= 25
        await floor.bars({})
        assert floor.state.open_symbols == []

    play(venue, tmp_path, story, symbols=names(30))


@pytest.mark.parametrize("venue", EXCHANGES)
@pytest.mark.parametrize("name", sorted(STORIES.keys() - BY_LEG))
def test_the_same_stories_in_hedge_mode(name: str, venue: str, tmp_path: Path) -> None:
    play(venue, tmp_path, STORIES[name], mode=PositionMode.HEDGE)


@pytest.mark.parametrize("venue", EXCHANGES)
def test_a_person_opens_the_other_leg_and_it_is_left_alone(venue: str, tmp_path: Path) -> None:
    async def story(floor: ExchangeFloor) -> None:
        await floor.bar(LONG)
        await floor.bar(NOTHING)
        floor.hand("order", symbol=floor.symbol, side="SELL", quantity="3", leg="SHORT")
        await floor.rest(5)
        await floor.bar(SHORT)
        assert [halt.kind for halt in floor.state.halts] == [HaltKind.FOREIGN]
        assert floor.held(leg=Leg.SHORT) == D(-3)
        await floor.bar(NOTHING)
        assert floor.held(leg=Leg.SHORT) == D(-3)

    play(
        venue,
        tmp_path,
        story,
        mode=PositionMode.HEDGE,
        foreign_legs=frozenset({Leg.SHORT}),
        excused={"foreign leg", "wallet", "position"},
    )


@pytest.mark.parametrize("venue", EXCHANGES)
@pytest.mark.parametrize("how", ["clean", "kill"])
def test_a_restart_in_hedge_mode(how: str, venue: str, tmp_path: Path) -> None:
    async def story(floor: ExchangeFloor) -> None:
        await floor.bar(SHORT)
        await floor.bar(NOTHING)
        await floor.again(how)
        await floor.bar("101.30")
        await floor.bar("101.00")
        assert await floor.reasons() == [CloseReason.SL]

    play(venue, tmp_path, story, mode=PositionMode.HEDGE)


async def wander(floor: Floor, seed: int) -> None:
    """Prices, signals, closes and restarts drawn from a seed."""
    chance = Random(seed)
    at = dict.fromkeys(floor.symbols, 100)
    for _ in range(18):
        ways = {}
        for symbol in floor.symbols:
            whole = at[symbol] = max(50, at[symbol] + chance.choice((-2, -1, 0, 0, 1, 2)))
            part = chance.choice(("11", "22", "50", "00", "70"))
            ways[symbol] = (
                f"{whole + chance.choice((-1, 0, 1))}.{chance.choice(('05', '40'))}",
                f"{whole}.{part}",
            )
        await floor.bars(ways)
        if chance.random() < 0.15:
            await floor.command(ClosePosition(chance.choice(floor.symbols), D(chance.choice((30, 100)))))
        if chance.random() < 0.1:
            await floor.again(chance.choice(("clean", "kill")))
    await floor.bars(dict.fromkeys(floor.symbols, (NOTHING,)))


@pytest.mark.parametrize("seed", SEEDS)
def test_days_that_nobody_planned_end_alike_on_both_exchanges(seed: int, tmp_path: Path) -> None:
    told = []
    for venue in EXCHANGES:
        floor = play(venue, tmp_path, lambda floor: wander(floor, seed), symbols=names(3))
        assert isinstance(floor, ExchangeFloor)
        # fills of two symbols in one millisecond come in any order, and ids of exits count orders
        sent = [(one.created_at_ms, str(_plain(one.intent))) for one in floor.tape.orders()]
        told.append(
            [
                *sorted(sent),
                *sorted(
                    (one.symbol, one.at_ms, one.side, one.quantity, one.price, one.realised)
                    for one in floor.account.trades
                ),
            ]
        )
        assert len(floor.account.trades) > 5
    assert told[0] == told[1]


def _plain(intent: Intent) -> tuple[object, ...]:
    return (
        intent.symbol,
        intent.side,
        intent.purpose,
        intent.type,
        intent.quantity,
        intent.trigger_price,
        intent.close_position,
        intent.decision_id,
    )
