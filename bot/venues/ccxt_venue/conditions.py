"""Why entries rest at this venue: each condition told once when it begins and once when all its reasons are gone."""

from collections import deque
from collections.abc import Callable

from bot.domain.event import VenueConditionChanged
from bot.domain.guard import HaltKind
from bot.venues.outcome import Answer, Verdict
from bot.venues.port import Sink

ERRORS_ALLOWED = 10
ERRORS_WITHIN_S = 60.0


class Conditions:
    """Tells changes to the sink. Several sources may hold one condition; the first reason is the one told."""

    def __init__(self, sink: Sink, now_ms: Callable[[], int]) -> None:
        self._sink = sink
        self._now_ms = now_ms
        self._held: dict[tuple[HaltKind, str], dict[str, str]] = {}

    def begin(self, kind: HaltKind, source: str, reason: str, symbol: str = "") -> None:
        """Entries rest (of one symbol, or of all) because this source says so."""
        sources = self._held.setdefault((kind, symbol), {})
        if not sources:
            self._sink(VenueConditionChanged(self._now_ms(), kind, True, reason, symbol))
        sources[source] = reason

    def end(self, kind: HaltKind, source: str, symbol: str = "") -> None:
        """This source is content."""
        sources = self._held.get((kind, symbol), {})
        if sources.pop(source, None) is not None and not sources:
            self._sink(VenueConditionChanged(self._now_ms(), kind, False, "well again", symbol))

    def set(self, kind: HaltKind, source: str, reason: str, symbol: str = "") -> None:
        """Begin with a reason, end without one."""
        if reason:
            self.begin(kind, source, reason, symbol)
        else:
            self.end(kind, source, symbol)

    def symbols(self, kind: HaltKind, source: str) -> list[str]:
        """Symbols that this source holds."""
        held = [symbol for (one, symbol), by in self._held.items() if one is kind and symbol and source in by]
        return sorted(held)

    def holds(self, kind: HaltKind, source: str) -> bool:
        """True while this source holds the condition for all symbols."""
        return source in self._held.get((kind, ""), {})


class ErrorRate:
    """How often the venue failed us within the last minute. Times in seconds of the loop."""

    def __init__(self, allowed: int = ERRORS_ALLOWED, within_s: float = ERRORS_WITHIN_S) -> None:
        self._allowed = allowed
        self._within_s = within_s
        self._failures: deque[float] = deque()

    def note(self, answer: Answer, now_s: float) -> None:
        """Count answers that are the venue's or the line's fault, not ours."""
        unsent = answer.code in ("ban", "slow") and not answer.status
        no_answer = answer.status == 0 and not unsent and answer.verdict is not Verdict.AUTH
        if no_answer or answer.status >= 500 or answer.verdict is Verdict.UNKNOWN:
            self._failures.append(now_s)

    def words(self, now_s: float) -> str:
        """What is wrong, empty while there are no more failures than allowed."""
        while self._failures and self._failures[0] <= now_s - self._within_s:
            self._failures.popleft()
        count = len(self._failures)
        if count <= self._allowed:
            return ""
        return f"{count} failed calls within {self._within_s:.0f} s, allowed {self._allowed}"
