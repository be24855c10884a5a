"""Frames of clients: SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS; each is answered with its id."""

from collections.abc import Iterable

import orjson

from sandbox.exchange.binance.call import Floor
from sandbox.exchange.binance.candles import INTERVALS
from sandbox.exchange.binance.hub import Connection, Hub, read_topic
from sandbox.exchange.binance.problems import Json
from sandbox.exchange.binance.quotes import KLINES, Quotes, encoded

MOST_STREAMS = 1024


class Subscriptions:
    """What clients ask of streams."""

    def __init__(self, floor: Floor, hub: Hub, quotes: Quotes) -> None:
        self._floor = floor
        self._hub = hub
        self._quotes = quotes

    def join(self, connection: Connection, names: Iterable[str]) -> None:
        """Listen to these streams; names that mean nothing are streams without events."""
        for topic in self._hub.join(connection, [name for name in names if _sensible(name)]):
            self._quotes.began(topic)

    def too_many(self, connection: Connection) -> bool:
        """Count a frame; a client that sends too many in a second is cut off."""
        most = self._floor.keeping.settings.frames_per_second
        second = self._floor.now_ms // 1000
        connection.frames = connection.frames + 1 if second == connection.second else 1
        connection.second = second
        if not most or connection.frames <= most:
            return False
        connection.socket.close(1008, "Too many requests")
        return True

    def answer(self, connection: Connection, text: str) -> str:
        """Do what the frame asks and word the answer."""
        try:
            frame = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            return _error(3, f"Invalid JSON: {error}", None)
        if not isinstance(frame, dict):
            return _error(2, "Invalid request: request must be a JSON object", None)
        return self._done(connection, frame)

    def _done(self, connection: Connection, frame: Json) -> str:
        number, method, names = frame.get("id"), frame.get("method"), frame.get("params", [])
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            return _error(2, "Invalid request: params must be a list of strings", number)
        match method:
            case "SUBSCRIBE":
                if len(connection.names) + len(names) > MOST_STREAMS:
                    return _error(2, f"Invalid request: at most {MOST_STREAMS} streams", number)
                self.join(connection, names)
            case "UNSUBSCRIBE":
                self._hub.leave(connection, names)
            case "LIST_SUBSCRIPTIONS":
                return encoded({"result": list(connection.names), "id": number})
            case _:
                return _error(2, f"Invalid request: unknown variant `{method}`", number)
        return encoded({"result": None, "id": number})


def _sensible(name: str) -> bool:
    topic = read_topic(name)
    return topic.kind not in KLINES or topic.interval in INTERVALS


def _error(code: int, text: str, number: object) -> str:
    return encoded({"error": {"code": code, "msg": text}, "id": number})
