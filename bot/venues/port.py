"""The contract of a venue: what the runtime may ask of an exchange, and what the exchange tells back.

Every call ends in a value, never in an exception of a client library: an order call is DONE, NOT_DONE or UNKNOWN. What
happens by itself (fills, order updates, funding, candles, quotes, lost streams) is handed to the sink as an event, in
the order in which the venue says it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from bot.domain.event import CallEnded, Event, OrderUpdated
from bot.domain.instrument import Instrument
from bot.domain.order import Order
from bot.domain.snapshot import VenueSnapshot
from bot.strategy import Frame

type Sink = Callable[[Event], None]


class VenueUnavailable(Exception):
    """A question could not be answered; the message is a short code fit for an operator, without secrets."""


class Venue(Protocol):
    """An exchange account. Implementations: paper (here), ccxt drivers, sandbox."""

    @property
    def name(self) -> str:
        """Short name, for example `paper`, `binance`."""
        ...

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        """The tradable contracts by symbol; complete after `open`."""
        ...

    @property
    def now_ms(self) -> int:
        """Business time: candle time on paper, the venue's own clock as far as it is measured elsewhere."""
        ...

    async def open(self, sink: Sink) -> None:
        """Connect and start to hand events to `sink`. Raises VenueUnavailable."""
        ...

    async def close(self) -> None:
        """Disconnect; resting orders stay at the venue."""
        ...

    async def submit(self, order: Order) -> CallEnded:
        """Send one order under its client id."""
        ...

    async def cancel(self, client_id: str, symbol: str, conditional: bool) -> CallEnded:
        """Cancel one order; DONE also when it is already gone."""
        ...

    async def query(self, client_id: str, symbol: str, conditional: bool) -> OrderUpdated | CallEnded:
        """What became of one order; CallEnded(NOT_DONE, code="not found") when the venue does not know it."""
        ...

    async def set_leverage(self, symbol: str, leverage: int) -> CallEnded:
        """Set leverage; `already so` is DONE. `client_id` of the answer is empty."""
        ...

    async def snapshot(self, since_ms: int) -> VenueSnapshot:
        """Everything that exists, with fills and funding from `since_ms` on. Raises VenueUnavailable."""
        ...

    async def history(self, symbols: Sequence[str], timeframe: str, bars: int) -> Mapping[str, Frame]:
        """The last `bars` closed candles per symbol, oldest first. Raises VenueUnavailable."""
        ...
