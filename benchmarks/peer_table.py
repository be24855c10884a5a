"""The comparison as tables: for a terminal, and as Markdown for docs/benchmarks.md."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from peer_figures import BACKTEST, COMMAND, EXACT, FOLDS, OURS, SWEEP, Absent, Figures, figures_of

type Row = tuple[str, ...]

EVENTFUL = ("backtesting.py", "nautilus_trader")
"""Peers that go bar by bar and keep orders: compared with the exact way."""


@dataclass(frozen=True, slots=True)
class Table:
    """A title, names of columns, rows; the first column is text, the others figures."""

    title: str
    head: Row
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything measured. `places` are the grid's places of the sets that slow peers ran, `absent` who is missing."""

    market: str
    bars: int
    sets: int
    places: tuple[int, ...]
    figures: tuple[Figures, ...]
    absent: tuple[Absent, ...]
    machine: tuple[str, ...]


def tables(made: Comparison) -> list[Table]:
    """One table for each question."""
    found = [backtests(made), sweeps(made), folds(made), engines(made), commands(made)]
    return [one for one in found if one.rows]


def backtests(made: Comparison) -> Table:
    """One set."""
    head = (
        "one backtest, indicators included",
        "ms",
        "× ours",
        "first in a process, ms",
        "memory, MiB",
        *AGREE,
    )
    ours = figures_of(made.figures, OURS, BACKTEST)
    rows = [
        (
            one.name,
            number(one.warm_ms),
            ratio(one.warm_ms, ours.warm_ms if ours else None),
            number(one.first_ms),
            number(one.rss_mb),
            *agreement(one.trades, one.net, ours),
        )
        for one in of_task(made, BACKTEST)
    ]
    return Table(f"One backtest, {made.bars:,} bars", head, with_absent(made, BACKTEST, rows, head))


AGREE = ("trades", "against ours", "sum of net returns", "against ours")


def agreement(
    trades: Sequence[int], net: Sequence[float], ours: Figures | None, places: Sequence[int] = ()
) -> Row:
    """How many trades and what they came to, and the differences from ours of the same sets."""
    total, sum_ = sum(trades), sum(net)
    if ours is None:
        return (f"{total:,}", "-", f"{sum_:.4f}", "-")
    own_trades = [ours.trades[place] for place in places] if places else ours.trades
    own_net = [ours.net[place] for place in places] if places else ours.net
    return (f"{total:,}", apart(total - sum(own_trades)), f"{sum_:.4f}", small(sum_ - sum(own_net)))


def sweeps(made: Comparison) -> Table:
    """All sets; those who ran some are estimated, and say so."""
    head = (
        f"{made.sets} sets",
        "ms",
        "× ours",
        "sets run",
        "memory, MiB",
        "sets with as many trades",
        *AGREE,
    )
    ours = figures_of(made.figures, OURS, SWEEP)
    rows = [sweep_row(made, one, ours) for one in of_task(made, SWEEP)]
    return Table(f"Sweep of {made.sets} sets over the same bars", head, with_absent(made, SWEEP, rows, head))


def sweep_row(made: Comparison, one: Figures, ours: Figures | None) -> Row:
    """One contender's sweep."""
    part = len(one.trades) < made.sets
    whole_ms = one.warm_ms * made.sets / max(1, len(one.trades))
    places = made.places if part else tuple(range(made.sets))
    alike = "-"
    if ours is not None:
        same = sum(n == ours.trades[place] for n, place in zip(one.trades, places, strict=True))
        alike = f"{same} of {len(one.trades)}"
    return (
        one.name,
        f"{'about ' if part else ''}{number(whole_ms)}",
        ratio(whole_ms, ours.warm_ms if ours else None),
        f"{len(one.trades)}, the rest estimated" if part else "all",
        number(one.rss_mb),
        alike,
        *agreement(one.trades, one.net, ours, places),
    )


def folds(made: Comparison) -> Table:
    """All sets in every span of a walk-forward."""
    head = (
        f"{made.sets} sets as walk-forward, 9 folds (3 months, 1 month)",
        "ms",
        "× ours",
        "memory, MiB",
        *AGREE,
    )
    ours = figures_of(made.figures, OURS, FOLDS)
    rows = [
        (
            one.name,
            number(one.warm_ms),
            ratio(one.warm_ms, ours.warm_ms if ours else None),
            number(one.rss_mb),
            *agreement(one.trades, one.net, ours),
        )
        for one in of_task(made, FOLDS)
    ]
    return Table("Walk-forward", head, with_absent(made, FOLDS, rows, head))


def engines(made: Comparison) -> Table:
    """Bars a second of those that keep orders, one set."""
    head = ("bar by bar, with orders", "bars/s", "ours / theirs", "memory, MiB", *AGREE)
    ours = figures_of(made.figures, OURS, EXACT)
    theirs = [one for one in of_task(made, BACKTEST) if one.name in EVENTFUL]
    rows = [
        (
            f"{one.name}, exact" if one is ours else one.name,
            f"{made.bars / one.warm_ms * 1000:,.0f}",
            ratio(one.warm_ms, ours.warm_ms if ours else None),
            number(one.rss_mb),
            *agreement(one.trades, one.net, ours),
        )
        for one in ([ours] if ours else []) + theirs
    ]
    missing = [one for one in absent_from(made, BACKTEST, EXACT) if one.name in (*EVENTFUL, OURS)]
    return Table("Engines", head, (*rows, *absent_rows(missing, head)))


def commands(made: Comparison) -> Table:
    """From the start of a process to its first result."""
    head = (
        "new process to first result: imports, candles, one backtest",
        "s",
        "× our command",
        "memory, MiB",
    )
    ours = figures_of(made.figures, OURS, COMMAND)
    named = [*of_task(made, COMMAND), *(one for one in of_task(made, BACKTEST) if one.name != OURS)]
    rows = [
        (
            "the whole command `quarterdeck backtest`" if one.task == COMMAND else f"{one.name}, its script",
            f"{one.started_ms / 1000:.2f}",
            ratio(one.started_ms, ours.started_ms if ours else None),
            number(one.rss_mb),
        )
        for one in named
    ]
    return Table("Whole commands", head, (*rows, *absent_rows(absent_from(made, COMMAND), head)))


def of_task(made: Comparison, task: str) -> list[Figures]:
    """Everybody's figures of one task."""
    return [one for one in made.figures if one.task == task]


def with_absent(made: Comparison, task: str, rows: Sequence[Row], head: Row) -> tuple[Row, ...]:
    """The rows, and who is missing; nothing when nobody was measured."""
    return (*rows, *absent_rows(absent_from(made, task), head)) if rows else ()


def absent_from(made: Comparison, *tasks: str) -> list[Absent]:
    """Who is missing in a task: named for it, or nowhere to be had although it has such a task."""
    everywhere = [
        one for one in made.absent if not one.task and (FOLDS not in tasks or one.name not in EVENTFUL)
    ]
    return [*everywhere, *(one for one in made.absent if one.task in tasks)]


def absent_rows(absent: Sequence[Absent], head: Row) -> Iterator[Row]:
    """A row for each that could not be measured."""
    for one in absent:
        yield (f"{one.name}: {one.why}", *("-" for _ in head[1:]))


def number(value: float) -> str:
    """Three figures that count."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def ratio(value: float, ours: float | None) -> str:
    """How many times ours."""
    return "-" if not ours else f"{number(value / ours)}"


def apart(difference: int) -> str:
    """A difference in trades."""
    return f"{difference:+,}" if difference else "same"


def small(difference: float) -> str:
    """A difference in sums of net returns; below 1e-9 it is rounding."""
    if abs(difference) < 1e-9:
        return "same"
    return f"{difference:+.4f}" if abs(difference) >= 5e-5 else f"{difference:+.0e}"


def notes(made: Comparison) -> tuple[str, ...]:
    """What the figures hang on."""
    versions: dict[str, Mapping[str, str]] = {}
    for one in made.figures:
        versions.setdefault(one.name.split(",")[0], one.packages)
    packages = (
        f"{name}: {', '.join(f'{package} {version}' for package, version in own.items())}"
        for name, own in versions.items()
        if own
    )
    runs = sorted({one.runs for one in made.figures if one.task != COMMAND})
    counts = f"{runs[0]} to {runs[-1]}" if len(runs) > 1 else "".join(map(str, runs))
    unsteady = [
        f"{one.name} ({one.task}) did not find the same every time" for one in made.figures if not one.same
    ]
    return (made.market, f"medians of {counts} warm runs, all in turn", *made.machine, *packages, *unsteady)


def markdown(made: Comparison) -> str:
    """What goes into docs/benchmarks.md."""
    parts = []
    for table in tables(made):
        lines = [table.head, ("---", *("---:" for _ in table.head[1:])), *table.rows]
        parts.append("\n".join("| " + " | ".join(row) + " |" for row in lines))
    parts.append("\n".join(f" - {note}" for note in notes(made)))
    return "\n\n".join(parts) + "\n"


def text(made: Comparison) -> str:
    """For a terminal."""
    parts = []
    for table in tables(made):
        rows = (table.head, *table.rows)
        widths = [max(len(row[column]) for row in rows) for column in range(len(table.head))]
        parts.append("\n".join(aligned(row, widths) for row in rows))
    parts.append("\n".join(notes(made)))
    return "\n\n".join(parts) + "\n"


def aligned(row: Row, widths: Sequence[int]) -> str:
    """Text to the left, figures to the right."""
    first, *others = zip(row, widths, strict=True)
    return "  ".join((f"{first[0]:<{first[1]}}", *(f"{one:>{width}}" for one, width in others))).rstrip()
