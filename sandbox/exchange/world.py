"""What all accounts of the exchange share: clock, market, ledger, numbers, and whom news is told to."""

from collections.abc import Callable

from bot.domain.signal import Side
from sandbox.exchange.ledger import Ledger
from sandbox.exchange.market import SandboxMarket
from sandbox.exchange.news import News
from sandbox.exchange.nouns import ExchangeRules, Leg

FIRST_NUMBER = 1_000_001
SIDES: dict[Leg, Side | None] = {Leg.BOTH: None, Leg.LONG: Side.LONG, Leg.SHORT: Side.SHORT}


class World:
    """The exchange as its accounts see it; `touched` hears in which contract an account has something new."""

    def __init__(self, rules: ExchangeRules, market: SandboxMarket, now_ms: int) -> None:
        self.rules = rules
        self.market = market
        self.now_ms = now_ms
        self.ledger = Ledger()
        self.listeners: list[Callable[[News], None]] = []
        self.touched: Callable[[str], None] = _nobody
        self.taking_back: set[tuple[str, str]] = set()
        self._next = FIRST_NUMBER

    def tell(self, news: News) -> None:
        """Tell news to everybody who listens, in the order in which they came."""
        for listener in self.listeners:
            listener(news)

    def takes_back(self, account: str, symbol: str) -> bool:
        """Whether the order that is being taken was announced by reject_next; asked once."""
        announced = (account, symbol) in self.taking_back
        self.taking_back.discard((account, symbol))
        return announced

    def number(self) -> int:
        """The next number of an order, conditional order or trade: unique in the whole exchange."""
        self._next += 1
        return self._next - 1


def _nobody(symbol: str) -> None:
    del symbol
