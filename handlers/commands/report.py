"""The weekly report from the ledger: the lines that matter, the equity picture, and a page in one file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from bot import training
from bot.domain.account import EquityPoint
from bot.domain.action import RecordNote
from bot.domain.trade import Trade
from bot.engine.views import KillView
from bot.performance import Performance, by_reason, by_symbol, grouped, performance
from bot.periods import Period, PeriodResult, per_period, periods_begin_at_ms
from bot.runtime.desk import Desk
from bot.runtime.ports import TradeQuery
from handlers import html_page as html
from handlers.cards import clock, kill_table, table
from handlers.command import Help, Range, Role, command
from handlers.format import UNKNOWN, amount, count, duration, money, number, percent, price, share
from handlers.learning import Models
from handlers.reply import Attachment, Button, EquityPlot, Reply, Table

TREND_WEEKS = 8
MOST_NOTES = 1_000
EMPTY = Models()
BESIDE = "/full_report adds backtests of the week, expected against realised slippage, and proposals."


@dataclass(frozen=True, slots=True)
class Week:
    """One calendar week of the operator's zone: what was traded and what equity did; the weeks before it."""

    label: str
    begins_at_ms: int
    ends_at_ms: int
    trades: tuple[Trade, ...]
    points: tuple[EquityPoint, ...]
    trend: tuple[PeriodResult, ...]
    kills: tuple[KillView, ...]
    notes: tuple[RecordNote, ...]
    models: int

    @property
    def measured(self) -> Performance:
        """The week's statistics."""
        return performance(self.trades, self.points)


@command(area="performance", role=Role.VIEWER)
async def report(
    desk: Desk,
    week: Annotated[int, Range(0, 520), Help("how many weeks back; 0 is this one")] = 0,
    models: Models = EMPTY,
) -> Reply:
    """The weekly report: the lines that matter, the equity picture, and a page with everything as a file."""
    found = await _gather(desk, week, len(models.shelf.models()))
    title = f"Weekly report {found.label} · {desk.about.mode}"
    earlier = Button("A week earlier", f"/report {week + 1}")
    later = (Button("A week later", f"/report {week - 1}"),) if week else ()
    return Reply(
        title=title,
        fields=tuple(_lines(desk, found)),
        table=_trend_table(desk, found),
        text="The file has everything: trades with notes, symbols, reasons, kill switches.",
        plot=EquityPlot(found.points, f"Equity · {found.label}") if len(found.points) > 1 else None,
        file=Attachment(
            f"quarterdeck-{desk.about.mode}-{found.label}.html", _page(desk, title, found), "text/html"
        ),
        buttons=(
            Button("Refresh", f"/report {week}"),
            earlier,
            *later,
            Button("With backtests", f"/full_report {week}"),
            Button("Digest", "/digest week"),
        ),
    )


async def _gather(desk: Desk, back: int, models: int) -> Week:
    """Everything of the week and of the weeks before it."""
    at = clock(desk)
    weeks = per_period((), Period.WEEK, at.zone, at.now_ms, back + TREND_WEEKS)
    chosen = weeks[TREND_WEEKS - 1]
    ends = weeks[TREND_WEEKS].begins_at_ms if back else at.now_ms + 1
    since = periods_begin_at_ms(Period.WEEK, at.zone, at.now_ms, back + TREND_WEEKS)
    closed = await desk.trades(TradeQuery(since_ms=since))
    trend = per_period(closed, Period.WEEK, at.zone, at.now_ms, back + TREND_WEEKS)[:TREND_WEEKS]
    points = await desk.equity(chosen.begins_at_ms)
    return Week(
        label=chosen.label,
        begins_at_ms=chosen.begins_at_ms,
        ends_at_ms=ends,
        trades=tuple(one for one in closed if chosen.begins_at_ms <= one.closed_at_ms < ends),
        points=tuple(point for point in points if point.at_ms < ends),
        trend=trend,
        kills=desk.kills(),
        notes=await desk.notes(MOST_NOTES),
        models=models,
    )


def _lines(desk: Desk, week: Week) -> Iterator[tuple[str, str]]:
    """The lines that matter."""
    quote, measured = desk.about.quote, week.measured
    sums, fall = measured.tally, measured.drawdown
    yield (
        "Week",
        f"{clock(desk).full(week.begins_at_ms)} to {clock(desk).full(min(week.ends_at_ms, desk.now_ms()))}",
    )
    yield "Net", f"{money(sums.net, quote)} in {count(sums.trades, 'trade')}, {share(sums.win_rate)} won"
    yield (
        "Profit factor",
        number(sums.profit_factor) if sums.profit_factor is not None else f"{UNKNOWN} (no loss)",
    )
    yield "Max drawdown", f"{money(-fall.amount, quote)} ({percent(fall.percent)})" if fall else "none"
    fees, funding, slipped = (money(one, quote) for one in (-sums.fees, sums.funding, -sums.slippage))
    yield "Costs", f"fees {fees}, funding {funding}, slippage {slipped}"
    yield "Kill switches", _kill_words(week)
    yield "Models", _model_words(week)


def _kill_words(week: Week) -> str:
    killed = [view.symbol for view in week.kills if view.kill]
    near = [f"{view.symbol} {view.losing_run}/{view.losing_run_limit}" for view in week.kills if _near(view)]
    warned = f"; close to it: {', '.join(near)}" if near else ""
    return f"{', '.join(killed) if killed else 'none set'}{warned}"


def _near(view: KillView) -> bool:
    """True when the losing run is within two losses of the kill."""
    return not view.kill and 0 < view.losing_run_limit <= view.losing_run + 2


def _model_words(week: Week) -> str:
    """How many models there are, and whether training is advised."""
    tallies = [one.tally for one in week.trend]
    found = training.checklist([training.Week(one.trades, one.wins, one.profit_factor) for one in tallies])
    held = ", ".join(found.held)
    advice = "training advised" if found.advised else "no training advised"
    there = count(week.models, "model") if week.models else "no model is installed"
    return f"{there}; {advice} ({len(found.held)} of {len(found.signs)} signs{': ' + held if held else ''})"


def _trend_table(desk: Desk, week: Week) -> Table | None:
    rows = (
        (
            one.label,
            str(one.tally.trades),
            share(one.tally.win_rate, 0),
            number(one.tally.profit_factor),
            amount(one.tally.net),
        )
        for one in reversed(week.trend)
    )
    return table(f"Week | >Trades | >Won | >PF | >Net {desk.about.quote}", rows)


# --- the page -------------------------------------------------------------------------------------------------------


def _page(desk: Desk, title: str, week: Week) -> bytes:
    """One file that opens anywhere."""
    return html.page(title, _parts(desk, week))


def _parts(desk: Desk, week: Week) -> Iterator[str]:
    quote = desk.about.quote
    yield html.figures(_lines(desk, week))
    yield html.heading("Equity")
    yield html.equity_drawing(week.points, quote, clock(desk))
    yield html.heading(f"Last {len(week.trend)} weeks")
    yield html.bar_drawing([one.label for one in week.trend], [float(one.tally.net) for one in week.trend])
    yield html.grid(_trend_table(desk, week), "No weeks.")
    yield html.heading("Statistics")
    yield html.figures(_statistics(desk, week))
    yield html.heading("By symbol")
    yield html.grid(_groups(desk, week.trades, "Symbol"), "No trade was closed.")
    yield html.heading("By close reason")
    yield html.grid(_groups(desk, week.trades, "Reason"), "No trade was closed.")
    yield html.heading("Trades")
    yield html.grid(_trade_table(desk, week), "No trade was closed in this week.")
    yield html.heading("Kill switches")
    yield html.grid(kill_table(week.kills), "No symbols.")
    yield html.prose(
        [BESIDE, f"Times are in {desk.about.timezone}; money in {quote}, after fees and funding."],
        small=True,
    )


def _statistics(desk: Desk, week: Week) -> Iterator[tuple[str, str]]:
    quote, measured = desk.about.quote, week.measured
    sums = measured.tally
    yield "Expectancy", f"{money(sums.expectancy, quote)} a trade, {number(sums.average_r, 2, signed=True)} R"
    yield "Payoff ratio", number(sums.payoff_ratio)
    yield "Longest losing run", count(sums.longest_losing_run, "trade")
    yield "Sharpe, Sortino", f"{number(measured.sharpe)}, {number(measured.sortino)}"
    yield "Best", _extreme(sums.best, quote)
    yield "Worst", _extreme(sums.worst, quote)
    held = sums.average_held_ms
    yield "Held on average", UNKNOWN if held is None else duration(held)


def _extreme(trade: Trade | None, quote: str) -> str:
    return (
        UNKNOWN if trade is None else f"{money(trade.net, quote)} with {trade.symbol} ({trade.reason.value})"
    )


def _groups(desk: Desk, trades: Sequence[Trade], by: str) -> Table | None:
    key = by_symbol if by == "Symbol" else by_reason
    rows = (
        (
            one.name,
            str(one.tally.trades),
            share(one.tally.win_rate, 0),
            number(one.tally.profit_factor),
            amount(one.tally.net),
        )
        for one in grouped(trades, key)
    )
    return table(f"{by} | >Trades | >Won | >PF | >Net {desk.about.quote}", rows)


def _trade_table(desk: Desk, week: Week) -> Table | None:
    at = clock(desk)
    noted: dict[tuple[str, int], str] = {}
    for one in reversed(week.notes):
        key = (one.symbol, one.opened_at_ms)
        noted[key] = f"{noted[key]}; {one.text}" if key in noted else one.text
    rows = (
        (
            at.short(trade.closed_at_ms),
            trade.symbol,
            trade.side.value,
            price(trade.entry_price, desk.instruments.get(trade.symbol)),
            price(trade.exit_price, desk.instruments.get(trade.symbol)),
            trade.reason.value,
            amount(trade.net),
            number(trade.r_multiple if trade.risk else None, 2, signed=True),
            noted.get((trade.symbol, trade.opened_at_ms), ""),
        )
        for trade in reversed(week.trades)
    )
    return table(
        f"Closed | Symbol | Side | >Entry | >Exit | Reason | >Net {desk.about.quote} | >R | Notes", rows
    )
