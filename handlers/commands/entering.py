"""A person's own entries through every gate, and the leverage they are made with."""

from dataclasses import replace
from decimal import Decimal
from typing import Annotated

from bot.domain.command import Change, ChangeLeverage, Done, OpenPosition
from bot.domain.decision import Decision
from bot.domain.refusal import Refused
from bot.domain.signal import GateCheck, Side
from bot.engine.views import LeveragePreview, OpenPreview
from bot.runtime.desk import Desk
from handlers.cards import answered, held, holding, no, proposed, refused, table
from handlers.command import Actor, Confirm, Example, Help, Range, Role, SymbolName, Unit, command
from handlers.format import UNKNOWN, money, number, percent, price, size
from handlers.reply import Button, Reply, Snapshot, Table
from handlers.settings_cards import next_trade

MARKS = {True: "✓", False: "✗", None: "○"}
"""Passed, failed, not reached."""

EntryRisk = Annotated[
    Decimal | None, Range("0.1", 1_000_000), Unit("USDT"), Help("loss at the stop, this once"), Example("10")
]


async def preview_long(desk: Desk, symbol: str, risk: Decimal | None = None) -> Reply:
    """The card before /long."""
    return _entry_card(desk, symbol, Side.LONG, risk)


async def preview_short(desk: Desk, symbol: str, risk: Decimal | None = None) -> Reply:
    """The card before /short."""
    return _entry_card(desk, symbol, Side.SHORT, risk)


def _entry_card(desk: Desk, symbol: str, side: Side, risk: Decimal | None) -> Reply:
    """What the entry would be, with every gate; one that would be refused is the answer and nothing is asked."""
    found = desk.preview_open(symbol, side, risk)
    if isinstance(found, Refused):
        return refused(found)
    if found.refused_by:
        return _refused_entry(found.refused_by, found.figures or _figures(found.gates), symbol)
    return Reply(
        title=f"{side.value} {symbol}?",
        fields=_entry_fields(desk, found),
        table=gate_table(found.gates),
        text="Bought or sold at market; the stop and the target are placed at the venue right after the fill.",
        snapshot=Snapshot(f"{side} {found.quantity} {found.leverage}x", (found.entry, found.stop)),
    )


def _refused_entry(gate: str, figures: str, symbol: str) -> Reply:
    looks = (Button("Why", f"/why {symbol}"), Button("Risk", "/risk"), Button("Status", f"/status {symbol}"))
    return no(f"refused by {gate.replace('_', ' ')}: {figures.rstrip('.') or 'no figures'}.", *looks)


def _figures(gates: tuple[GateCheck, ...]) -> str:
    return next((gate.figures for gate in gates if gate.passed is False), "")


def _entry_fields(desk: Desk, found: OpenPreview) -> tuple[tuple[str, str], ...]:
    rules, quote = desk.instruments.get(found.symbol), desk.about.quote
    away = abs(found.entry - found.stop) / found.entry * 100 if found.entry else None
    target = (
        f"{price(found.target, rules)} ({number(found.reward, 2)} R)" if found.target is not None else "none"
    )
    equity = desk.status().balance.equity
    part = percent(found.risk / equity * 100 if equity > 0 else None)
    return (
        ("Entry", f"about {price(found.entry, rules)} at market"),
        ("Stop", f"{price(found.stop, rules)} ({percent(away)} away)"),
        ("Target", target),
        ("Size", f"{size(found.quantity, rules)}, bound by {found.binding.replace('_', ' ') or 'nothing'}"),
        ("Notional", money(found.notional, quote, signed=False)),
        ("Margin", f"{money(found.margin, quote, signed=False)} at {found.leverage}x"),
        (
            "At risk",
            f"{money(found.risk, quote, signed=False)} at the stop ({part} of equity), costs included",
        ),
        ("Fees", f"{money(-found.fee, quote)} for entry and exit"),
        ("Strategy", found.strategy or UNKNOWN),
    )


def gate_table(gates: tuple[GateCheck, ...]) -> Table | None:
    """Every gate with its figures."""
    rows = ((MARKS[gate.passed], gate.gate.replace("_", " "), gate.figures or UNKNOWN) for gate in gates)
    return table(" | Gate | Figures", rows)


@command(area="positions", role=Role.TRADER, confirm=Confirm.BUTTON, preview=preview_long)
async def long(desk: Desk, actor: Actor, symbol: SymbolName, risk: EntryRisk = None) -> Reply:
    """Enter long at market through every gate, with the strategy's stop and target."""
    return await _enter(desk, actor, symbol, Side.LONG, risk)


@command(area="positions", role=Role.TRADER, confirm=Confirm.BUTTON, preview=preview_short)
async def short(desk: Desk, actor: Actor, symbol: SymbolName, risk: EntryRisk = None) -> Reply:
    """Enter short at market through every gate, with the strategy's stop and target."""
    return await _enter(desk, actor, symbol, Side.SHORT, risk)


async def _enter(desk: Desk, actor: Actor, symbol: str, side: Side, risk: Decimal | None) -> Reply:
    before = holding(desk, held(desk, symbol))
    answer = await desk.execute(OpenPosition(symbol, side, risk), actor.id)
    if isinstance(answer, Refused):
        return refused(answer)
    decision = answer.decision
    if decision is not None and decision.refused_by:
        return _refused_entry(decision.refused_by, _figures(decision.gates), symbol)
    change = Change(f"{symbol} position", before, f"{side} entry sent")
    reply = answered(f"{side.value} {symbol}: order sent", replace(answer, changes=(*answer.changes, change)))
    return replace(
        reply,
        fields=_sent_fields(desk, answer, decision),
        table=gate_table(decision.gates) if decision else None,
        text="\n".join([*answer.remarks, "A notice tells the fill; the stop follows it at once."]),
        buttons=(Button("Status", f"/status {symbol}"), Button("Orders", f"/orders {symbol}")),
    )


def _sent_fields(desk: Desk, answer: Done, decision: Decision | None) -> tuple[tuple[str, str], ...]:
    """What was sent, and what is held by now."""
    if decision is None:
        return ()
    symbol = decision.signal.symbol
    rules, quote = desk.instruments.get(symbol), desk.about.quote
    planned = decision.signal
    return (
        ("Size", f"{size(decision.quantity, rules)} ({money(decision.notional, quote, signed=False)})"),
        ("Planned entry", price(planned.reference_price, rules)),
        ("Stop, target", f"{price(planned.stop_price, rules)}, {price(planned.target_price or None, rules)}"),
        ("Held now", holding(desk, held(desk, symbol))),
    )


# --- leverage -------------------------------------------------------------------------------------------------------

Factor = Annotated[
    int | None, Range(1, 125), Unit("x"), Help("the new one; without it, what is set"), Example("3")
]


async def preview_leverage(desk: Desk, symbol: str, leverage: int | None = None) -> Reply | None:
    """The card before /leverage; reading asks nothing."""
    if leverage is None:
        return None
    found = desk.preview_leverage(symbol, leverage)
    if isinstance(found, Refused):
        return refused(found)
    change = Change(f"leverage of {symbol}", f"{found.before}x", f"{found.after}x")
    lines = [
        *_open_lines(desk, found),
        next_trade(desk, found.size_before, found.size_after),
        "It counts once the venue confirms it, and is kept over restarts.",
    ]
    return proposed(f"Change the leverage of {symbol}?", (change,), "\n".join(lines))


MAY_REFUSE = "Venues may refuse less leverage while an isolated position is open; then nothing changes."


def _open_lines(desk: Desk, found: LeveragePreview) -> list[str]:
    """What becomes of the open position."""
    if found.margin_before is None or found.margin_after is None:
        return ["Nothing is open there."]
    rules, quote = desk.instruments.get(found.symbol), desk.about.quote
    margins = (money(margin, quote, signed=False) for margin in (found.margin_before, found.margin_after))
    prices = (found.liquidation_before, found.liquidation_after)
    reach = ("out of reach" if one is None else price(one, rules) for one in prices)
    return [
        f"Open position: margin {' → '.join(margins)}, liquidation {' → '.join(reach)}.",
        "Its size, stop and target stay.",
        *([MAY_REFUSE] if found.after < found.before else []),
    ]


@command(area="risk", role=Role.TRADER, confirm=Confirm.BUTTON, preview=preview_leverage)
async def leverage(desk: Desk, actor: Actor, symbol: SymbolName, leverage: Factor = None) -> Reply:
    """Read the leverage of a symbol, or set it: margin, liquidation and the next trade are shown first."""
    if leverage is None:
        return _leverage_now(desk, symbol)
    answer = await desk.execute(ChangeLeverage(symbol, leverage), actor.id)
    text = "It is kept over restarts."
    return answered("Leverage changed", answer, text, (Button("Leverage", f"/leverage {symbol}"),))


def _leverage_now(desk: Desk, symbol: str) -> Reply:
    """What is set, what is open with it, and what the venue allows."""
    rules, view, quote = desk.instruments.get(symbol), held(desk, symbol), desk.about.quote
    now = desk.risk().leverage.get(symbol)
    fields = [("Set to", f"{now}x" if now else UNKNOWN)]
    fields += [("At most", f"{rules.max_leverage}x at the venue, less for large positions")] if rules else []
    if view is not None:
        away = "out of reach" if view.liquidation_price is None else price(view.liquidation_price, rules)
        fields.append(("Open", f"{holding(desk, view)}, {money(view.margin, quote, signed=False)} of margin"))
        fields.append(("Liquidation", away))
    choices = [factor for factor in (1, 2, 3, 5, 10) if factor != now]
    return Reply(
        title=f"Leverage of {symbol}",
        fields=tuple(fields),
        buttons=tuple(Button(f"{factor}x", f"/leverage {symbol} {factor}") for factor in choices),
    )
