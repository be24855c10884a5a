"""A market on which the metronome loses with its own distance, and loses less with the distances beside it."""

import numpy as np
from whole_house import BAR_MS, START_MS, market

from bot.strategy import Frame

DAYS = 34
MONDAY_MS = 1_702_857_600_000
"""2023-12-18 00:00 UTC: 33 days of candles are before it."""
LIVED = 120
"""Three of the market's tides."""
BEFORE = (MONDAY_MS - START_MS) // BAR_MS - LIVED
LABEL = "2023-W50"
LOOSE = """sizing: {mode: risk_usd, value: "20"}
limits: {daily_loss_percent: "0", drawdown_percent: "0", kill_losing_run: 0, kill_trades: 0}
notices: {off: [entry, exit]}
"""
TIDE = [-0.0115 / 6] * 6 + [0.022 / 24] * 24 + [-0.00103] * 10


def tides(symbol: str = "XRPUSDT", level: float = 0.6) -> Frame:
    """Down a little more than the stop's distance, up twice as far, and back."""
    rates = [TIDE[i % len(TIDE)] for i in range(96 * DAYS)]
    return market((level * np.exp(np.cumsum(rates))).round(6).tolist(), symbol, wick=0.0005)
