"""Pages in one file that go with an answer, kept in the home; the oldest make room."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.domain.account import EquityPoint
from handlers import html_page as html
from handlers.cards import table
from handlers.format import Clock, amount, count, money, number, plain, share
from handlers.reply import Table
from research.results.files import write_whole
from research.results.outcome import Outcome
from research.results.statistics import Figures, Summary, summary_of

KEPT = 40
POINTS = 1_500


def stamped(symbol: str, at_ms: int) -> str:
    """A file's name without its ending: XRPUSDT-20261121T120000."""
    return f"{symbol}-{datetime.fromtimestamp(at_ms / 1000, UTC):%Y%m%dT%H%M%S}"


def make_room(folder: Path, ending: str, kept: int = KEPT) -> None:
    """Remove the oldest files of an ending, by when they were written."""
    found = sorted(folder.glob(f"*{ending}"), key=lambda path: (path.stat().st_mtime_ns, path.name))
    for path in found[: max(0, len(found) - kept)]:
        path.unlink(missing_ok=True)


def backtest_page(folder: Path, name: str, outcome: Outcome, quote: str = "USDT") -> str:
    """Everything of a backtest in one file; answers its path."""
    summary = summary_of(outcome)
    title = f"Backtest {name} {outcome.plan.strategy} {outcome.way}"
    path = folder / f"{stamped(name, summary.to_ms)}-{outcome.plan.strategy}-{outcome.way}.html"
    write_whole(path, html.page(title, _parts(outcome, summary, quote)))
    make_room(folder, ".html")
    return str(path)


def _parts(outcome: Outcome, summary: Summary, quote: str) -> Iterator[str]:
    at = Clock(ZoneInfo("UTC"), summary.to_ms)
    yield html.figures(_lines(summary, at, quote))
    yield html.heading("Equity")
    levels = outcome.equity.equity
    step = max(1, len(levels) // POINTS)
    points = [_point(row, outcome) for row in range(0, len(levels), step)]
    yield html.equity_drawing(points, quote, at)
    yield html.heading("Months")
    yield html.bar_drawing(
        [one.label for one in summary.per_month], [one.figures.net for one in summary.per_month]
    )
    yield html.grid(_months(summary, quote), "No months.")
    for label, groups in (("Close reason", summary.per_reason), ("Side", summary.per_side)):
        yield html.heading(f"By {label.lower()}")
        yield html.grid(_groups(label, groups, quote), "No trade was closed.")
    yield html.heading("Trades")
    yield html.grid(_trades(outcome, at, quote), "No trade was closed.")
    yield html.prose(outcome.notes, small=True)


def _point(row: int, outcome: Outcome) -> EquityPoint:
    level = Decimal(repr(float(outcome.equity.equity[row])))
    return EquityPoint(int(outcome.equity.at_ms[row]), level, level, 0)


def _lines(summary: Summary, at: Clock, quote: str) -> Iterator[tuple[str, str]]:
    total, ratios, fall = summary.total, summary.ratios, summary.fall
    yield "From, to", f"{at.full(summary.from_ms)}, {at.full(summary.to_ms)}"
    yield "Trades", f"{total.trades}, {share(total.win_rate)} won"
    yield "Net", f"{money(total.net, quote)} after {money(total.fees, quote, signed=False)} of fees"
    yield "Funding", money(total.funding, quote)
    yield "Profit factor", number(total.profit_factor)
    yield "Expectancy", f"{money(total.expectancy, quote)} a trade"
    yield "Max drawdown", f"{money(-fall.amount, quote)} ({share(fall.share, 2)})" if fall else "none"
    yield "Sharpe, Sortino, Calmar", ", ".join(map(number, (ratios.sharpe, ratios.sortino, ratios.calmar)))
    yield "Exposure", share(summary.exposure)
    yield "Longest losing run", count(total.longest_losing_run, "trade")


def _months(summary: Summary, quote: str) -> Table | None:
    rows = (
        (
            one.label,
            str(one.figures.trades),
            share(one.figures.win_rate, 0),
            number(one.figures.profit_factor),
            amount(one.figures.net),
            share(one.growth, 2),
        )
        for one in summary.per_month
    )
    return table(f"Month | >Trades | >Won | >PF | >Net {quote} | >Growth", rows)


def _groups(label: str, groups: Mapping[str, Figures], quote: str) -> Table | None:
    rows = (
        (name, str(one.trades), share(one.win_rate, 0), number(one.profit_factor), amount(one.net))
        for name, one in groups.items()
    )
    return table(f"{label} | >Trades | >Won | >PF | >Net {quote}", rows)


def _trades(outcome: Outcome, at: Clock, quote: str) -> Table | None:
    rows = (
        (
            at.short(one.entry_at_ms),
            at.short(one.exit_at_ms),
            one.symbol,
            one.side.value,
            plain(one.entry_price),
            plain(one.exit_price),
            one.reason.value,
            amount(one.net),
        )
        for one in reversed(outcome.trades)
    )
    return table(f"Entry | Exit | Symbol | Side | >Entry price | >Exit price | Reason | >Net {quote}", rows)
