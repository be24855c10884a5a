"""What may be chosen about the protocol; the defaults are Bybit's."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """`limits`: request limits are enforced (they are always counted). Times in ms of the exchange's clock.

    `forming_every_ms`: a forming candle, a ticker, a book is shown at most so often per topic (a closed candle always,
    once). `conditionals_per_symbol` does not count the stops and targets that belong to positions.
    `late_auth_ms`: how late the signature of a private socket may be; more than nothing only where the exchange's time
    runs faster than its clients can answer.
    `unified`: the account is a unified one; only then are the classic calls refused as Bybit refuses them.
    """

    limits: bool = True
    unified: bool = True
    requests_per_ip: int = 600
    ip_window_ms: int = 5_000
    ip_ban_ms: int = 600_000
    forming_every_ms: int = 250
    closed_orders_kept: int = 500
    conditionals_per_symbol: int = 10
    idle_ms: int = 600_000
    late_auth_ms: int = 0
