"""Plain words to Telegram chats by a bot that only speaks: the watchdog's voice. Knows nothing of the desk."""

import logging
from collections.abc import Awaitable
from types import TracebackType
from typing import Self

from telegram import Bot
from telegram.error import BadRequest, Forbidden, InvalidToken, RetryAfter, TelegramError

log = logging.getLogger(__name__)


class TokenRefused(Exception):
    """Telegram does not know the token."""


class ChatRefused(Exception):
    """Telegram does not know the chat, or the bot may not write there."""


class NotReached(Exception):
    """Telegram could not be reached; `retry_after_s` is what it asked for, 0 when it did not say."""

    def __init__(self, retry_after_s: float = 0) -> None:
        """Without the library's words: they may hold the address."""
        super().__init__("Telegram cannot be reached")
        self.retry_after_s = retry_after_s


class TelegramAlarm:
    """A bot that says plain text. Use it as an async context manager, then `check` it."""

    def __init__(self, token: str, api_url: str = "") -> None:
        """`api_url` is another Bot API server than Telegram's own."""
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)  # the token is part of every address
        try:
            self._bot = Bot(token, base_url=f"{api_url}/bot") if api_url else Bot(token)
        except InvalidToken:
            raise TokenRefused from None

    async def __aenter__(self) -> Self:
        """Open the connections; nothing is asked yet."""
        await self._bot.request.initialize()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close them."""
        await self._bot.request.shutdown()

    async def check(self, chat_id: str) -> None:
        """Ask for a chat. Raises TokenRefused, ChatRefused, NotReached."""
        await self._asked(self._bot.get_chat(int(chat_id)))

    async def say(self, chat_id: str, text: str) -> None:
        """Say it, with a sound. Raises TokenRefused, ChatRefused, NotReached."""
        await self._asked(self._bot.send_message(int(chat_id), text))

    async def _asked(self, call: Awaitable[object]) -> None:
        try:
            await call
        except InvalidToken:
            raise TokenRefused from None
        except (BadRequest, Forbidden):
            raise ChatRefused from None
        except RetryAfter as error:
            wait = error.retry_after
            raise NotReached(wait if isinstance(wait, int) else wait.total_seconds()) from None
        except TelegramError as error:
            log.warning("Telegram: %s", type(error).__name__)
            raise NotReached from None
