"""Speaking to the real commands about a FakeDesk, as an operator does: through the dispatcher."""

from dataclasses import dataclass, field, replace
from decimal import Decimal

from chat_fakes import Clock, MemoryArrivals, MemoryAudit
from fakes_desk import NOW, PRICES, FakeDesk, instrument, position

from bot.domain.account import Book, Entry, EquityPoint, transfer
from bot.domain.action import PLACES, RecordSetting
from bot.domain.alert import Alert
from bot.domain.decision import Decision
from bot.domain.guard import Halt, HaltKind, Kill, KillKind, KillReset
from bot.domain.order import CloseReason, Intent, Order, OrderSide, OrderStatus, OrderType, Purpose
from bot.domain.signal import GateCheck, Hold, Reason, Side, Signal
from bot.domain.trade import Trade
from bot.engine.views import Why
from bot.runtime.desk import ConfigItem, JobView
from bot.runtime.ports import AuditEntry
from handlers.access import ConfiguredAccess
from handlers.command import Injected, Role
from handlers.dispatch import Dispatcher
from handlers.limits import ChatLimits
from handlers.registry import Registry, load_registry
from handlers.render_text import reply_lines
from handlers.reply import Reply
from handlers.request import ChatKind, Request, RequestKind

USERS = {"test:1": Role.ADMIN, "test:2": Role.TRADER, "test:3": Role.VIEWER}
REGISTRY: Registry = load_registry()


@dataclass
class Talk:
    """One operator's talk with the desk."""

    desk: FakeDesk
    user: str = "1"
    clock: Clock = field(default_factory=Clock)
    audit: MemoryAudit = field(default_factory=MemoryAudit)
    count: int = 0
    context: tuple[Injected, ...] = ()

    def __post_init__(self) -> None:
        self.dispatcher = Dispatcher(
            self.desk,
            REGISTRY,
            ConfiguredAccess(USERS, ()),
            self.audit,
            MemoryArrivals(),
            self.clock,
            ChatLimits(per_minute=6000, burst=1000),
            context=self.context,
        )

    async def say(self, text: str) -> Reply:
        """The answer to a line; for a confirmed command this is its card."""
        reply = await self.dispatcher.handle(self._request(text=text))
        assert reply is not None
        return reply

    async def press(self, card: Reply, label: str) -> Reply:
        """The answer to a pressed button."""
        button = next(button for button in card.buttons if button.label == label)
        reply = await self.dispatcher.handle(self._request(kind=RequestKind.BUTTON, button=button.id))
        assert reply is not None
        return reply

    async def confirmed(self, text: str) -> Reply:
        """Say a line and confirm its card."""
        return await self.press(await self.say(text), "Confirm")

    def _request(self, kind: RequestKind = RequestKind.TEXT, text: str = "", button: str = "") -> Request:
        self.count += 1
        return Request(
            platform="test",
            user_id=self.user,
            user_name="Ann",
            chat_id=self.user,
            chat_kind=ChatKind.PRIVATE,
            kind=kind,
            text=text,
            button=button,
            sent_at_ms=self.clock.now_ms,
            update_id=f"u{self.count}",
        )


def page(reply: Reply, width: int = 160) -> str:
    """A reply as an operator reads it in a terminal."""
    return "\n".join(reply_lines(reply, width))


def fields(reply: Reply) -> dict[str, str]:
    return dict(reply.fields)


def rows(reply: Reply) -> list[dict[str, str]]:
    return reply.table.to_json() if reply.table else []


# --- a desk in the middle of its day --------------------------------------------------------------------------------


def trade(number: int, net: str, symbol: str = "BTCUSDT", hours_ago: int = 2) -> Trade:
    """A closed trade, half an hour long."""
    entry = PRICES[symbol]
    return Trade(
        id=f"t{number}",
        symbol=symbol,
        side=Side.LONG if number % 2 else Side.SHORT,
        strategy="composite",
        quantity=instrument(symbol).quantity_down(1000 / entry),
        entry_price=entry,
        exit_price=instrument(symbol).price_nearest(entry * Decimal("1.01")),
        opened_at_ms=NOW - hours_ago * 3_600_000 - 1_800_000,
        closed_at_ms=NOW - hours_ago * 3_600_000,
        reason=CloseReason.TP if Decimal(net) > 0 else CloseReason.SL,
        gross=Decimal(net) + Decimal("0.8"),
        fees=Decimal("0.9"),
        funding=Decimal("0.1"),
        net=Decimal(net),
        slippage=Decimal("0.12"),
        risk=Decimal(10),
        r_multiple=Decimal(net) / 10,
        score=3.0,
        stop_price=entry * Decimal("0.98"),
        target_price=None,
        leverage=5,
    )


def signal(symbol: str = "BTCUSDT", side: Side | None = Side.LONG) -> Signal:
    price = float(PRICES[symbol])
    return Signal(
        symbol=symbol,
        strategy="composite",
        bar_at_ms=NOW - 120_000,
        side=side,
        score=4.0 if side else 1.0,
        reference_price=price,
        stop_price=price * 0.98,
        target_price=price * 1.04,
        atr=price * 0.01,
        reasons=(Reason("EMA9 > EMA21 > EMA50", 1.0), Reason("MACD crosses up", 2.0)),
        hold=None if side else Hold("ADX", 18.3, "<", 25.0),
    )


def decision(symbol: str = "BTCUSDT", refused_by: str = "", side: Side = Side.LONG) -> Decision:
    gates = (
        GateCheck("trading_state", True, "desk is ACTIVE"),
        GateCheck("same_direction", not refused_by, "2 of 2 LONG" if refused_by else "1 of 2 LONG"),
        GateCheck("free_margin", None if refused_by else True, "" if refused_by else "154.20 of 9800.00"),
    )
    return Decision(
        id=f"{symbol}/1",
        at_ms=NOW - 119_000,
        signal=signal(symbol, side),
        gates=gates,
        refused_by=refused_by,
        quantity=Decimal(0) if refused_by else instrument(symbol).quantity_down(1000 / PRICES[symbol]),
        notional=Decimal(0) if refused_by else Decimal(1000),
        binding="" if refused_by else "margin_ratio",
        client_id="" if refused_by else "qd1234-e0001",
    )


def order(purpose: Purpose = Purpose.STOP, symbol: str = "BTCUSDT") -> Order:
    entry = purpose is Purpose.ENTRY
    intent = Intent(
        symbol=symbol,
        side=OrderSide.BUY if entry else OrderSide.SELL,
        purpose=purpose,
        type=OrderType.MARKET if entry else OrderType.STOP_MARKET,
        quantity=Decimal("0.25"),
        decision_id="d1",
        trigger_price=None if entry else Decimal("62335.9"),
        reduce_only=not entry,
    )
    status = OrderStatus.FILLED if entry else OrderStatus.WORKING
    filled = Decimal("0.25") if entry else Decimal(0)
    return Order(
        "qd1234-1",
        intent,
        "entry",
        status,
        NOW - 7_200_000,
        NOW,
        filled,
        Decimal("64255.1") if entry else Decimal(0),
    )


def halt(symbol: str = "ETHUSDT", kind: HaltKind = HaltKind.VOLATILITY, minutes: int = 10) -> Halt:
    until = NOW + minutes * 60_000 if minutes else 0
    return Halt(symbol, kind, NOW - 60_000, until, "moved 1.2 % in 5 s, limit 1 %")


def kill(symbol: str = "XRPUSDT") -> Kill:
    return Kill(symbol, KillKind.FAST, NOW - 3_600_000, "8 losses running, limit 8")


def equity_curve(days: int = 3) -> tuple[EquityPoint, ...]:
    count = days * 24
    levels = (Decimal(10_000) + 4 * i - (150 if i % 17 > 12 else 0) for i in range(count + 1))
    return tuple(
        EquityPoint(NOW - (count - i) * 3_600_000, level, level, 1) for i, level in enumerate(levels)
    )


def ledger() -> tuple[Entry, ...]:
    return (
        transfer(NOW - 7_000_000, "fee", "BTCUSDT", "f1", Book.FEES, Decimal("-4.5")),
        transfer(NOW - 6_000_000, "funding", "BTCUSDT", "p1", Book.FUNDING, Decimal("1.25")),
        transfer(NOW - 5_000_000, "realised", "BTCUSDT", "r1", Book.REALISED, Decimal(20)),
    )


def busy_desk() -> FakeDesk:
    """Two positions, trades on three symbols, a halt, a kill, orders, decisions, jobs, an audit trail."""
    long, short = position("BTCUSDT"), position("ETHUSDT", Side.SHORT, "1.5")
    taken, refused = decision("BTCUSDT"), decision("XRPUSDT", "same_direction")
    gates = (
        GateCheck("ADX", True, "31.2 >= 25"),
        GateCheck("score", True, "4 >= 3"),
        GateCheck("volume", None),
    )
    return FakeDesk(
        positions=(long, short),
        working=(order(), order(Purpose.ENTRY), order(Purpose.TARGET, "ETHUSDT")),
        closed=(
            trade(1, "24.5", hours_ago=60),
            trade(2, "-10.2", "ETHUSDT", 30),
            trade(3, "-9.8", "XRPUSDT", 20),
            trade(4, "31", "ETHUSDT", 3),
        ),
        points=equity_curve(),
        ledger=ledger(),
        decided=(taken, refused),
        whys={
            "BTCUSDT": Why("BTCUSDT", signal(), gates, taken, order(Purpose.ENTRY)),
            "XRPUSDT": Why("XRPUSDT", signal("XRPUSDT", None), gates, refused, None),
        },
        halts=(halt(), halt("", HaltKind.DRAWDOWN, 0)),
        killed={"XRPUSDT": kill()},
        resets=(KillReset("ETHUSDT", NOW - 86_400_000, "test:1", "data gap fixed"),),
        paused=("ETHUSDT",),
        trail=(
            AuditEntry(7, NOW, "test", "1", "1", "set_risk", "10", "ok", "sizing: a -> b", 42, "ab" * 32),
        ),
        planned=(
            JobView("candles", "Candles 15m", "every 15m", NOW + 780_000, NOW - 120_000, 42.5, "ok"),
            JobView("digest", "Daily digest", "08:00", 0, 0, 0.0, ""),
        ),
        recorded=(
            RecordSetting(
                NOW - 60_000, "limits", "{}", "test:1", "max_positions 3", "max_positions 4", 42 * PLACES
            ),
        ),
        waiting=(Alert(1, "BTCUSDT", True, Decimal(70_000), "test:1", NOW - 60_000),),
        items=(
            ConfigItem("chat.telegram.token", "****", "environment"),
            ConfigItem("mode", "demo", "config.yaml"),
        ),
    )


def empty_desk() -> FakeDesk:
    """A desk that has just started: nothing traded, no bar seen."""
    return FakeDesk(day_pnl=Decimal(0), bars=0)


def alarmed_desk() -> FakeDesk:
    """Everything that may alarm at once."""
    naked = replace(
        position(), stop_price=None, target_price=None, covered=False, r=None, foreign=True, strategy=""
    )
    return replace(
        busy_desk(),
        positions=(naked, replace(position("ETHUSDT"), liquidation_price=None)),
        link_up=False,
        protect=True,
        stopped=True,
        paused_all=True,
        breached=True,
        day_pnl=Decimal(-512),
        errors=3,
        ages={"BTCUSDT": 7_200_000, "ETHUSDT": 60_000, "XRPUSDT": 60_000},
        mode="live",
    )
