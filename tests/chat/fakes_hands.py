"""The part of the fake desk that later commands use: a person's entries, leverage, differences, alerts, notes, undo."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from bot.domain.action import RecordNote, RecordSetting
from bot.domain.alert import Alert
from bot.domain.command import (
    Adopt,
    AttachStop,
    Change,
    ChangeLeverage,
    ClosePosition,
    Command,
    Done,
    DropAlert,
    Ignore,
    NoteTrade,
    OpenPosition,
    Receipt,
    SetAlert,
    SetLimit,
    UndoSetting,
)
from bot.domain.decision import Decision
from bot.domain.guard import TradingState
from bot.domain.refusal import Refused
from bot.domain.signal import GateCheck, Side, Signal
from bot.engine.views import (
    DifferenceView,
    LeveragePreview,
    OpenPreview,
    PositionView,
    SettingPreview,
    SizePreview,
)
from bot.runtime.desk import DrillReport, VenueCall

if TYPE_CHECKING:
    from bot.domain.instrument import Instrument

AT_MS = 1_760_000_400_000


@dataclass
class FakeHands:
    """What a person does by hand; `FakeDesk` brings positions, instruments and prices."""

    positions: tuple[PositionView, ...] = ()
    waiting: tuple[Alert, ...] = ()
    written: tuple[RecordNote, ...] = ()
    recorded: tuple[RecordSetting, ...] = ()
    found: tuple[DifferenceView, ...] = ()
    leverages: dict[str, int] = field(default_factory=dict)
    entry_refused_by: str = ""
    marks: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def instruments(self) -> "Mapping[str, Instrument]":
        raise NotImplementedError

    # --- previews ---

    def preview_open(self, symbol: str, side: Side, risk: Decimal | None = None) -> OpenPreview | Refused:
        if symbol not in self.marks:
            return Refused("history", f"{symbol} has no closed bar yet")
        rules, entry = self.instruments[symbol], self.marks[symbol]
        away = entry * Decimal("0.02")
        stop = rules.price_nearest(entry - away * side.sign)
        target = rules.price_nearest(entry + 2 * away * side.sign)
        quantity = rules.quantity_down((risk or Decimal(20)) / away)
        notional = quantity * entry
        return OpenPreview(
            symbol=symbol,
            side=side,
            strategy="composite",
            entry=entry,
            quantity=quantity,
            notional=notional,
            margin=notional / self.leverages.get(symbol, 5),
            leverage=self.leverages.get(symbol, 5),
            stop=stop,
            target=target,
            reward=Decimal(2),
            risk=quantity * away,
            fee=notional * Decimal("0.0008"),
            binding="risk_usd" if risk else "margin_ratio",
            gates=self._gates(),
            refused_by=self.entry_refused_by,
            figures="3 of 3 open" if self.entry_refused_by else "",
        )

    def _gates(self) -> tuple[GateCheck, ...]:
        passed = not self.entry_refused_by
        return (
            GateCheck("trading_state", True, "desk is ACTIVE"),
            GateCheck("max_positions", passed, "2 of 3 open" if passed else "3 of 3 open"),
            GateCheck("free_margin", True if passed else None, "200.00 of 9800.00" if passed else ""),
        )

    def preview_leverage(self, symbol: str, leverage: int) -> LeveragePreview | Refused:
        if leverage > 20:
            return Refused("leverage", f"{symbol}: at most 20x at the venue, not {leverage}x")
        before = self.leverages.get(symbol, 5)
        view = next((one for one in self.positions if one.symbol == symbol), None)
        liquidation = view.liquidation_price if view else None
        return LeveragePreview(
            symbol=symbol,
            before=before,
            after=leverage,
            margin_before=view.margin if view else None,
            margin_after=view.margin * before / leverage if view else None,
            liquidation_before=liquidation,
            liquidation_after=liquidation * Decimal("0.9") if liquidation else None,
            size_before=self._size(symbol, before),
            size_after=self._size(symbol, leverage),
        )

    def _size(self, symbol: str, leverage: int) -> SizePreview:
        notional = Decimal(200) * leverage
        quantity = self.instruments[symbol].quantity_down(notional / self.marks.get(symbol, Decimal(1)))
        return SizePreview(symbol, quantity, notional, Decimal(200), notional / 50, "margin_ratio")

    async def preview_setting(self, command: Command, actor: str) -> SettingPreview | Refused:
        match command:
            case UndoSetting(number):
                return self._undo(number)
            case SetLimit(name, value):
                return SettingPreview(
                    (Change(name, "before", str(value)),), remarks=("the open trade stays",)
                )
            case _:
                return SettingPreview((Change("asked", "before", "after"),))

    def _undo(self, number: int) -> SettingPreview | Refused:
        changes = [one for one in self.recorded if one.id == number]
        if not changes:
            return Refused("undo", f"there is no change {number}")
        back = tuple(Change(one.key, one.after, one.before) for one in changes)
        return SettingPreview(back, remarks=("open trades keep their size, stop and target",))

    # --- reads ---

    def differences(self) -> tuple[DifferenceView, ...]:
        return self.found

    def alerts(self, owner: str = "") -> tuple[Alert, ...]:
        return tuple(one for one in self.waiting if owner in ("", one.owner))

    async def notes(self, limit: int, symbol: str = "") -> tuple[RecordNote, ...]:
        return tuple(one for one in self.written if symbol in ("", one.symbol))[:limit]

    async def settings(self, limit: int) -> tuple[RecordSetting, ...]:
        return self.recorded[:limit]

    # --- deeds ---

    async def dry(self, command: Command, actor: str) -> tuple[VenueCall, ...]:
        match command:
            case ClosePosition(symbol):
                words = (
                    "SELL MARKET 0.250 reduce-only",
                    "stop qd1234-2",
                    "positions, orders and fills since 08:57",
                )
                kinds = ("submit", "cancel", "snapshot")
                return tuple(VenueCall(kind, symbol, word) for kind, word in zip(kinds, words, strict=True))
            case ChangeLeverage(symbol, leverage):
                return (VenueCall("set_leverage", symbol, f"leverage {leverage}x"),)
            case _:
                return ()

    async def drill(self, symbol: str, actor: str) -> DrillReport | Refused:
        if any(one.symbol == symbol for one in self.positions):
            return Refused("drill", f"{symbol} has an open position; a drill needs a flat symbol")
        receipt = Receipt(
            symbol,
            Decimal(1),
            Decimal(1),
            Decimal(0),
            self.marks[symbol],
            Decimal("0.01"),
            Decimal("-0.02"),
            410,
            520,
        )
        return DrillReport(symbol, 120, 260, 520, (receipt,), Decimal("0.02"), TradingState.ACTIVE)

    def by_hand(self, command: Command, actor: str) -> Done | Refused | None:
        """The answer to a command that is carried out here, None for the others."""
        match command:
            case OpenPosition(symbol, side, risk):
                return self._opened(symbol, side, risk)
            case ChangeLeverage(symbol, leverage):
                before = self.leverages.get(symbol, 5)
                self.leverages[symbol] = leverage
                return Done((Change(f"leverage of {symbol}", f"{before}x", f"{leverage}x"),))
            case SetAlert(symbol, above, price, owner):
                number = max((one.id for one in self.waiting), default=0) + 1
                self.waiting = (*self.waiting, Alert(number, symbol, above, price, owner, AT_MS))
                return Done((Change(f"alert {number}", "none", f"{symbol} at {price}"),))
            case DropAlert(number):
                self.waiting = tuple(one for one in self.waiting if one.id != number)
                return Done((Change(f"alert {number}", "waits", "deleted"),))
            case NoteTrade(symbol, text, author):
                self.written = (RecordNote(AT_MS, symbol, AT_MS - 8_100_000, text, author), *self.written)
                return Done((Change(f"note on {symbol}", "none", text),))
            case Adopt(symbol) | Ignore(symbol) | AttachStop(symbol):
                self.found = tuple(
                    one if one.symbol != symbol else replace(one, choices=()) for one in self.found
                )
                return Done((Change(f"position of {symbol}", "not ours", type(command).__name__.lower()),))
            case UndoSetting(number):
                found = self._undo(number)
                return found if isinstance(found, Refused) else Done(found.changes)
            case _:
                return None

    def _opened(self, symbol: str, side: Side, risk: Decimal | None) -> Done | Refused:
        found = self.preview_open(symbol, side, risk)
        if isinstance(found, Refused):
            return found
        signal = Signal(
            symbol=symbol,
            strategy="manual",
            bar_at_ms=AT_MS,
            side=side,
            score=0.0,
            reference_price=float(found.entry),
            stop_price=float(found.stop),
            target_price=float(found.target or 0),
            atr=float(found.entry) / 100,
            reasons=(),
        )
        decision = Decision(
            id=f"{symbol}/m1",
            at_ms=AT_MS,
            signal=signal,
            gates=found.gates,
            refused_by=found.refused_by,
            quantity=Decimal(0) if found.refused_by else found.quantity,
            notional=Decimal(0) if found.refused_by else found.notional,
            binding=found.binding,
            client_id="" if found.refused_by else "qd1234-e0009",
        )
        return Done(decision=decision)
