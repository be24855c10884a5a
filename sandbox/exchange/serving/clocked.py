"""The exchange as a protocol sees it: its clock may be set wrong, and clients may live on another clock."""

from collections.abc import Callable
from typing import Any, cast

from sandbox.exchange.core import Exchange

AHEAD_MS = 1_000


class Clocked:
    """Everything of an exchange but its clock, which a fault sets wrong by `skew_ms`.

    At a speed other than 1 clients stamp requests by their own clock (`wall_ms`) or by what the exchange said some
    time ago. So a timestamp is good when it lies between the two clocks; at speed 1 they agree, and the rule is the
    exchange's own.
    """

    def __init__(
        self, exchange: Exchange, wall_ms: Callable[[], int] | None = None, speed: float = 1.0
    ) -> None:
        """Without `wall_ms` there is only the exchange's clock."""
        self._exchange = exchange
        self._wall_ms = wall_ms
        self._speed = speed
        self.skew_ms = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._exchange, name)

    @property
    def now_ms(self) -> int:
        """The exchange's clock, as wrong as it was set."""
        return self._exchange.now_ms + self.skew_ms

    def on_time(self, timestamp_ms: int, window_ms: int) -> bool:
        """True when a request's timestamp is recent by one of the clocks, or lies between them."""
        stamp = timestamp_ms - self.skew_ms
        if self._wall_ms is None:
            return self._exchange.on_time(stamp, window_ms)
        clocks = (self._exchange.now_ms, self._wall_ms())
        ahead = AHEAD_MS * max(1.0, self._speed)
        return min(clocks) - window_ms <= stamp < max(clocks) + ahead

    def as_exchange(self) -> Exchange:
        """Ourselves under the contract's name: what is not here is delegated."""
        return cast(Exchange, self)
