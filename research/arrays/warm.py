"""`python -m research.arrays.warm`: compile all array code and keep it on disk, so that no command waits for it.

`make setup` calls it when a source has changed. Without it the first use compiles, some seconds in all.
"""

import numpy as np

from bot.domain.market import timeframe_ms
from bot.ml.compiling import load
from bot.strategy import Frame
from research.arrays.tallies import tallies
from research.arrays.trades import equity_of, trades_of
from research.arrays.walk import Money
from research.results.plan import Rules
from strategies.registry import Registry

BARS = 1_200


def warm() -> None:
    """Run every strategy of ours over a short market, every way that array code is used, and every feature."""
    load()
    registry = Registry()
    for name in registry.names():
        warm_strategy(registry, name)


def warm_strategy(registry: Registry, name: str) -> None:
    """Run one of them."""
    strategy = registry.build(name, "WARMUSDT")
    frame = waves(strategy.timeframe)
    legs, _ = trades_of(frame, strategy.entries(frame, strategy.prepare_history(frame)), Rules())
    figures = np.ones(len(legs.place))
    equity_of(frame, legs, Money(figures, figures, figures, np.zeros(len(frame))))
    tallies(frame, [strategy], Rules(), [(0, BARS)])


def waves(timeframe: str) -> Frame:
    """A market of waves: prices above 50, volume that swings."""
    at = np.arange(BARS)
    close = 100.0 + 20.0 * np.sin(at / 40.0) + 5.0 * np.sin(at / 3.0)
    before = np.concatenate((close[:1], close[:-1]))
    length_ms = timeframe_ms(timeframe)
    return Frame(
        "WARMUSDT",
        length_ms,
        at * length_ms,
        before,
        np.maximum(before, close) + 0.5,
        np.minimum(before, close) - 0.5,
        close,
        100.0 + 99.0 * np.sin(at / 7.0),
    )


if __name__ == "__main__":
    warm()
