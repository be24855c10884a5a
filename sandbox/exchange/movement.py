"""How one contract's price gets from here to there, and what happens to the accounts on its way."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from sandbox.exchange.contract import ContractMarket
from sandbox.exchange.nouns import ZERO
from sandbox.exchange.upkeep import Upkeep

LIQUIDATION_RANK = 1
MOST_EVENTS = 10_000
"""More than this at one price is a circle."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a price reaches: how far on its way, what comes first at the same level, whose, what to do."""

    distance: Decimal
    rank: int
    account: int
    number: int
    happen: Callable[[], None]

    @property
    def order(self) -> tuple[Decimal, int, int, int]:
        """Nearest first; at the same level stops, liquidations, targets."""
        return self.distance, self.rank, self.account, self.number


class Movement:
    """Moves one contract's prices among the accounts that have something in it."""

    def __init__(self, symbol: str, contract: ContractMarket, accounts: Sequence[Upkeep]) -> None:
        self._symbol = symbol
        self._contract = contract
        self._accounts = accounts

    def travel(self, aim: Decimal) -> None:
        """Go there by way of every level in between."""
        while (level := self._next_level(aim)) is not None:
            self.jump(level)
        self.jump(aim)

    def jump(self, to: Decimal) -> None:
        """The last price is there at once."""
        last, mark = self._contract.last, self._contract.mark
        self._contract.trade(float(to))
        for account in self._accounts:
            account.step(self._symbol)
        self.settle(last, mark)

    def settle(self, last: Decimal, mark: Decimal) -> None:
        """Triggers and liquidations after prices changed from these."""
        for account in self._accounts:
            account.account.sync(self._symbol)
        for _ in range(MOST_EVENTS):
            event = min(self._events(last, mark), key=lambda event: event.order, default=None)
            if event is None:
                break
            event.happen()
        else:
            raise RuntimeError(f"{self._symbol}: no end of triggers at {self._contract.last}")
        for account in self._accounts:
            self._liquidate_crossed(account)
            account.account.triggers.observe(self._symbol)
            account.call_margin(self._symbol)

    def _liquidate_crossed(self, account: Upkeep) -> None:
        while (worst := account.worst_crossed(self._symbol)) is not None:
            account.liquidate(*worst)

    def _next_level(self, aim: Decimal) -> Decimal | None:
        last = self._contract.last
        rises = aim > last
        instrument = self._contract.instrument
        on_tick = instrument.price_above if rises else instrument.price_below
        between = [level for level in map(on_tick, self._levels()) if _within(level, last, aim)]
        return min(between, key=lambda level: abs(level - last), default=None)

    def _levels(self) -> Iterator[Decimal]:
        follows = self._contract.held_mark is None
        for account in self._accounts:
            yield from account.account.triggers.levels(self._symbol, mark_follows=follows)
            if follows:
                yield from (price for price, _ in account.liquidations(self._symbol))

    def _events(self, last: Decimal, mark: Decimal) -> Iterator[Event]:
        for number, account in enumerate(self._accounts):
            triggers = account.account.triggers
            for hit in triggers.hits(self._symbol, last, mark):
                ident = hit.waiting.conditional.conditional_id
                happen = partial(triggers.fire, hit.waiting)
                yield Event(hit.distance, hit.rank, number, ident, happen)
            for price, leg in account.ruined(self._symbol):
                happen = partial(account.liquidate, self._symbol, leg)
                yield Event(abs(price - mark), LIQUIDATION_RANK, number, 0, happen)


def _within(level: Decimal, last: Decimal, aim: Decimal) -> bool:
    return last < level < aim or (aim < level < last and level > ZERO)
