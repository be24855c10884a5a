"""What was: closed trades, the equity curve, profit per day, week and month."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from bot.domain.market import DAY_MS
from bot.domain.trade import Trade
from bot.equity import max_drawdown
from bot.performance import tally
from bot.periods import Period, PeriodResult, per_period, periods_begin_at_ms
from bot.runtime.desk import Desk
from bot.runtime.ports import TradeQuery
from handlers.cards import clock, next_bar, table
from handlers.command import Help, Range, Role, SymbolName, command
from handlers.format import UNKNOWN, amount, count, duration, money, number, percent, price, quantity, share
from handlers.reply import BarPlot, Button, EquityPlot, Reply

NO_TRADES = "No trades yet."
MOST_NOTES = 1_000
SPANS = (1, 7, 30, 90)
"""Days that the buttons offer."""
USUAL = {Period.DAY: 7, Period.WEEK: 8, Period.MONTH: 6}
NAMES = {Period.DAY: "daily", Period.WEEK: "weekly", Period.MONTH: "monthly"}

Periods = Annotated[int | None, Range(1, 366), Help("how many periods back")]


@command(area="performance", role=Role.VIEWER)
async def trades(
    desk: Desk,
    n: Annotated[int, Range(1, 500), Help("how many trades")] = 10,
    symbol: SymbolName | None = None,
) -> Reply:
    """Last closed trades: entry, exit, reason, net PnL, fees, slippage against plan."""
    found = await desk.trades(TradeQuery(limit=n, symbol=symbol or ""))
    if not found:
        where = f"No trades on {symbol} yet." if symbol else NO_TRADES
        return Reply("Trades", text=f"{where} {next_bar(desk)}", buttons=(Button("Signals", "/signals"),))
    sums, quote = tally(found), desk.about.quote
    noted = await _notes_on(desk, found)
    fields = (
        ("Net", money(sums.net, quote)),
        ("Won", f"{sums.wins} of {sums.trades} ({share(sums.win_rate)})"),
        ("Fees, funding", f"{money(-sums.fees, quote)}, {money(sums.funding, quote)}"),
        ("Slippage against plan", money(-sums.slippage, quote)),
    )
    columns = (
        f"Closed | Symbol | Side | >Size | >Entry | >Exit | Reason | >Net {quote} | >R | >Fees {quote}"
        f" | >Slippage {quote} | >Held{' | Notes' if noted else ''}"
    )
    words = f" {symbol}" if symbol else ""
    more = (Button("More", f"/trades {min(500, n * 2)}{words}"),) if len(found) == n and n < 500 else ()
    return Reply(
        title=f"Last {count(len(found), 'trade')}{f' on {symbol}' if symbol else ''}, newest first",
        fields=fields,
        table=table(columns, (_trade_row(desk, trade, noted) for trade in reversed(found))),
        buttons=(Button("Refresh", f"/trades {n}{words}"), *more, Button("Statistics", f"/stats{words}")),
    )


async def _notes_on(desk: Desk, found: Sequence[Trade]) -> dict[tuple[str, int], str]:
    """What people wrote about these trades, by symbol and opening time; the oldest note first."""
    keys = {(trade.symbol, trade.opened_at_ms) for trade in found}
    noted: dict[tuple[str, int], str] = {}
    for one in await desk.notes(MOST_NOTES):
        key = (one.symbol, one.opened_at_ms)
        if key in keys:
            noted[key] = f"{one.text}; {noted[key]}" if key in noted else one.text
    return noted


def _trade_row(desk: Desk, trade: Trade, noted: Mapping[tuple[str, int], str]) -> tuple[str, ...]:
    rules = desk.instruments.get(trade.symbol)
    return (
        clock(desk).short(trade.closed_at_ms),
        trade.symbol,
        trade.side.value,
        quantity(trade.quantity, rules),
        price(trade.entry_price, rules),
        price(trade.exit_price, rules),
        trade.reason.value,
        amount(trade.net),
        number(trade.r_multiple if trade.risk else None, 2, signed=True),
        amount(trade.fees, signed=False),
        amount(-trade.slippage),
        duration(trade.closed_at_ms - trade.opened_at_ms),
        *((noted.get((trade.symbol, trade.opened_at_ms), UNKNOWN),) if noted else ()),
    )


@command(area="performance", role=Role.VIEWER)
async def equity(desk: Desk, days: Annotated[int, Range(1, 3650), Help("how many days back")] = 30) -> Reply:
    """Equity curve as a picture, the drawdown below it; open positions count."""
    points = await desk.equity(desk.now_ms() - days * DAY_MS)
    again = Button("Refresh", f"/equity {days}")
    if len(points) < 2:
        text = f"No equity to draw yet: one point comes with every closed {desk.about.timeframe} bar."
        return Reply("Equity", text=text, buttons=(again,))
    quote, first, last = desk.about.quote, points[0], points[-1]
    fall, gain = max_drawdown(points), last.equity - first.equity
    grown = percent(gain / first.equity * 100, signed=True) if first.equity > 0 else percent(None)
    fields = (
        ("Equity", money(last.equity, quote, signed=False)),
        ("Change", f"{money(gain, quote)} ({grown})"),
        ("Deepest drawdown", f"{percent(fall.percent)} ({money(-fall.amount, quote)})" if fall else "none"),
        ("From", clock(desk).full(first.at_ms)),
        ("To", clock(desk).full(last.at_ms)),
    )
    title = f"Equity · {desk.about.mode} · {count(days, 'day')}"
    spans = tuple(Button(count(span, "day"), f"/equity {span}") for span in SPANS if span != days)
    return Reply(title, fields=fields, plot=EquityPlot(points, title), buttons=(again, *spans))


@command(area="performance", role=Role.VIEWER)
async def pnl(desk: Desk, period: Period = Period.DAY, n: Periods = None) -> Reply:
    """Net profit per day, week or month: a table and a picture."""
    return await _per_period(desk, period, n)


@command(area="performance", role=Role.VIEWER)
async def daily(desk: Desk, n: Periods = None) -> Reply:
    """Net profit per day (7 days unless told otherwise)."""
    return await _per_period(desk, Period.DAY, n)


@command(area="performance", role=Role.VIEWER)
async def weekly(desk: Desk, n: Periods = None) -> Reply:
    """Net profit per week (8 weeks unless told otherwise)."""
    return await _per_period(desk, Period.WEEK, n)


@command(area="performance", role=Role.VIEWER)
async def monthly(desk: Desk, n: Periods = None) -> Reply:
    """Net profit per month (6 months unless told otherwise)."""
    return await _per_period(desk, Period.MONTH, n)


async def _per_period(desk: Desk, period: Period, n: int | None) -> Reply:
    """Trades by the period they were closed in, with open profit beside them."""
    at, quote, back = clock(desk), desk.about.quote, n or USUAL[period]
    since = periods_begin_at_ms(period, at.zone, at.now_ms, back)
    closed = await desk.trades(TradeQuery(since_ms=since))
    results = per_period(closed, period, at.zone, at.now_ms, back)
    whole, unrealised = tally(closed), desk.status().balance.unrealised
    title = f"PnL per {period.value} · last {count(back, period.value)}"
    plot = BarPlot(tuple(r.label for r in results), tuple(r.tally.net for r in results), title)
    columns = f"{period.value.title()} | >Net {quote} | >Trades | >Won | >Fees {quote} | >Funding {quote}"
    return Reply(
        title=title,
        fields=(
            ("Sum", f"{money(whole.net, quote)} in {count(whole.trades, 'trade')}"),
            ("Open positions", f"{money(unrealised, quote)} unrealised, not in the table"),
        ),
        table=table(columns, (_period_row(result) for result in reversed(results))),
        text="" if closed else f"{NO_TRADES if not desk.status().trade_count else 'No trades in this time.'}",
        plot=plot if closed else None,
        buttons=_period_buttons(period, back),
    )


def _period_buttons(period: Period, back: int) -> tuple[Button, ...]:
    others = (Button(NAMES[other].title(), f"/{NAMES[other]}") for other in Period if other is not period)
    return Button("Refresh", f"/{NAMES[period]} {back}"), *others


def _period_row(result: PeriodResult) -> tuple[str, ...]:
    sums = result.tally
    return (
        result.label,
        amount(sums.net),
        str(sums.trades),
        share(sums.win_rate, 0),
        amount(sums.fees, signed=False),
        amount(sums.funding),
    )
