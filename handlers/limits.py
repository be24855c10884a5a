"""Figures of the chat layer that config.yaml may change."""

from dataclasses import dataclass, field
from decimal import Decimal

from handlers.command import Risk


@dataclass(frozen=True, slots=True)
class ChatLimits:
    """How often, how late, how long. `unlimited` names platforms without a rate limit: a console is its owner's."""

    per_minute: int = 20
    burst: int = 5
    unlimited: frozenset[str] = field(default_factory=lambda: frozenset({"console"}))
    read_ms: int = 300_000
    lowers_ms: int = 120_000
    raises_ms: int = 30_000
    ahead_ms: int = 60_000
    confirm_ms: int = 30_000
    refusal_every_ms: int = 3_600_000
    requote_percent: Decimal = Decimal("0.5")
    buttons_offered: int = 12
    buttons_kept: int = 5_000

    def oldest_ms(self, risk: Risk) -> int:
        """How old a command may be when it arrives."""
        ages = {Risk.READ: self.read_ms, Risk.LOWERS: self.lowers_ms, Risk.RAISES: self.raises_ms}
        return ages[risk]
