"""Every trade as a dot: its return over time, over how long it was held, and against how far prices went."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from bot.domain.market import HOUR_MS
from bot.strategy import Array
from handlers.pictures.look import Canvas, png
from research.reports.pictures import canvas
from research.reports.pictures.curve import time_axis
from research.results.outcome import SimulatedTrade

SHAPE, TALL = 0.42, 0.5
DOT = 16.0


def draw_times(trades: Sequence[SimulatedTrade], *, dark: bool) -> bytes:
    """Net return of every trade at the time of its exit."""
    sheet = canvas("Trades over time", SHAPE, dark=dark)
    if not trades:
        return sheet.nothing("No trades to draw")
    figure, (axes,) = sheet.panels((1.0,))
    times = np.array([float(trade.exit_at_ms) for trade in trades])
    _cloud(axes, sheet, times, trades)
    sheet.label(axes, "net return")
    time_axis(axes, sheet, int(times.min()), int(max(times.max(), times.min() + HOUR_MS)))
    sheet.legend(axes)
    return png(figure)


def draw_holds(trades: Sequence[SimulatedTrade], *, dark: bool) -> bytes:
    """Net return against the time a position was held."""
    sheet = canvas("Trades by how long they were held", SHAPE, dark=dark)
    if not trades:
        return sheet.nothing("No trades to draw")
    figure, (axes,) = sheet.panels((1.0,))
    hours = np.array([(trade.exit_at_ms - trade.entry_at_ms) / HOUR_MS for trade in trades])
    _cloud(axes, sheet, hours, trades)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} h"))
    sheet.label(axes, "net return")
    sheet.legend(axes)
    return png(figure)


def draw_excursions(trades: Sequence[SimulatedTrade], *, dark: bool) -> bytes:
    """How far prices went against a position (MAE) and for it (MFE), against what it came to."""
    sheet = canvas("How far prices went against (MAE) and for (MFE) each trade", 2 * SHAPE, dark=dark)
    if not trades:
        return sheet.nothing("No trades to draw")
    figure, panels = sheet.panels((1.0, 1.0))
    against = np.array([100.0 * trade.adverse for trade in trades])
    favourable = np.array([100.0 * trade.favourable for trade in trades])
    most = max(float(against.max()), float(favourable.max()), 0.01)
    for axes, values, label in ((panels[0], against, "MAE"), (panels[1], favourable, "MFE")):
        _cloud(axes, sheet, values, trades)
        axes.set_xlim(-0.02 * most, 1.04 * most)
        sheet.label(axes, f"net return by {label}")
    panels[1].xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}%"))
    sheet.legend(panels[0])
    return png(figure)


def _cloud(axes: Axes, sheet: Canvas, across: Array, trades: Sequence[SimulatedTrade]) -> None:
    """Winners as triangles up, losers as triangles down: told apart without their colours, too."""
    look = sheet.palette
    returns = np.array([100.0 * trade.net_return for trade in trades])
    alpha = 0.8 if len(trades) < 500 else 0.5
    axes.axhline(0.0, color=look.faint, linewidth=0.9)
    for chosen, colour, marker, label in (
        (returns > 0, look.gain, "^", "won"),
        (returns <= 0, look.loss, "v", "lost"),
    ):
        axes.scatter(
            across[chosen],
            returns[chosen],
            s=DOT,
            c=colour,
            marker=marker,
            alpha=alpha,
            linewidths=0,
            label=f"{label} {int(chosen.sum())}",
        )
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}%"))
