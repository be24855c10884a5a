"""Discord on a port of loopback: the REST interface, the gateway's sockets, and people to talk with."""

import asyncio
import re
from collections.abc import Callable
from typing import Self

import orjson
from aiohttp import WSMsgType, web

from sandbox.chat.bodies import Upload, read_body
from sandbox.chat.calls import Call, Calls
from sandbox.chat.discord.answers import Answer, Json
from sandbox.chat.discord.gateway import Gateway, Link
from sandbox.chat.discord.interactions import Interactions
from sandbox.chat.discord.nouns import Channel, Guild
from sandbox.chat.discord.people import Person
from sandbox.chat.discord.rates import VIA, Rates
from sandbox.chat.discord.rest import Ask, Rest
from sandbox.chat.discord.rules import DiscordRules
from sandbox.chat.discord.world import World
from sandbox.chat.pace import Seconds, loop_seconds
from sandbox.chat.serving import Asked, ChatServer
from sandbox.chat.sockets import SocketWire
from sandbox.chat.troubles import Trouble, Troubles

API = "/api/v10/"
WEBHOOKS = "/api/webhooks/"
GATEWAY = "/gw"
_TOKENS = re.compile(r"(?<=/)(?P<kind>interactions|webhooks)/(?P<own>\d+)/[^/?]+")


class DiscordSandbox:
    """`async with DiscordSandbox(token, wall_ms) as discord:` and then guilds, channels, people and the bot.

    `wall_ms` dates what is written, `seconds` is the clock of all limits and deadlines. `rest` methods are booked as
    "POST channels/5/messages" (tokens of interactions and webhooks read TOKEN), frames of the bot as "gateway 2".
    """

    platform = "discord"

    def __init__(
        self,
        token: str,
        wall_ms: Callable[[], int],
        rules: DiscordRules | None = None,
        seconds: Seconds = loop_seconds,
        calls: Calls | None = None,
        port: int = 0,
    ) -> None:
        """One bot that logs in with `token`; it is in no guild yet."""
        self.world = World(token, rules or DiscordRules(), wall_ms)
        self.calls = calls or Calls()
        self.troubles = Troubles()
        self.rates = Rates(self.world.rules, seconds)
        self.gateway = Gateway(self.world, seconds)
        self.interactions = Interactions(self.world, seconds)
        self._rest = Rest(self.world, self.interactions, self.rates, lambda: self.gateway_url)
        self._server = ChatServer(self, wall_ms, self.calls, self.troubles, port)

    @property
    def base_url(self) -> str:
        """For `discord.http.Route.BASE`."""
        return f"{self._server.address}{API.rstrip('/')}"

    @property
    def gateway_url(self) -> str:
        """For `DiscordWebSocket.DEFAULT_GATEWAY`."""
        return f"{self._server.address.replace('http', 'ws', 1)}{GATEWAY}"

    async def __aenter__(self) -> Self:
        """Listen."""
        await self._server.__aenter__()
        self.gateway.resume_url = f"{self.gateway_url}/resume"
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close everything."""
        await self._server.__aexit__()

    def person(
        self, name: str, guild: Guild | None = None, roles: tuple[str, ...] = (), number: str = ""
    ) -> Person:
        """Somebody with a client, a member of `guild` when one is given; `number` is the user id when it matters."""
        user = self.world.users.get(number) or self.world.add_user(name, number)
        if guild is not None:
            guild.members[user.id] = roles
        return Person(user, self.world, self.interactions)

    def webhook_url(self, channel: Channel) -> str:
        """The address of a new incoming webhook of the channel."""
        own, token = self.world.add_webhook(channel)
        return f"{self._server.address}{WEBHOOKS}{own}/{token}"

    def delivers(self, name: str, body: Json, guild_id: str | None = None) -> None:
        """An event as it is, right or wrong, to every session: for updates that no client would send."""
        self.gateway.publish(name, body, guild_id)

    async def connected(self, timeout_s: float = 30.0) -> bool:
        """Wait until a bot has logged in; False when the time is over."""
        return await self.world.bell.until(lambda: self.gateway.is_connected, timeout_s)

    def read(self, request: web.Request, body: bytes) -> Asked:
        """The route as its method, the body as its payload."""
        path = _TOKENS.sub(r"\g<kind>/\g<own>/TOKEN", request.path)
        below = path.removeprefix(API).removeprefix("/api/").lstrip("/")
        try:
            payload, uploads = _read(request.headers.get("Content-Type", ""), body)
        except (ValueError, KeyError):
            payload, uploads = {"unreadable": True}, {}
        return Asked(f"{request.method} {below}", path, payload, uploads, body)

    async def answer(self, request: web.Request, asked: Asked) -> web.StreamResponse:
        """A socket of the gateway or a request."""
        if request.path.startswith(GATEWAY):
            return await self._socket(request)
        path = request.path.removeprefix(API if request.path.startswith(API) else "/api/")
        unreadable = asked.payload == {"unreadable": True}
        body: Json | None = None if unreadable else asked.payload
        files = [asked.uploads[key] for key in sorted(asked.uploads, key=lambda name: (len(name), name))]
        authorization = request.headers.get("Authorization", "")
        ask = Ask(request.method, path, request.query, authorization, body, files)
        return _response(self._rest.answer(ask))

    def trouble(self, trouble: Trouble) -> web.Response:
        """An armed error in Discord's form."""
        body: Json = {"message": trouble.description or f"{trouble.status}: Error", "code": 0}
        headers = dict(VIA)
        if trouble.retry_after is not None:
            body = {
                "message": "You are being rate limited.",
                "retry_after": trouble.retry_after,
                "global": False,
            }
            headers["Retry-After"] = str(int(trouble.retry_after) + 1)
        return _response(Answer(body, trouble.status, headers))

    def close(self) -> None:
        """Hang up on every bot."""
        self.gateway.drop(1001)

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(timeout=1.0)
        await socket.prepare(request)
        if request.query.get("v") != "10" or request.query.get("encoding", "json") != "json":
            await socket.close(code=4012)
            return socket
        wire = SocketWire()
        link = self.gateway.open(wire)
        tasks = [asyncio.create_task(wire.write_to(socket)), asyncio.create_task(self._beat(link))]
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._heard(link, message.data)
        finally:
            self.gateway.gone(link, socket.close_code)
            for task in tasks:
                task.cancel()
        return socket

    def _heard(self, link: Link, text: str) -> None:
        raw = text.encode()
        try:
            frame = orjson.loads(raw)
        except orjson.JSONDecodeError:
            frame = None
        op = frame.get("op") if isinstance(frame, dict) else "?"
        token = self.world.token.encode()
        raw = raw.replace(token, b"(hidden)") if token else raw
        payload = frame if isinstance(frame, dict) else {}
        self.calls.add(Call(self.world.wall_ms(), self.platform, f"gateway {op}", payload, raw))
        self.gateway.heard(link, frame, len(text))

    async def _beat(self, link: Link) -> None:
        while not link.closed:
            await asyncio.sleep(self.world.rules.nudge_s)
            self.gateway.beat(link)


def _read(kind: str, body: bytes) -> tuple[Json, dict[str, Upload]]:
    """Objects as they are, a list of commands under "commands", the JSON of multipart bodies."""
    if kind.startswith("application/json") and body.lstrip().startswith(b"["):
        return {"commands": orjson.loads(body)}, {}
    found = read_body(kind, body)
    if "payload_json" not in found.fields:
        return found.fields, found.uploads
    inner = orjson.loads(str(found.fields["payload_json"]))
    return (inner if isinstance(inner, dict) else {}), found.uploads


def _response(answer: Answer) -> web.Response:
    """Libraries of bots want the content type to be exactly this."""
    if answer.body is None:
        return web.Response(status=answer.status, headers=answer.headers)
    if isinstance(answer.body, str):
        return web.Response(status=answer.status, body=answer.body.encode(), headers=answer.headers)
    headers = {"Content-Type": "application/json", **answer.headers}
    return web.Response(status=answer.status, body=orjson.dumps(answer.body), headers=headers)
