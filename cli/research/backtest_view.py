"""What a backtest came to, as tables on a terminal."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from research.backtest.look_ahead import LookAhead
from research.backtest.walk import Judged, Walk
from research.results.checks import Check
from research.results.outcome import Outcome
from research.results.statistics import Figures, Summary

MOST_ROWS = 20
SHOWN_DIFFERENCES = 5
COLUMNS = ("trades", "net", "wins", "PF", "fees", "held")
PLAIN_WIDTH = 110
"""Where the output is no terminal."""


def show(
    outcome: Outcome, summary: Summary, checks: tuple[Check, ...], walk: Walk | None, looked: LookAhead | None
) -> None:
    """Everything, the figures that decide first."""
    console = _console()
    console.print(f"[bold]{escape(_title(outcome, summary))}[/bold]")
    console.print(_head(summary))
    for name, groups in (
        ("symbol", summary.per_symbol),
        ("side", summary.per_side),
        ("closed by", summary.per_reason),
        ("month", {month.label: month.figures for month in summary.per_month}),
    ):
        if groups and (name != "symbol" or len(groups) > 1):
            console.print(_groups(name, groups))
    if walk:
        console.print(_folds(walk))
        lacking = sorted({note for one in walk.judged for note in one.context.notes})
        for note in (*walk.notes, *lacking):
            console.print(f"[yellow]{escape(note)}[/yellow]")
    _show_checks(console, checks)
    if looked:
        _show_looked(console, looked)


def tell_notes(notes: list[str]) -> None:
    """What the figures leave out and what was repaired."""
    console = _console()
    for note in notes:
        console.print(f"[dim]· {escape(note)}[/dim]")


def _console() -> Console:
    """The terminal as wide as it is, anything else as wide as the tables are."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH)


def _title(outcome: Outcome, summary: Summary) -> str:
    symbols = [stretch.symbol for stretch in outcome.stretches]
    named = symbols[0] if len(symbols) == 1 else f"{len(symbols)} symbols"
    span = f"{day(summary.from_ms)} to {day(summary.to_ms)}"
    return f"{outcome.plan.strategy} on {named} {outcome.timeframe}, {span}, {outcome.way}"


def _head(summary: Summary) -> Table:
    total, ratios, fall = summary.total, summary.ratios, summary.fall
    cells = [
        ("trades", f"{total.trades:,}"), ("net", money(total.net)), ("return", share(summary.growth)),
        ("win rate", share(total.win_rate, signed=False)), ("profit factor", number(total.profit_factor)),
        ("payoff", number(total.payoff)), ("expectancy", money(total.expectancy)),
        ("max drawdown", share(-fall.share if fall else 0.0)), ("Sharpe", number(ratios.sharpe)),
        ("Sortino", number(ratios.sortino)), ("Calmar", number(ratios.calmar)),
        ("exposure", share(summary.exposure, signed=False)), ("fees", money(-total.fees)),
        ("funding", money(total.funding)), ("losing run", str(total.longest_losing_run)),
        ("average hold", held(total.average_held_ms)), ("longest hold", held(total.longest_held_ms)),
        ("MAE / MFE", f"{brief(_negative(total.adverse))} / {brief(total.favourable)}"),
    ]  # fmt: skip
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for _ in range(3):
        table.add_column(style="dim", no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
    for place in range(0, len(cells), 3):
        table.add_row(*(text for cell in cells[place : place + 3] for text in cell))
    return table


def _groups(name: str, groups: Mapping[str, Figures]) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1))
    table.add_column(name, min_width=9)
    for column in COLUMNS:
        table.add_column(column, justify="right", no_wrap=True)
    for label, figures in list(groups.items())[:MOST_ROWS]:
        table.add_row(escape(label), *_cells(figures))
    if len(groups) > MOST_ROWS:
        table.add_row(f"and {len(groups) - MOST_ROWS} more", *[""] * len(COLUMNS))
    return table


def _cells(figures: Figures) -> tuple[str, ...]:
    return (
        str(figures.trades),
        coloured(figures.net),
        brief(figures.win_rate, signed=False),
        number(figures.profit_factor),
        money(-figures.fees),
        held(figures.average_held_ms),
    )


def _folds(walk: Walk) -> Table:
    title = f"Walk-forward: {walk.train} before, {walk.test} tested"
    table = Table(
        box=SIMPLE_HEAD, padding=(0, 1, 0, 0), title=title, title_justify="left", title_style="bold"
    )
    table.add_column("tested from", no_wrap=True)
    for name in ("trades", "PF before", "PF", "net", "BTC", "ETH", "ADX"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("market")
    for one in walk.judged:
        table.add_row(*_fold_cells(one))
    tested = walk.tested
    table.add_section()
    table.add_row("together", str(tested.trades), "", number(tested.profit_factor), coloured(tested.net))
    return table


def _fold_cells(one: Judged) -> tuple[str, ...]:
    fold, context = one.fold, one.context
    trained, tested = (window.total if window else None for window in (one.train, one.test))
    return (
        day(fold.test_from_ms),
        str(tested.trades) if tested else "no bars",
        number(trained.profit_factor if trained else None),
        number(tested.profit_factor if tested else None),
        coloured(tested.net) if tested else "",
        brief(context.btc_return),
        brief(context.eth_return),
        number(context.btc_adx),
        "; ".join((context.regime.value if context.regime else "not known", *_ratios(context.long_short))),
    )


def _ratios(long_short: Mapping[str, float]) -> list[str]:
    return [f"long/short {symbol} {number(mean)}" for symbol, mean in long_short.items()]


def _show_checks(console: Console, checks: tuple[Check, ...]) -> None:
    """What failed with its figures; the others by their names."""
    passed = [check.name for check in checks if check.passed]
    console.print(f"[green]✓[/green] {len(passed)} of {len(checks)} checks: {escape(', '.join(passed))}")
    for check in checks:
        if not check.passed:
            console.print(f"[bold red]✗ {escape(check.name)}[/bold red]: {escape(check.figures)}")


def _show_looked(console: Console, looked: LookAhead) -> None:
    if looked.clean:
        console.print(
            f"[green]No look-ahead[/green]: {looked.bars} bars, {looked.signals} of them with a signal"
        )
        return
    console.print(
        f"[bold red]Look-ahead[/bold red]: {len(looked.differences)} answers change with the future"
    )
    for one in looked.differences[:SHOWN_DIFFERENCES]:
        where = f"{one.symbol} {moment(one.bar_at_ms)} {one.what}"
        console.print(escape(f"  {where}: {one.with_future} with the future, {one.without} without"))


def day(at_ms: int) -> str:
    """A day, UTC."""
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d}"


def moment(at_ms: int) -> str:
    """A minute, UTC."""
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M}"


def money(value: float | None) -> str:
    """Quote asset with its sign."""
    return "–" if value is None else f"{value:+,.2f}".replace("+0.00", "0.00").replace("-0.00", "0.00")


def coloured(value: float) -> str:
    """Money, green or red."""
    return f"[{'green' if value > 0 else 'red' if value < 0 else 'dim'}]{money(value)}[/]"


def share(value: float | None, *, signed: bool = True) -> str:
    """A fraction in per cent."""
    if value is None:
        return "–"
    return f"{100 * value:+.2f} %" if signed and value else f"{100 * abs(value):.2f} %"


def brief(value: float | None, *, signed: bool = True) -> str:
    """A fraction in per cent where space is scarce."""
    if value is None:
        return "–"
    return f"{100 * value:+.1f}%" if signed else f"{100 * value:.1f}%"


def number(value: float | None) -> str:
    """A ratio."""
    return "–" if value is None else f"{value:,.2f}"


def held(value_ms: int | None) -> str:
    """A time in the unit that fits."""
    if value_ms is None:
        return "–"
    minutes = value_ms / 60_000
    if minutes < 120:
        return f"{minutes:.0f} min"
    return f"{minutes / 60:.1f} h" if minutes < 2880 else f"{minutes / 1440:.1f} d"


def _negative(value: float | None) -> float | None:
    return None if value is None else -value
