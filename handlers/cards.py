"""What the replies of several commands are made of: tables, refusals, answers from -> to, states in words."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from zoneinfo import ZoneInfo

from bot.domain.command import Change, Done, Receipt
from bot.domain.guard import Halt, Kill, TradingState
from bot.domain.notice import Severity
from bot.domain.refusal import Refused
from bot.engine.flattening import FLAT
from bot.engine.views import KillView, PositionView, StatusView
from bot.runtime.desk import Desk
from handlers.format import UNKNOWN, Clock, amount, count, money, number, percent, price, quantity, size
from handlers.reply import Button, Column, Reply, Snapshot, Table

LISTED = 5
"""How many of many things a field names before it says where the rest is to be found."""

STATES = {
    TradingState.RECOVERING: "recovering (until the books are reconciled with the venue)",
    TradingState.PAUSED: "paused (until /resume)",
    TradingState.STOPPED: "stopped (until /start_trading)",
    TradingState.PROTECT: "PROTECT (something cannot be explained: /reconcile, then /start_trading)",
}


def clock(desk: Desk) -> Clock:
    """The operator's clock at the desk's present."""
    return Clock(ZoneInfo(desk.about.timezone), desk.now_ms())


def table(columns: str, rows: Iterable[Sequence[str]]) -> Table | None:
    """A table of columns named "Symbol | >Size"; one that begins with > holds figures. None without rows."""
    names = columns.split(" | ")
    made = tuple(
        Column(name.removeprefix(">"), "right" if name.startswith(">") else "left") for name in names
    )
    cells = tuple(tuple(row) for row in rows)
    return Table(made, cells) if cells else None


def listed(items: Sequence[str], rest: str, none: str = "none") -> str:
    """Some of the items by name; the others are counted, with the command that lists them all."""
    if not items:
        return none
    more = len(items) - LISTED
    shown = ", ".join(items[:LISTED])
    return f"{shown} and {more} more: {rest}" if more > 0 else shown


def no(text: str, *buttons: Button) -> Reply:
    """A refusal as one clear line."""
    return Reply("Not done", text=text, ok=False, buttons=buttons)


def refused(answer: Refused) -> Reply:
    """The desk's refusal as one clear line with its figures."""
    ended = answer.figures.endswith((".", "!", "?"))
    return no(f"{answer.rule.replace('_', ' ')}: {answer.figures}{'' if ended else '.'}")


def changed(change: Change) -> tuple[str, str]:
    """One change as a field: before → after."""
    same = change.before == change.after
    return change.name, f"{change.after} (as before)" if same else f"{change.before} → {change.after}"


def answered(title: str, answer: Done | Refused, text: str = "", buttons: tuple[Button, ...] = ()) -> Reply:
    """The answer to a setting: what changed from -> to, and what that means."""
    if isinstance(answer, Refused):
        return refused(answer)
    remarks = [f"{remark[:1].upper()}{remark[1:]}." for remark in answer.remarks]
    fields, rows = _shown(answer.changes)
    return Reply(
        title=title,
        fields=fields,
        table=rows,
        text="\n".join([*remarks, *([text] if text else [])]),
        buttons=buttons,
        changes=answer.changes,
    )


def proposed(title: str, changes: Sequence[Change], text: str = "", rows: Table | None = None) -> Reply:
    """The card before a setting: what will change from -> to, and what that means.

    The confirmation is bound to the change alone: estimates beside it may move with the market meanwhile.
    """
    facts = "; ".join(f"{change.name}: {change.before} -> {change.after}" for change in changes)
    fields, many = _shown(changes)
    return Reply(title, fields=fields, text=text, table=rows or many, snapshot=Snapshot(facts))


def _shown(changes: Sequence[Change]) -> tuple[tuple[tuple[str, str], ...], Table | None]:
    """A few changes as fields, many as a table that can be paged."""
    if len(changes) <= LISTED:
        return tuple(changed(change) for change in changes), None
    rows = ((change.name, change.before, change.after) for change in changes)
    return (("Changes", str(len(changes))),), table("What | Before | After", rows)


# --- the desk in words ----------------------------------------------------------------------------------------------


def trading_words(status: StatusView) -> str:
    """Every state that keeps entries away, each with its way out."""
    states = {status.trading}
    states |= {TradingState.STOPPED} if status.stopped else set()
    states |= {TradingState.PAUSED} if status.paused_all else set()
    words = [text for state, text in STATES.items() if state in states]
    words += [f"entries blocked ({status.blocked})"] if status.blocked else []
    return f"{' + '.join(words)}: no new entries, exits and protection go on" if words else "trading"


def storage_words(usable: bool) -> str:
    """The database."""
    return (
        "written" if usable else "CANNOT BE WRITTEN: no new entries, exits and protection go on from memory"
    )


def link_words(up: bool) -> str:
    """The link to the venue."""
    return "connected" if up else "LOST: figures may be old, stops rest at the venue"


def day_words(status: StatusView, quote: str) -> str:
    """The day's profit against its limit."""
    pnl, limit = money(status.day_pnl, quote), abs(status.day_limit)
    if not limit:
        return f"{pnl}, no daily limit"
    used = max(Decimal(0), -status.day_pnl / limit * 100)
    left = f"{percent(used, 0)} of the daily loss limit of {money(limit, quote, signed=False)}"
    return f"{pnl}, {left}{' — REACHED: no new entries until 00:00 UTC' if status.day.breached else ''}"


def drawdown_words(status: StatusView, quote: str) -> str:
    """How far equity is below its high."""
    if not status.drawdown_percent:
        return "at its high"
    high = money(status.equity_high, quote, signed=False)
    return f"{percent(status.drawdown_percent)} below its high of {high}"


def halt_words(halt: Halt, at: Clock) -> str:
    """One halt: whom, why, until when."""
    until = f"until {at.short(halt.until_ms)}" if halt.until_ms else "until lifted"
    return f"{halt.symbol or 'all'} {halt.kind.value.lower().replace('_', ' ')} {until}"


def kill_words(kill: Kill, at: Clock) -> str:
    """One kill switch that is set: whom, which kind, since when."""
    return f"{kill.symbol} {kill.kind.value.lower()} since {at.short(kill.at_ms)}"


# --- positions ------------------------------------------------------------------------------------------------------


def held(desk: Desk, symbol: str) -> PositionView | None:
    """The open position of a symbol."""
    return next((view for view in desk.status().positions if view.symbol == symbol), None)


def holding(desk: Desk, view: PositionView | None) -> str:
    """A position in two words: LONG 0.250 BTC; flat."""
    return "flat" if view is None else f"{view.side} {size(view.quantity, desk.instruments.get(view.symbol))}"


def no_position(desk: Desk, symbol: str) -> Reply:
    """The answer to what needs a position where there is none."""
    others = [view.symbol for view in desk.status().positions]
    known = f" Open: {listed(others, '/positions')}." if others else ""
    return no(f"{symbol} has no open position.{known}")


def r_words(view: PositionView) -> str:
    """Unrealised profit in units of the planned risk."""
    return number(view.r, 2, signed=True)


def next_bar(desk: Desk) -> str:
    """When there may be something to see."""
    bar = desk.about.timeframe
    return f"Signals come at the close of each {bar} bar; /signals shows why the last ones were refused."


# --- receipts -------------------------------------------------------------------------------------------------------


def receipt_table(desk: Desk, receipts: Sequence[Receipt], proven: bool) -> Table | None:
    """One line per position closed; `proven`: the venue has said flat, however fast (a paper venue needs no time)."""
    quote = desk.about.quote
    columns = (
        f"Symbol | >Asked | >Done | >Left | >Average price | >Slippage {quote} | >Net {quote} | >Time to flat"
        " | >Venue says so"
    )
    return table(columns, (_receipt_row(desk, receipt, proven) for receipt in receipts))


def _receipt_row(desk: Desk, receipt: Receipt, proven: bool) -> tuple[str, ...]:
    rules = desk.instruments.get(receipt.symbol)
    return (
        receipt.symbol,
        quantity(receipt.asked, rules),
        quantity(receipt.done, rules),
        quantity(receipt.left, rules),
        price(receipt.average_price or None, rules),
        amount(-receipt.slippage),
        amount(receipt.net),
        f"{receipt.took_ms / 1000:.1f}s" if not receipt.left else "NOT FLAT",
        f"after {receipt.verified_ms / 1000:.1f}s" if receipt.verified_ms or proven else UNKNOWN,
    )


def closed(
    desk: Desk,
    title: str,
    answer: Done | Refused,
    before: Sequence[PositionView],
    buttons: tuple[Button, ...] = (),
) -> Reply:
    """The answer to a close: a receipt per position, and whether the venue confirms it or what is left."""
    if isinstance(answer, Refused):
        return refused(answer)
    left = [receipt for receipt in answer.receipts if receipt.left]
    quote = desk.about.quote
    net = sum((receipt.net for receipt in answer.receipts), Decimal(0))
    slippage = sum((receipt.slippage for receipt in answer.receipts), Decimal(0))
    summary = (
        ("Closed", count(len(answer.receipts) - len(left), "position")),
        ("Net", money(net, quote)),
        ("Slippage", money(-slippage, quote)),
    )
    return Reply(
        title=title,
        fields=summary if answer.receipts else (),
        table=receipt_table(desk, answer.receipts, FLAT in answer.remarks),
        text=_verdict(desk, answer, left),
        buttons=buttons,
        severity=Severity.CRITICAL if left else Severity.TRADE,
        changes=(*answer.changes, *_moves(desk, before)),
    )


def _verdict(desk: Desk, answer: Done, left: Sequence[Receipt]) -> str:
    lines = [f"Now {remark}." if remark.startswith("flat") else remark for remark in answer.remarks]
    for receipt in left:
        rest = size(receipt.left, desk.instruments.get(receipt.symbol))
        lines.append(
            f"LEFT OPEN: {receipt.symbol} {rest}. Close it at the venue or try /close {receipt.symbol}"
        )
    return "\n".join(lines)


def _moves(desk: Desk, before: Sequence[PositionView]) -> list[Change]:
    """What became of the positions, for the audit."""
    return [
        Change(f"{view.symbol} position", holding(desk, view), holding(desk, held(desk, view.symbol)))
        for view in before
    ]


def kill_table(views: Sequence[KillView]) -> Table | None:
    """How far each symbol is from its kill switches."""
    rows = (
        (
            view.symbol,
            f"killed ({view.kill.kind.value.lower()})" if view.kill else "ok",
            f"{view.losing_run}/{view.losing_run_limit or 'off'}",
            number(view.profit_factor),
            f"{view.trades}/{view.trades_needed}",
        )
        for view in views
    )
    return table("Symbol | State | >Losing run | >PF | >Trades", rows)
