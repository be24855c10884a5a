"""The Slack chat: takes what is said to the bot to the dispatcher and replies to people. It translates, no more.

Socket Mode: the desk calls Slack, nothing listens. Every delivery is acknowledged at once, then answered by a task of
its own. Of channels only mentions are read, nothing else.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.command import Role
from handlers.drawing import Drawing
from handlers.insisting import Underway, insisted
from handlers.pace import SLACK, Pace
from handlers.placing import Placed, unplaced
from handlers.platforms.slack.dialog import Asked, Pressed, box, filled, pressed
from handlers.platforms.slack.listening import listen
from handlers.platforms.slack.place import Home
from handlers.platforms.slack.request import Body, Reader, part, word
from handlers.platforms.slack.sender import (
    REFUSED_TOKEN,
    Aside,
    Refused,
    Sender,
    bounded,
    error_word,
    refused_place,
)
from handlers.registry import Registry
from handlers.reply import Reply
from handlers.request import ChatKind, Request, RequestKind
from handlers.session import Handle
from handlers.speaker import PlatformDown
from handlers.text import mask

log = logging.getLogger(__name__)
YOURS_TO_DELETE = "Your message holds a secret and I cannot delete it: delete it yourself."
_CHECK_EVERY_S = 5.0
_DIALOG_FOR_S = 3.0
_CALL_FOR_S = 20

type Knows = Callable[[Request], bool]


def everybody(request: Request) -> bool:
    """For tests: whoever asks is shown what a crew member is shown before the dispatcher decides."""
    return True


class ConnectionLost(Exception):
    """The library did not get its connection back by itself."""


@dataclass(frozen=True, slots=True)
class SlackSettings:
    """How to reach Slack: `token` is the bot's (xoxb), `app_token` the app's (xapp) for Socket Mode."""

    token: str = field(repr=False)
    app_token: str = field(repr=False)
    base_url: str = "https://slack.com/api/"
    dark_pictures: bool = False
    longest_retry_s: float = 60.0
    patience_s: float = 60.0


@dataclass(slots=True)
class SlackChat:
    """One app. `run` connects, reconnects, and ends only when it is cancelled: the desk needs no chat.

    `knows` tells whether a request comes from the crew in an allowed place: others are shown no dialog box.
    """

    settings: SlackSettings
    handle: Handle
    registry: Registry
    drawing: Drawing
    wall_clock: Callable[[], int]
    placed: Placed = unplaced
    knows: Knows = everybody
    pace: Pace = field(default_factory=lambda: Pace(SLACK))
    platform: str = "slack"
    _sender: Sender | None = field(init=False, default=None)
    _home: Home = field(init=False, default_factory=Home)
    _underway: Underway = field(init=False, default_factory=Underway)

    async def run(self) -> None:
        """Stay connected; while Slack is away the desk goes on and notices wait."""
        wait_s = 1.0
        while True:
            handler: AsyncSocketModeHandler | None = None
            try:
                handler = await self._connected()
                wait_s = 1.0
                await self._watch(handler)
            except asyncio.CancelledError:
                await self._underway.close()
                raise
            except SlackApiError as error:
                if error_word(error) in REFUSED_TOKEN:
                    log.error("Slack refuses a token: the bot stays off until it is corrected")
                    await self._closed(handler)
                    await asyncio.Event().wait()
                log.warning("Slack is not reachable: %s; next try in %.0f s", error_word(error), wait_s)
            except (OSError, TimeoutError, ConnectionLost) as error:
                log.warning("Slack is not reachable: %s; next try in %.0f s", mask(str(error)), wait_s)
            except Exception as error:
                log.error("Slack failed; next try in %.0f s", wait_s, exc_info=error)
            finally:
                await self._closed(handler)
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, self.settings.longest_retry_s)

    async def say(self, chat_id: str, reply: Reply, silent: bool = False) -> str:
        """Send without being asked; Slack knows no silent messages. See Speaker."""
        sender, png = self._connected_sender(), await self._png(reply)
        return await self._told(chat_id, lambda: sender.send(chat_id, reply, png))

    async def amend(self, chat_id: str, message_id: str, reply: Reply) -> None:
        """Change what was said; see Speaker."""
        sender, png = self._connected_sender(), await self._png(reply)
        await self._told(chat_id, lambda: sender.update(chat_id, message_id, reply, png))

    async def event(self, body: Body) -> None:
        """A direct message or a mention."""
        request = self._reader().event(body)
        reply = await self.handle(request) if request else None
        if request and reply:
            await self._answer(request, reply, "")

    async def slash(self, body: Body) -> None:
        """A slash command."""
        request = self._reader().slash(body, self.wall_clock())
        reply = await self.handle(request)
        if reply:
            await self._answer(request, reply, word(body, "response_url"))

    async def press(self, body: Body, action: Body) -> None:
        """A pressed button or a choice in a menu; one that needs a text opens a box for it."""
        found = pressed(action)
        if found is None:
            return
        request = self._reader().press(body, action, found.button)
        if found.prompt:
            await self._open(request, found, word(body, "trigger_id"))
            return
        reply = await self.handle(request)
        if reply:
            is_hidden = part(body, "container").get("is_ephemeral") is True
            await self._answer(request, reply, word(body, "response_url"), is_hidden)

    async def filled(self, body: Body) -> None:
        """A submitted dialog box."""
        found = filled(part(body, "view"))
        if found is None:
            return
        request = self._reader().filled(body, *found, self.wall_clock())
        reply = await self.handle(request)
        if reply:
            await self._answer(request, reply, "")

    def begin(self, work: Any) -> None:
        """Answer beside everything else."""
        self._underway.begin(work)

    def _reader(self) -> Reader:
        return Reader(self._home, self.registry)

    def _connected_sender(self) -> Sender:
        if self._sender is None:
            raise PlatformDown("not connected")
        return self._sender

    async def _connected(self) -> AsyncSocketModeHandler:
        """Both tokens proven, the socket open. The library would try a refused token for ever."""
        base = self.settings.base_url
        client = AsyncWebClient(self.settings.token, base_url=base, timeout=_CALL_FOR_S, logger=log)
        who: Any = await client.auth_test()
        self._home = Home(
            str(who.get("team_id") or ""), str(who.get("enterprise_id") or ""), str(who.get("user_id") or "")
        )
        app = AsyncApp(client=client, logger=log, request_verification_enabled=False)
        listen(app, self)
        web = AsyncWebClient(base_url=base, timeout=_CALL_FOR_S, logger=log)
        handler = AsyncSocketModeHandler(app, self.settings.app_token, web_client=web, logger=log)
        try:
            handler.client.wss_uri = await handler.client.issue_new_wss_url()
            async with asyncio.timeout(self.settings.patience_s):
                await handler.client.connect()  # type: ignore[no-untyped-call]
        except BaseException:
            await self._closed(handler)
            raise
        self._sender = Sender(client, self.placed, self.pace)
        log.info("Slack connected as %s", who.get("user"))
        return handler

    async def _watch(self, handler: AsyncSocketModeHandler) -> None:
        """The library reconnects by itself; when it does not manage, everything is built anew."""
        lost_s = 0.0
        while lost_s < self.settings.patience_s:
            await asyncio.sleep(_CHECK_EVERY_S)
            lost_s = 0.0 if await handler.client.is_connected() else lost_s + _CHECK_EVERY_S
        raise ConnectionLost("the connection did not come back")

    async def _closed(self, handler: AsyncSocketModeHandler | None) -> None:
        self._sender = None
        if handler is None or handler.client.closed:
            return
        try:
            async with asyncio.timeout(_CHECK_EVERY_S):
                await handler.client.close()  # type: ignore[no-untyped-call]
        except Exception as error:  # noqa: BLE001 (whatever a dead connection says, it is over)
            log.warning("Slack did not close cleanly: %s", mask(str(error)))

    async def _open(self, request: Request, found: Pressed, trigger: str) -> None:
        """Open a box for the text that a button asks for."""
        if self._sender is None or not self.knows(request):
            return
        asked = Asked(found.button, request.chat_id, request.chat_kind, request.within, request.message_id)
        view: Any = box(found.prompt, asked)
        try:
            async with bounded(_DIALOG_FOR_S):
                await self._sender.client.views_open(trigger_id=trigger, view=view)
        except PlatformDown as down:
            log.warning("Slack did not open a box: %s", down)

    async def _answer(
        self, request: Request, reply: Reply, response_url: str, is_hidden: bool = False
    ) -> None:
        """What became of a request is told until it gets through, to those who may see it."""
        if reply.take_back and request.kind is RequestKind.TEXT and request.message_id:
            reply = replace(reply, text=f"{reply.text}\n{YOURS_TO_DELETE}".strip())
        png = await self._png(reply)
        aside = Aside(request.user_id, response_url)
        await insisted(
            lambda: self._told(
                request.chat_id,
                lambda: self._shown(self._connected_sender(), request, reply, png, aside, is_hidden),
            ),
            f"Slack: the answer to /{reply.name}",
        )

    async def _shown(
        self, sender: Sender, request: Request, reply: Reply, png: bytes | None, aside: Aside, is_hidden: bool
    ) -> str:
        """In place of the card, to the asker alone, or for all in the chat."""
        alone = request.chat_kind is ChatKind.GROUP and self._is_private(reply)
        if reply.in_place and is_hidden and aside.response_url:
            await sender.answer(reply, aside, replace_original=True, openly=False)
            sender.placed(reply, request.message_id)
            return request.message_id
        if reply.in_place and request.message_id and not alone and not is_hidden:
            return await sender.update(request.chat_id, request.message_id, reply, png)
        try:
            if alone:
                return await sender.whisper(request.chat_id, reply, png, aside)
            return await sender.send(request.chat_id, reply, png)
        except Refused as refused:
            if not refused_place(refused) or not aside.response_url:
                raise
            await sender.answer(reply, aside, replace_original=False, openly=not alone)
            return ""

    def _is_private(self, reply: Reply) -> bool:
        """Refusals, and what an admin's command answers, are seen by the asker alone."""
        command = self.registry.find(reply.name)
        is_admins = command is not None and command.role is Role.ADMIN
        return reply.private or is_admins or not reply.ok

    async def _told(self, chat_id: str, send: Callable[[], Awaitable[str]]) -> str:
        """The message's id; raises PlatformDown, and logs what Slack refuses for good."""
        try:
            return await send()
        except Refused as refused:
            log.error("Slack refuses a message for %s: %s", chat_id, refused)
            return ""

    async def _png(self, reply: Reply) -> bytes | None:
        if reply.image:
            return reply.image
        return await self.drawing.draw(reply.plot, self.settings.dark_pictures) if reply.plot else None
