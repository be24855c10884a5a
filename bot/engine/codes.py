"""Reasons of a venue that call for something else than another try, by Binance's numbers and Bybit's."""

from typing import Final

WOULD_TRIGGER: Final = frozenset({"-2021", "110092", "110093"})
"""The price is already through a stop or target."""

NOTHING_TO_REDUCE: Final = frozenset({"-2022", "110017"})
"""Reduce-only, but by the venue's books there is nothing to reduce on that side."""

RESTING_IN_THE_WAY: Final = frozenset({"-4118"})
"""What our reduce-only orders rest for is counted against the position: there is no room for another."""

TOO_LARGE: Final = frozenset({"-4005", "30004"})
"""More than one order may have."""

NO_MARKET: Final = frozenset({"-4131"})
"""The best price on the other side is out of the band for market orders, or there is none."""

CLOSE_POSITION_EXISTS: Final = frozenset({"-4130"})
"""A close-position order of the kind rests on that side already."""

LIMIT_OUT_OF_BAND: Final = frozenset({"-4016", "-4024", "110003", "30005", "30007"})
"""A limit price beyond the band."""
