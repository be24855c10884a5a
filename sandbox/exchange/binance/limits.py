"""Request weights, order counts, refusals with 429 and bans with 418. All clients share one address: loopback."""

from dataclasses import dataclass, field

from sandbox.exchange.binance.problems import Problem
from sandbox.exchange.binance.settings import Settings

MINUTE_MS = 60_000
TEN_SECONDS_MS = 10_000
ADDRESS = "127.0.0.1"
FIRST_BAN_MS = 2 * MINUTE_MS
LONGEST_BAN_MS = 3 * 86_400_000


@dataclass(slots=True)
class Window:
    """A count within windows of the clock."""

    length_ms: int
    number: int = -1
    used: int = 0

    def at(self, now_ms: int) -> int:
        """What was used in the window of this time."""
        number = now_ms // self.length_ms
        if number != self.number:
            self.number, self.used = number, 0
        return self.used

    def left_ms(self, now_ms: int) -> int:
        """Until the next window."""
        return self.length_ms - now_ms % self.length_ms


@dataclass(slots=True)
class OrderCount:
    """An account's orders in ten seconds and in a minute."""

    short: Window = field(default_factory=lambda: Window(TEN_SECONDS_MS))
    long: Window = field(default_factory=lambda: Window(MINUTE_MS))


@dataclass(slots=True)
class Limits:
    """The counters of this exchange."""

    settings: Settings
    weight: Window = field(default_factory=lambda: Window(MINUTE_MS))
    orders: dict[str, OrderCount] = field(default_factory=dict)
    strikes: int = 0
    strike_minute: int = -1
    bans: int = 0
    banned_until_ms: int = 0

    def charge(self, weight: int, now_ms: int) -> None:
        """Count a request. Raises Problem with 429, or 418 for who goes on."""
        if self.settings.limits and now_ms < self.banned_until_ms:
            raise self._banned(now_ms)
        used = self.weight.at(now_ms) + weight
        self.weight.used = used
        if used > self.settings.weight_per_minute:
            most = self.settings.weight_per_minute
            text = (
                f"Too many requests; current limit of IP({ADDRESS}) is {most} requests per minute. "
                "Please use the websocket for live updates to avoid polling the API."
            )
            self._strike(Problem(-1003, text, 429, _retry(self.weight.left_ms(now_ms))), now_ms)

    def charge_orders(self, account: str, number: int, now_ms: int) -> None:
        """Count orders of an account. Raises Problem -1015 with 429, or 418 for who goes on."""
        if not number:
            return
        count = self.orders.setdefault(account, OrderCount())
        steps = (
            (count.short, self.settings.orders_per_ten_seconds, "TEN_SECONDS"),
            (count.long, self.settings.orders_per_minute, "MINUTE"),
        )
        for window, most, words in steps:
            window.used = window.at(now_ms) + number
            if window.used > most:
                text = f"Too many new orders; current limit is {most} orders per {words}."
                self._strike(Problem(-1015, text, 429, _retry(window.left_ms(now_ms))), now_ms)

    def headers(self, account: str, number: int, now_ms: int) -> dict[str, str]:
        """What an answer tells about the counters; order counts only where orders were counted."""
        found = {"X-MBX-USED-WEIGHT-1M": str(self.weight.at(now_ms))}
        count = self.orders.get(account)
        if number and count is not None:
            found["X-MBX-ORDER-COUNT-10S"] = str(count.short.at(now_ms))
            found["X-MBX-ORDER-COUNT-1M"] = str(count.long.at(now_ms))
        return found

    def rows(self, account: str, now_ms: int) -> list[dict[str, object]]:
        """The counters as the websocket API tells them."""
        count = self.orders.setdefault(account, OrderCount())
        settings = self.settings
        rows = (
            ("REQUEST_WEIGHT", "MINUTE", 1, settings.weight_per_minute, self.weight),
            ("ORDERS", "SECOND", 10, settings.orders_per_ten_seconds, count.short),
            ("ORDERS", "MINUTE", 1, settings.orders_per_minute, count.long),
        )
        return [
            {
                "rateLimitType": kind,
                "interval": interval,
                "intervalNum": number,
                "limit": limit,
                "count": window.at(now_ms),
            }
            for kind, interval, number, limit, window in rows
        ]

    def _strike(self, problem: Problem, now_ms: int) -> None:
        if not self.settings.limits:
            return
        minute = now_ms // MINUTE_MS
        self.strikes = self.strikes + 1 if minute == self.strike_minute else 1
        self.strike_minute = minute
        if self.strikes <= self.settings.patience:
            raise problem
        self.strikes = 0
        self.banned_until_ms = now_ms + min(LONGEST_BAN_MS, FIRST_BAN_MS << min(self.bans, 20))
        self.bans += 1
        raise self._banned(now_ms)

    def _banned(self, now_ms: int) -> Problem:
        return banned(self.banned_until_ms, now_ms)


def banned(until_ms: int, now_ms: int) -> Problem:
    """The answer to who is banned."""
    text = (
        f"Way too many requests; IP({ADDRESS}) banned until {until_ms}. "
        "Please use the websocket for live updates to avoid bans."
    )
    return Problem(-1003, text, 418, _retry(until_ms - now_ms))


def _retry(left_ms: int) -> dict[str, str]:
    return {"Retry-After": str(-(-max(left_ms, 1) // 1000))}
