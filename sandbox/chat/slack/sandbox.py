"""Slack on a port of loopback: web methods, Socket Mode, and people to talk with."""

import asyncio
import re
from collections.abc import Callable
from typing import Self

import orjson
from aiohttp import WSMsgType, web

from sandbox.chat.bodies import read_body
from sandbox.chat.calls import Call, Calls
from sandbox.chat.pace import Seconds, loop_seconds
from sandbox.chat.serving import Asked, ChatServer
from sandbox.chat.slack.answers import Answer, Json, Refused
from sandbox.chat.slack.api import Addresses, Api
from sandbox.chat.slack.deeds import Deeds
from sandbox.chat.slack.nouns import Channel
from sandbox.chat.slack.people import Person
from sandbox.chat.slack.responding import Responding
from sandbox.chat.slack.rules import Manifest, SlackRules
from sandbox.chat.slack.socket_mode import Envelope, SocketMode
from sandbox.chat.slack.tiers import Tiers
from sandbox.chat.slack.world import World
from sandbox.chat.sockets import SocketWire
from sandbox.chat.troubles import Trouble, Troubles

_SECRETS = re.compile(r"(?<=/services/)[^?]+|(?<=/respond/)[^?]+|(?<=ticket=)[^&]+")


class SlackSandbox:
    """`async with SlackSandbox(bot_token, app_token, wall_ms, manifest) as slack:` and then channels, people, the app.

    `wall_ms` dates what is written, `seconds` is the clock of all limits and deadlines. Calls are booked as
    "chat.postMessage", "respond", "webhook", "upload", "link"; frames of the app as "ack".
    """

    platform = "slack"

    def __init__(
        self,
        bot_token: str,
        app_token: str,
        wall_ms: Callable[[], int],
        manifest: Manifest | None = None,
        rules: SlackRules | None = None,
        seconds: Seconds = loop_seconds,
        port: int = 0,
    ) -> None:
        """One app in one workspace; nobody else is there yet."""
        self.world = World(manifest or Manifest(), rules or SlackRules(), wall_ms, seconds)
        self.calls = Calls()
        self.troubles = Troubles()
        self.tiers = Tiers(self.world.rules, seconds)
        self.mode = SocketMode(self.world)
        self._addresses = Addresses()
        self.responding = Responding(self.world, self.tiers)
        self.deeds = Deeds(self.world, self.mode, self.responding, self._addresses)
        self.mode.acknowledged = self.deeds.acknowledged
        self._api = Api(self.world, self.mode, self.tiers, bot_token, app_token, self._addresses)
        self._server = ChatServer(self, wall_ms, self.calls, self.troubles, port)

    @property
    def base_url(self) -> str:
        """For AsyncWebClient, both of them."""
        return f"{self._server.address}/api/"

    async def __aenter__(self) -> Self:
        """Listen."""
        await self._server.__aenter__()
        self._addresses.http = self._server.address
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close everything."""
        await self._server.__aexit__()

    def person(self, name: str, *channels: Channel, number: str = "") -> Person:
        """Somebody with a client, in these channels; `number` is the user id when it matters."""
        user = self.world.users.get(number) or self.world.add_user(name, number)
        for channel in channels:
            channel.members.add(user.id)
        return Person(user, self.world, self.deeds)

    def webhook_url(self, channel: Channel) -> str:
        """The address of a new incoming webhook of the channel."""
        key = f"T0/B0/sandbox-{self.world.number('hook')}"
        self.world.webhooks[key] = channel
        return f"{self._server.address}/services/{key}"

    def delivers(self, kind: str, payload: Json, accepts: bool = False) -> Envelope:
        """An envelope as it is, right or wrong, to one connection: for updates that no client would send."""
        return self.mode.send(kind, payload, accepts)

    async def connected(self, timeout_s: float = 30.0) -> bool:
        """Wait until the app has a connection; False when the time is over."""
        return await self.world.bell.until(lambda: bool(self.mode.links), timeout_s)

    def read(self, request: web.Request, body: bytes) -> Asked:
        """The web method, or what else is there, by its name."""
        parts = request.path.strip("/").split("/")
        method = parts[1] if parts[0] == "api" and len(parts) > 1 else parts[0]
        method = "webhook" if method == "services" else method
        path = _SECRETS.sub("TOKEN", request.path_qs)
        try:
            given = _payload(request.headers.get("Content-Type", ""), body) if method != "upload" else {}
            payload: Json = {**request.query, **given}
        except ValueError:
            payload = {"unreadable": True}
        return Asked(method, path, payload, {}, body)

    async def answer(self, request: web.Request, asked: Asked) -> web.StreamResponse:
        """A connection of Socket Mode or a request."""
        path = request.path.strip("/")
        if asked.method == "link":
            return await self._link(request)
        if request.method != "POST" and asked.method in ("respond", "webhook", "upload"):
            return _response(Answer("method_not_allowed", 405))
        body = None if asked.payload == {"unreadable": True} else asked.payload
        match asked.method:
            case "respond":
                return _response(self.responding.respond(path.partition("/")[2], body))
            case "webhook":
                return _response(self.responding.webhook(path.partition("/")[2], body))
            case "upload":
                return _response(
                    self.responding.upload(path.partition("/")[2], _content(request, asked.body))
                )
            case _:
                return _response(self._api.answer(asked.method, _token(request, asked), body))

    def trouble(self, trouble: Trouble) -> web.Response:
        """An armed error in Slack's form; `description` is the error's name."""
        usual = "ratelimited" if trouble.status == 429 else "internal_error"
        refused = Refused(trouble.description or usual, (), trouble.status, trouble.retry_after or 0)
        return _response(refused.answer())

    def close(self) -> None:
        """Hang up."""
        self.mode.close()

    async def _link(self, request: web.Request) -> web.StreamResponse:
        if not self.mode.admits(request.query.get("ticket", "")):
            return web.Response(status=401)
        socket = web.WebSocketResponse(timeout=1.0)
        await socket.prepare(request)
        wire = SocketWire()
        link = self.mode.open(wire)
        writer = asyncio.create_task(wire.write_to(socket))
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._heard(message.data)
        finally:
            self.mode.gone(link)
            writer.cancel()
        return socket

    def _heard(self, text: str) -> None:
        try:
            frame = orjson.loads(text)
        except orjson.JSONDecodeError:
            frame = None
        payload = frame if isinstance(frame, dict) else {}
        self.calls.add(Call(self.world.wall_ms(), self.platform, "ack", payload, text.encode()))
        self.mode.heard(frame)


def _payload(kind: str, body: bytes) -> Json:
    """Forms as texts, JSON as it is; webhooks may send their JSON in a form's `payload`."""
    fields = read_body(kind, body).fields
    if set(fields) == {"payload"}:
        inner = orjson.loads(str(fields["payload"]))
        return inner if isinstance(inner, dict) else {}
    return fields


def _token(request: web.Request, asked: Asked) -> str:
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return given or str(asked.payload.get("token") or "")


def _content(request: web.Request, body: bytes) -> bytes:
    """The bytes of an upload, bare or as the one file of a form."""
    kind = request.headers.get("Content-Type", "")
    if not kind.startswith("multipart/form-data"):
        return body
    return next((file.content for file in read_body(kind, body).uploads.values()), b"")


def _response(answer: Answer) -> web.Response:
    if isinstance(answer.body, str):
        return web.Response(status=answer.status, text=answer.body, headers=answer.headers)
    headers = {"Content-Type": "application/json; charset=utf-8", **answer.headers}
    return web.Response(status=answer.status, body=orjson.dumps(answer.body), headers=headers)
