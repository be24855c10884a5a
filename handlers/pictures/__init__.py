"""Pictures of what a reply shows: plots in, PNG bytes out.

Drawing takes a tenth of a second of CPU: a desk that runs does it in another process (`worker`, started by
`handlers.studio`). matplotlib is imported on the first picture, and only its object interface is used, so that nothing
meets in pyplot's global figure.
"""

from datetime import UTC, tzinfo

from handlers.pictures.look import WIDTH as WIDTH
from handlers.pictures.look import Canvas
from handlers.reply import BarPlot, CandlePlot, EquityPlot, Plot, ReliabilityPlot


def render(
    plot: Plot,
    *,
    zone: tzinfo = UTC,
    quote: str = "USDT",
    dark: bool = True,
    width: int = WIDTH,
    height: int = 0,
) -> bytes:
    """Draw a plot as PNG: times in `zone`, money in `quote`; `height` 0 takes the plot's own shape."""
    # Each picture's module pulls matplotlib in, which costs a third of a second: only who draws pays for it.
    match plot:
        case CandlePlot():
            from handlers.pictures.candles import SHAPE, draw_candles

            canvas = Canvas(plot.title, zone, quote, dark, width, height or round(width * SHAPE))
            return draw_candles(canvas, plot.picture)
        case EquityPlot():
            from handlers.pictures.equity import SHAPE, draw_equity

            canvas = Canvas(plot.title, zone, quote, dark, width, height or round(width * SHAPE))
            return draw_equity(canvas, plot.points)
        case BarPlot():
            from handlers.pictures.bars import SHAPE, draw_bars

            canvas = Canvas(plot.title, zone, quote, dark, width, height or round(width * SHAPE))
            return draw_bars(canvas, plot.labels, plot.values)
        case ReliabilityPlot():
            from handlers.pictures.reliability import SHAPE, draw_reliability

            canvas = Canvas(plot.title, zone, quote, dark, width, height or round(width * SHAPE))
            return draw_reliability(canvas, plot.bins, plot.threshold)
