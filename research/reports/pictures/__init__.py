"""Pictures of a backtest as PNG, light or dark: equity, trades over time and by how long they were held, excursions.

Only matplotlib's object interface is used, so that nothing meets in pyplot's global figure.
"""

from datetime import UTC

from handlers.pictures.look import DOTS_PER_INCH, Canvas

WIDTH = 1200

__all__ = ["DOTS_PER_INCH", "WIDTH", "canvas"]


def canvas(title: str, shape: float, *, dark: bool) -> Canvas:
    """A sheet of the usual width and `shape` times its height, UTC."""
    return Canvas(title, UTC, "USDT", dark, WIDTH, round(WIDTH * shape))
