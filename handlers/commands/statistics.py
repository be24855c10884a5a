"""What it comes to: statistics of closed trades, rankings, costs."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Annotated, Literal

from bot.domain.account import Book, Entry
from bot.domain.market import DAY_MS
from bot.domain.trade import Trade
from bot.equity import Drawdown
from bot.performance import (
    Group,
    Performance,
    by_reason,
    by_side,
    by_strategy,
    by_symbol,
    grouped,
    tally,
)
from bot.performance import (
    performance as measure,
)
from bot.runtime.desk import Desk
from bot.runtime.ports import TradeQuery
from handlers.cards import clock, next_bar, table
from handlers.command import Help, Range, Role, SymbolName, command
from handlers.format import UNKNOWN, amount, count, duration, money, number, percent, share
from handlers.reply import Button, Reply, Table

WAYS: dict[str, Callable[[Trade], str]] = {
    "symbol": by_symbol,
    "strategy": by_strategy,
    "reason": by_reason,
    "side": by_side,
}
SPANS = (7, 30, 90)
"""Days that the buttons offer."""

Days = Annotated[int | None, Range(1, 3650), Help("how many days back; all without it")]


@command(area="performance", role=Role.VIEWER)
async def stats(desk: Desk, symbol: SymbolName | None = None, days: Days = None) -> Reply:
    """Win rate, profit factor, expectancy, Sharpe, Sortino, drawdown, costs; by symbol, strategy, reason."""
    since = _since(desk, days)
    closed = await desk.trades(TradeQuery(symbol=symbol or "", since_ms=since))
    # One symbol has no equity of its own: its drawdown is told from its trades.
    points = () if symbol else await desk.equity(since)
    found = measure(closed, points)
    words = "".join(f" {word}" for word in (symbol, days) if word)
    return Reply(
        title=f"Statistics{f' · {symbol}' if symbol else ''} · {_span(days)}",
        fields=_figures(desk, found) if closed else (),
        table=_groups_table(desk, closed),
        text="" if closed else f"No trades {f'on {symbol} ' if symbol else ''}yet. {next_bar(desk)}",
        buttons=(
            Button("Refresh", f"/stats{words}"),
            *_spans("/stats" + (f" {symbol}" if symbol else ""), days),
            Button("Trades", f"/trades 10{f' {symbol}' if symbol else ''}"),
        ),
    )


def _spans(line: str, now: int | None) -> tuple[Button, ...]:
    """The same for other spans of time, what else was asked for kept."""
    spans = (Button(count(span, "day"), f"{line} {span}") for span in SPANS if span != now)
    return (*spans, *((Button("All time", line),) if now else ()))


def _since(desk: Desk, days: int | None) -> int:
    return desk.now_ms() - days * DAY_MS if days else 0


def _span(days: int | None) -> str:
    return f"last {count(days, 'day')}" if days else "all time"


def _figures(desk: Desk, found: Performance) -> tuple[tuple[str, str], ...]:
    sums, quote = found.tally, desk.about.quote
    per_year = "" if found.sharpe is None else " (daily equity, 365 days a year)"
    return (
        ("Trades", f"{sums.trades} ({sums.wins} won, {sums.losses} lost)"),
        ("Net", money(sums.net, quote)),
        ("Win rate", share(sums.win_rate)),
        ("Profit factor", _ratio(sums.profit_factor, "no loss yet")),
        ("Expectancy", f"{money(sums.expectancy, quote)} a trade"),
        ("Average R", number(sums.average_r, 2, signed=True)),
        ("Payoff ratio", _ratio(sums.payoff_ratio, "needs a win and a loss")),
        ("Average win, loss", f"{money(sums.average_win, quote)}, {money(_minus(sums.average_loss), quote)}"),
        ("Longest losing run", count(sums.longest_losing_run, "trade")),
        ("Max drawdown", _drawdown(desk, found.drawdown, found.from_equity)),
        ("Sharpe", _ratio(found.sharpe, "needs two days of equity") + per_year),
        ("Sortino", _ratio(found.sortino, "needs a losing day")),
        ("Calmar", _ratio(found.calmar, "needs a week and a drawdown")),
        ("Fees, funding", f"{money(-sums.fees, quote)}, {money(sums.funding, quote)}"),
        ("Slippage against plan", money(-sums.slippage, quote)),
        ("Held on average", UNKNOWN if sums.average_held_ms is None else duration(sums.average_held_ms)),
    )


def _minus(value: Decimal | None) -> Decimal | None:
    return None if value is None else -value


def _ratio(value: float | None, missing: str) -> str:
    return f"{UNKNOWN} ({missing})" if value is None else number(value)


def _drawdown(desk: Desk, fall: Drawdown | None, from_equity: bool) -> str:
    if fall is None:
        return "none"
    at, part = clock(desk), f" ({percent(fall.percent)})" if fall.percent is not None else ""
    back = (
        f"back after {duration(fall.recovered_at_ms - fall.peak_at_ms)}"
        if fall.recovered_at_ms
        else "not yet back"
    )
    when = f"{at.short(fall.peak_at_ms)} to {at.short(fall.trough_at_ms)}, {back}"
    source = "" if from_equity else ", closed trades only"
    return f"{money(-fall.amount, desk.about.quote)}{part}, {when}{source}"


def _groups_table(desk: Desk, closed: Sequence[Trade]) -> Table | None:
    rows = ((way, *_group_row(group)) for way, key in WAYS.items() for group in grouped(closed, key))
    return table(
        f"By | Name | >Trades | >Won | >PF | >Net {desk.about.quote} | >Expectancy | >Average R", rows
    )


def _group_row(group: Group) -> tuple[str, ...]:
    sums = group.tally
    return (
        group.name,
        str(sums.trades),
        share(sums.win_rate, 0),
        number(sums.profit_factor),
        amount(sums.net),
        amount(sums.expectancy),
        number(sums.average_r, 2, signed=True),
    )


@command(area="performance", role=Role.VIEWER)
async def performance(
    desk: Desk,
    by: Annotated[Literal["symbol", "strategy", "reason", "side"], Help("what to rank")] = "symbol",
    days: Days = None,
) -> Reply:
    """Ranking of symbols, strategies, close reasons or sides by net profit."""
    closed = await desk.trades(TradeQuery(since_ms=_since(desk, days)))
    ranking = grouped(closed, WAYS[by])
    quote = desk.about.quote
    rows = ((str(place), *_group_row(group)) for place, group in enumerate(ranking, start=1))
    columns = f">Place | {by.title()} | >Trades | >Won | >PF | >Net {quote} | >Expectancy | >Average R"
    last = f" {days}" if days else ""
    others = (Button(f"By {other}", f"/performance {other}{last}") for other in WAYS if other != by)
    return Reply(
        title=f"Performance by {by} · {_span(days)}",
        fields=(("Net", f"{money(tally(closed).net, quote)} in {count(len(closed), 'trade')}"),),
        table=table(columns, rows),
        text="" if closed else f"No trades yet. {next_bar(desk)}",
        buttons=(
            Button("Refresh", f"/performance {by}{last}"),
            *others,
            *_spans(f"/performance {by}", days),
        ),
    )


@command(area="performance", role=Role.VIEWER)
async def fees(desk: Desk, days: Annotated[int, Range(1, 3650), Help("how many days back")] = 30) -> Reply:
    """Fees, funding and slippage against plan, open positions included."""
    since, quote = _since(desk, days), desk.about.quote
    entries = await desk.entries(since)
    closed = await desk.trades(TradeQuery(since_ms=since))
    paid, received = _paid(entries, Book.FEES), -_paid(entries, Book.FUNDING)
    sums = tally(closed)
    fields = (
        ("Fees", money(-paid, quote)),
        ("Funding", money(received, quote)),
        ("Slippage against plan", money(-sums.slippage, quote)),
        ("Turnover of closed trades", money(sums.turnover, quote, signed=False)),
        ("Costs of turnover", _basis_points(sums.fees + sums.slippage - sums.funding, sums.turnover)),
        ("Net of closed trades", money(sums.net, quote)),
    )
    columns = f"Symbol | >Trades | >Fees {quote} | >Funding {quote} | >Slippage {quote} | >Net {quote}"
    return Reply(
        title=f"Fees and funding · last {count(days, 'day')}",
        fields=fields,
        table=table(columns, (_cost_row(group) for group in grouped(closed, by_symbol))),
        text="Fees and funding are from the ledger, open positions included; the table holds closed trades.",
        buttons=(
            Button("Refresh", f"/fees {days}"),
            *(Button(count(span, "day"), f"/fees {span}") for span in SPANS if span != days),
            Button("Trades", "/trades"),
        ),
    )


def _paid(entries: Sequence[Entry], book: Book) -> Decimal:
    """What the wallet paid into a book."""
    return sum((entry.amount(book) for entry in entries), Decimal(0))


def _basis_points(cost: Decimal, turnover: Decimal) -> str:
    return f"{number(cost / turnover * 10_000, 1)} basis points" if turnover else UNKNOWN


def _cost_row(group: Group) -> tuple[str, ...]:
    sums = group.tally
    return (
        group.name,
        str(sums.trades),
        amount(-sums.fees),
        amount(sums.funding),
        amount(-sums.slippage),
        amount(sums.net),
    )
