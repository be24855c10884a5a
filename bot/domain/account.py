"""Money: ledger entries of postings that sum to zero, and the balance an operator sees."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from bot.domain.instrument import ZERO


class Book(StrEnum):
    """Ledger accounts. WALLET is what the venue holds for us; the others say where it came from or went."""

    WALLET = "wallet"
    CAPITAL = "capital"
    REALISED = "realised"
    FEES = "fees"
    FUNDING = "funding"
    DIFFERENCE = "difference"


@dataclass(frozen=True, slots=True)
class Posting:
    """One side of an entry, in quote asset; positive adds to the account."""

    book: Book
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Entry:
    """One ledger entry; its postings sum to zero. `reference` is the venue's id of what happened (booked once)."""

    at_ms: int
    kind: str
    symbol: str
    reference: str
    postings: tuple[Posting, ...]

    @property
    def balanced(self) -> bool:
        """True when the postings sum to zero."""
        return sum((posting.amount for posting in self.postings), ZERO) == ZERO

    def amount(self, book: Book) -> Decimal:
        """What the entry posts to one account."""
        return sum((p.amount for p in self.postings if p.book is book), ZERO)


def transfer(at_ms: int, kind: str, symbol: str, reference: str, source: Book, amount: Decimal) -> Entry:
    """An entry that moves `amount` from `source` into the wallet (negative: out of it)."""
    postings = (Posting(Book.WALLET, amount), Posting(source, -amount))
    return Entry(at_ms, kind, symbol, reference, postings)


@dataclass(frozen=True, slots=True)
class Balance:
    """What the account holds, in quote asset: equity = wallet + unrealised; available = equity - margin_used."""

    wallet: Decimal
    unrealised: Decimal
    margin_used: Decimal

    @property
    def equity(self) -> Decimal:
        """Wallet and open profit together."""
        return self.wallet + self.unrealised

    @property
    def available(self) -> Decimal:
        """What new positions may use; open losses count, open profits do not."""
        return max(ZERO, self.wallet + min(self.unrealised, ZERO) - self.margin_used)


@dataclass(frozen=True, slots=True)
class EquityPoint:
    """One point of the equity series, in quote asset."""

    at_ms: int
    equity: Decimal
    wallet: Decimal
    open_positions: int
