"""A small but faithful desk in memory: it holds the values a test sets and answers commands as the engine would."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal

import numpy as np
from fakes_hands import FakeHands

from bot.config import ConfigItem
from bot.domain.account import Balance, Entry, EquityPoint
from bot.domain.command import (
    Change,
    CloseAll,
    ClosePosition,
    Command,
    Done,
    KillNow,
    PanicClose,
    Pause,
    Receipt,
    Reconcile,
    ResetKill,
    Resume,
    SetLimit,
    SetParameter,
    SetSizing,
    StartTrading,
    StopTrading,
)
from bot.domain.decision import Decision
from bot.domain.guard import Halt, Kill, KillKind, KillReset, Limits, Sizing, TradingState
from bot.domain.instrument import Bracket, Instrument
from bot.domain.order import Order
from bot.domain.refusal import Refused
from bot.domain.signal import Side
from bot.domain.snapshot import DayFigures
from bot.domain.trade import Trade
from bot.engine.views import (
    ClosePreview,
    KillView,
    LimitUse,
    PositionView,
    RiskReport,
    SizePreview,
    StatusView,
    SymbolView,
    Why,
)
from bot.runtime.desk import About, HealthView, JobView, ParameterView, Picture
from bot.runtime.ports import AuditEntry, Preference, StorageHealth, TradeQuery
from bot.strategy import Columns, Frame, Parameter, Value

NOW = 1_760_000_400_000  # 2025-10-09 09:00 UTC
TICKS = {"BTCUSDT": ("0.1", "0.001"), "ETHUSDT": ("0.01", "0.001"), "XRPUSDT": ("0.0001", "0.1")}
PRICES = {"BTCUSDT": Decimal("64250.5"), "ETHUSDT": Decimal("3120.25"), "XRPUSDT": Decimal("0.5312")}


def instrument(symbol: str) -> Instrument:
    tick, step = TICKS[symbol]
    return Instrument(
        symbol=symbol,
        base=symbol.removesuffix("USDT"),
        quote="USDT",
        price_tick=Decimal(tick),
        quantity_step=Decimal(step),
        min_quantity=Decimal(step),
        max_quantity=Decimal(10_000),
        max_market_quantity=Decimal(1000),
        min_notional=Decimal(5),
        brackets=(Bracket(Decimal(10**9), 20, Decimal("0.01"), Decimal(0)),),
    )


def position(symbol: str = "BTCUSDT", side: Side = Side.LONG, quantity: str = "0.25") -> PositionView:
    """A position one per cent in profit, with stop and target."""
    mark, sign = PRICES[symbol], side.sign
    entry = instrument(symbol).price_nearest(mark * (1 - Decimal("0.01") * sign))
    held = Decimal(quantity)
    unrealised = held * (mark - entry) * sign
    stop = instrument(symbol).price_nearest(entry * (1 - Decimal("0.02") * sign))
    risk = held * abs(entry - stop)
    return PositionView(
        symbol=symbol,
        side=side,
        quantity=held,
        entry_price=entry,
        mark_price=mark,
        notional=held * mark,
        unrealised=unrealised,
        unrealised_percent=unrealised / (held * entry) * 100,
        r=unrealised / risk,
        stop_price=stop,
        target_price=instrument(symbol).price_nearest(entry * (1 + Decimal("0.04") * sign)),
        opened_at_ms=NOW - 8_100_000,
        strategy="composite",
        score=4.0,
        model_score=None,
        leverage=5,
        margin=held * entry / 5,
        liquidation_price=instrument(symbol).price_nearest(entry * (1 - Decimal("0.18") * sign)),
        covered=True,
        fees=Decimal("6.4"),
        funding=Decimal("-0.8"),
        foreign=False,
    )


PARAMETERS = (
    Parameter("adx_threshold", 25.0, 0.0, 60.0, "", "trend strength below which nothing is traded"),
    Parameter("atr_sl_mult", 2.0, 0.5, 5.0, "ATR", "stop distance"),
    Parameter("mode", "fast", None, None, "", "how it looks", ("fast", "slow")),
    Parameter("use_volume", True, None, None, "", "ask for volume"),
)


@dataclass
class FakeDesk(FakeHands):
    """Implements bot.runtime.desk.Desk; `asked` lists the commands that were executed, with who asked."""

    mode: str = "demo"
    timezone: str = "Europe/Berlin"
    marks: Mapping[str, Decimal] = field(default_factory=lambda: dict(PRICES))
    working: tuple[Order, ...] = ()
    closed: tuple[Trade, ...] = ()
    points: tuple[EquityPoint, ...] = ()
    ledger: tuple[Entry, ...] = ()
    decided: tuple[Decision, ...] = ()
    whys: dict[str, Why] = field(default_factory=dict)
    halts: tuple[Halt, ...] = ()
    killed: dict[str, Kill] = field(default_factory=dict)
    resets: tuple[KillReset, ...] = ()
    paused: tuple[str, ...] = ()
    paused_all: bool = False
    stopped: bool = False
    protect: bool = False
    link_up: bool = True
    day_pnl: Decimal = Decimal("-12.5")
    breached: bool = False
    wallet: Decimal = Decimal(10_000)
    sizing: Sizing = field(default_factory=Sizing)
    limits: Limits = field(default_factory=Limits)
    base: Decimal = Decimal(10_000)
    overrides: dict[tuple[str, str], Value] = field(default_factory=dict)
    wishes: dict[str, str] = field(default_factory=dict)
    trail: tuple[AuditEntry, ...] = ()
    planned: tuple[JobView, ...] = ()
    items: tuple[ConfigItem, ...] = ()
    errors: int = 0
    ages: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TICKS, 120_000))
    bars: int = 400
    unflat: Decimal = Decimal(0)
    refuses: Refused | None = None
    asked: list[tuple[Command, str]] = field(default_factory=list)

    @property
    def about(self) -> About:
        return About(
            "0.1.0",
            "abc1234",
            self.mode,
            "paper",
            f"paper:{self.mode}:main",
            "USDT",
            "15m",
            self.timezone,
            NOW - 90_000_000,
        )

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        return {symbol: instrument(symbol) for symbol in TICKS}

    def now_ms(self) -> int:
        return NOW

    # --- reads ---

    def status(self) -> StatusView:
        unrealised = sum((view.unrealised for view in self.positions), Decimal(0))
        margin = sum((view.margin for view in self.positions), Decimal(0))
        balance = Balance(self.wallet, unrealised, margin)
        high = max(balance.equity, Decimal(10_100))
        return StatusView(
            at_ms=NOW,
            account=self.about.account,
            trading=self._trading(),
            paused_all=self.paused_all,
            stopped=self.stopped,
            reconciled=True,
            link_up=self.link_up,
            positions=self.positions,
            balance=balance,
            day=DayFigures(start_equity=Decimal(10_000), breached=self.breached),
            day_pnl=self.day_pnl,
            day_limit=Decimal(10_000) * self.limits.daily_loss_percent / 100,
            equity_high=high,
            drawdown_percent=(high - balance.equity) / high * 100,
            halts=self.halts,
            kills=tuple(self.killed.values()),
            paused=self.paused,
            uncovered=tuple(view.symbol for view in self.positions if not view.covered),
            last_bar_at_ms=NOW - 120_000,
            trade_count=len(self.closed),
        )

    def _trading(self) -> TradingState:
        if self.protect:
            return TradingState.PROTECT
        if self.stopped:
            return TradingState.STOPPED
        return TradingState.PAUSED if self.paused_all else TradingState.ACTIVE

    def orders(self, symbol: str = "") -> tuple[Order, ...]:
        return tuple(order for order in self.working if symbol in ("", order.symbol))

    def symbols(self) -> tuple[SymbolView, ...]:
        return tuple(self._symbol(symbol) for symbol in TICKS)

    def _symbol(self, symbol: str) -> SymbolView:
        halts = tuple(halt for halt in self.halts if halt.covers(symbol, NOW))
        kill = self.killed.get(symbol)
        state = "killed" if kill else "halted" if halts else "paused" if symbol in self.paused else "trading"
        return SymbolView(
            symbol=symbol,
            strategy="composite",
            state=state,
            paused=symbol in self.paused,
            reentry=True,
            halts=halts,
            kill=kill,
            cooldown_bars_left=0,
            last_price=PRICES[symbol] if self.bars else None,
            mark_price=PRICES[symbol] if self.bars else None,
            change_24h_percent=1.25 if self.bars else None,
            funding_rate=0.0001 if self.bars else None,
            next_funding_at_ms=NOW + 3_600_000 if self.bars else 0,
            last_candle_at_ms=NOW - 120_000 if self.bars else 0,
            leverage=5,
        )

    def kills(self) -> tuple[KillView, ...]:
        return tuple(
            KillView(
                symbol,
                2,
                8,
                6,
                15,
                None if symbol == "XRPUSDT" else Decimal("1.234"),
                Decimal("0.75"),
                self.killed.get(symbol),
            )
            for symbol in TICKS
        )

    def risk(self) -> RiskReport:
        return RiskReport(
            sizing=self.sizing,
            limits=self.limits,
            base_balance=self.base,
            margin_ratio=Decimal("0.5"),
            share=Decimal(1) / 3,
            leverage={symbol: self.leverages.get(symbol, 5) for symbol in TICKS},
            uses=(LimitUse("positions", str(self.limits.max_positions), str(len(self.positions))),),
        )

    def why(self, symbol: str) -> Why:
        return self.whys.get(symbol, Why(symbol, None, (), None, None))

    def parameters(self, symbol: str) -> tuple[ParameterView, ...]:
        return tuple(self._parameter(symbol, parameter) for parameter in PARAMETERS)

    def _parameter(self, symbol: str, parameter: Parameter) -> ParameterView:
        value = self.overrides.get((symbol, parameter.name), parameter.default)
        source = "run time" if (symbol, parameter.name) in self.overrides else "default.yaml"
        return ParameterView(symbol, "composite", parameter, value, source)

    def check_parameter(self, symbol: str, name: str, text: str) -> Value | Refused:
        known = {parameter.name: parameter for parameter in PARAMETERS}
        if name not in known:
            return Refused("parameter", f"{name} is no parameter of composite; did you mean adx_threshold?")
        low, high = known[name].low, known[name].high
        if low is None or high is None:
            return text
        value = float(text)
        return (
            value
            if low <= value <= high
            else Refused("parameter", f"{name} {text}: allowed {low:g} to {high:g}")
        )

    def preview_close(self, symbol: str, percent: Decimal) -> ClosePreview | Refused:
        view = next((view for view in self.positions if view.symbol == symbol), None)
        if view is None:
            return Refused("position", f"{symbol} has no open position")
        quantity = instrument(symbol).quantity_down(view.quantity * percent / 100)
        slip = view.mark_price * Decimal("0.0001")
        price = view.mark_price - slip * view.side.sign
        return ClosePreview(
            symbol=symbol,
            side=view.side,
            quantity=quantity,
            price=price,
            slippage=slip * quantity,
            fee=quantity * price * Decimal("0.0004"),
            realised=quantity * (price - view.entry_price) * view.side.sign,
            margin_freed=quantity * view.entry_price / view.leverage,
        )

    def preview_size(self, symbol: str, sizing: Sizing) -> SizePreview:
        price = PRICES[symbol]
        wanted = sizing.value / (price * Decimal("0.02")) if sizing.value else Decimal(1000) / price
        quantity = instrument(symbol).quantity_down(wanted)
        notional = quantity * price
        return SizePreview(
            symbol, quantity, notional, notional / 5, notional * Decimal("0.02"), sizing.mode.value
        )

    async def picture(self, symbol: str, bars: int) -> Picture:
        shown = min(bars, self.bars)
        frame = walk(symbol, shown)
        columns: Columns = {"ema9": frame.close, "rsi14": frame.close * 0.0 + 50.0}
        trades = tuple(trade for trade in self.closed if trade.symbol == symbol)
        held = next((view for view in self.positions if view.symbol == symbol), None)
        return Picture(frame, columns, trades, held)

    async def trades(self, query: TradeQuery) -> tuple[Trade, ...]:
        chosen = [
            trade
            for trade in self.closed
            if query.symbol in ("", trade.symbol) and trade.closed_at_ms >= query.since_ms
        ]
        return tuple(chosen[-query.limit :] if query.limit else chosen)

    async def decisions(self, limit: int, symbol: str = "") -> tuple[Decision, ...]:
        return self.decided[:limit]

    async def equity(self, since_ms: int) -> tuple[EquityPoint, ...]:
        return tuple(point for point in self.points if point.at_ms >= since_ms)

    async def entries(self, since_ms: int) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.ledger if entry.at_ms >= since_ms)

    async def kill_resets(self, limit: int) -> tuple[KillReset, ...]:
        return self.resets[:limit]

    async def audit(self, limit: int) -> tuple[AuditEntry, ...]:
        return self.trail[:limit]

    async def preferences(self, user_id: str) -> Mapping[str, str]:
        return self.wishes

    async def set_preference(self, preference: Preference) -> None:
        self.wishes = {**self.wishes, preference.kind: preference.setting}

    def jobs(self) -> tuple[JobView, ...]:
        return self.planned

    async def health(self) -> HealthView:
        return HealthView(
            at_ms=NOW,
            started_at_ms=NOW - 90_000_000,
            link_up=self.link_up,
            last_bar_at_ms=NOW - 120_000,
            candle_age_ms=self.ages,
            queue_length=0,
            events=12_345,
            handle_ms_p50=0.12,
            handle_ms_p99=1.4,
            order_ms_p50=55.0,
            order_ms_p99=1210.0,
            longest_uncovered_ms=900,
            errors=self.errors,
            memory_mb=210.4,
            disk_free_mb=51_200.0,
            storage=StorageHealth("sqlite", 4_200_000, "r0001", 1.8, 0),
            version="0.1.0",
        )

    def config(self, key: str = "") -> tuple[ConfigItem, ...]:
        return tuple(item for item in self.items if item.key.startswith(key))

    # --- commands ---

    async def execute(self, command: Command, actor: str, origin: str = "") -> Done | Refused:
        self.asked.append((command, actor))
        if self.refuses:
            return self.refuses
        return self.by_hand(command, actor) or self._closed(command) or Done(self._changed(command))

    def _closed(self, command: Command) -> Done | None:
        match command:
            case ClosePosition(symbol, percent):
                return self._close([symbol], percent)
            case CloseAll():
                return self._close([view.symbol for view in self.positions], Decimal(100))
            case PanicClose(symbol):
                self.stopped = self.stopped or not symbol
                chosen = [view.symbol for view in self.positions if symbol in ("", view.symbol)]
                return self._close(chosen, Decimal(100))
            case Reconcile():
                return Done(remarks=("the books agree with the venue",))
            case _:
                return None

    def _changed(self, command: Command) -> tuple[Change, ...]:
        match command:
            case Pause(symbol) | Resume(symbol):
                return self._pause(symbol, isinstance(command, Pause))
            case StopTrading() | StartTrading():
                before, self.stopped = self._trading().value, isinstance(command, StopTrading)
                return (Change("trading", before, self._trading().value),)
            case SetSizing(sizing):
                self.sizing = sizing
                return (Change("sizing", "before", "after"),)
            case SetLimit(name, value):
                return self._limit(name, value)
            case SetParameter(symbol, name, value):
                self.overrides |= {(one, name): value for one in TICKS if symbol in ("", one)}
                return (Change(f"{name} of {symbol}", "before", str(value)),)
            case KillNow(symbol) | ResetKill(symbol):
                return self._kill(symbol, isinstance(command, KillNow))
            case _:
                return (Change("asked", "before", "after"),)

    def _kill(self, symbol: str, killed: bool) -> tuple[Change, ...]:
        chosen = [one for one in TICKS if symbol in ("", one)]
        rest = {one: kill for one, kill in self.killed.items() if one not in chosen}
        news = {one: Kill(one, KillKind.MANUAL, NOW, "by test:1") for one in chosen} if killed else {}
        self.killed = rest | news
        words = {True: "set (MANUAL)", False: "not set, counters start anew"}
        return tuple(Change(f"kill switch of {one}", words[not killed], words[killed]) for one in chosen)

    def _pause(self, symbol: str, paused: bool) -> tuple[Change, ...]:
        words = {True: "paused", False: "allowed"}
        if not symbol:
            before, self.paused_all = self.paused_all, paused
            return (Change("entries for all", words[before], words[paused]),)
        before = symbol in self.paused
        self.paused = (*self.paused, symbol) if paused else tuple(one for one in self.paused if one != symbol)
        return (Change(f"entries on {symbol}", words[before], words[paused]),)

    def _limit(self, name: str, value: Decimal) -> tuple[Change, ...]:
        if name == "base_balance":
            before, self.base = self.base, value
            return (Change(name, str(before), str(value)),)
        kinds = {one.name: type(getattr(self.limits, one.name)) for one in fields(Limits)}
        self.limits = replace(self.limits, **{name: kinds[name](value)})
        return (Change(name, "before", "after"),)

    def _close(self, symbols: list[str], percent: Decimal) -> Done:
        receipts = tuple(self._receipt(symbol, percent) for symbol in symbols)
        if percent < 100:
            return Done(receipts=receipts)
        left = ", ".join(f"{receipt.symbol} {receipt.left}" for receipt in receipts if receipt.left)
        return Done((), receipts, (f"NOT FLAT: {left} left" if left else "flat, verified with the venue",))

    def _receipt(self, symbol: str, percent: Decimal) -> Receipt:
        found = self.preview_close(symbol, percent)
        assert isinstance(found, ClosePreview)
        left = min(self.unflat, found.quantity)
        view = next(view for view in self.positions if view.symbol == symbol)
        rest = view.quantity - found.quantity + left
        others = tuple(one for one in self.positions if one.symbol != symbol)
        self.positions = (*others, replace(view, quantity=rest)) if rest else others
        done = found.quantity - left
        return Receipt(
            symbol,
            found.quantity,
            done,
            left,
            found.price if done else Decimal(0),
            found.slippage,
            found.realised - found.fee,
            1450,
        )


def walk(symbol: str, bars: int) -> Frame:
    """A calm random walk that ends at the symbol's price."""
    generator = np.random.default_rng(3)
    close = np.exp(np.cumsum(generator.normal(0, 0.002, bars)))
    close = close / close[-1] * float(PRICES[symbol]) if bars else close
    first = (NOW // 900_000 - bars) * 900_000
    return Frame(
        symbol=symbol,
        timeframe_ms=900_000,
        open_at_ms=first + 900_000 * np.arange(bars, dtype=np.int64),
        open=close * 0.999,
        high=close * 1.002,
        low=close * 0.998,
        close=close,
        volume=np.full(bars, 100.0),
    )
