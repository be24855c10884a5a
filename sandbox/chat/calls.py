"""What reached the providers: every request and frame in order, for assertions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

HIDDEN_HEADERS = frozenset({"authorization", "proxy-authorization"})


@dataclass(slots=True)
class Call:
    """One request or frame. `raw` is all of its bytes but the credential; `status` 0: no answer (cut, or under way)."""

    at_ms: int
    platform: str
    method: str
    payload: Mapping[str, object]
    raw: bytes
    status: int = 0


@dataclass(slots=True)
class Calls:
    """All calls in the order of their arrival; several providers may share one book."""

    rows: list[Call] = field(default_factory=list)

    def add(self, call: Call) -> Call:
        """Book it; the caller sets its status once it is answered."""
        self.rows.append(call)
        return call

    def of(self, method: str = "*", platform: str = "*") -> list[Call]:
        """Calls whose method and platform fit the globs."""
        return [
            call
            for call in self.rows
            if fnmatchcase(call.method, method) and fnmatchcase(call.platform, platform)
        ]

    def methods(self, platform: str = "*") -> list[str]:
        """Their methods, in order."""
        return [call.method for call in self.of(platform=platform)]

    def statuses(self, status: int) -> list[Call]:
        """Calls that were answered with this status."""
        return [call for call in self.rows if call.status == status]

    def holding(self, secret: bytes) -> list[Call]:
        """Calls in whose bytes this appears, as it is or percent-encoded."""
        return [call for call in self.rows if secret in call.raw or secret in _plain(call.raw)]

    def clear(self) -> None:
        """Forget all."""
        self.rows.clear()


def raw_request(method: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """A request as bytes; credentials in headers are left out."""
    lines = [f"{method} {path}"]
    for name, value in headers.items():
        lines.append(f"{name}: {'(hidden)' if name.lower() in HIDDEN_HEADERS else value}")
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body


def _plain(raw: bytes) -> bytes:
    """Percent-encoded bytes as they were."""
    head, *rest = raw.replace(b"+", b" ").split(b"%")
    return head + b"".join(_byte(piece) for piece in rest)


def _byte(piece: bytes) -> bytes:
    try:
        return bytes.fromhex(piece[:2].decode("ascii")) + piece[2:]
    except ValueError:
        return b"%" + piece
