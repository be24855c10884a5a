"""The real library against the smallest Discord there is, on loopback: log in, offer commands, answer, leave."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import discord
import pytest
from aiohttp import WSMsgType, web
from chat_fakes import Chat
from drawings import drawn_by

from bot.domain.notice import Notice, NoticeKind, Severity
from handlers.platforms.discord import DiscordChat, DiscordSettings
from handlers.render_text import notice_reply

US = {"id": "1", "username": "deck", "discriminator": "0", "global_name": None, "avatar": None, "bot": True}
APPLICATION = {
    "id": "1", "name": "deck", "description": "", "icon": None, "rpc_origins": None, "bot_public": False,
    "bot_require_code_grant": False, "owner": US, "summary": "", "verify_key": "", "team": None, "flags": 0,
}  # fmt: skip
CHANNEL = {
    "id": "55",
    "type": 0,
    "name": "desk",
    "position": 0,
    "permission_overwrites": [],
    "guild_id": "44",
}
PERSON = {"id": "9", "username": "ann", "discriminator": "0", "global_name": "Ann", "avatar": None}
MEMBER = {
    "user": PERSON,
    "roles": [],
    "joined_at": None,
    "deaf": False,
    "mute": False,
    "flags": 0,
    "permissions": "0",
}
MESSAGE = {
    "id": "9", "channel_id": "55", "author": US, "content": "", "timestamp": "2023-11-14T22:13:20+00:00",
    "edited_timestamp": None, "tts": False, "mention_everyone": False, "mentions": [], "mention_roles": [],
    "attachments": [], "embeds": [], "components": [], "pinned": False, "type": 0, "flags": 0,
}  # fmt: skip


def answered(body: object, status: int = 200) -> web.Response:
    """The library reads JSON only under this very content type."""
    return web.Response(body=json.dumps(body), status=status, headers={"Content-Type": "application/json"})


class Server:
    """REST and gateway; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.identified: list[dict[str, Any]] = []
        self.socket: web.WebSocketResponse | None = None
        self.sequence = 0
        self.refuse = False

    async def rest(self, request: web.Request) -> web.Response:
        path = request.path.removeprefix("/api/v10/")
        body = await request.json() if request.content_type == "application/json" else None
        self.asked.append((f"{request.method} {path}", body))
        if self.refuse:
            return answered({"message": "401: Unauthorized", "code": 0}, status=401)
        if path.endswith("/callback"):
            made = {"interaction": {"id": "1", "type": 2}, "resource": {"type": 4, "message": MESSAGE}}
            return answered(made)
        if path == "channels/9":
            return answered({"message": "Unknown Channel", "code": 10003}, status=404)
        if path == "users/@me/channels":
            return answered({"id": "88", "type": 1, "recipients": [PERSON]})
        known: dict[str, Any] = {"users/@me": US, "oauth2/applications/@me": APPLICATION, "users/9": PERSON}
        if path.endswith("/commands"):
            return answered([{**one, "id": "7", "application_id": "1", "version": "1"} for one in body])
        return answered(known.get(path, MESSAGE if path.endswith("/messages") else CHANNEL))

    async def gateway(self, request: web.Request) -> web.WebSocketResponse:
        self.socket = socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"op": 10, "d": {"heartbeat_interval": 40_000}})
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await self.hear(message.json())
        return socket

    async def hear(self, frame: dict[str, Any]) -> None:
        if frame["op"] == 1:
            await self.send(11, None)
        if frame["op"] == 2:
            self.identified.append(frame["d"])
            base = {
                "v": 10,
                "user": US,
                "guilds": [],
                "session_id": "s",
                "application": {"id": "1", "flags": 0},
            }
            await self.send(0, {**base, "resume_gateway_url": "ws://127.0.0.1"}, "READY")

    async def send(self, op: int, body: object, name: str | None = None) -> None:
        assert self.socket is not None
        self.sequence += 1
        await self.socket.send_json({"op": op, "d": body, "t": name, "s": self.sequence if name else None})

    async def slash(self, chat: Chat, name: str) -> None:
        made = {
            "id": str((chat.clock.now_ms - 1_420_070_400_000) << 22),
            "application_id": "1", "type": 2, "token": "t", "version": 1, "guild_id": "44", "channel_id": "55",
            "channel": CHANNEL, "member": MEMBER, "entitlements": [], "attachment_size_limit": 1000, "locale": "en-US",
            "data": {"id": "7", "name": name, "type": 1, "options": [], "guild_id": "44"},
        }  # fmt: skip
        await self.send(0, made, "INTERACTION_CREATE")

    def body(self, ending: str) -> Any:
        return next((body for path, body in self.asked if path.endswith(ending)), None)


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Server, DiscordSettings]]:
    gateway = discord.gateway.DiscordWebSocket
    monkeypatch.setattr(discord.http.Route, "BASE", discord.http.Route.BASE)
    monkeypatch.setattr(gateway, "DEFAULT_GATEWAY", gateway.DEFAULT_GATEWAY)
    made, app = Server(), web.Application()
    app.router.add_get("/gw", made.gateway)
    app.router.add_get("/gw/", made.gateway)
    app.router.add_route("*", "/api/v10/{tail:.*}", made.rest)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = cast(Any, site)._server.sockets[0].getsockname()[1]
    settings = DiscordSettings("t", (44,), f"http://127.0.0.1:{port}/api/v10", f"ws://127.0.0.1:{port}/gw")
    yield made, settings
    await runner.cleanup()


def face(chat: Chat, settings: DiscordSettings) -> DiscordChat:
    drawing = drawn_by(lambda plot, dark: b"")
    return DiscordChat(settings, chat.dispatcher.handle, chat.registry, chat.dispatcher.suggest, drawing)


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 (the server has no bell)
            await asyncio.sleep(0.01)


async def ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_log_in_offer_answer_leave(chat: Chat, server: tuple[Server, DiscordSettings]) -> None:
    discord_server, settings = server
    platform = face(chat, settings)
    task = asyncio.create_task(platform.run())
    await until(lambda: platform._client and platform._client.is_ready())
    assert discord_server.identified[0]["intents"] == 1
    offered = discord_server.body("guilds/44/commands")
    assert [one["name"] for one in offered] == [command.name for command in chat.registry]
    await discord_server.slash(chat, "status")
    await until(lambda: discord_server.body("/callback"))
    answer = discord_server.body("/callback")
    assert (answer["type"], answer["data"]["embeds"][0]["title"]) == (4, "Status")
    assert chat.desk.done == [("status", "")]
    await platform.say("55", notice_reply(Notice(NoticeKind.ENTRY, Severity.TRADE, 0, "Long")), False)
    assert discord_server.body("POST channels/55/messages")["embeds"][0]["title"] == "Long"
    await platform.say("9", notice_reply(Notice(NoticeKind.EXIT, Severity.TRADE, 0, "Out")), False)
    assert discord_server.body("POST channels/88/messages")["embeds"][0]["title"] == "Out"
    await ended(task)


async def test_a_refused_token_is_told_and_the_desk_goes_on(
    chat: Chat, server: tuple[Server, DiscordSettings], caplog: pytest.LogCaptureFixture
) -> None:
    discord_server, settings = server
    discord_server.refuse = True
    task = asyncio.create_task(face(chat, settings).run())
    await until(lambda: "refuses the token" in caplog.text)
    await ended(task)
