"""The Telegram chat: takes updates to the dispatcher and replies to people. Translation only, no decisions.

Updates of edited messages, channels, inline queries and the like are not asked for, and refused again by the
dispatcher should the server send them (it remembers what an older version asked for).
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from telegram import (
    Bot,
    BotCommand,
    BotCommandScopeChat,
    Message,
    Update,
)
from telegram.error import BadRequest, Conflict, InvalidToken, NetworkError, RetryAfter, TelegramError
from telegram.ext import (
    AIORateLimiter,
    Application,
    CallbackQueryHandler,
    ContextTypes,
    MessageHandler,
    filters,
)

from bot.domain.notice import Notice, NoticeKind, Severity
from handlers.command import Role
from handlers.drawing import Drawing
from handlers.limiter import OncePer
from handlers.notices import PlatformDown
from handlers.platforms.telegram.render import alert_text
from handlers.platforms.telegram.request import message_request, press_request, split_place
from handlers.platforms.telegram.sender import Sender, quietly
from handlers.registry import Registry
from handlers.render_text import notice_reply
from handlers.session import Handle
from handlers.text import mask

log = logging.getLogger(__name__)
UPDATES = ["message", "callback_query"]
_ANSWER_WITHIN_S = 2.0
_HOUR_MS = 3_600_000
_MOST_MENU = 100


@dataclass(frozen=True, slots=True)
class TelegramSettings:
    """How to reach Telegram. `menus` are the chats that get a command menu, with the role it is made for."""

    token: str = field(repr=False)
    menus: Mapping[str, Role] = field(default_factory=dict)
    base_url: str = "https://api.telegram.org/bot"
    base_file_url: str = "https://api.telegram.org/file/bot"
    dark_pictures: bool = True
    longest_retry_s: float = 60.0


@dataclass(slots=True)
class TelegramChat:
    """One bot account. `run` connects, reconnects, and ends only when it is cancelled: the desk needs no chat."""

    settings: TelegramSettings
    handle: Handle
    registry: Registry
    drawing: Drawing
    wall_clock: Callable[[], int]
    platform: str = "telegram"
    _bot: Bot | None = field(init=False, default=None)
    _told: OncePer = field(init=False, default_factory=lambda: OncePer(_HOUR_MS))
    _tasks: set[asyncio.Task[None]] = field(init=False, default_factory=set)

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
                await self._close(application)
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, self.settings.longest_retry_s)

    async def send_notice(self, chat_id: str, notice: Notice, silent: bool) -> None:
        """Send a notice; a chat that refuses for good is logged, anything else is for the courier to retry."""
        if self._bot is None:
            raise PlatformDown("not connected")
        try:
            await self._sender(self._bot).send(chat_id, notice_reply(notice), silent)
        except RetryAfter as error:
            raise PlatformDown("too many messages", _seconds(error)) from error
        except BadRequest as error:
            log.error("Telegram refuses a notice for chat %s: %s", chat_id, mask(str(error)))
        except NetworkError as error:
            raise PlatformDown(mask(str(error))) from error
        except TelegramError as error:
            log.error("Telegram refuses a notice for chat %s: %s", chat_id, mask(str(error)))

    def _application(self) -> Application[Any, Any, Any, Any, Any, Any]:
        application: Application[Any, Any, Any, Any, Any, Any] = (
            Application.builder()
            .token(self.settings.token)
            .base_url(self.settings.base_url)
            .base_file_url(self.settings.base_file_url)
            .rate_limiter(AIORateLimiter(max_retries=2))
            .concurrent_updates(True)  # a close that takes a minute must not keep a panic waiting
            .get_updates_connection_pool_size(4)  # with one, stopping waits for the long poll
            .job_queue(None)
            .build()
        )
        application.add_handler(MessageHandler(filters.UpdateType.MESSAGE & filters.TEXT, self._message))
        application.add_handler(CallbackQueryHandler(self._press))
        application.add_error_handler(_log_error)
        return application

    async def _stay(self, application: Application[Any, Any, Any, Any, Any, Any]) -> None:
        await application.initialize()
        await self._show_menus(application.bot)
        updater = application.updater
        if updater is None:
            raise AssertionError("the application was built with an updater")
        await updater.start_polling(allowed_updates=UPDATES, error_callback=self._polling_error)
        await application.start()
        self._bot = application.bot
        log.info("Telegram connected as @%s", application.bot.username)
        await asyncio.Event().wait()

    async def _close(self, application: Application[Any, Any, Any, Any, Any, Any]) -> None:
        try:
            if application.updater is not None and application.updater.running:
                await application.updater.stop()
            if application.running:
                await application.stop()
            await application.shutdown()
        except TelegramError as error:
            log.warning("Telegram did not close cleanly: %s", mask(str(error)))

    async def _show_menus(self, bot: Bot) -> None:
        """What each chat's person may do; strangers see no menu."""
        await bot.delete_my_commands()
        for chat_id, role in self.settings.menus.items():
            allowed = self.registry.allowed(role)[:_MOST_MENU]
            commands = [BotCommand(command.name, command.help) for command in allowed]
            try:
                await bot.set_my_commands(commands, scope=BotCommandScopeChat(split_place(chat_id)[0]))
            except BadRequest as error:
                log.info("no menu for chat %s yet: %s", chat_id, mask(str(error)))

    def _sender(self, bot: Bot) -> Sender:
        return Sender(bot, self.drawing, self.settings.dark_pictures)

    async def _message(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        request = message_request(update, context.bot.username)
        reply = await self.handle(request) if request else None
        if request and reply:
            await self._sender(context.bot).send(request.chat_id, reply)

    async def _press(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Answer the press in time, then show what became of it."""
        request, query = press_request(update, self.wall_clock()), update.callback_query
        if request is None or query is None:
            return
        task = asyncio.ensure_future(self.handle(request))
        await asyncio.wait({task}, timeout=_ANSWER_WITHIN_S)
        alert = alert_text(reply) if task.done() and (reply := task.result()) else None
        await quietly(query.answer(alert, show_alert=alert is not None))
        reply = await task
        if reply and not alert:
            card = query.message if isinstance(query.message, Message) else None
            await self._sender(context.bot).show(request.chat_id, reply, card)

    def _polling_error(self, error: TelegramError) -> None:
        """Polling goes on by itself; a second poller with our token is told to the admins once an hour."""
        log.warning("Telegram polling: %s: %s", type(error).__name__, mask(str(error)))
        if isinstance(error, Conflict) and self._told.due("conflict", self.wall_clock()):
            task = asyncio.create_task(self._tell_conflict())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _tell_conflict(self) -> None:
        fields = (("what to do", "stop the other process, or make a new token if you know of none"),)
        title = "Another process reads this bot's messages"
        notice = Notice(NoticeKind.STREAM, Severity.CRITICAL, self.wall_clock(), title, fields)
        for chat_id, role in self.settings.menus.items():
            if role is Role.ADMIN:
                await quietly(self.send_notice(chat_id, notice, False))


async def _log_error(update: object, context: ContextTypes.DEFAULT_TYPE) -> None:
    """A reply that could not be sent; what it told is in the audit."""
    error = context.error
    log.error("Telegram: %s: %s", type(error).__name__, mask(str(error)))


def _seconds(error: RetryAfter) -> float:
    wait = error.retry_after
    return float(wait) if isinstance(wait, int) else wait.total_seconds()


def _quiet_http_logs() -> None:
    """The token is part of every address: httpx would log it."""
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
