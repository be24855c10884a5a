"""Sockets as the exchange holds them, and what may go wrong with a frame between the protocol and the wire."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol as Contract

import orjson

from sandbox.exchange.serving.faults import FrameEffect, Rule

ABNORMAL = 1006
QUEUE_LIMIT = 100_000
"""A client that leaves so many frames unread is cut off."""


@dataclass(frozen=True, slots=True)
class Ending:
    """The exchange closes a socket; code 1006: without saying so."""

    code: int
    reason: str = ""


def names_of(text: str) -> tuple[tuple[str, ...], str]:
    """What a frame may be called (stream, topic, event type; else `reply`), and the symbol it is about, if any."""
    try:
        frame = orjson.loads(text)
    except orjson.JSONDecodeError:
        return ("text",), ""
    found: list[str] = []
    symbol = ""
    if isinstance(frame, dict):
        found += [str(frame[key]) for key in ("stream", "topic") if key in frame]
        symbol = found[0].rpartition(".")[2] if "topic" in frame and "." in found[0] else ""
        frame = frame.get("data", frame)
    row = frame[0] if isinstance(frame, list) and frame else frame
    if isinstance(row, dict):
        found += [str(row["e"])] if "e" in row else []
        symbol = symbol or _symbol(row)
    return tuple(found) or ("reply",), symbol


def _symbol(row: dict[str, object]) -> str:
    inner = row.get("o")
    if isinstance(inner, dict):
        return str(inner.get("s", ""))
    return str(row.get("s", row.get("symbol", "")))


@dataclass(frozen=True, slots=True)
class Pong:
    """The answer to a client's ping."""

    payload: bytes


class Wire(Contract):
    """What a socket needs of its stage."""

    def frame_rules(self, text: str, path: str) -> list[Rule]:
        """Faults that apply to a frame."""
        ...

    def sent(self, socket: "StageSocket", text: str) -> None:
        """A frame went out: written down."""
        ...

    def expire_keys(self, sockets: "list[StageSocket]") -> None:
        """Let the protocol say that these sockets' keys have expired."""
        ...


class StageSocket:
    """The exchange's end of one websocket. A shell takes frames out of `outbox` and carries them.

    `dead`: half open, nothing is read or written any more, and nobody is told.
    """

    def __init__(self, wire: Wire, number: int, path: str, query: str, opened_at_ms: int) -> None:
        self._wire = wire
        self.number = number
        self.path = path
        self.query = query
        self.opened_at_ms = opened_at_ms
        self.state: dict[str, object] = {}
        self.outbox: asyncio.Queue[str | Ending | Pong] = asyncio.Queue()
        self.ended = False
        self.dead = False
        self._silent_until = 0.0
        self._held: str | None = None

    def send(self, text: str) -> None:
        """Queue one text frame, unless a fault has other ideas."""
        if self.ended or self.dead:
            return
        rules = self._wire.frame_rules(text, self.path)
        if not rules and not self._silent_until and self._held is None:
            self._out(text)
        else:
            self._through(text, rules)

    def pinged(self, payload: bytes) -> None:
        """A client's ping is answered, unless the socket is half open."""
        if not self.ended and not self.dead:
            self.outbox.put_nowait(Pong(payload))

    def close(self, code: int = 1001, reason: str = "") -> None:
        """Close it from our side; what was queued goes out first."""
        if not self.ended:
            self.ended = True
            self.outbox.put_nowait(Ending(code, reason))

    def _out(self, text: str) -> None:
        if self.ended or self.dead:
            return
        self._wire.sent(self, text)
        self.outbox.put_nowait(text)
        if self.outbox.qsize() > QUEUE_LIMIT:
            self.close(ABNORMAL, "too slow")

    def _through(self, text: str, rules: list[Rule]) -> None:
        loop = asyncio.get_running_loop()
        copies, wait_ms = 1, 0.0
        for rule in rules:
            match rule.effect:
                case FrameEffect.DROP:
                    copies = 0
                case FrameEffect.DUPLICATE:
                    copies *= 2
                case FrameEffect.DELAY:
                    wait_ms += rule.number("ms")
                case FrameEffect.GARBAGE:
                    text = text[: len(text) // 2]
                case FrameEffect.SWAP if self._held is None:
                    self._held, copies = text, 0
                    loop.call_later(rule.number("ms") / 1000, self._release)
                case _:
                    self._socket_fault(rule, loop.time())
        if loop.time() >= self._silent_until:
            self._pass_on(text, copies, wait_ms / 1000, loop.call_later)

    def _socket_fault(self, rule: Rule, now: float) -> None:
        match rule.effect:
            case FrameEffect.SILENCE:
                self._silent_until = now + rule.number("seconds")
            case FrameEffect.HALF_OPEN:
                self.dead = True
            case FrameEffect.CLOSE:
                self.close(int(rule.number("code")), "fault")
            case FrameEffect.EXPIRE_KEY:
                self._wire.expire_keys([self])
            case _:
                pass

    def _pass_on(self, text: str, copies: int, wait: float, later: Callable[..., object]) -> None:
        for _ in range(copies):
            later(wait, self._out, text) if wait else self._out(text)
        if copies:
            self._release()

    def _release(self) -> None:
        """A frame that was held back goes out behind the one that came next."""
        if self._held is not None:
            held, self._held = self._held, None
            self._out(held)
