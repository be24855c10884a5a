"""Socket Mode: tickets, connections, envelopes and their acknowledgements within three seconds."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from sandbox.chat.slack.answers import Json
from sandbox.chat.slack.world import APP, World
from sandbox.chat.wire import Wire

TIMEOUT = "operation_timeout"
NOBODY = "dispatch_failed"
EVENTS = "events_api"


@dataclass(slots=True, eq=False)
class Link:
    """One connection of the app. `leaving`: told to come again, it gets nothing new."""

    wire: Wire
    leaving: bool = False


@dataclass(slots=True, eq=False)
class Envelope:
    """Something sent to the app. `answer` came with a timely acknowledgement; `attempt` counts redeliveries."""

    id: str
    kind: str
    payload: Json
    accepts: bool
    at_s: float
    link: Link | None = None
    acked: bool = False
    late: bool = False
    answer: Json | None = None
    attempt: int = 0


@dataclass(slots=True)
class SocketMode:
    """All connections and envelopes. `acknowledged(envelope)` is called with every timely answer.

    Envelopes go to one connection each, in turn. Events that are not acknowledged come again; redeliveries keep to the
    loop's clock.
    """

    world: World
    acknowledged: Callable[[Envelope], None] = lambda envelope: None
    links: list[Link] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    tickets: dict[str, float] = field(default_factory=dict)
    opened: int = 0
    _turn: int = 0
    _by_id: dict[str, Envelope] = field(default_factory=dict)
    _timers: set[asyncio.TimerHandle] = field(default_factory=set)

    def ticket(self) -> str:
        """A ticket for one connection, good for half a minute."""
        made = self.world.number("sandbox-ticket-")
        self.tickets[made] = self.world.seconds() + self.world.rules.ticket_s
        return made

    def admits(self, ticket: str) -> bool:
        """Whether the ticket is good; it is used up."""
        return self.tickets.pop(ticket, -1.0) >= self.world.seconds()

    def open(self, wire: Wire) -> Link:
        """The app has connected."""
        link = Link(wire)
        if len(self.links) >= self.world.rules.connections:
            wire.send({"type": "disconnect", "reason": "too_many_websockets"})
            wire.close(1000)
            return link
        self.links.append(link)
        self.opened += 1
        about = {"host": "sandbox", "approximate_connection_time": 3600}
        hello = {"type": "hello", "num_connections": len(self.links), "debug_info": about}
        wire.send({**hello, "connection_info": {"app_id": APP}})
        self.world.bell.ring()
        return link

    def gone(self, link: Link) -> None:
        """The connection is over; what it had not acknowledged is not given to another one."""
        self.links = [one for one in self.links if one is not link]
        self.world.bell.ring()

    def heard(self, frame: object) -> None:
        """An acknowledgement; late ones count as failures and change nothing."""
        if not isinstance(frame, dict):
            return
        envelope = self._by_id.get(str(frame.get("envelope_id")))
        if envelope is not None and not envelope.acked and not envelope.late:
            self._acknowledge(envelope, frame.get("payload"))
        self.world.bell.ring()

    def send(self, kind: str, payload: Json, accepts: bool = False, attempt: int = 0) -> Envelope:
        """To one connection; without any it fails at once."""
        made = Envelope(
            self.world.number("envelope-"), kind, payload, accepts, self.world.seconds(), attempt=attempt
        )
        self.envelopes.append(made)
        self._by_id[made.id] = made
        there = [link for link in self.links if not link.leaving] or self.links
        if there:
            self._turn += 1
            made.link = there[self._turn % len(there)]
            made.link.wire.send(_frame(made))
        if kind == EVENTS:
            self._later(self.world.rules.ack_s, lambda: self._again(made))
        return made

    def failure(self, envelope: Envelope) -> str:
        """What the person reads: no connection, or no acknowledgement in time; "" when neither."""
        if envelope.acked:
            return ""
        if envelope.link is None:
            return NOBODY
        return TIMEOUT if envelope.late or self._is_over(envelope) else ""

    def refresh(self, reason: str = "refresh_requested") -> None:
        """Every connection is told to come again, and closed ten seconds later."""
        for link in self.links:
            link.leaving = True
            link.wire.send({"type": "disconnect", "reason": reason, "debug_info": {"host": "sandbox"}})
            self._later(self.world.rules.refresh_grace_s, partial(link.wire.close, 1000))

    def drop(self, code: int = 1001) -> None:
        """Every connection is closed."""
        for link in self.links:
            link.wire.close(code)

    def close(self) -> None:
        """Nothing comes again."""
        for timer in self._timers:
            timer.cancel()
        self.drop()

    def _acknowledge(self, envelope: Envelope, payload: object) -> None:
        envelope.late = self._is_over(envelope)
        envelope.acked = not envelope.late
        if envelope.acked and envelope.accepts and isinstance(payload, dict):
            envelope.answer = payload
        if envelope.acked:
            self.acknowledged(envelope)

    def _again(self, envelope: Envelope) -> None:
        """An event that was not acknowledged in time is sent once more, after a while."""
        waits = self.world.rules.retries_after_s
        if envelope.acked or envelope.attempt >= len(waits):
            return
        attempt = envelope.attempt + 1
        self._later(waits[envelope.attempt], lambda: self._resend(envelope.payload, attempt))

    def _resend(self, payload: Json, attempt: int) -> None:
        self.send(EVENTS, payload, attempt=attempt)

    def _later(self, after_s: float, deed: Callable[[], object]) -> None:
        loop = asyncio.get_running_loop()
        self._timers = {
            timer for timer in self._timers if timer.when() > loop.time() and not timer.cancelled()
        }
        self._timers.add(loop.call_later(after_s, deed))

    def _is_over(self, envelope: Envelope) -> bool:
        return self.world.seconds() - envelope.at_s > self.world.rules.ack_s


def _frame(envelope: Envelope) -> Json:
    made: Json = {
        "envelope_id": envelope.id,
        "type": envelope.kind,
        "payload": envelope.payload,
        "accepts_response_payload": envelope.accepts,
    }
    if envelope.kind == EVENTS:
        reason = "timeout" if envelope.attempt else ""
        made |= {"retry_attempt": envelope.attempt, "retry_reason": reason}
    return made
