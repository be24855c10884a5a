"""The candle picture: price with indicators, what was traded on it, the open position's lines, volume below."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from bot.domain.signal import Side
from bot.domain.trade import Trade
from bot.engine.views import PositionView
from bot.runtime.desk import Picture
from bot.strategy import Array, Columns, Frame
from handlers.format import plain
from handlers.pictures.look import SMALL_LETTERS, Canvas, png
from handlers.pictures.timeline import time_ticks, zone_label

SHAPE = 0.8
BODY = 0.72
"""Width of a candle's body where one bar is 1 wide."""

TAG_HEIGHT = 0.053
"""Room that a price tag takes, as a share of the panel."""

OVERLAYS = ("ema", "sma", "vwap", "bb_middle")
"""Columns that are prices, by the beginning of their names; all others live on another scale and stay out."""


@dataclass(frozen=True, slots=True)
class Level:
    """A price worth a line over the picture, named at the right."""

    price: float
    name: str
    colour: str
    style: str


def draw_candles(canvas: Canvas, picture: Picture) -> bytes:
    """Candles, overlays, trades, position and volume as PNG."""
    frame = picture.frame
    if not len(frame):
        return canvas.nothing("No candles yet")
    figure, (price, volume) = canvas.panels((4.0, 1.0))
    _bands(price, canvas, picture.columns)
    _overlays(price, canvas, picture.columns)
    _candles(price, canvas, frame)
    for trade in picture.trades:
        _trade(price, canvas, frame, trade)
    _name_markers(price, canvas, picture)
    _entry(price, canvas, frame, picture.position)
    levels = list(_levels(canvas, frame, picture.position))
    _price_limits(price, frame, [level.price for level in levels])
    _draw_levels(price, canvas, levels)
    _volume(volume, canvas, frame)
    _time_axis(volume, canvas, frame)
    canvas.label(price, f"price, {canvas.quote}")
    canvas.label(volume, "volume")
    canvas.legend(price)
    return png(figure)


def _rising(frame: Frame) -> NDArray[np.bool_]:
    return np.asarray(frame.close >= frame.open)


def _candles(axes: Axes, canvas: Canvas, frame: Frame) -> None:
    x = np.arange(len(frame), dtype=np.float64)
    look = canvas.palette
    colours = np.where(_rising(frame), look.gain, look.loss).tolist()
    wicks = np.stack([np.column_stack([x, frame.low]), np.column_stack([x, frame.high])], axis=1)
    axes.add_collection(LineCollection(list(wicks), colors=colours, linewidths=_wick_width(len(frame))))
    low, high = np.minimum(frame.open, frame.close), np.maximum(frame.open, frame.close)
    # A body of no height (a doji) would vanish: give it a hair.
    hair = (frame.high.max() - frame.low.min()) / 1500
    corners = _boxes(x, BODY, low, np.maximum(high, low + hair))
    axes.add_collection(PolyCollection(list(corners), facecolors=colours, edgecolors="none"))
    axes.set_xlim(-1.0, len(frame) + max(2.0, 0.02 * len(frame)))


def _wick_width(bars: int) -> float:
    return 1.1 if bars <= 120 else 0.8 if bars <= 240 else 0.5


def _boxes(x: Array, width: float, low: Array, high: Array) -> NDArray[np.float64]:
    """The four corners of a box per bar."""
    left, right = x - width / 2, x + width / 2
    corners = [np.column_stack(pair) for pair in ((left, low), (left, high), (right, high), (right, low))]
    return np.stack(corners, axis=1)


def _bands(axes: Axes, canvas: Canvas, columns: Columns) -> None:
    lower, upper = columns.get("bb_lower"), columns.get("bb_upper")
    if lower is None or upper is None:
        return
    colour = canvas.palette.faint
    x = np.arange(len(lower))
    axes.fill_between(x, lower, upper, color=colour, alpha=0.08, linewidth=0)
    axes.plot(x, upper, color=colour, alpha=0.6, linewidth=0.8, label="Bollinger")
    axes.plot(x, lower, color=colour, alpha=0.6, linewidth=0.8)


def _overlays(axes: Axes, canvas: Canvas, columns: Columns) -> None:
    names = [name for name in columns if name.startswith(OVERLAYS)]
    for i, name in enumerate(sorted(names, key=_overlay_order)):
        if not np.isfinite(columns[name]).any():
            continue
        middle = name == "bb_middle"
        colour = canvas.palette.faint if middle else canvas.palette.lines[i % len(canvas.palette.lines)]
        axes.plot(
            np.arange(len(columns[name])),
            columns[name],
            color=colour,
            linewidth=0.8 if middle else 1.2,
            linestyle=":" if middle else "-",
            label="_middle" if middle else _overlay_label(name),
        )


def _overlay_order(name: str) -> tuple[bool, str, int]:
    """By name, lengths as numbers, the band's middle last so that it takes no colour from the others."""
    letters = name.rstrip("0123456789")
    return (name == "bb_middle", letters, int(name[len(letters) :] or 0))


def _overlay_label(name: str) -> str:
    letters = name.rstrip("0123456789")
    return f"{letters.upper()} {name[len(letters) :]}".strip().replace("_", " ")


def _bar_of(frame: Frame, at_ms: int) -> int:
    """The bar a moment falls into; -1 before the first one."""
    return int(np.searchsorted(frame.open_at_ms, at_ms, side="right")) - 1


def _trade(axes: Axes, canvas: Canvas, frame: Frame, trade: Trade) -> None:
    """A closed trade: its way from entry to exit, coloured by what it brought."""
    look = canvas.palette
    begin, end = _bar_of(frame, trade.opened_at_ms), _bar_of(frame, trade.closed_at_ms)
    if end < 0:
        return
    colour = look.gain if trade.net > 0 else look.loss
    prices = (float(trade.entry_price), float(trade.exit_price))
    axes.plot((max(begin, 0), end), prices, color=colour, linewidth=1.6, linestyle=(0, (2, 1.2)), zorder=5)
    if begin >= 0:
        _marker(axes, canvas, begin, prices[0], trade.side)
    axes.plot(
        end,
        prices[1],
        marker="X",
        markersize=8.5,
        color=colour,
        markeredgecolor=look.paper,
        zorder=7,
        linewidth=0,
    )


def _name_markers(axes: Axes, canvas: Canvas, picture: Picture) -> None:
    """Names for the marks in the legend: empty ones, drawn nowhere."""
    look = canvas.palette
    marks = [("^", look.entry, "entry"), ("X", look.faint, "exit")] if picture.trades else []
    for shape, colour, name in marks:
        axes.plot([], [], marker=shape, markersize=7, color=colour, linewidth=0, label=name)


def _marker(axes: Axes, canvas: Canvas, bar: int, price: float, side: Side) -> None:
    look = canvas.palette
    axes.plot(
        bar,
        price,
        marker="^" if side is Side.LONG else "v",
        markersize=9.5,
        color=look.entry,
        markeredgecolor=look.paper,
        markeredgewidth=1.0,
        linewidth=0,
        zorder=7,
    )


def _entry(axes: Axes, canvas: Canvas, frame: Frame, position: PositionView | None) -> None:
    if position is None:
        return
    bar = _bar_of(frame, position.opened_at_ms)
    if bar >= 0:
        _marker(axes, canvas, bar, float(position.entry_price), position.side)


def _levels(canvas: Canvas, frame: Frame, position: PositionView | None) -> Iterator[Level]:
    look = canvas.palette
    if position is not None:
        yield Level(float(position.entry_price), position.side.value.lower(), look.entry, "--")
        if position.stop_price is not None:
            yield Level(float(position.stop_price), "stop", look.stop, "--")
        if position.target_price is not None:
            yield Level(float(position.target_price), "target", look.target, "--")
    yield Level(float(frame.close[-1]), "last", look.accent, ":")


def _draw_levels(axes: Axes, canvas: Canvas, levels: list[Level]) -> None:
    """Lines over the picture, named on the price axis in the line's colour, tags kept apart."""
    low, high = axes.get_ylim()
    ordered = sorted(levels, key=lambda level: level.price)
    heights = spread([(level.price - low) / (high - low) for level in ordered], TAG_HEIGHT)
    tags = [low + height * (high - low) for height in heights]
    axes.yaxis.set_major_formatter(FuncFormatter(_beside(tags, 0.9 * TAG_HEIGHT * (high - low))))
    for level, height in zip(ordered, heights, strict=True):
        axes.axhline(level.price, color=level.colour, linestyle=level.style, linewidth=1.1, zorder=3)
        axes.annotate(
            f"{level.name} {plain(float(f'{level.price:.8g}'))}",
            (1.0, height),
            xycoords="axes fraction",
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            ha="left",
            fontsize=SMALL_LETTERS,
            color=canvas.palette.paper,
            bbox={"boxstyle": "round,pad=0.2", "facecolor": level.colour, "edgecolor": "none"},
            zorder=8,
            annotation_clip=False,
        )


def _beside(tags: list[float], room: float) -> Callable[[float, int | None], str]:
    """Labels of the price axis, left out where a tag would cover them."""

    def label(value: float, place: int | None) -> str:
        covered = any(abs(value - tag) < room for tag in tags)
        return "" if covered else plain(float(f"{value:.8g}"))

    return label


def spread(heights: list[float], gap: float) -> list[float]:
    """Rising positions pushed apart so that neighbours keep the gap, each group around its own middle."""
    groups: list[list[float]] = []
    for height in heights:
        groups.append([height])
        while len(groups) > 1 and _bottom(groups[-1], gap) - _top(groups[-2], gap) < gap:
            groups[-2:] = [groups[-2] + groups[-1]]
    return [_bottom(group, gap) + i * gap for group in groups for i in range(len(group))]


def _bottom(group: list[float], gap: float) -> float:
    return sum(group) / len(group) - gap * (len(group) - 1) / 2


def _top(group: list[float], gap: float) -> float:
    return sum(group) / len(group) + gap * (len(group) - 1) / 2


def _price_limits(axes: Axes, frame: Frame, prices: list[float]) -> None:
    low, high = min(frame.low.min(), *prices), max(frame.high.max(), *prices)
    room = (high - low) * 0.05 or high * 0.01
    axes.set_ylim(low - room, high + room)


def _volume(axes: Axes, canvas: Canvas, frame: Frame) -> None:
    look = canvas.palette
    colours = np.where(_rising(frame), look.gain, look.loss).tolist()
    x = np.arange(len(frame), dtype=np.float64)
    corners = _boxes(x, BODY, np.zeros(len(frame)), frame.volume)
    axes.add_collection(PolyCollection(list(corners), facecolors=colours, edgecolors="none", alpha=0.55))
    axes.set_ylim(0.0, float(frame.volume.max()) * 1.08 or 1.0)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: short_count(value)))
    axes.yaxis.set_major_locator(MaxNLocator(3))


def short_count(value: float) -> str:
    """A large count in few letters: 950, 12K, 3.4M."""
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "K")):
        if abs(value) >= size:
            return f"{plain(round(value / size, 1))}{letter}"
    return plain(round(value, 2))


def _time_axis(axes: Axes, canvas: Canvas, frame: Frame) -> None:
    first, last = int(frame.open_at_ms[0]), int(frame.open_at_ms[-1])
    ticks = time_ticks(first, last, canvas.zone)
    axes.xaxis.set_major_locator(FixedLocator([_bar_of(frame, at_ms) for at_ms, _ in ticks]))
    axes.set_xticklabels([label for _, label in ticks])
    canvas.label_time(axes, zone_label(last, canvas.zone))
