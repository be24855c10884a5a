"""A ledger's memory without a database: steps go in, what a start begins with comes out.

Folds what the engine recorded into `Recovered` as bot/domain/snapshot.py documents it; storage does the same with
tables, and a test holds the two against each other.
"""

import json
from collections.abc import Iterable
from decimal import Decimal

from bot.domain.account import Book
from bot.domain.action import (
    Action,
    RecordDay,
    RecordDecision,
    RecordEntry,
    RecordEquity,
    RecordFill,
    RecordHalt,
    RecordKill,
    RecordKillReset,
    RecordOrder,
    RecordPosition,
    RecordSetting,
    RecordTrade,
    RecordTrading,
    Submit,
)
from bot.domain.decision import Decision
from bot.domain.event import CandlesClosed
from bot.domain.fill import Fill
from bot.domain.guard import Halt, Kill, KillReset, Limits, Sizing, TradingState
from bot.domain.instrument import ZERO
from bot.domain.market import DAY_MS
from bot.domain.order import Order, OrderStatus, Purpose
from bot.domain.position import Position
from bot.domain.snapshot import DayFigures, OpenTrade, Recovered
from bot.domain.trade import Trade
from bot.runtime.codec import decode
from bot.runtime.ports import Step

KEPT_TRADES = 50
KEPT = ("alerts", "clusters", "flattens", "ignored:", "leverage:", "model:", "placings")


class Memory:
    """What a ledger would know after the steps taken so far."""

    def __init__(self, steps: Iterable[Step] = ()) -> None:
        self.steps = 0
        self.at_ms = 0
        self.trading = TradingState.ACTIVE
        self.positions: dict[str, tuple[Position, OpenTrade | None]] = {}
        self.orders: dict[str, Order] = {}
        self.decisions: list[Decision] = []
        self.wallet = ZERO
        self.settings: dict[str, str] = {}
        self.high = ZERO
        self.day = DayFigures()
        self.trades: list[Trade] = []
        self.counted: list[Trade] = []
        self.kills: dict[str, Kill] = {}
        self.resets: dict[str, KillReset] = {}
        self.halts: dict[tuple[str, str], Halt] = {}
        self.fills: list[Fill] = []
        self.payments: list[str] = []
        self.last_bar_at_ms = 0
        for step in steps:
            self.take(step)

    def take(self, step: Step) -> None:
        """One committed step."""
        self.steps += 1
        self.at_ms = max(self.at_ms, step.event.at_ms)
        if isinstance(step.event, CandlesClosed):
            self.last_bar_at_ms = step.event.at_ms
        for action in step.actions:
            self._record(action)

    def _record(self, action: Action) -> None:  # noqa: C901, PLR0912 - one arm per record
        match action:
            case Submit(order):
                self.orders.setdefault(order.client_id, order)
            case RecordOrder(order):
                self.orders[order.client_id] = order
            case RecordFill(fill):
                self.fills.append(fill)
            case RecordEntry(entry):
                assert entry.balanced
                self.wallet += entry.amount(Book.WALLET)
                if entry.kind == "funding":
                    self.payments.append(entry.reference)
            case RecordPosition(position, open_trade):
                self.positions[position.symbol] = position, open_trade
            case RecordTrade(trade):
                self.trades.append(trade)
                self.counted.append(trade)
            case RecordDecision(decision):
                self.decisions.append(decision)
            case RecordKill(kill):
                self.kills[kill.symbol] = kill
            case RecordKillReset(reset):
                self.kills.pop(reset.symbol, None)
                self.resets[reset.symbol] = reset
                self.counted = [trade for trade in self.counted if trade.symbol != reset.symbol]
            case RecordHalt(halt, lifted_at_ms):
                self.halts.pop((halt.symbol, halt.kind), None)
                if not lifted_at_ms:
                    self.halts[halt.symbol, halt.kind] = halt
            case RecordSetting(key=key, value=value):
                self.settings[key] = value
                self.high = Decimal(json.loads(value)) if key == "equity_high" else self.high
            case RecordTrading(state=state):
                self.trading = state
            case RecordDay(figures=figures):
                self.day = figures
            case RecordEquity(point):
                self.high = max(self.high, point.equity)
            case _:
                pass

    def recovered(self) -> Recovered:
        """What the next start begins with."""
        live = tuple(
            order
            for order in self.orders.values()
            if order.status.live
            or (
                (order.status is OrderStatus.FILLED or order.purpose is Purpose.ENTRY)
                and order.intent.quantity > self._booked(order.client_id)
            )
        )
        open_ones = [(p, t) for p, t in self.positions.values() if not p.flat]
        last_fill = max((fill.at_ms for fill in self.fills), default=0)
        return Recovered(
            trading=self.trading,
            positions=tuple(position for position, _ in open_ones),
            open_trades=tuple(trade for _, trade in open_ones if trade is not None),
            orders=live,
            decisions=self._decisions(live),
            wallet=self.wallet,
            base_balance=self._amount("base_balance"),
            equity_high=self.high,
            day=self.day,
            recent_trades=self._recent(),
            kills=tuple(self.kills.values()),
            kill_resets=tuple(self.resets.values()),
            halts=tuple(h for h in self.halts.values() if not h.until_ms or h.until_ms > self.at_ms),
            paused=self._flags("paused:", wanted=True),
            no_reentry=self._flags("reentry:", wanted=False),
            sizing=decode(self.settings["sizing"], Sizing) if "sizing" in self.settings else None,
            limits=decode(self.settings["limits"], Limits) if "limits" in self.settings else None,
            parameters=self._parameters(),
            last_fill_at_ms=last_fill,
            last_trade_ids=tuple(
                f"{f.symbol}:{f.trade_id}" for f in self.fills if f.at_ms >= last_fill - DAY_MS
            ),
            last_payment_ids=tuple(self.payments),
            last_bar_at_ms=self.last_bar_at_ms,
            trade_count=len(self.trades),
            order_count=len(self.orders),
            first_start=self.steps == 0,
            kept=tuple((key, text) for key, text in sorted(self.settings.items()) if key.startswith(KEPT)),
        )

    def _booked(self, client_id: str) -> Decimal:
        return sum((fill.quantity for fill in self.fills if fill.client_id == client_id), ZERO)

    def _decisions(self, live: tuple[Order, ...]) -> tuple[Decision, ...]:
        entries = {order.client_id for order in live if order.purpose is Purpose.ENTRY}
        return tuple(decision for decision in self.decisions if decision.client_id in entries)

    def _recent(self) -> tuple[Trade, ...]:
        symbols = {trade.symbol for trade in self.counted}
        newest = {s: [t.id for t in self.counted if t.symbol == s][-KEPT_TRADES:] for s in symbols}
        return tuple(trade for trade in self.counted if trade.id in newest[trade.symbol])

    def _amount(self, key: str) -> Decimal:
        return Decimal(json.loads(self.settings[key])) if key in self.settings else ZERO

    def _flags(self, prefix: str, *, wanted: bool) -> tuple[str, ...]:
        flags = {
            key.removeprefix(prefix): json.loads(v)
            for key, v in self.settings.items()
            if key.startswith(prefix)
        }
        return tuple(sorted(symbol for symbol, on in flags.items() if on is wanted))

    def _parameters(self) -> tuple[tuple[str, str, int | float | bool | str], ...]:
        found = []
        for key, value in sorted(self.settings.items()):
            if key.startswith("parameter:"):
                _, symbol, name = key.split(":", 2)
                found.append((symbol, name, json.loads(value)))
        return tuple(found)
