"""Who listens to what: sockets by topic, and what each of them is allowed."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import orjson

from sandbox.exchange.wire import Socket

type Frame = dict[str, object]


def encoded(frame: Frame) -> str:
    """One frame as text."""
    return orjson.dumps(frame).decode()


def topics_of(socket: Socket) -> set[str]:
    """What a socket listens to."""
    found = socket.state.setdefault("topics", set())
    if not isinstance(found, set):
        raise TypeError("topics is ours")
    return found


def account_of(socket: Socket) -> str:
    """Whose socket it is, empty before it has said who it is."""
    return str(socket.state.get("account", ""))


def connection_of(socket: Socket) -> str:
    """The connection's id."""
    return str(socket.state.get("connection", ""))


@dataclass(slots=True)
class Hub:
    """Public topics by name; private ones by (account, name)."""

    public: dict[str, dict[int, Socket]] = field(default_factory=dict)
    private: dict[tuple[str, str], dict[int, Socket]] = field(default_factory=dict)
    sockets: dict[int, Socket] = field(default_factory=dict)
    now_ms: int = 0
    made: int = 0

    def join(self, socket: Socket, now_ms: int) -> None:
        """A new connection."""
        self.made += 1
        self.sockets[id(socket)] = socket
        socket.state |= {"connection": f"sandbox-{self.made:x}", "seen": now_ms}

    def leave(self, socket: Socket) -> None:
        """A connection is gone."""
        self.sockets.pop(id(socket), None)
        for topic in list(topics_of(socket)):
            self.unsubscribe(socket, topic)

    def subscribe(self, socket: Socket, topic: str, *, private: bool) -> bool:
        """False when it listens already."""
        topics = topics_of(socket)
        if topic in topics:
            return False
        topics.add(topic)
        if private:
            self.private.setdefault((account_of(socket), topic), {})[id(socket)] = socket
        else:
            self.public.setdefault(topic, {})[id(socket)] = socket
        return True

    def unsubscribe(self, socket: Socket, topic: str) -> bool:
        """False when it did not listen."""
        topics = topics_of(socket)
        if topic not in topics:
            return False
        topics.discard(topic)
        key = (account_of(socket), topic)
        if key in self.private:
            self.private[key].pop(id(socket), None)
            if not self.private[key]:
                del self.private[key]
        elif topic in self.public:
            self.public[topic].pop(id(socket), None)
            if not self.public[topic]:
                del self.public[topic]
        return True

    def publish(self, topic: str, frame: Frame) -> None:
        """A frame for all that listen to a public topic, encoded once."""
        listeners = self.public.get(topic)
        if listeners:
            self._send(listeners.values(), encoded(frame))

    def heard(self, account: str, topic: str) -> bool:
        """True when somebody listens to a private topic, by either of its names."""
        return (account, topic) in self.private or (account, f"{topic}.linear") in self.private

    def tell(self, account: str, topic: str, rows: list[Frame], at_ms: int) -> None:
        """Rows for all that listen to a private topic."""
        for name in (topic, f"{topic}.linear"):
            listeners = self.private.get((account, name))
            if listeners:
                self.made += 1
                frame: Frame = {"id": f"{account}_{name}_{self.made}", "topic": name}
                frame |= {"creationTime": at_ms, "data": rows}
                self._send(listeners.values(), encoded(frame))

    def _send(self, sockets: Iterable[Socket], text: str) -> None:
        for socket in list(sockets):
            socket.state["seen"] = self.now_ms
            socket.send(text)
