"""A tiny desk, a handful of commands and in-memory books: enough to speak to the dispatcher as a person would."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Annotated, Literal, cast

from bot.domain.command import Change
from bot.domain.errors import StorageError
from bot.domain.instrument import Bracket, Instrument
from bot.domain.notice import Notice, Severity
from bot.runtime.chat_ports import Arrival, ArrivalState, Escalation
from bot.runtime.desk import About, Desk
from bot.runtime.ports import AuditDraft, AuditEntry, Preference, QueuedNotice
from handlers.access import ConfiguredAccess
from handlers.command import (
    Actor,
    Choice,
    Confirm,
    Example,
    Help,
    OpenSymbol,
    Range,
    Rest,
    Risk,
    Role,
    Suggest,
    SymbolName,
    Unit,
    command,
)
from handlers.dispatch import Dispatcher
from handlers.limits import ChatLimits
from handlers.registry import Registry
from handlers.reply import Button, ButtonStyle, Column, Reply, Snapshot, Table, refusal
from handlers.request import ChatKind, Request, RequestKind

START_MS = 1_700_000_000_000
SYMBOLS = ("BTCUSDT", "ETHUSDT", "XRPUSDT", "SOLUSDT")


def instrument(symbol: str) -> Instrument:
    return Instrument(
        symbol=symbol,
        base=symbol.removesuffix("USDT"),
        quote="USDT",
        price_tick=Decimal("0.1"),
        quantity_step=Decimal("0.001"),
        min_quantity=Decimal("0.001"),
        max_quantity=Decimal(1000),
        max_market_quantity=Decimal(100),
        min_notional=Decimal(5),
        brackets=(Bracket(Decimal(10**9), 20, Decimal("0.01"), Decimal(0)),),
    )


class FakeDesk:
    """What the sample commands need of a desk; `done` lists what they did."""

    def __init__(self) -> None:
        self.about = About("1.0", "abc", "demo", "paper", "paper:demo:main", "USDT", "15m", "UTC", START_MS)
        self.instruments: Mapping[str, Instrument] = {symbol: instrument(symbol) for symbol in SYMBOLS}
        self.held: dict[str, Decimal] = {"XRPUSDT": Decimal(10)}
        self.price = Decimal(100)
        self.risk_amount = Decimal(5)
        self.done: list[object] = []
        self.gate: asyncio.Event | None = None

    def now_ms(self) -> int:
        return START_MS

    def status(self) -> object:
        return SimpleNamespace(positions=tuple(SimpleNamespace(symbol=symbol) for symbol in self.held))


def fake(desk: Desk) -> FakeDesk:
    return cast(FakeDesk, getattr(desk, "whole", desk))


@command(area="desk", role=Role.VIEWER, aliases=("state",))
async def status(desk: Desk, symbol: Annotated[SymbolName, Help("one symbol only")] = "") -> Reply:
    """Open positions and the state of the desk."""
    fake(desk).done.append(("status", symbol))
    fields = (("symbol", symbol or "all"), ("mode", "demo"))
    buttons = (
        Button("Refresh", f"/status {symbol}".strip()),
        Button("Close", "/close XRPUSDT", ButtonStyle.DANGER),
    )
    return Reply("Status", fields, buttons=buttons)


@command(area="desk", role=Role.VIEWER)
async def trades(
    desk: Desk,
    n: Annotated[int, Range(1, 100), Help("how many")] = 10,
    symbol: SymbolName = "",
    wide: bool = False,
) -> Reply:
    """The last closed trades."""
    fake(desk).done.append(("trades", n, symbol, wide))
    columns = (Column("trade"), Column("net", "right"))
    return Reply("Trades", table=Table(columns, tuple((f"t{i}", f"+{i}.00") for i in range(n))))


@command(area="desk", role=Role.VIEWER)
async def pnl(
    desk: Desk, period: Literal["day", "week", "month"] = "day", n: Annotated[int, Range(1, 60)] = 7
) -> Reply:
    """Profit per period."""
    fake(desk).done.append(("pnl", period, n))
    return Reply(f"{period} {n}")


@command(area="desk", role=Role.VIEWER)
async def note(desk: Desk, symbol: SymbolName, text: Annotated[str, Rest(), Help("what to write")]) -> Reply:
    """A note on a trade."""
    fake(desk).done.append(("note", symbol, text))
    return Reply(text)


@command(area="desk", role=Role.VIEWER)
async def whoami(desk: Desk, actor: Actor, registry: Registry) -> Reply:
    """Who is asking."""
    return Reply(actor.id, text=f"{len(registry)} commands for {actor.role.word}")


@command(area="desk", role=Role.ADMIN)
async def config(desk: Desk, key: str = "") -> Reply:
    """Effective configuration."""
    fake(desk).done.append(("config", key))
    return Reply("Config", text=key)


@command(area="desk", role=Role.VIEWER)
async def broken(desk: Desk) -> Reply:
    """Breaks."""
    raise RuntimeError("the password is hunter2")


@command(area="trade", role=Role.TRADER, risk=Risk.LOWERS)
async def pause(desk: Desk, symbol: SymbolName = "") -> Reply:
    """No new entries."""
    fake(desk).done.append(("pause", symbol))
    return Reply("Paused", changes=(Change("pause", "off", "on"),))


async def preview_close(desk: Desk, symbol: str, percent: Decimal = Decimal(100)) -> Reply:
    deck = fake(desk)
    if symbol not in deck.held:
        return refusal("Nothing to close", f"There is no position in {symbol}.")
    quantity = deck.held[symbol] * percent / 100
    snapshot = Snapshot(f"{symbol} {quantity}", (deck.price,))
    return Reply(f"Close {symbol}?", (("size", str(quantity)), ("price", str(deck.price))), snapshot=snapshot)


@command(area="trade", role=Role.TRADER, risk=Risk.LOWERS, confirm=Confirm.BUTTON, preview=preview_close)
async def close(
    desk: Desk,
    symbol: Annotated[OpenSymbol, Help("the position")],
    percent: Annotated[Decimal, Range("0.1", 100), Unit("%"), Suggest(("25", "50", "100"))] = Decimal(100),
) -> Reply:
    """Close a position at market."""
    deck = fake(desk)
    deck.done.append(("close", symbol, percent))
    if deck.gate is not None:
        await deck.gate.wait()
    return Reply(f"Closed {symbol}", changes=(Change(symbol, "open", "closed"),))


async def preview_panic(desk: Desk) -> Reply:
    return Reply(
        "Flatten everything?", (("positions", str(len(fake(desk).held))),), severity=Severity.CRITICAL
    )


@command(
    area="trade",
    role=Role.TRADER,
    risk=Risk.LOWERS,
    confirm=Confirm.BUTTON,
    preview=preview_panic,
    unconfirmed="now",
)
async def panic_close(desk: Desk, symbol: SymbolName = "") -> Reply:
    """Flatten now."""
    fake(desk).done.append(("panic_close", symbol))
    return Reply("Flat", severity=Severity.CRITICAL)


async def preview_risk(desk: Desk, amount: Decimal) -> Reply | None:
    deck = fake(desk)
    if amount == deck.risk_amount:
        return None
    return Reply("Change the risk?", (("risk", f"{deck.risk_amount} -> {amount}"),))


@command(area="risk", role=Role.TRADER, confirm=Confirm.BUTTON, preview=preview_risk)
async def set_risk(
    desk: Desk,
    amount: Annotated[Decimal, Range("0.1", 1000), Unit("USDT"), Help("loss at the stop"), Example("5")],
) -> Reply:
    """Set the risk per trade in USDT."""
    deck = fake(desk)
    change = Change("risk", str(deck.risk_amount), str(amount))
    deck.risk_amount = amount
    deck.done.append(("set_risk", amount))
    return Reply("Risk set", changes=(change,))


@command(area="risk", role=Role.TRADER, confirm=Confirm.BUTTON, preview=preview_close, aliases=("sl",))
async def stoploss(
    desk: Desk,
    symbol: OpenSymbol,
    to: Annotated[Decimal | Literal["be"], Range(0, None), Example("be")],
    trail: Annotated[Decimal | None, Unit("ATR")] = None,
) -> Reply:
    """Move the stop."""
    fake(desk).done.append(("stoploss", symbol, to, trail))
    return Reply("Stop moved")


@command(area="risk", role=Role.ADMIN, confirm=Confirm.CODE, preview=preview_panic)
async def reset_kill(
    desk: Desk, symbol: Annotated[SymbolName, Choice("all")], reason: Annotated[str, Rest()], actor: Actor
) -> Reply:
    """Lift a kill switch."""
    fake(desk).done.append(("reset_kill", symbol, reason, actor.id))
    return Reply("Reset")


COMMANDS = (
    status,
    trades,
    pnl,
    note,
    whoami,
    config,
    broken,
    pause,
    close,
    panic_close,
    set_risk,
    stoploss,
    reset_kill,
)


@dataclass
class Clock:
    now_ms: int = START_MS

    def __call__(self) -> int:
        return self.now_ms

    def forward(self, ms: int) -> None:
        self.now_ms += ms


@dataclass
class MemoryAudit:
    drafts: list[AuditDraft] = field(default_factory=list)
    broken: bool = False

    async def append(self, draft: AuditDraft) -> AuditEntry:
        return (await self.extend([draft]))[0]

    async def extend(self, drafts: Sequence[AuditDraft]) -> tuple[AuditEntry, ...]:
        if self.broken:
            raise StorageError("disk full")
        self.drafts.extend(drafts)
        return cast(tuple[AuditEntry, ...], tuple(drafts))

    async def tail(self, limit: int) -> tuple[AuditEntry, ...]:
        return ()

    async def verify(self) -> int:
        return 0

    @property
    def outcomes(self) -> list[tuple[str, str]]:
        return [(draft.command, draft.outcome) for draft in self.drafts]


@dataclass
class MemoryArrivals:
    """As the database keeps them; `down` makes it unreachable."""

    rows: dict[tuple[str, str], Arrival] = field(default_factory=dict)
    down: bool = False

    async def claim(self, arrival: Arrival) -> bool:
        await asyncio.sleep(0)
        if self.down:
            raise StorageError("locked")
        return self.rows.setdefault((arrival.platform, arrival.update_id), arrival) is arrival

    async def settle(self, platform: str, update_id: str, state: ArrivalState) -> None:
        await asyncio.sleep(0)
        if self.down:
            raise StorageError("locked")
        row = self.rows.get((platform, update_id))
        if row and (row.state is not ArrivalState.EFFECTED or state is ArrivalState.DROPPED):
            self.rows[platform, update_id] = replace(row, state=state)

    async def open(self, before_ms: int) -> tuple[Arrival, ...]:
        if self.down:
            raise StorageError("locked")
        died = [r for r in self.rows.values() if r.state is ArrivalState.TAKEN and r.at_ms < before_ms]
        return (*died, *(r for r in self.rows.values() if r.state is ArrivalState.PARKED))

    def states(self) -> list[str]:
        return [row.state.value for row in self.rows.values()]


@dataclass
class MemoryOutbox:
    """`gone` are the ids that each reader is done with, in order; who is new starts at the first notice."""

    queue: list[QueuedNotice] = field(default_factory=list)
    gone: dict[str, list[int]] = field(default_factory=dict)

    async def waiting(
        self, platform: str, limit: int, severity: Severity | None = None
    ) -> tuple[QueuedNotice, ...]:
        done = self.gone.get(platform, [])
        left = [
            replace(queued, platform=platform)
            for queued in self.queue
            if queued.id not in done and severity in {None, queued.notice.severity}
        ]
        left.sort(key=lambda queued: (queued.notice.severity is not Severity.CRITICAL, queued.id))
        return tuple(left[:limit])

    async def sent(self, platform: str, ids: Sequence[int], at_ms: int) -> None:
        self.gone.setdefault(platform, []).extend(ids)

    async def join(self, reader: str, since_ms: int) -> None:
        self.gone.setdefault(reader, [])

    async def keep_only(self, platform: str, readers: Sequence[str]) -> None:
        others = [one for one in self.gone if one.partition(":")[0] == platform and one not in readers]
        for reader in others:
            del self.gone[reader]

    async def skip_all(self, platform: str, at_ms: int) -> int:
        return 0


@dataclass
class MemoryEscalations:
    """Escalations whose notices are in an outbox."""

    outbox: MemoryOutbox
    rows: dict[int, Escalation] = field(default_factory=dict)

    async def open(self) -> tuple[tuple[Escalation, Notice], ...]:
        notices = {queued.id: queued.notice for queued in self.outbox.queue}
        return tuple((row, notices[row.notice_id]) for row in self.rows.values() if not row.by)

    async def put(self, escalation: Escalation) -> None:
        kept = self.rows.get(escalation.notice_id)
        self.rows[escalation.notice_id] = replace(escalation, by=kept.by) if kept and kept.by else escalation

    async def acknowledge(self, notice_id: int, by: str, at_ms: int) -> bool:
        found = [row for row in self.rows.values() if not row.by and notice_id in {0, row.notice_id}]
        for row in found:
            self.rows[row.notice_id] = replace(row, by=by)
        return bool(found)


@dataclass
class MemoryPreferences:
    settings: dict[str, dict[str, str]] = field(default_factory=dict)

    async def get(self, user_id: str) -> Mapping[str, str]:
        return self.settings.get(user_id, {})

    async def put(self, preference: Preference) -> None:
        self.settings.setdefault(preference.user_id, {})[preference.kind] = preference.setting


USERS = {
    "telegram:1": Role.ADMIN,
    "telegram:2": Role.TRADER,
    "telegram:3": Role.VIEWER,
    "telegram:4": Role.TRADER,
    "discord:9": Role.TRADER,
    "slack:U1": Role.ADMIN,
    "slack:U2": Role.TRADER,
    "console:me": Role.ADMIN,
}


class Chat:
    """People speaking to a dispatcher: `say` and `press` return what was answered."""

    def __init__(self, limits: ChatLimits | None = None, salt: bytes = b"salt") -> None:
        self.desk = FakeDesk()
        self.clock = Clock()
        self.audit = MemoryAudit()
        self.arrivals = MemoryArrivals()
        self.registry = Registry(COMMANDS)
        self.count = 0
        self.dispatcher = Dispatcher(
            cast(Desk, self.desk),
            self.registry,
            ConfiguredAccess(USERS, {"telegram:-100", "telegram:-200/7", "discord:55", "slack:C1"}),
            self.audit,
            self.arrivals,
            self.clock,
            limits or ChatLimits(per_minute=6000, burst=1000),
            salt,
        )

    def request(self, user: str = "2", **given: object) -> Request:
        self.count += 1
        base = Request(
            platform="telegram",
            user_id=user,
            user_name=f"user {user}",
            chat_id=user,
            chat_kind=ChatKind.PRIVATE,
            kind=RequestKind.TEXT,
            sent_at_ms=self.clock.now_ms,
            update_id=f"u{self.count}",
        )
        return replace(base, **given)

    async def say(self, text: str, user: str = "2", **given: object) -> Reply | None:
        return await self.dispatcher.handle(self.request(user, text=text, **given))

    async def reply(self, text: str, user: str = "2", **given: object) -> Reply:
        reply = await self.say(text, user, **given)
        assert reply is not None
        return reply

    async def press(self, card: Reply | None, label: str, user: str = "2", **given: object) -> Reply | None:
        assert card is not None
        button = next(button for button in card.buttons if button.label == label)
        return await self.dispatcher.handle(
            self.request(user, kind=RequestKind.BUTTON, button=button.id, **given)
        )

    async def form(self, name: str, user: str = "2", **arguments: str) -> Reply | None:
        request = self.request(user, kind=RequestKind.FORM, command=name, arguments=arguments)
        return await self.dispatcher.handle(request)

    @property
    def last(self) -> AuditDraft:
        return self.audit.drafts[-1]
