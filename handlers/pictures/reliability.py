"""The reliability picture: what a model said against how often it came true, and how many rows each point stands on."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from handlers.pictures.look import SMALL_LETTERS, Canvas, png

SHAPE = 0.7


def draw_reliability(canvas: Canvas, bins: Sequence[tuple[float, float, int]], threshold: float) -> bytes:
    """Mean score across, share of targets up, one point per bin with rows, as PNG."""
    filled = [one for one in bins if one[2]]
    if not filled:
        return canvas.nothing("Nothing was scored yet")
    figure, (above, below) = canvas.panels((3.0, 1.0))
    said, came, rows = (np.array(column, dtype=float) for column in zip(*filled, strict=True))
    look = canvas.palette
    above.plot((0, 1), (0, 1), color=look.faint, linewidth=1.0, linestyle=":", label="said = came true")
    above.plot(said, came, color=look.accent, linewidth=1.6, marker="o", markersize=5, label="this model")
    for axes in (above, below):
        axes.axvline(threshold, color=look.gain, linewidth=1.1, linestyle="--", zorder=1)
    above.annotate(
        f"passes from {threshold:.2f}",
        (threshold, 0.0),
        xytext=(5, 6),
        textcoords="offset points",
        fontsize=SMALL_LETTERS,
        color=look.ink,
    )
    below.bar(said, rows, width=0.02, color=look.accent, zorder=2)
    _dress(canvas, above, below)
    return png(figure)


def _dress(canvas: Canvas, above: Axes, below: Axes) -> None:
    above.set_ylim(-0.02, 1.02)
    below.set_xlim(-0.02, 1.02)
    above.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    below.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    below.set_xlabel("score", color=canvas.palette.ink, fontsize=SMALL_LETTERS)
    canvas.label(above, "reached the target")
    canvas.label(below, "rows")
    canvas.legend(above)
