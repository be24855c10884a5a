"""The digest: a day, week or month in a page, written for a person; the scheduled digest sends the same text."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Annotated, Literal

from bot.domain.account import EquityPoint
from bot.domain.market import DAY_MS
from bot.domain.trade import Trade
from bot.engine.views import StatusView
from bot.equity import max_drawdown
from bot.performance import Tally, by_symbol, grouped, tally
from bot.runtime.desk import Desk, HealthView
from bot.runtime.ports import TradeQuery
from handlers.cards import (
    clock,
    day_words,
    drawdown_words,
    halt_words,
    kill_words,
    link_words,
    listed,
    next_bar,
    table,
    trading_words,
)
from handlers.command import Help, Role, command
from handlers.format import UNKNOWN, amount, count, money, number, percent, share
from handlers.reply import Button, EquityPlot, Reply, Table

DAYS = {"day": 1, "week": 7, "month": 30}
type Period = Literal["day", "week", "month"]


@command(area="performance", role=Role.VIEWER)
async def digest(
    desk: Desk, period: Annotated[Literal["day", "week", "month"], Help("how far back")] = "day"
) -> Reply:
    """A day, week or month: equity picture, trades, best and worst, exposure, halts, kills, health."""
    return await page(desk, period)


async def page(desk: Desk, period: Period) -> Reply:
    """The digest of the last day, week or month."""
    since = desk.now_ms() - DAYS[period] * DAY_MS
    closed = await desk.trades(TradeQuery(since_ms=since))
    points = await desk.equity(since)
    view, sums = desk.status(), tally(closed)
    title = f"Digest of the {period} · {desk.about.mode} · {clock(desk).full(desk.now_ms())}"
    return Reply(
        title=title,
        fields=tuple(_fields(desk, view, sums, await desk.health())),
        table=_by_symbol(desk, closed),
        text=" ".join(_sentences(desk, view, sums, points)),
        plot=_plot(desk, period, points),
        buttons=(Button("Status", "/status"), Button("Trades", "/trades"), Button("Statistics", "/stats")),
    )


def _plot(desk: Desk, period: Period, points: tuple[EquityPoint, ...]) -> EquityPlot | None:
    if len(points) < 2:
        return None
    span = {"day": "24 hours", "week": "7 days", "month": "30 days"}[period]
    return EquityPlot(points, f"Equity · {desk.about.mode} · last {span}")


def _sentences(desk: Desk, view: StatusView, sums: Tally, points: Sequence[EquityPoint]) -> Iterator[str]:
    """The period as one would tell it."""
    quote = desk.about.quote
    yield _equity_sentence(points, quote)
    if not sums.trades:
        yield f"No trade was closed. {next_bar(desk)}"
    else:
        won = f"{sums.wins} of {count(sums.trades, 'trade')} won ({share(sums.win_rate, 0)})"
        yield f"{won}, {money(sums.net, quote)} net after {money(sums.fees, quote, signed=False)} of fees."
    held = view.positions
    if held:
        open_profit = money(view.balance.unrealised, quote)
        yield f"{count(len(held), 'position is', 'positions are')} open with {open_profit} unrealised."
    if view.uncovered:
        yield f"WITHOUT A CONFIRMED STOP: {listed(view.uncovered, '/orders')}."


def _equity_sentence(points: Sequence[EquityPoint], quote: str) -> str:
    if len(points) < 2:
        return "There is no equity curve yet."
    first, last = points[0].equity, points[-1].equity
    if first == last:
        return f"Equity stayed at {money(last, quote, signed=False)}."
    moved = f"{'rose' if last > first else 'fell'} by {money(abs(last - first), quote, signed=False)}"
    grown = percent((last - first) / first * 100, signed=True) if first > 0 else UNKNOWN
    fall = max_drawdown(points)
    deepest = f", {percent(fall.percent)} below its high at worst" if fall else ""
    return f"Equity {moved} ({grown}) to {money(last, quote, signed=False)}{deepest}."


def _fields(desk: Desk, view: StatusView, sums: Tally, health: HealthView) -> Iterator[tuple[str, str]]:
    at, quote = clock(desk), desk.about.quote
    yield "Day PnL (UTC)", day_words(view, quote)
    yield "Best", _extreme(sums.best, quote)
    yield "Worst", _extreme(sums.worst, quote)
    yield "Exposure", _exposure(view, quote)
    yield "Equity", drawdown_words(view, quote)
    yield "Trading", trading_words(view)
    yield "Halts", listed([halt_words(halt, at) for halt in view.halts], "/halts")
    yield "Kills", listed([kill_words(kill, at) for kill in view.kills], "/kill")
    yield "Health", _health_words(health)


def _extreme(trade: Trade | None, quote: str) -> str:
    if trade is None:
        return UNKNOWN
    return f"{money(trade.net, quote)} with {trade.symbol} {trade.side.value} ({trade.reason.value})"


def _exposure(view: StatusView, quote: str) -> str:
    total = sum((one.notional for one in view.positions), Decimal(0))
    if not total:
        return "none"
    times = f", {number(total / view.balance.equity)} x equity" if view.balance.equity > 0 else ""
    return f"{money(total, quote, signed=False)} in {count(len(view.positions), 'position')}{times}"


def _health_words(health: HealthView) -> str:
    if health.link_up and not health.errors:
        return "good"
    return f"venue link {link_words(health.link_up)}, {count(health.errors, 'error')} since the start; see /health"


def _by_symbol(desk: Desk, closed: Sequence[Trade]) -> Table | None:
    rows = (
        (group.name, str(group.tally.trades), share(group.tally.win_rate, 0), amount(group.tally.net))
        for group in grouped(closed, by_symbol)
    )
    return table(f"Symbol | >Trades | >Won | >Net {desk.about.quote}", rows)
