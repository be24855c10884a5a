"""The Bot API on a port: addresses, tokens, the table of methods, downloads.

A client sets `base_url` and `base_file_url`; python-telegram-bot: `Application.builder().base_url(...)
.base_file_url(...)`. What is not in the table is answered as an unknown method.
"""

import re
from collections.abc import Awaitable, Callable
from math import ceil
from typing import Self

import orjson
from aiohttp import web

from sandbox.chat.bodies import Body, read_body
from sandbox.chat.calls import Calls
from sandbox.chat.pace import Seconds, loop_seconds
from sandbox.chat.serving import Asked, ChatServer
from sandbox.chat.telegram import asking, editing, sending
from sandbox.chat.telegram.fields import Fields
from sandbox.chat.telegram.nouns import User
from sandbox.chat.telegram.people import People
from sandbox.chat.telegram.refusal import Refused
from sandbox.chat.telegram.world import World
from sandbox.chat.troubles import Trouble, Troubles

TEST_TOKEN = "123456:a-test-token-of-the-sandbox"  # noqa: S105 (opens nothing)
DOWNLOAD = "download"
_METHOD = re.compile(r"/bot([^/]*)/([A-Za-z]+)")
_FILE = re.compile(r"/file/bot([^/]*)/(.+)")

type Method = Callable[[World, Fields], Awaitable[object]]

METHODS: dict[str, Method] = {
    "getMe": asking.get_me,
    "getUpdates": asking.get_updates,
    "deleteWebhook": asking.delete_webhook,
    "getWebhookInfo": asking.get_webhook_info,
    "answerCallbackQuery": asking.answer_callback_query,
    "setMyCommands": asking.set_my_commands,
    "deleteMyCommands": asking.delete_my_commands,
    "getMyCommands": asking.get_my_commands,
    "getChat": asking.get_chat,
    "leaveChat": asking.leave_chat,
    "getFile": asking.get_file,
    "sendMessage": sending.send_message,
    "sendPhoto": sending.send_photo,
    "sendDocument": sending.send_document,
    "sendChatAction": sending.send_chat_action,
    "editMessageText": editing.edit_message_text,
    "editMessageCaption": editing.edit_message_caption,
    "editMessageMedia": editing.edit_message_media,
    "editMessageReplyMarkup": editing.edit_message_reply_markup,
    "deleteMessage": editing.delete_message,
    "pinChatMessage": editing.pin_chat_message,
    "unpinChatMessage": editing.unpin_chat_message,
}
_BY_LOWER = {name.lower(): name for name in METHODS}


class TelegramProvider:
    """Reads and answers requests; all truth is in the world."""

    platform = "telegram"

    def __init__(self, world: World, token: str) -> None:
        self._world = world
        self._token = token

    def read(self, request: web.Request, body: bytes) -> Asked:
        """Method, parameters of address and body; the token is not booked."""
        path = request.rel_url.raw_path
        hit, is_file = _METHOD.fullmatch(path) or _FILE.fullmatch(path), path.startswith("/file/")
        if hit is None:
            return Asked("unknown", path, body=body)
        method = DOWNLOAD if is_file else _BY_LOWER.get(hit[2].lower(), hit[2])
        read = _body(request, body)
        payload = {**dict(request.query), **read.fields}
        masked = request.rel_url.raw_path_qs.replace(f"/bot{hit[1]}/", "/bot(token)/", 1)
        return Asked(method, masked, payload, read.uploads, body)

    async def answer(self, request: web.Request, asked: Asked) -> web.StreamResponse:
        """Carry it out."""
        try:
            self._admit(request)
            if asked.method == DOWNLOAD:
                return self._download(request)
            if asked.method not in METHODS:
                raise Refused(404, "Not Found: method not found")
            result = await METHODS[asked.method](self._world, Fields(asked.payload, asked.uploads))
        except Refused as refused:
            return _json(refused.answer(), refused.code)
        return _json({"ok": True, "result": result})

    def trouble(self, trouble: Trouble) -> web.Response:
        """An armed error as the Bot API words it."""
        description = trouble.description or f"trouble {trouble.status}"
        wait = ceil(trouble.retry_after or 0)
        if trouble.status == 429 and not trouble.description:
            description = f"Too Many Requests: retry after {wait}"
        return _json(Refused(trouble.status, description, wait).answer(), trouble.status)

    def close(self) -> None:
        """Let go of the poller."""
        self._world.updates.end()

    def _admit(self, request: web.Request) -> None:
        path = request.rel_url.path
        hit = _METHOD.fullmatch(path) or _FILE.fullmatch(path)
        if hit is None or not re.fullmatch(r"\d+:.+", hit[1]):
            raise Refused(404, "Not Found")
        if hit[1] != self._token:
            raise Refused(401, "Unauthorized")

    def _download(self, request: web.Request) -> web.Response:
        hit = _FILE.fullmatch(request.rel_url.path)
        stored = self._world.files.by_path(hit[2]) if hit else None
        if stored is None:
            raise Refused(404, "Not Found")
        return web.Response(body=stored.content, content_type="application/octet-stream")


class TelegramSandbox:
    """One bot's Telegram: `async with TelegramSandbox(wall_ms) as telegram`. The people are in `telegram.people`."""

    def __init__(
        self,
        wall_ms: Callable[[], int],
        token: str = TEST_TOKEN,
        username: str = "deck_bot",
        calls: Calls | None = None,
        seconds: Seconds = loop_seconds,
        port: int = 0,
    ) -> None:
        """`wall_ms` dates messages, `seconds` measures the limits; `calls` may be shared with other providers."""
        self.token = token
        self.calls = calls if calls is not None else Calls()
        self.troubles = Troubles()
        bot = User(int(token.partition(":")[0]), "Deck", username, is_bot=True)
        self.world = World(bot, wall_ms, seconds)
        self.people = People(self.world)
        provider = TelegramProvider(self.world, token)
        self._server = ChatServer(provider, wall_ms, self.calls, self.troubles, port)

    @property
    def base_url(self) -> str:
        """Where methods are; a client appends the token."""
        return f"{self._server.address}/bot"

    @property
    def base_file_url(self) -> str:
        """Where downloads are; a client appends the token."""
        return f"{self._server.address}/file/bot"

    async def __aenter__(self) -> Self:
        """Listen."""
        await self._server.__aenter__()
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Close everything."""
        await self._server.__aexit__(*exception)


def _body(request: web.Request, body: bytes) -> Body:
    """What cannot be read says nothing: the method then misses its parameters, as at the provider."""
    try:
        return read_body(request.headers.get("Content-Type", ""), body)
    except ValueError:
        return Body()


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(value), status=status, content_type="application/json")
