"""What clients of both sandbox protocols share: the recorded payloads, and one websocket of a client."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = Path(os.environ.get("QUARTERDECK_REAL_DATA", ROOT.parent / "shared" / "data")) / "fixtures"
real_data = pytest.mark.skipif(
    not FIXTURES.is_dir(), reason="no recorded payloads: set QUARTERDECK_REAL_DATA"
)


@dataclass
class Line:
    """One websocket of a client: what it got, and how it was closed."""

    path: str
    query: str = ""
    opened_at_ms: int = 0
    state: dict[str, object] = field(default_factory=dict)
    got: list[str] = field(default_factory=list)
    closed: int = 0

    def send(self, text: str) -> None:
        if not self.closed:
            self.got.append(text)

    def close(self, code: int = 1001, reason: str = "") -> None:
        self.closed = code

    def frames(self) -> list[Any]:
        return [json.loads(text) for text in self.got]

    def last(self) -> Any:
        return self.frames()[-1]

    def events(self, *kinds: str) -> list[Any]:
        """Of Binance, those of these kinds."""
        return [one for one in self.frames() if isinstance(one, dict) and one.get("e") in kinds]

    def topic(self, name: str) -> list[Any]:
        """Of Bybit, those of a topic."""
        return [one for one in self.frames() if one.get("topic") == name]

    def rows(self, name: str) -> list[Any]:
        """Of Bybit, what those of a topic list."""
        return [row for one in self.topic(name) for row in one["data"]]
