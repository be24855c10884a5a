"""The bar picture: one bar per period, gains up and losses down, each with its figure where there is room."""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter

from bot.strategy import Array
from handlers.format import amount, number
from handlers.pictures.look import SMALL_LETTERS, Canvas, png

SHAPE = 0.62
FIGURES_UP_TO = 12
"""More bars than this leave no room for a figure on each."""

LABELS = 8


def draw_bars(canvas: Canvas, labels: Sequence[str], values: Sequence[Decimal]) -> bytes:
    """One bar per label as PNG."""
    if not values:
        return canvas.nothing("Nothing to draw yet")
    figure, (axes,) = canvas.panels((1.0,))
    look = canvas.palette
    heights = np.array([float(value) for value in values])
    x = np.arange(len(heights))
    colours = np.where(heights >= 0, look.gain, look.loss).tolist()
    axes.bar(x, heights, width=0.7, color=colours, zorder=2)
    axes.axhline(0.0, color=look.faint, linewidth=1.0, zorder=3)
    axes.grid(False, axis="x")
    _limits(axes, heights)
    if len(heights) <= FIGURES_UP_TO:
        _figures(axes, canvas, values)
    _labels(axes, labels)
    canvas.label(axes, canvas.quote)
    total = sum(values, Decimal(0))
    axes.set_xlabel(f"sum {amount(total)} {canvas.quote}", color=look.ink, fontsize=SMALL_LETTERS, labelpad=8)
    return png(figure)


def _limits(axes: Axes, heights: Array) -> None:
    low, high = min(0.0, float(heights.min())), max(0.0, float(heights.max()))
    room = (high - low) * 0.12 or 1.0
    axes.set_ylim(low - (room if low < 0 else 0.0), high + room)
    axes.set_xlim(-0.7, len(heights) - 0.3)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))


def _figures(axes: Axes, canvas: Canvas, values: Sequence[Decimal]) -> None:
    """Each bar's figure at its outer end; large ones without their cents."""
    digits = 2 if max(abs(value) for value in values) < 100 else 0
    for bar, value in enumerate(values):
        axes.annotate(
            number(value, digits, signed=True),
            (bar, float(value)),
            xytext=(0, 5 if value >= 0 else -5),
            textcoords="offset points",
            ha="center",
            va="bottom" if value >= 0 else "top",
            fontsize=SMALL_LETTERS,
            color=canvas.palette.ink,
            bbox={"boxstyle": "round,pad=0.1", "facecolor": canvas.palette.panel, "edgecolor": "none"},
            zorder=4,
        )


def _labels(axes: Axes, labels: Sequence[str]) -> None:
    step = max(1, -(-len(labels) // LABELS))
    shown = list(range((len(labels) - 1) % step, len(labels), step))
    axes.xaxis.set_major_locator(FixedLocator(shown))
    axes.set_xticklabels([labels[bar] for bar in shown])
