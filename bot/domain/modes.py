"""How an account holds its positions."""

from enum import StrEnum


class PositionMode(StrEnum):
    """One net position per contract, or one for each side."""

    ONE_WAY = "one_way"
    HEDGE = "hedge"


class MarginMode(StrEnum):
    """Margin per position, or the whole wallet for all."""

    ISOLATED = "isolated"
    CROSSED = "crossed"
