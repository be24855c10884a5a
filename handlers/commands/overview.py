"""What is open and how the desk stands: status, positions, orders, balance."""

from dataclasses import replace
from decimal import Decimal

from bot.domain.guard import TradingState
from bot.domain.notice import Severity
from bot.domain.order import Order, Purpose
from bot.engine.views import PositionView, StatusView, SymbolView
from bot.runtime.desk import Desk
from handlers.cards import (
    clock,
    day_words,
    drawdown_words,
    halt_words,
    held,
    holding,
    kill_words,
    link_words,
    listed,
    next_bar,
    r_words,
    storage_words,
    table,
)
from handlers.command import Role, SymbolName, command
from handlers.format import UNKNOWN, amount, money, number, percent, plain, price, quantity, size
from handlers.reply import Button, ButtonStyle, Reply, Table
from handlers.standing import USUAL, Standing, header

BUTTONS_FOR = 3
"""With more positions than this, /status leaves the buttons of each to /status SYMBOL."""

NOTHING_OPEN = "No open positions."


@command(area="overview", role=Role.VIEWER)
async def status(desk: Desk, symbol: SymbolName | None = None, standing: Standing = USUAL) -> Reply:
    """Open positions and how the desk stands: trading state, venue link, day PnL, halts, kills."""
    if symbol is not None:
        return _headed(desk, standing, _one(desk, symbol))
    view = desk.status()
    few = len(view.positions) <= BUTTONS_FOR
    notes = [] if few else ["Buttons for one position: /status SYMBOL."]
    text = NOTHING_OPEN + " " + next_bar(desk) if not view.positions else "\n".join(notes)
    reply = Reply(
        title=f"Status · {desk.about.mode}",
        fields=_figures(desk, view),
        table=_position_table(desk, view.positions),
        text=text,
        buttons=(Button("Refresh", "/status"), *(_actions(view.positions) if few else ())),
        severity=Severity.CRITICAL if _alarming(view) else Severity.INFO,
    )
    return _headed(desk, standing, reply)


def _headed(desk: Desk, standing: Standing, reply: Reply) -> Reply:
    """The reply with the desk's states at its head."""
    return replace(reply, fields=(*header(desk, standing), *reply.fields))


def _alarming(view: StatusView) -> bool:
    broken = not view.link_up or not view.storage_ok
    return bool(view.uncovered) or broken or view.trading is TradingState.PROTECT


def _figures(desk: Desk, view: StatusView) -> tuple[tuple[str, str], ...]:
    at, quote = clock(desk), desk.about.quote
    fields = [
        ("Mode", f"{desk.about.mode} · {desk.about.venue}"),
        ("Venue link", link_words(view.link_up)),
        ("Last candle", f"{at.ago(view.last_bar_at_ms)} ({desk.about.timeframe} bars)"),
        ("Day PnL", day_words(view, quote)),
        ("Equity", f"{money(view.balance.equity, quote, signed=False)}, {drawdown_words(view, quote)}"),
        ("Halts", listed([halt_words(halt, at) for halt in view.halts], "/halts")),
        ("Kills", listed([kill_words(kill, at) for kill in view.kills], "/kill")),
    ]
    if not view.storage_ok:
        fields.insert(2, ("Database", storage_words(view.storage_ok)))
    if view.uncovered:
        fields.append(("WITHOUT A CONFIRMED STOP", listed(view.uncovered, "/orders")))
    return tuple(fields)


def _position_table(desk: Desk, positions: tuple[PositionView, ...]) -> Table | None:
    return table(
        f"Symbol | Side | >Size | >Entry | >Mark | >PnL {desk.about.quote} | >PnL % | >R | >Stop | >Target | >Age"
        " | Strategy | >ML",
        (_position_row(desk, view) for view in positions),
    )


def _position_row(desk: Desk, view: PositionView) -> tuple[str, ...]:
    rules = desk.instruments.get(view.symbol)
    return (
        view.symbol,
        view.side.value,
        quantity(view.quantity, rules),
        price(view.entry_price, rules),
        price(view.mark_price, rules),
        amount(view.unrealised),
        number(view.unrealised_percent, 2, signed=True),
        r_words(view),
        price(view.stop_price, rules),
        price(view.target_price, rules),
        clock(desk).age(view.opened_at_ms),
        "foreign" if view.foreign else view.strategy or UNKNOWN,
        number(view.model_score),
    )


def _actions(positions: tuple[PositionView, ...]) -> tuple[Button, ...]:
    """Each position's close and stop, with the symbol in the button."""
    return tuple(
        button
        for view in positions
        for button in (
            Button(f"Close {view.symbol}", f"/close {view.symbol}", ButtonStyle.DANGER),
            Button(f"Move stop {view.symbol}", f"/stoploss {view.symbol}"),
        )
    )


def _one(desk: Desk, symbol: str) -> Reply:
    view = held(desk, symbol)
    if view is None:
        return _flat(desk, symbol)
    rules, quote = desk.instruments.get(symbol), desk.about.quote
    pnl = f"{money(view.unrealised, quote)} ({percent(view.unrealised_percent, signed=True)}, {r_words(view)} R)"
    fields = (
        ("Size", f"{size(view.quantity, rules)} ({money(view.notional, quote, signed=False)})"),
        ("Entry", price(view.entry_price, rules)),
        ("Mark", price(view.mark_price, rules)),
        ("PnL", pnl),
        ("Stop", _stop_words(desk, view)),
        ("Target", _target_words(desk, view)),
        ("Liquidation", _liquidation_words(desk, view)),
        ("Margin", f"{money(view.margin, quote, signed=False)} at {view.leverage}x"),
        ("Fees, funding", f"{money(-view.fees, quote)}, {money(view.funding, quote)}"),
        ("Open for", f"{clock(desk).age(view.opened_at_ms)}, since {clock(desk).full(view.opened_at_ms)}"),
        ("Strategy", f"{view.strategy or UNKNOWN}, score {plain(view.score)}, ML {number(view.model_score)}"),
    )
    foreign = (
        "Opened outside of this bot; it is left alone until you give it a stop: /stoploss."
        if view.foreign
        else ""
    )
    return Reply(
        title=f"{symbol} {view.side.value}",
        fields=fields,
        text=foreign,
        buttons=(Button("Refresh", f"/status {symbol}"), *_actions((view,)), *_looks(symbol)),
        severity=Severity.INFO if view.covered else Severity.CRITICAL,
    )


def _looks(symbol: str) -> tuple[Button, ...]:
    return Button("Why", f"/why {symbol}"), Button("Chart", f"/chart {symbol}")


def _stop_words(desk: Desk, view: PositionView) -> str:
    """The stop, whether the venue holds it, and what is lost there."""
    if view.stop_price is None:
        return "NONE"
    lost = (view.stop_price - view.entry_price) * view.quantity * view.side.sign
    held_there = "confirmed by the venue" if view.covered else "NOT CONFIRMED by the venue"
    written = price(view.stop_price, desk.instruments.get(view.symbol))
    return f"{written} ({money(lost, desk.about.quote)} there), {held_there}"


def _target_words(desk: Desk, view: PositionView) -> str:
    if view.target_price is None:
        return "none"
    won = (view.target_price - view.entry_price) * view.quantity * view.side.sign
    return f"{price(view.target_price, desk.instruments.get(view.symbol))} ({money(won, desk.about.quote)} there)"


def _liquidation_words(desk: Desk, view: PositionView) -> str:
    if view.liquidation_price is None:
        return "out of reach"
    away = (
        abs(view.liquidation_price - view.mark_price) / view.mark_price * 100
        if view.mark_price
        else Decimal(0)
    )
    return f"{price(view.liquidation_price, desk.instruments.get(view.symbol))}, {percent(away)} away"


def _flat(desk: Desk, symbol: str) -> Reply:
    """A symbol without a position: why that may be."""
    view = next((view for view in desk.symbols() if view.symbol == symbol), None)
    return Reply(
        title=f"{symbol} · flat",
        fields=_symbol_fields(desk, view) if view else (),
        text=f"No open position. /why {symbol} shows the gates of the last bar.",
        buttons=(Button("Refresh", f"/status {symbol}"), *_looks(symbol)),
    )


def _symbol_fields(desk: Desk, view: SymbolView) -> tuple[tuple[str, str], ...]:
    at, rules = clock(desk), desk.instruments.get(view.symbol)
    cooling = f", {view.cooldown_bars_left} bars left" if view.cooldown_bars_left else ""
    return (
        ("State", f"{view.state}{cooling}"),
        ("Last price", price(view.last_price, rules)),
        ("Last candle", at.ago(view.last_candle_at_ms)),
        ("Halts", listed([halt_words(halt, at) for halt in view.halts], "/halts")),
        ("Kill switch", kill_words(view.kill, at) if view.kill else "not set"),
        ("Strategy", f"{view.strategy}, {view.leverage}x"),
    )


@command(area="overview", role=Role.VIEWER)
async def positions(desk: Desk, standing: Standing = USUAL) -> Reply:
    """Open positions as a compact table."""
    view, quote = desk.status(), desk.about.quote
    if not view.positions:
        text = f"{NOTHING_OPEN} {next_bar(desk)}"
        buttons = (Button("Refresh", "/positions"), Button("Signals", "/signals"))
        return Reply("Positions", fields=header(desk, standing), text=text, buttons=buttons)
    total = sum((one.unrealised for one in view.positions), Decimal(0))
    rows = (
        (
            one.symbol,
            holding(desk, one),
            price(one.entry_price, desk.instruments.get(one.symbol)),
            amount(one.unrealised),
            r_words(one),
            clock(desk).age(one.opened_at_ms),
        )
        for one in view.positions
    )
    return Reply(
        title=f"Positions · {len(view.positions)}",
        fields=(*header(desk, standing), ("Unrealised", money(total, quote))),
        table=table(f"Symbol | Position | >Entry | >PnL {quote} | >R | >Age", rows),
        buttons=(Button("Refresh", "/positions"), Button("Status", "/status")),
    )


@command(area="overview", role=Role.VIEWER)
async def orders(desk: Desk, symbol: SymbolName | None = None) -> Reply:
    """Working orders, conditional ones too, with what each protects."""
    found = desk.orders(symbol or "")
    again = Button("Refresh", f"/orders {symbol or ''}".strip())
    if not found:
        text = (
            f"No working orders{f' on {symbol}' if symbol else ''}. A stop and a target follow every entry."
        )
        return Reply("Orders", text=text, buttons=(again,))
    columns = "Symbol | For | Side | >Quantity | >Filled | >Price | State | >Age | Protects"
    rows = table(columns, (_order_row(desk, order) for order in found))
    return Reply(f"Orders · {len(found)}", table=rows, buttons=(again,))


def _order_row(desk: Desk, order: Order) -> tuple[str, ...]:
    rules, intent = desk.instruments.get(order.symbol), order.intent
    return (
        order.symbol,
        order.purpose.value.lower(),
        intent.side.value,
        "all" if intent.close_position else quantity(intent.quantity, rules),
        quantity(order.filled, rules),
        _order_price(desk, order),
        order.status.value.lower().replace("_", " "),
        clock(desk).age(order.created_at_ms),
        _protects(desk, order),
    )


def _order_price(desk: Desk, order: Order) -> str:
    at = order.intent.trigger_price or order.intent.limit_price
    return "market" if at is None else price(at, desk.instruments.get(order.symbol))


def _protects(desk: Desk, order: Order) -> str:
    """The position behind a stop or target; nothing for an entry or a close."""
    if order.purpose not in (Purpose.STOP, Purpose.TARGET):
        return UNKNOWN
    return holding(desk, held(desk, order.symbol))


@command(area="overview", role=Role.VIEWER)
async def balance(desk: Desk) -> Reply:
    """Wallet, available, margin used, unrealised, leverage in use, and each symbol's part."""
    view, quote = desk.status(), desk.about.quote
    funds = view.balance
    exposure = sum((one.notional for one in view.positions), Decimal(0))
    fields = (
        ("Equity", money(funds.equity, quote, signed=False)),
        ("Wallet", money(funds.wallet, quote, signed=False)),
        ("Unrealised", money(funds.unrealised, quote)),
        (
            "Margin used",
            f"{money(funds.margin_used, quote, signed=False)} ({_part(funds.margin_used, funds.equity)})",
        ),
        ("Available", money(funds.available, quote, signed=False)),
        ("Exposure", f"{money(exposure, quote, signed=False)}, {_times(exposure, funds.equity)} equity"),
        ("Base balance", money(desk.risk().base_balance, quote, signed=False)),
    )
    rows = (_allocation_row(view, one) for one in view.positions)
    columns = f"Symbol | Side | >Notional {quote} | >Margin {quote} | >Of equity | >Leverage"
    return Reply(
        title=f"Balance · {desk.about.account}",
        fields=fields,
        table=table(columns, rows),
        text="" if view.positions else "Nothing is allocated: no open positions.",
        buttons=(Button("Refresh", "/balance"), Button("Equity", "/equity")),
    )


def _allocation_row(view: StatusView, one: PositionView) -> tuple[str, ...]:
    return (
        one.symbol,
        one.side.value,
        amount(one.notional, signed=False),
        amount(one.margin, signed=False),
        _part(one.notional, view.balance.equity),
        f"{one.leverage}x",
    )


def _part(some: Decimal, whole: Decimal) -> str:
    return percent(some / whole * 100, 1) if whole > 0 else UNKNOWN


def _times(some: Decimal, whole: Decimal) -> str:
    return f"{number(some / whole, 2)} x" if whole > 0 else UNKNOWN
