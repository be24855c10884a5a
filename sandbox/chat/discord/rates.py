"""How fast a bot may ask Discord: a bucket per route and place, a limit for all, and a ban for who does not listen."""

from dataclasses import dataclass, field

from sandbox.chat.discord.answers import Answer
from sandbox.chat.discord.rules import DiscordRules
from sandbox.chat.pace import Seconds, Window

VIA = {"Via": "1.1 google"}
"""Discord's own answers carry it; Cloudflare's bans do not, and libraries tell them apart by it."""
_INVALID = frozenset({401, 403, 429})


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many requests to one route and place per so many seconds."""

    name: str
    most: int
    per_s: float


MESSAGES = Allowance("messages", 5, 5.0)
EDITS = Allowance("edits", 5, 5.0)
DELETES = Allowance("deletes", 5, 1.0)
WEBHOOKS = Allowance("webhooks", 5, 2.0)
FOLLOW_UPS = Allowance("follow-ups", 5, 5.0)
COMMANDS = Allowance("commands", 5, 20.0)
DIRECT = Allowance("direct", 10, 10.0)
READS = Allowance("reads", 30, 5.0)


@dataclass(slots=True)
class Rates:
    """All limits of one bot. `buckets` by name and place are there to be looked at."""

    rules: DiscordRules
    seconds: Seconds
    buckets: dict[tuple[str, str], Window] = field(default_factory=dict)
    banned_until_s: float = -1.0
    _global: Window = field(init=False)
    _invalid: Window = field(init=False)

    def __post_init__(self) -> None:
        """Empty windows."""
        self._global = Window(self.rules.per_second, 1.0, self.seconds)
        self._invalid = Window(self.rules.invalid_requests, self.rules.invalid_within_s, self.seconds)

    def banned(self) -> Answer | None:
        """What Cloudflare answers a banned address: no JSON, no Via."""
        left_s = self.banned_until_s - self.seconds()
        if left_s <= 0:
            return None
        headers = {"Content-Type": "text/plain; charset=UTF-8", "Retry-After": str(int(left_s) + 1)}
        return Answer("error code: 1015", 429, headers)

    def over_all(self) -> Answer | None:
        """429 when the bot is over its limit for everything."""
        wait_s = self._global.take()
        return _too_many(wait_s, {"X-RateLimit-Global": "true"}, "global") if wait_s else None

    def over(self, allowance: Allowance, place: str) -> Answer | None:
        """429 when the bucket of this route and place is empty."""
        wait_s = self._bucket(allowance, place).take()
        return _too_many(wait_s, self.headers(allowance, place), "user") if wait_s else None

    def headers(self, allowance: Allowance, place: str) -> dict[str, str]:
        """What every answer of the route says of its bucket."""
        bucket = self._bucket(allowance, place)
        return {
            "X-RateLimit-Limit": str(allowance.most),
            "X-RateLimit-Remaining": str(bucket.left),
            "X-RateLimit-Reset-After": f"{bucket.reset_s:.3f}",
            "X-RateLimit-Bucket": f"sandbox-{allowance.name}",
        }

    def count(self, status: int) -> None:
        """Invalid requests add up to a ban."""
        if status in _INVALID:
            self._invalid.take()
            if self._invalid.left <= 0:
                self.banned_until_s = self.seconds() + self.rules.ban_s

    def _bucket(self, allowance: Allowance, place: str) -> Window:
        key = (allowance.name, place)
        if key not in self.buckets:
            self.buckets[key] = Window(allowance.most, allowance.per_s, self.seconds)
        return self.buckets[key]


def _too_many(wait_s: float, headers: dict[str, str], scope: str) -> Answer:
    body = {
        "message": "You are being rate limited.",
        "retry_after": round(wait_s, 3) + 0.001,
        "global": scope == "global",
    }
    waits = {"Retry-After": str(int(wait_s) + 1), "X-RateLimit-Scope": scope}
    return Answer(body, 429, {**VIA, **headers, **waits})
