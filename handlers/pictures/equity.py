"""The equity picture: the curve with its high, the drawdown from the high below it."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from bot.domain.account import EquityPoint
from bot.strategy import Array
from handlers.format import amount, percent
from handlers.pictures.look import SMALL_LETTERS, Canvas, png
from handlers.pictures.timeline import time_ticks, zone_label

SHAPE = 0.7


def draw_equity(canvas: Canvas, points: Sequence[EquityPoint]) -> bytes:
    """Equity above, drawdown in per cent of the high below, as PNG."""
    if len(points) < 2:
        return canvas.nothing("No equity to draw yet:\none point comes with every closed bar")
    times = np.array([float(point.at_ms) for point in points])
    equity = np.array([float(point.equity) for point in points])
    figure, (curve, below) = canvas.panels((3.0, 1.0))
    _curve(curve, canvas, times, equity)
    _drawdown(below, canvas, times, equity)
    _time_axis(below, canvas, points[0].at_ms, points[-1].at_ms)
    canvas.label(curve, f"equity, {canvas.quote}")
    canvas.label(below, "drawdown")
    canvas.legend(curve)
    return png(figure)


def _curve(axes: Axes, canvas: Canvas, times: Array, equity: Array) -> None:
    look = canvas.palette
    high = np.maximum.accumulate(equity)
    net = equity[-1] - equity[0]
    colour = look.gain if net >= 0 else look.loss
    axes.plot(times, high, color=look.faint, linewidth=0.9, linestyle=":", label="high")
    axes.axhline(
        equity[0],
        color=look.faint,
        linewidth=0.9,
        linestyle="--",
        label=f"start {amount(equity[0], signed=False)}",
    )
    axes.fill_between(times, equity, equity[0], color=colour, alpha=0.10, linewidth=0)
    label = f"equity {amount(equity[-1], signed=False)} ({amount(net)})"
    axes.plot(times, equity, color=colour, linewidth=1.7, label=label)
    axes.plot(times[-1], equity[-1], marker="o", markersize=5, color=colour)
    room = (high.max() - equity.min()) * 0.06 or abs(high.max()) * 0.01 or 1.0
    axes.set_ylim(equity.min() - room, high.max() + room)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))


def _drawdown(axes: Axes, canvas: Canvas, times: Array, equity: Array) -> None:
    high = np.maximum.accumulate(equity)
    depth = np.where(high > 0, 100.0 * (equity - high) / np.where(high > 0, high, 1.0), 0.0)
    colour = canvas.palette.loss
    axes.fill_between(times, depth, 0.0, color=colour, alpha=0.30, linewidth=0)
    axes.plot(times, depth, color=colour, linewidth=1.0)
    deepest = float(depth.min())
    axes.set_ylim(min(deepest * 1.2, -0.1), 0.0)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}%"))
    axes.yaxis.set_major_locator(MaxNLocator(3))
    axes.annotate(
        f"deepest {percent(deepest, 1)}",
        (0.01, 0.08),
        xycoords="axes fraction",
        fontsize=SMALL_LETTERS,
        color=canvas.palette.ink,
    )


def _time_axis(axes: Axes, canvas: Canvas, first_ms: int, last_ms: int) -> None:
    ticks = time_ticks(first_ms, last_ms, canvas.zone)
    axes.xaxis.set_major_locator(FixedLocator([at_ms for at_ms, _ in ticks]))
    axes.set_xticklabels([label for _, label in ticks])
    canvas.label_time(axes, zone_label(last_ms, canvas.zone))
