"""Everything that exists at the venue, in one cut: either all of it agrees, or there is no snapshot.

Several calls make one snapshot, and the account may move between them. So wallet and positions are read before and
after all the rest: only when both readings are the same, nothing happened in between, and positions, orders, fills and
funding belong together. Otherwise it is read again, a few times.

`at_ms` is the venue's own time, asked before anything else. Reconciliation drops a snapshot older than a fill it has
heard of, and lets an order's absence count only when it was sent before: both are safe with the earliest moment that
the snapshot can speak of, measured by the venue's clock and not by ours.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from bot.domain.instrument import ZERO
from bot.domain.market import MINUTE_MS
from bot.domain.position import Position
from bot.domain.snapshot import VenueOrder, VenueSnapshot
from bot.venues.binance import asks
from bot.venues.binance.kinship import Kinship
from bot.venues.binance.orders import code_of
from bot.venues.binance.reading import Row, amount, figure, price, row, rows, text, whole
from bot.venues.binance.trades import Past, funding_of, symbols_of
from bot.venues.binance.words import CONDITIONAL, QUOTE, learn_algo, stuck, venue_algo, venue_order
from bot.venues.ccxt_venue.wire import Ask, Gateway
from bot.venues.port import VenueUnavailable

ATTEMPTS = 4
TOUCHED_MS = MINUTE_MS  # how far the income list may be behind

type Held = Mapping[tuple[str, str], Decimal]


@dataclass(frozen=True, slots=True)
class Standing:
    """Wallet and positions by (symbol, side), as one call answers them."""

    wallet: Decimal
    held: Held


class Snapshots:
    """Takes snapshots. Remembers what was held last time, to see on which symbols something happened."""

    def __init__(self, gateway: Gateway, kin: Kinship, past: Past) -> None:
        """Nothing was seen yet."""
        self._gateway = gateway
        self._kin = kin
        self._past = past
        self._seen: Held | None = None

    async def server_time_ms(self) -> int:
        """The venue's clock, ahead of whatever waits for room."""
        return await self._time(asks.SERVER_TIME)

    async def _time(self, ask: Ask) -> int:
        answer = await self._gateway.ask(ask)
        now_ms = whole(row(answer.body), "serverTime") if answer.good else None
        if now_ms is None or now_ms <= 0:
            raise VenueUnavailable(f"time: {'garbage' if answer.good else code_of(answer)}")
        return now_ms

    async def take(self, since_ms: int) -> VenueSnapshot:
        """Everything that exists, fills and funding from `since_ms` on."""
        for _ in range(ATTEMPTS):
            at_ms = await self._time(asks.MOMENT)
            before = await self._standing()
            found = await self._between(at_ms, since_ms, before)
            if found is not None and await self._standing() == before:
                self._seen = before.held
                self._kin.forget_touched(at_ms - TOUCHED_MS)
                return found
        raise VenueUnavailable("account: moved while it was read")

    async def _standing(self) -> Standing:
        body = row(await self._body("account", asks.ACCOUNT))
        wallets = [one for one in rows(body.get("assets")) if text(one, "asset") == QUOTE]
        if not wallets:
            raise VenueUnavailable(f"account: no {QUOTE} in it")  # zero would look like a loss of everything
        wallet = figure(wallets[0], "walletBalance")
        if wallet is None or not isinstance(body.get("positions"), list):
            raise VenueUnavailable("account: garbage")
        return Standing(wallet, _held(rows(body["positions"]), "account"))

    async def _between(self, at_ms: int, since_ms: int, before: Standing) -> VenueSnapshot | None:
        """All the rest; None when the positions' details do not fit the account any more."""
        risk, ordinary, conditional, income = await asyncio.gather(
            self._past.rows("positions", asks.POSITION_RISK),
            self._past.rows("open orders", asks.OPEN_ORDERS),
            self._past.rows("open conditional orders", asks.OPEN_ALGOS),
            self._past.income(since_ms),
        )
        if _held(risk, "positions") != before.held:
            return None
        orders = await self._orders(ordinary, conditional)
        fills = await self._past.fills(self._moved(before, orders, symbols_of(income)), since_ms)
        return VenueSnapshot(
            at_ms=at_ms,
            wallet=before.wallet,
            positions=await self._positions(risk),
            orders=orders,
            fills=tuple(fill for fill in fills if fill.at_ms >= since_ms),
            funding=funding_of(income, since_ms),
            marks=_marks(risk),
        )

    def _moved(self, now: Standing, orders: tuple[VenueOrder, ...], paid: set[str]) -> set[str]:
        """Symbols whose trades are asked for; the first time also those held or with orders."""
        symbols = paid | set(self._kin.touched)
        if self._seen is None:
            return symbols | {symbol for symbol, _ in now.held} | {order.symbol for order in orders}
        moved = now.held.items() ^ self._seen.items()
        return symbols | {symbol for (symbol, _), _ in moved}

    async def _orders(self, ordinary: Sequence[Row], conditional: Sequence[Row]) -> tuple[VenueOrder, ...]:
        now_ms = self._gateway.now_ms
        for one in conditional:
            learn_algo(one, self._kin)
        await self._meet_parents(ordinary)
        found = [venue_order(one, self._kin) for one in ordinary]
        found += [venue_algo(one, self._kin) for one in conditional if not stuck(one, now_ms)]
        if None in found:
            raise VenueUnavailable("open orders: garbage")
        # an order that came from a conditional one stands for it, where the venue lists both
        by_id = {order.client_id or order.venue_id: order for order in reversed(found) if order}
        return tuple(reversed(by_id.values()))

    async def _meet_parents(self, ordinary: Sequence[Row]) -> None:
        """Open orders that came from conditional ones we did not see: their symbols' lists tell whose they are."""
        strangers = {
            text(one, "symbol")
            for one in ordinary
            if text(one, "origType") in CONDITIONAL and not self._kin.is_child(text(one, "orderId"))
        }
        for symbol in sorted(strangers):
            for one in await self._past.rows("conditional orders", asks.algos(symbol)):
                learn_algo(one, self._kin)

    async def _positions(self, risk: Sequence[Row]) -> tuple[Position, ...]:
        """Hedge legs are positions of their own. Margin is the isolated wallet, without the open profit."""
        held = [one for one in risk if amount(one, "positionAmt")]
        if not held:
            return ()
        config = await self._past.rows("settings", asks.SYMBOL_CONFIG)
        leverage = {text(one, "symbol"): whole(one, "leverage") for one in config}
        return tuple(_position(one, leverage.get(text(one, "symbol"))) for one in held)

    async def _body(self, what: str, ask: Ask) -> object:
        answer = await self._gateway.ask(ask)
        if not answer.good:
            raise VenueUnavailable(f"{what}: {code_of(answer)}")
        return answer.body


def _held(positions: Sequence[Row], what: str) -> Held:
    held = {}
    for one in positions:
        size = figure(one, "positionAmt")
        if size is None or not text(one, "symbol"):
            raise VenueUnavailable(f"{what}: garbage")
        if size:
            held[text(one, "symbol"), text(one, "positionSide")] = size
    return held


def _position(one: Row, leverage: int | None) -> Position:
    entry = price(one, "entryPrice")
    if entry is None or not leverage or leverage < 1:
        raise VenueUnavailable("positions: garbage")
    margin = figure(one, "isolatedWallet")
    if margin is None:
        margin = amount(one, "isolatedMargin") - amount(one, "unRealizedProfit")
    return Position(
        symbol=text(one, "symbol"),
        quantity=amount(one, "positionAmt"),
        entry_price=entry,
        leverage=leverage,
        isolated_margin=max(ZERO, margin),
    )


def _marks(risk: Sequence[Row]) -> dict[str, Decimal]:
    found = {text(one, "symbol"): price(one, "markPrice") for one in risk if amount(one, "positionAmt")}
    return {symbol: mark for symbol, mark in found.items() if mark is not None}
