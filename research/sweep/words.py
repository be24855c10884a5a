"""Figures of sweeps as people read them, the same on a terminal and on a page."""

from collections.abc import Sequence

from research.sweep.document import set_words
from research.sweep.figures import SetFigures
from research.sweep.run import SweepResult
from research.sweep.sections import Section

TOP = 10
HEADS = ("Rank", "Set", "Trades", "Won", "Factor", "Net", "Drawdown")
SYMBOL_HEADS = (
    "Symbol", "Best set", "Trades", "Factor", "Walk-forward", "Ratio", "Neighbours", "Production", "Verdict",
)  # fmt: skip


def set_cells(rank: str, row: SetFigures, name: str = "") -> tuple[str, ...]:
    """One line of a ranking."""
    return (
        rank,
        name or set_words(row.parameters),
        str(row.trades),
        share(row.win_rate),
        factor(row),
        signed_share(row.net),
        share(row.drawdown),
    )


def ranking_cells(section: Section, top: int = TOP) -> list[tuple[str, ...]]:
    """The best sets, then production."""
    rows = [set_cells(str(place), section.rows[index]) for place, index in enumerate(section.order[:top], 1)]
    used = (
        f"production: {set_words(section.production.parameters)}"
        if section.production.parameters
        else "production"
    )
    return [*rows, set_cells(f"({section.production_rank})", section.production, used)]


def symbol_cells(section: Section) -> tuple[str, ...]:
    """One line for a symbol's whole section."""
    best, walk, around = section.best, section.walk, section.around
    return (
        section.course.title,
        set_words(best.parameters) if best else "none",
        str(best.trades) if best else "–",
        factor(best) if best else "–",
        f"{factor(walk.total)} ({walk.total.trades})" if walk else "–",
        f"{section.ratio:.2f}" if section.ratio is not None else "–",
        f"{around.median:.2f}" if around and around.median is not None else "–",
        f"{section.production_rank} of {len(section.rows)}",
        ", ".join(verdict.code for verdict in section.verdicts if verdict.bad) or "no objection",
    )


def section_lines(section: Section) -> list[str]:
    """The sentences that must be read with the figures."""
    walk = section.walk
    lines = [f"{'!' if verdict.bad else '-'} {verdict.text}" for verdict in section.verdicts]
    if walk:
        lines.append(
            f"- walk-forward: {walk.total.trades} trades in {walk.chosen} of {len(walk.steps)} test windows, factor "
            f"{factor(walk.total)}, net {signed_share(walk.total.net)}, {walk.sets} different sets chosen; production "
            f"in the same windows: {walk.production.trades} trades, factor {factor(walk.production)}"
        )
    return [*lines, *(f"- {note}" for note in section.course.notes)]


def head_line(result: SweepResult) -> str:
    """What was swept."""
    bars = sum(one.mark.bars for one in result.known)
    symbols = len(result.known)
    resumed = f", {result.resumed} of them counted before" if result.resumed else ""
    return (
        f"{result.plan.strategy}: {len(result.plan.grid)} sets over {symbols} symbol{'s' * (symbols != 1)}, "
        f"{bars:,} bars{resumed}. Net and drawdown in per cent of a trade's notional."
    )


def factor(row: SetFigures) -> str:
    """Profit factor; no loss is said as such."""
    found = row.profit_factor
    return f"{found:.2f}" if found is not None else ("no loss" if row.trades else "–")


def share(value: float | None) -> str:
    """A share as per cent."""
    return f"{100 * value:.1f} %" if value is not None else "–"


def signed_share(value: float) -> str:
    """The same with its sign."""
    return f"{100 * value:+.1f} %"


def several(result: SweepResult) -> Sequence[Section]:
    """The sections by what they came to in the walk-forward, the best first; those that mean nothing last."""
    return sorted(
        result.sections, key=lambda one: (one.best is None, -(one.walk.total.net if one.walk else 0.0))
    )
