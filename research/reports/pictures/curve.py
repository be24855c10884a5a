"""Equity of a backtest, open positions marked, with its drawdown below."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from bot.strategy import Array
from handlers.pictures.look import Canvas, png
from handlers.pictures.timeline import time_ticks
from research.reports.pictures import canvas
from research.results.outcome import EquitySeries

SHAPE = 0.56
MOST_POINTS = 4_000


def draw_curve(series: EquitySeries, wallet: float, *, dark: bool) -> bytes:
    """Equity above, the fall from its high in per cent below."""
    sheet = canvas("Equity and drawdown", SHAPE, dark=dark)
    if len(series.equity) < 2:
        return sheet.nothing("No bars to draw")
    times, equity, depth = _thinned(series, wallet)
    figure, (above, below) = sheet.panels((2.6, 1.0))
    look = sheet.palette
    colour = look.gain if equity[-1] >= wallet else look.loss
    above.axhline(wallet, color=look.faint, linewidth=0.9, linestyle="--")
    above.fill_between(times, equity, wallet, color=colour, alpha=0.12, linewidth=0)
    above.plot(times, equity, color=colour, linewidth=1.4)
    above.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    below.fill_between(times, depth, 0.0, color=look.loss, alpha=0.3, linewidth=0)
    below.plot(times, depth, color=look.loss, linewidth=0.9)
    below.set_ylim(min(1.15 * float(depth.min()), -0.1), 0.0)
    below.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}%"))
    below.yaxis.set_major_locator(MaxNLocator(3))
    sheet.label(above, "equity")
    sheet.label(below, "drawdown")
    time_axis(below, sheet, int(times[0]), int(times[-1]))
    return png(figure)


def time_axis(axes: Axes, sheet: Canvas, first_ms: int, last_ms: int) -> None:
    """Days or months below the panel."""
    ticks = time_ticks(first_ms, last_ms, sheet.zone)
    axes.xaxis.set_major_locator(FixedLocator([at_ms for at_ms, _ in ticks]))
    axes.set_xticklabels([label for _, label in ticks])


def _thinned(series: EquitySeries, wallet: float) -> tuple[Array, Array, Array]:
    """Times, equity and depth (per cent of the high); of a stretch of bars the lowest point is shown."""
    high = np.maximum(np.maximum.accumulate(series.equity), wallet)
    depth = 100.0 * (series.equity - high) / high
    step = max(1, len(depth) // MOST_POINTS)
    rows = [
        begin + int(np.argmin(series.equity[begin : begin + step])) for begin in range(0, len(depth), step)
    ]
    kept = np.array([*rows, len(depth) - 1])
    return series.at_ms[kept].astype(np.float64), series.equity[kept], depth[kept]
