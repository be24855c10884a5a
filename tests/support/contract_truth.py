"""What must be so at the end of every story of the contract suite: the desk's books are the venue's."""

import sqlite3
from collections import Counter
from contextlib import closing
from decimal import Decimal
from pathlib import Path

from contract_house import ACCOUNT, ExchangeFloor, Floor

from bot.domain.account import Book
from bot.domain.guard import TradingState
from bot.domain.order import OrderSide, OrderType, client_order_id
from bot.domain.snapshot import VenueSnapshot
from bot.engine import protection
from bot.runtime.ports import TradeQuery
from cli.replay import Player, Verdict
from sandbox.exchange.nouns import IncomeKind, Kind
from storage.database import open_database
from strategies.registry import Registry

ZERO = Decimal(0)
CLOSE_ENOUGH = Decimal("1e-8")
"""Venues round their average entry prices."""

type Fact = tuple[object, ...]
type Facts = Counter[Fact]


async def agree(floor: Floor) -> None:
    """Positions, orders, wallet, books: the same on both sides, and everything that is open is covered."""
    await floor.rest(0.5)
    house, state = floor.house, floor.state
    assert (house.loop.errors, house.loop.queue_length, house.performer.busy) == (0, 0, 0)
    assert state.trading not in (TradingState.RECOVERING, TradingState.PROTECT), state.trading
    told = await house.database.ledger(ACCOUNT).differences(100)
    unexplained = [one for one in told if one.kind not in floor.excused]
    assert not unexplained, unexplained
    venue = await _venue(floor)
    _positions(floor, venue)
    assert _ours(floor) == _theirs(floor, venue), "orders"
    assert state.wallet == venue.wallet, f"wallet: ours {state.wallet}, venue {venue.wallet}"
    for symbol in state.symbols.values():
        assert protection.covered(symbol), f"{symbol.symbol} is not covered"
        assert symbol.pending is None, f"{symbol.symbol}: an entry still reserves"
    await _money(floor)


async def replay(floor: Floor) -> None:
    """After the end: each trade booked once, ids of intents as they must be, and the journal comes out again."""
    file = floor.home / "quarterdeck.db"
    _fills(floor, file)
    for order in floor.tape.orders():
        assert order.client_id == client_order_id(ACCOUNT, order.intent)
    sent = Counter(order.client_id for order in floor.tape.orders())
    assert max(sent.values(), default=1) == 1, "an intent was submitted twice"
    database = await open_database(f"sqlite+aiosqlite:///{file}", synchronous="NORMAL")
    try:
        ledger = database.ledger(ACCOUNT)
        player = Player(ledger, Registry([floor.home / "mine"]), 1000, Verdict(ACCOUNT))
        async for row in ledger.journal(1, 0):
            await player.play(row)
    finally:
        await database.close()
    assert player.verdict.equal, player.verdict


# Positions and orders


async def _venue(floor: Floor) -> VenueSnapshot:
    return await floor.house.venue.snapshot(0)


def _positions(floor: Floor, venue: VenueSnapshot) -> None:
    ours = {s.symbol: s.position for s in floor.state.open_symbols}
    theirs = _exchange_legs(floor) if isinstance(floor, ExchangeFloor) else _paper_legs(venue)
    assert {name: position.quantity for name, position in ours.items()} == {
        name: quantity for name, (quantity, _) in theirs.items()
    }
    for name, (_, entry) in theirs.items():
        assert abs(ours[name].entry_price - entry) <= entry * CLOSE_ENOUGH, (ours[name], entry)


def _exchange_legs(floor: ExchangeFloor) -> dict[str, tuple[Decimal, Decimal]]:
    return {
        leg.symbol: (leg.quantity, leg.entry_price)
        for symbol in floor.symbols
        for leg in floor.account.legs(symbol)
        if leg.quantity and leg.leg not in floor.foreign_legs
    }


def _paper_legs(venue: VenueSnapshot) -> dict[str, tuple[Decimal, Decimal]]:
    return {one.symbol: (one.quantity, one.entry_price) for one in venue.positions if one.quantity}


def _ours(floor: Floor) -> Facts:
    return Counter(
        (order.symbol, order.intent.side, order.intent.type, order.intent.trigger_price)
        for symbol in floor.state.symbols.values()
        for order in symbol.orders.values()
    )


def _theirs(floor: Floor, venue: VenueSnapshot) -> Facts:
    """What rests; nothing may rest on a symbol that is flat, whoever put it there, but a person's own."""
    if not isinstance(floor, ExchangeFloor):
        return Counter((o.symbol, o.side, o.type, o.trigger_price) for o in venue.orders)
    waiting = [row.ask for row in floor.account.live_conditionals()]
    found = Counter((ask.symbol, ask.side, _type(ask.kind), ask.trigger_price) for ask in waiting)
    found += Counter((o.ask.symbol, o.ask.side, o.ask.kind.value, None) for o in floor.account.live_orders())
    for symbol, *_ in found:
        assert floor.held(str(symbol)), f"{symbol} is flat and something rests there"
    return found


def _type(kind: Kind) -> OrderType:
    return OrderType(kind.value)


# Money


async def _money(floor: Floor) -> None:
    """Every kind of money sums up the same, to the last digit; trades and the open ones make the wallet."""
    ledger = floor.house.database.ledger(ACCOUNT)
    entries = await ledger.entries(0)
    sums = {book: sum((entry.amount(book) for entry in entries), ZERO) for book in Book}
    assert sums[Book.WALLET] == floor.state.wallet
    if "wallet" not in floor.excused:
        assert sums[Book.DIFFERENCE] == ZERO
        trades = await ledger.trades(TradeQuery())
        made = sum((trade.net for trade in trades), ZERO)
        opened = [s.open_trade for s in floor.state.symbols.values() if s.open_trade is not None]
        made += sum((one.gross - one.fees + one.funding for one in opened), ZERO)
        assert made == floor.state.wallet + sums[Book.CAPITAL], "trades do not make the wallet"
    if isinstance(floor, ExchangeFloor):
        _income(floor, sums)


def _income(floor: ExchangeFloor, sums: dict[Book, Decimal]) -> None:
    income = floor.account.income
    theirs = {kind: sum((one.amount for one in income if one.kind is kind), ZERO) for kind in IncomeKind}
    assert sum(theirs.values(), ZERO) == floor.account.funds().wallet == floor.state.wallet
    if "wallet" in floor.excused:
        return
    assert -sums[Book.REALISED] == theirs[IncomeKind.REALIZED_PNL] + theirs[IncomeKind.INSURANCE_CLEAR]
    assert -sums[Book.FEES] == theirs[IncomeKind.COMMISSION]
    assert -sums[Book.FUNDING] == theirs[IncomeKind.FUNDING_FEE]


def _fills(floor: Floor, file: Path) -> None:
    """Each execution at the venue is one row of ours, and none of ours is made up."""
    if not isinstance(floor, ExchangeFloor):
        return
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute("select symbol, side, quantity, price, fee from fills").fetchall()
    ours = Counter((s, OrderSide(side), *(Decimal(n) for n in numbers)) for s, side, *numbers in rows)
    theirs = Counter(
        (trade.symbol, trade.side, trade.quantity, trade.price, trade.fee)
        for trade in floor.account.trades
        if trade.leg not in floor.foreign_legs
    )
    if "position" not in floor.excused:
        assert ours == theirs, f"only ours {ours - theirs}, only theirs {theirs - ours}"
