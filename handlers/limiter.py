"""How often somebody may ask: a bucket of tokens per person, and a refusal once in a while for strangers."""

from dataclasses import dataclass
from enum import Enum

_MINUTE_MS = 60_000
_MOST_PEOPLE = 10_000


class Pace(Enum):
    """WITHIN: go on. OVER: too fast, say so once. STILL_OVER: it was said already."""

    WITHIN = "within"
    OVER = "over"
    STILL_OVER = "still over"


@dataclass(slots=True)
class _Bucket:
    """Tokens are counted in milliseconds of the minute, so that whole numbers do."""

    filled_ms: int
    at_ms: int
    told: bool = False


class RateLimiter:
    """At most `per_minute` over time and `burst` at once, per key."""

    def __init__(self, per_minute: int, burst: int) -> None:
        """Both figures are at least 1."""
        self._cost_ms = _MINUTE_MS // per_minute
        self._full_ms = self._cost_ms * burst
        self._buckets: dict[str, _Bucket] = {}

    def pace(self, key: str, at_ms: int) -> Pace:
        """Take a token if there is one."""
        bucket = self._refilled(key, at_ms)
        if bucket.filled_ms >= self._cost_ms:
            bucket.filled_ms -= self._cost_ms
            bucket.told = False
            return Pace.WITHIN
        told, bucket.told = bucket.told, True
        return Pace.STILL_OVER if told else Pace.OVER

    def wait_ms(self, key: str, at_ms: int) -> int:
        """How long until the next token."""
        return max(0, self._cost_ms - self._refilled(key, at_ms).filled_ms)

    def _refilled(self, key: str, at_ms: int) -> _Bucket:
        if key not in self._buckets:
            self._forget_idle(at_ms)
        bucket = self._buckets.setdefault(key, _Bucket(self._full_ms, at_ms))
        bucket.filled_ms = min(self._full_ms, bucket.filled_ms + max(0, at_ms - bucket.at_ms))
        bucket.at_ms = at_ms
        return bucket

    def _forget_idle(self, at_ms: int) -> None:
        if len(self._buckets) >= _MOST_PEOPLE:
            kept = {key: b for key, b in self._buckets.items() if at_ms - b.at_ms < self._full_ms}
            self._buckets = kept


class OncePer:
    """True at most once per span and key."""

    def __init__(self, span_ms: int) -> None:
        """`span_ms` is the shortest time between two."""
        self._span_ms = span_ms
        self._last: dict[str, int] = {}

    def due(self, key: str, at_ms: int) -> bool:
        """True the first time, and again when the span has passed."""
        last = self._last.get(key)
        if last is not None and at_ms - last < self._span_ms:
            return False
        if len(self._last) >= _MOST_PEOPLE:
            self._last = {k: at for k, at in self._last.items() if at_ms - at < self._span_ms}
        self._last[key] = at_ms
        return True
