"""The rate budget of an account: weight and orders in sliding windows, and who goes first when there is little left.

`Allowance` is the pure reckoning, told the time in seconds. `Turnstile` lets asks through in the order of their lanes,
then of their arrival; a lower lane never passes a higher one that waits.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from math import inf
from types import MappingProxyType

from bot.venues.ccxt_venue.dialect import RateLimits
from bot.venues.ccxt_venue.wire import Lane

MINUTE_S = 60.0
BURST_S = 10.0
EDGE_S = 0.001
ENDPOINT_S = 1.1  # a second, and a little for the way there

SHARES: Mapping[Lane, float] = MappingProxyType(
    {Lane.PROTECT: 1.0, Lane.CANCEL: 0.95, Lane.ENTRY: 0.9, Lane.DATA: 0.85, Lane.PAST: 0.6}
)
"""How much of the budget a lane may fill: what is above is kept for the lanes before it."""

PATIENCE_S: Mapping[Lane, float] = MappingProxyType(
    {Lane.PROTECT: inf, Lane.CANCEL: inf, Lane.ENTRY: 5.0, Lane.DATA: inf, Lane.PAST: inf}
)


class Window:
    """Units spent within the last `span_s`; at most `limit` (0: no limit)."""

    def __init__(self, limit: int, span_s: float) -> None:
        self.limit = limit
        self.span_s = span_s
        self._spent: deque[tuple[float, int]] = deque()
        self._sum = 0

    def used(self, now_s: float) -> int:
        """Units spent in the window that ends now."""
        while self._spent and self._spent[0][0] <= now_s - self.span_s:
            self._sum -= self._spent.popleft()[1]
        return self._sum

    def spend(self, now_s: float, units: int) -> None:
        """Note units as spent."""
        if units and self.limit:
            self._spent.append((now_s, units))
            self._sum += units

    def wait_s(self, now_s: float, units: int, share: float) -> float:
        """How long until these units fit into a share of the limit; 0 when they do now."""
        if not self.limit or not units:
            return 0.0
        room = max(int(self.limit * share), 1)
        # What is larger than its whole share goes through when nothing else was spent.
        over = self.used(now_s) + min(units, room) - room
        if over <= 0:
            return 0.0
        for at_s, spent in self._spent:
            over -= spent
            if over <= 0:
                return max(at_s + self.span_s - now_s, EDGE_S)
        return self.span_s


class Allowance:
    """What one account may still ask for. Times in seconds of one clock that never runs backwards."""

    def __init__(self, limits: RateLimits, shares: Mapping[Lane, float] = SHARES) -> None:
        self._weight = Window(limits.weight_per_minute, MINUTE_S)
        self._orders = (Window(limits.orders_per_10s, BURST_S), Window(limits.orders_per_minute, MINUTE_S))
        self._endpoints = {name: Window(most, ENDPOINT_S) for name, most in limits.per_second.items()}
        self._shares = shares
        self._paused_until_s = -inf

    def used(self, now_s: float) -> int:
        """Weight spent within the last minute."""
        return self._weight.used(now_s)

    def wait_s(self, now_s: float, lane: Lane, weight: int, orders: int, endpoint: str = "") -> float:
        """How long this has to wait if nothing else is asked for; 0: it may go now."""
        share = self._shares[lane]
        waits = [self._weight.wait_s(now_s, weight, share)]
        waits += [window.wait_s(now_s, orders, share) for window in self._orders]
        if endpoint in self._endpoints:
            waits.append(self._endpoints[endpoint].wait_s(now_s, 1, share))
        if lane >= Lane.ENTRY:
            waits.append(self._paused_until_s - now_s)
        return max(0.0, *waits)

    def spend(self, now_s: float, weight: int, orders: int, endpoint: str = "") -> None:
        """Note what is sent now."""
        self._weight.spend(now_s, weight)
        if endpoint in self._endpoints:
            self._endpoints[endpoint].spend(now_s, 1)
        for window in self._orders:
            window.spend(now_s, orders)

    def learn(self, now_s: float, used_weight: int) -> None:
        """The venue counts more than we do (another program on this address): believe it."""
        self._weight.spend(now_s, max(0, used_weight - self._weight.used(now_s)))

    def learn_endpoint(self, endpoint: str, per_second: int) -> None:
        """The venue says how often a second one endpoint may be called."""
        if endpoint not in self._endpoints:
            self._endpoints[endpoint] = Window(per_second, ENDPOINT_S)

    def pause(self, until_s: float) -> None:
        """Entries and data rest until then; protection and cancels go on."""
        self._paused_until_s = max(self._paused_until_s, until_s)


@dataclass(order=True, slots=True)
class _Waiter:
    lane: Lane
    number: int
    weight: int = field(compare=False)
    orders: int = field(compare=False)
    endpoint: str = field(compare=False)
    turn: asyncio.Future[None] = field(compare=False)


class Turnstile:
    """Lets asks through as the allowance has room: by lane, then by arrival. Time is the running loop's."""

    def __init__(self, allowance: Allowance, patience_s: Mapping[Lane, float] = PATIENCE_S) -> None:
        self.allowance = allowance
        self._patience_s = patience_s
        self._waiting: list[_Waiter] = []
        self._numbers = count()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        """How many wait for room."""
        return sum(not waiter.turn.done() for waiter in self._waiting)

    async def enter(self, lane: Lane, weight: int, orders: int, endpoint: str = "") -> bool:
        """Return True when it is this ask's turn, its room already spent; False: not within its lane's patience."""
        loop = asyncio.get_running_loop()
        patience_s = self._patience_s[lane]
        if self.allowance.wait_s(loop.time(), lane, weight, orders, endpoint) > patience_s:
            return False
        waiter = _Waiter(lane, next(self._numbers), weight, orders, endpoint, loop.create_future())
        heapq.heappush(self._waiting, waiter)
        self._let_through()
        try:
            await asyncio.wait_for(waiter.turn, None if patience_s == inf else patience_s)
        except TimeoutError:
            return False
        finally:
            self._let_through()
        return True

    def pause(self, seconds: float) -> None:
        """Entries and data rest for so long from now."""
        self.allowance.pause(asyncio.get_running_loop().time() + seconds)
        self._let_through()

    def learn(self, used_weight: int) -> None:
        """What the venue says that was used within its minute."""
        self.allowance.learn(asyncio.get_running_loop().time(), used_weight)

    def _let_through(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        loop = asyncio.get_running_loop()
        while self._waiting:
            first = self._waiting[0]
            if not first.turn.done():
                now_s = loop.time()
                asked = (first.weight, first.orders, first.endpoint)
                wait_s = self.allowance.wait_s(now_s, first.lane, *asked)
                if wait_s > 0:
                    self._timer = loop.call_later(wait_s, self._let_through)
                    return
                self.allowance.spend(now_s, *asked)
                first.turn.set_result(None)
            heapq.heappop(self._waiting)
