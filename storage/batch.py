"""What a commit writes, gathered from the steps before the transaction begins.

Of what has a present state (orders, positions, settings ...) only the last row per key is written, however often it
changed within the batch. What only grows is keyed by its place. Kills and halts are kept as deeds in order.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Connection

from bot.domain.action import (
    PLACES,
    Notify,
    RecordDay,
    RecordDecision,
    RecordDifference,
    RecordEntry,
    RecordEquity,
    RecordFill,
    RecordHalt,
    RecordKill,
    RecordKillReset,
    RecordNote,
    RecordOrder,
    RecordPosition,
    RecordSetting,
    RecordTrade,
    RecordTrading,
    Submit,
)
from bot.domain.event import CommandIssued, FundingRatesSeen
from bot.domain.notice import Severity
from bot.runtime.codec import encode
from bot.runtime.ports import Step
from storage import arrivals, guards, journal
from storage.rows import (
    DAYS,
    DIFFERENCES,
    EQUITY,
    FILLS,
    FUNDING,
    POSITIONS,
    SETTING_CHANGES,
    TRADE_NOTES,
    TRADES,
    Values,
    order_row,
)
from storage.schema import (
    Base,
    DayRow,
    DifferenceRow,
    EntryRow,
    EquityRow,
    FillRow,
    FundingRow,
    NoticeRow,
    OrderRow,
    PositionRow,
    PostingRow,
    SettingChangeRow,
    SettingRow,
    SignalRow,
    TradeNoteRow,
    TradeRow,
)
from storage.statements import add, add_missing, put

TRADING = "trading"
UNTOLD = frozenset(
    {"equity_high", "flattens", "alerts", "placings", "clusters"}
)  # not a person's: no history


def place_of(number: int, index: int) -> int:
    """Where the action at `index` of journal line `number` stands in the order of everything."""
    return number * PLACES + index


class Batch:
    """Rows by table, and deeds in order."""

    def __init__(self, account: str) -> None:
        """Begin empty."""
        self.account = account
        self.lines: list[Values] = []
        self.added: dict[type[Base], list[Values]] = {}
        self.missing: dict[type[Base], dict[Any, Values]] = {}
        self.current: dict[type[Base], dict[Any, Values]] = {}
        self.deeds: list[Callable[[Connection], None]] = []

    def add(self, model: type[Base], row: Values) -> None:
        """A new row."""
        self.added.setdefault(model, []).append(row)

    def put(self, model: type[Base], key: object, row: Values) -> None:
        """The present row of a key."""
        self.current.setdefault(model, {})[key] = row

    def add_missing(self, model: type[Base], key: object, row: Values) -> None:
        """A row to be there, unless its key is taken."""
        self.missing.setdefault(model, {}).setdefault(key, row)

    def write(self, connection: Connection) -> None:
        """Write it all."""
        journal.write(connection, self.lines)
        for model, rows in self.missing.items():
            add_missing(connection, model, list(rows.values()))
        for model, rows in self.current.items():
            put(connection, model, list(rows.values()))
        for model, new in self.added.items():
            add(connection, model, new)
        for deed in self.deeds:
            deed(connection)


def gather(account: str, steps: Sequence[Step]) -> Batch:
    """Everything that these steps write; raises ValueError for what cannot be written down."""
    batch = Batch(account)
    for step in steps:
        batch.lines.append(journal.line(account, step))
        if isinstance(step.event, FundingRatesSeen):
            _funding(batch, step.event)
        if isinstance(step.event, CommandIssued) and step.event.origin:
            batch.deeds.append(partial(arrivals.effect, command=step.event))
        for index, action in enumerate(step.actions):
            record = RECORDS.get(type(action))
            if record:
                record(batch, place_of(step.number, index), action)
    return batch


def _funding(batch: Batch, event: FundingRatesSeen) -> None:
    for rate in event.rates:
        batch.put(FundingRow, (rate.symbol, rate.next_at_ms), FUNDING.row(batch.account, rate))


def _submit(batch: Batch, place: int, action: Submit) -> None:
    order = action.order
    batch.add_missing(OrderRow, order.client_id, order_row(batch.account, order))


def _order(batch: Batch, place: int, action: RecordOrder) -> None:
    order = action.order
    batch.put(OrderRow, order.client_id, order_row(batch.account, order))


def _fill(batch: Batch, place: int, action: RecordFill) -> None:
    fill = action.fill
    batch.add_missing(FillRow, (fill.symbol, fill.trade_id), FILLS.row(batch.account, fill))


def _entry(batch: Batch, place: int, action: RecordEntry) -> None:
    entry, key = action.entry, {"account": batch.account, "place": place}
    row = {"at": entry.at_ms, "kind": entry.kind, "symbol": entry.symbol, "reference": entry.reference}
    batch.add(EntryRow, key | row)
    for line, posting in enumerate(entry.postings):
        batch.add(PostingRow, key | {"line": line, "book": posting.book, "amount": posting.amount})


def _position(batch: Batch, place: int, action: RecordPosition) -> None:
    trade = encode(action.open_trade).decode() if action.open_trade else None
    row = POSITIONS.row(batch.account, action.position) | {"open_trade": trade}
    batch.put(PositionRow, action.position.symbol, row)


def _trade(batch: Batch, place: int, action: RecordTrade) -> None:
    batch.add(TradeRow, TRADES.row(batch.account, action.trade) | {"place": place})


def _decision(batch: Batch, place: int, action: RecordDecision) -> None:
    decision, signal = action.decision, action.decision.signal
    row = {
        "account": batch.account,
        "place": place,
        "id": decision.id,
        "at": decision.at_ms,
        "symbol": signal.symbol,
        "strategy": signal.strategy,
        "side": signal.side,
        "score": signal.score,
        "refused_by": decision.refused_by,
        "quantity": decision.quantity,
        "notional": decision.notional,
        "client_id": decision.client_id,
        "model_score": decision.model_score,
        "body": encode(decision).decode(),
    }
    batch.add(SignalRow, row)


def _kill(batch: Batch, place: int, action: RecordKill) -> None:
    batch.deeds.append(partial(guards.set_kill, account=batch.account, kill=action.kill))


def _kill_reset(batch: Batch, place: int, action: RecordKillReset) -> None:
    batch.deeds.append(partial(guards.reset_kills, account=batch.account, place=place, reset=action.reset))


def _halt(batch: Batch, place: int, action: RecordHalt) -> None:
    deed = partial(guards.put_halt, account=batch.account, halt=action.halt, lifted_at_ms=action.lifted_at_ms)
    batch.deeds.append(deed)


def _setting(batch: Batch, place: int, action: RecordSetting) -> None:
    _now_set(batch, action.key, action.value, action.at_ms)
    if action.key not in UNTOLD:
        batch.add(SettingChangeRow, SETTING_CHANGES.row(batch.account, action) | {"place": place})


def _trading(batch: Batch, place: int, action: RecordTrading) -> None:
    _now_set(batch, TRADING, encode(action.state.value).decode(), action.at_ms)


def _now_set(batch: Batch, key: str, value: str, at_ms: int) -> None:
    batch.put(SettingRow, key, {"account": batch.account, "key": key, "value": value, "at": at_ms})


def _day(batch: Batch, place: int, action: RecordDay) -> None:
    figures = action.figures
    batch.put(DayRow, figures.day, DAYS.row(batch.account, figures) | {"at": action.at_ms})


def _equity(batch: Batch, place: int, action: RecordEquity) -> None:
    batch.put(EquityRow, action.point.at_ms, EQUITY.row(batch.account, action.point))


def _difference(batch: Batch, place: int, action: RecordDifference) -> None:
    batch.add(DifferenceRow, DIFFERENCES.row(batch.account, action) | {"place": place})


def _note(batch: Batch, place: int, action: RecordNote) -> None:
    batch.add(TradeNoteRow, TRADE_NOTES.row(batch.account, action) | {"place": place})


def _notify(batch: Batch, place: int, action: Notify) -> None:
    notice = action.notice
    row = {
        "account": batch.account,
        "place": place,
        "at": notice.at_ms,
        "urgency": 0 if notice.severity is Severity.CRITICAL else 1,
        "kind": notice.kind,
        "severity": notice.severity,
        "symbol": notice.symbol,
        "title": notice.title,
        "body": encode(notice).decode(),
    }
    batch.add(NoticeRow, row)


# A test holds that every Record action has its line here.
RECORDS: dict[type, Callable[[Batch, int, Any], None]] = {
    Submit: _submit,
    RecordOrder: _order,
    RecordFill: _fill,
    RecordEntry: _entry,
    RecordPosition: _position,
    RecordTrade: _trade,
    RecordDecision: _decision,
    RecordKill: _kill,
    RecordKillReset: _kill_reset,
    RecordHalt: _halt,
    RecordSetting: _setting,
    RecordTrading: _trading,
    RecordDay: _day,
    RecordEquity: _equity,
    RecordDifference: _difference,
    RecordNote: _note,
    Notify: _notify,
}
