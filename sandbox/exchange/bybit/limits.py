"""Request limits: per endpoint and key in a rolling second, and per address over all."""

from collections import deque
from dataclasses import dataclass, field

from sandbox.exchange.bybit.settings import Settings

PER_SECOND = {
    "POST order/create": 10,
    "POST order/amend": 10,
    "POST order/cancel": 10,
    "POST order/cancel-all": 10,
    "POST order/create-batch": 10,
    "POST order/amend-batch": 10,
    "POST order/cancel-batch": 10,
    "GET order/realtime": 50,
    "GET order/history": 50,
    "GET execution/list": 50,
    "GET position/list": 50,
    "GET position/closed-pnl": 50,
    "POST position/set-leverage": 10,
    "POST position/switch-mode": 10,
    "POST position/switch-isolated": 10,
    "POST position/trading-stop": 10,
    "GET account/wallet-balance": 50,
    "GET account/info": 50,
    "GET account/fee-rate": 5,
    "GET account/transaction-log": 25,
    "POST account/set-margin-mode": 5,
    "GET asset/coin/query-info": 5,
    "GET user/query-api": 10,
}
"""The documented limits of unified accounts for linear contracts; calls without a key have the address's limit only."""
WINDOW_MS = 1_000


@dataclass(slots=True)
class Window:
    """Times of the requests of the last second."""

    times: deque[int] = field(default_factory=deque)

    def taken(self, now_ms: int, window_ms: int) -> int:
        """How many fall into the window that ends now."""
        while self.times and self.times[0] <= now_ms - window_ms:
            self.times.popleft()
        return len(self.times)


@dataclass(frozen=True, slots=True)
class Grant:
    """What a request may do: `granted` of what it asked for, and what the headers say."""

    granted: int
    limit: int
    left: int
    reset_at_ms: int

    @property
    def headers(self) -> dict[str, str]:
        """Bybit's rate limit headers."""
        return {
            "X-Bapi-Limit": str(self.limit),
            "X-Bapi-Limit-Status": str(self.left),
            "X-Bapi-Limit-Reset-Timestamp": str(self.reset_at_ms),
        }


@dataclass(slots=True)
class Limits:
    """Who asked what, when."""

    settings: Settings
    windows: dict[tuple[str, str], Window] = field(default_factory=dict)
    address: Window = field(default_factory=Window)
    banned_until_ms: int = 0

    def admitted(self, now_ms: int) -> bool:
        """False when the address asked too often: it is banned then, and every call during the ban is refused."""
        if not self.settings.limits:
            return True
        if now_ms < self.banned_until_ms:
            return False
        if self.address.taken(now_ms, self.settings.ip_window_ms) >= self.settings.requests_per_ip:
            self.banned_until_ms = now_ms + self.settings.ip_ban_ms
            return False
        self.address.times.append(now_ms)
        return True

    def take(self, endpoint: str, key: str, now_ms: int, count: int = 1) -> Grant | None:
        """Count a request (a batch as many as it has orders); None for endpoints without a limit of their own."""
        limit = PER_SECOND.get(endpoint)
        if limit is None:
            return None
        window = self.windows.setdefault((endpoint, key), Window())
        taken = window.taken(now_ms, WINDOW_MS)
        granted = min(count, max(0, limit - taken)) if self.settings.limits else count
        window.times.extend([now_ms] * granted)
        left = max(0, limit - taken - granted)
        reset = window.times[0] + WINDOW_MS if granted < count and window.times else now_ms
        return Grant(granted, limit, left, reset)
