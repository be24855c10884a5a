"""Pictures of a sweep and of drawn lots: PNG bytes, in the look of all our pictures."""

from collections.abc import Mapping, Sequence
from datetime import UTC

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from handlers.pictures.look import SMALL_LETTERS, WIDTH, Canvas, Palette, png
from research.sweep.grid import Axis, Grid
from research.sweep.judging import FACTOR_MOST
from research.sweep.layout import Sheet, sheet
from research.sweep.plan import SweepPlan
from research.sweep.sections import Section
from research.sweep.sizing import Answer, Question

ROW_DOTS = 30
HEAD_DOTS = 330
NUMBERED = 800
"""So many cells are read as numbers too."""


def heat_map(plan: SweepPlan, section: Section, title: str, *, dark: bool = True) -> bytes:
    """Every set's profit factor over the whole history as one sheet; the best and production are framed."""
    if not isinstance(plan.grid, Grid):
        return Canvas(title, UTC, "USDT", dark, WIDTH, HEAD_DOTS).nothing(
            "Nothing to draw:\nthe sets lie on no grid"
        )
    marked = _marked(plan, section)
    laid = sheet(plan.grid, section.rows, plan.least, FACTOR_MOST).without_empty(list(marked.values()))
    height = HEAD_DOTS + ROW_DOTS * max(6, len(laid.down_words))
    canvas = Canvas(title, UTC, "USDT", dark, WIDTH, height)
    if not np.isfinite(laid.cells).any():
        return canvas.nothing(f"Nothing to draw:\nno set has {plan.least} trades")
    figure, axes = _sheet_of_paper(canvas)
    _cells(axes, canvas.palette, laid)
    _frames(axes, canvas.palette, laid, marked)
    _name_sides(axes, canvas.palette, laid)
    return png(figure)


def _sheet_of_paper(canvas: Canvas) -> tuple[Figure, Axes]:
    figure, (axes,) = canvas.panels((1.0,))
    axes.grid(False)
    axes.margins(0)
    axes.yaxis.tick_left()
    axes.spines[["right", "bottom"]].set_visible(False)
    return figure, axes


def _cells(axes: Axes, look: Palette, laid: Sheet) -> None:
    colours = LinearSegmentedColormap.from_list("factor", (look.loss, look.panel, look.gain))
    colours.set_bad(look.grid)
    reach = max(0.05, float(np.nanmax(np.abs(np.log(np.maximum(laid.cells, 0.1))))))
    norm = TwoSlopeNorm(0.0, -reach, reach)
    axes.imshow(
        np.log(np.maximum(laid.cells, 0.1)), cmap=colours, norm=norm, aspect="auto", interpolation="nearest"
    )
    if laid.cells.size > NUMBERED:
        return
    for (row, column), factor in np.ndenumerate(laid.cells):
        text = f"{factor:.2f}" if np.isfinite(factor) else "–"
        axes.text(column, row, text, ha="center", va="center", fontsize=6.5, color=look.ink)


def _marked(plan: SweepPlan, section: Section) -> Mapping[str, int]:
    """The sets that are framed: the best, and production where it is one of the sets."""
    found = {"best": section.best.index} if section.best else {}
    for index, values in enumerate(plan.grid.sets()):
        used = {**section.production.parameters}
        if used and all(used.get(name) == value for name, value in {**plan.fixed, **values}.items()):
            found["production"] = index
    return found


def _frames(axes: Axes, look: Palette, laid: Sheet, marked: Mapping[str, int]) -> None:
    styles = {"best": (look.accent, "-"), "production": (look.ink, "--")}
    for name, index in marked.items():
        row, column = laid.places[index]
        colour, line = styles[name]
        axes.add_patch(
            Rectangle(
                (column - 0.5, row - 0.5),
                1,
                1,
                fill=False,
                edgecolor=colour,
                linestyle=line,
                linewidth=1.8,
                label=name,
            )
        )
    if marked:
        axes.legend(
            loc="lower right",
            bbox_to_anchor=(1.0, 1.0),
            ncols=2,
            frameon=False,
            fontsize=SMALL_LETTERS,
            labelcolor=look.ink,
        )


def _name_sides(axes: Axes, look: Palette, laid: Sheet) -> None:
    axes.set_xticks(range(len(laid.across_words)), laid.across_words)
    axes.set_yticks(range(len(laid.down_words)), laid.down_words)
    axes.tick_params(labelsize=7 if len(laid.across_words) <= 12 else 5.5)
    sides = [f"across: {_names(laid.across)}"]
    sides += [f"down: {_names(laid.down)}"] if laid.down else []
    sides += [f"median over {_names(laid.folded)}"] if laid.folded else []
    sides += [f"{laid.left_out} rows without a set of enough trades are left out"] if laid.left_out else []
    axes.set_xlabel("\n".join(sides), color=look.faint, fontsize=SMALL_LETTERS, parse_math=False)
    axes.set_title(
        "profit factor of every set; – too few trades", loc="left", color=look.faint, fontsize=SMALL_LETTERS
    )


def _names(axes: Sequence[Axis]) -> str:
    return " · ".join(axis.name for axis in axes)


def fall_map(answer: Answer, question: Question, title: str, *, dark: bool = True) -> bytes:
    """How deep the drawn orders and drawn trades fell, at the suggested risk (else at the one asked about)."""
    canvas = Canvas(title, UTC, "USDT", dark, WIDTH, round(WIDTH * 0.6))
    look = canvas.palette
    figure, (axes,) = canvas.panels((1.0,))
    axes.yaxis.tick_left()
    spreads = answer.at_suggested or answer.spreads
    risk = answer.suggested if answer.at_suggested else question.risk
    edges = np.linspace(0.0, max(0.01, *(float(one.drawdowns.max()) for one in spreads)), 61)
    for spread, colour in zip(spreads, (look.accent, look.gain), strict=False):
        share, _ = np.histogram(spread.drawdowns, edges)
        axes.stairs(100.0 * share / len(spread.drawdowns), 100.0 * edges, color=colour, fill=True, alpha=0.35)
        axes.stairs(
            100.0 * share / len(spread.drawdowns),
            100.0 * edges,
            color=colour,
            linewidth=1.4,
            label=spread.way,
        )
    limit = question.tolerance
    axes.axvline(
        100.0 * limit.drawdown,
        color=look.loss,
        linewidth=1.4,
        linestyle="--",
        label=f"tolerated {100 * limit.drawdown:g} %",
    )
    canvas.label(axes, "share of paths, %")
    what = "risk per trade" if answer.by_risk else "notional per trade"
    canvas.label_time(axes, f"deepest drawdown, % of the high; {what} {100 * (risk or 0.0):.2f} % of equity")
    canvas.legend(axes)
    return png(figure)
