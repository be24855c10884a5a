"""What may be chosen about the protocol; the defaults are Binance's."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """`limits`: weights and order counts are enforced (they are always counted). Times in ms of the exchange's clock.

    `forming_every_ms`: a forming candle is shown at most so often per stream (closed ones always, once).
    `frames_per_second`: frames a client may send per connection; 0 = any number.
    """

    limits: bool = True
    weight_per_minute: int = 2400
    orders_per_ten_seconds: int = 300
    orders_per_minute: int = 1200
    patience: int = 20
    """Requests past the limit that are only refused; the next one is a ban."""
    forming_every_ms: int = 250
    key_life_ms: int = 3_600_000
    connection_life_ms: int = 86_400_000
    frames_per_second: int = 0

    def rows(self) -> tuple[tuple[str, str, int, int], ...]:
        """The limits as exchangeInfo words them: kind, interval, number of intervals, limit."""
        return (
            ("REQUEST_WEIGHT", "MINUTE", 1, self.weight_per_minute),
            ("ORDERS", "MINUTE", 1, self.orders_per_minute),
            ("ORDERS", "SECOND", 10, self.orders_per_ten_seconds),
        )
