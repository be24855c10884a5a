"""Who listens to which stream. A frame is encoded once and shared by all who listen."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote

from sandbox.exchange.wire import Socket

CATEGORIES = frozenset({"market", "public", "private"})
PATHS = (
    "/ws-fapi/v1",
    *(
        f"{category}/{kind}{more}"
        for category in ("", *sorted(f"/{name}" for name in CATEGORIES))
        for kind in ("ws", "stream")
        for more in ("", "/*")
    ),
)
"""Where sockets are (`address_of`); `*` stands for names of streams."""
ALL = ""
"""The symbol of streams that are about all symbols."""


@dataclass(slots=True)
class Topic:
    """One stream by its name. `open_at_ms` is the forming candle of a kline stream."""

    name: str
    kind: str
    symbol: str = ALL
    interval: str = ""
    sent_at_ms: int = 0
    open_at_ms: int = 0
    listeners: dict[int, "Connection"] = field(default_factory=dict)


@dataclass(slots=True)
class Connection:
    """One client's socket. `combined` frames carry the stream's name."""

    socket: Socket
    combined: bool = False
    calls: bool = False
    events: frozenset[str] = frozenset()
    names: dict[str, None] = field(default_factory=dict)
    second: int = -1
    frames: int = 0

    def send(self, name: str, raw: str) -> None:
        """Send one event of a stream."""
        self.socket.send(wrapped(name, raw) if self.combined else raw)


def wrapped(name: str, raw: str) -> str:
    """An event in its combined form."""
    return f'{{"stream":"{name}","data":{raw}}}'


@dataclass(frozen=True, slots=True)
class Address:
    """What a websocket path asks for."""

    names: tuple[str, ...] = ()
    combined: bool = False
    calls: bool = False
    events: frozenset[str] = frozenset()


def address_of(path: str, query: str) -> Address | None:
    """Read a path such as /ws, /market/ws/3, /ws/btcusdt@kline_1m, /private/ws, /stream; None: nothing is there."""
    parts = [part for part in unquote(path).split("/") if part]
    if parts[:2] == ["ws-fapi", "v1"]:
        return Address(calls=True)
    if parts and parts[0] in CATEGORIES:
        parts = parts[1:]
    if not parts or parts[0] not in {"ws", "stream"}:
        return None
    asked = parse_qs(query)
    names = [name for name in parts[1:] if not name.isdigit()]
    names += [name for value in asked.get("streams", []) for name in value.split("/") if name]
    names += asked.get("listenKey", [])
    events = frozenset(name for value in asked.get("events", []) for name in value.split("/"))
    return Address(tuple(names), parts[0] == "stream", events=events)


class Hub:
    """Streams and their listeners."""

    def __init__(self) -> None:
        self.topics: dict[str, Topic] = {}
        self.of_symbol: dict[str, tuple[Topic, ...]] = {}  # never changed in place: it may be walked
        self.connections: dict[int, Connection] = {}

    def connect(self, connection: Connection) -> None:
        """A client is there."""
        self.connections[id(connection.socket)] = connection

    def of(self, socket: Socket) -> Connection | None:
        """The connection of a socket; None when it is gone."""
        return self.connections.get(id(socket))

    def join(self, connection: Connection, names: Iterable[str]) -> list[Topic]:
        """Listen to these streams; answers those that nobody listened to before."""
        fresh = []
        for name in names:
            topic = self.topics.get(name)
            if topic is None:
                topic = self.topics[name] = read_topic(name)
                self.of_symbol[topic.symbol] = (*self.of_symbol.get(topic.symbol, ()), topic)
                fresh.append(topic)
            topic.listeners[id(connection.socket)] = connection
            connection.names[name] = None
        return fresh

    def leave(self, connection: Connection, names: Iterable[str]) -> None:
        """Listen to these no longer."""
        for name in list(names):
            connection.names.pop(name, None)
            topic = self.topics.get(name)
            if topic is None:
                continue
            topic.listeners.pop(id(connection.socket), None)
            if not topic.listeners:
                del self.topics[name]
                self.of_symbol[topic.symbol] = tuple(
                    one for one in self.of_symbol[topic.symbol] if one is not topic
                )

    def drop(self, socket: Socket) -> None:
        """A client is gone."""
        connection = self.connections.pop(id(socket), None)
        if connection is not None:
            self.leave(connection, connection.names)

    def send(self, topic: Topic, raw: str) -> None:
        """One event to all who listen."""
        combined = ""
        for connection in list(topic.listeners.values()):
            if connection.combined:
                combined = combined or wrapped(topic.name, raw)
                connection.socket.send(combined)
            else:
                connection.socket.send(raw)


def read_topic(name: str) -> Topic:
    """Read a stream's name; one that says nothing known is a stream without events."""
    if name.startswith("!"):
        return Topic(name, name)
    symbol, mark, kind = name.partition("@")
    if not mark:
        return Topic(name, "user", f"user:{name}")
    kind, _, interval = kind.partition("_")
    if kind == "continuousKline":
        symbol, _, contract = symbol.partition("_")
        kind = kind if contract == "perpetual" else "unknown"
    return Topic(name, kind, symbol.upper(), interval)
