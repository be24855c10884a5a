"""What the exchange does to an account by itself: fills as prices move, liquidation, deleveraging, funding."""

from collections.abc import Iterator
from decimal import Decimal

from bot.domain.liquidation import way_to_liquidation
from sandbox.exchange.account import SimulatedAccount
from sandbox.exchange.news import MarginCallNews
from sandbox.exchange.nouns import ZERO, IncomeKind, Leg, MarginMode, Origin
from sandbox.exchange.world import SIDES

DUST = Decimal("1e-9")
"""Less maintenance margin than this is what rounding left."""
CALL_AT, CALM_AT = Decimal("0.8"), Decimal("0.7")
"""Part of the way to liquidation at which a margin call comes, and at which another may come again."""


class Upkeep:
    """The exchange's side of one account."""

    def __init__(self, account: SimulatedAccount) -> None:
        self.account = account
        self._called: set[tuple[str, Leg]] = set()

    def step(self, symbol: str) -> None:
        """The last price moved: what rests goes on."""
        account = self.account
        account.sync(symbol)
        contract = account.world.market.contracts[symbol]
        account.records.take(account.matching.step(symbol, contract.price, account.world.now_ms))
        account.assert_balanced()

    def open_legs(self, symbol: str) -> list[Leg]:
        """Legs of a symbol that hold something."""
        return [leg for leg in Leg if self.account.held(symbol, leg)]

    def liquidations(self, symbol: str) -> Iterator[tuple[Decimal, Leg]]:
        """Where positions of a symbol would be liquidated by the mark."""
        for leg in self.open_legs(symbol):
            price = self.account.holdings.liquidation(symbol, leg)
            if price is not None:
                yield price, leg

    def ruined(self, symbol: str) -> Iterator[tuple[Decimal, Leg]]:
        """Isolated positions of a symbol whose mark has reached their liquidation price."""
        account = self.account
        if account.matching.crossed(symbol):
            return
        mark = account.world.market.contracts[symbol].mark
        for price, leg in self.liquidations(symbol):
            if (mark <= price) if account.held(symbol, leg) > ZERO else (mark >= price):
                yield price, leg

    def worst_crossed(self, symbol: str) -> tuple[str, Leg] | None:
        """The crossed position with the greatest loss, when a crossed contract moved and the wallet fails them all."""
        account = self.account
        if not account.matching.crossed(symbol):
            return None
        balance, maintenance = account.holdings.health()
        if maintenance <= DUST or balance > maintenance:
            return None
        crossed = (view for view in account.legs() if view.quantity)
        mine = [view for view in crossed if view.margin_mode is MarginMode.CROSSED]
        worst = min(mine, key=lambda view: (view.unrealised, view.symbol, view.leg))
        return worst.symbol, worst.leg

    def liquidate(self, symbol: str, leg: Leg) -> None:
        """Cancel the contract's orders and close the position at the mark, at the bankruptcy price at worst.

        What a crossed wallet cannot bear, the insurance fund does.
        """
        account, world = self.account, self.account.world
        for order in account.live_orders(symbol):
            if order.ask.leg is leg:
                account.cancel(order)
        account.sync(symbol)
        mark = world.market.contracts[symbol].mark
        report = account.matching.liquidate(symbol, mark, world.now_ms, SIDES[leg])
        account.records.imposed(report, leg, Origin.LIQUIDATION)
        if account.matching.wallet < ZERO:
            short = -account.matching.wallet
            income = account.records.book(IncomeKind.INSURANCE_CLEAR, short, symbol=symbol)
            account.matching.credit(short)
            account.tell_account("INSURANCE_CLEAR", (), income)
        self._called.discard((symbol, leg))
        account.assert_balanced()

    def deleverage(self, symbol: str, quantity: Decimal, leg: Leg) -> None:
        """Close a part of a position at the mark, free of fees (not verified)."""
        account, world = self.account, self.account.world
        if not account.held(symbol, leg) or quantity <= ZERO:
            raise ValueError(f"{account.name} has nothing of {symbol} {leg.value} to deleverage")
        mark = world.market.contracts[symbol].mark
        report = account.matching.deleverage(symbol, quantity, mark, world.now_ms, SIDES[leg])
        account.records.imposed(report, leg, Origin.DELEVERAGING)
        account.assert_balanced()

    def settle_funding(self, symbol: str, rate: Decimal) -> None:
        """Funding of all legs of a symbol."""
        account = self.account
        account.sync(symbol)
        for leg in self.open_legs(symbol):
            for report in account.matching.settle_funding(symbol, rate, account.world.now_ms, SIDES[leg]):
                account.records.funding(report, leg)
        account.assert_balanced()

    def call_margin(self, symbol: str) -> None:
        """Tell the account when a position is near its liquidation, once each time it comes near."""
        account = self.account
        mark = account.world.market.contracts[symbol].mark
        for price, leg in self.liquidations(symbol):
            way = way_to_liquidation(account.holdings.position(symbol, leg), price, mark)
            if way < CALM_AT:
                self._called.discard((symbol, leg))
            elif way >= CALL_AT and (symbol, leg) not in self._called:
                self._called.add((symbol, leg))
                view = account.holdings.leg(symbol, leg)
                account.world.tell(MarginCallNews(account.world.now_ms, account.name, view))
