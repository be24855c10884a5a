"""What was decided about a signal and why: the trace that /why reads."""

from dataclasses import dataclass
from decimal import Decimal

from bot.domain.signal import GateCheck, Signal


@dataclass(frozen=True, slots=True)
class Decision:
    """One signal's way through the gates. `refused_by` is empty when an entry order was made.

    `gates` hold every gate reached, in order, with figures; `quantity` and `binding` come from sizing (base units, and
    what kept the size down). `client_id` is the entry order's id. `model` is who gave the score (XRPUSDT/v0003), empty
    where nobody did, `model_threshold` what was asked of it.
    """

    id: str
    at_ms: int
    signal: Signal
    gates: tuple[GateCheck, ...]
    refused_by: str = ""
    quantity: Decimal = Decimal(0)
    notional: Decimal = Decimal(0)
    binding: str = ""
    client_id: str = ""
    model_score: float | None = None
    model: str = ""
    model_threshold: float | None = None

    @property
    def taken(self) -> bool:
        """True when the signal became an entry order."""
        return not self.refused_by
