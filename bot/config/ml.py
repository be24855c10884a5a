"""Settings of machine learning: how long a signal is followed, and at what size."""

from decimal import Decimal

from bot.config.values import Number, Section, Whole, setting


class Ml(Section):
    """Models that judge signals, and the signals that are followed beside trading."""

    lookahead: Whole = setting(
        24, "Bars until a signal's time is over, for labels and phantoms.", low=1, high=500, unit="bars"
    )
    standard_notional: Number = setting(
        Decimal(1000),
        "Size at which signals are followed that were refused before they had one.",
        low="0.01",
        high=10_000_000,
        unit="quote asset",
    )
