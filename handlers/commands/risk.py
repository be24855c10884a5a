"""How much is risked: sizing of the next trade and the limits around it."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Literal

from bot.domain.command import Change, Done, SetLimit, SetSizing
from bot.domain.guard import Sizing, SizingMode
from bot.domain.refusal import Refused
from bot.engine.views import NO_PRICE, RiskReport, SizePreview
from bot.runtime.desk import Desk
from handlers.cards import (
    answered,
    clock,
    halt_words,
    kill_words,
    listed,
    no,
    proposed,
    refused,
    table,
)
from handlers.command import Actor, Confirm, Example, Help, Range, Role, Suggest, Unit, command
from handlers.format import UNKNOWN, amount, count, money, number, percent, plain, quantity, size
from handlers.guardrails import GUARDRAILS, limit_value, limit_values
from handlers.reply import Button, Reply, Table
from handlers.settings_cards import setting_lines
from handlers.standing import USUAL, Standing, header
from handlers.text import nearest

COMPARED = 8
"""So many symbols show what a new sizing means; with more the rest is counted."""

OPEN_TRADES = "Open trades keep their size, stop and target."


@command(area="risk", role=Role.VIEWER, aliases=("get_risk",))
async def risk(desk: Desk, standing: Standing = USUAL) -> Reply:
    """Sizing, leverage, limits with their use, margin ratio now, kills and halts."""
    report, quote = desk.risk(), desk.about.quote
    return Reply(
        title="Risk",
        fields=(*header(desk, standing), *_risk_fields(desk, report)),
        table=table("Limit | >Set to | >In use | Allowed | Meaning", _limit_rows(report)),
        text=f"Change with /set_risk, /set_risk_percent, /set_margin ({quote}); limits with /set_limit NAME VALUE.",
        buttons=(Button("Refresh", "/risk"), Button("Kills", "/kill"), Button("Halts", "/halts")),
    )


def _risk_fields(desk: Desk, report: RiskReport) -> Iterator[tuple[str, str]]:
    quote, view, at = desk.about.quote, desk.status(), clock(desk)
    yield "Sizing", sizing_words(report.sizing, quote)
    yield "Next trade", _next_words(desk, report.sizing)
    yield (
        "Margin ratio now",
        f"{number(report.margin_ratio, 4)} of a symbol's share ({number(report.share, 4)})",
    )
    yield "Base balance", money(report.base_balance, quote, signed=False)
    yield "Leverage", _leverage_words(report.leverage)
    yield "Kills", listed([kill_words(kill, at) for kill in view.kills], "/kill")
    yield "Halts", listed([halt_words(halt, at) for halt in view.halts], "/halts")


def sizing_words(sizing: Sizing, quote: str) -> str:
    """A sizing in words."""
    span = f"{plain(sizing.ratio_max)} down to {plain(sizing.ratio_min)}, decay {plain(sizing.ratio_decay)}"
    return {
        SizingMode.MARGIN_RATIO: f"margin ratio {span}",
        SizingMode.RISK_USD: f"risk {money(sizing.value, quote, signed=False)} a trade",
        SizingMode.RISK_PERCENT: f"risk {plain(sizing.value)}% of the balance a trade",
        SizingMode.FIXED_NOTIONAL: f"notional {money(sizing.value, quote, signed=False)} a trade",
    }[sizing.mode]


def _leverage_words(leverage: dict[str, int]) -> str:
    """One figure when all symbols share it, else by symbol."""
    if len(set(leverage.values())) == 1:
        return f"{next(iter(leverage.values()))}x on all symbols"
    return listed([f"{symbol} {factor}x" for symbol, factor in leverage.items()], "/symbols")


def _next_words(desk: Desk, sizing: Sizing) -> str:
    """The next trade of the first symbol under a sizing."""
    symbol = next(iter(desk.instruments), "")
    if not symbol:
        return "no symbols are traded"
    found, quote = desk.preview_size(symbol, sizing), desk.about.quote
    if found.binding == NO_PRICE:
        return f"{symbol}: not known before its first price"
    written = f"{symbol} {size(found.quantity, desk.instruments[symbol])}"
    at_stop = f"{money(found.risk, quote, signed=False)} at risk"
    return f"{written} ({money(found.notional, quote, signed=False)}), {at_stop}, bound by {_binding(found)}"


def _binding(found: SizePreview) -> str:
    return found.binding.replace("_", " ") or "nothing"


def _bound(found: SizePreview) -> str:
    if found.binding == NO_PRICE:
        return "not known before its first price"
    return _binding(found) if found.quantity else f"too small ({_binding(found)})"


def _limit_rows(report: RiskReport) -> Iterator[tuple[str, ...]]:
    """Every limit by the name /set_limit knows, with its use where one can be told."""
    uses = {use.name: use.use for use in report.uses}
    values = limit_values(report)
    for name, rail in GUARDRAILS.items():
        yield name, rail.words(values[name]), uses.get(rail.use, UNKNOWN), rail.allowed, rail.meaning


# --- sizing ---------------------------------------------------------------------------------------------------------

RiskAmount = Annotated[
    Decimal, Range("0.1", 1_000_000), Unit("USDT"), Help("loss at the stop"), Example("10")
]
RiskShare = Annotated[
    Decimal, Range("0.01", 20), Unit("%"), Help("loss at the stop, % of balance"), Example("0.5")
]
HighRatio = Annotated[Decimal, Range("0.01", 1), Help("ratio at the base balance"), Example("0.5")]
LowRatio = Annotated[Decimal | None, Range("0.01", 1), Help("ratio it never falls below"), Example("0.2")]
Decay = Annotated[Decimal | None, Range(0, 1), Help("fall per USDT gained"), Example("0.0006")]


async def preview_risk(desk: Desk, amount: Decimal) -> Reply:
    """The card before /set_risk."""
    part = amount / desk.status().balance.equity * 100 if desk.status().balance.equity > 0 else None
    return _sizing_card(desk, _risk_usd(desk, amount), f"That is {percent(part)} of equity. ")


def _risk_usd(desk: Desk, value: Decimal) -> Sizing:
    return replace(desk.risk().sizing, mode=SizingMode.RISK_USD, value=value)


@command(area="risk", role=Role.TRADER, confirm=Confirm.BUTTON, preview=preview_risk)
async def set_risk(desk: Desk, actor: Actor, amount: RiskAmount) -> Reply:
    """Set the risk per trade in USDT: what the stop may cost, fees and slippage included."""
    return await _set_sizing(desk, actor, _risk_usd(desk, amount))


async def preview_risk_percent(desk: Desk, percent: Decimal) -> Reply:
    """The card before /set_risk_percent."""
    now = desk.status().balance.wallet * percent / 100
    return _sizing_card(
        desk, _risk_percent(desk, percent), f"That is {money(now, desk.about.quote, signed=False)} now. "
    )


def _risk_percent(desk: Desk, value: Decimal) -> Sizing:
    return replace(desk.risk().sizing, mode=SizingMode.RISK_PERCENT, value=value)


@command(area="risk", role=Role.TRADER, confirm=Confirm.BUTTON, preview=preview_risk_percent)
async def set_risk_percent(desk: Desk, actor: Actor, percent: RiskShare) -> Reply:
    """Set the risk per trade in per cent of the balance: what the stop may cost."""
    return await _set_sizing(desk, actor, _risk_percent(desk, percent))


async def preview_margin(
    desk: Desk, highest: Decimal, lowest: Decimal | None = None, decay: Decimal | None = None
) -> Reply:
    """The card before /set_margin."""
    sizing = _margin(desk, highest, lowest, decay)
    if sizing.ratio_min > sizing.ratio_max:
        return no(
            f"The lowest ratio ({plain(sizing.ratio_min)}) is above the highest ({plain(sizing.ratio_max)})."
        )
    return _sizing_card(desk, sizing, "")


def _margin(desk: Desk, highest: Decimal, lowest: Decimal | None, decay: Decimal | None) -> Sizing:
    now = desk.risk().sizing
    return replace(
        now,
        mode=SizingMode.MARGIN_RATIO,
        ratio_max=highest,
        ratio_min=now.ratio_min if lowest is None else lowest,
        ratio_decay=now.ratio_decay if decay is None else decay,
    )


@command(area="risk", role=Role.TRADER, confirm=Confirm.BUTTON, preview=preview_margin)
async def set_margin(
    desk: Desk, actor: Actor, highest: HighRatio, lowest: LowRatio = None, decay: Decay = None
) -> Reply:
    """Size by a margin ratio that falls as the balance grows: highest, lowest, decay."""
    return await _set_sizing(desk, actor, _margin(desk, highest, lowest, decay))


def _sizing_card(desk: Desk, sizing: Sizing, lead: str) -> Reply:
    quote, now = desk.about.quote, desk.risk().sizing
    change = Change("sizing", sizing_words(now, quote), sizing_words(sizing, quote))
    rows, rest = _compared(desk, now, sizing)
    return proposed("Change the sizing?", (change,), f"{lead}{OPEN_TRADES}{rest}", rows)


async def _set_sizing(desk: Desk, actor: Actor, sizing: Sizing) -> Reply:
    quote, now = desk.about.quote, desk.risk().sizing
    rows, rest = _compared(desk, now, sizing)
    answer = await desk.execute(SetSizing(sizing), actor.id)
    if isinstance(answer, Refused):
        return refused(answer)
    change = Change("sizing", sizing_words(now, quote), sizing_words(sizing, quote))
    reply = answered("Sizing changed", replace(answer, changes=(change,)), f"{OPEN_TRADES}{rest}", _back())
    return replace(reply, table=rows)


def _back() -> tuple[Button, ...]:
    return (Button("Risk", "/risk"),)


def _compared(desk: Desk, now: Sizing, then: Sizing) -> tuple[Table | None, str]:
    """What the next trade of each symbol would be, before and after; and a word about those not listed."""
    quote, symbols = desk.about.quote, tuple(desk.instruments)
    columns = f"Next trade | >Size now | >Size then | >Notional {quote} | >Margin {quote} | >Risk {quote} | Bound by"
    rows = table(columns, (_compared_row(desk, symbol, now, then) for symbol in symbols[:COMPARED]))
    more = len(symbols) - COMPARED
    return rows, f" {count(more, 'more symbol')} not listed." if more > 0 else ""


def _compared_row(desk: Desk, symbol: str, now: Sizing, then: Sizing) -> tuple[str, ...]:
    rules = desk.instruments[symbol]
    found = desk.preview_size(symbol, then)
    return (
        symbol,
        quantity(desk.preview_size(symbol, now).quantity, rules),
        quantity(found.quantity, rules),
        amount(found.notional, signed=False),
        amount(found.margin, signed=False),
        amount(found.risk, signed=False),
        _bound(found),
    )


# --- limits ---------------------------------------------------------------------------------------------------------

LimitName = Annotated[str, Suggest(tuple(GUARDRAILS)), Help("its name in /risk"), Example("max_positions")]
LimitValue = Annotated[
    Decimal | Literal["on", "off"], Help("its range: /risk, or what a wrong one answers"), Example("3")
]


async def preview_limit(desk: Desk, actor: Actor, name: str, value: Decimal | str) -> Reply:
    """The card before /set_limit."""
    slip = _limit_slip(desk, name, value)
    if slip is not None:
        return slip
    rail, before = GUARDRAILS[name], limit_values(desk.risk())[name]
    use = next((use.use for use in desk.risk().uses if use.name == rail.use), "")
    lead = f"{rail.meaning[:1].upper()}{rail.meaning[1:]}{f'; in use now: {use}' if use else ''}."
    found = await desk.preview_setting(SetLimit(name, limit_value(value)), actor.id)
    if isinstance(found, Refused):
        return refused(found)
    change = Change(name, rail.words(before), rail.words(limit_value(value)))
    return proposed(f"Change {name}?", (change,), setting_lines(desk, found, lead))


def _limit_slip(desk: Desk, name: str, value: Decimal | str) -> Reply | None:
    """The answer to a name or value that cannot be used, None when both can."""
    rail = GUARDRAILS.get(name)
    if rail is None:
        meant = nearest(name.casefold(), list(GUARDRAILS))
        typed = value if isinstance(value, str) else plain(value)
        buttons = (Button(f"{near} {typed}", f"/set_limit {near} {typed}") for near in meant)
        known = f"Did you mean {' or '.join(meant)}?" if meant else f"There are: {', '.join(GUARDRAILS)}."
        return no(f"There is no such limit. {known}", *buttons)
    fault = rail.fault(value)
    if not fault:
        return None
    before = rail.words(limit_values(desk.risk())[name])
    return no(f"{name} {fault}; it is {before} now. It means: {rail.meaning}.")


@command(area="risk", role=Role.ADMIN, confirm=Confirm.CODE, preview=preview_limit)
async def set_limit(desk: Desk, actor: Actor, name: LimitName, value: LimitValue) -> Reply:
    """Change a limit: daily loss, drawdown, positions, exposure, kill switches and more.

    Percentages are written as such (5 is 5 %), exposures as a factor of equity (5 is five times the equity),
    switches as on or off. /risk lists every name with its value and meaning.
    """
    slip = _limit_slip(desk, name, value)
    if slip is not None:
        return slip
    rail, before = GUARDRAILS[name], limit_values(desk.risk())[name]
    answer = await desk.execute(SetLimit(name, limit_value(value)), actor.id)
    if isinstance(answer, Done):
        after = limit_values(desk.risk())[name]
        answer = replace(answer, changes=(Change(name, rail.words(before), rail.words(after)),))
    return answered("Limit changed", answer, f"It holds from the next entry on. {OPEN_TRADES}", _back())
