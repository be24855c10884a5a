"""Hands on what an exchange says: rows of its answers, and frames, changed or made up on their way out."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from sandbox.exchange.serving.frames import StageSocket
from sandbox.exchange.serving.stage import Stage
from sandbox.exchange.wire import Request, Response


class _Tampered:
    """A protocol whose answers pass through a hand."""

    def __init__(self, protocol: Any, endpoints: Sequence[str], hand: Callable[[Any], Any]) -> None:
        self._protocol = protocol
        self._endpoints = endpoints
        self._hand = hand

    def __getattr__(self, name: str) -> Any:
        return getattr(self._protocol, name)

    def answer(self, request: Request) -> Response:
        """As the protocol answers, then changed."""
        response: Response = self._protocol.answer(request)
        if self._protocol.endpoint(request)[0] not in self._endpoints:
            return response
        return replace(response, body=json.dumps(self._hand(json.loads(response.body))).encode())


@contextmanager
def tamper_answers(stage: Stage, endpoints: Sequence[str], changes: Mapping[str, object]) -> Iterator[None]:
    """Rows of these answers say other things; those of exits stay as they are."""
    kept = stage.protocol
    stage.protocol = _Tampered(kept, endpoints, lambda body: _changed(body, changes))  # type: ignore[assignment]
    try:
        yield
    finally:
        stage.protocol = kept


def _changed(body: Any, changes: Mapping[str, object]) -> Any:
    if isinstance(body, list):
        return [_changed(one, changes) for one in body]
    result = body.get("result") if isinstance(body, dict) else None
    if isinstance(result, dict):
        return {
            **body,
            "result": {**result, "list": [_changed(one, changes) for one in result.get("list", [])]},
        }
    if str(body.get("reduceOnly", False)).lower() == "true":
        return body
    return {**body, **{name: value for name, value in changes.items() if name in body}}


def sockets(stage: Stage, path: str) -> list[StageSocket]:
    """Open sockets whose path holds this."""
    return [one for one in stage.sockets.values() if path in one.path and not one.ended]


def say(stage: Stage, path: str, *frames: object) -> None:
    """Frames that the exchange never meant to send; text goes out as it is."""
    for socket in sockets(stage, path):
        for frame in frames:
            socket.send(frame if isinstance(frame, str) else json.dumps(frame))


def rewrite(stage: Stage, path: str, change: Callable[[str], str]) -> None:
    """From now on frames of these sockets go out changed."""
    for socket in sockets(stage, path):
        out = socket.send
        socket.send = lambda text, out=out: out(change(text))  # type: ignore[method-assign, misc]
