"""What groups of trades came to, as bars: by symbol, by the reason of closing."""

from collections.abc import Mapping

from matplotlib.ticker import FuncFormatter

from handlers.pictures.look import SMALL_LETTERS, png
from research.reports.pictures import canvas
from research.results.statistics import Figures

MOST_BARS = 30
ROW, FRAME = 0.034, 0.12


def draw_groups(title: str, groups: Mapping[str, Figures], *, dark: bool) -> bytes:
    """A bar of net profit for each group, the most profitable on top, with its number of trades."""
    shown = list(groups.items())[:MOST_BARS]
    left_out = len(groups) - len(shown)
    whole = f"{title} (best {len(shown)} of {len(groups)})" if left_out else title
    sheet = canvas(whole, FRAME + ROW * max(3, len(shown)), dark=dark)
    if not shown:
        return sheet.nothing("No trades to draw")
    figure, (axes,) = sheet.panels((1.0,))
    look = sheet.palette
    nets = [figures.net for _, figures in shown]
    places = list(range(len(shown)))
    axes.barh(places, nets, color=[look.gain if net >= 0 else look.loss for net in nets], height=0.62)
    axes.axvline(0.0, color=look.faint, linewidth=0.9)
    axes.invert_yaxis()
    axes.yaxis.tick_left()
    axes.set_yticks(places, [f"{name}  ({figures.trades})" for name, figures in shown], parse_math=False)
    axes.tick_params(axis="y", labelsize=SMALL_LETTERS, labelcolor=look.ink)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.grid(False, axis="y")
    sheet.label_time(axes, "net, quote asset")
    return png(figure)
