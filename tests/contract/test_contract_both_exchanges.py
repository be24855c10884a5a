"""The same script on both exchanges: the same intents under the same ids, the same trades; only fees are others."""

from pathlib import Path

import pytest
from contract_house import EXCHANGES, ExchangeFloor, Floor
from contract_play import play
from contract_stories import STORIES

from bot.domain.order import Order
from bot.domain.trade import Trade

type Line = tuple[object, ...]

BY_FEE = {"break_even_covers_the_fees"}
"""A stop that covers the fees lies where the fees are: another price on each exchange."""
BY_PACE = {"the_stop_trails"}
"""Quotes come at each exchange's own pace, so a trailing stop is moved at another second, under another id."""


@pytest.mark.parametrize("name", sorted(STORIES.keys() - BY_FEE))
def test_same_script_same_intents_same_ledger(name: str, tmp_path: Path) -> None:
    told: list[list[Line]] = []
    for venue in EXCHANGES:
        trades: list[Trade] = []

        async def story(floor: Floor, trades: list[Trade] = trades) -> None:
            await STORIES[name](floor)
            trades += await floor.trades()

        floor = play(venue, tmp_path, story)
        assert isinstance(floor, ExchangeFloor)
        intents = [_plain(order, timed=name not in BY_PACE) for order in floor.tape.orders()]
        told.append([*intents, *map(_bare, trades), *executions(floor)])
    assert told[0] == told[1]


def _plain(order: Order, *, timed: bool) -> Line:
    intent = order.intent
    return (
        intent.symbol,
        intent.side,
        intent.purpose,
        intent.type,
        intent.quantity,
        intent.trigger_price,
        intent.close_position,
        intent.attempt,
        *((order.client_id, intent.decision_id) if timed else ()),
    )


def _bare(trade: Trade) -> Line:
    """A trade without what hangs on fees."""
    return (
        trade.id,
        trade.symbol,
        trade.side,
        trade.quantity,
        trade.entry_price,
        trade.exit_price,
        trade.opened_at_ms,
        trade.closed_at_ms,
        trade.reason,
        trade.gross,
        trade.funding,
        trade.slippage,
        trade.stop_price,
        trade.target_price,
    )


def executions(floor: ExchangeFloor) -> list[Line]:
    """What the exchange executed, fees apart."""
    return [
        (one.symbol, one.side, one.quantity, one.price, one.realised, one.at_ms, one.origin)
        for one in floor.account.trades
    ]
