"""Sending replies through a bot: pictures, pages, files, edits; tried again after an outage of seconds."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from telegram import Bot, ForceReply, InlineKeyboardMarkup, InputMediaPhoto, LinkPreviewOptions, Message
from telegram.constants import ParseMode
from telegram.error import BadRequest, ChatMigrated, NetworkError, RetryAfter, TelegramError, TimedOut

from handlers.drawing import Drawing
from handlers.pace import UNPACED, Pace
from handlers.picking import chunks
from handlers.placing import Placed, unplaced
from handlers.platforms.telegram.render import (
    CAPTION_LENGTH,
    MOST_BUTTONS,
    PLACEHOLDER_LENGTH,
    html_pages,
    keyboard,
    plain_pages,
    utf16_length,
)
from handlers.platforms.telegram.request import split_place
from handlers.reply import Attachment, Button, Reply
from handlers.speaker import NOT_TAKEN, PlatformDown, without_files
from handlers.text import clean, mask

log = logging.getLogger(__name__)
CALL_WITHIN_S = 30.0
"""Every call ends by then, whatever Telegram does; pictures and files may take long on a poor network."""

_WAITS_S = (1, 2)
_SHORT_PAUSE_S = 5.0
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
_GROUP = "-"
"""Ids of groups and channels are negative."""

type Markup = InlineKeyboardMarkup | ForceReply


@dataclass(frozen=True, slots=True)
class Sheet:
    """A reply ready to be sent: its pages of HTML, its picture, its buttons in portions that a message can hold."""

    reply: Reply
    pages: list[str]
    png: bytes | None
    keys: tuple[tuple[Button, ...], ...]

    @property
    def is_caption(self) -> bool:
        """True when the text fits below the picture."""
        return self.png is not None and len(self.pages) == 1 and utf16_length(self.pages[0]) <= CAPTION_LENGTH

    @property
    def is_one(self) -> bool:
        """True when a single message holds all of it."""
        return (
            self.reply.file is None
            and not self.reply.expects
            and len(self.keys) <= 1
            and (len(self.pages) == 1 if self.png is None else self.is_caption)
        )


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends replies to chats and topics at the platform's pace; `placed` hears on which message buttons hang."""

    bot: Bot
    drawing: Drawing
    dark: bool
    placed: Placed = unplaced
    pace: Pace = field(default_factory=lambda: Pace(UNPACED))

    async def show(self, chat_id: str, reply: Reply, card: Message | None) -> str:
        """In place of the card where that is possible; an answered card loses its buttons anyway."""
        if card is None or not reply.in_place:
            return await self.send(chat_id, reply)
        sheet = await self._sheet(reply)
        same_kind = bool(card.text) == (sheet.png is None)
        if same_kind and await self._changed(chat_id, card.message_id, sheet):
            return str(card.message_id)
        await quietly(self.bot.edit_message_reply_markup(split_place(chat_id)[0], card.message_id))
        return await self._sent(chat_id, sheet, False)

    async def amend(self, chat_id: str, message_id: str, reply: Reply) -> str:
        """A message of ours that shows this from now on; what cannot be edited is sent anew. Answers its id."""
        sheet = await self._sheet(reply)
        if message_id.isdigit() and await self._changed(chat_id, int(message_id), sheet):
            return message_id
        return await self._sent(chat_id, sheet, True)

    async def send(self, chat_id: str, reply: Reply, silent: bool = False) -> str:
        """All of a reply; answers the id of the message with its last page and first buttons."""
        return await self._sent(chat_id, await self._sheet(reply), silent)

    async def _sheet(self, reply: Reply) -> Sheet:
        png = reply.image or (await self.drawing.draw(reply.plot, self.dark) if reply.plot else None)
        return Sheet(reply, html_pages(reply), png or None, tuple(chunks(reply.buttons, MOST_BUTTONS)))

    async def _changed(self, chat_id: str, message_id: int, sheet: Sheet) -> bool:
        """Edit a message into this; False when that cannot be."""
        if not sheet.is_one:
            return False
        markup = keyboard(sheet.reply.buttons)
        where: dict[str, Any] = {"chat_id": split_place(chat_id)[0], "message_id": message_id}
        try:
            await self._tried(chat_id, lambda: self._edit(sheet, {**where, "reply_markup": markup}))
        except BadRequest as error:
            if "not modified" not in str(error):
                log.info("Telegram does not edit a message: %s", mask(str(error)))
                return False
        self._note(sheet.reply, sheet.reply.buttons, str(message_id))
        return True

    def _edit(self, sheet: Sheet, where: Mapping[str, Any]) -> Awaitable[object]:
        page = sheet.pages[0]
        if sheet.png is None:
            how: dict[str, Any] = {"parse_mode": ParseMode.HTML, "link_preview_options": _NO_PREVIEW}
            return self.bot.edit_message_text(page, **where, **how)
        photo = InputMediaPhoto(sheet.png, caption=page, parse_mode=ParseMode.HTML)
        return self.bot.edit_message_media(photo, **where)

    async def _sent(self, chat_id: str, sheet: Sheet, silent: bool) -> str:
        chat, topic = split_place(chat_id)
        where: dict[str, Any] = {"chat_id": chat, "message_thread_id": topic, "disable_notification": silent}
        try:
            found = await self._out(sheet, where, ParseMode.HTML)
        except BadRequest as error:
            found = await self._otherwise(error, sheet, where)
        if sheet.reply.file is not None:
            await self._file(sheet.reply.file, where)
        return found

    async def _otherwise(self, error: BadRequest, sheet: Sheet, where: Mapping[str, Any]) -> str:
        """What Telegram refused, without what it may have been refused for: our markup, or the picture."""
        log.warning("Telegram refused a message: %s", mask(str(error)))
        if "parse" in str(error):
            return await self._out(replace(sheet, pages=plain_pages(sheet.reply)), where, None)
        if sheet.png is None:
            raise error
        pages = html_pages(without_files(sheet.reply))
        return await self._out(replace(sheet, png=None, pages=pages), where, ParseMode.HTML)

    async def _out(self, sheet: Sheet, where: Mapping[str, Any], mode: ParseMode | None) -> str:
        """Picture, pages, further buttons, the field to answer in."""
        how = {**where, "parse_mode": mode}
        found, pages = "", list(sheet.pages)
        if sheet.is_caption:
            found = await self._photo(sheet, {**how, "caption": pages.pop()}, sheet.keys)
        elif sheet.png is not None:
            await self._photo(sheet, how, ())
        for number, page in enumerate(pages, 1):
            keys = sheet.keys[:1] if number == len(pages) else ()
            found = await self._text(sheet.reply, page, keys, how)
        for portion in sheet.keys[1:]:
            await self._text(sheet.reply, "more:", (portion,), how)
        if (
            sheet.reply.expects
            and (sheet.keys or sheet.is_caption)
            and str(where["chat_id"]).startswith(_GROUP)
        ):
            await self._field(sheet.reply, where)
        return found

    async def _photo(self, sheet: Sheet, how: Mapping[str, Any], keys: Sequence[tuple[Button, ...]]) -> str:
        markup = keyboard(keys[0]) if keys else None
        sent = await self._paced(
            how, lambda: self.bot.send_photo(photo=sheet.png or b"", reply_markup=markup, **how)
        )
        return self._note(sheet.reply, keys[0] if keys else (), str(sent.message_id))

    async def _text(
        self, reply: Reply, page: str, keys: Sequence[tuple[Button, ...]], how: Mapping[str, Any]
    ) -> str:
        buttons = keys[0] if keys else ()
        markup: Markup | None = keyboard(buttons)
        if markup is None and reply.expects:
            markup = _answer_field(reply)
        sent = await self._paced(
            how,
            lambda: self.bot.send_message(
                text=page, reply_markup=markup, link_preview_options=_NO_PREVIEW, **how
            ),
        )
        return self._note(reply, buttons, str(sent.message_id))

    async def _field(self, reply: Reply, where: Mapping[str, Any]) -> None:
        """In a group a bot hears only answers to its own messages, so there has to be one without buttons."""
        text = clean(reply.expects)
        await self._paced(
            where, lambda: self.bot.send_message(text=text, reply_markup=_answer_field(reply), **where)
        )

    async def _file(self, file: Attachment, where: Mapping[str, Any]) -> None:
        """After the words, which are not said again when Telegram refuses it."""
        try:
            await self._paced(
                where, lambda: self.bot.send_document(document=file.content, filename=file.name, **where)
            )
        except BadRequest as error:
            log.warning("Telegram refused the file %s: %s", file.name, mask(str(error)))
            await self._paced(where, lambda: self.bot.send_message(text=NOT_TAKEN, **where))

    async def _paced[R](self, where: Mapping[str, Any], send: Callable[[], Awaitable[R]]) -> R:
        return await self._tried(str(where["chat_id"]), send)

    async def _tried[R](self, chat_id: str, send: Callable[[], Awaitable[R]]) -> R:
        """Send in turn, again after an outage or a pause of seconds; what Telegram refuses is not tried again."""
        for wait_s in _WAITS_S:
            await self.pace.turn(chat_id)
            try:
                return await bounded(send)
            except RetryAfter as error:
                self.pace.hold(_seconds(error), chat_id)
                if _seconds(error) > _SHORT_PAUSE_S:
                    raise
                await asyncio.sleep(_seconds(error))
            except BadRequest:
                raise
            except NetworkError:
                await asyncio.sleep(wait_s)
        await self.pace.turn(chat_id)
        return await bounded(send)

    def _note(self, reply: Reply, buttons: tuple[Button, ...], message_id: str) -> str:
        if buttons:
            self.placed(replace(reply, buttons=buttons), message_id)
        return message_id


def _answer_field(reply: Reply) -> ForceReply:
    words = clean(reply.expects)[:PLACEHOLDER_LENGTH]
    return ForceReply(input_field_placeholder=words or None)


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """What keeps a message from going out now becomes PlatformDown; what Telegram refuses for good stays as it is."""
    try:
        yield
    except RetryAfter as error:
        raise PlatformDown("too many messages", _seconds(error)) from error
    except BadRequest:
        raise
    except NetworkError as error:
        raise PlatformDown(mask(str(error))) from error


async def bounded[R](send: Callable[[], Awaitable[R]]) -> R:
    """One call that ends in time."""
    try:
        async with asyncio.timeout(CALL_WITHIN_S):
            return await send()
    except TimeoutError as error:
        raise TimedOut("no answer in time") from error


async def quietly(call: Awaitable[object]) -> bool:
    """Do what may fail without harm (a press too old to answer, a card that already looks so); True when it worked."""
    try:
        await call
    except (TelegramError, PlatformDown) as error:
        log.info("Telegram: %s", mask(str(error)))
        return False
    return True


def moved(error: ChatMigrated, chat_id: str) -> str:
    """The group's new id after it became a supergroup; said in the log, since the configuration has the old one."""
    place = str(error.new_chat_id)
    log.error("the Telegram group %s has become %s: change it in config.yaml", chat_id, place)
    return place


def _seconds(error: RetryAfter) -> float:
    wait = error.retry_after
    return float(wait) if isinstance(wait, int) else wait.total_seconds()
