"""Sending replies through a bot: pictures, pages, files, edits; tried again after an outage of seconds."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from telegram import Bot, InlineKeyboardMarkup, LinkPreviewOptions, Message
from telegram.constants import ParseMode
from telegram.error import BadRequest, NetworkError, RetryAfter, TelegramError

from handlers.drawing import Drawing
from handlers.notices import PlatformDown
from handlers.platforms.telegram.render import CAPTION_LENGTH, html_pages, keyboard, plain_pages, utf16_length
from handlers.platforms.telegram.request import split_place
from handlers.reply import Attachment, Reply
from handlers.text import mask

log = logging.getLogger(__name__)
_WAITS_S = (1, 2)
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends replies to chats and topics."""

    bot: Bot
    drawing: Drawing
    dark: bool

    async def show(self, chat_id: str, reply: Reply, card: Message | None) -> None:
        """In place of the card where that is possible; an answered card loses its buttons anyway."""
        pages = html_pages(reply)
        if card is None or not reply.in_place:
            await self.send(chat_id, reply)
        elif card.text and len(pages) == 1 and not reply.plot and not reply.file:
            await self._edit(chat_id, reply, card, pages[0])
        else:
            await quietly(card.edit_reply_markup(None))
            await self.send(chat_id, reply)

    async def _edit(self, chat_id: str, reply: Reply, card: Message, page: str) -> None:
        """A card that cannot be edited gets its answer below."""
        how: dict[str, Any] = {"parse_mode": ParseMode.HTML, "link_preview_options": _NO_PREVIEW}
        try:
            await tried(lambda: card.edit_text(page, reply_markup=keyboard(reply.buttons), **how))
        except BadRequest as error:
            if "not modified" not in str(error):
                await self.send(chat_id, reply)

    async def send(self, chat_id: str, reply: Reply, silent: bool = False) -> None:
        """All of a reply: picture, pages, file; the buttons hang on its last text."""
        chat, topic = split_place(chat_id)
        where: dict[str, Any] = {"chat_id": chat, "message_thread_id": topic, "disable_notification": silent}
        pages = await self._picture(reply, where)
        try:
            await self._texts(pages, keyboard(reply.buttons), {**where, "parse_mode": ParseMode.HTML})
        except BadRequest as error:
            if "parse" not in str(error):
                raise
            log.warning("Telegram could not read our markup: %s", mask(str(error)))
            await self._texts(plain_pages(reply), keyboard(reply.buttons), where)
        if reply.file is not None:
            await self._file(reply.file, where)

    async def _picture(self, reply: Reply, where: dict[str, Any]) -> list[str]:
        """Send the picture, with the text below it when it fits; returns the pages that are left."""
        pages = html_pages(reply)
        png = await self.drawing.draw(reply.plot, self.dark) if reply.plot else None
        if png is None:
            return pages
        if len(pages) > 1 or utf16_length(pages[0]) > CAPTION_LENGTH:
            await tried(lambda: self.bot.send_photo(photo=png, **where))
            return pages
        how = {
            **where,
            "caption": pages[0],
            "parse_mode": ParseMode.HTML,
            "reply_markup": keyboard(reply.buttons),
        }
        await tried(lambda: self.bot.send_photo(photo=png, **how))
        return []

    async def _file(self, file: Attachment, where: dict[str, Any]) -> None:
        await tried(lambda: self.bot.send_document(document=file.content, filename=file.name, **where))

    async def _texts(
        self, pages: list[str], markup: InlineKeyboardMarkup | None, how: dict[str, Any]
    ) -> None:
        for number, page in enumerate(pages, 1):
            last = markup if number == len(pages) else None
            await tried(self._text(page, last, how))

    def _text(
        self, page: str, markup: InlineKeyboardMarkup | None, how: dict[str, Any]
    ) -> Callable[[], Awaitable[object]]:
        return lambda: self.bot.send_message(
            text=page, reply_markup=markup, link_preview_options=_NO_PREVIEW, **how
        )


async def tried(send: Callable[[], Awaitable[object]]) -> None:
    """Send, again after an outage of seconds; what Telegram refuses is not tried again."""
    for wait_s in _WAITS_S:
        try:
            await send()
        except (BadRequest, RetryAfter):
            raise
        except NetworkError:
            await asyncio.sleep(wait_s)
        else:
            return
    await send()


async def quietly(call: Awaitable[object]) -> None:
    """Do what may fail without harm: a press too old to answer, a card that already looks so."""
    try:
        await call
    except (TelegramError, PlatformDown) as error:
        log.info("Telegram: %s", mask(str(error)))
