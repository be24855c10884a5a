"""The one way to a venue's REST interface: ban, budget, clock, sending, classification. A venue's doings raise nothing.

What left nothing behind is NOT_DONE (`refused`: no connection; `ban`, `slow`: not sent); what was sent and not answered
is UNKNOWN when it may have changed something (`timeout`, `cut`, `garbage`). A clock that is off is measured again and
the ask repeated once; a ban is remembered over restarts and nothing is sent before it ends.
"""

import asyncio
import logging
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from multidict import CIMultiDict

from bot.domain.errors import StorageError
from bot.venues.ccxt_venue.budget import Allowance, Turnstile
from bot.venues.ccxt_venue.client import Clients, Clock, RawReply, capture
from bot.venues.ccxt_venue.dialect import Dialect
from bot.venues.ccxt_venue.wire import Access, Ask, Environment, Lane, Memory, Reply
from bot.venues.outcome import Answer, Verdict
from bot.venues.port import VenueUnavailable

log = logging.getLogger(__name__)

BAN_UNTIL = "ban_until_ms"
SHORTEST_BAN_MS = 120_000
LONGEST_BAN_MS = 4 * 86_400_000
"""Documented are three days at most: a ban without an end is a mistake, or somebody else's answer."""
PAUSE_MS = 5_000
SHORTEST_PAUSE_MS = 250
LONGEST_PAUSE_MS = 120_000
SOON_MS = 5_000
AGAIN = 3
SAMPLES = 5
MOST_DIGITS = 15
LATENCIES = 500

_UNTIL = re.compile(r"until (\d{13})")


@dataclass(frozen=True, slots=True)
class GatewayHealth:
    """How the wire does: round trips (ms) of the last asks, what was sent, what is spent, the clock's offset."""

    sent: int
    unanswered: int
    median_ms: float
    p99_ms: float
    weight_used: int
    waiting: int
    offset_ms: int
    ban_until_ms: int


class CcxtGateway:
    """A Gateway through ccxt's raw methods. Make it, make the dialect with it, `join` them, `await start()`."""

    def __init__(
        self,
        access: Access,
        memory: Memory,
        clock: Clock,
        session: object = None,
        timeout_s: float = 10.0,
    ) -> None:
        self._access = access
        self._memory = memory
        self._clock = clock
        self._session = session
        self._timeout_s = timeout_s
        self._offset_ms = 0
        self._ban_until_ms = 0
        self._measuring = asyncio.Lock()
        self._measured = 0
        self._sent = self._unanswered = 0
        self._latencies: deque[float] = deque(maxlen=LATENCIES)
        self._called: set[str] = set()
        self._calling: dict[str, asyncio.Lock] = {}
        self._dialect: Dialect | None = None
        self.on_offset: Callable[[int], None] = lambda offset_ms: None
        self.on_answer: Callable[[Ask, Answer], None] = lambda ask, answer: None

    def join(self, dialect: Dialect) -> None:
        """Say which exchange's words these are. Raises ConfigError for addresses that lead astray."""
        self._dialect = dialect
        self._turnstile = Turnstile(Allowance(dialect.limits))
        self.clients = Clients(
            dialect.client(self._access),
            self._access,
            lambda: self.now_ms,
            dialect.reply_code,
            self._session,
            self._timeout_s,
            self._admit,
        )
        self.clients.rest()

    @property
    def dialect(self) -> Dialect:
        """The exchange's words."""
        if self._dialect is None:
            raise RuntimeError("the gateway has no dialect yet: call join")
        return self._dialect

    @property
    def environment(self) -> Environment:
        """Which of the exchange's worlds is asked."""
        return self._access.environment

    @property
    def now_ms(self) -> int:
        """The venue's time as far as we know it."""
        return self._clock() + self._offset_ms

    @property
    def offset_ms(self) -> int:
        """How far the venue's clock is ahead of ours."""
        return self._offset_ms

    @property
    def ban_left_ms(self) -> int:
        """How long nothing may be sent; 0 when we may."""
        return self._ban_left()

    def _ban_left(self) -> int:
        return max(0, self._ban_until_ms - self.now_ms)

    async def start(self) -> None:
        """Remember a ban of an earlier run. Raises StorageError."""
        said = (await self._memory.load()).get(BAN_UNTIL, "")
        self._ban_until_ms = min(_figure(said) or 0, self.now_ms + LONGEST_BAN_MS)

    async def close(self) -> None:
        """Let go of the wire."""
        if self._dialect is not None:
            await self.clients.close()

    def health(self) -> GatewayHealth:
        """Figures for people."""
        times = sorted(self._latencies)
        used = self._turnstile.allowance.used(asyncio.get_running_loop().time())
        return GatewayHealth(
            sent=self._sent,
            unanswered=self._unanswered,
            median_ms=times[len(times) // 2] if times else 0.0,
            p99_ms=times[int(len(times) * 0.99)] if times else 0.0,
            weight_used=used,
            waiting=self._turnstile.waiting,
            offset_ms=self._offset_ms,
            ban_until_ms=self._ban_until_ms,
        )

    # Asking

    async def ask(self, ask: Ask) -> Answer:
        """Wait for room in the budget, send, classify."""
        seen = self._measured
        answer = await self._patiently(ask)
        if answer.verdict is Verdict.CLOCK and await self._clock_put_right(seen):
            answer = await self._once(ask)
        self.on_answer(ask, answer)
        return answer

    async def _patiently(self, ask: Ask) -> Answer:
        """What came too fast by a moment is asked for again; orders are the engine's to repeat."""
        if _hurried(ask):
            return await self._once(ask)
        answer = await self._first(ask)
        for _ in range(AGAIN):
            if answer.verdict is not Verdict.THROTTLED or not 0 < answer.retry_after_ms <= SOON_MS:
                break
            answer = await self._once(ask)
        return answer

    async def _first(self, ask: Ask) -> Answer:
        """The first call of an endpoint goes alone: its answer may tell its limit."""
        if ask.method in self._called:
            return await self._once(ask)
        async with self._calling.setdefault(ask.method, asyncio.Lock()):
            if ask.method not in self._called:
                answer = await self._once(ask)
                self._called.add(ask.method)
                return answer
        return await self._once(ask)

    async def _once(self, ask: Ask) -> Answer:
        if self._ban_left():
            return self._banned()
        if not await self._turnstile.enter(ask.lane, ask.weight, ask.orders, ask.method):
            return Answer(Verdict.NOT_DONE, 0, "slow")
        if self._ban_left():  # came while this ask waited
            return self._banned()
        answer = await self._send(ask)
        if answer.verdict is Verdict.BANNED:
            return await self._begin_ban(answer)
        if answer.verdict is Verdict.THROTTLED:
            pause_ms = min(answer.retry_after_ms or PAUSE_MS, LONGEST_PAUSE_MS)
            self._turnstile.pause(pause_ms / 1000)
        return answer

    async def _admit(self) -> None:
        """Room for a call that ccxt makes by itself."""
        if self._ban_left():
            raise VenueUnavailable("ban")
        await self._turnstile.enter(Lane.CANCEL, 1, 0)

    async def _send(self, ask: Ask) -> Answer:
        loop = asyncio.get_running_loop()
        token = capture().set(True)
        began_s = loop.time()
        self._sent += 1
        try:
            method = getattr(self.clients.rest(), ask.method)
            await method(dict(ask.params))
        except RawReply as raw:
            self._latencies.append((loop.time() - began_s) * 1000)
            return self._read(raw, ask)
        except _wire_errors() as error:
            return self._unsent_or_unanswered(error, ask)
        finally:
            capture().reset(token)
        return self._unanswered_as(ask, "garbage")

    def _read(self, raw: RawReply, ask: Ask) -> Answer:
        headers: Mapping[str, str] = CIMultiDict(raw.headers)
        self._learn(headers, ask.method)
        if 300 <= raw.status < 400:  # nothing that we ask for lives elsewhere
            return self._unanswered_as(ask, "redirect", raw.status)
        if raw.body is None and raw.status < 400:
            return self._unanswered_as(ask, "garbage", raw.status)
        code, words = ("", "") if raw.body is None else self.dialect.reply_code(raw.body)
        reply = Reply(raw.status, code, words, raw.body, headers)
        verdict = self.dialect.verdict(reply, ask)
        body = raw.body if verdict is Verdict.DONE else None
        retry_ms = _retry_after_ms(headers, self.now_ms)
        return Answer(verdict, raw.status, code or _http_code(raw.status), body, words, retry_ms)

    def _learn(self, headers: Mapping[str, str], method: str) -> None:
        used, limit = _figure(headers.get("X-MBX-USED-WEIGHT-1M")), _figure(headers.get("X-Bapi-Limit"))
        if used is not None:
            self._turnstile.learn(used)
        if limit:
            self._turnstile.allowance.learn_endpoint(method, limit)

    def _unsent_or_unanswered(self, error: Exception, ask: Ask) -> Answer:
        cause = error.__cause__ or error
        if _lacks_key(cause):
            return Answer(Verdict.AUTH, 0, "no key")
        if _never_sent(cause):
            return Answer(Verdict.NOT_DONE, 0, "refused", words=type(cause).__name__)
        if isinstance(cause, TimeoutError):
            return self._unanswered_as(ask, "timeout")
        return self._unanswered_as(ask, "cut", words=type(cause).__name__)

    def _unanswered_as(self, ask: Ask, code: str, status: int = 0, words: str = "") -> Answer:
        self._unanswered += 1
        verdict = Verdict.UNKNOWN if ask.changes else Verdict.NOT_DONE
        return Answer(verdict, status, code, words=words)

    # Bans

    def _banned(self) -> Answer:
        return Answer(Verdict.BANNED, 0, "ban", retry_after_ms=self.ban_left_ms)

    async def _begin_ban(self, answer: Answer) -> Answer:
        named = _UNTIL.search(answer.words)
        until_ms = int(named[1]) if named else self.now_ms + max(answer.retry_after_ms, SHORTEST_BAN_MS)
        until_ms = min(until_ms, self.now_ms + LONGEST_BAN_MS)
        self._ban_until_ms = max(self._ban_until_ms, until_ms)
        log.error("%s: banned, nothing is sent for %d s", self.dialect.name, self.ban_left_ms // 1000)
        try:
            await self._memory.save(BAN_UNTIL, str(self._ban_until_ms))
        except StorageError as error:
            log.error("%s: the ban is not remembered (%s)", self.dialect.name, error)
        return replace(answer, retry_after_ms=self.ban_left_ms)

    # Clock

    async def measure_offset(self, samples: int = SAMPLES) -> int:
        """Ask the venue for its time and keep the offset of the quickest answer. Raises VenueUnavailable."""
        loop = asyncio.get_running_loop()
        found: list[tuple[float, int]] = []
        for _ in range(samples):
            began_ms, began_s = self._clock(), loop.time()
            server_ms = await self.dialect.server_time_ms()
            trip_s = loop.time() - began_s
            found.append((trip_s, server_ms - (began_ms + self._clock()) // 2))
        self._offset_ms = min(found)[1]
        self._measured += 1
        self.on_offset(self._offset_ms)
        return self._offset_ms

    async def _clock_put_right(self, seen: int) -> bool:
        """Measure anew, once for all asks that were turned down meanwhile; False when that fails too."""
        async with self._measuring:
            if self._measured != seen:
                return True
            try:
                await self.measure_offset()
            except VenueUnavailable:
                return False
            return True


def _wire_errors() -> tuple[type[Exception], ...]:
    """What ccxt raises for a line that failed, and for what it would not even send."""
    from ccxt.base.errors import BaseError

    return (BaseError, TimeoutError, OSError)


def _lacks_key(cause: BaseException) -> bool:
    from ccxt.base.errors import AuthenticationError

    return isinstance(cause, AuthenticationError)


def _never_sent(cause: BaseException) -> bool:
    """No connection came about, or ccxt did not send it: certainly no effect."""
    import aiohttp
    from ccxt.base.errors import BadRequest, NotSupported

    no_line = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.WSServerHandshakeError)
    local = (BadRequest, NotSupported, ConnectionRefusedError)
    return isinstance(cause, (*no_line, *local))


def _hurried(ask: Ask) -> bool:
    """Orders, and what keeps a position safe."""
    return ask.lane < Lane.ENTRY or ask.orders > 0


def _http_code(status: int) -> str:
    return "" if status < 400 else f"HTTP {status}"


def _retry_after_ms(headers: Mapping[str, str], now_ms: int) -> int:
    said = _figure(headers.get("Retry-After"))
    if said is not None:
        return said * 1000
    reset = _figure(headers.get("X-Bapi-Limit-Reset-Timestamp"))
    return 0 if reset is None else max(SHORTEST_PAUSE_MS, min(reset - now_ms, SOON_MS))


def _figure(text: str | None) -> int | None:
    """A header that is a whole number: plain digits, and not more of them than make sense."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS else None
