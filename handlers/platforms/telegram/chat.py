"""The Telegram chat: takes updates to the dispatcher and replies to people. Translation only, no decisions.

Updates of edited messages, channels, inline queries and the like are not asked for, and refused again by the
dispatcher should the server send them (it remembers what an older version asked for). Every update is answered by a
task of its own: a slow chart keeps no panic waiting.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from telegram import Bot, ChatMemberUpdated, Message, Update
from telegram.error import ChatMigrated, Conflict, InvalidToken, TelegramError
from telegram.ext import (
    Application,
    CallbackQueryHandler,
    ChatMemberHandler,
    ContextTypes,
    MessageHandler,
    filters,
)

from bot.domain.notice import Notice
from handlers.command import Role
from handlers.drawing import Drawing
from handlers.insisting import Underway, insisted
from handlers.legible import legible
from handlers.limiter import OncePer
from handlers.pace import TELEGRAM, Pace
from handlers.placing import Placed, unplaced
from handlers.platforms.telegram.menus import Menus
from handlers.platforms.telegram.queue import PatientQueue
from handlers.platforms.telegram.render import alert_text
from handlers.platforms.telegram.request import message_request, press_request
from handlers.platforms.telegram.sender import Sender, moved, quietly, translated
from handlers.platforms.telegram.trouble import added, conflict, is_present, is_whole
from handlers.registry import Registry
from handlers.render_text import notice_reply
from handlers.reply import Reply
from handlers.request import ChatKind, Request, RequestKind
from handlers.session import Handle
from handlers.speaker import PlatformDown
from handlers.text import mask

log = logging.getLogger(__name__)
UPDATES = ["message", "callback_query", "my_chat_member"]
ASIDE = Reply("Answered in private", text="Only you see it, in your own chat with me.")
ASIDE_FAILED = Reply(
    "Not answered here",
    text="This is for you alone: open a chat with me, press Start and ask there.",
    ok=False,
)
YOURS_TO_DELETE = "Your message holds a secret and I may not delete it: delete it yourself."
_ANSWER_WITHIN_S = 2.0
_CLOSE_WITHIN_S = 10.0
_HOUR_MS = 3_600_000

type App = Application[Any, Any, Any, Any, Any, Any]
type Alarm = Callable[[Notice], None]


@dataclass(frozen=True, slots=True)
class TelegramSettings:
    """How to reach Telegram. `menus` are the private chats that get a command menu, with the role it is made for.

    `chats` are the groups, topics ("group/topic") and channels in which the bot may be; it leaves others.
    """

    token: str = field(repr=False)
    menus: Mapping[str, Role] = field(default_factory=dict)
    base_url: str = "https://api.telegram.org/bot"
    base_file_url: str = "https://api.telegram.org/file/bot"
    dark_pictures: bool = True
    longest_retry_s: float = 60.0
    chats: frozenset[str] = frozenset()

    def may_be_in(self, chat_id: str) -> bool:
        """True when the chat, or a topic of it, is among those allowed."""
        return any(place.partition("/")[0] == chat_id for place in self.chats)


@dataclass(slots=True)
class TelegramChat:
    """One bot account. `run` connects, reconnects, and ends only when it is cancelled: the desk needs no chat.

    `placed` hears where buttons are; `alarm` tells people on every platform, without it Telegram's admins are told.
    """

    settings: TelegramSettings
    handle: Handle
    registry: Registry
    drawing: Drawing
    wall_clock: Callable[[], int]
    placed: Placed = unplaced
    alarm: Alarm | None = None
    pace: Pace = field(default_factory=lambda: Pace(TELEGRAM))
    platform: str = "telegram"
    _bot: Bot | None = field(init=False, default=None)
    _menus: Menus = field(init=False)
    _told_once: OncePer = field(init=False, default_factory=lambda: OncePer(_HOUR_MS))
    _underway: Underway = field(init=False, default_factory=Underway)
    _queue: PatientQueue = field(init=False, default_factory=PatientQueue)

    def __post_init__(self) -> None:
        """The menus of the configuration."""
        self._menus = Menus(self.registry, dict(self.settings.menus))

    async def run(self) -> None:
        """Stay connected; while Telegram is away the desk goes on and notices wait."""
        _quiet_http_logs()
        wait_s = 1.0
        while True:
            application = self._application()
            try:
                await self._stay(application)
            except InvalidToken:
                log.error("Telegram refuses the token: the bot stays off until it is corrected")
                await asyncio.Event().wait()
            except TelegramError as error:
                log.warning("Telegram is not reachable: %s; next try in %.0f s", mask(str(error)), wait_s)
            except Exception as error:
                log.error("Telegram failed; next try in %.0f s", wait_s, exc_info=error)
            finally:
                wait_s = 1.0 if self._bot else wait_s
                self._bot = None
                await self._underway.close()
                await self._close(application)
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, self.settings.longest_retry_s)

    async def say(self, chat_id: str, reply: Reply, silent: bool = False) -> str:
        """Send without being asked; see Speaker."""
        sender = self._sender(self._connected())
        return await self._told(chat_id, lambda place: sender.send(place, reply, silent))

    async def amend(self, chat_id: str, message_id: str, reply: Reply) -> None:
        """Change what was said; see Speaker."""
        sender = self._sender(self._connected())
        await self._told(chat_id, lambda place: sender.amend(place, message_id, reply))

    async def renew_menus(self, roles: Mapping[str, Role]) -> None:
        """Access has changed: the command menus of private chats, by user id."""
        await self._menus.renew(self._bot, roles)

    def _connected(self) -> Bot:
        if self._bot is None:
            raise PlatformDown("not connected")
        return self._bot

    async def _told(self, chat_id: str, send: Callable[[str], Awaitable[str]]) -> str:
        """The message's id; raises PlatformDown, and logs what Telegram refuses for good."""
        try:
            async with translated():
                return await send(chat_id)
        except ChatMigrated as error:
            place = moved(error, chat_id)
        except TelegramError as error:
            log.error("Telegram refuses a message for chat %s: %s", chat_id, mask(str(error)))
            return ""
        return await self._told(place, send)

    def _application(self) -> App:
        application: App = (
            Application.builder()
            .token(self.settings.token)
            .base_url(self.settings.base_url)
            .base_file_url(self.settings.base_file_url)
            .update_queue(self._queue)
            .concurrent_updates(True)  # a close that takes a minute must not keep a panic waiting
            .get_updates_connection_pool_size(4)  # with one, stopping waits for the long poll
            .job_queue(None)
            .build()
        )
        application.add_handler(MessageHandler(filters.UpdateType.MESSAGE & filters.TEXT, self._on_message))
        application.add_handler(CallbackQueryHandler(self._on_press))
        application.add_handler(ChatMemberHandler(self._on_membership, ChatMemberHandler.MY_CHAT_MEMBER))
        application.add_error_handler(_log_error)
        return application

    async def _stay(self, application: App) -> None:
        await application.initialize()
        await self._menus.show(application.bot)
        updater = application.updater
        if updater is None:
            raise AssertionError("the application was built with an updater")
        await updater.start_polling(allowed_updates=UPDATES, error_callback=self._polling_error)
        await application.start()
        self._bot = application.bot
        log.info("Telegram connected as @%s", application.bot.username)
        await asyncio.Event().wait()

    async def _close(self, application: App) -> None:
        try:
            async with asyncio.timeout(_CLOSE_WITHIN_S):
                if application.updater is not None and application.updater.running:
                    await application.updater.stop()
                if application.running:
                    await application.stop()
                await application.shutdown()
        except (TelegramError, TimeoutError) as error:
            log.warning("Telegram did not close cleanly: %s", mask(str(error)))

    def _sender(self, bot: Bot) -> Sender:
        return Sender(bot, self.drawing, self.settings.dark_pictures, self.placed, self.pace)

    async def _on_message(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        self._underway.begin(self._claiming(update, self._message(update, context)))

    async def _on_press(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        self._underway.begin(self._claiming(update, self._press(update, context)))

    async def _on_membership(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        if update.my_chat_member is not None and is_whole(update.my_chat_member):
            self._underway.begin(self._membership(update.my_chat_member, context.bot))

    async def _claiming(self, update: Update, work: Coroutine[None, None, None]) -> None:
        """Do it; when it is done with, whatever became of it, Telegram may forget the update."""
        try:
            await work
        finally:
            self._queue.claimed(update.update_id)()

    async def _message(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        request = legible(lambda: message_request(update, context.bot.username))
        if request is not None:
            request = replace(request, taken=self._queue.claimed(update.update_id))
        reply = await self.handle(request) if request else None
        if request and reply:
            await self._answer(context.bot, request, reply, None)

    async def _press(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Answer the press in time, then show what became of it."""
        request, query = legible(lambda: press_request(update, self.wall_clock())), update.callback_query
        if request is None or query is None:
            return
        request = replace(request, taken=self._queue.claimed(update.update_id))
        task = asyncio.ensure_future(self.handle(request))
        await asyncio.wait({task}, timeout=_ANSWER_WITHIN_S)
        alert = alert_text(reply) if task.done() and (reply := task.result()) else None
        await quietly(query.answer(alert, show_alert=alert is not None))
        reply = await task
        if reply and not alert:
            card = query.message if isinstance(query.message, Message) else None
            await self._answer(context.bot, request, reply, card)

    async def _answer(self, bot: Bot, request: Request, reply: Reply, card: Message | None) -> None:
        """What became of a request is told until it gets through."""
        if reply.take_back and request.kind is RequestKind.TEXT and not await self._taken_back(bot, request):
            reply = replace(reply, text=f"{reply.text}\n{YOURS_TO_DELETE}".strip())
        if reply.private and request.chat_kind is ChatKind.GROUP:
            reply, card = await self._aside(bot, request, reply), None
        sender = self._sender(bot)
        await insisted(
            lambda: self._told(request.chat_id, lambda place: sender.show(place, reply, card)),
            f"Telegram: the answer to /{reply.name}",
        )

    async def _taken_back(self, bot: Bot, request: Request) -> bool:
        """Delete the asker's own message; True when it is gone."""
        return not request.message_id or await quietly(
            bot.delete_message(request.chat_id.partition("/")[0], int(request.message_id))
        )

    async def _aside(self, bot: Bot, request: Request, reply: Reply) -> Reply:
        """Tell the asker alone; answers what the group gets to see. Buttons work only in the chat they are made for."""
        alone = replace(reply, buttons=(), expects="", private=False)
        sender = self._sender(bot)
        found = await insisted(
            lambda: self._told(request.user_id, lambda place: sender.send(place, alone)),
            f"Telegram: the private answer to /{reply.name}",
        )
        return replace(ASIDE if found else ASIDE_FAILED, name=reply.name)

    async def _membership(self, change: ChatMemberUpdated, bot: Bot) -> None:
        """Somebody added the bot to a chat: one that is not allowed is left, and people are told once an hour."""
        place = str(change.chat.id)
        if not is_present(change) or self.settings.may_be_in(place):
            return
        await quietly(bot.leave_chat(change.chat.id))
        log.warning("Telegram: left the chat %s, which is not allowed", place)
        if self._told_once.due(f"added {place}", self.wall_clock()):
            await self._ring(added(change, self.wall_clock()))

    def _polling_error(self, error: TelegramError) -> None:
        """Polling goes on by itself; a second poller with our token is told once an hour."""
        log.warning("Telegram polling: %s: %s", type(error).__name__, mask(str(error)))
        if isinstance(error, Conflict) and self._told_once.due("conflict", self.wall_clock()):
            self._underway.begin(self._ring(conflict(self.wall_clock())))

    async def _ring(self, notice: Notice) -> None:
        """People of every platform; without an alarm the admins here."""
        if self.alarm is not None:
            self.alarm(notice)
            return
        for user in self._menus.admins():
            try:
                await self.say(user, notice_reply(notice))
            except PlatformDown as down:
                log.warning("Telegram: an admin could not be told %r: %s", notice.title, down)


async def _log_error(update: object, context: ContextTypes.DEFAULT_TYPE) -> None:
    """A reply that could not be sent; what it told is in the audit."""
    error = context.error
    log.error("Telegram: %s: %s", type(error).__name__, mask(str(error)))


def _quiet_http_logs() -> None:
    """The token is part of every address: httpx would log it."""
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
