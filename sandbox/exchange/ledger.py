"""Ground truth of all money: double entry. Postings sum to zero; a wallet is the sum of its account's income."""

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal

from sandbox.exchange.nouns import ZERO, Income, IncomeKind

COUNTERPARTS = {
    IncomeKind.REALIZED_PNL: "market",
    IncomeKind.COMMISSION: "fees",
    IncomeKind.FUNDING_FEE: "funding",
    IncomeKind.TRANSFER: "outside",
    IncomeKind.INSURANCE_CLEAR: "insurance",
}


class OutOfBalance(AssertionError):
    """The books do not add up: a defect of the sandbox itself."""


@dataclass(frozen=True, slots=True)
class Posting:
    """Money moved between two accounts of the ledger: `wallet:<account>` and the other side."""

    number: int
    at_ms: int
    debit: str
    credit: str
    amount: Decimal
    kind: IncomeKind
    symbol: str

    @property
    def entries(self) -> tuple[tuple[str, Decimal], tuple[str, Decimal]]:
        """Both sides; they sum to zero."""
        return (self.debit, self.amount), (self.credit, -self.amount)


class Ledger:
    """All postings, balances by ledger account, and each trading account's income lines."""

    def __init__(self) -> None:
        self.postings: list[Posting] = []
        self.balances: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
        self.incomes: defaultdict[str, list[Income]] = defaultdict(list)

    def book(
        self,
        account: str,
        kind: IncomeKind,
        amount: Decimal,
        at_ms: int,
        *,
        symbol: str = "",
        trade_id: int = 0,
        rate: Decimal = ZERO,
    ) -> Income:
        """Post income of one account (negative = paid) against where it comes from."""
        wallet = f"wallet:{account}"
        number = len(self.postings) + 1
        posting = Posting(number, at_ms, wallet, COUNTERPARTS[kind], amount, kind, symbol)
        self.postings.append(posting)
        for name, part in posting.entries:
            self.balances[name] += part
        income = Income(number, kind, symbol, amount, at_ms, self.balances[wallet], trade_id, rate)
        self.incomes[account].append(income)
        return income

    def wallet(self, account: str) -> Decimal:
        """What an account's income sums to."""
        return self.balances[f"wallet:{account}"]

    def assert_balanced(self, account: str, wallet: Decimal) -> None:
        """OutOfBalance unless the wallet is the sum of all income and all balances sum to zero."""
        if self.wallet(account) != wallet:
            raise OutOfBalance(f"{account}: wallet {wallet:f}, income {self.wallet(account):f}")
        total = sum(self.balances.values(), ZERO)
        if total != ZERO:
            raise OutOfBalance(f"all balances sum to {total:f}")
