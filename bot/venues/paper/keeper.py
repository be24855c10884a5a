"""From reports to rows of the books, and from rows back to the fill model. Only what changed is written."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from bot.domain.errors import ConfigError, StorageError
from bot.domain.event import FundingPaid, OrderUpdated
from bot.domain.fill import Fill
from bot.domain.position import Position
from bot.venues.books import PaperRow
from bot.venues.matching import (
    BookedOrder,
    Executed,
    FundingSettled,
    Matching,
    MatchingState,
    OrderChanged,
    Report,
)
from bot.venues.matching.reports import funding_paid, order_updated
from bot.venues.paper import records
from bot.venues.paper.past import Past
from bot.venues.paper.records import MAIN, AccountRecord, ClockRecord, Kind

type Rows = Mapping[str, Sequence[PaperRow]]


class Keeper:
    """Keeps one account's books: knows which rows are there and what is past."""

    def __init__(self, account: str, past: Past | None = None) -> None:
        self.account = account
        self.past = past or Past()
        self._resting: set[str] = set()

    def rows(self, reports: Sequence[Report], matching: Matching) -> list[PaperRow]:
        """What has to be written after these reports: what they say, then positions and account as they now are."""
        if not reports:
            return []
        rows = [row for report in reports for row in self._rows_of(report)]
        moved = {report.position.symbol: None for report in reports if not isinstance(report, OrderChanged)}
        rows += [position_row(matching.position(symbol)) for symbol in moved]
        return [*rows, self.account_row(matching)]

    def account_row(self, matching: Matching) -> PaperRow:
        """Wallet and counters."""
        record = AccountRecord(self.account, matching.wallet, *matching.counters)
        return records.write(Kind.ACCOUNT, MAIN, record)

    def restore(self, rows: Sequence[PaperRow], matching: Matching) -> int:
        """Bring the model to where the books are; returns the opening time of the bar that comes next.

        Raises StorageError for rows that cannot be read, ConfigError when the books are not this account's or hold
        what is not listed any more.
        """
        by_kind: dict[str, list[PaperRow]] = defaultdict(list)
        for row in rows:
            by_kind[row.kind].append(row)
        account = self._account(by_kind)
        working = sorted(
            _read(by_kind, Kind.ORDER, BookedOrder), key=lambda one: records.number(one.venue_id)
        )
        self._resting = {order.venue_id for order in working}
        self._recall(by_kind)
        state = MatchingState(
            wallet=account.wallet,
            positions=tuple(_read(by_kind, Kind.POSITION, Position)),
            orders=tuple(working),
            next_order=account.next_order,
            next_trade=account.next_trade,
        )
        try:
            matching.restore(state)
        except KeyError as error:
            raise ConfigError(
                f"paper account {self.account} holds {error}, which is not listed any more"
            ) from None
        return _one(by_kind, Kind.CLOCK, ClockRecord).next_open_at_ms

    def _account(self, by_kind: Rows) -> AccountRecord:
        account = _one(by_kind, Kind.ACCOUNT, AccountRecord)
        if account.account != self.account:
            raise ConfigError(f"these paper books belong to account {account.account}, not to {self.account}")
        return account

    def _recall(self, by_kind: Rows) -> None:
        for update in sorted(
            _read(by_kind, Kind.ENDED, OrderUpdated), key=lambda one: records.number(one.venue_id)
        ):
            self.past.end(update)
        for fill in sorted(_read(by_kind, Kind.FILL, Fill), key=_when_filled):
            self.past.add_fill(fill)
        for payment in sorted(
            _read(by_kind, Kind.FUNDING, FundingPaid), key=lambda one: (one.at_ms, one.symbol)
        ):
            self.past.add_payment(payment)

    def _rows_of(self, report: Report) -> list[PaperRow]:
        match report:
            case OrderChanged(at_ms, order, code):
                return self._order_rows(order, order_updated(order, at_ms, code))
            case Executed(fill=fill):
                self.past.add_fill(fill)
                return [records.write(Kind.FILL, fill.trade_id, fill)]
            case FundingSettled():
                payment = funding_paid(report)
                self.past.add_payment(payment)
                return [records.write(Kind.FUNDING, payment.payment_id, payment)]

    def _order_rows(self, order: BookedOrder, update: OrderUpdated) -> list[PaperRow]:
        venue_id = order.venue_id
        if order.status.live:
            self._resting.add(venue_id)
            return [records.write(Kind.ORDER, venue_id, order)]
        rows = [records.removed(Kind.ENDED, forgotten) for forgotten in self.past.end(update)]
        if venue_id in self._resting:
            self._resting.discard(venue_id)
            rows.append(records.removed(Kind.ORDER, venue_id))
        return [*rows, records.write(Kind.ENDED, venue_id, update)]


def _when_filled(fill: Fill) -> tuple[int, int]:
    return fill.at_ms, records.number(fill.trade_id)


def position_row(position: Position) -> PaperRow:
    """A position, flat ones too: they remember the leverage."""
    return records.write(Kind.POSITION, position.symbol, position)


def _read[R: records.Record](by_kind: Rows, kind: Kind, cls: type[R]) -> list[R]:
    return [records.read(row, cls) for row in by_kind.get(kind, ())]


def _one[R: records.Record](by_kind: Rows, kind: Kind, cls: type[R]) -> R:
    found = _read(by_kind, kind, cls)
    if len(found) != 1:
        raise StorageError(f"paper books: expected one row {kind.value}, found {len(found)}")
    return found[0]
